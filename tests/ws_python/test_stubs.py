"""The stubs (.pyi) beside the compiled modules say what is there, and all of it."""

from __future__ import annotations

import ast
import enum
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

PYTHON = Path(__file__).parents[2] / "python"
# What stubs name that only compiled code can call, for their readers.
COMPILED_ONLY = {"send_message"}
STUBS = sorted(path for path in (PYTHON / "ws_python").rglob("*.pyi"))


def module_of(stub: Path) -> ModuleType:
    return import_module(".".join(stub.relative_to(PYTHON).with_suffix("").parts))


def declared(body: list[ast.stmt]) -> set[str]:
    """The names that a stub, or a class in it, gives."""
    found = {node.name for node in body if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))}
    found |= {node.target.id for node in body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)}
    return found


def public(names: set[str]) -> set[str]:
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize("stub", STUBS, ids=lambda stub: stub.stem)
def test_a_stub_says_what_its_module_has(stub: Path) -> None:
    module = module_of(stub)
    tree = ast.parse(stub.read_text(encoding="utf-8"))
    for name in public(declared(tree.body)):
        if name != "Event":  # An alias for type checkers.
            assert hasattr(module, name), f"{name} is not in {stub.name[:-1]}x"
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for name, value in vars(module).items():
        if not isinstance(value, type) or value.__module__ != module.__name__ or name.startswith("_"):
            continue
        assert name in classes, f"the class {name} is missing in {stub.name}"
        if issubclass(value, (enum.Enum, tuple)):
            continue
        members, described = set(vars(value)), declared(classes[name].body) - COMPILED_ONLY
        assert public(described) <= {*members, *dir(value)}, f"{name} in {stub.name} has more than the module"
        assert public(members) - described == public(members) & inherited(value), f"{name} in {stub.name} has less"


def inherited(cls: type) -> set[str]:
    """What a base class says already."""
    return {name for base in cls.__mro__[1:] for name in vars(base)}


def test_each_compiled_module_has_its_stub() -> None:
    missing = [path for path in (PYTHON / "ws_python").rglob("*.pyx") if not path.with_suffix(".pyi").exists()]
    # All of these two is for other compiled modules.
    assert {path.stem for path in missing} <= {"buffers", "wire"}
