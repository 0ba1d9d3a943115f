"""Tests of ws_python.loop.host: a plain Python program has no frames."""

from __future__ import annotations

from ws_python.loop.host import Host


def test_there_is_no_end_of_a_frame_and_no_wait() -> None:
    host = Host()
    called: list[int] = []
    assert not host.at_frame_end(lambda: called.append(1))
    assert (called, host.frame_wait) == ([], 0.0)
