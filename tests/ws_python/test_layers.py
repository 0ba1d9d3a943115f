"""Imports go one way: between the packages, between the rooms of ws_python, and between files, with no circle.

Every import counts, of Python and of Cython, at the top or in a function, also those below `if TYPE_CHECKING` and in
stubs: who reads one file needs the other. What a package's `__init__` brings along does not count as imported.
"""

from __future__ import annotations

import io
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

PYTHON = Path(__file__).parents[2] / "python"
PACKAGES = ("ws_python", "ws_godot", "pythonscript")
# The rooms of ws_python, the lowest first; "" is what lies beside them.
ROOMS = ("protocol", "declare", "loop", "net", "connection", "features", "")
# What a folder does not import beside what is above it.
FORBIDDEN = {
    "ws_python": ("pythonscript", "ws_godot"),
    "pythonscript": ("ws_python", "ws_godot"),
    "ws_python/protocol": ("socket", "asyncio", "selectors", "time"),
    "ws_python/loop": ("ws_python.protocol",),  # It knows no WebSocket.
    "ws_python/net": ("ws_python.protocol",),
}
SUFFIXES = (".py", ".pyi", ".pyx", ".pxd", ".pxi")
IMPORTING = ("import", "cimport")
NO_CODE = (tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT)


def statements(text: str) -> Iterator[list[str]]:
    """The tokens of each simple statement, in one list wherever its lines end."""
    tokens: list[str] = []
    # A "?" is Cython's alone, and would end Python's tokenizer.
    for token in tokenize.generate_tokens(io.StringIO(text.replace("?", " ")).readline):
        if token.type in (tokenize.NEWLINE, tokenize.ENDMARKER) or token.string in (";", ":"):
            if tokens:
                yield tokens
            tokens = []
        elif token.type not in NO_CODE:
            tokens.append(token.string)


def names(tokens: list[str]) -> list[str]:
    """The names in the list behind `import`, each without its `as`."""
    items = " ".join(token for token in tokens if token not in "()").split(",")
    return [item.split(" as ")[0].replace(" ", "") for item in items if item.strip()]


def imports(source: Path, root: Path) -> Iterator[tuple[str, str]]:
    """What a source imports: pairs of a module and a name in it, "" for the module as a whole."""
    package = source.parent.relative_to(root).parts
    for tokens in statements(source.read_text(encoding="utf-8")):
        if tokens[0] in IMPORTING:
            yield from ((name, "") for name in names(tokens[1:]))
        elif tokens[0] == "include":
            yield ".".join((*package, tokens[1].strip("\"'").replace("/", "."))), ""
        elif tokens[0] == "from" and (keyword := next((word for word in tokens if word in IMPORTING), None)):
            at = tokens.index(keyword)
            module = "".join(tokens[1:at])
            level = len(module) - len(module.lstrip("."))
            base = package[: len(package) - level + 1] if level else ()
            full = ".".join((*base, *filter(None, [module.lstrip(".")])))
            yield from ((full, name) for name in names(tokens[at + 1 :]))


def module_of(source: Path, root: Path) -> str:
    """One name for all files of a module; an included one is its own."""
    parts = source.relative_to(root).with_suffix("").parts
    if source.suffix == ".pxi":
        return ".".join(parts) + source.suffix
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def sources(root: Path, folder: str) -> list[Path]:
    return sorted(path for path in (root / folder).rglob("*") if path.suffix in SUFFIXES)


def graph(root: Path) -> dict[str, set[str]]:
    """Whom each module imports: modules of ours by their whole names, all others by what they are called."""
    files = [path for package in PACKAGES for path in sources(root, package)]
    found: dict[str, set[str]] = {module_of(path, root): set() for path in files}
    for path in files:
        module = module_of(path, root)
        for base, name in imports(path, root):
            imported = f"{base}.{name}" if f"{base}.{name}" in found else base
            if imported != module:  # A .pyx and its .pxd are one.
                found[module].add(imported)
    return found


def is_within(module: str, folders: Iterable[str]) -> bool:
    return any(module == folder or module.startswith(folder + ".") for folder in folders)


def room_of(module: str) -> str | None:
    """The room of a module of ws_python; None for all others."""
    package, _, rest = module.partition(".")
    if package != "ws_python":
        return None
    room = rest.partition(".")[0]
    return room if room in ROOMS else ""


def circles(found: dict[str, set[str]]) -> list[str]:
    """One line for each circle that a walk along the imports closes."""
    lines: list[str] = []
    done: set[str] = set()

    def walk(module: str, way: list[str]) -> None:
        if module in way:
            lines.append(" -> ".join([*way[way.index(module) :], module]))
        elif module not in done:
            for imported in sorted(found.get(module, ())):
                walk(imported, [*way, module])
            done.add(module)

    for module in sorted(found):
        walk(module, [])
    return lines


def offences(root: Path) -> list[str]:
    """What breaks a rule below `root`, one line each."""
    found = graph(root)
    lines = [f"circle: {circle}" for circle in circles(found)]
    for module, imported_modules in found.items():
        room = room_of(module)
        for imported in sorted(imported_modules):
            above = room_of(imported)
            upwards = room is not None and above is not None and ROOMS.index(above) > ROOMS.index(room)
            folders = [folder for folder in FORBIDDEN if is_within(module, [folder.replace("/", ".")])]
            if upwards or any(is_within(imported, FORBIDDEN[folder]) for folder in folders):
                lines.append(f"{module} imports {imported}")
    return lines


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_go_one_way(package: str) -> None:
    assert [line for line in offences(PYTHON) if line.removeprefix("circle: ").startswith(package + ".")] == []


def test_everything_is_looked_at() -> None:
    found = graph(PYTHON)
    assert {room_of(module) for module in found} >= set(ROOMS)
    assert "ws_python.loop.writers" in found["ws_python.connection.outbox"], "a cimport by its whole name"
    assert "ws_python.connection.happenings" in found["ws_python.connection.connection"], "a relative import"
    assert len(found) > 50


TREES: list[tuple[dict[str, str], list[str]]] = [
    ({"ws_python/protocol/a.py": "import re\nfrom . import b\n", "ws_python/protocol/b.py": "import zlib\n"}, []),
    ({"ws_python/server.py": "from .loop.hub import hub\n", "ws_python/loop/hub.pyx": "hub = 1\n"}, []),
    ({"ws_godot/a.py": "import ws_python\nfrom pythonscript import export\n"}, []),
    ({"ws_python/net/a.py": '"""\nimport pythonscript\n"""\n# import ws_godot\n'}, []),
    (
        {"ws_python/protocol/a.py": "import time as t, socket\n"},
        ["protocol.a imports socket", "protocol.a imports time"],
    ),
    (
        {"ws_python/protocol/a.pyx": "def f():\n    from asyncio.events import x\n"},
        ["protocol.a imports asyncio.events"],
    ),
    ({"ws_python/a.pyx": "cdef x = 1; cimport pythonscript._bridge as b\n"}, ["a imports pythonscript._bridge"]),
    ({"ws_python/a.pyx": "cdef f() except? 1:\n    import ws_godot\n"}, ["a imports ws_godot"]),
    ({"pythonscript/a.pxi": "from ws_python import b\n"}, ["pythonscript.a.pxi imports ws_python"]),
    (
        {"ws_python/declare/a.py": "if T: from ..loop import hub\n", "ws_python/loop/hub.pyx": ""},
        ["declare.a imports ws_python.loop.hub"],
    ),
    (
        {"ws_python/loop/a.pxd": "from ws_python.net.link cimport (\n    Link,\n)\n", "ws_python/net/link.pyx": ""},
        ["loop.a imports ws_python.net.link"],
    ),
    (
        {"ws_python/features/a.pyi": "from ..peer import Peer\n", "ws_python/peer.py": ""},
        ["features.a imports ws_python.peer"],
    ),
    (
        {"ws_python/net/a.py": "from ..protocol.codec import X\n", "ws_python/protocol/codec.pyx": ""},
        ["net.a imports ws_python.protocol.codec"],
    ),
    (
        {"ws_python/net/a.py": "from . import (\n  b as c\n)\n", "ws_python/net/b.pyx": "from .a import \\\n    x\n"},
        ["circle: ws_python.net.a -> ws_python.net.b -> ws_python.net.a"],
    ),
    (
        {
            "ws_python/a.pxd": "from ws_python.b cimport B\n",
            "ws_python/b.py": "if TYPE_CHECKING:\n    from .c import C\n",
            "ws_python/c.pyi": "from .a import A\n",
        },
        ["circle: ws_python.a -> ws_python.b -> ws_python.c -> ws_python.a"],
    ),
    (
        {"pythonscript/a.pyx": 'include "b/c.pxi"\n', "pythonscript/b/c.pxi": "from pythonscript.a cimport x\n"},
        ["circle: pythonscript.a -> pythonscript.b.c.pxi -> pythonscript.a"],
    ),
]


@pytest.mark.parametrize(("files", "expected"), TREES)
def test_each_rule_can_be_broken(files: dict[str, str], expected: list[str], tmp_path: Path) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    full = [line if line.startswith(("circle", "pythonscript")) else f"ws_python.{line}" for line in expected]
    assert offences(tmp_path) == full
