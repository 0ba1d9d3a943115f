"""What a server says before it closes: how it is written, and where a client does not go."""

from __future__ import annotations

import pytest
from ws_python.protocol.moves import MAX_URL, Move, MoveError, checked_url, leads_astray
from ws_python.protocol.session import MAX_HEAD, LayerMessage


@pytest.mark.parametrize("move", [Move(0), Move(1500), Move(86_400_000, "wss://other.example/game?room=1")])
def test_it_is_read_as_it_was_written(move: Move) -> None:
    packed = move.pack()
    assert LayerMessage.unpack(packed.pack()) == packed
    assert (Move.unpack(packed.head), packed.is_counted) == (move, False)


def test_seconds() -> None:
    assert Move(1500).seconds == 1.5


def test_the_longest_url_fits_into_a_line() -> None:
    longest = "ws://h/" + "x" * (MAX_URL - 7)
    assert len(Move(999_999_999, checked_url(longest)).pack().head) == MAX_HEAD
    with pytest.raises(ValueError, match="at most"):
        checked_url(longest + "x")


@pytest.mark.parametrize("head", ["", " ws://h/", "-1", "1.5", "x", "1234567890", "\u00b2", "\u0661"])
def test_what_is_no_number_is_refused(head: str) -> None:
    with pytest.raises(MoveError, match="milliseconds"):
        Move.unpack(head)


@pytest.mark.parametrize("url", ["http://h/", "ws://", "ws://h/#x", "ws://h/ x", "ws://münchen.example/", "h"])
def test_where_no_client_can_go(url: str) -> None:
    with pytest.raises(ValueError, match=r"URL"):
        checked_url(url)


@pytest.mark.parametrize(
    ("there", "here", "why"),
    [
        ("ws://b/", "ws://a/", ""),
        ("wss://b/", "ws://a/", ""),
        ("wss://b/", "wss://a/", ""),
        ("ws://b/", "wss://a/", "encrypted"),
        ("ws://a/", "wss+unix:/run/a", "encrypted"),
        ("unix:/run/b", "unix:/run/a", ""),
        ("unix:/run/b", "ws://a/", "Unix"),
        ("wss+unix:/run/b", "wss://a/", "Unix"),
        ("ws://b/", "unix:/run/a", "Unix"),
        ("http://b/?secret=x", "ws://a/", "scheme"),
    ],
)
def test_a_client_goes_only_where_it_is_as_safe(there: str, here: str, why: str) -> None:
    told = leads_astray(there, here)
    assert why in told
    assert bool(told) == bool(why)
    assert "secret=x" not in told
