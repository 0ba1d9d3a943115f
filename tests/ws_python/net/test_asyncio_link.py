"""Tests of ws_python.net.asyncio_link: what asyncio does differently. What all links do: test_link.py."""

from __future__ import annotations

import pytest
from ws_python.net.asyncio_link import address_of

from tests.ws_python.net.links import Pair


def test_what_asyncio_holds_is_told(by_asyncio: Pair) -> None:
    data = bytes(50_000_000)
    taken = by_asyncio.link.write(data)
    assert 0 < taken < len(data)
    assert by_asyncio.link.is_blocked and 0 < by_asyncio.link.held() <= 256 * 1024


@pytest.mark.parametrize(
    ("peername", "expected"),
    [
        (("127.0.0.1", 80), ("127.0.0.1", 80)),
        (("::ffff:10.0.0.1", 80, 0, 0), ("10.0.0.1", 80)),
        (("::1", 80, 0, 0), ("::1", 80)),
        ("/tmp/socket", ("", 0)),
        (None, ("", 0)),
    ],
)
def test_addresses(peername: object, expected: tuple[str, int]) -> None:
    assert address_of(peername) == expected
