"""Taking over: the next process of a server asks the one that runs, and goes on with what that has."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..connection.connection import Connection
from ..declare.errors import CannotListen, Error
from ..declare.system_words import words_of
from ..net.handover import Line, call
from ..net.inherited import is_inherited
from ..net.unix import is_unix
from ..protocol.handover import (
    ASK,
    GIVEN,
    MAX_SIZE,
    MAX_SMALL,
    MAX_SOCKETS,
    NO,
    TAKEN,
    Frame,
    FrameReader,
    HandoverError,
    Payload,
    PeerState,
    State,
    pack,
    unpack_state,
)
from ..protocol.handshake import ServerHandshake
from ..protocol.quoting import one_line
from ..protocol.requests import ERROR
from ..protocol.session import LayerMessage, Session
from .sessions import Interrupted, OfSession

if TYPE_CHECKING:
    import socket

_log = logging.getLogger("ws_python")

# Seconds that the next process waits beyond what it is told: the one that runs may be in the middle of a long frame.
_PATIENCE = 10.0
# How often to ask anew where the one that runs ends meanwhile.
_ATTEMPTS = 3
_LONGEST_REASON = 200
_NOT_ANSWERED = "the server was restarted while it handled the request"
_TOO_SLOW = "handover_path: the server that runs did not answer in time; wait until it is less busy, or stop it"


class _Gone(Exception):
    """The one that runs has ended while it handed over."""


def ask(path: str, timeout: float) -> Before | None:
    """What the process that runs hands over; None where there is none. Raises CannotListen."""
    for attempt in range(_ATTEMPTS):
        try:
            line = call(path, time.monotonic() + timeout + _PATIENCE)
            if line is not None:
                return Before(line)
        except _Gone:
            continue
        except CannotListen:
            raise
        except (TimeoutError, BlockingIOError):
            raise CannotListen(Error.ERR_ALREADY_IN_USE, _TOO_SLOW) from None
        except PermissionError:
            raise CannotListen(
                Error.ERR_UNAUTHORIZED, "handover_path is of another user; choose another path"
            ) from None
        except OSError as problem:
            raise CannotListen(Error.ERR_CANT_CONNECT, f"handover_path: {words_of(problem)}") from None
        if attempt:
            _log.error("handover: the process that ran has ended while it handed over; its sessions are lost")
        return None
    raise CannotListen(Error.ERR_ALREADY_IN_USE, "handover_path: what listens there hangs up; stop it")


class Before:
    """The process that runs, as the next one sees it: `state` is what it hands over, once that is confirmed."""

    def __init__(self, line: Line) -> None:
        """Ask, and take in what it tells. Raises _Gone, OSError, or CannotListen."""
        self._line = line
        self._unused: list[socket.socket] = []
        try:
            if not line.is_of_this_user:
                raise PermissionError
            self._say(ASK)
            self.state = unpack_state(self._hear(MAX_SIZE, MAX_SOCKETS))
            for _ in range(self.state.sockets + 1):
                self._unused.append(line.take_socket())
        except HandoverError as problem:
            self.close()
            raise CannotListen(Error.ERR_INVALID_DATA, f"handover_path: {problem}") from None
        except BaseException:
            self.close()
            raise

    def sockets_for(self, address: str, port: int) -> list[socket.socket] | None:
        """Those that listen where a server with this `bind_address` and port does; None: it opens its own."""
        state = self.state
        is_it = state.address == address and (is_unix(address) or port in (0, state.port))
        if not is_it or not state.sockets or is_inherited(address):
            return None
        taken, self._unused = self._unused[:-1], self._unused[-1:]
        return taken

    def take_door(self) -> socket.socket:
        """The one at which the next one after this asks."""
        return self._unused.pop()

    def confirm(self) -> None:
        """Say that nothing is lacking, and wait until it is given. Raises CannotListen."""
        # For longer than the other one waits: what that decides is heard.
        self._line.until = time.monotonic() + self.state.timeout + _PATIENCE
        try:
            self._say(TAKEN)
            is_given = self._hear().letter == GIVEN
        except CannotListen:
            raise
        except TimeoutError:
            raise CannotListen(Error.ERR_ALREADY_IN_USE, _TOO_SLOW) from None
        except HandoverError:
            is_given = False
        except (_Gone, OSError):
            return  # It has ended, and had not said no: what it had is nobody else's.
        if not is_given:
            raise CannotListen(Error.ERR_INVALID_DATA, "handover_path: what listens there says what it should not")

    def close(self) -> None:
        """What was not used is closed."""
        for unused in self._unused:
            unused.close()
        self._unused.clear()
        self._line.close()

    def _say(self, letter: str) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # What it had to say last is heard.
            self._line.send(pack(letter))

    def _hear(self, most: int = MAX_SMALL, most_sockets: int = 0) -> Frame:
        reader, frame = FrameReader(most), None
        while frame is None:
            data = b""
            with suppress(ConnectionResetError):
                data = self._line.receive(reader.missing, most_sockets)
            if not data:
                raise _Gone
            frame = reader.feed(data)
        if frame.letter == NO:
            reason = one_line(str(frame.head.get("reason", "")), _LONGEST_REASON)
            raise CannotListen(
                Error.ERR_ALREADY_IN_USE, f"handover_path: the server that runs does not hand over: {reason}"
            )
        return frame


# --- going on with it


def go_on(node: Any, state: State) -> None:
    """What is handed over is this server's from now on."""
    node._count("taken_over")
    node._tell_later(_TakenOver(_decoded(node, state.data)))
    if state.peers and node.session_timeout <= 0.0:
        _log.error("handover: session_timeout is 0, so that %d sessions do not go on", len(state.peers))
        return
    for peer in state.peers:
        _take(node, peer)


def _take(node: Any, state: PeerState) -> None:
    # This one stands for the connection that was cut.
    connection = Connection(
        node, ServerHandshake.of_facts(state.request), node._inbox, server=True, timeout=node.handshake_timeout
    )
    connection.host, connection.port = state.host, state.port
    connection.drop()
    session = Session(node.session_buffer_size)
    kept = [(wire, len(wire.encode()) if isinstance(wire, str) else len(wire)) for wire in state.kept]
    session.go_on(state.written, state.acknowledged, kept, state.received)
    connection.outbox.join(session, lasts=True)
    request = node._REQUEST._of(connection)
    request._certificate, request.data = state.certificate, _decoded(node, state.data)
    peer = node._new_peer(state.peer_id)
    peer._bind(state.peer_id, connection)
    peer._requests = node._requests
    peer._dialogue.go_on(state.asked, state.heard)
    node._peers.add(state.peer_id, peer, connection.outbox)
    node._sessions.take_over(peer, session, state)
    node._count("sessions_taken_over")
    for number in state.handled:
        peer._send_layer(ERROR, f"{number} {int(Error.ERR_UNAVAILABLE)}", _NOT_ANSWERED)
    size = sum(len(each.payload if isinstance(each, LayerMessage) else each) for each in state.arrived)
    connection.intake.put([_Began(peer), *state.arrived, _Cut(connection)], size)


def _decoded(node: Any, payload: Payload | None) -> Any:
    if payload is None:
        return None
    try:
        return node._PAYLOADS.decode(payload)
    except ValueError as problem:
        _log.error("handover: what was handed over cannot be read: %s", problem)
        return None


class _TakenOver:
    """The first thing that a server tells which has taken over."""

    def __init__(self, data: object) -> None:
        self._data = data

    def tell(self, server: Any, connection: object) -> None:
        """Tell it."""
        server.taken_over.emit(self._data)


class _Began(OfSession):
    """A peer of the other process is one of this one."""

    def __init__(self, peer: Any) -> None:
        self._peer = peer

    def tell(self, server: Any, connection: object) -> None:
        """Tell it, unless it is gone."""
        if server.get_peer(self._peer.peer_id) is self._peer:
            server._present(self._peer)


class _Cut(Interrupted):
    """It has no connection here: the last event of the one that stands for what it had."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def tell(self, server: Any, connection: Connection) -> None:
        """See Interrupted."""
        self._connection.finish()
        super().tell(server, connection)
