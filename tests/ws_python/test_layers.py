"""Imports go one way: protocol <- ws_python <- ws_godot -> pythonscript."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PYTHON = Path(__file__).parents[2] / "python"


def imported_modules(source: Path) -> Iterator[str]:
    """The full names of the modules that a Python or Cython source imports."""
    package = source.parent.relative_to(PYTHON).parts
    for node in ast.walk(ast.parse(importable(source))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def importable(source: Path) -> str:
    """The source, or of a Cython one, which Python cannot parse, its import statements on one line each."""
    text = source.read_text(encoding="utf-8")
    if source.suffix == ".py":
        return text
    lines = (line.replace("cimport ", "import ") for line in text.splitlines())
    return "\n".join(line for line in lines if line.startswith(("import ", "from ")) and not line.endswith("("))


def offences(package: str, forbidden: tuple[str, ...]) -> list[str]:
    sources = [path for suffix in ("py", "pyx", "pxd") for path in (PYTHON / package).rglob(f"*.{suffix}")]
    assert sources, f"no sources in {package}"
    return [
        f"{source.relative_to(PYTHON)} imports {module}"
        for source in sources
        for module in imported_modules(source)
        if any(module == name or module.startswith(name + ".") for name in forbidden)
    ]


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("ws_python/protocol", ("socket", "asyncio", "selectors", "time", "pythonscript", "ws_godot")),
        ("ws_python", ("pythonscript", "ws_godot")),
        ("pythonscript", ("ws_python", "ws_godot")),
    ],
)
def test_no_layer_imports_what_is_above_it(package: str, forbidden: tuple[str, ...]) -> None:
    assert offences(package, forbidden) == []


def test_protocol_imports_nothing_of_the_layer_above() -> None:
    found = {
        module
        for source in (PYTHON / "ws_python/protocol").glob("*.py*")
        if source.suffix in (".py", ".pyx")
        for module in imported_modules(source)
        if module.startswith("ws_python.") and not module.startswith("ws_python.protocol")
    }
    assert found == set()


def test_the_check_sees_an_offence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.PYTHON", tmp_path)
    (tmp_path / "low").mkdir()
    (tmp_path / "low" / "a.py").write_text("def f():\n    from ..high import b\n")
    (tmp_path / "low" / "c.pyx").write_text("cimport high.d\ncdef int x = 1\n")
    assert sorted(offences("low", ("high",))) == [
        "low/a.py imports high",
        "low/a.py imports high.b",
        "low/c.pyx imports high.d",
    ]
