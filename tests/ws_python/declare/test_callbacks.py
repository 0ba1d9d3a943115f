"""Tests of ws_python.declare.callbacks."""

from __future__ import annotations

import pytest
from ws_python.declare.callbacks import callback, forget_callbacks


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


@pytest.mark.parametrize(("value", "named"), [("print", "String"), (5, "int"), ({}, "Dictionary")])
def test_what_cannot_be_called_is_refused(value: object, named: str) -> None:
    sample = Sample()
    sample.hook = print
    with pytest.raises(TypeError, match=f"hook must be a Callable, not {named}"):
        sample.hook = value
    assert sample.hook is print


def test_all_of_an_object_are_forgotten() -> None:
    class Derived(Sample):
        other = callback("other", "Is called, too.")
        plain = property(lambda self: 1)

    one, another = Derived(), Derived()
    one.hook = one.other = another.hook = print
    forget_callbacks(one)
    assert (one.hook, one.other, one.plain) == (None, None, 1)
    assert another.hook is print
