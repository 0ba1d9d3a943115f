"""The addon's Windows runtime under Wine: a python.exe around it, with pytest and what the tests import."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sysconfig
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cross import OUTPUT, fetch, python_folder, zig

from tests.godot_process import ROOT
from tests.platforms.built import need

LIB = OUTPUT / "windows.x86_64/lib"
WORK = ROOT / "build/wine"
PACKAGES = WORK / "packages"
PYTHON = WORK / "python.exe"
# Of each process of a run in several (pytest-xdist) its own: what one of them ends is that of no other.
PREFIX = WORK / f"prefix{os.environ.get('PYTEST_XDIST_WORKER', '')}"
HERE = Path(__file__).parent
LOCK = ROOT / "requirements.lock"
EXPORT = re.compile(r"^EXPORT_(FUNC|DATA)\((\w+)\)", re.MULTILINE)
# What tests/ws_python imports beside what the addon ships.
NEEDED = (
    *("pytest", "pytest-timeout", "pluggy", "iniconfig", "packaging", "pygments", "colorama"),
    *("hypothesis", "sortedcontainers", "trustme", "cryptography", "cffi", "pycparser", "typing-extensions"),
)
# Of the standard library, what pytest imports and the addon leaves out.
NEEDED_MODULES = ("doctest.py", "pdb.py")
# What Wine 8 says when its server, which has all sockets, finds a fault of its own over a closed one, and ends.
FAULT = re.compile(r"wineserver\d*: \S+\.c:\d+: .*Assertion .* failed")


class WineError(Exception):
    """Wine itself has ended, with all that it ran."""


def prepare() -> None:
    """Make python.exe with what belongs beside it, and fetch the packages, unless they are there."""
    WORK.mkdir(parents=True, exist_ok=True)
    (WORK / ".gdignore").touch()
    with open(WORK / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Until it is closed.
        _prepare()


def _prepare() -> None:
    wanted = "\n".join(fetch.pinned(package, LOCK) for package in NEEDED)
    stamp = PACKAGES / "fetched.txt"
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(PACKAGES, ignore_errors=True)
        tags = ["--platform=win_amd64", "--python-version=3.11", "--implementation=cp"]
        abis = [f"--abi={abi}" for abi in ("cp311", "abi3", "none")]
        # A requirement's condition would be asked of this machine.
        requirements = re.sub(r" ;[^\\\n]*", "", wanted)
        fetch._pip("install", f"--target={PACKAGES}", *tags, *abis, requirements=requirements)
        stamp.write_text(wanted)
    for name in NEEDED_MODULES:
        shutil.copy(Path(sysconfig.get_path("stdlib"), name), PACKAGES)
    newest = max(path.stat().st_mtime for path in HERE.glob("*.c"))
    if not PYTHON.exists() or PYTHON.stat().st_mtime < newest:
        compile_programs()


def compile_programs() -> None:
    """Make python.exe, and two libraries for what is compiled in the packages of tests."""
    python = python_folder("windows.x86_64")
    compiler = zig.compiler("x86_64-windows-gnu")
    zig.run([*compiler, "-shared", HERE / "bcryptprimitives.c", "-ladvapi32", "-o", WORK / "bcryptprimitives.dll"])
    # python3.dll hands what is of the stable API on to the DLL of this version.
    listed = (fetch.python_source() / "PC/python3dll.c").read_text()
    exports = [f"{name}=python311.{name}{' DATA' * (kind == 'DATA')}" for kind, name in EXPORT.findall(listed)]
    definition = WORK / "python3.def"
    definition.write_text("\n".join(["LIBRARY python3.dll", "EXPORTS", *exports, ""]))
    nothing = WORK / "python3.c"
    nothing.write_text("int DllMain(void *module, unsigned long why, void *reserved) { return 1; }\n")
    zig.run([*compiler, "-shared", nothing, definition, "-o", WORK / "python3.dll"])
    options = ["-O1", "-municode", "-DMS_WIN64", f"-I{python / 'include'}"]
    zig.run([*compiler, *options, HERE / "windows_python.c", python / "link/libpython311.a", "-o", PYTHON])


def windows_path(path: Path) -> str:
    """A path as Windows writes it: Wine shows the whole machine as drive Z."""
    return f"Z:{path}".replace("/", "\\")


def environment() -> dict[str, str]:
    """What programs run in: nothing of this machine's Python, and Wine without windows."""
    standard = LIB / "python3.11"
    folders = (standard, standard / "lib-dynload", LIB / "site-packages", PACKAGES, ROOT)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DISPLAY"))},
        "WINEPREFIX": str(PREFIX),
        "WINEDEBUG": "-all",
        "WINEDLLOVERRIDES": "mscoree=;mshtml=;winemenubuilder.exe=",
        "WINEPATH": windows_path(LIB),
        "PYTHONSCRIPT_PATHS": ";".join(windows_path(folder) for folder in folders),
    }


@contextmanager
def running() -> Iterator[None]:
    """Wine's server, which is ended with all that it runs."""
    program = need("wine", "wine wine64")
    PREFIX.parent.mkdir(parents=True, exist_ok=True)
    server = shutil.which("wineserver") or str(Path(os.path.realpath(program)).parent / "wineserver")
    try:
        subprocess.run([program, "wineboot", "--init"], env=environment(), check=True, capture_output=True, timeout=300)
        yield
    finally:
        subprocess.run([server, "-k"], env=environment(), check=False, timeout=60)


def run(arguments: Sequence[str], *, timeout: float, log: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run Windows's Python with these arguments to its end, or kill it then: what it says is in `log` as it comes.

    Raises WineError.
    """
    command = [need("wine", "wine wine64"), str(PYTHON), *arguments]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,  # Of a file, Wine makes no stream that Python takes.
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    end = threading.Timer(timeout, process.kill)
    end.daemon = True
    end.start()
    said = []
    try:
        with process, open(log or os.devnull, "w") as file:
            assert process.stdout
            try:
                for line in process.stdout:
                    said.append(line)
                    file.write(line)
                    file.flush()
                    if FAULT.search(line):  # Nothing would ever come to its end.
                        raise WineError(line)
            except BaseException:
                process.kill()
                raise
    finally:
        end.cancel()
    return subprocess.CompletedProcess(command, process.returncode, "".join(said))
