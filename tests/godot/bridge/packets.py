"""Classes whose virtuals pass memory by pointers, for the suite test_bridge_packets.gd."""

from __future__ import annotations

from typing import Any

from pythonscript.godot import Error, MultiplayerPeerExtension, PacketPeerExtension, StreamPeerExtension


class Packets(PacketPeerExtension):
    """Returns the packets that were put."""

    def __init__(self) -> None:
        self.queue: list[bytes] = []
        self.wrong = ""

    def be_wrong(self, how: str) -> None:
        self.wrong = how

    def _get_packet(self) -> Any:
        if self.wrong == "raises":
            raise LookupError("no packet")
        if self.wrong:
            return {"bytes": b"alone", "text": (Error.OK, "text"), "view": (Error.OK, memoryview(b"ab"))}[self.wrong]
        if not self.queue:
            return Error.ERR_UNAVAILABLE
        return Error.OK, self.queue.pop(0)

    def _put_packet(self, p_buffer: bytes) -> Error:
        if len(p_buffer) > self._get_max_packet_size():
            return Error.ERR_OUT_OF_MEMORY
        self.queue.append(p_buffer)
        return Error.OK

    def _get_available_packet_count(self) -> int:
        return len(self.queue)

    def _get_max_packet_size(self) -> int:
        return 1 << 20


class Stream(StreamPeerExtension):
    """Returns the bytes that were put; takes 1000 at once."""

    def __init__(self) -> None:
        self.held = bytearray()
        self.too_much = False

    def give_too_much(self) -> None:
        self.too_much = True

    def _get_data(self, r_bytes: int) -> Any:
        if r_bytes > len(self.held):
            return Error.ERR_UNAVAILABLE
        return self._get_partial_data(r_bytes)

    def _get_partial_data(self, r_bytes: int) -> Any:
        if self.too_much:
            return Error.OK, bytes(r_bytes + 1)
        taken = bytes(self.held[:r_bytes])
        del self.held[:r_bytes]
        return Error.OK, taken

    def _put_data(self, p_data: bytes) -> Any:
        self.held += p_data
        return Error.OK, len(p_data)

    def _put_partial_data(self, p_data: bytes) -> Any:
        return self._put_data(p_data[:1000])

    def _get_available_bytes(self) -> int:
        return len(self.held)


class Loop(MultiplayerPeerExtension):
    """A multiplayer peer that is connected with another one in the same process."""

    def __init__(self) -> None:
        self.other: Loop | None = None
        self.unique_id = 0
        self.queue: list[bytes] = []
        self.target = 0
        self.mode = 2
        self.channel = 0

    def join(self, other: Loop, unique_id: int) -> None:
        self.other, self.unique_id = other, unique_id

    def announce(self: Any) -> None:
        self.peer_connected.emit(self.other.unique_id)

    def _get_packet(self) -> Any:
        return Error.OK, self.queue.pop(0)

    def _put_packet(self, p_buffer: bytes) -> Error:
        if self.other is None:
            return Error.ERR_UNCONFIGURED
        self.other.queue.append(p_buffer)
        return Error.OK

    def _get_available_packet_count(self) -> int:
        return len(self.queue)

    def _get_max_packet_size(self) -> int:
        return 1 << 20

    def _get_packet_channel(self) -> int:
        return 0

    def _get_packet_mode(self) -> int:
        return 2

    def _get_packet_peer(self) -> int:
        return self.other.unique_id if self.other is not None else 0

    def _set_transfer_channel(self, p_channel: int) -> None:
        self.channel = p_channel

    def _get_transfer_channel(self) -> int:
        return self.channel

    def _set_transfer_mode(self, p_mode: int) -> None:
        self.mode = p_mode

    def _get_transfer_mode(self) -> int:
        return self.mode

    def _set_target_peer(self, p_peer: int) -> None:
        self.target = p_peer

    def _is_server(self) -> bool:
        return self.unique_id == 1

    def _poll(self) -> None: ...

    def _close(self) -> None:
        self.other = None

    def _disconnect_peer(self, p_peer: int, p_force: bool) -> None: ...

    def _get_unique_id(self) -> int:
        return self.unique_id

    def _get_connection_status(self) -> int:
        return 2 if self.other is not None else 0
