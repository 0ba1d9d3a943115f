"""The frames of a hand-over: whole, in pieces, and broken in every place."""

from __future__ import annotations

import dataclasses
import json
import random
import struct
from typing import Any

import pytest
from ws_python.protocol.handover import (
    ASK,
    HEADER_SIZE,
    MAGIC,
    MAX_SIZE,
    MAX_SMALL,
    NO,
    STATE,
    Frame,
    FrameReader,
    HandoverError,
    PeerState,
    State,
    pack,
    pack_state,
    unpack_state,
)
from ws_python.protocol.session import LayerMessage

PEER = PeerState(
    peer_id=7,
    tokens=[b"a" * 32, b"b" * 32],
    first=b"f" * 32,
    is_another=False,
    written=11,
    acknowledged=10,
    kept=["text €", b"\0binary", "", "\x10q1 ask\n{}"],
    received=5,
    arrived=["\x10 as it is", b"", LayerMessage("q", "3 login", "{}"), LayerMessage("v", "", b"\0\1")],
    asked=3,
    heard=4,
    handled=[2, 4],
    host="10.0.0.1",
    port=4711,
    certificate="-----BEGIN",
    request={"path": "/room?x=1", "site": "ws://host", "fields": "Host: hôst", "subprotocol": "chat"},
    data='{"name":"Zoë"}',
)
FULL = State(
    address="unix:/run/x.sock",
    port=0,
    sockets=1,
    timeout=2.0,
    data=b"\xff",
    peers=[PEER, PeerState(9, [b"c" * 32], b"c" * 32, True, 0, 0, [], 0, [])],
)


def read(data: bytes, *, step: int = 1 << 20, most: int = MAX_SIZE) -> Frame:
    reader, place, frame = FrameReader(most), 0, None
    while frame is None:
        size = min(step, reader.missing)
        assert 0 < size <= len(data) - place
        frame = reader.feed(data[place : place + size])
        place += size
    assert place == len(data)
    return frame


class TestFrames:
    @pytest.mark.parametrize("step", [1, 7, 1 << 20])
    def test_a_state_comes_as_it_went(self, step: int) -> None:
        frame = read(pack_state(FULL), step=step)
        assert frame.letter == STATE
        assert unpack_state(frame) == FULL

    def test_the_others_have_no_more_than_a_reason(self) -> None:
        assert tuple(read(pack(ASK), most=MAX_SMALL)) == (ASK, {}, b"")
        assert read(pack(NO, {"reason": "because"}), most=MAX_SMALL).head == {"reason": "because"}

    def test_who_is_no_process_of_this_server_is_known_by_the_first_bytes(self) -> None:
        with pytest.raises(HandoverError, match="no hand-over"):
            FrameReader().feed(b"GET / HTTP/1.1\r\nHost: example.com\r\n"[:HEADER_SIZE])

    def test_another_version_is_told(self) -> None:
        data = pack(ASK).replace(MAGIC, MAGIC[:-1] + b"\x02")
        with pytest.raises(HandoverError, match="another version"):
            FrameReader().feed(data[:HEADER_SIZE])

    @pytest.mark.parametrize("size", [MAX_SMALL + 1, 2**63])
    def test_what_is_too_long_is_refused_before_it_comes(self, size: int) -> None:
        with pytest.raises(HandoverError, match="longer"):
            FrameReader().feed(struct.pack(">8scQQ", MAGIC, b"A", size, 0))
        with pytest.raises(HandoverError, match="longer"):
            FrameReader().feed(struct.pack(">8scQQ", MAGIC, b"A", 2, size))

    def test_an_unknown_letter(self) -> None:
        with pytest.raises(HandoverError):
            FrameReader().feed(struct.pack(">8scQQ", MAGIC, b"\xff", 0, 0))

    @pytest.mark.parametrize("head", [b"[]", b"{", b"\xff", b"[" * 100_000, b""])
    def test_a_head_that_is_no_object(self, head: bytes) -> None:
        with pytest.raises(HandoverError, match="JSON"):
            read(struct.pack(">8scQQ", MAGIC, b"S", len(head), 0) + head)


def packed(**changed: Any) -> Frame:
    """A state with other fields in its head."""
    frame = read(pack_state(FULL))
    return frame._replace(head={**frame.head, **changed})


def packed_peer(**changed: Any) -> Frame:
    frame = read(pack_state(FULL))
    frame.head["peers"][0] |= changed
    return frame


class TestMalformed:
    @pytest.mark.parametrize(
        "changed",
        [
            {"address": 1},
            {"port": 65536},
            {"port": True},
            {"port": 1.0},
            {"sockets": -1},
            {"sockets": 17},
            {"timeout": "1"},
            {"timeout": True},
            {"timeout": -1.0},
            {"timeout": float("nan")},
            {"data": None},
            {"data": ["bb", [0, 0]]},
            {"data": ["B", [1]]},
            {"peers": {}},
            {"peers": [1]},
            {"peers": []},
        ],
    )
    def test_a_field(self, changed: dict[str, Any]) -> None:
        with pytest.raises(HandoverError):
            unpack_state(packed(**changed))

    @pytest.mark.parametrize(
        "changed",
        [
            {"id": 1},
            {"id": 2**31},
            {"id": 9},
            {"tokens": []},
            {"tokens": ["aa"]},
            {"tokens": ["c" * 64] * 2},
            {"tokens": ["63" * 32]},
            {"tokens": ["zz" * 32]},
            {"tokens": ["61" * 32] * 3},
            {"first": "61"},
            {"first": None},
            {"is_another": 1},
            {"written": 9},
            {"written": 15},
            {"acknowledged": -1},
            {"kept": ["ttbt", [0, 0, 0]]},
            {"kept": ["t", [2**62]]},
            {"kept": ["x", [0]]},
            {"received": 2**53},
            {"arrived": 1},
            {"handled": [0]},
            {"handled": [5]},
            {"asked": None},
            {"host": None},
            {"request": []},
            {"request": {"path": 1}},
        ],
    )
    def test_a_field_of_a_peer(self, changed: dict[str, Any]) -> None:
        with pytest.raises(HandoverError):
            unpack_state(packed_peer(**changed))

    def test_a_field_that_lacks(self) -> None:
        for name in read(pack_state(FULL)).head:
            frame = read(pack_state(FULL))
            del frame.head[name]
            with pytest.raises(HandoverError):
                unpack_state(frame)
        for name in dataclasses.asdict(PEER):
            frame = read(pack_state(FULL))
            del frame.head["peers"][0]["id" if name == "peer_id" else name]
            with pytest.raises(HandoverError):
                unpack_state(frame)

    def test_a_block_that_is_too_short_or_too_long(self) -> None:
        frame = read(pack_state(FULL))
        for block in (frame.block[:-1], memoryview(bytes(frame.block) + b"x")):
            with pytest.raises(HandoverError):
                unpack_state(frame._replace(block=block))

    def test_text_that_is_none(self) -> None:
        frame = read(pack_state(FULL))
        with pytest.raises(HandoverError):
            unpack_state(frame._replace(block=memoryview(b"\xff" * len(frame.block))))

    def test_whatever_is_broken_is_said_so_or_is_a_state(self) -> None:
        whole = pack_state(FULL)
        by = random.Random(1)
        for _ in range(3000):
            data = bytearray(whole)
            for _ in range(by.randint(1, 3)):
                data[by.randrange(len(data))] = by.randrange(256)
            reader = FrameReader(len(whole))
            try:
                frame = reader.feed(bytes(data[:HEADER_SIZE]))
                while frame is None and reader.missing and len(data) >= HEADER_SIZE + reader.missing:
                    frame = reader.feed(bytes(data[HEADER_SIZE : HEADER_SIZE + reader.missing]))
                if frame is not None:
                    assert json.dumps(unpack_state(frame).address)
            except HandoverError as problem:
                assert "\n" not in str(problem)
