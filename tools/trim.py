"""Keeps of a staged runtime what the addon can import, as byte code: `trim.py STAGED TARGET`.

STAGED is what tools/runtime.py makes, or the same for another platform. From the addon's own packages on, every import
is followed: also those in functions, of whatever is imported, as byte code tells; those of Cython's modules, as their
sources tell; and those of other modules in C, as their strings tell. What no code tells is in CORE and FOR_NODES.
Which library belongs to which module tell their names in the files.

`trim.py --why MODULE STAGED` prints through which modules one is imported.
"""

from __future__ import annotations

import dis
import importlib.util
import marshal
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import CodeType

import report

ROOT = Path(__file__).resolve().parent.parent
OWN = ("pythonscript", "ws_godot", "ws_python")
# What the interpreter imports by itself: when it starts, prints an error, ends, or runs certain functions of its own.
CORE = tuple(
    """
    _collections_abc _strptime _weakrefset abc atexit builtins codecs collections.abc contextlib copyreg
    encodings.ascii encodings.latin_1 encodings.utf_8 functools importlib._bootstrap importlib._bootstrap_external
    importlib.machinery importlib.util io linecache os re site stat sys threading time traceback types typing
    unicodedata warnings weakref zipimport
    """.split()  # noqa: SIM905
)
# What nodes of one's own in Python may expect beside what these here import.
FOR_NODES = tuple(
    """
    collections dataclasses datetime enum functools itertools json math random re string sysconfig typing zoneinfo
    """.split()  # noqa: SIM905
)
# Tools for a programmer at a terminal, and for tests; what starts more Python programs, of which there is none; and
# archives. Where the standard library imports one of these, it does so in a function that no game calls: a test imports
# all the rest.
NO_USE = tuple(
    """
    argparse bdb cmd code codeop concurrent.futures.process doctest getopt idlelib multiprocessing optparse pdb pydoc
    pydoc_data readline rlcompleter statistics tarfile test tkinter trace turtle unittest venv webbrowser
    """.split()  # noqa: SIM905
)
# How Python was built. Its name is that of a system, and put together at run time.
BUILT = "_sysconfigdata_"
# What stands before a block that never runs: `if __name__ == "__main__":`, `if TYPE_CHECKING:`, `if sys.platform ...`.
NEVER = (("__name__", "__main__", "=="), ("TYPE_CHECKING",))
NEVER_BUT_ON_WINDOWS = ("platform", "win32", "==")
# Their strings are names of all codecs that there are, not of any that is used.
TABLES = frozenset({"encodings.aliases", "email.charset", "locale"})
EXTENSION = re.compile(r"(\w+)(?:\.[\w-]+)?\.(?:so|pyd)")
STRING = re.compile(rb"(?<=\0)([A-Za-z_][\w.]*)(?=\0)")
CYTHON_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]+)|import[ \t]+([^\n#]+))", re.M
)
IMPORT_NAME = dis.opmap["IMPORT_NAME"]
UNCHECKED_HASH = 1
# Texts of one character are one object each in a process. Whether they are interned is written, too.
ONE_CHARACTER = [sys.intern(chr(number)) for number in range(256)]
LIBRARY = re.compile(r".*\.(?:so(?:\.[\d.]+)?|dll|dylib)", re.IGNORECASE)


class Runtime:
    """The modules of a staged runtime, and what each of them imports."""

    def __init__(self, folder: Path) -> None:
        (self.standard,) = folder.glob("python3.*")
        self.folder = folder
        self.packages = folder / "site-packages"
        self.paths: dict[str, Path] = {}
        self._codes: dict[str, CodeType] = {}
        is_windows = any(folder.glob("python3*.dll"))
        self.never = NEVER if is_windows else (*NEVER, NEVER_BUT_ON_WINDOWS)
        for base in (self.standard, self.standard / "lib-dynload", self.packages):
            for path in sorted(base.rglob("*"), key=_order):
                if name := _module_name(path.relative_to(base)):
                    self.paths.setdefault(name, path)
        self.codecs = {name.rpartition(".")[2] for name in self.paths if name.startswith("encodings.")}
        self.aliases = _aliases(self.code("encodings.aliases"))

    def is_package(self, name: str) -> bool:
        """Whether a module is a package."""
        return self.paths[name].name.startswith("__init__.")

    def code(self, name: str) -> CodeType:
        """The byte code of a module that is not in C."""
        if name not in self._codes:
            self._codes[name] = load(self.paths[name], self.shown(self.paths[name]))
        return self._codes[name]

    def shown(self, path: Path) -> str:
        """The path that tracebacks show in place of the build machine's."""
        base = self.packages if self.packages in path.parents else self.folder
        return path.relative_to(base).with_suffix(".py").as_posix()

    def imports(self, name: str) -> set[str]:
        """The modules of this runtime that a module imports, wherever in it."""
        path = self.paths[name]
        if EXTENSION.fullmatch(path.name):
            found = self._of_extension(name, path)
        else:
            found = self._of_code(name, self.code(name))
        unwanted = () if self.packages in path.parents else NO_USE
        return {each for each in found if each in self.paths and not _is_of(each, unwanted)}

    def _of_code(self, name: str, code: CodeType) -> set[str]:
        package = name if self.is_package(name) else name.rpartition(".")[0]
        found = set(imported(code, package, self.never))
        if name == "sysconfig":
            found |= {each for each in self.paths if each.startswith(BUILT)}
        for each in codes(code):
            if {"import_module", "__import__"} & {*each.co_names}:
                found |= {_absolute(const, package) for const in each.co_consts if isinstance(const, str)}
            if name not in TABLES:
                found |= {codec for const in each.co_consts if (codec := self._codec(const))}
        return found

    def _codec(self, constant: object) -> str:
        """The module of the codec that a constant names, "" for none."""
        if not isinstance(constant, str) or not re.fullmatch(r"[A-Za-z][\w-]{2,20}", constant):
            return ""
        normal = constant.lower().replace("-", "_")
        normal = self.aliases.get(normal, normal)
        return f"encodings.{normal}" if normal in self.codecs else ""

    def _of_extension(self, name: str, path: Path) -> set[str]:
        if name.partition(".")[0] not in OWN:
            strings = {each.decode() for each in STRING.findall(path.read_bytes())}
            return strings | {self._codec(each) for each in strings}
        base = ROOT / "python" / name.replace(".", "/")
        if (source := base.with_suffix(".py")).exists():
            return self._of_code(name, load(source, self.shown(path)))
        # Where it is in parts, those lie beside it. What is imported of our own is kept anyway.
        sources = [base.with_suffix(".pyx"), *base.parent.rglob("*.pxi")]
        return {each for source in sources for each in _of_cython(source.read_text(encoding="utf-8"))}


def kept(runtime: Runtime) -> dict[str, str]:
    """The modules that are kept, each with the one through which it was found first, or "" where a list names it."""
    found = {name: "" for name in runtime.paths if name.partition(".")[0] in OWN}
    found |= {name: "" for name in (*CORE, *FOR_NODES) if name in runtime.paths}
    waiting = list(found)
    while waiting:
        name = waiting.pop()
        package = name.rpartition(".")[0]
        for each in sorted(runtime.imports(name) | ({package} & runtime.paths.keys())):
            if each not in found:
                found[each] = name
                waiting.append(each)
    return found


def trim(staged: Path, target: Path) -> None:
    """Make of a staged runtime a folder that holds what is kept of it."""
    runtime = Runtime(staged)
    modules = {name: runtime.paths[name] for name in kept(runtime)}
    binaries = []
    for name, path in modules.items():
        copy = target / path.relative_to(staged)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if EXTENSION.fullmatch(path.name):
            shutil.copyfile(path, copy)
            binaries.append(copy)
        else:
            copy.with_suffix(".pyc").write_bytes(compiled(path, runtime.code(name)))
    for package in {name.partition(".")[0] for name in modules}:
        for path in (runtime.packages / package).rglob("*"):
            if path.is_file() and is_data(path):
                shutil.copyfile(path, target / path.relative_to(staged))
    _copy_libraries(runtime, target, binaries)
    for path in staged.iterdir():  # licences, versions, what a system wants to have there
        if path.is_dir() and path not in (runtime.standard, runtime.packages):
            shutil.copytree(path, target / path.name, copy_function=shutil.copyfile)
        elif path.is_file() and not is_library(path):
            shutil.copyfile(path, target / path.name)


def _copy_libraries(runtime: Runtime, target: Path, binaries: list[Path]) -> None:
    """Copy libpython, and of the others those that it, a module that is kept or one of these libraries names."""
    folders = (runtime.folder, runtime.standard / "lib-dynload")
    waiting = [path for folder in folders for path in sorted(folder.iterdir()) if is_library(path)]
    content = b"".join(path.read_bytes() for path in binaries).lower()
    while needed := [path for path in waiting if "python3" in path.name or path.name.lower().encode() in content]:
        for path in needed:
            waiting.remove(path)
            content += shutil.copyfile(path, target / path.relative_to(runtime.folder)).read_bytes().lower()


def is_library(path: Path) -> bool:
    """Whether a file is a library that is no module."""
    return LIBRARY.fullmatch(path.name) is not None and not (path.parent.name == "lib-dynload" and _is_module(path))


def is_data(path: Path) -> bool:
    """Whether a file of a package is neither a module nor for who writes Python, such as certifi's certificates."""
    return path.suffix not in (".py", ".pyc", ".pyi", ".so", ".pyd") and path.name != "py.typed"


def load(path: Path, shown: str) -> CodeType:
    """The code of a module, from its byte code or its source."""
    if path.suffix == ".pyc":
        content = path.read_bytes()
        if content[:4] != importlib.util.MAGIC_NUMBER:
            raise report.SetupError(f"{path} was made by another version of Python: build with the one that it has")
        code = marshal.loads(content[16:])
        assert isinstance(code, CodeType)
        return code
    return compile(path.read_bytes(), shown, "exec", dont_inherit=True)


def compiled(path: Path, code: CodeType) -> bytes:
    """A module's byte code file, which nobody compares with a source, and which is the same in each build."""
    # How often something is referred to decides how it is written. So that this does not depend on what else is in this
    # process, all that can be is held here, too.
    held = list(_parts(code))
    content = marshal.dumps(code)
    del held
    source_hash = path.read_bytes()[8:16] if path.suffix == ".pyc" else importlib.util.source_hash(path.read_bytes())
    return importlib.util.MAGIC_NUMBER + UNCHECKED_HASH.to_bytes(4, "little") + source_hash + content


def _parts(value: object) -> Iterator[object]:
    """All that a code object is made of."""
    yield value
    if isinstance(value, CodeType):
        parts: tuple[object, ...] = (
            *(value.co_consts, value.co_names, value.co_filename, value.co_name, value.co_qualname),
            *(value.co_linetable, value.co_exceptiontable),
            *(*value.co_varnames, *value.co_cellvars, *value.co_freevars),
        )
    else:
        parts = tuple(value) if isinstance(value, (tuple, frozenset)) else ()
    for part in parts:
        yield from _parts(part)


def codes(code: CodeType) -> Iterator[CodeType]:
    """A code object and those in it."""
    yield code
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from codes(const)


def imported(code: CodeType, package: str, never: Iterable[tuple[str, ...]] = NEVER) -> Iterator[str]:
    """What a module's code imports, apart from blocks that never run, by what stands before them."""
    for each in codes(code):
        if IMPORT_NAME not in each.co_code[::2]:
            continue
        last: list[dis.Instruction] = []
        skipped_to = 0
        for instruction in dis.get_instructions(each):
            if instruction.opname in ("EXTENDED_ARG", "CACHE"):
                continue
            words = tuple(before.argval for before in last)
            if instruction.opname.endswith("IF_FALSE") and any(words[-len(each) :] == each for each in never):
                skipped_to = instruction.argval
            elif instruction.opname == "IMPORT_NAME" and instruction.offset >= skipped_to:
                level, names = (before.argval for before in last[-2:])
                module = _absolute("." * level + instruction.argval, package)
                yield from (module[: dot.start()] for dot in re.finditer(r"\.", module))
                yield module
                yield from (f"{module}.{name}" for name in names or ())
            last = [*last[-2:], instruction]


def _is_of(name: str, packages: Iterable[str]) -> bool:
    """Whether a module is one of these, or in one of them."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _absolute(name: str, package: str) -> str:
    """A module's name where it is imported by a relative one in a package."""
    try:
        return importlib.util.resolve_name(name, package) if name.startswith(".") else name
    except ImportError:
        return ""


def _of_cython(text: str) -> Iterator[str]:
    """What the source of a Cython module imports of others' Python modules."""
    for module, names, plain in CYTHON_IMPORT.findall(text):
        for name in (names or plain).strip("()").split(","):
            first = name.split()[0] if name.split() else ""
            yield from (module, f"{module}.{first}") if module else (first,)


def _aliases(code: CodeType) -> dict[str, str]:
    """The other names of codecs."""
    namespace: dict[str, dict[str, str]] = {}
    exec(code, namespace)
    return namespace["aliases"]


def _module_name(path: Path) -> str:
    """The name of the module that a file is, by its path in a folder of modules; "" if it is none."""
    if extension := EXTENSION.fullmatch(path.name):
        last = extension[1]
    elif path.suffix in (".py", ".pyc"):
        last = path.name.removesuffix(path.suffix)
    else:
        return ""
    parts = [*path.parts[:-1], *([] if last == "__init__" else [last])]
    is_name = all(part.isidentifier() or part.startswith(BUILT) for part in parts) and "__pycache__" not in parts
    return ".".join(parts) if is_name else ""


def _is_module(path: Path) -> bool:
    return EXTENSION.fullmatch(path.name) is not None and not path.name.startswith("lib")


def _order(path: Path) -> tuple[str, int]:
    """In which order files are looked for by Python: of one module, an extension first, then source, then byte code."""
    order = (".py", ".pyc")
    return path.as_posix().partition(".")[0], order.index(path.suffix) + 1 if path.suffix in order else 0


def why(found: Mapping[str, str], name: str) -> Iterator[str]:
    """Of what is kept a module, the one that imports it, and so on."""
    if name not in found:
        raise report.SetupError(f"{name} is not kept: nothing imports it")
    while name:
        yield name
        name = found[name]


def main() -> int:
    if sys.argv[1] == "--why":
        print(" <- ".join(why(kept(Runtime(Path(sys.argv[3]))), sys.argv[2])))
    else:
        trim(Path(sys.argv[1]), Path(sys.argv[2]))
    return 0


if __name__ == "__main__":
    report.run("package", main)
