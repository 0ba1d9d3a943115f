"""Tests of ws_python.protocol.requests."""

from __future__ import annotations

import pytest
from ws_python.protocol.requests import (
    CANCEL,
    ERROR,
    MOST_WAITING,
    REPLY,
    REQUEST,
    Asked,
    Dialogue,
    DialogueError,
    Failed,
    GivenUp,
    Replied,
    TooMany,
    is_method,
)

MOST = 2


def test_a_request_and_its_reply() -> None:
    here, there = Dialogue[str](), Dialogue[str]()
    number, head = here.ask("login", "waiter")
    assert (number, head) == (1, "1 login")
    assert there.receive(REQUEST, head, MOST) == Asked(1, "login")
    assert there.is_awaited(1)
    assert there.handled == here.waiting == 1
    assert there.answered(1)
    assert here.receive(REPLY, "1", MOST) == Replied("waiter")
    assert there.handled == here.waiting == 0
    assert here.receive(REPLY, "1", MOST) is None, "nobody waits for a second one"


def test_answers_come_in_any_order_and_both_sides_ask() -> None:
    here, there = Dialogue[str](), Dialogue[str]()
    heads = [here.ask("m", waiter)[1] for waiter in "ab"]
    assert there.ask("m", "c")[0] == 1, "each side counts for itself"
    assert [there.receive(REQUEST, head, MOST) for head in heads] == [Asked(1, "m"), Asked(2, "m")]
    assert here.receive(ERROR, "2 31", MOST) == Failed("b", 31)
    assert here.receive(REPLY, "1", MOST) == Replied("a")


def test_what_is_cancelled_is_not_answered_and_counts_until_it_is_handled() -> None:
    here, there = Dialogue[str](), Dialogue[str]()
    number, head = here.ask("m", "a")
    there.receive(REQUEST, head, MOST)
    assert here.give_up(number)
    assert not here.give_up(number), "once"
    assert there.receive(CANCEL, "1", MOST) == GivenUp(1)
    assert not there.is_awaited(1)
    assert there.handled == 1
    assert not there.answered(1)
    assert there.receive(CANCEL, "1", MOST) is None, "it crossed the answer"
    assert here.receive(REPLY, "1", MOST) is None, "it crossed the cancel"


def test_a_request_that_was_not_sent_uses_up_no_number() -> None:
    here = Dialogue[str]()
    number, _ = here.ask("m", "a")
    here.take_back(number)
    assert here.waiting == 0
    assert here.ask("m", "b")[1] == "1 m"


def test_both_sides_are_bounded() -> None:
    here, there = Dialogue[int](), Dialogue[int]()
    heads = [here.ask("m", waiter)[1] for waiter in range(MOST_WAITING)]
    assert here.is_full
    assert [there.receive(REQUEST, head, MOST) for head in heads[:3]] == [Asked(1, "m"), Asked(2, "m"), TooMany(3, "m")]
    assert there.handled == MOST
    there.answered(1)
    assert there.receive(REQUEST, heads[3], MOST) == Asked(4, "m"), "there is room again"


def test_the_end() -> None:
    here = Dialogue[str]()
    for waiter in "abc":
        here.ask("m", waiter)
    here.receive(REQUEST, "1 m", MOST)
    assert here.end() == ["a", "b", "c"]
    assert here.end() == []
    assert not here.answered(1)


@pytest.mark.parametrize(
    ("letter", "head"),
    [
        (REQUEST, ""),
        (REQUEST, "1"),
        (REQUEST, "1 "),
        (REQUEST, "x m"),
        (REQUEST, "-1 m"),
        (REQUEST, "0 m"),
        (REQUEST, "1 a b"),
        (REQUEST, "1 a\tb"),
        (REQUEST, "1 " + "m" * 129),
        (REQUEST, "9" * 17 + " m"),
        (REQUEST, f"{2**53} m"),
        (REQUEST, "\u0661 m"),
        (REPLY, ""),
        (REPLY, "2"),
        (REPLY, "one"),
        (ERROR, "1"),
        (ERROR, "1 x"),
        (ERROR, "1 1000"),
        (ERROR, "2 1"),
        (CANCEL, "1"),
        (CANCEL, ""),
    ],
)
def test_what_breaks_the_rules(letter: str, head: str) -> None:
    here = Dialogue[str]()
    here.ask("m", "a")
    with pytest.raises(DialogueError):
        here.receive(letter, head, MOST)


def test_numbers_count_up() -> None:
    there = Dialogue[str]()
    assert there.receive(REQUEST, "5 m", MOST) == Asked(5, "m")
    with pytest.raises(DialogueError):
        there.receive(REQUEST, "5 m", MOST)
    with pytest.raises(DialogueError):
        there.receive(REQUEST, "4 m", MOST)


@pytest.mark.parametrize(("name", "is_one"), [("a", True), ("user.login", True), ("", False), ("a b", False)])
def test_names_of_methods(name: str, is_one: bool) -> None:
    assert is_method(name) == is_one
    assert not is_method(name + "ä")
    assert not is_method(name + "\n")
