"""Tests of ws_python.protocol.clock."""

from __future__ import annotations

import random

import pytest
from ws_python.protocol.clock import (
    NEEDED,
    SAMPLES,
    Clock,
    ClockError,
    Sample,
    answer,
    answered,
    is_answer,
    last_answer,
    question,
    round_trip,
)

OFFSET = 1234.5


def sample(at: float, *, there: float = 0.001, wait: float = 0.0, back: float = 0.001, network: float = 0.0) -> Sample:
    """One that is asked at that time and takes so long on its ways, with a wait at the other side before it is read."""
    asked_there = at + there + wait
    return Sample(at, asked_there + OFFSET, asked_there + back, network)


def test_heads() -> None:
    asked = question(1.5)
    assert asked == "1500000"
    assert not is_answer(asked)
    assert answer(asked, 2.25) == "1500000 2250000"
    assert is_answer(answer(asked, 2.25))
    assert answered("1500000 2250000") == (1_500_000, 2.25)


@pytest.mark.parametrize("head", ["", "x", "-1", "1.5", "9" * 16, "9" * 17, "\u0661", " 1"])
def test_bad_questions(head: str) -> None:
    with pytest.raises(ClockError):
        answer(head, 1.0)


@pytest.mark.parametrize("head", ["", "1", "1 ", " 1", "1 x", "1 2 3", "1 -2", "1 " + "9" * 16])
def test_bad_answers(head: str) -> None:
    with pytest.raises(ClockError):
        answered(head)


def test_the_way_there_and_back_of_who_answers() -> None:
    """It took 20 ms there and 30 ms back, and half a second until the next question."""
    first = answer(question(10.0), 110.02)
    told = last_answer(Sample(10.0, answered(first)[1], 10.05), 10.55)
    assert told == "110020000 500000"
    assert round_trip(told, first, 110.57) == pytest.approx(0.05)
    assert round_trip(told, answer(question(10.0), 110.03), 110.57) == 0.0, "it is of another answer"
    assert round_trip(told, first, 110.5) == 0.0, "it says more than can be"
    assert round_trip("", first, 110.57) == 0.0


@pytest.mark.parametrize("payload", [b"1 2", "1", "x 1", "1 -1", "1 2 3", "1 " + "9" * 17])
def test_bad_payloads(payload: str | bytes) -> None:
    with pytest.raises(ClockError):
        round_trip(payload, "1 1", 5.0)


def test_nothing_is_known_at_first() -> None:
    clock = Clock()
    assert not clock.is_known
    assert clock.time(5.0) == 0.0
    assert clock.error(5.0) == float("inf")


def test_the_middle_of_what_is_possible() -> None:
    clock = Clock(needed=1)
    clock.add(sample(10.0, there=0.002, back=0.004))
    assert clock.time(11.0) == pytest.approx(11.0 + OFFSET - 0.001)
    assert clock.error(11.0) == pytest.approx(0.003, abs=2e-4)


def test_a_wait_at_the_other_side_does_no_harm_where_the_network_is_known() -> None:
    clock = Clock(needed=1)
    clock.add(sample(10.0, there=0.00003, wait=0.0333, back=0.00003, network=0.00006))
    assert clock.time(11.0) == pytest.approx(11.0 + OFFSET, abs=1e-5)
    assert clock.error(11.0) < 0.0002


def test_bounds_of_several_samples_are_put_together() -> None:
    clock = Clock(needed=1)
    clock.add(sample(10.0, there=0.001, back=0.020))
    clock.add(sample(10.1, there=0.020, back=0.001))
    assert clock.time(11.0) == pytest.approx(11.0 + OFFSET, abs=1e-5)
    assert clock.error(11.0) < 0.0017


def test_the_error_is_never_less_than_the_truth() -> None:
    chance = random.Random(1)
    for _ in range(200):
        clock = Clock(needed=1)
        for number in range(chance.randint(1, SAMPLES + 3)):
            clock.add(sample(number, there=chance.random() / 10, wait=chance.random() / 10, back=chance.random() / 10))
            now = number + 0.5
            assert abs(clock.time(now) - now - OFFSET) <= clock.error(now) + 1e-9


def test_it_is_slewed_and_never_goes_back() -> None:
    clock = Clock(needed=1)
    clock.add(sample(0.0, there=0.1, back=0.0))
    chance = random.Random(2)
    now, before = 1.0, clock.time(1.0)
    for step in range(2000):
        if step % 50 == 0:
            clock.add(sample(now - 0.2, there=chance.random() / 10, back=chance.random() / 10))
        passed = chance.random() / 60
        now += passed
        time = clock.time(now)
        assert 0.995 * passed - 1e-9 <= time - before <= 1.005 * passed + 1e-9
        before = time
    assert abs(before - now - OFFSET) < 0.02


def test_asked_twice_at_the_same_moment_or_earlier() -> None:
    clock = Clock(needed=1)
    clock.add(sample(0.0))
    time = clock.time(5.0)
    assert clock.time(5.0) == time
    assert clock.time(4.0) >= time


def test_a_jump_is_followed_at_once_but_not_back() -> None:
    clock = Clock(needed=1)
    clock.add(sample(0.0))
    before = clock.time(1.0)
    clock.add(Sample(1.0, 1.001 + OFFSET + 60.0, 1.002))
    assert clock.samples == 1, "what was known of the time before is worth nothing"
    assert clock.time(1.1) == pytest.approx(before + 60.1, abs=0.01)
    clock.add(Sample(2.0, 2.001 + OFFSET, 2.002))
    stands = clock.time(2.1)
    assert clock.time(3.0) == stands, "it waits until the time is that"
    assert clock.time(70.0) == pytest.approx(70.0 + OFFSET, abs=0.01)


def test_one_that_contradicts_itself_is_left_out() -> None:
    clock = Clock(needed=1)
    clock.add(Sample(2.0, 5.0, 1.0))
    assert not clock.is_known


def test_one_sample_is_not_enough() -> None:
    clock = Clock()
    for number in range(NEEDED):
        assert not clock.is_known
        clock.add(sample(number, there=1.0, back=0.1 * number))
    assert clock.is_known
    assert abs(clock.time(9.0) - 9.0 - OFFSET) <= clock.error(9.0)
    before = clock.time(10.0)
    clock.add(Sample(10.0, 10.001 + OFFSET + 60.0, 10.002))
    assert clock.error(10.1) == float("inf"), "one of the clocks has jumped"
    assert clock.time(10.1) == pytest.approx(before + 0.1)
    for number in range(1, NEEDED):
        clock.add(Sample(10.0 + number, 10.001 + number + OFFSET + 60.0, 10.002 + number))
    assert clock.time(15.0) == pytest.approx(15.0 + OFFSET + 60.0, abs=0.01)


def test_the_error_sinks_while_nobody_asks_for_the_time() -> None:
    clock = Clock(needed=1)
    clock.add(sample(0.0, there=0.1, back=0.0))
    clock.time(1.0)
    clock.add(sample(1.0, there=0.0, back=0.1))
    assert clock.error(1.2) > 0.04
    assert clock.error(15.0) < 0.01


def test_restart() -> None:
    clock = Clock(needed=1)
    clock.add(sample(0.0))
    clock.time(1.0)
    clock.restart()
    assert not clock.is_known
    clock.add(Sample(2.0, 2.0, 2.002))
    assert clock.time(3.0) == pytest.approx(3.0, abs=0.01), "another clock may be behind"
