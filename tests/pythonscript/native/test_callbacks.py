"""callbacks.pxi holds every function that the engine calls, each a door that is shut once Python has ended."""

from __future__ import annotations

import re

import pytest

from tests.godot_process import ROOT

NATIVE = ROOT / "python" / "pythonscript" / "native"
DOORS = sorted(
    {
        name
        for path in NATIVE.glob("*.pxi")
        for name in re.findall(r"<GDExtension\w+><void\*>(\w+)", path.read_text(encoding="utf-8"))
    }
)


def test_every_function_that_is_handed_to_the_engine_was_found() -> None:
    assert {"create_instance", "method_call", "callable_free", "main_loop_frame", "reference"} <= set(DOORS)


@pytest.mark.parametrize("name", DOORS)
def test_a_function_that_the_engine_calls(name: str) -> None:
    text = (NATIVE / "callbacks.pxi").read_text(encoding="utf-8")
    found = re.search(rf"^cdef [\w*]+ {name}\((?:[^)]|\n)*\) noexcept nogil:\n((?:    .*\n|\n)+)", text, re.MULTILINE)
    assert found, f"{name} is no door of callbacks.pxi"
    assert "_alive" in found[1] or "method_ptrcall(" in found[1]


def test_whatever_takes_the_gil_is_there() -> None:
    others = [path.name for path in NATIVE.glob("*.pxi") if re.search("noexcept with gil", path.read_text("utf-8"))]
    assert others == ["callbacks.pxi"]
