"""CPython for Windows and macOS, as the wheels of panda3d carry it for the games that they deploy.

They have libpython, the extension modules of the standard library and OpenSSL, but no headers: those are of the source.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import platforms
import report

from cross import draft_of, fetch, finish, is_made, python_folder, wepoll, zig

TAGS = {
    "windows.x86_64": ("win_amd64",),
    "macos.universal": ("macosx_11_0_universal2", "macosx_10_13_universal2", "macosx_10_9_universal2"),
}
# What libpython needs from beside it, and what modules need from beside them.
BESIDE_PYTHON = re.compile(r"vcruntime\d+(_\d+)?\.dll", re.IGNORECASE)
# OpenSSL of Windows under names that no other one has: the system takes what is loaded already by its name.
# The names stand in the libraries, so that they have to be as long as they were.
OWN_NAMES = {"libcrypto-3.dll": "libcrypto-p.dll", "libssl-3.dll": "libssl-p.dll"}
BESIDE_MODULES = re.compile(r"lib(crypto|ssl|ffi).*\.(dll|dylib)", re.IGNORECASE)


def build(platform: platforms.Platform) -> None:
    """Make build/cross/python/PLATFORM."""
    if is_made(platform.name, __file__):
        return
    carried = fetch.wheel("panda3d", TAGS[platform.name]) / "deploy_libs"
    source = fetch.python_source()
    folder = draft_of(platform.name)
    for name in ("libraries", "lib-dynload", "licenses", "link"):
        (folder / name).mkdir()
    shutil.copytree(source / "Include", folder / "include")
    # Those of Linux and macOS say the same of what headers ask for: the sizes of types, and that there is POSIX.
    own = source / "PC/pyconfig.h" if platform.is_windows else python_folder("linux.x86_64") / "include/pyconfig.h"
    shutil.copyfile(own, folder / "include/pyconfig.h")
    for path in sorted(carried.iterdir()):
        if path.name == platform.python_library or BESIDE_PYTHON.fullmatch(path.name):
            shutil.copyfile(path, folder / "libraries" / path.name)
        elif path.suffix in (".pyd", ".so") or BESIDE_MODULES.fullmatch(path.name):
            shutil.copyfile(path, folder / "lib-dynload" / path.name)
    if platform.is_windows:
        rename_openssl(folder / "lib-dynload")
        import_library(folder / "libraries" / platform.python_library, folder / "link/libpython311.a")
        wepoll.fetch(folder / "include", folder / "licenses")
    shutil.copyfile(source / "LICENSE", folder / "licenses/python.txt")
    finish(platform.name, version_of(folder / "libraries" / platform.python_library), __file__)


def version_of(library: Path) -> str:
    """The version that a libpython has in it, as sys.version begins."""
    found = re.findall(rb"\b(3\.11\.\d+)\b", library.read_bytes())
    if not found:
        raise report.SetupError(f"{library.name} is not of Python {platforms.PYTHON}")
    return str(max(set(found), key=found.count), "ascii")


def rename_openssl(folder: Path) -> None:
    """Give OpenSSL's libraries their own names, in the modules that need them, too."""
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        for name, own in OWN_NAMES.items():
            content = content.replace(f"{name}\0".encode(), f"{own}\0".encode())
        path.write_bytes(content)
        if path.name in OWN_NAMES:
            path.rename(path.with_name(OWN_NAMES[path.name]))


def import_library(library: Path, target: Path) -> None:
    """Make what a module is linked with of a DLL's exports."""
    parsed = fetch.lief().PE.parse(library)
    names = sorted(str(entry.name) for entry in parsed.get_export().entries)
    definition = target.with_suffix(".def")
    definition.write_text("\n".join([f"LIBRARY {library.name}", "EXPORTS", *names, ""]))
    zig.run([zig.PROGRAM, "dlltool", "-m", "i386:x86-64", "-d", definition, "-l", target], cwd=target.parent)
