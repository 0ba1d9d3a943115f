"""What one process of a server hands to the next one, sans-I/O: frames, and in one of them all sessions.

A frame is the eight bytes of MAGIC, the last of which is the version; one letter; two lengths of eight bytes, the
highest first; a head, which is a JSON object; and a block, in which payloads lie one behind the other, in the order in
which the head tells of them. Letters:

    A   the next process asks for everything
    S   the one that runs gives its `State`; its listening sockets come beside the first byte
    T   the next one has taken it in: it lacks nothing to go on
    G   given: from now on it is the next one's
    N   no, and "reason" of its head says why: all stays as it was

Who reads checks everything: what is wrong raises HandoverError, and nothing of it is used.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from .session import LayerError, LayerMessage

MAGIC: Final = b"WSPHAND\x01"
ASK: Final = "A"
STATE: Final = "S"
TAKEN: Final = "T"
GIVEN: Final = "G"
NO: Final = "N"
_LETTERS: Final = frozenset((ASK, STATE, TAKEN, GIVEN, NO))
_HEADER: Final = struct.Struct(">8scQQ")
#: How long a frame begins: so much tells how long it is.
HEADER_SIZE: Final = _HEADER.size
#: What one frame has at most, in bytes: with the head, what is kept for all peers and what waits to be delivered.
MAX_SIZE: Final = 1024 * 1024 * 1024
#: What a frame without a state has at most.
MAX_SMALL: Final = 4096
#: Sockets that come with a state, at the most.
MAX_SOCKETS: Final = 16

_MOST = 2**53 - 1
_FIRST_ID, _LAST_ID = 2, 2**31 - 1
_TOKEN_SIZE = 32  # Bytes of SHA-256.
_MOST_TOKENS = 2
_LAST_PORT = 65535

Payload = str | bytes
Arrived = str | bytes | LayerMessage


class HandoverError(ValueError):
    """What came is nothing to go on with. The text says why, in one line."""


class Frame(NamedTuple):
    """What one process says to the other."""

    letter: str
    head: dict[str, Any]
    block: memoryview


def pack(letter: str, head: dict[str, Any] | None = None, parts: Iterable[bytes] = ()) -> bytes:
    """A frame. Raises HandoverError where it is longer than any may be."""
    text = json.dumps(head or {}, separators=(",", ":")).encode()
    block = b"".join(parts)
    if len(text) + len(block) > MAX_SIZE:
        raise HandoverError(f"there is more to hand over than {MAX_SIZE} bytes")
    return b"".join((_HEADER.pack(MAGIC, letter.encode(), len(text), len(block)), text, block))


class FrameReader:
    """Puts one frame together, of at most `most` bytes behind its header."""

    def __init__(self, most: int = MAX_SMALL) -> None:
        self._most = most
        self._data = bytearray()
        self._head_size = self._size = -1

    @property
    def missing(self) -> int:
        """How many more bytes to read, as far as is known. 0: the frame is whole."""
        wanted = HEADER_SIZE if self._size < 0 else HEADER_SIZE + self._size
        return wanted - len(self._data)

    def feed(self, data: bytes | memoryview) -> Frame | None:
        """Take in at most `missing` bytes. The frame once it is whole. Raises HandoverError."""
        self._data += data
        if self._size < 0 and len(self._data) >= HEADER_SIZE:
            self._read_header()
        return self._read() if self._size >= 0 and not self.missing else None

    def _read_header(self) -> None:
        magic, letter, head_size, block_size = _HEADER.unpack_from(self._data)
        if magic[:-1] != MAGIC[:-1]:
            raise HandoverError("what came is no hand-over of this server's")
        if magic != MAGIC:
            raise HandoverError("the other process is of another version; let it end before this one starts")
        if letter.decode("latin-1") not in _LETTERS or head_size + block_size > self._most:
            raise HandoverError("what came is no hand-over, or longer than one may be")
        self._head_size, self._size = head_size, head_size + block_size

    def _read(self) -> Frame:
        whole = memoryview(bytes(self._data))
        letter = chr(whole[len(MAGIC)])
        begin = HEADER_SIZE + self._head_size
        try:
            head = json.loads(bytes(whole[HEADER_SIZE:begin]))
        except (ValueError, RecursionError):
            head = None
        if not isinstance(head, dict):
            raise HandoverError("the head of what came is no JSON object")
        return Frame(letter, head, whole[begin:])


# --- all there is to know


@dataclass(slots=True)
class PeerState:
    """A peer in a session."""

    peer_id: int
    #: SHA-256 of what its client may come back with.
    tokens: list[bytes]
    #: That of the hello that it began with; and whether that hello asked for a session which was not known.
    first: bytes
    is_another: bool
    #: Numbers of messages to it: of the last one that was given to a connection, and that was acknowledged; and what
    #: was sent since that one, as it is on the wire.
    written: int
    acknowledged: int
    kept: list[Payload]
    #: The number of the last message that came from it, and those that came and nobody was told of.
    received: int
    arrived: list[Arrived]
    #: Of requests: the last one here, the last one there, and those that are being handled and awaited.
    asked: int = 0
    heard: int = 0
    handled: list[int] = field(default_factory=list)
    #: Who it is, by its last connection, and what was requested.
    host: str = ""
    port: int = 0
    certificate: str = ""
    request: dict[str, str] = field(default_factory=dict)
    #: What the user has stored with the request; None for nothing.
    data: Payload | None = None


@dataclass(slots=True)
class State:
    """All that a server hands over."""

    #: Where it listens: `bind_address`, and the port.
    address: str
    port: int
    #: How many listening sockets come with it. Behind them comes the one at which the next hand-over is asked for.
    sockets: int
    #: Seconds within which it is to be taken.
    timeout: float
    #: What the user hands over.
    data: Payload | None
    peers: list[PeerState]


def pack_state(state: State) -> bytes:
    """As a frame. Raises HandoverError where it is too long."""
    parts: list[bytes] = []
    head = {
        "address": state.address,
        "port": state.port,
        "sockets": state.sockets,
        "timeout": state.timeout,
        "data": _pack_payloads([] if state.data is None else [state.data], parts),
        "peers": [_pack_peer(peer, parts) for peer in state.peers],
    }
    return pack(STATE, head, parts)


def _pack_peer(peer: PeerState, parts: list[bytes]) -> dict[str, Any]:
    return {
        "id": peer.peer_id,
        "tokens": [token.hex() for token in peer.tokens],
        "first": peer.first.hex(),
        "is_another": peer.is_another,
        "written": peer.written,
        "acknowledged": peer.acknowledged,
        "kept": _pack_payloads(peer.kept, parts),
        "received": peer.received,
        "arrived": _pack_payloads(peer.arrived, parts),
        "asked": peer.asked,
        "heard": peer.heard,
        "handled": peer.handled,
        "host": peer.host,
        "port": peer.port,
        "certificate": peer.certificate,
        "request": peer.request,
        "data": _pack_payloads([] if peer.data is None else [peer.data], parts),
    }


def _pack_payloads(payloads: Sequence[Arrived], parts: list[bytes]) -> list[Any]:
    """What the head tells of them: a letter for each, small for text and binary, and large for the layer's; sizes."""
    letters: list[str] = []
    sizes: list[int] = []
    for payload in payloads:
        is_layers = isinstance(payload, LayerMessage)
        wire = payload.pack() if isinstance(payload, LayerMessage) else payload
        part = wire.encode() if isinstance(wire, str) else wire
        letter = "t" if isinstance(wire, str) else "b"
        letters.append(letter.upper() if is_layers else letter)
        sizes.append(len(part))
        parts.append(part)
    return ["".join(letters), sizes]


def unpack_state(frame: Frame) -> State:
    """Raises HandoverError, whatever is wrong."""
    try:
        return _unpack_state(frame)
    except HandoverError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, LayerError, OverflowError):
        raise HandoverError("what came is not what a server hands over") from None


def _unpack_state(frame: Frame) -> State:
    head, block = frame.head, _Block(frame.block)
    timeout = head["timeout"]
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0.0 <= timeout <= 86_400.0:
        raise ValueError("timeout")
    state = State(
        address=_text(head["address"]),
        port=_number(head["port"], 0, _LAST_PORT),
        sockets=_number(head["sockets"], 0, MAX_SOCKETS),
        timeout=float(timeout),
        data=block.payload(head["data"]),
        peers=[_unpack_peer(fields, block) for fields in _list(head["peers"])],
    )
    if block.rest:
        raise ValueError("there is something behind it")
    ids = {peer.peer_id for peer in state.peers}
    tokens = {token for peer in state.peers for token in peer.tokens}
    if len(ids) != len(state.peers) or len(tokens) != sum(len(peer.tokens) for peer in state.peers):
        raise ValueError("two peers are one")
    return state


def _unpack_peer(fields: dict[str, Any], block: _Block) -> PeerState:
    kept: list[Payload] = block.wires(fields["kept"])
    acknowledged = _number(fields["acknowledged"], 0, _MOST)
    first, *tokens = (bytes.fromhex(_text(token)) for token in (fields["first"], *_list(fields["tokens"])))
    if not 0 < len(tokens) <= _MOST_TOKENS or any(len(token) != _TOKEN_SIZE for token in (first, *tokens)):
        raise ValueError("tokens")
    if not isinstance(fields["is_another"], bool):
        raise ValueError("is_another")
    request = fields["request"]
    if not isinstance(request, dict):
        raise ValueError("request")
    heard = _number(fields["heard"], 0, _MOST)
    return PeerState(
        peer_id=_number(fields["id"], _FIRST_ID, _LAST_ID),
        tokens=tokens,
        first=first,
        is_another=fields["is_another"],
        written=_number(fields["written"], acknowledged, acknowledged + len(kept)),
        acknowledged=acknowledged,
        kept=kept,
        received=_number(fields["received"], 0, _MOST),
        arrived=block.arrived(fields["arrived"]),
        asked=_number(fields["asked"], 0, _MOST),
        heard=heard,
        handled=[_number(number, 1, heard) for number in _list(fields["handled"])],
        host=_text(fields["host"]),
        port=_number(fields["port"], 0, _LAST_PORT),
        certificate=_text(fields["certificate"]),
        request={_text(name): _text(value) for name, value in request.items()},
        data=block.payload(fields["data"]),
    )


class _Block:
    """The payloads behind a head, taken off one after the other."""

    def __init__(self, data: memoryview) -> None:
        self.rest = data

    def payload(self, told: Any) -> Payload | None:
        """The one that there is, or None."""
        payloads = self.wires(told)
        if len(payloads) > 1:
            raise ValueError("payload")
        return payloads[0] if payloads else None

    def wires(self, told: Any) -> list[Payload]:
        """Those that are none of the layer's."""
        payloads = self.arrived(told)
        if any(isinstance(payload, LayerMessage) for payload in payloads):
            raise ValueError("payloads")
        return payloads  # type: ignore[return-value]  # That was just seen.

    def arrived(self, told: Any) -> list[Arrived]:
        """All, as they were told of."""
        letters, sizes = told
        if len(_text(letters)) != len(_list(sizes)):
            raise ValueError("payloads")
        return [self._take(letter, size) for letter, size in zip(letters, sizes, strict=True)]

    def _take(self, letter: str, size: Any) -> Arrived:
        _number(size, 0, len(self.rest))
        part, self.rest = bytes(self.rest[:size]), self.rest[size:]
        wire = part.decode() if letter in "tT" else part
        if letter not in "tbTB":
            raise ValueError("payloads")
        return LayerMessage.unpack(wire) if letter in "TB" else wire


def _number(value: Any, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError("number")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("text")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("list")
    return value
