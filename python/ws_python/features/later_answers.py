"""Answers of a user's function that come later: what it has returned is awaited, on whatever thread that ends."""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from ..loop.hub import hub


class Answered:
    """Who is told the answer."""

    #: Runs a coroutine function that is to answer.
    task: asyncio.Future[Any] | None = None
    #: Where what is to answer may be gone without a word, whether it is still there.
    is_coming: Callable[[], bool] | None = None

    def settle(self, value: object) -> None:
        """The function has answered, on whatever thread."""
        raise NotImplementedError

    def fail(self, error: BaseException) -> None:
        """The function has raised, on whatever thread."""
        raise NotImplementedError

    def done(self, future: asyncio.Future[Any] | concurrent.futures.Future[Any]) -> None:
        """What the function has returned has come to its end."""
        error = asyncio.CancelledError() if future.cancelled() else future.exception()
        if error is not None:
            self.fail(error)
        else:
            self.settle(future.result())


class LaterAnswers:
    """For a node whose functions of the user's may answer later. A host may know more ways to do so."""

    def _answers_later(self, value: object, answered: Answered) -> bool:
        """Whether a function has returned what will have its answer; then that is told to `answered`."""
        if isinstance(value, concurrent.futures.Future) or asyncio.isfuture(value):
            value.add_done_callback(answered.done)
        elif inspect.isawaitable(value):
            answered.task = _task_of(value)
            answered.task.add_done_callback(answered.done)
        else:
            return False
        return True


def _task_of(awaitable: Awaitable[Any]) -> asyncio.Future[Any]:
    """Has it run in the loop of the program that polls, where there is one, and else in ours."""

    async def result() -> Any:
        return await awaitable

    # One within another would be told as never awaited, where that other is cancelled before it begins.
    coroutine = awaitable if asyncio.iscoroutine(awaitable) else result()
    try:
        return asyncio.get_running_loop().create_task(coroutine)
    except RuntimeError:
        return hub.start_task(coroutine)
