"""Tests of ws_python.settings."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import pytest
from ws_python.declare.settings import setting, settings_of, with_default


class Colour(IntEnum):
    RED = 0
    BLUE = 2


class Base:
    first: int = setting(5, range=(1, 10), doc="A number.", unit="s")


class Sample(Base):
    flag: bool = setting(False, doc="A switch.")
    ratio: float = setting(0.5, range=(0.0, 1.0), step=0.1, group="Group", doc="A ratio.")
    text: str = setting("a", doc="A text.")
    colour: Colour = setting(Colour.RED, doc="A choice.")
    names: list[str] = setting([], doc="Names.")
    codes: list[int] = setting([1], range=(1, 9), doc="Codes.")


def test_reading_gives_the_default_until_something_is_assigned() -> None:
    one, other = Sample(), Sample()
    one.first = 7
    assert (one.first, other.first) == (7, 5)
    assert vars(one) == {"first": 7}


def test_settings_of_lists_those_of_the_class_first_in_order_of_declaration() -> None:
    settings = settings_of(Sample)
    assert list(settings) == ["flag", "ratio", "text", "colour", "names", "codes", "first"]
    ratio = settings["ratio"]
    assert (ratio.type, ratio.default, ratio.range, ratio.step, ratio.group) == (float, 0.5, (0.0, 1.0), 0.1, "Group")
    assert (settings["first"].unit, settings["first"].doc) == ("s", "A number.")


@pytest.mark.parametrize(
    ("name", "value", "error", "allowed"),
    [
        ("first", "7", TypeError, "first must be int, not String"),
        ("first", True, TypeError, "first must be int, not bool"),
        ("first", 7.0, TypeError, "first must be int, not float"),
        ("first", 11, ValueError, "first must be from 1 to 10 s, not 11"),
        ("ratio", float("nan"), ValueError, "ratio must be from 0.0 to 1.0, not nan"),
        ("flag", 1, TypeError, "flag must be bool, not int"),
        ("text", b"a", TypeError, "text must be String, not PackedByteArray"),
        ("colour", 1, ValueError, "1 is not a valid Colour"),
        ("names", "ab", TypeError, "names must be an array of strings, not String"),
        ("names", None, TypeError, "names must be an array of strings, not null"),
        ("names", ["a", 1], TypeError, "names must hold strings only, not int"),
        ("codes", "1", TypeError, "codes must be an array of integers, not String"),
        ("codes", ["1"], TypeError, "codes must hold integers only, not String"),
        ("codes", [True], TypeError, "codes must hold integers only, not bool"),
        ("codes", [1, 10], ValueError, "codes must hold integers from 1 to 9, not 10"),
    ],
)
def test_a_wrong_value_raises_and_changes_nothing(name: str, value: Any, error: type[Exception], allowed: str) -> None:
    sample = Sample()
    before = getattr(sample, name)
    with pytest.raises(error, match=f"^{allowed}$"):
        setattr(sample, name, value)
    assert getattr(sample, name) == before


def test_values_become_the_settings_own_type() -> None:
    sample = Sample()
    sample.ratio = 1
    sample.colour = 2  # type: ignore[assignment]  # as a Godot scene file has it
    sample.names = ("a", "b")  # type: ignore[assignment]
    assert isinstance(sample.ratio, float)
    assert sample.colour is Colour.BLUE
    assert sample.names == ["a", "b"]


def test_lists_are_not_shared() -> None:
    one, other = Sample(), Sample()
    one.names.append("a")
    assert (one.names, other.names) == (["a"], [])
    given = ["b"]
    other.names = given
    given.append("c")
    assert other.names == ["b"]


class Watched:
    def _note(self) -> None:
        self.noted = [*getattr(self, "noted", []), self.size]

    size: int = setting(5, range=(1, 10), changed=_note, doc="A number.")


class WatchedToo(Watched):
    size: int = with_default(Watched.size, 7)


@pytest.mark.parametrize("cls", [Watched, WatchedToo])
def test_what_is_assigned_is_told_once_it_is_there(cls: type[Watched]) -> None:
    watched = cls()
    watched.size = 3
    with pytest.raises(ValueError):
        watched.size = 11
    watched.size = 4
    assert watched.noted == [3, 4]


class Part:
    pass


class Whole:
    part: Part | None = setting(None, of=Part, doc="A part.")


class WholeToo(Whole):
    part: Part | None = with_default(Whole.part, None)


@pytest.mark.parametrize("cls", [Whole, WholeToo])
def test_a_setting_may_hold_an_object_or_none(cls: type[Whole]) -> None:
    whole, part = cls(), Part()
    assert whole.part is None
    whole.part = part
    with pytest.raises(TypeError, match=r"^part must be Part or null, not String$"):
        whole.part = "part"  # type: ignore[assignment]
    assert whole.part is part
    whole.part = None
    assert whole.part is None
