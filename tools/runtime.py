"""Stages the Python runtime that a game ships, so that no player needs Python: `runtime.py FOLDER`.

    FOLDER/libpython3.X.so.1.0       stripped
    FOLDER/python3.X/                the standard library, compiled and trimmed; lib-dynload/ its extension modules
    FOLDER/site-packages/            THIRD_PARTY and the packages of python/, with sources (for tracebacks) and stubs
    FOLDER/licenses/                 of what is not ours
    FOLDER/runtime.txt               what it is; written last

What is there already and unchanged stays.
"""

from __future__ import annotations

import importlib.metadata
import py_compile
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

import bootstrap
import report

ROOT = Path(__file__).resolve().parent.parent
THIRD_PARTY = ("websockets", "idna")
EXTENSION_SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
# What a package is made of; the last two are for editors and type checkers of whoever writes nodes in Python.
PACKAGE_FILES = (".py", EXTENSION_SUFFIX, ".pyi", "py.typed")

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


def stage_library(folder: Path) -> None:
    """Copy libpython under the name that the interpreter's own modules know it by, without debug symbols."""
    source = bootstrap.shared_library()
    assert source is not None  # checked before the build
    target = folder / sysconfig.get_config_var("INSTSONAME")
    if not is_older(target, Path(source)):
        return
    copy_stripped(Path(source), target)


def stage_standard_library(folder: Path) -> None:
    """Compile the standard library into FOLDER/python3.X; made under another name and renamed when it is whole."""
    target = folder / f"python{sysconfig.get_python_version()}"
    marker = target / "VERSION"
    stamp = f"{sys.version}\n{sorted(LEFT_OUT)}\n{LEFT_OUT_EXTENSIONS}\n"
    if marker.exists() and marker.read_text() == stamp:
        return
    report.progress("build", "compiling the standard library (once) ...")
    draft = folder / "python-draft"
    shutil.rmtree(draft, ignore_errors=True)
    source = Path(sysconfig.get_path("stdlib"))
    for path in standard_modules(source):
        compiled = draft / path.relative_to(source).with_suffix(".pyc")
        compiled.parent.mkdir(parents=True, exist_ok=True)
        shown = f"{target.name}/{path.relative_to(source)}"  # in tracebacks, in place of this machine's path
        py_compile.compile(
            str(path),
            str(compiled),
            dfile=shown,
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
    extensions = Path(sysconfig.get_config_var("DESTSHARED"))
    (draft / "lib-dynload").mkdir(parents=True)
    for path in sorted(extensions.glob("*.so")):
        if not path.name.startswith(LEFT_OUT_EXTENSIONS):
            copy_stripped(path, draft / "lib-dynload" / path.name)
    (draft / "VERSION").write_text(stamp)
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)


def standard_modules(folder: Path) -> Iterator[Path]:
    """The modules of the standard library that are kept."""
    for path in sorted(folder.iterdir()):
        if path.name in LEFT_OUT or path.name.startswith("config-"):
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
    """Copy the licences of CPython and of the packages that are not ours."""
    target = folder / "licenses"
    target.mkdir(parents=True, exist_ok=True)
    python = Path(sysconfig.get_path("stdlib")) / "LICENSE.txt"
    if python.exists():
        shutil.copyfile(python, target / "python.txt")
    for package in THIRD_PARTY:
        for file in importlib.metadata.files(package) or []:
            if file.stem == "LICENSE":
                shutil.copyfile(str(file.locate()), target / f"{package}.txt")


def is_older(target: Path, source: Path) -> bool:
    """Whether the target has to be made anew: a copy carries its source's modification time."""
    return not target.exists() or target.stat().st_mtime_ns != source.stat().st_mtime_ns


def copy_stripped(source: Path, target: Path) -> None:
    """Copy a shared library without what only a debugger reads. Written aside: a running game may have it open."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(target.name + ".draft")
    subprocess.run(["strip", "--strip-unneeded", "-o", str(draft), str(source)], check=True)
    shutil.copystat(source, draft)
    draft.replace(target)


def copy_compiled(source: Path, target: Path) -> None:
    """Copy a module, with its bytecode beside it: the folder of an installed game may be read-only."""
    shutil.copy2(source, target)
    py_compile.compile(str(target), invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)


COPY: dict[str, Callable[[Path, Path], object]] = {".py": copy_compiled, ".so": copy_stripped}


def main() -> int:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".gdignore").touch()
    stage_library(folder)
    stage_standard_library(folder)
    stage_packages(folder)
    stage_licenses(folder)
    versions = [f"Python {sys.version.split()[0]}"]
    versions += [f"{package} {importlib.metadata.version(package)}" for package in THIRD_PARTY]
    (folder / "runtime.txt").write_text("\n".join(versions) + "\n")
    return 0


if __name__ == "__main__":
    report.run("build", main)
