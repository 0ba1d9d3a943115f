"""Fuzz target: the codec of either side against the frame code of `websockets`: the same bytes, cut anywhere."""

from __future__ import annotations

from tests.fuzz import wire
from tests.fuzz.given import Given
from tests.ws_python.protocol.oracle import MAX_SIZE, assert_same

STEPS = (1, 400, 3000, 20_000, 1 << 30)


def run(data: bytes) -> None:
    """A few frames, or any bytes."""
    given = Given(data)
    setup, step, sizes = given.byte(), STEPS[given.below(len(STEPS))], given.sizes()
    server, deflate = setup & 1 == 1, setup & 2 == 2
    came = b""
    if setup & 4:
        came = given.rest()
    else:
        while given:
            came += wire.frame(given, masked=server, most=MAX_SIZE + 200)
    assert_same(came, sizes, step, server=server, deflate=deflate)
