"""Packs the addon for all platforms into one file, dist/ws_python-VERSION.zip: `package.py [PLATFORM ...]`.

What git knows of addons/ws_python, and for each platform what was built for it, trimmed by tools/trim.py. The same
commit and the same builds make the same bytes. It fails where a platform is not built, where one takes more than
MOST_BYTES, and where a file tells a path of this machine.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable
from pathlib import Path

import cross
import platforms
import project
import report
import trim

ROOT = Path(__file__).resolve().parent.parent
NAME = "ws_python"
ADDON = f"addons/{NAME}"
# Where `SCons platforms` puts what it builds for each of them.
BUILT = cross.OUTPUT
# Of the archive, for each processor that a platform's files are for: the universal ones of macOS are for two.
MOST_BYTES = 12_000_000
# Beside addons/ there is one folder more, which every project has and which is empty here. Were addons/ alone, the
# editor would take it for the root that archives of repositories have, and put what is in it into the project's folder.
BESIDE = ".godot/"


def check_version() -> None:
    """Raise SetupError where the plugin says another version, which the editor shows."""
    text = (ROOT / ADDON / "plugin.cfg").read_text(encoding="utf-8")
    said = re.findall(r'^version="(.*)"$', text, re.MULTILINE)
    if said != [project.version()]:
        raise report.SetupError(f"{ADDON}/plugin.cfg says version {', '.join(said)}: set it to {project.version()}")


def tracked() -> list[Path]:
    """The addon's files that git knows, by their paths in the repository."""
    command = ["git", "ls-files", "-z", "--", ADDON]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise report.SetupError(f"git does not tell the addon's files ({done.stderr.strip()}): run it in a clone")
    return [Path(name) for name in done.stdout.split("\0") if name and (ROOT / name).exists()]


def moment() -> time.struct_time:
    """The time of all files in the archive: that of the commit, or $SOURCE_DATE_EPOCH. An editor goes by it."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH")
    if not seconds:
        command = ["git", "log", "-1", "--format=%ct"]
        seconds = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    return time.gmtime(max(int(seconds), 315_532_800))  # The format begins with the year 1980.


def stage(platform: str, folder: Path) -> dict[str, Path]:
    """Trim what was built for a platform into a folder: the files to pack, by their paths in the addon."""
    built = BUILT / platform
    libraries = [path for path in (built / "bin").glob("libpythonscript.*") if path.is_file()]
    if not libraries or not (built / "lib/runtime.txt").exists():
        raise report.SetupError(f"{platform} is not built: `make package` builds it")
    trim.trim(built / "lib", folder)
    files = {f"lib/{platform}/{path.relative_to(folder).as_posix()}": path for path in _files(folder)}
    return files | {f"bin/{path.name}": path for path in libraries}


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def check_paths(files: dict[str, Path]) -> None:
    """Raise SetupError where a file tells a path of this machine."""
    private = [str(ROOT), str(Path.home()), sys.base_prefix, sys.prefix]
    # A path such as /usr tells nobody anything; one of a single name may be a part of others.
    told = [f"{path}/".encode() for path in private if path != "/" and not path.startswith("/usr")]
    for name, path in files.items():
        content = path.read_bytes()
        if found := next((each for each in told if each in content), None):
            raise report.SetupError(f"{name} tells the path {found.decode()} of this machine, which no package may")


def write(target: Path, files: dict[str, Path]) -> dict[str, int]:
    """Write the archive; the packed bytes of each file."""
    when = moment()[:6]
    target.parent.mkdir(exist_ok=True)
    draft = target.with_name(f"{target.name}.draft")
    with zipfile.ZipFile(draft, "w") as archive:
        archive.writestr(_entry(BESIDE, when), b"")
        for name, path in sorted(files.items()):
            archive.writestr(_entry(f"{ADDON}/{name}", when), path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
        packed = {entry.filename.removeprefix(f"{ADDON}/"): entry.compress_size for entry in archive.infolist()}
    draft.replace(target)
    return packed


def _entry(name: str, when: tuple[int, ...]) -> zipfile.ZipInfo:
    """An entry that tells nothing of this machine: a file that all may read, or a folder."""
    entry = zipfile.ZipInfo(name, when)  # type: ignore[arg-type]
    entry.create_system = 3  # Unix, wherever it is made
    entry.external_attr = (0o40755 << 16 | 0x10) if name.endswith("/") else 0o100644 << 16
    return entry


def pack(target: Path, names: Iterable[str]) -> None:
    """Make the archive of these platforms."""
    check_version()
    shared = {str(path.relative_to(ADDON)): ROOT / path for path in tracked()}
    with tempfile.TemporaryDirectory() as directory:
        parts = {}
        for name in names:
            report.progress("package", f"trimming {name} ...")
            parts[name] = stage(name, Path(directory, name))
        files = shared | {name: path for part in parts.values() for name, path in part.items()}
        check_paths(files)
        packed = write(target, files)
        for name, part in parts.items():
            size, unpacked = (sum(packed[file] for file in part), sum(path.stat().st_size for path in part.values()))
            report.progress("package", f"{name}: {size / 1e6:.1f} MB, unpacked {unpacked / 1e6:.1f} MB")
            most = MOST_BYTES * len(platforms.named(name).targets)
            if size > most:
                target.unlink()
                raise report.SetupError(f"{name} has more than {most / 1e6:.0f} MB: see what tools/trim.py keeps")
    report.progress("package", f"{target} has {target.stat().st_size / 1e6:.1f} MB")


def main() -> int:
    pack(ROOT / f"dist/{NAME}-{project.version()}.zip", sys.argv[1:] or [platform.name for platform in platforms.ALL])
    return 0


if __name__ == "__main__":
    report.run("package", main)
