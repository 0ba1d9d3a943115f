"""Nothing that Windows or macOS lack is used unguarded: what each system's Python has, typeshed's stubs tell (mypy's).

A use counts where that system would come to it: `sys.platform`, `os.name` and `hasattr` are answered for it, and what
is below `try` with ImportError or AttributeError may fail. What only other code keeps it from is listed, with reasons.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import mypy
import pytest

PYTHON = Path(__file__).resolve().parents[1] / "python"
STUBS = Path(mypy.__file__).parent / "typeshed/stdlib"
# With the os.name of each. Linux itself is among them: there, nothing is missing.
PLATFORMS = {"win32": "nt", "darwin": "posix", "linux": "posix"}
VERSION = (3, 11)
# Of these, only what runs when the module is imported is looked at; behind each stands what keeps the rest away.
KEPT_AWAY = {
    "ws_python/net/unix.py": "UnixDoor.open() and UnixDialer.dial() refuse where socket has no AF_UNIX",
    "ws_python/net/handover.py": "Handover refuses to begin where it is not IS_AVAILABLE",
    "ws_python/net/inherited.py": "inherited_sockets() refuses where os.name is not posix",
    "ws_python/net/network_changes.py": "NetworkChanges makes a _Netlink only where socket has AF_NETLINK",
    "pythonscript/engine/sockets.py": "raise_no_signals() puts nothing of Linux in place on other systems",
}
CYTHON_USE = re.compile(r"\b(errno|os|select|signal|socket|time)\.([A-Za-z_]\w*)")
IMPORT_ERRORS = {"ImportError", "ModuleNotFoundError", "AttributeError", "Exception"}


@cache
def stub(module: str, platform: str) -> frozenset[str] | None:
    """The names that a module of the standard library has on that system; None where it is no module of it."""
    parts = module.split(".")
    paths = [STUBS.joinpath(*parts).with_suffix(".pyi"), STUBS.joinpath(*parts, "__init__.pyi")]
    path = next((path for path in paths if path.exists()), None)
    return None if path is None else frozenset(defined(ast.parse(path.read_text()).body, platform))


def defined(body: list[ast.stmt], platform: str) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.If):
            system = SimpleNamespace(platform=platform, version_info=VERSION)
            holds = eval(ast.unparse(node.test), {"sys": system})
            yield from defined(node.body if holds else node.orelse, platform)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
                yield from stub(node.module or "", platform) or ()
            else:  # What is not renamed to what it is called is of the stub alone.
                yield from (alias.name for alias in node.names if alias.asname == alias.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def is_there(module: str, platform: str) -> bool:
    """Whether a module can be imported: the stub of one that cannot is empty."""
    return bool(stub(module, platform)) or not stub(module, "linux")


def has(module: str, name: str, platform: str) -> bool:
    """Whether a name is there, or is none of the standard library's."""
    return name in (stub(module, platform) or ()) or name not in (stub(module, "linux") or ())


class Reader:
    """Walks through a module as a system would run it, and notes what it lacks."""

    def __init__(self, platform: str, imports_only: bool) -> None:
        self.platform = platform
        self.imports_only = imports_only
        self.modules: dict[str, str] = {}
        self.lacks: list[tuple[int, str]] = []

    def walk(self, nodes: list[ast.stmt]) -> None:
        for node in nodes:
            if isinstance(node, ast.If) and self.holds(node.test) is True and leaves(node.body[-1]):
                self.visit(node)
                return
            self.visit(node)

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, (ast.If, ast.IfExp)):
            self.visit(node.test)
            holds = self.holds(node.test)
            for name in ("body", "orelse"):
                if holds is not (name == "orelse"):
                    self.visit_field(getattr(node, name))
        elif isinstance(node, ast.BoolOp):
            for value in node.values:
                self.visit(value)
                if self.holds(value) is isinstance(node.op, ast.Or):
                    break
        elif isinstance(node, (ast.Try, ast.With)) and may_fail(node):
            for statement in node.body:  # Where it can be imported, what it has still counts.
                if isinstance(statement, ast.Import) and is_there(statement.names[0].name, self.platform):
                    self.visit(statement)
            if isinstance(node, ast.Try):
                for handler in node.handlers:
                    self.walk(handler.body)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for part in (*node.decorator_list, node.args):
                self.visit(part)
            if not self.imports_only:
                self.walk(node.body)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                self.modules[alias.asname or alias.name] = alias.name
                self.note(node, is_there(alias.name, self.platform), alias.name)
        elif isinstance(node, ast.ImportFrom):
            if not node.level:
                module = node.module or ""
                for alias in node.names:
                    self.note(node, has(module, alias.name, self.platform), f"{module}.{alias.name}")
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in self.modules:
            module = self.modules[node.value.id]
            self.note(node, has(module, node.attr, self.platform), f"{module}.{node.attr}")
        else:
            for _, value in ast.iter_fields(node):
                self.visit_field(value)

    def visit_field(self, value: object) -> None:
        if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
            self.walk(value)
            return
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.AST):
                self.visit(part)

    def note(self, node: ast.stmt | ast.expr, is_there: bool, name: str) -> None:
        if not is_there:
            self.lacks.append((node.lineno, name))

    def holds(self, test: ast.expr) -> bool | None:
        """What a condition is on that system; None where that does not depend on it."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            inner = self.holds(test.operand)
            return None if inner is None else not inner
        if isinstance(test, ast.BoolOp):
            decided = isinstance(test.op, ast.Or)
            parts = [self.holds(value) for value in test.values]
            return decided if decided in parts else None if None in parts else not decided
        if isinstance(test, ast.Call) and isinstance(test.func, ast.Name) and test.func.id == "hasattr":
            module, name = test.args
            if isinstance(module, ast.Name) and module.id in self.modules and isinstance(name, ast.Constant):
                return name.value in (stub(self.modules[module.id], self.platform) or ())
        text = ast.unparse(test)
        if re.fullmatch(r"(sys\.platform|os\.name) (==|!=) '\w+'", text):
            names = {
                "sys": SimpleNamespace(platform=self.platform),
                "os": SimpleNamespace(name=PLATFORMS[self.platform]),
            }
            return bool(eval(text, names))
        return None


def leaves(node: ast.stmt) -> bool:
    return isinstance(node, (ast.Return, ast.Raise, ast.Continue, ast.Break))


def may_fail(node: ast.Try | ast.With) -> bool:
    if isinstance(node, ast.With):
        calls = [item.context_expr for item in node.items if isinstance(item.context_expr, ast.Call)]
        return any("suppress" in ast.unparse(call.func) and caught(call.args) for call in calls)
    return caught([handler.type for handler in node.handlers if handler.type is not None])


def caught(types: list[ast.expr]) -> bool:
    return any(isinstance(part, ast.Name) and part.id in IMPORT_ERRORS for kind in types for part in ast.walk(kind))


def offences(root: Path, platform: str) -> list[str]:
    """What would fail on that system, one line each."""
    lines = []
    for path in sorted(path for suffix in ("*.py", "*.pyx", "*.pxi") for path in root.rglob(suffix)):
        name, text = path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")
        if path.suffix == ".py":
            reader = Reader(platform, name in KEPT_AWAY)
            reader.walk(ast.parse(text).body)
            lines += [f"{name}:{number}: {platform} has no {what}" for number, what in reader.lacks]
            continue
        for module, attribute in CYTHON_USE.findall(text):
            if not has(module, attribute, platform) and f'hasattr({module}, "{attribute}")' not in text:
                lines.append(f"{name}: {platform} has no {module}.{attribute}")
    return lines


@pytest.mark.parametrize("platform", PLATFORMS)
def test_nothing_is_used_that_a_system_lacks(platform: str) -> None:
    assert offences(PYTHON, platform) == []


def test_what_is_kept_away_is_there() -> None:
    assert [name for name in KEPT_AWAY if not (PYTHON / name).is_file()] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import os\nos.fork()", ["a.py:2: win32 has no os.fork"]),
        ("import os as o\ndef f():\n    o.fork()", ["a.py:3: win32 has no os.fork"]),
        ("import fcntl", ["a.py:1: win32 has no fcntl"]),
        ("def f():\n    import pwd", ["a.py:2: win32 has no pwd"]),
        ("from socket import AF_UNIX", ["a.py:1: win32 has no socket.AF_UNIX"]),
        ("import socket\nx = [socket.AF_INET, socket.AF_UNIX]", ["a.py:2: win32 has no socket.AF_UNIX"]),
        ("import os, sys\nif sys.platform == 'win32':\n    os.fork()", ["a.py:3: win32 has no os.fork"]),
        ("import os, sys\nif sys.platform != 'linux':\n    os.fork()", ["a.py:3: win32 has no os.fork"]),
        ("import os, time\nif hasattr(time, 'sleep') or os.fork(): pass", []),
        ("import os, time\nif hasattr(time, 'sleep') and os.fork(): pass", ["a.py:2: win32 has no os.fork"]),
        ("import os\nif os.name == 'posix':\n    os.fork()", []),
        ("import os\ndef f():\n    if os.name != 'posix':\n        return\n    os.fork()", []),
        ("import os\nif hasattr(os, 'fork') and os.fork(): pass", []),
        ("import os\nx = os.fork() if hasattr(os, 'fork') else None", []),
        ("try:\n    import fcntl\nexcept ImportError:\n    fcntl = None", []),
        ("import os\nfrom contextlib import suppress\nwith suppress(AttributeError):\n    os.fork()", []),
        ("import os\ntry:\n    os.fork()\nexcept OSError: pass", ["a.py:3: win32 has no os.fork"]),
        ("import os\nos.getpid(); os.path.join('a')", []),
    ],
)
def test_each_rule_can_be_broken(text: str, expected: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(text)
    assert offences(tmp_path, "win32") == expected


def test_cython_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "a.pyx").write_text("import signal\ncdef int f():\n    signal.pthread_kill(1, 2)\n")
    assert offences(tmp_path, "win32") == ["a.pyx: win32 has no signal.pthread_kill"]
    assert offences(tmp_path, "darwin") == []
