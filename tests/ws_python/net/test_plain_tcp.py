"""Tests of ws_python.net.plain_tcp: a pair of connected sockets, one of them as a PlainLink."""

from __future__ import annotations

import pytest

from tests.ws_python.net.links import Ear, Pair


def test_what_it_takes_is_what_the_system_takes(plain: Pair) -> None:
    """The rest stays with its owner: nothing is copied on the way."""
    data = bytes(50_000_000)
    taken = plain.link.write(data)
    assert 0 < taken < len(data)
    assert plain.link.is_blocked and plain.link.held() == 0
    received = 0
    while received < taken:
        received += len(plain.there.recv(1_000_000))
    plain.turn_until(lambda: not plain.link.is_blocked)


def test_a_receiver_that_fails_ends_its_link_alone(plain: Pair, caplog: pytest.LogCaptureFixture) -> None:
    ear = Ear()  # It lends no buffer to read into.
    plain.link.receiver = ear
    plain.there.send(b"x")
    plain.turn_until(lambda: ear.ends == 1)
    assert plain.link.is_ended
    assert caplog.messages == ["a connection could not be read or written, and is dropped"]
