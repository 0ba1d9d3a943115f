"""Requests over the session layer, sans-I/O: what one end has asked, and what it is being asked.

Four letters of the layer, all of them counted and kept, so that a request survives a cut as a message does:

    q "id method"  payload   a request; the ids of each end count up from 1
    r "id"         payload   its reply
    x "id code"    text      it failed: a number of Godot's Error, and words for people
    k "id"                   whoever asked does not wait any more: it is not answered

Each end of a session keeps a `Dialogue`. It knows nothing of what payloads hold, and of time.
"""

from __future__ import annotations

from typing import Final, Generic, NamedTuple, TypeVar

T = TypeVar("T")

REQUEST: Final = "q"
REPLY: Final = "r"
ERROR: Final = "x"
CANCEL: Final = "k"
LETTERS: Final = frozenset((REQUEST, REPLY, ERROR, CANCEL))

#: Characters of the name of a method: printable ASCII without a space.
LONGEST_METHOD: Final = 128
#: Requests of one end that may wait for their replies.
MOST_WAITING: Final = 4096
# The largest whole number that each language has, JavaScript among them.
_MOST = 2**53 - 1
_MOST_CODE = 999


class DialogueError(ValueError):
    """The other side breaks the rules above. The text says how, in one line."""


class Asked(NamedTuple):
    """The other side asks: answer with `Dialogue.answered` when that is possible."""

    number: int
    method: str


class TooMany(NamedTuple):
    """The other side asks, and as many requests of it as may be are being handled: refuse it."""

    number: int
    method: str


class Replied(NamedTuple, Generic[T]):
    """The reply to what `waiter` waits for."""

    waiter: T


class Failed(NamedTuple, Generic[T]):
    """What `waiter` waits for has failed, with a number that may be none of Error's."""

    waiter: T
    code: int


class GivenUp(NamedTuple):
    """The other side does not wait for this answer any more."""

    number: int


Heard = Asked | TooMany | Replied[T] | Failed[T] | GivenUp | None


def is_method(name: str) -> bool:
    """Whether a method can have that name."""
    return 0 < len(name) <= LONGEST_METHOD and name.isascii() and name.isprintable() and " " not in name


class Dialogue(Generic[T]):
    """Who waits for what at one end of a session. A `waiter` is whatever its owner wants to find again."""

    __slots__ = ("_asked", "_handled", "_heard", "_waiting")

    def __init__(self) -> None:
        # Numbers of the last request: of this end, and of the other one.
        self._asked = self._heard = 0
        self._waiting: dict[int, T] = {}
        # What is being handled here, and whether the other side still waits for it.
        self._handled: dict[int, bool] = {}

    # --- asking

    @property
    def is_full(self) -> bool:
        """Whether too many requests of this end wait already."""
        return len(self._waiting) >= MOST_WAITING

    @property
    def waiting(self) -> int:
        """How many requests of this end wait for their replies."""
        return len(self._waiting)

    def ask(self, method: str, waiter: T) -> tuple[int, str]:
        """A request of this end: its number, and the head of the message to send. See `is_method` and `is_full`."""
        self._asked += 1
        self._waiting[self._asked] = waiter
        return self._asked, f"{self._asked} {method}"

    def take_back(self, number: int) -> None:
        """The last request was not sent after all: its number is free again."""
        del self._waiting[number]
        self._asked = number - 1

    def give_up(self, number: int) -> bool:
        """This end waits for a reply no more. Whether it did: then the other side is to be told, by CANCEL."""
        return self._waiting.pop(number, None) is not None

    def end(self) -> list[T]:
        """The session is over: who waits in vain, the first first. What is handled here is not wanted any more."""
        waiters = list(self._waiting.values())
        self._waiting.clear()
        self._handled.clear()
        return waiters

    # --- in another process

    def numbers(self) -> tuple[int, int, list[int]]:
        """The last request of this end, that of the other end, and those that are handled here and awaited there."""
        return self._asked, self._heard, [number for number, is_awaited in self._handled.items() if is_awaited]

    def go_on(self, asked: int, heard: int) -> None:
        """A new one goes on with the numbers of another one: nobody waits here, and nothing is handled."""
        self._asked, self._heard = asked, heard

    # --- hearing

    def receive(self, letter: str, head: str, most_handled: int) -> Heard[T]:
        """Of a message with one of LETTERS. None: it came too late to matter. Raises DialogueError."""
        number, _, rest = head.partition(" ")
        if not _is_number(number, _MOST):
            raise DialogueError("a message about a request without its number")
        if letter == REQUEST:
            return self._receive_request(int(number), rest, most_handled)
        if letter == CANCEL:
            return self._receive_cancel(int(number))
        if int(number) > self._asked:
            raise DialogueError("an answer to a request that was never made")
        waiter = self._waiting.pop(int(number), None)
        if letter == REPLY:
            return None if waiter is None else Replied(waiter)
        if not _is_number(rest, _MOST_CODE):
            raise DialogueError("a request that failed without the number of an error")
        return None if waiter is None else Failed(waiter, int(rest))

    def _receive_request(self, number: int, method: str, most_handled: int) -> Asked | TooMany:
        if number <= self._heard:
            raise DialogueError("a request whose number does not count up")
        if not is_method(method):
            raise DialogueError("a request without the name of a method")
        self._heard = number
        if len(self._handled) >= most_handled:
            return TooMany(number, method)
        self._handled[number] = True
        return Asked(number, method)

    def _receive_cancel(self, number: int) -> GivenUp | None:
        if number > self._heard:
            raise DialogueError("a request is cancelled that was never made")
        if number not in self._handled:
            return None
        self._handled[number] = False
        return GivenUp(number)

    # --- answering

    @property
    def handled(self) -> int:
        """How many requests of the other side are being handled, those that it has cancelled among them."""
        return len(self._handled)

    def is_awaited(self, number: int) -> bool:
        """Whether the other side still waits for this answer."""
        return self._handled.get(number, False)

    def answered(self, number: int) -> bool:
        """A request of the other side is handled. Whether the answer is to be sent, as REPLY or ERROR."""
        return self._handled.pop(number, False)


def _is_number(text: str, most: int) -> bool:
    return 0 < len(text) <= len(str(most)) and text.isascii() and text.isdigit() and int(text) <= most
