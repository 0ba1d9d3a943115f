"""Tests of ws_python.declare.system_words: Linux's own words, whatever an error says itself."""

from __future__ import annotations

import errno
import os
import socket
import ssl
import sys

import pytest
from ws_python.declare import system_words
from ws_python.declare.system_words import numbers_of, words_of


@pytest.mark.skipif(sys.platform != "linux", reason="the words are those of Linux")
def test_they_are_those_of_linux() -> None:
    for name, words in system_words._WORDS.items():
        assert os.strerror(getattr(errno, name)) == words
    with pytest.raises(socket.gaierror) as caught:
        socket.getaddrinfo("256.256.256.256", 1, flags=socket.AI_NUMERICHOST)
    assert words_of(caught.value) == caught.value.strerror == system_words._NAME_WORDS["EAI_NONAME"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Verbindung verweigert"), "Connection refused"),
        (OSError(errno.EHOSTUNREACH, "Connect call failed ('10.0.0.1', 1)"), "No route to host"),
        (OSError(errno.EADDRINUSE, "x\ny"), "Address already in use"),
        (OSError(9999, "of one's own\nand more"), "of one's own"),
        (OSError("just text"), "just text"),
        (
            OSError(f"Multiple exceptions: [Errno {errno.ENETUNREACH}] a, [Errno {errno.ENETUNREACH}] b"),
            "Network is unreachable",
        ),
        (
            OSError(f"Multiple exceptions: [Errno {errno.EACCES}] a, [Errno {errno.ECONNREFUSED}] b"),
            "Permission denied; Connection refused",
        ),
        (socket.gaierror(socket.EAI_NONAME, "getaddrinfo failed"), "Name or service not known"),
        (socket.gaierror(-9999, "unheard of"), "unheard of"),
        (ssl.SSLError(1, "wrong version number"), "wrong version number"),
        (LookupError("unknown encoding"), "unknown encoding"),
    ],
)
def test_words(error: Exception, words: str) -> None:
    assert words_of(error) == words


def test_numbers() -> None:
    assert numbers_of(OSError(errno.EMFILE, "x")) == {errno.EMFILE}
    assert numbers_of(OSError("[Errno 5] a, [WinError 6] b")) == {5, 6}
    assert numbers_of(ValueError("x")) == set()


@pytest.mark.skipif(sys.platform != "win32", reason="only Windows has numbers of its own")
def test_windows() -> None:
    for number, words in [(10061, "Connection refused"), (10013, "Permission denied"), (10024, "Too many open files")]:
        error = OSError(0, "Ein Fehler", None, number)
        assert words_of(error) == words
        assert words_of(OSError(f"Multiple exceptions: {error}, {error}")) == words
    assert words_of(OSError(0, "Ein Fehler", None, 2)) == "No such file or directory"
    assert words_of(OSError(0, "Ein Fehler", None, 10999)) == "Windows error 10999"
