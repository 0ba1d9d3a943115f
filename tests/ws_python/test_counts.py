"""docs/statistics.md has every reason that is counted, in Python and in the portable nodes, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TypeGuard

from tests.godot_process import ROOT

PORTABLE = ROOT / "addons/ws_python/portable"
SOURCES = [*(ROOT / "python/ws_python").rglob("*.py"), *(ROOT / "python/ws_godot").rglob("*.py")]
COMPILED = (ROOT / "python/ws_python").rglob("*.pyx")
NAME = re.compile(r"[a-z]+(_[a-z0-9]+)+")


def documented() -> list[str]:
    rows = re.findall(r"^\| (`.+?`) \|", (ROOT / "docs/statistics.md").read_text(), re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`(\w+)`", row)]


def counted() -> Iterator[str]:
    """What is counted, as patterns: `*` stands for what is put together when it is counted."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            yield from _in_python(node)
    for path in COMPILED:
        yield from re.findall(r'\b_count\("(\w+)"\)', path.read_text())
    for path in PORTABLE.rglob("*.gd"):
        for name in re.findall(r'statistics\.count\(\s*"([\w%]+)"', path.read_text()):
            yield name.replace("%s", "*") + ("*" if name.endswith("_") else "")


def _in_python(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "_count":
        for value in ast.walk(node.args[0]):
            if isinstance(value, ast.JoinedStr):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in value.values)
                return
            if isinstance(value, ast.Constant) and NAME.fullmatch(str(value.value)):
                yield str(value.value)
    elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute) and node.value.attr == "_counts":
        if isinstance(node.slice, ast.Constant):
            yield str(node.slice.value)
    elif isinstance(node, ast.keyword) and node.arg == "cause" and isinstance(node.value, ast.Constant):
        yield str(node.value.value)
    elif isinstance(node, ast.FunctionDef) and node.name in ("cause", "why_unanswered"):
        for given in ast.walk(node):
            if isinstance(given, ast.Return) and given.value is not None:
                yield from (str(value.value) for value in ast.walk(given.value) if _is_name(value))


def _is_name(node: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and NAME.fullmatch(node.value) is not None


def test_each_is_there_once_in_its_table() -> None:
    names = documented()
    of_both_sides = {"failed_tls_handshake", "refused_tls_flood", "left_in_handshake"}
    assert {name for name in names if names.count(name) > 1} == of_both_sides
    assert len(names) > 80


def test_what_is_counted_is_documented() -> None:
    names, patterns = set(documented()), set(counted())
    assert len(patterns) > 60
    missing = {pattern for pattern in patterns if not any(fnmatchcase(name, pattern) for name in names)}
    assert missing == set()


def test_what_is_documented_is_counted() -> None:
    patterns = set(counted())
    # What is handed to what counts it is written out somewhere.
    text = "\n".join(path.read_text() for path in [*SOURCES, *PORTABLE.rglob("*.gd")])
    unknown = {
        name
        for name in documented()
        if not any(fnmatchcase(name, pattern) for pattern in patterns) and f'"{name}"' not in text
    }
    assert unknown == set()
