"""Tests of ws_python.listener."""

from __future__ import annotations

import errno
import os
import socket

import pytest
from ws_python.declare.errors import Error, explain_bind_error
from ws_python.loop.hub import hub
from ws_python.net import listener
from ws_python.net.link import Link

from tests.ws_python.driving import poll_until


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
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError) as caught:
        listener.open_sockets(address, taken.getsockname()[1])
    assert explain_bind_error(caught.value)[0] == Error.ERR_ALREADY_IN_USE


@pytest.mark.parametrize(
    ("address", "valid"),
    [("*", True), ("localhost", True), ("127.0.0.1", True), ("::1", True), ("example.com", False), ("", False)],
)
def test_valid_addresses(address: str, valid: bool) -> None:
    assert listener.is_valid_address(address) is valid


class Unlucky(socket.socket):
    """accept() fails first, as accept(2) says that it may for what befell one connection on its way."""

    failures: list[int]

    def accept(self) -> tuple[socket.socket, object]:
        if self.failures:
            error = self.failures.pop()
            raise OSError(error, os.strerror(error))
        return super().accept()


class Turning:
    def poll(self) -> None:
        hub.turn(0.0, 1.0)


def test_a_connection_that_broke_on_its_way_stands_in_no_others(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No network here fails so: the one part that is made up is the error."""
    links: list[Link] = []
    with socket.create_server(("127.0.0.1", 0)) as real:
        unlucky = Unlucky(fileno=real.dup().detach())
        unlucky.setblocking(False)
        unlucky.failures = [errno.ECONNRESET, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EPROTO, errno.EPERM]
        monkeypatch.setattr(listener, "open_sockets", lambda _address, _port: [unlucky])
        listening = listener.Listener("*", 0, links.append)
        with socket.create_connection(real.getsockname()):
            poll_until(lambda: bool(links), Turning())
        listening.close()
        links[0].drop()
    assert unlucky.failures == []
    assert caplog.messages == []
