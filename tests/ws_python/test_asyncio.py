"""Servers and clients in asyncio's own running loop, and uvloop's: nobody calls poll()."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import os
import socket
import ssl
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import pytest
import trustme
import ws_python
from ws_python import Error, WebSocketClient, WebSocketRequest, WebSocketServer
from ws_python.loop.host import Host
from ws_python.loop.hub import hub

from tests.ws_python.asyncio_programs import Run, connected_to, echoing, run_in, until, url_of
from tests.ws_python.driving import DEADLINE, listening, named, poll_until, record

pytestmark = pytest.mark.usefixtures("quiet_asyncio")

PYTHON = Path(ws_python.__file__).parents[1]


class LoopWithoutReaders(asyncio.SelectorEventLoop):
    """It can do what asyncio's loop on Windows can, and no more."""

    def add_reader(self, fd: Any, callback: Any, *args: Any) -> None:  # type: ignore[override]
        raise NotImplementedError


class TestMessages:
    def test_there_and_back(self, run: Run) -> None:
        async def main() -> None:
            client, received = await connected_to(echoing())
            for message in ("text", b"binary", "", "x" * 200_000):
                assert client.send(message) == Error.OK
            await until(lambda: len(received) == 4)
            assert received == ["text", b"binary", "", "x" * 200_000]
            client.close(4000, "done")
            await client.closed()
            assert (client.get_close_code(), client.get_close_reason()) == (4000, "done")

        run(main())

    def test_more_than_anybody_takes_at_once(self, run: Run) -> None:
        """Back-pressure, held input, and polls that are over before everything is delivered."""

        async def main() -> None:
            server = echoing(max_queued_bytes=65536, max_poll_time=0.0005)
            client, received = await connected_to(server)
            sent = 0
            while sent < 3000:
                if client.send(sent.to_bytes(8, "big") * 256) == Error.OK:
                    sent += 1
                else:
                    await asyncio.sleep(0)
            await until(lambda: len(received) == sent)
            assert [int.from_bytes(message[:8], "big") for message in received] == list(range(sent))

        run(main())

    def test_several_servers_and_clients(self, run: Run) -> None:
        async def main() -> None:
            servers = [echoing() for _ in range(3)]
            pairs = await asyncio.gather(*(connected_to(server) for server in servers for _ in range(5)))
            for number, (client, _) in enumerate(pairs):
                client.send(str(number))
            await until(lambda: all(received for _, received in pairs))
            assert [received for _, received in pairs] == [[str(number)] for number in range(15)]
            servers[0].stop()
            await until(lambda: sum(client.status == client.Status.STATUS_IDLE for client, _ in pairs) == 5)

        run(main())

    def test_over_tls(self, run: Run, tmp_path: Path) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        trusting = ssl.create_default_context()
        authority.configure_trust(trusting)

        async def main() -> None:
            server = WebSocketServer()
            server.bind_address = "localhost"
            server.tls_options = context
            server.message_received.connect(server.send)
            assert server.listen(0) == Error.OK
            client = WebSocketClient()
            received: list[Any] = []
            client.message_received.connect(received.append)
            assert client.connect_to_url(f"wss://localhost:{server.get_local_port()}/", trusting) == Error.OK
            await client.connected()
            client.send("x" * 300_000)
            await until(lambda: len(received) == 1)

        run(main())

    def test_other_tasks_have_their_turn(self, run: Run) -> None:
        """A handler that is slow keeps them waiting for `max_poll_time`, not for all that has arrived."""

        async def main() -> None:
            server = listening(max_poll_time=0.002)
            handled: list[int] = []

            def handle(peer_id: int, message: str) -> None:
                time.sleep(0.001)
                handled.append(peer_id)

            server.message_received.connect(handle)
            client, _ = await connected_to(server)
            for _ in range(300):
                client.send("x")
            turns = 0
            while len(handled) < 300:
                await asyncio.sleep(0)
                turns += 1
            # The clock is asked every 32 messages, and there may be two deliveries in a turn.
            assert turns > 2

        run(main())


class TestHandlers:
    def test_a_handler_stops_its_server_and_another_raises(self, run: Run, caplog: pytest.LogCaptureFixture) -> None:
        async def main() -> None:
            server = listening()
            server.message_received.connect(lambda *_: 1 // 0)
            server.message_received.connect(lambda *_: server.stop())
            client, _ = await connected_to(server)
            client.send("stop")
            await client.closed()
            assert client.get_close_code() == 1001

        run(main())
        assert "a callback of message_received raised" in caplog.text

    def test_an_authorizer_awaits_what_belongs_to_the_loop(self, run: Run) -> None:
        async def main() -> None:
            asked = asyncio.Event()
            answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

            async def authorizer(request: WebSocketRequest) -> bool:
                asked.set()
                return await answer

            server = listening(authorizer=authorizer)
            client = WebSocketClient()
            client.connect_to_url(url_of(server))
            await asked.wait()
            assert client.status == client.Status.STATUS_CONNECTING
            answer.set_result(True)
            await client.connected()

        run(main())

    def test_the_program_polls_all_the_same(self, run: Run) -> None:
        async def main() -> None:
            server = listening()

            def handle(peer_id: int, message: str) -> None:
                server.send(peer_id, message)
                server.poll()

            server.message_received.connect(handle)
            client, received = await connected_to(server)
            for number in range(50):
                client.send(str(number))
                client.poll()
                server.poll()
            while len(received) < 50:
                client.poll()
                server.poll()
                await asyncio.sleep(0)
            assert received == [str(number) for number in range(50)]

        run(main())

    def test_what_another_thread_wants(self, run: Run, caplog: pytest.LogCaptureFixture) -> None:
        async def main() -> None:
            client, received = await connected_to(echoing())
            loop = asyncio.get_running_loop()
            done: concurrent.futures.Future[Error] = concurrent.futures.Future()

            def other() -> None:
                loop.call_soon_threadsafe(client.send, "safe")
                done.set_result(client.send("unsafe"))

            threading.Thread(target=other).start()
            assert await asyncio.wrap_future(done) == Error.ERR_UNAVAILABLE
            await until(lambda: received == ["safe"])

        run(main())
        assert "call_soon_threadsafe" in caplog.text


class TestTime:
    def test_a_connection_that_nobody_answers(self, run: Run) -> None:
        async def main() -> None:
            with socket.create_server(("127.0.0.1", 0)) as silent:
                client = WebSocketClient()
                client.connect_timeout = 0.3
                began = time.monotonic()
                client.connect_to_url(f"ws://127.0.0.1:{silent.getsockname()[1]}/")
                with pytest.raises(ConnectionError, match="in time"):
                    await client.connected()
                assert time.monotonic() - began >= 0.29

        run(main())

    def test_reconnecting(self, run: Run) -> None:
        async def main() -> None:
            server = listening()
            client = WebSocketClient()
            client.auto_reconnect = True
            client.reconnect_delay = 0.1
            log = record(client)
            client.connect_to_url(url_of(server))
            await client.connected()
            await until(lambda: server.get_peer_count() == 1)
            server.disconnect_peer(server.get_peer_ids()[0], 4001)
            await until(lambda: bool(named(log, "reconnecting")))
            await client.connected()
            client.close()
            await client.closed()

        run(main())


class TestTheEnd:
    def test_everybody_says_goodbye(self, run: Run) -> None:
        log: list[tuple[Any, ...]] = []

        async def main() -> None:
            server = listening()
            client, _ = await connected_to(server)
            server.client_disconnected.connect(lambda peer_id: log.append(("gone", peer_id)))
            client.send("the last one")
            server.message_received.connect(lambda peer_id, message: log.append((message,)))

        run(main())
        assert ("gone" in [entry[0] for entry in log]) and not hub.tasks

    def test_one_run_after_another(self, run: Run) -> None:
        servers: list[WebSocketServer] = []

        async def main() -> None:
            servers.append(echoing())
            client, received = await connected_to(servers[-1])
            client.send("x")
            await until(lambda: received == ["x"])

        run(main())
        run(main())
        assert [server.is_listening() for server in servers] == [False, False]

    def test_the_same_nodes_in_another_run_and_polled(self, run: Run) -> None:
        server = WebSocketServer()
        server.bind_address = "localhost"
        server.message_received.connect(server.send)
        client = WebSocketClient()
        received: list[Any] = []
        client.message_received.connect(received.append)

        async def main() -> None:
            assert server.listen(0) == Error.OK
            assert client.connect_to_url(url_of(server)) == Error.OK
            await client.connected()
            client.send("x")
            before = len(received)
            await until(lambda: len(received) > before)

        run(main())
        run(main())
        assert server.listen(0) == Error.OK
        assert client.connect_to_url(url_of(server)) == Error.OK
        poll_until(lambda: client.status == client.Status.STATUS_ACTIVE, server, client)
        client.send("x")
        poll_until(lambda: len(received) == 3, server, client)

    @pytest.mark.skipif(
        not hub.uses_epoll or hub.shares_epoll, reason="asyncio warns of its sockets that nobody has closed"
    )
    def test_a_loop_that_is_closed_without_a_word(self) -> None:
        loop = asyncio.new_event_loop()
        server = loop.run_until_complete(_listening())
        client, _ = loop.run_until_complete(connected_to(server))
        loop.close()
        assert server.listen(0) == Error.OK, "it has ended with its loop"
        assert client.status == client.Status.STATUS_IDLE
        server.poll()
        server.stop()

    def test_a_loop_that_was_closed_on_another_thread(self) -> None:
        def serve() -> WebSocketServer:
            loop = asyncio.new_event_loop()
            server = loop.run_until_complete(_listening())
            loop.close()
            return server

        with concurrent.futures.ThreadPoolExecutor(1) as threads:
            server = threads.submit(serve).result(DEADLINE)
        port = server.get_local_port()
        assert server.listen(port) == Error.OK, "it has ended, and its port is free"
        server.stop()

    def test_a_handler_closes_everything(self, run: Run) -> None:
        async def main() -> None:
            server = listening()
            server.message_received.connect(lambda *_: hub.close(0.0))
            client, _ = await connected_to(server)
            client.send("x")
            await until(lambda: hub.drive is None)
            assert not server.is_listening() and client.status == client.Status.STATUS_IDLE
            again, received = await connected_to(echoing())
            again.send("y")
            await until(lambda: received == ["y"])

        run(main())

    def test_a_node_is_freed_when_it_is_over(self, run: Run) -> None:
        async def main() -> None:
            server = listening()
            client, _ = await connected_to(server)
            gone = weakref.ref(client)
            client.close()
            await client.closed()
            del client, _
            await until(lambda: (gc.collect(), gone() is None)[1])

        run(main())

    def test_a_program_ends_without_a_warning(self, tmp_path: Path) -> None:
        """In a process of its own: also what Python says when it ends."""
        program = """
            import asyncio, logging, sys
            from ws_python import WebSocketClient, WebSocketServer
            logging.getLogger("ws_python").setLevel("CRITICAL")  # The authorizer did not come to its end.
            logging.getLogger("asyncio").setLevel("ERROR")  # It warns of each callback that takes long.
            tasks = []  # asyncio itself keeps weak references only.
            async def main():
                server = WebSocketServer()
                server.listen(0)
                async def never(request):
                    await asyncio.Event().wait()
                clients = [WebSocketClient() for _ in range(3)]
                for client in clients:
                    client.auto_reconnect = True
                    client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
                    await client.connected()
                server.authorizer = never
                clients.append(WebSocketClient())
                clients[-1].connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
                tasks.append(asyncio.create_task(clients[-1].connected()))
                await asyncio.sleep(0.1)
                if sys.argv[1] == "raises":
                    raise SystemExit(3)
            if sys.argv[1] == "closes":
                loop = asyncio.new_event_loop()
                asyncio.set_event_loop(loop)
                loop.run_until_complete(main())
                loop.run_until_complete(loop.shutdown_asyncgens())
                for task in asyncio.all_tasks(loop):
                    task.cancel()
                loop.run_until_complete(asyncio.sleep(0))
                loop.close()
            else:
                asyncio.run(main(), debug=sys.argv[1] == "debug")
        """
        for how, code in (("returns", 0), ("debug", 0), ("raises", 3), ("closes", 0)):
            done = subprocess.run(
                [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(program), how],
                env={**os.environ, "PYTHONPATH": str(PYTHON)},
                capture_output=True,
                text=True,
                timeout=240,
            )
            assert (done.returncode, done.stderr, done.stdout) == (code, "", ""), how


async def _listening() -> WebSocketServer:
    return listening()


class TestOtherLoops:
    def test_one_that_cannot_watch_sockets(self) -> None:
        """As asyncio's own on Windows: accepting is watched by a thread."""

        async def main() -> None:
            server = echoing()
            threads = threading.active_count()
            pairs = await asyncio.gather(*(connected_to(server) for _ in range(40)))
            for client, _ in pairs:
                client.send("x")
            await until(lambda: all(received == ["x"] for _, received in pairs))
            server.stop()
            await until(lambda: threading.active_count() < threads)

        usual, hub.uses_epoll = hub.uses_epoll, False
        try:
            run_in(LoopWithoutReaders, main())
        finally:
            hub.uses_epoll = usual

    def test_idle_nodes_that_were_polled_go_over(self, run: Run) -> None:
        client = WebSocketClient()
        server = listening()
        server.poll()
        server.stop()
        client.poll()
        hub.call_soon(lambda: None)

        async def main() -> None:
            assert server.listen(0) == Error.OK
            client.connect_to_url(url_of(server))
            await client.connected()

        run(main())

    def test_nodes_that_are_polled_elsewhere_stay_there(self, caplog: pytest.LogCaptureFixture) -> None:
        server = listening()
        log = record(server)

        async def main() -> None:
            assert WebSocketClient().connect_to_url(url_of(server)) == Error.ERR_UNAVAILABLE
            hub.call_soon(lambda: None)
            with pytest.raises(RuntimeError, match="begin it in there"):
                server.poll()

        asyncio.run(main())
        assert "stop them first" in caplog.text
        client = WebSocketClient()
        assert client.connect_to_url(url_of(server)) == Error.OK
        poll_until(lambda: bool(named(log, "client_connected")), server, client)

    def test_two_loops_in_turn(self, caplog: pytest.LogCaptureFixture) -> None:
        first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
        server = first.run_until_complete(_listening())
        client = WebSocketClient()

        async def connect() -> Error:
            return client.connect_to_url(url_of(server))

        assert second.run_until_complete(connect()) == Error.ERR_UNAVAILABLE
        assert "in another event loop, which is not closed" in caplog.text
        second.close()
        assert first.run_until_complete(connect()) == Error.OK
        first.run_until_complete(client.connected())
        first.run_until_complete(first.shutdown_asyncgens())
        first.close()
        assert not server.is_listening()

    def test_two_loops_at_once(self, caplog: pytest.LogCaptureFixture) -> None:
        async def main() -> None:
            server = listening()
            with concurrent.futures.ThreadPoolExecutor(1) as threads:
                other = threads.submit(lambda: asyncio.run(_connect(url_of(server))))
                assert await asyncio.wrap_future(other) == Error.ERR_UNAVAILABLE

        asyncio.run(main())
        assert "only the thread of the event loop" in caplog.text
        with concurrent.futures.ThreadPoolExecutor(1) as threads:
            server = threads.submit(lambda: asyncio.run(_served())).result(DEADLINE)
        assert not server.is_listening(), "and now the other one may have it"

    def test_an_engine_polls_whatever_runs(self) -> None:
        class Engine(Host):
            def running_loop(self) -> None:
                return None

        hub.host = Engine()
        try:
            asyncio.run(_listening()).stop()
            assert hub.drive is None
        finally:
            hub.host = Host()


async def _connect(url: str) -> Error:
    return WebSocketClient().connect_to_url(url)


async def _served() -> WebSocketServer:
    server = echoing()
    client, received = await connected_to(server)
    client.send("x")
    await until(lambda: received == ["x"])
    return server
