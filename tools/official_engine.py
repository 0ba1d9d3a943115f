"""Fetches an engine that Godot itself has released: `official_engine.py 4.6.3-stable FOLDER` prints where it is.

For Linux, Windows and macOS, on machines that are thrown away; elsewhere, tools/godot finds or fetches one.
"""

from __future__ import annotations

import hashlib
import platform
import sys
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import report

RELEASES = "https://github.com/godotengine/godot-builds/releases/download"
SUMS = "SHA512-SUMS.txt"
# By system and architecture: the archive, and the engine in it. On Windows the one that has a console.
ENGINES = {
    ("Linux", "x86_64"): ("linux.x86_64.zip", "linux.x86_64"),
    ("Linux", "aarch64"): ("linux.arm64.zip", "linux.arm64"),
    ("Windows", "AMD64"): ("win64.exe.zip", "win64_console.exe"),
    ("Darwin", "arm64"): ("macos.universal.zip", "Godot.app/Contents/MacOS/Godot"),
    ("Darwin", "x86_64"): ("macos.universal.zip", "Godot.app/Contents/MacOS/Godot"),
}
TIMEOUT = 120


def download(url: str, target: Path) -> None:
    """Fetch a file."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer, target.open("wb") as file:
            while piece := answer.read(1 << 20):
                file.write(piece)
    except (urllib.error.URLError, TimeoutError) as error:
        raise report.SetupError(f"{url} cannot be fetched ({error}): check the version and the network") from error


def check(archive: Path, sums: Path) -> None:
    """Raise SetupError unless the archive is the one that the release's checksums name."""
    lines = [line.split() for line in sums.read_text(encoding="utf-8").splitlines()]
    known = {name.lstrip("*"): digest for digest, name in (line for line in lines if len(line) == 2)}
    digest = hashlib.sha512(archive.read_bytes()).hexdigest()
    if known.get(archive.name) != digest:
        raise report.SetupError(f"{archive.name} is not the one that {SUMS} names: fetch it again, and do not run it")


def unpack(archive: Path, folder: Path) -> None:
    """As unzip does, with the permissions that the files have."""
    with zipfile.ZipFile(archive) as files:
        for entry in files.infolist():
            path = Path(files.extract(entry, folder))
            mode = entry.external_attr >> 16
            if mode & 0o111 and path.is_file():
                path.chmod(mode & 0o777)


def fetch(version: str, folder: Path, releases: str = RELEASES, machine: tuple[str, str] | None = None) -> Path:
    """The engine of a version, such as 4.6.3-stable, unpacked in `folder`."""
    machine = machine or (platform.system(), platform.machine())
    if machine not in ENGINES:
        raise report.SetupError(f"there is no official engine for {' '.join(machine)}: set GODOT to one")
    archive_name, engine_name = (
        name if name.startswith("Godot.app") else f"Godot_v{version}_{name}" for name in ENGINES[machine]
    )
    engine = folder / engine_name
    if not engine.exists():
        folder.mkdir(parents=True, exist_ok=True)
        archive, sums = folder / archive_name, folder / SUMS
        download(f"{releases}/{version}/{SUMS}", sums)
        download(f"{releases}/{version}/{archive_name}", archive)
        check(archive, sums)
        unpack(archive, folder)
        archive.unlink()
    return engine


def main() -> int:
    """Fetch it, print where it is."""
    if len(sys.argv) != 3:
        raise report.SetupError("usage: official_engine.py VERSION FOLDER")
    print(fetch(sys.argv[1], Path(sys.argv[2])))
    return 0


if __name__ == "__main__":
    report.run("engine", main)
