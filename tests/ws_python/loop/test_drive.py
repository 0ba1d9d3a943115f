"""Tests of ws_python.loop.drive: a timer while there are deadlines, and what arrives is delivered without a poll."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest
from ws_python import WebSocketClient
from ws_python.loop.hub import hub

from tests.ws_python.asyncio_programs import Run, connected_to, echoing, until
from tests.ws_python.driving import listening

pytestmark = pytest.mark.usefixtures("quiet_asyncio")


def test_a_deadline_counts_from_now_after_a_time_without_any(run: Run) -> None:
    """Also where such a time has become usual, so that all of the next one may count."""

    async def main() -> None:
        hub.loop()
        for seconds in (0.05, 0.3):
            assert hub.drive is not None and hub.drive._timer is None
            await asyncio.sleep(0.5)
            passed: asyncio.Future[float] = asyncio.get_running_loop().create_future()
            began = time.monotonic()
            hub.deadlines.after(seconds, lambda to=passed: to.set_result(time.monotonic()))  # type: ignore[misc]
            assert await passed - began >= seconds - 0.01
            await until(lambda: hub.drive is not None and hub.drive._timer is None)

    run(main())


def test_a_sooner_deadline_comes_sooner(run_once: Run) -> None:
    async def main() -> None:
        hub.loop()
        passed: list[str] = []
        hub.deadlines.after(0.05, lambda: passed.append("second"))
        assert hub.drive is not None
        first_timer = hub.drive._timer
        hub.deadlines.after(0.01, lambda: passed.append("first"))
        timer = hub.drive._timer
        assert first_timer is not None and timer is not None
        assert timer.when() < first_timer.when()
        assert first_timer.cancelled(), "or each of the two would be followed by another one, for ever"
        await until(lambda: len(passed) == 2)
        assert passed == ["first", "second"]

    run_once(main())


def test_a_later_deadline_changes_nothing(run_once: Run) -> None:
    async def main() -> None:
        hub.loop()
        first = hub.deadlines.after(0.05, lambda: None)
        assert hub.drive is not None
        timer = hub.drive._timer
        hub.deadlines.after(30.0, lambda: None).cancel()
        assert hub.drive._timer is timer
        first.cancel()

    run_once(main())


def test_what_arrives_is_delivered_at_once(run: Run) -> None:
    """Not only when a deadline has the hub look: also what comes by callbacks and tasks of asyncio's."""

    async def main() -> None:
        client, received = await connected_to(echoing())
        drive = hub.drive
        assert drive is not None and drive._timer is not None
        drive._tick = lambda: None  # type: ignore[method-assign]
        drive._timer.cancel()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        refused = WebSocketClient()
        failures: list[str] = []
        refused.connection_failed.connect(failures.append)
        refused.connect_to_url(f"ws://127.0.0.1:{port}/")
        for number in range(3):
            client.send(str(number))
            await until(lambda: len(received) == number + 1)  # noqa: B023
        await until(lambda: len(failures) == 1)
        del drive._tick
        drive.comes_sooner()

    run(main())


def test_an_idle_connection_wakes_the_loop_seldom(run_once: Run) -> None:
    async def main() -> None:
        client, _ = await connected_to(listening())
        ticks = 0
        assert hub.drive is not None
        tick = hub.drive._tick

        def counted() -> None:
            nonlocal ticks
            ticks += 1
            tick()

        hub.drive._tick = counted  # type: ignore[method-assign]
        await asyncio.sleep(0.5)
        assert 0 < ticks < 12
        client.close()

    run_once(main())
