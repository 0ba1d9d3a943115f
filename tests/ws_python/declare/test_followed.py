"""Tests of ws_python.declare.followed."""

from __future__ import annotations

import pytest
from ws_python.declare.followed import Followed


class Holder:
    def __init__(self) -> None:
        self.number = "1"
        self.times = 0

    def make(self) -> int:
        self.times += 1
        return int(self.number)


@pytest.fixture
def holder() -> Holder:
    return Holder()


@pytest.fixture
def followed(holder: Holder) -> Followed[int]:
    return Followed(lambda: holder.number, holder.make, "number")


def test_it_is_made_once_and_again_after_a_change(holder: Holder, followed: Followed[int]) -> None:
    followed.begin()
    assert [followed.get(), followed.get()] == [1, 1]
    holder.number = "2"
    assert [followed.get(), followed.get()] == [2, 2]
    assert holder.times == 2


def test_a_bad_change_is_told_once_and_leaves_what_was_there(
    holder: Holder, followed: Followed[int], caplog: pytest.LogCaptureFixture
) -> None:
    followed.begin()
    holder.number = "x"
    assert [followed.get(), followed.get()] == [1, 1]
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("number: invalid literal")
    assert line.endswith("; what was set before stays in force")
    holder.number = "3"
    assert followed.get() == 3


def test_a_bad_begin_raises_and_is_begun_again(holder: Holder, followed: Followed[int]) -> None:
    holder.number = "x"
    with pytest.raises(ValueError, match="invalid"):
        followed.begin()
    holder.number = "4"
    followed.begin()
    assert followed.get() == 4
    followed.end()
    followed.begin()
    assert (followed.get(), holder.times) == (4, 3)
