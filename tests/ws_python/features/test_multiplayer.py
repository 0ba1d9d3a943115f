"""Multiplayer: who plays, what of the wire is Godot's, transfer modes, and what a cut leaves of it."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from weakref import ref

import pytest
from websockets.frames import Frame, Opcode
from ws_python import Compression, Error, WebSocketClient, WebSocketServer, WebSocketSimulation
from ws_python.features.multiplayer import ConnectionStatus, MultiplayerPeer, TransferMode
from ws_python.loop.hub import hub

from ..driving import RawClient, listening, needs_confirmation, poll_until, record
from ..net.test_tls import Certificates, trusting_client, url

UNRELIABLE = TransferMode.TRANSFER_MODE_UNRELIABLE
ORDERED = TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED
CONNECTED = ConnectionStatus.CONNECTION_CONNECTED
CONNECTING = ConnectionStatus.CONNECTION_CONNECTING
DISCONNECTED = ConnectionStatus.CONNECTION_DISCONNECTED

Log = list[tuple[Any, ...]]


class Player:
    """A peer with what it was told and got."""

    def __init__(self, node: WebSocketServer | WebSocketClient) -> None:
        self.node: Any = node
        self.peer: MultiplayerPeer = node.get_multiplayer_peer()
        self.log = record(self.peer)
        self.packets: list[tuple[int, bytes]] = []

    def poll(self) -> None:
        self.peer.poll()
        while self.peer.get_available_packet_count():
            sender = self.peer.get_packet_peer()
            self.packets.append((sender, self.peer.get_packet()))

    def put(self, packet: bytes, target: int = 1, mode: TransferMode | None = None) -> Error:
        self.peer.transfer_mode = TransferMode.TRANSFER_MODE_RELIABLE if mode is None else mode
        self.peer.set_target_peer(target)
        return self.peer.put_packet(packet)


def playing(server: WebSocketServer, path: str = "/", **settings: Any) -> Player:
    """A client that plays there, and is not known yet."""
    client = WebSocketClient()
    client.reconnect_delay = 0.01
    for name, value in settings.items():
        setattr(client, name, value)
    player = Player(client)
    assert client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}{path}") == Error.OK
    return player


def joined(host: Player, *others: Player, **settings: Any) -> Player:
    """One that plays and is known on both sides."""
    assert isinstance(host.node, WebSocketServer)
    before = len(host.log)
    player = playing(host.node, **settings)
    poll_until(lambda: bool(player.log) and len(host.log) > before, host, player, *others)
    return player


def id_of(player: Player) -> int:
    return player.peer.get_unique_id()


@pytest.fixture
def host() -> Player:
    return Player(listening())


NewRaw = Callable[..., RawClient]  # Of a host, or of its peer: then no packet is taken.


@pytest.fixture
def new_raw() -> Iterator[NewRaw]:
    """Makes bare sockets, connected to a host through the opening handshake."""
    made: list[RawClient] = []

    def new(host: Player | MultiplayerPeer, receive_buffer: int = 0) -> RawClient:
        node = host.node if isinstance(host, Player) else host._multiplayer.node
        made.append(RawClient(node.get_local_port(), receive_buffer=receive_buffer))
        made[-1].shake_hands(host)
        return made[-1]

    yield new
    for raw in made:
        raw.close()


class TestWire:
    def test_the_server_begins_with_the_id(self, host: Player, new_raw: NewRaw) -> None:
        raw = new_raw(host)
        poll_until(lambda: bool(raw.receive().frames), host)
        (peer_id,) = host.node.get_peer_ids()
        assert raw.frames[0].opcode is Opcode.BINARY
        assert raw.frames[0].data == peer_id.to_bytes(4, "little")
        assert host.log == [("peer_connected", peer_id)]

    def test_packets_are_messages_as_they_are(self, host: Player, new_raw: NewRaw) -> None:
        raw = new_raw(host)
        raw.send(Opcode.BINARY, b"\x20packet")
        raw.send(Opcode.BINARY, b"")
        raw.send(Opcode.BINARY, b"\x10")
        poll_until(lambda: len(host.packets) == 2, host)
        (peer_id,) = host.node.get_peer_ids()
        assert host.packets == [(peer_id, b"\x20packet"), (peer_id, b"\x10")]
        assert host.put(b"\x10answer", peer_id) == Error.OK
        poll_until(lambda: len(raw.receive().frames) == 2, host)
        assert raw.frames[1].data == b"\x10answer"

    def test_a_text_closes_with_1003(self, host: Player, new_raw: NewRaw) -> None:
        raw = new_raw(host)
        raw.send(Opcode.BINARY, b"before")
        raw.send(Opcode.TEXT, b"text!")
        raw.send(Opcode.BINARY, b"after")
        poll_until(lambda: any(frame.opcode is Opcode.CLOSE for frame in raw.receive().frames), host)
        close = raw.frames[-1]
        assert close.data[:2] == (1003).to_bytes(2, "big")
        poll_until(lambda: len(host.log) == 2, host)
        assert [name for name, _ in host.log] == ["peer_connected", "peer_disconnected"]
        assert host.packets[0][1] == b"before"
        assert host.node.get_statistics()["counts"]["closed_text_from_player"] == 1

    @pytest.mark.parametrize(
        "first", [b"", b"\x05", b"\x01\x00\x00\x00", b"\xff\xff\xff\xff", b"\x02\x00\x00\x00\x00", "five"]
    )
    def test_a_server_that_does_not_begin_with_an_id(self, first: bytes | str) -> None:
        server = listening()
        server.client_connected.connect(lambda peer_id: server.send(peer_id, first))
        client = playing(server)
        poll_until(lambda: client.node.status == WebSocketClient.Status.STATUS_IDLE, client, server)
        assert client.node.get_close_code() == 1002
        assert client.log == []
        assert client.peer.get_connection_status() == DISCONNECTED

    def test_a_server_that_says_nothing(self) -> None:
        server = listening()
        client = playing(server, connect_timeout=0.2)
        poll_until(lambda: client.node.status == WebSocketClient.Status.STATUS_IDLE, client, server)
        assert client.node.get_close_code() == 1002


class TestPackets:
    def test_both_ways_and_in_order(self, host: Player) -> None:
        client = joined(host)
        peer_id = id_of(client)
        assert host.node.get_peer_ids() == [peer_id]
        assert client.log == [("peer_connected", 1)]
        for number in range(500):
            assert client.put(b"%d" % number) == Error.OK
            assert host.put(b"%d" % number, peer_id) == Error.OK
        poll_until(lambda: len(client.packets) == 500 and len(host.packets) == 500, host, client)
        assert host.packets == [(peer_id, b"%d" % number) for number in range(500)]
        assert client.packets == [(1, b"%d" % number) for number in range(500)]

    def test_ten_times_the_engines_buffer_in_one_go(self, host: Player) -> None:
        client = joined(host)
        packet = bytes(1000)
        for number in range(656):
            assert host.put(packet + b"%d" % number, id_of(client)) == Error.OK
            assert client.put(packet + b"%d" % number) == Error.OK
        poll_until(lambda: len(client.packets) == 656 and len(host.packets) == 656, host, client)
        assert [packet[1000:] for _, packet in client.packets] == [b"%d" % number for number in range(656)]
        assert [packet[1000:] for _, packet in host.packets] == [b"%d" % number for number in range(656)]

    @staticmethod
    def _left_with_a_packet(host: Player) -> ref[Any]:
        client = joined(host)
        assert host.put(b"x", id_of(client)) == Error.OK
        poll_until(lambda: client.peer.get_available_packet_count() == 1, host, client.peer)
        client.node.close()
        poll_until(lambda: client.node.status == client.node.Status.STATUS_IDLE, host, client.peer)
        return ref(client.node)

    def test_a_node_is_freed_whatever_nobody_took(self, host: Player) -> None:
        node = self._left_with_a_packet(host)
        poll_until(lambda: gc.collect() >= 0 and node() is None, host)

    def test_to_everybody_and_to_all_but_one(self, host: Player) -> None:
        one = joined(host)
        other = joined(host, one)
        assert host.put(b"all", 0) == Error.OK
        assert host.put(b"but one", -id_of(one)) == Error.OK
        poll_until(lambda: len(one.packets) + len(other.packets) == 3, host, one, other)
        assert one.packets == [(1, b"all")]
        assert other.packets == [(1, b"all"), (1, b"but one")]
        assert host.put(b"x", 77) == Error.ERR_INVALID_PARAMETER

    def test_a_packet_that_is_too_long_is_refused(self, host: Player, caplog: pytest.LogCaptureFixture) -> None:
        client = joined(host, outbound_buffer_size=2000)
        assert client.peer.put_packet(bytes(client.node._multiplayer.max_packet_size)) == Error.OK
        poll_until(lambda: len(host.packets) == 1, host, client)
        assert client.peer.put_packet(bytes(2000)) == Error.ERR_OUT_OF_MEMORY
        assert client.peer.put_packet(bytes(2000)) == Error.ERR_OUT_OF_MEMORY
        assert [record.message for record in caplog.records if "2000 bytes never fits" in record.message] != []
        assert client.peer.get_connection_status() == CONNECTED

    def test_what_nobody_takes_is_not_read_for_ever(self, host: Player) -> None:
        host.node.max_queued_bytes = 20_000
        client = joined(host)
        for _ in range(2000):
            assert client.put(bytes(1000)) == Error.OK
        for _ in range(200):
            host.peer.poll()
            client.poll()
        assert 20 <= host.peer.get_available_packet_count() < 200
        poll_until(lambda: len(host.packets) == 2000, host, client)

    def test_what_those_left_who_are_gone_holds_up_who_comes(self, host: Player, new_raw: NewRaw) -> None:
        host.node.max_queued_bytes = 20_000  # Of one player: 121 of these packets.
        packets = Frame(Opcode.BINARY, bytes(100)).serialize(mask=True) * 100
        goodbye = Frame(Opcode.CLOSE, b"\x03\xe8").serialize(mask=True)
        for number in range(20):
            raw = new_raw(host.peer)
            poll_until(lambda: len(host.log) == number + 1, host.peer)  # noqa: B023
            raw.send_raw(packets + goodbye)
        for _ in range(200):
            host.peer.poll()
        assert 200 <= host.peer.get_available_packet_count() < 1000
        assert host.node.get_peer_count() > 10, "who sent more than is taken is not gone"
        poll_until(lambda: len(host.packets) == 2000 and len(host.log) == 40, host)

    def test_the_time_of_a_poll_is_heeded(self, host: Player) -> None:
        host.node.max_poll_time = 0.0001
        client = joined(host)
        for _ in range(1000):
            client.put(b"x")
        client.poll()
        poll_until(lambda: host.peer.get_available_packet_count() > 900, client, host.peer)
        taken = 0
        host.peer.poll()
        while host.peer.get_available_packet_count():
            host.peer.get_packet()
            taken += 1
            poll_until(lambda: True, client)  # It takes its time, too.
        assert taken < 500
        assert host.peer.get_available_packet_count() == 0, "without another poll, as in a game that is paused"
        hub.is_behind = False
        host.peer.poll()
        assert hub.is_behind, "with low_latency the next frame would wait for more"

    def test_however_they_come_they_stay_in_order(self, host: Player, new_raw: NewRaw) -> None:
        raw = new_raw(host)
        packets: list[bytes] = []
        wire = b""
        for number in range(3000):
            packet = b"%d " % number + bytes(number % 7 * (number % 11) ** 3)
            packets.append(packet)
            if number % 5 == 0:
                wire += Frame(Opcode.BINARY, packet[:3], fin=False).serialize(mask=True)
                wire += Frame(Opcode.PING, b"in between").serialize(mask=True)
                wire += Frame(Opcode.CONT, packet[3:]).serialize(mask=True)
            else:
                wire += Frame(Opcode.BINARY, packet).serialize(mask=True)
            if number % 50 == 0:
                wire += Frame(Opcode.PONG, b"unasked").serialize(mask=True)
        wire += Frame(Opcode.CLOSE, b"\x03\xe8").serialize(mask=True)
        sent = 0
        while sent < len(wire):
            size = 1 + sent * 7919 % 20_000  # Cuts are everywhere.
            raw.send_raw(wire[sent : sent + size])
            sent += size
            host.poll()
            raw.receive()
        poll_until(lambda: len(host.log) == 2, host)
        assert [packet for _, packet in host.packets] == packets
        assert host.log[1] == ("peer_disconnected", host.packets[-1][0])
        assert host.node.get_statistics()["messages_received"] == 3000

    def test_those_of_many_players_share_no_memory(self, host: Player, new_raw: NewRaw) -> None:
        raws = [new_raw(host) for _ in range(3)]
        poll_until(lambda: len(host.log) == 3, host)
        for size in (1, 5, 4095, 4096, 4097, 30_000, 0, 7):
            for raw, letter in zip(raws, b"abc", strict=True):
                raw.send_raw(Frame(Opcode.BINARY, bytes([letter]) * size).serialize(mask=True) * 9)
            host.peer.poll()
        poll_until(lambda: len(host.packets) == 3 * 7 * 9, host)
        letters = {peer_id: packet[:1] for peer_id, packet in host.packets}
        assert sorted(letters.values()) == [b"a", b"b", b"c"]
        assert all(packet == letters[peer_id] * len(packet) for peer_id, packet in host.packets)

    def test_more_than_may_wait_in_one_read(self, host: Player, new_raw: NewRaw) -> None:
        raw = new_raw(host)
        poll_until(lambda: len(host.log) == 1, host)
        raw.send_raw(b"".join(Frame(Opcode.BINARY, b"%d" % number).serialize(mask=True) for number in range(5000)))
        most = 0
        for _ in range(100):
            host.peer.poll()
            most = max(most, host.peer.get_available_packet_count())
        assert 1000 < most < 1100
        poll_until(lambda: len(host.packets) == 5000, host)
        assert [int(packet) for _, packet in host.packets] == list(range(5000))

    def test_what_others_poll_for_comes_when_it_is_polled_itself(self, host: Player, new_raw: NewRaw) -> None:
        other = listening()
        raw = new_raw(host)
        raw.send(Opcode.BINARY, b"first")
        poll_until(lambda: len(host.packets) == 1, host)
        raw.send(Opcode.BINARY, b"second")
        poll_until(lambda: host.node.get_statistics()["messages_received"] == 2, other)
        assert host.peer.get_available_packet_count() == 0, "in a game that is paused, too"
        host.poll()
        assert [packet for _, packet in host.packets] == [b"first", b"second"]

    def test_a_cut_packet_is_none(self, host: Player) -> None:
        client = joined(host)
        assert host.peer.get_packet() == b""
        assert host.peer.get_packet_peer() == 0
        assert id_of(client) > 1


class TestWhoPlays:
    def test_plain_clients_stay_on_the_same_port(self) -> None:
        server = listening(multiplayer_path="/mp")
        host = Player(server)
        heard = record(server)
        client = joined(host, path="/mp?name=x")
        plain = WebSocketClient()
        plain_log = record(plain)
        plain.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/chat")
        poll_until(
            lambda: plain.status == WebSocketClient.Status.STATUS_ACTIVE and server.get_peer_count() == 2, host, plain
        )
        plain.send("hello")
        client.put(b"packet")
        poll_until(
            lambda: bool(host.packets) and any(name == "message_received" for name, *_ in heard), host, client, plain
        )
        plain_id = next(peer_id for peer_id in server.get_peer_ids() if peer_id != id_of(client))
        assert [entry for entry in heard if entry[0] == "message_received"] == [("message_received", plain_id, "hello")]
        assert host.packets == [(id_of(client), b"packet")]
        # What is for everybody is for everybody who understands it.
        assert server.send(0, "news") == Error.OK
        assert server.send_latest(-plain_id, "key", "news") == Error.OK
        assert server.send(plain_id, "done") == Error.OK
        poll_until(lambda: ("message_received", "done") in plain_log, host, client, plain)
        assert ("message_received", "news") in plain_log
        assert client.packets == []
        assert server.send(id_of(client), b"to it alone") == Error.OK
        poll_until(lambda: client.packets == [(1, b"to it alone")], host, client)

    def test_without_a_multiplayer_peer_nobody_plays(self) -> None:
        server = listening(multiplayer_path="/mp")
        log = record(server)
        client = WebSocketClient()
        client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/mp")
        poll_until(lambda: client.status == WebSocketClient.Status.STATUS_ACTIVE, server, client)
        client.send(b"message")
        poll_until(lambda: any(name == "message_received" for name, *_ in log), server, client)

    def test_a_client_that_is_connected_is_told(self, caplog: pytest.LogCaptureFixture) -> None:
        server = listening()
        client = WebSocketClient()
        client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
        poll_until(lambda: client.status == WebSocketClient.Status.STATUS_ACTIVE, server, client)
        client.get_multiplayer_peer()
        assert "call it before connect_to_url()" in caplog.text

    def test_the_same_object_each_time(self, host: Player) -> None:
        assert host.node.get_multiplayer_peer() is host.peer

    def test_nobody_new(self, host: Player) -> None:
        client = joined(host)
        host.peer.refuse_new_connections = True
        late = playing(host.node)
        poll_until(lambda: late.node.status == WebSocketClient.Status.STATUS_IDLE, host, client, late)
        assert late.node.get_statistics()["connections_made"] == 0
        in_session = playing(host.node, session=True)
        host.node.session_timeout = 10.0
        poll_until(lambda: in_session.node.status == WebSocketClient.Status.STATUS_IDLE, host, client, in_session)
        assert len(host.log) == 1
        assert host.node.get_statistics()["counts"]["refused_players"] == 2

    def test_the_supervisors_see_packets_and_not_the_id(self, host: Player) -> None:
        seen: list[bytes] = []
        sent: list[bytes] = []

        def supervisor(peer_id: int, message: bytes) -> bool:
            seen.append(message)
            return message != b"bad"

        def outgoing(peer_id: int, message: bytes) -> bool:
            sent.append(message)
            return True

        host.node.supervisor = supervisor
        host.node.outgoing_supervisor = outgoing
        client = joined(host)
        for packet in (b"good", b"bad", b"fine"):
            client.put(packet)
        host.put(b"answer", id_of(client))
        poll_until(lambda: len(host.packets) == 2 and len(client.packets) == 1, host, client)
        assert [packet for _, packet in host.packets] == [b"good", b"fine"]
        assert (seen, sent) == ([b"good", b"bad", b"fine"], [b"answer"])
        host.node.supervisor = None
        client.put(b"bad")
        poll_until(lambda: len(host.packets) == 3, host, client)
        host.node.supervisor = supervisor
        client.put(b"bad")
        client.put(b"last")
        poll_until(lambda: len(host.packets) == 4, host, client)
        assert seen == [b"good", b"bad", b"fine", b"bad", b"last"]

    def test_nothing_overtakes_what_a_supervisor_sees_that_goes(self, host: Player, new_raw: NewRaw) -> None:
        raw = new_raw(host)
        raw.send(Opcode.BINARY, b"first")
        poll_until(lambda: len(host.packets) == 1, host)

        def supervisor(peer_id: int, message: bytes) -> bool:
            host.node.supervisor = None
            raw.send(Opcode.BINARY, b"third")
            poll_until(lambda: host.node.get_statistics()["messages_received"] == 3, host.peer)
            return True

        host.node.supervisor = supervisor
        raw.send(Opcode.BINARY, b"second")
        poll_until(lambda: len(host.packets) == 3, host)
        assert [packet for _, packet in host.packets] == [b"first", b"second", b"third"]


class TestEnds:
    def test_gone_after_its_last_packet(self, host: Player) -> None:
        client = joined(host)
        peer_id = id_of(client)
        client.put(b"last")
        client.node.close()
        poll_until(lambda: host.node.get_peer_count() == 0, client, host.node)
        host.peer.poll()
        assert host.log == [("peer_connected", peer_id)], "told as gone before its packets were taken"
        assert host.put(b"too late", peer_id) == Error.ERR_INVALID_PARAMETER
        host.poll()
        assert host.packets == [(peer_id, b"last")]
        host.poll()
        assert host.log == [("peer_connected", peer_id), ("peer_disconnected", peer_id)]

    def test_a_client_sees_the_end_once_and_after_the_packets(self, host: Player) -> None:
        client = joined(host)
        host.put(b"last", id_of(client))
        host.node.stop()
        poll_until(lambda: client.node.status == WebSocketClient.Status.STATUS_IDLE, host.node, client.node)
        assert client.peer.get_connection_status() == CONNECTED
        client.poll()
        assert client.packets == [(1, b"last")]
        assert client.peer.get_connection_status() == CONNECTED
        client.poll()
        assert client.log == [("peer_connected", 1), ("peer_disconnected", 1)]
        assert client.peer.get_connection_status() == DISCONNECTED
        assert host.peer.get_connection_status() == DISCONNECTED

    def test_a_peer_that_is_disconnected(self, host: Player) -> None:
        client = joined(host)
        peer_id = id_of(client)
        host.peer.disconnect_peer(peer_id)
        poll_until(lambda: len(host.log) == 2, host, client)
        assert host.log[1] == ("peer_disconnected", peer_id)
        poll_until(lambda: client.log[-1] == ("peer_disconnected", 1), host, client)

    def test_by_force(self, host: Player) -> None:
        client = joined(host)
        peer_id = id_of(client)
        client.put(b"forgotten")
        poll_until(lambda: host.peer.get_available_packet_count() == 1, client, host.peer)
        host.peer.disconnect_peer(peer_id, True)
        assert host.peer.get_available_packet_count() == 0
        assert host.put(b"x", peer_id) == Error.ERR_INVALID_PARAMETER
        poll_until(lambda: client.node.status == WebSocketClient.Status.STATUS_IDLE, host, client)
        assert host.log == [("peer_connected", peer_id)]
        host.peer.disconnect_peer(peer_id, True)

    def test_who_is_parted_with_sends_no_messages(self) -> None:
        host = Player(listening(multiplayer_path="/mp"))
        heard = record(host.node)
        one = joined(host, path="/mp")
        other = joined(host, one, path="/mp")
        for player in (one, other):
            player.put(b"on the way")
        host.peer.disconnect_peer(id_of(one), True)
        host.peer.close()
        for player in (one, other):
            player.put(b"later")
        poll_until(lambda: host.node.get_peer_count() == 0, host, one, other)
        assert [entry for entry in heard if entry[0] == "message_received"] == []
        assert host.packets == []

    def test_a_packet_after_the_close_of_a_client_is_no_greeting(self, host: Player) -> None:
        simulation = WebSocketSimulation()
        simulation.latency = 0.05
        client = joined(host, simulation=simulation)
        for _ in range(3):
            assert host.put(b"\x05\x00\x00\x00", id_of(client)) == Error.OK
        host.peer.poll()
        client.peer.close()
        poll_until(lambda: client.node.status == WebSocketClient.Status.STATUS_IDLE, host, client)
        assert client.log == [("peer_connected", 1)]

    def test_close_of_a_server_and_again(self, host: Player) -> None:
        client = joined(host)
        host.peer.close()
        assert host.peer.get_connection_status() == DISCONNECTED
        assert not host.node.is_listening()
        poll_until(lambda: client.log[-1] == ("peer_disconnected", 1), host, client)
        assert host.node.listen(0) == Error.OK
        assert host.peer.get_connection_status() == CONNECTED
        joined(host)

    def test_close_of_a_server_with_other_clients(self) -> None:
        host = Player(listening(multiplayer_path="/mp"))
        client = joined(host, path="/mp")
        host.peer.close()
        assert host.node.is_listening()
        assert host.peer.get_connection_status() == DISCONNECTED
        poll_until(lambda: client.log[-1] == ("peer_disconnected", 1), host, client)
        late = playing(host.node, "/mp")
        poll_until(lambda: late.node.status == WebSocketClient.Status.STATUS_IDLE, host, late)
        assert host.node.get_multiplayer_peer() is host.peer
        assert host.peer.get_connection_status() == CONNECTED
        joined(host, path="/mp")

    def test_close_of_a_client_and_again(self, host: Player) -> None:
        client = joined(host)
        client.peer.close()
        assert client.peer.get_connection_status() == DISCONNECTED
        assert client.put(b"x") == Error.ERR_CONNECTION_ERROR
        poll_until(lambda: client.node.status == WebSocketClient.Status.STATUS_IDLE, host, client)
        assert client.node.connect_to_url(f"ws://127.0.0.1:{host.node.get_local_port()}/") == Error.OK
        assert client.peer.get_connection_status() == CONNECTING
        poll_until(lambda: len(client.log) == 2, host, client)
        assert client.log == [("peer_connected", 1), ("peer_connected", 1)]

    def test_no_circle_is_left_of_who_played(self, host: Player, new_raw: NewRaw) -> None:
        raw = new_raw(host)
        raw.send(Opcode.BINARY, b"packet")
        poll_until(lambda: len(host.packets) == 1, host)
        (peer_id,) = host.node.get_peer_ids()
        outbox = ref(host.node.get_peer(peer_id)._connection.outbox)
        gc.collect()
        gc.disable()  # Where many connections come, it does not look at those, see loop/collector.py.
        try:
            host.node.stop()
            raw.close()
            poll_until(lambda: not hub.is_lingering, host)
            assert outbox() is None
        finally:
            gc.enable()

    def test_a_poll_from_which_the_node_was_taken_meanwhile(self, host: Player) -> None:
        joined(host)
        host.node._shut_down()  # As another thread may do after poll() has looked.
        assert not host.peer._packets.turn(-1)

    def test_in_handlers(self, host: Player) -> None:
        client = joined(host)
        host.peer.peer_disconnected.connect(lambda peer_id: host.peer.close())
        client.peer.peer_disconnected.connect(lambda peer_id: client.node._shut_down())
        other = joined(host, client)
        client.peer.disconnect_peer(1)
        poll_until(lambda: other.log[-1] == ("peer_disconnected", 1), host, client, other)
        client.poll()
        assert client.peer.get_connection_status() == DISCONNECTED

    def test_coming_back_without_a_session_is_a_new_peer(self, host: Player) -> None:
        client = joined(host, auto_reconnect=True)
        before = id_of(client)
        client.put(b"before")
        poll_until(lambda: len(host.packets) == 1, host, client)
        client.node._connection.drop()
        states: list[ConnectionStatus] = []

        def note() -> bool:
            states.append(client.peer.get_connection_status())
            return len(client.log) == 3

        poll_until(note, host, client)
        assert [name for name, _ in client.log] == ["peer_connected", "peer_disconnected", "peer_connected"]
        assert id_of(client) != before
        assert DISCONNECTED in states
        assert states[states.index(DISCONNECTED) + 1 : -1] == [CONNECTING] * (
            len(states) - states.index(DISCONNECTED) - 2
        )
        client.put(b"after")
        poll_until(lambda: len(host.packets) == 2, host, client)
        assert host.packets[1] == (id_of(client), b"after")


def test_over_tls_compressed_and_authorized(tmp_path: Path) -> None:
    files = Certificates(tmp_path)
    simulation = WebSocketSimulation()
    simulation.latency = 0.005
    server = listening(
        tls_certificate=str(files.certificate),
        tls_private_key=str(files.key),
        compression=Compression.COMPRESSION_ALL,
        authorizer=lambda request: request.query.get("name") == "ann",
        simulation=simulation,
    )
    host = Player(server)
    client = Player(trusting_client(files))
    assert client.node.connect_to_url(url(server) + "?name=ann") == Error.OK
    poll_until(lambda: bool(client.log) and bool(host.log), host, client)
    packets = [bytes([number]) * 3000 for number in range(50)]
    for packet in packets:
        assert client.put(packet) == Error.OK
        assert host.put(packet, id_of(client)) == Error.OK
    poll_until(lambda: len(host.packets) == len(client.packets) == 50, host, client)
    assert [packet for _, packet in host.packets] == [packet for _, packet in client.packets] == packets
    assert server.get_statistics()["compressed_sent"] == 50


class TestTransferModes:
    def _slow(self, host: Player, new_raw: NewRaw) -> tuple[RawClient, int]:
        """A player that takes nothing, with what it was sent on the way to it."""
        before = len(host.log)
        raw = new_raw(host, receive_buffer=4096)
        poll_until(lambda: len(host.log) > before, host)
        peer_id: int = host.log[-1][1]
        peer = host.node.get_peer(peer_id)
        assert peer is not None
        while peer.get_current_outbound_buffered_amount() == 0:
            assert host.put(b"r" + bytes(65535), peer_id) == Error.OK
            host.poll()
        return raw, peer_id

    def _read_all(self, raw: RawClient, host: Player, last: bytes) -> list[bytes]:
        poll_until(lambda: bool(raw.receive().frames) and raw.frames[-1].data == last, host, deadline=30.0)
        packets = [bytes(frame.data) for frame in raw.frames]
        return [packet for packet in packets if packet[:1] != b"r" and len(packet) > 4]

    @needs_confirmation
    def test_unreliable_is_left_out_for_who_lags(self, host: Player, new_raw: NewRaw) -> None:
        client = joined(host)
        raw, slow_id = self._slow(host, new_raw)
        for number in range(50):
            assert host.put(b"state %d" % number, 0, UNRELIABLE) == Error.OK
            host.poll()
            client.poll()
        # Whoever is slow delays nobody.
        poll_until(lambda: len(client.packets) == 50, host, client)
        assert host.put(b"the end", slow_id) == Error.OK
        assert self._read_all(raw, host, b"the end") == [b"the end"]
        assert host.node.get_statistics()["counts"]["packets_left_out"] == 50

    @needs_confirmation
    def test_the_newest_of_each_channel_for_who_lags(self, host: Player, new_raw: NewRaw) -> None:
        raw, peer_id = self._slow(host, new_raw)
        for number in range(50):
            for channel in (1, 2):
                host.peer.transfer_channel = channel
                assert host.put(b"%d: %d" % (channel, number), peer_id, ORDERED) == Error.OK
            host.poll()
        poll_until(lambda: b"2: 49" in [frame.data for frame in raw.receive().frames], host, deadline=30.0)
        assert host.put(b"the end", peer_id) == Error.OK
        assert self._read_all(raw, host, b"the end") == [b"1: 49", b"2: 49", b"the end"]

    def test_all_of_them_where_nobody_lags(self, host: Player) -> None:
        client = joined(host)
        for number in range(20):
            for mode in (UNRELIABLE, ORDERED):
                assert host.put(b"%d %d" % (mode, number), id_of(client), mode) == Error.OK
        poll_until(lambda: len(client.packets) == 40, host, client)

    @needs_confirmation
    def test_a_reliable_packet_without_room_closes(self, new_raw: NewRaw, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.ERROR)
        host = Player(listening(outbound_buffer_size=200_000))
        raw = new_raw(host, receive_buffer=4096)
        poll_until(lambda: bool(host.log), host)
        (peer_id,) = host.node.get_peer_ids()
        results: list[Error] = []
        while not results or results[-1] == Error.OK:
            results.append(host.put(bytes(50_000), peer_id))
            host.poll()
        assert results[-1] == Error.ERR_BUSY
        assert host.put(b"x", peer_id) != Error.OK
        host.poll()
        poll_until(lambda: raw.receive().frames[-1].opcode is Opcode.CLOSE, host, deadline=30.0)
        assert raw.frames[-1].data == (1008).to_bytes(2, "big") + b"no room for a reliable packet"
        assert len([frame for frame in raw.frames if len(frame.data) == 50_000]) == len(results) - 1
        poll_until(lambda: host.log[-1] == ("peer_disconnected", peer_id), host)
        assert caplog.text.count("no room for a reliable packet to peer") == 1


class TestSessions:
    @pytest.fixture
    def host(self) -> Player:
        return Player(listening(session_timeout=30.0))

    def test_a_cut_is_not_seen(self, host: Player) -> None:
        client = joined(host, session=True)
        peer_id = id_of(client)
        for round_ in range(6):
            for number in range(20):
                assert client.put(b"%d %d" % (round_, number)) == Error.OK
                assert host.put(b"%d %d" % (round_, number), peer_id) == Error.OK
            peer = host.node.get_peer(peer_id)
            assert peer is not None
            (client.node if round_ % 2 else peer)._connection.drop()
            for number in range(20, 40):
                assert client.put(b"%d %d" % (round_, number)) == Error.OK
                assert host.put(b"%d %d" % (round_, number), peer_id) == Error.OK
            total = 40 * (round_ + 1)
            poll_until(lambda: len(host.packets) == total and len(client.packets) == total, host, client)  # noqa: B023
        expected = [b"%d %d" % (round_, number) for round_ in range(6) for number in range(40)]
        assert host.packets == [(peer_id, packet) for packet in expected]
        assert client.packets == [(1, packet) for packet in expected]
        assert host.log == [("peer_connected", peer_id)]
        assert client.log == [("peer_connected", 1)]
        assert host.node.get_statistics()["counts"]["sessions_resumed"] == 6

    def test_who_comes_back_is_held_up_again(self, host: Player) -> None:
        client = joined(host, session=True, max_poll_time=0.05)
        sent = 0
        for _ in range(4):
            for _ in range(1500):
                assert client.put(b"%d" % sent) == Error.OK
                sent += 1
            for _ in range(100):
                host.peer.poll()
                client.poll()
            resumed = host.node.get_statistics()["counts"].get("sessions_resumed", 0)
            client.node._connection.drop()
            poll_until(
                lambda: host.node.get_statistics()["counts"].get("sessions_resumed", 0) > resumed,  # noqa: B023
                host.peer,
                client,
            )
            assert host.peer.get_available_packet_count() < 1100
        poll_until(lambda: len(host.packets) == sent, host, client)
        assert [packet for _, packet in host.packets] == [b"%d" % number for number in range(sent)]

    def test_who_comes_back_is_no_new_player(self, host: Player) -> None:
        client = joined(host, session=True)
        host.peer.refuse_new_connections = True
        client.node._connection.drop()
        client.put(b"back")
        poll_until(lambda: bool(host.packets), host, client)

    def test_close_of_a_server_is_no_cut(self, host: Player) -> None:
        client = joined(host, session=True)
        host.peer.close()
        poll_until(lambda: client.log[-1] == ("peer_disconnected", 1), host, client)
        poll_until(lambda: client.node.status == WebSocketClient.Status.STATUS_IDLE, host, client)
        assert "session_cuts" not in client.node.get_statistics()["counts"]

    def test_gone_when_the_session_is_over(self, host: Player) -> None:
        host.node.session_timeout = 0.2
        client = joined(host, session=True, reconnect_delay=20.0)
        client.node._connection.drop()
        poll_until(lambda: len(host.log) == 2, host, client)
        assert host.log[1] == ("peer_disconnected", id_of(client))

    def test_another_server_is_a_new_beginning(self, host: Player) -> None:
        client = joined(host, session=True, auto_reconnect=True)
        before = id_of(client)
        port = host.node.get_local_port()
        for known in list(host.node._sessions._by_peer.values()):
            host.node._sessions._forget(known)  # As another process, which does not know it.
        client.put(b"before")
        client.node._connection.drop()
        client.put(b"lost")
        poll_until(lambda: len(client.log) == 3, host, client)
        assert [name for name, _ in client.log] == ["peer_connected", "peer_disconnected", "peer_connected"]
        assert id_of(client) != before
        assert host.node.get_local_port() == port
        client.put(b"after")
        poll_until(lambda: (id_of(client), b"after") in host.packets, host, client)
        assert b"lost" not in [packet for _, packet in host.packets]

    def test_states_are_not_kept_through_a_cut(self, host: Player) -> None:
        client = joined(host, session=True)
        peer_id = id_of(client)
        client.node.reconnect_delay = 0.2
        peer = host.node.get_peer(peer_id)
        assert peer is not None
        peer._connection.drop()
        for number in range(20):
            assert host.put(b"unreliable %d" % number, peer_id, UNRELIABLE) == Error.OK
            assert host.put(b"ordered %d" % number, peer_id, ORDERED) == Error.OK
        assert host.put(b"reliable", peer_id) == Error.OK
        poll_until(lambda: len(client.packets) == 2, host, client)
        assert sorted(packet for _, packet in client.packets) == [b"ordered 19", b"reliable"]

    def test_no_room_while_it_is_cut(self, host: Player) -> None:
        host.node.session_buffer_size = 10_000
        client = joined(host, session=True, reconnect_delay=20.0)
        peer_id = id_of(client)
        client.node._connection.drop()
        poll_until(lambda: host.node.get_statistics()["counts"].get("session_cuts") == 1, host, client)
        while host.put(bytes(1000), peer_id) == Error.OK:
            pass
        poll_until(lambda: len(host.log) == 2, host, client)
        assert host.log[1] == ("peer_disconnected", peer_id)
