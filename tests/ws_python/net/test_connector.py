"""Tests of ws_python.connector. Reaching a server is tested with the client."""

from __future__ import annotations

import errno
import os
import socket
import ssl

import pytest
from ws_python.net import connector


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            socket.gaierror(socket.EAI_NONAME, "?"),
            'the host name "host" cannot be resolved (Name or service not known)',
        ),
        (TimeoutError(), "host, port 80, did not answer in time; check"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "host refuses connections on port 80; check"),
        (
            OSError(f"Multiple exceptions: [Errno {errno.ECONNREFUSED}] a, [Errno {errno.ECONNREFUSED}] b"),
            "host refuses connections on port 80; check",
        ),
        (OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH)), "host, port 80, cannot be reached: Network"),
        (ssl.SSLError(1, "wrong version number"), "host, port 80, does not speak TLS as it should"),
        (ConnectionResetError(), "host, port 80, does not speak TLS as it should (it hung up)"),
        (ssl.SSLCertVerificationError(1, "self-signed"), "the certificate of host is not trusted"),
    ],
)
def test_every_failure_is_explained_in_one_line(error: Exception, expected: str) -> None:
    reason = connector.explain(error, "host", 80, secure=True)
    assert reason.startswith(expected)
    assert "\n" not in reason


def test_a_reset_without_tls_is_no_matter_of_tls() -> None:
    error = ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
    assert connector.explain(error, "host", 80, secure=False).endswith("cannot be reached: Connection reset by peer")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (ssl.SSLCertVerificationError(1, "self-signed"), False),
        (LookupError("unknown encoding"), False),
    ],
)
def test_what_another_attempt_cannot_change_is_final(error: Exception, expected: bool) -> None:
    assert connector.may_pass(error) is expected
