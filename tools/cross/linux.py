"""CPython for Linux, built from its source for an old glibc: no wheel carries one, and Debian's own needs a new glibc.

What it is linked with (OpenSSL, zlib, ...) are Debian's static libraries: a player's machine needs none of them.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import sysconfig
from pathlib import Path

import platforms
import report

from cross import WORK, draft_of, fetch, finish, is_made, zig

# What the static libraries come from, all of Debian.
PACKAGES = ("libssl-dev", "zlib1g-dev", "libbz2-dev", "libbz2-1.0", "liblzma-dev", "libffi-dev", "libffi8")
# The soname says that it is ours: whatever else the game loads may bring another OpenSSL.
OPENSSL = {"crypto": "libcrypto-pythonscript.so.3", "ssl": "libssl-pythonscript.so.3"}
# What configure cannot find out without running a program.
KNOWN = (
    "ac_cv_file__dev_ptmx=yes",
    "ac_cv_file__dev_ptc=no",
    "ac_cv_buggy_getaddrinfo=no",
    "ac_cv_have_long_long_format=yes",
)
# Of what it can, the answers that are not the same for all processors.
OF_THE_PROCESSOR = re.compile(r"ac_cv_(env|host|build|target|prog|path|gcc_asm|header_asm|x87|wchar_t_signed|file_)")
# The one module that configure leaves to another way of building.
CTYPES = (
    "_ctypes _ctypes/_ctypes.c _ctypes/callbacks.c _ctypes/callproc.c _ctypes/stgdict.c _ctypes/cfield.c"
    " -DHAVE_FFI_PREP_CIF_VAR -DHAVE_FFI_PREP_CLOSURE_LOC -DHAVE_FFI_CLOSURE_ALLOC -DPy_BUILD_CORE_MODULE -lffi"
)
# Left out, beside what tools/runtime.py leaves out: it needs a library for what Python has a replacement for.
LEFT_OUT = (
    "_uuid",
    "nis",
    "_crypt",
    "_dbm",
    "_gdbm",
    "readline",
    "_curses",
    "_sqlite3",
    "_tkinter",
    "spwd",
    "ossaudiodev",
)


def check_host() -> None:
    """Fail unless this Python can make byte code for the one that is shipped."""
    if sysconfig.get_python_version() != platforms.PYTHON:
        raise report.SetupError(
            f"what is cross-compiled is Python {platforms.PYTHON}, but .venv has {sysconfig.get_python_version()}: "
            f"`make distclean`, then `make PYTHON=/path/to/python{platforms.PYTHON} ...`"
        )


def build(platform: platforms.Platform) -> None:
    """Make build/cross/python/PLATFORM."""
    if is_made(platform.name, __file__):
        return
    (target,) = platform.targets
    machine = target.split("-")[0]
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}[machine]
    source = fetch.python_source()
    work = WORK / "linux" / platform.name
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    needed = static_libraries(work / "needed", fetch.debian_packages(architecture, PACKAGES), f"{machine}-linux-gnu")
    openssl = shared_openssl(needed, target)
    report.progress("cross", f"building CPython for {platform.name} (some minutes, once) ...")
    configure(work, source, needed, target, machine)
    enable_modules(work)
    jobs = f"-j{os.cpu_count() or 1}"
    zig.run(["make", jobs, f"libpython{platforms.PYTHON}.so", "oldsharedmods"], cwd=work)
    collect(platform, work, source, openssl)


def static_libraries(folder: Path, packages: Path, triplet: str) -> Path:
    """A folder with the headers and the static libraries of Debian's packages, and nothing that is shared."""
    shutil.copytree(packages / "usr/include", folder / "include")
    for path in (packages / "usr/include" / triplet).rglob("*.h"):
        target = folder / "include" / path.relative_to(packages / "usr/include" / triplet)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    (folder / "lib").mkdir()
    for path in (packages / "usr/lib" / triplet).glob("*.a"):
        shutil.copyfile(path, folder / "lib" / path.name)
    return folder


def shared_openssl(needed: Path, target: str) -> list[Path]:
    """Make OpenSSL's two libraries of the static ones: the modules _ssl and _hashlib share them."""
    made: list[Path] = []
    for name, file in OPENSSL.items():
        library = needed / file
        command: list[str | Path] = [
            *zig.compiler(target),
            "-shared",
            "-s",
            f"-Wl,-soname,{file}",
            "-Wl,-rpath,$ORIGIN",
            "-Wl,-Bsymbolic",
            "-o",
            library,
        ]
        command += [
            "-Wl,--whole-archive",
            needed / f"lib/lib{name}.a",
            "-Wl,--no-whole-archive",
            *made,
            "-lpthread",
            "-ldl",
        ]
        zig.run(command)
        made.append(library)
        (needed / f"lib/lib{name}.a").unlink()
        (needed / f"lib/lib{name}.so").symlink_to(library)
    return made


def configure(work: Path, source: Path, needed: Path, target: str, machine: str) -> None:
    """Run CPython's configure in `work`. It takes this for another machine: no program that it makes may be run."""
    for tool in ("cc", "ar", "ranlib"):
        script = work / f"zig-{tool}"
        arguments = f"cc -target {target}" if tool == "cc" else tool
        script.write_text(f'#!/bin/sh\nexec "{zig.PROGRAM}" {arguments} "$@"\n')
        script.chmod(0o755)
    relative = os.path.relpath(source, work)  # It is noted in libpython.
    zig.run(
        [
            f"{relative}/configure",
            f"--host={machine}-linux-gnu",
            f"--build={os.uname().machine}-pc-linux-gnu",
            f"--with-build-python={sys.executable}",
            f"--with-openssl={needed}",
            "--enable-shared",
            "--without-ensurepip",
            "--disable-test-modules",
            "--prefix=/python",
            *KNOWN,
            *reuse_answers(work),
        ],
        cwd=work,
        CC=str(work / "zig-cc"),
        AR=str(work / "zig-ar"),
        RANLIB=str(work / "zig-ranlib"),
        READELF=shutil.which("readelf") or "",
        OPT="-O2 -DNDEBUG -g0 -w",
        CFLAGS=f"-ffile-prefix-map={source}=. -ffile-prefix-map={work}=. -ffile-prefix-map={relative}=.",
        CPPFLAGS=f"-I{needed}/include",
        LDFLAGS=f"-s -L{needed}/lib -Wl,-Bsymbolic",
        PKG_CONFIG_LIBDIR=str(needed),
    )


def reuse_answers(work: Path) -> list[str]:
    """Have configure take what it found out for another processor, as far as that is a matter of the system."""
    for log in sorted(work.parent.glob("*/config.log")):
        found = re.search(r"## Cache variables\. ##(.*?)## Output variables\. ##", log.read_text(), re.DOTALL)
        answers = re.findall(r"^(a[cx]_cv_\w+)=(.*)$", found[1] if found else "", re.MULTILINE)
        kept = [f"{name}=${{{name}={value}}}" for name, value in answers if not OF_THE_PROCESSOR.match(name)]
        if log.parent != work and kept:
            (work / "config.cache").write_text("\n".join(kept) + "\n")
            return ["--config-cache"]
    return []


def enable_modules(work: Path) -> None:
    """Have the Makefile build the modules that configure found all for, as shared ones."""
    listed = (work / "Modules/Setup.stdlib").read_text().replace("*static*", "*shared*")
    kept = [line for line in listed.splitlines() if line.partition(" ")[0] not in LEFT_OUT]
    (work / "Modules/Setup.local").write_text("\n".join([*kept, CTYPES]) + "\n")


def collect(platform: platforms.Platform, work: Path, source: Path, openssl: list[Path]) -> None:
    """Bring together what was built."""
    folder = draft_of(platform.name)
    for name in ("libraries", "lib-dynload", "licenses"):
        (folder / name).mkdir()
    shutil.copytree(source / "Include", folder / "include")
    shutil.copyfile(work / "pyconfig.h", folder / "include/pyconfig.h")
    for path in (work / platform.python_library, *openssl):
        shutil.copyfile(path, folder / "libraries" / path.name)
    for path in sorted((work / "Modules").glob(f"*{platform.extension_suffix}")):
        copied = folder / "lib-dynload" / path.name
        shutil.copyfile(path, copied)
    shutil.copyfile(source / "LICENSE", folder / "licenses/python.txt")
    version = re.search(r'define PY_VERSION\s+"([^"]+)"', (source / "Include/patchlevel.h").read_text())
    assert version
    finish(platform.name, version[1], __file__)
