"""Tests of ws_python.protocol.retry_after: every form of the header, and what is none."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ws_python.protocol.retry_after import seconds_to_wait

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
NOW = 784111777.0  # The same, in seconds since 1970.


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("007", 7.0),
        ("9" * 5000, math.inf),
        ("Sun, 06 Nov 1994 08:50:37 GMT", 60.0),
        ("Sunday, 06-Nov-94 08:50:37 GMT", 60.0),
        ("Sun Nov  6 08:50:37 1994", 60.0),
        ("Sun, 06 Nov 1994 08:49:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 252618174622.0),
        ("", 0.0),
        ("-5", 0.0),
        ("1.5", 0.0),
        ("soon", 0.0),
        ("1, 100", 100.0),
        ("100, 1", 100.0),
        ("7, Sun, 06 Nov 1994 08:50:37 GMT", 60.0),
        ("soon, 5", 5.0),
        ("\u0665", 0.0),
        ("Sun, 99 Nov 1994 99:99:99 GMT", 0.0),
    ],
)
def test_every_form(header: str, expected: float) -> None:
    assert seconds_to_wait(header, DATE, 0.0) == pytest.approx(expected)


@pytest.mark.parametrize("wrong_by", [-3600, 0, 3600])
def test_a_time_of_day_counts_from_the_servers_own(wrong_by: int) -> None:
    assert seconds_to_wait("Sun, 06 Nov 1994 08:50:37 GMT", DATE, NOW + wrong_by) == 60.0


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_without_one_it_counts_from_ours(date: str) -> None:
    assert seconds_to_wait("Sun, 06 Nov 1994 08:50:37 GMT", date, NOW) == 60.0


DATES = st.from_regex(
    r"[A-Za-z]{0,9},? ?\d{0,4}[ -]?[A-Za-z]{0,4}[ -]?\d{0,6}[ :.]{0,2}[\d:.]{0,9} ?[A-Z+-]{0,4}\d{0,5}"
)


@given(st.one_of(st.text(max_size=40), DATES), st.one_of(st.text(max_size=40), DATES))
def test_whatever_it_says_it_is_a_time_to_wait(header: str, date: str) -> None:
    assert seconds_to_wait(header, date, NOW) >= 0.0
