"""What comes of a request: a value, or an error as a value. Whoever asked waits for it, and it always comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import Any, Self

from ..declare.errors import Error
from ..declare.events import event


class WebSocketReply:
    """What comes of a request: `data`, or an `error` with a `message`.

    In asyncio's loop, `await` it. A handler returns one that fail() makes, to answer with an error.
    """

    completed = event(
        reply=object,
        doc="The reply is there, or the request has failed: what the argument, this object, says of it does not change "
        "any more. Exactly once.",
    )

    def __init__(self) -> None:
        super().__init__()
        self._error = Error.ERR_BUSY
        self._message = ""
        self._data: object = None
        self._is_completed = False
        # What cancel() calls.
        self._give_up: Callable[[], object] | None = None

    @staticmethod
    def fail(error: Error = Error.FAILED, message: str = "") -> WebSocketReply:
        """What a handler returns to have the request fail: with an Error, and a line that says why.

        Both go to whoever asked, whom you may not trust. OK as an `error` counts as FAILED.
        """
        return WebSocketReply._failed(error, message)

    @classmethod
    def _failed(cls, error: Error, message: str) -> Self:
        reply = cls()
        reply._set(error or Error.FAILED, message, None)
        return reply

    @property
    def error(self) -> Error:
        """OK if `data` is the reply, ERR_BUSY as long as it is not `is_completed`, and otherwise why there is none.

        ERR_TIMEOUT: it did not come in time. ERR_CONNECTION_ERROR: there is no connection, or its session ended before.
        ERR_UNAVAILABLE: the other side has no sessions, or this was another thread than the main one.
        ERR_METHOD_NOT_FOUND: the other side handles no such method. ERR_SCRIPT_FAILED: its handler failed. ERR_BUSY:
        it handles as many as its `max_requests` allows, or there is no room to send. ERR_INVALID_PARAMETER: a bad name,
        or a value that cannot be sent. ERR_INVALID_DATA: what came cannot be read. ERR_SKIP: cancel() was called.
        Any other is the handler's own.
        """
        return self._error

    @property
    def message(self) -> str:
        """What belongs to an `error`, in one line; of a handler's, whatever the other side wrote. Otherwise empty."""
        return self._message

    @property
    def data(self) -> Any:
        """What the handler of the other side has returned; null (None) where it failed, or returned nothing."""
        return self._data

    @property
    def is_completed(self) -> bool:
        """Whether the reply is there, or the request has failed."""
        return self._is_completed

    def cancel(self) -> None:
        """Wait for it no more: it is completed at once, with ERR_SKIP, and the other side does not answer any more.

        What its handler does goes on. Does nothing where it is completed.
        """
        if self._give_up is not None:
            self._give_up()

    # --- for those who make it

    def _set(self, error: Error, message: str, data: object) -> bool:
        """Complete it without a word. Whether it was not before."""
        if self._is_completed:
            return False
        self._error, self._message, self._data = error, message, data
        self._is_completed = True
        self._give_up = None
        return True

    def _complete(self, error: Error, message: str = "", data: object = None) -> None:
        """Complete it, and tell of it."""
        if self._set(error, message, data):
            self.completed.emit(self)

    def _complete_later(self, error: Error, message: str) -> None:
        """As _complete(), but told when whoever calls this is done: nobody can be called now, or can listen yet."""
        self._complete(error, message)

    # --- in asyncio

    def __await__(self) -> Generator[Any, None, WebSocketReply]:
        if not self._is_completed:
            yield from self._arrival().__await__()
        return self

    async def _arrival(self) -> None:
        arrived = asyncio.get_running_loop().create_future()

        def arrive(_reply: object) -> None:
            if not arrived.done():
                arrived.set_result(None)

        self.completed.connect(arrive)
        try:
            await arrived
        except asyncio.CancelledError:
            self.cancel()
            raise
        finally:
            self.completed.disconnect(arrive)
