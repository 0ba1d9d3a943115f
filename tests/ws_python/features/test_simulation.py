"""Tests of ws_python.features.simulation: nodes on a bad network. What that does: net/test_simulated_link.py."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable

import pytest
from ws_python import Error, WebSocketClient, WebSocketRequest, WebSocketServer, WebSocketSimulation, settings_of
from ws_python.loop.hub import hub
from ws_python.net.plain_tcp import PlainLink
from ws_python.net.simulated_link import SimulatedLink
from ws_python.net.simulation import Draws
from ws_python.net.tls_link import TlsLink

from tests.ws_python.driving import listening, named, poll_until, record
from tests.ws_python.net.test_tls import Certificates

# What a machine that has much else to do is given.
LATE = 10.0
Pair = tuple[WebSocketServer, WebSocketClient, int]


def simulation(**values: float) -> WebSocketSimulation:
    made = WebSocketSimulation()
    for name, value in values.items():
        setattr(made, name, value)
    return made


def connect(server: WebSocketServer, client: WebSocketClient) -> int:
    """Connect them; the peer id."""
    before = set(server.get_peer_ids())
    assert client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/") == Error.OK
    poll_until(lambda: client.status == client.Status.STATUS_ACTIVE and len(server.peers) > len(before), server, client)
    (peer_id,) = set(server.get_peer_ids()) - before
    return peer_id


def passing(
    server: WebSocketServer, client: WebSocketClient, send: Callable[[], Error], deadline: float = LATE
) -> float:
    """How many seconds it takes from sending a message to its arrival on either side."""
    came: list[object] = []
    server.message_received.connect(lambda _, message: came.append(message))
    client.message_received.connect(came.append)
    begin = time.monotonic()
    assert send() == Error.OK
    poll_until(lambda: bool(came), server, client, deadline=deadline)
    return time.monotonic() - begin


def links(server: WebSocketServer) -> list[object]:
    return [connection.link for connection in server._connections]


class TestSettings:
    def test_there_is_none_at_first_and_nothing_lies_over(self, pair: Pair) -> None:
        server, client, peer_id = pair
        assert (server.simulation, client.simulation, server.peers[peer_id].simulation) == (None, None, None)
        assert isinstance(links(server)[0], PlainLink)
        assert client._connection is not None
        assert isinstance(client._connection.link, PlainLink)
        client.simulation = None
        server.simulation = None
        server.peers[peer_id].simulation = None
        assert isinstance(links(server)[0], PlainLink)

    @pytest.mark.parametrize("wrong", [1, "bad", object(), WebSocketServer])
    def test_it_is_one_or_none(self, wrong: object) -> None:
        client = WebSocketClient()
        with pytest.raises(TypeError, match=r"^simulation must be WebSocketSimulation or null, not "):
            client.simulation = wrong  # type: ignore[assignment]
        assert client.simulation is None

    @pytest.mark.parametrize("name", list(settings_of(WebSocketSimulation)))
    def test_ranges(self, name: str) -> None:
        low, high = settings_of(WebSocketSimulation)[name].range or (0, 0)
        for value in (low, high):
            assert getattr(simulation(**{name: type(getattr(WebSocketSimulation(), name))(value)}), name) == value
        with pytest.raises(ValueError, match=f"^{name} must be from"):
            simulation(**{name: type(getattr(WebSocketSimulation(), name))(-1)})

    def test_with_none_of_its_values_set_it_changes_nothing(
        self, server: WebSocketServer, client: WebSocketClient
    ) -> None:
        server.simulation = client.simulation = WebSocketSimulation()
        connect(server, client)
        assert passing(server, client, lambda: client.send("hi")) < LATE
        assert passing(server, client, lambda: server.send(0, bytes(3_000_000))) < LATE


@pytest.mark.usefixtures("network")
class TestLatency:
    def test_of_a_client(self, server: WebSocketServer, client: WebSocketClient) -> None:
        client.simulation = simulation(latency=0.1)
        begin = time.monotonic()
        connect(server, client)
        assert time.monotonic() - begin >= 0.2, "the opening handshake is a round trip"
        assert passing(server, client, lambda: client.send("out")) >= 0.1
        assert passing(server, client, lambda: server.send(0, "in")) >= 0.1
        assert client.latency >= 0.2

    def test_of_a_server(self, server: WebSocketServer, client: WebSocketClient) -> None:
        server.simulation = simulation(latency=0.1)
        connect(server, client)
        assert passing(server, client, lambda: client.send("out")) >= 0.1
        assert passing(server, client, lambda: server.send(0, "in")) >= 0.1

    def test_of_both_it_adds_up_also_where_they_share_one(
        self, server: WebSocketServer, client: WebSocketClient
    ) -> None:
        server.simulation = client.simulation = simulation(latency=0.1)
        connect(server, client)
        assert passing(server, client, lambda: client.send("out")) >= 0.2

    def test_of_one_peer(self, server: WebSocketServer, client: WebSocketClient) -> None:
        other = WebSocketClient()
        slow, fast = connect(server, client), connect(server, other)
        server.peers[slow].simulation = simulation(latency=0.3)
        told: list[tuple[str, float]] = []
        client.message_received.connect(lambda _: told.append(("slow", time.monotonic())))
        other.message_received.connect(lambda _: told.append(("fast", time.monotonic())))
        begin = time.monotonic()
        server.send(0, "to all")
        poll_until(lambda: len(told) == 2, server, client, other)
        assert [name for name, _ in told] == ["fast", "slow"]
        assert told[1][1] - begin >= 0.3
        assert server.peers[fast].simulation is None

    def test_one_peer_is_spared_that_of_all(self, server: WebSocketServer, client: WebSocketClient) -> None:
        server.simulation = simulation(latency=0.05)
        peer = server.peers[connect(server, client)]
        server.simulation.latency = 10.0
        peer.simulation = WebSocketSimulation()
        assert passing(server, client, lambda: server.send(0, "spared")) < 9.0
        peer.simulation = None
        server.simulation.latency = 0.2
        assert passing(server, client, lambda: server.send(0, "late")) >= 0.2

    def test_the_closing_handshake_is_late_too(self, server: WebSocketServer, client: WebSocketClient) -> None:
        client.simulation = simulation(latency=0.1)
        connect(server, client)
        log = record(server)
        begin = time.monotonic()
        client.send("last")
        client.close(4000, "done")
        poll_until(lambda: client.status == client.Status.STATUS_IDLE, server, client)
        assert time.monotonic() - begin >= 0.2
        poll_until(lambda: len(server.peers) == 0, server, client)
        assert [entry[0] for entry in log] == ["message_received", "client_disconnected"]
        assert client.get_close_code() == 4000


class TestChanges:
    def test_a_simulation_that_comes_while_connected(self, pair: Pair) -> None:
        server, client, _ = pair
        client.simulation = simulation(latency=0.1)
        assert passing(server, client, lambda: client.send("late")) >= 0.1
        client.simulation.latency = 0.2
        assert passing(server, client, lambda: client.send("later")) >= 0.2
        client.simulation.latency = 10.0
        client.send("in time")
        for _ in range(5):
            client.poll()

        def remove() -> Error:
            client.simulation = None
            return Error.OK

        assert passing(server, client, remove) < 9.0
        server.simulation = simulation(latency=0.15)
        assert passing(server, client, lambda: client.send("from there")) >= 0.15

    def test_in_the_opening_handshake(self, server: WebSocketServer, client: WebSocketClient, url: str) -> None:
        log = record(client)
        gate = hub.loop().create_future()
        asked: list[object] = []

        async def authorizer(request: WebSocketRequest) -> bool:
            asked.append(request)
            return bool(await gate)

        server.authorizer = authorizer
        client.connect_to_url(url)
        poll_until(lambda: asked != [], client, server)
        client.simulation = simulation(latency=0.1)
        server.simulation = simulation(latency=0.1)
        begin = time.monotonic()
        gate.set_result(True)
        poll_until(lambda: client.status == client.Status.STATUS_ACTIVE, server, client)
        assert named(log, "connected_to_server") == [()]
        assert time.monotonic() - begin >= 0.1

    def test_from_within_handlers(self, pair: Pair) -> None:
        server, client, _ = pair
        seen: list[object] = []

        def changing(sender: int, message: object) -> None:
            seen.append(message)
            server.simulation = simulation(latency=0.01) if len(seen) % 2 else None
            server.peers[sender].simulation = simulation(jitter=0.01) if len(seen) % 3 else None
            client.simulation = simulation(bandwidth=100_000, latency=0.01) if len(seen) % 5 else None
            server.send(sender, f"answer {message}")

        answers: list[object] = []
        server.message_received.connect(changing)
        client.message_received.connect(answers.append)
        for number in range(60):
            assert client.send(f"{number}") == Error.OK
            for node in (client, server):
                node.poll()
        poll_until(lambda: len(answers) == 60, server, client)
        assert seen == [f"{number}" for number in range(60)]
        assert answers == [f"answer {number}" for number in range(60)]

    def test_from_another_thread(self, pair: Pair) -> None:
        server, client, peer_id = pair
        client.simulation = bad = simulation(latency=0.05)
        stop = threading.Event()

        def change() -> None:
            while not stop.wait(0.0005):
                bad.latency = 0.02
                bad.bandwidth = 1_000_000
                client.simulation = bad
                server.simulation = bad
                server.peers[peer_id].simulation = simulation(latency=0.01)
                bad.latency = 0.01
                server.simulation = None

        thread = threading.Thread(target=change)
        thread.start()
        got: list[object] = []
        server.message_received.connect(lambda _, message: got.append(message))
        for number in range(100):
            client.send(str(number))
            client.poll()
            server.poll()
        stop.set()
        thread.join()
        poll_until(lambda: len(got) == 100, server, client)
        assert got == [str(number) for number in range(100)]

    def test_it_lies_below_tls_also_when_it_comes_later(self, tmp_path: object) -> None:
        files = Certificates(tmp_path)  # type: ignore[arg-type]
        server = listening(tls_certificate=str(files.certificate), tls_private_key=str(files.key))
        client = WebSocketClient()
        client.tls_trusted_ca = str(files.ca)
        client.simulation = simulation(latency=0.05)
        begin = time.monotonic()
        assert client.connect_to_url(f"wss://localhost:{server.get_local_port()}/") == Error.OK
        poll_until(lambda: client.status == client.Status.STATUS_ACTIVE and len(server.peers) == 1, server, client)
        assert time.monotonic() - begin >= 0.2, "TLS shakes hands, and then WebSocket"
        assert isinstance(links(server)[0], TlsLink)
        server.simulation = simulation(latency=0.1)
        assert isinstance(links(server)[0], TlsLink)
        assert passing(server, client, lambda: client.send("out")) >= 0.15
        server.simulation.bandwidth = 1_000_000
        assert passing(server, client, lambda: server.send(0, bytes(300_000))) >= 0.4
        server.simulation.cut_interval = 0.001
        poll_until(lambda: client.status == client.Status.STATUS_IDLE, server, client)
        assert client.get_close_code() == 1006


class TestBackPressure:
    def test_who_sends_too_much_is_told(self, server: WebSocketServer, client: WebSocketClient) -> None:
        server.outbound_buffer_size = 100_000
        server.simulation = simulation(bandwidth=500_000)
        peer_id = connect(server, client)
        log = record(server)
        count = 0
        while (error := server.send(peer_id, bytes(50_000))) == Error.OK:
            count += 1
            server.poll()
            assert count < 200
        assert error == Error.ERR_BUSY
        got: list[object] = []
        client.message_received.connect(got.append)
        poll_until(lambda: bool(named(log, "peer_drained")), server, client)
        poll_until(lambda: len(got) == count, server, client)

    def test_state_is_late_by_what_is_on_its_way_and_not_by_all_that_was_sent(
        self, server: WebSocketServer, client: WebSocketClient
    ) -> None:
        """send_latest() waits until the one before is through."""
        server.simulation = simulation(bandwidth=20_000)
        peer_id = connect(server, client)
        got: list[str] = []
        client.message_received.connect(lambda message: got.append(message.split()[0].decode()))
        begin = time.monotonic()
        number = 0
        while time.monotonic() < begin + 1.0:
            number += 1
            assert server.send_latest(peer_id, "state", b"%d " % number + bytes(2000)) == Error.OK
            server.poll()
            client.poll()
            time.sleep(0.002)
        poll_until(lambda: bool(got) and got[-1] == str(number), server, client)
        assert len(got) < 40, "of hundreds"
        assert [int(each) for each in got] == sorted({int(each) for each in got})

    @pytest.mark.usefixtures("network")
    def test_a_receiver_that_pauses_while_a_full_network_empties(self, client: WebSocketClient) -> None:
        """Both have stopped reading then, and both go on."""
        server = listening(max_queued_bytes=1024, heartbeat_interval=0.0)
        connect(server, client)
        got: list[int] = []
        server.message_received.connect(lambda _, message: got.append(len(message)))
        server.simulation = simulation(bandwidth=1)
        assert client.send(bytes(30_000)) == Error.OK
        for _ in range(50):
            client.poll()
            server.poll()
        server.simulation.bandwidth = 0
        poll_until(lambda: len(got) == 1, server, client)
        client.send(b"more")
        poll_until(lambda: len(got) == 2, server, client)

    def test_the_meters_know_what_is_on_its_way(self, server: WebSocketServer, client: WebSocketClient) -> None:
        server.slow_peer_timeout = 0.3
        server.simulation = simulation(latency=0.05)
        peer_id = connect(server, client)
        server.simulation.stall_time, server.simulation.stall_interval = 300.0, 1e-9
        server.poll()
        server.send(peer_id, "never")
        ended: list[int] = []
        server.client_disconnected.connect(lambda left: ended.append(server.peers[left].get_close_code()))
        poll_until(lambda: bool(ended), server, client)
        assert ended == [1008], "it has taken nothing, as far as its server can know"


class TestCuts:
    def test_a_client_comes_back(self, server: WebSocketServer, client: WebSocketClient) -> None:
        client.auto_reconnect = True
        client.reconnect_delay = client.reconnect_delay_max = 0.01
        client.simulation = simulation(cut_interval=0.1, seed=3)
        log = record(client)
        connect(server, client)
        poll_until(lambda: len(named(log, "reconnected")) >= 3, server, client)
        client.simulation = None
        poll_until(lambda: client.status == client.Status.STATUS_ACTIVE, server, client)
        assert passing(server, client, lambda: client.send("still there")) < LATE
        assert client.get_statistics()["connections_closed"].keys() == {1006}
        assert server.get_statistics()["connections_closed"].keys() == {1006}

    def carried(self, seed: int) -> list[int]:
        """How many bytes the server has had of each of five connections that are cut while the client sends."""
        server, client = listening(), WebSocketClient()
        client.simulation = simulation(cut_bytes=4000, seed=seed)
        carried: list[int] = []
        for _ in range(5):
            before = server._meter.bytes_received
            client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
            while client.status != client.Status.STATUS_IDLE or server._connections:
                if client.status == client.Status.STATUS_ACTIVE:
                    client.send(bytes(100))
                client.poll()
                server.poll()
            carried.append(server._meter.bytes_received - before)
        server.stop()
        return carried

    def test_the_same_seed_cuts_at_the_same_bytes(self) -> None:
        first = self.carried(1)
        assert first == self.carried(1)
        assert len(set(first)) > 2
        assert first != self.carried(2)

    def test_draws(self) -> None:
        def values(seed: int, number: int) -> list[float]:
            draws = Draws(seed, number)
            cuts = [draws.cut_time, draws.cut_out, draws.cut_in, draws.share_out, draws.share_in]
            return [*cuts, *(f() for f in (draws.jitter_out, draws.jitter_in, draws.next_calm) for _ in range(3))]

        assert values(1, 1) == values(1, 1)
        assert all(value >= 0.0 for value in values(1, 1))
        assert (
            len({value for seed, number in ((1, 1), (1, 2), (2, 1), (0, 1)) for value in values(seed, number)})
            == 4 * 14
        )
        assert values(0, 1) != values(0, 1)
        # So that a seed that somebody has noted is one with the next release, too.
        assert values(1, 1)[0] == pytest.approx(0.20797979638128555)

    def test_a_seed_that_is_assigned_again_begins_anew(self) -> None:
        class Nobody:
            def changed(self) -> None:
                pass

        bad, nobody = simulation(seed=4), Nobody()
        first, second = (bad._begin(nobody).cut_time for _ in range(2))
        bad.seed = 4
        assert [bad._begin(nobody).cut_time for _ in range(2)] == [first, second]


class TestEnds:
    def test_a_server_that_stops_says_goodbye(self, server: WebSocketServer, client: WebSocketClient) -> None:
        server.simulation = simulation(latency=0.1)
        peer_id = connect(server, client)
        server.send(peer_id, "last")
        got: list[object] = []
        client.message_received.connect(got.append)
        server.stop()
        poll_until(lambda: client.status == client.Status.STATUS_IDLE, client)
        assert (got, client.get_close_code()) == (["last"], 1001)
        poll_until(lambda: not hub.is_lingering, client)

    def test_nothing_is_kept_of_what_is_gone(self, server: WebSocketServer) -> None:
        bad = simulation(latency=0.01)
        client = WebSocketClient()
        client.simulation = bad
        server.simulation = bad
        connect(server, client)
        found = [weakref.ref(connection.link) for connection in server._connections]
        client.close()
        poll_until(lambda: client.status == client.Status.STATUS_IDLE and not server._connections, server, client)
        poll_until(lambda: not hub.is_lingering, server, client)
        assert len(bad._simulated) == 0
        gc.collect()
        assert found[0]() is None
        bad.latency = 0.02

    def test_the_end_of_the_process(self, server: WebSocketServer, client: WebSocketClient) -> None:
        server.simulation = client.simulation = simulation(latency=5.0)
        client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
        poll_until(lambda: bool(server._connections), server, client)
        begin = time.monotonic()
        hub.close(0.1)
        assert time.monotonic() - begin < 5.0
        assert not hub.is_lingering


def test_in_an_asyncio_program() -> None:
    import asyncio

    async def main() -> float:
        server, client = WebSocketServer(), WebSocketClient()
        server.bind_address = "localhost"
        server.message_received.connect(lambda peer_id, message: server.send(peer_id, message))
        client.simulation = simulation(latency=0.1)
        assert server.listen(0) == Error.OK
        client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
        await client.connected()
        came = asyncio.get_running_loop().create_future()
        client.message_received.connect(came.set_result)
        begin = time.monotonic()
        client.send("there and back")
        await came
        return time.monotonic() - begin

    assert 0.2 <= asyncio.run(main()) < LATE


def test_a_link_that_is_simulated_is_not_simulated_twice(pair: Pair) -> None:
    server, _, peer_id = pair
    server.simulation = simulation(latency=0.01)
    first = links(server)[0]
    server.simulation = simulation(latency=0.02)
    server.peers[peer_id].simulation = simulation()
    assert links(server)[0] is first
    assert isinstance(first, SimulatedLink)
