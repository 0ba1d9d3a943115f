"""Tests of ws_python.listener."""

from __future__ import annotations

import errno
import socket

import pytest
from ws_python.net import listener


def test_any_address_takes_ipv4_and_ipv6_on_one_port() -> None:
    (bound,) = listener.open_sockets("*", 0)
    with bound:
        bound.listen()
        port = bound.getsockname()[1]
        socket.create_connection(("127.0.0.1", port)).close()
        if bound.family == socket.AF_INET6:
            socket.create_connection(("::1", port)).close()


def test_localhost_has_one_port_for_both_families() -> None:
    sockets = listener.open_sockets("localhost", 0)
    ports = {bound.getsockname()[1] for bound in sockets}
    hosts = [bound.getsockname()[0] for bound in sockets]
    for bound in sockets:
        bound.close()
    assert len(ports) == 1
    assert hosts in (["127.0.0.1", "::1"], ["127.0.0.1"])


@pytest.mark.parametrize("address", ["*", "localhost", "127.0.0.1"])
def test_a_taken_port_raises_and_leaves_nothing_open(address: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use") as caught:
        listener.open_sockets(address, taken.getsockname()[1])
    assert caught.value.errno == errno.EADDRINUSE


@pytest.mark.parametrize(
    ("address", "valid"),
    [("*", True), ("localhost", True), ("127.0.0.1", True), ("::1", True), ("example.com", False), ("", False)],
)
def test_valid_addresses(address: str, valid: bool) -> None:
    assert listener.is_valid_address(address) is valid
