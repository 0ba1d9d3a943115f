"""What an asyncio program may wait for at a client: that its connection is open, and that it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from enum import IntEnum
from types import MethodType
from typing import Any

from .declare.events import BoundEvent, Event


class _Awaitable:
    """A method that is a coroutine function. It is none to the bridge, which would make one of the engine's of it."""

    def __init__(self, function: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
        self._function = function
        self.__doc__ = function.__doc__

    def __get__(self, instance: object, owner: type) -> Callable[[], Coroutine[Any, Any, None]]:
        return self if instance is None else MethodType(self._function, instance)  # type: ignore[return-value]


class AwaitableClient:
    """For a client: it has these events and this status, of which 0 is idle and 2 is active."""

    connection_failed: Event
    status_changed: Event
    status: Any

    @_Awaitable
    async def connected(self) -> None:
        """Wait until the connection is open; return at once if it is.

        Raises ConnectionError, with the reason in one line, if it cannot be opened, or is closed before, or if
        connect_to_url() was not called. With `auto_reconnect` it waits for as long as there are attempts.
        """
        await _Wait(self, 2, or_raise=True).done

    @_Awaitable
    async def closed(self) -> None:
        """Wait until the connection is closed and `connection_closed` was told; return at once if there is none.

        With `auto_reconnect` that is when the client has given up, or close() was called.
        """
        await _Wait(self, 0, or_raise=False).done


class _Wait:
    """Until a client has a status, or until it is idle."""

    def __init__(self, client: AwaitableClient, status: int, *, or_raise: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._client = client
        self._status = status
        self._or_raise = or_raise
        self._reason = "call connect_to_url() first" if client.status == 0 else "the client was closed"
        self.done: asyncio.Future[None] = self._loop.create_future()
        self._connections: list[tuple[BoundEvent, Callable[..., None]]] = [
            (client.status_changed, self._changed),
            (client.connection_failed, self._failed),
        ]
        for event, callback in self._connections:
            event.connect(callback)
        self.done.add_done_callback(self._disconnect)
        self._look()

    def _failed(self, reason: str) -> None:
        self._reason = reason

    def _changed(self, _status: IntEnum) -> None:
        # What belongs to a status is told behind it.
        self._loop.call_soon(self._look)

    def _look(self) -> None:
        if self.done.done():
            return
        if self._client.status == self._status:
            self.done.set_result(None)
        elif self._client.status == 0 and self._or_raise:
            self.done.set_exception(ConnectionError(self._reason))

    def _disconnect(self, _done: asyncio.Future[None]) -> None:
        for event, callback in self._connections:
            event.disconnect(callback)
