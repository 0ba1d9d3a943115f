"""Tests of ws_python.declare.callbacks."""

from __future__ import annotations

import pytest
from ws_python.declare.callbacks import callback, forget


class Sample:
    hook = callback("hook", "Is called.")


def test_it_holds_what_can_be_called() -> None:
    one, other = Sample(), Sample()
    assert one.hook is None
    one.hook = print
    assert (one.hook, other.hook) == (print, None)
    one.hook = None
    assert one.hook is None
    assert Sample.__dict__["hook"].__doc__ == "Is called."


def test_its_changes_are_told() -> None:
    told: list[object] = []

    class Told:
        hook = callback("hook", "Is called.", changed=lambda instance: told.append(instance.hook))

    told_sample = Told()
    told_sample.hook = print
    told_sample.hook = None
    assert told == [print, None]


def test_they_are_let_go() -> None:
    class Derived(Sample):
        other = callback("other", "Is called.")

    derived = Derived()
    derived.hook, derived.other = print, len
    forget(derived)
    assert (derived.hook, derived.other) == (None, None)
    forget(derived)


@pytest.mark.parametrize(("value", "named"), [("print", "String"), (5, "int"), ({}, "Dictionary")])
def test_what_cannot_be_called_is_refused(value: object, named: str) -> None:
    sample = Sample()
    sample.hook = print
    with pytest.raises(TypeError, match=f"hook must be a Callable, not {named}"):
        sample.hook = value
    assert sample.hook is print
