"""What a server says before it closes, in the session layer: come back in a while, perhaps elsewhere."""

from __future__ import annotations

from typing import NamedTuple

from .session import MAX_HEAD, MOVE, LayerMessage
from .urls import parse_url

# More milliseconds than anybody waits: eleven days and a half.
_MOST_DIGITS = 9
#: How long a URL may be, in characters: what one line has room for.
MAX_URL = MAX_HEAD - _MOST_DIGITS - 1


class MoveError(ValueError):
    """What the other side says is no such line. The text says so in one line."""


class Move(NamedTuple):
    """In how many milliseconds to come back, and to which URL; empty for the same one."""

    delay: int
    url: str = ""

    @property
    def seconds(self) -> float:
        """In how many seconds."""
        return self.delay / 1000.0

    def pack(self) -> LayerMessage:
        """As a message of the layer."""
        return LayerMessage(MOVE, f"{self.delay} {self.url}".rstrip(), "")

    @classmethod
    def unpack(cls, head: str) -> Move:
        """Of the line of such a message. Raises MoveError."""
        delay, _, url = head.partition(" ")
        if not delay.isascii() or not delay.isdigit() or len(delay) > _MOST_DIGITS:
            raise MoveError("a server that asks to come back later does not say in how many milliseconds")
        return cls(int(delay), url)


def checked_url(url: str) -> str:
    """A URL that a server may send its clients to. Raises ValueError with one line that says what is wrong."""
    parse_url(url)
    if not url.isascii() or " " in url or len(url) > MAX_URL:
        raise ValueError(f"a URL to come back to has at most {MAX_URL} characters, of ASCII and without spaces")
    return url


def leads_astray(url: str, from_url: str) -> str:
    """Why a client of `from_url` does not go to `url`, in one line without secrets; "" if it may.

    What was encrypted stays so, and no server of a network sends anybody to the sockets of his own machine.
    """
    try:
        there, here = parse_url(url), parse_url(from_url)
    except (ValueError, ImportError) as problem:
        return str(problem)
    if here.secure and not there.secure:
        return "it is not encrypted, as the connection was"
    if type(there) is not type(here):
        return "a Unix socket and a host do not send to each other"
    return ""
