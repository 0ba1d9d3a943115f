"""Hand-over: the next process of a server goes on with its sessions and its listening sockets (docs/sessions.md).

The next process asks in listen(), and waits. The one that runs accepts nobody any more, lets what is half open become
whole, and then, between two events of the game, stands still: it tells all sessions, and gives them up once the next
one has said that it has them, in time. Whatever goes wrong until then, it goes on as before.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ..connection.connection import Connection
from ..connection.phase import Phase
from ..declare.callbacks import callback
from ..declare.errors import BadSetting, CannotListen, Error
from ..declare.events import event
from ..declare.settings import setting
from ..declare.system_words import words_of
from ..loop.deadlines import Deadline
from ..loop.hub import hub
from ..net.handover import IS_AVAILABLE, Caller, HandoverDoor, Line
from ..net.listener import Listener
from ..net.unix import checked_path
from ..protocol.close_codes import GOING_AWAY, NO_CLOSE_CODE, SERVICE_RESTART, may_resume
from ..protocol.handover import (
    ASK,
    GIVEN,
    NO,
    TAKEN,
    FrameReader,
    HandoverError,
    Payload,
    PeerState,
    State,
    pack,
    pack_state,
)
from ..protocol.moves import Move
from ..protocol.session import LayerMessage
from .feature import Answer, Feature
from .taking_over import Before, ask, go_on

if TYPE_CHECKING:
    import socket

_log = logging.getLogger("ws_python")

# Of the close frame, for people.
_REASON = "the server restarts"
_ENDED = "the next process has ended before it had everything"
_RESTARTS = Answer(HTTPStatus.SERVICE_UNAVAILABLE, "This server restarts; try again.", [("Retry-After", "1")])
# Seconds for whoever connects to say what it wants, and for what is half open to become whole; between two looks.
_ASKING_TIME = 2.0
_SETTLING_TIME = 0.25
_SETTLING_PERIOD = 0.01

# The paths of all servers of this process: one would wait for itself.
_here: set[str] = set()


class HandoverSettings:
    """For a server with a Handover."""

    handover_path: str = setting(
        "",
        group="Handover",
        doc="Where the next process of this server asks for its sessions and its listening sockets: the absolute path "
        "of a Unix socket, the same in both. listen() of the next one takes them over, while this one still runs: "
        "nobody is refused, and peers in sessions (see `session_timeout`) go on as after a cut, without losing a "
        "message; players of the multiplayer see the server go, and come back as new ones. See `handed_over` and "
        "`taken_over`. Only processes of the same user are heard. Linux and macOS. "
        "Empty: none. Counts from the next listen() on.",
    )
    handover_timeout: float = setting(
        2.0,
        range=(0.1, 60.0),
        step=0.1,
        unit="s",
        group="Handover",
        doc="Seconds that the game stands still at the most while the next process takes over; usually it is some "
        "milliseconds. If that does not say in time that it has everything, this one goes on as before, and its "
        "listen() returns ERR_ALREADY_IN_USE.",
    )
    handover_data: Callable[..., Any] | None = callback(
        "handover_data",
        "A Callable without parameters, called when the next process takes over: what it returns, `taken_over` tells "
        "there. It is the state of your game, or where that is to be found: any value but objects, as var_to_bytes() "
        "packs it (in plain Python: bytes, or what JSON has). It may not await. The next process may still fail to "
        "take over; then this one goes on. null, an empty Callable: nothing.",
    )
    handed_over = event(
        doc="The next process has taken over (see `handover_path`): this server has stopped, and sessions are over "
        "there now. It has no peers any more; for those in sessions there was no `client_disconnected`, for others "
        "there was. What is left to do is to quit."
    )
    taken_over = event(
        data=object,
        doc="listen() has taken over from the process before this one, whose `handover_data` has returned `data`. "
        "It comes first. Then, for each peer in a session, under the id that it had: `client_connected`, what it had "
        "sent and the other process had not delivered, and `client_interrupted`; when it is back, `client_resumed`. "
        "`request` of the peer is that of its last connection, with `data` where that is a value and no object.",
    )


class _Asker:
    """The next process, on the side of the one that runs."""

    def __init__(self, connected: socket.socket, asked: Callable[[], None], gone: Callable[[], None]) -> None:
        self._reader = FrameReader()
        self._asked, self._gone = asked, gone
        self.has_asked = False
        self._caller = Caller(connected, self._heard)

    def _heard(self, data: bytes) -> None:
        if not data or self.has_asked:
            self._gone()  # It waits for an answer, or is no more.
            return
        frame = None
        try:
            while data and frame is None:
                size = self._reader.missing
                frame, data = self._reader.feed(data[:size]), data[size:]
        except HandoverError as problem:
            self.refuse(str(problem))
            self._gone()
            return
        if frame is None:
            return
        self.has_asked = frame.letter == ASK
        if self.has_asked:
            self._asked()
        else:
            self._gone()

    def give(self, state: bytes, sockets: list[socket.socket], until: float) -> bool:
        """Wait until it has all of that; whether it says so in time. Raises OSError, HandoverError."""
        line = self._caller.line(until)
        try:
            line.send(state, sockets)
            reader, frame = FrameReader(), None
            while frame is None:
                data = line.receive(reader.missing)
                if not data:
                    raise HandoverError(_ENDED)
                frame = reader.feed(data)
            if frame.letter != TAKEN or time.monotonic() >= until:
                return False
            line.send(pack(GIVEN))
        except ConnectionError as problem:  # It had not read all that was sent.
            raise HandoverError(_ENDED) from problem
        return True

    def refuse(self, reason: str) -> None:
        """Say no, and why."""
        self._caller.line(0.0).say_last(pack(NO, {"reason": reason}))

    def close(self) -> None:
        """It has no answer any more."""
        self._caller.close()


class _Settled:
    """What waits in the inbox when nothing is half open any more."""

    def __init__(self, handover: Handover, asker: _Asker) -> None:
        self._handover, self._asker = handover, asker

    def tell(self, server: object, connection: object) -> bool:
        """It is between two events that a server hands over. It takes long."""
        self._handover.give(self._asker)
        return True


class Handover(Feature):
    """What one server hands over, and takes over."""

    node: Any

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        node._handover = self
        self._path = ""
        self._door: HandoverDoor | None = None
        self._asker: _Asker | None = None
        self._next: Deadline | None = None
        self._settled_at = 0.0

    def begin(self) -> None:
        """See Feature."""
        self._path = ""
        path: str = self.node.handover_path
        if not path:
            return
        if not IS_AVAILABLE:
            raise BadSetting(
                Error.ERR_UNAVAILABLE,
                "handover_path: on this system no process hands sockets to another one; leave it empty",
            )
        if not path.startswith("/"):
            raise ValueError('handover_path must be an absolute path, like "/run/game/handover.sock"')
        self._path = checked_path(path)

    def end(self) -> None:
        """See Feature."""
        self._forget_asker()
        if self._door is not None:
            _here.discard(self._door.path)
            self._door.close()
            self._door = None

    def forget(self) -> None:
        """See Feature."""
        self.end()

    # --- the next process

    def listener(self, make: Callable[..., Listener], port: int) -> Listener:
        """What `make` gives: with the sockets of the process before this one, where that listens on this port.

        Raises OSError, and then nothing is left open, and the process before goes on.
        """
        if not self._path:
            return make()
        if self._path in _here:
            raise CannotListen(
                Error.ERR_ALREADY_IN_USE, "handover_path is that of another server of this process; each has its own"
            )
        before = ask(self._path, self.node.handover_timeout)
        if before is None:
            return self._with_door(make())
        try:
            listener = self._with_door(make(before.sockets_for(self.node.bind_address, port)), before)
        finally:
            before.close()
        go_on(self.node, before.state)
        return listener

    def _with_door(self, listener: Listener, before: Before | None = None) -> Listener:
        """The listener, with a door beside it, and what the one before has confirmed."""
        try:
            self._door = self._new_door(None if before is None else before.take_door())
            _here.add(self._path)
            if before is not None:
                before.confirm()
        except BaseException:
            if before is not None:
                listener.give_away()
                if self._door is not None:
                    self._door.give_away()
            listener.close()
            self.end()
            raise
        return listener

    def _new_door(self, given: socket.socket | None) -> HandoverDoor:
        try:
            return HandoverDoor(self._path, self._came, given)
        except CannotListen as problem:
            raise CannotListen(problem.code, f"handover_path: {problem}") from None
        except OSError as problem:
            raise CannotListen(Error.ERR_CANT_CREATE, f"handover_path: {words_of(problem)}") from None

    # --- the one that runs

    def _came(self, connected: socket.socket) -> None:
        asker: _Asker | None = None

        def gone() -> None:
            if asker is not None and asker is self._asker:
                self._forget_asker()

        line = Line(connected, 0.0)
        if not line.is_of_this_user:
            self.node._teller.tell("handover", "a process of another user asks to take over, and is not heard")
            line.say_last(pack(NO, {"reason": "it is of another user"}))
            return
        if self._asker is not None:
            line.say_last(pack(NO, {"reason": "another process takes over already"}))
            return
        self._asker = asker = _Asker(connected, self._asked, gone)
        self._next = hub.deadlines.after(_ASKING_TIME, gone)

    def _asked(self) -> None:
        """Accept nobody any more, and wait until nothing is half open."""
        node = self.node
        assert self._next is not None
        self._next.cancel()
        if node._listener is None:
            self._forget_asker()
            return
        node._listener.hold()
        self._settled_at = hub.deadlines.now + _SETTLING_TIME
        self._settle()

    def _settle(self) -> None:
        node = self.node
        is_whole = not node._sessions.is_awaiting_hello and all(
            connection.phase > Phase.OPENING for connection in node._connections
        )
        if is_whole or hub.deadlines.now >= self._settled_at:
            self._next = None
            assert self._asker is not None
            node._tell_later(_Settled(self, self._asker))
        else:
            self._next = hub.deadlines.after(_SETTLING_PERIOD, self._settle)

    def _forget_asker(self) -> None:
        """There is none, or not any more: go on as before."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
        asker, self._asker = self._asker, None
        if asker is not None:
            asker.close()
            if self.node._listener is not None:
                self.node._listener.release()

    def give(self, asker: _Asker) -> None:
        """Hand everything over, or nothing."""
        if asker is not self._asker:
            return  # It is gone.
        node = self.node
        begin = time.monotonic()
        try:
            data = None if node.handover_data is None else self._encoded(node.handover_data())
        except Exception as problem:
            self._keep(f"handover_data failed: {problem}")
            return
        if asker is not self._asker:
            return  # It has stopped the server.
        leaving = [known for known in node._sessions.all if self._leaves(known.peer)]
        try:
            is_taken = self._give(asker, leaving, data, begin + node.handover_timeout)
        except TimeoutError:
            is_taken = False
        except (OSError, HandoverError) as problem:
            self._keep(words_of(problem) if isinstance(problem, OSError) else str(problem))
            return
        except Exception:  # A fault of ours is no reason for the game to stand still for ever.
            _log.exception("handover: what there is could not be told")
            self._keep("it went wrong, see the log")
            return
        if is_taken:
            self._let_go(leaving)
        else:
            self._keep("the next process did not say in time (handover_timeout) that it has everything")

    def _leaves(self, peer: Any) -> bool:
        return _goes_on(peer._connection) and not any(feature.stays(peer) for feature in self.node._features)

    def _give(self, asker: _Asker, leaving: list[Any], data: Payload | None, until: float) -> bool:
        """Tell all that there is; whether it was taken."""
        node = self.node
        assert self._door is not None
        sockets = node._listener.sockets
        peers = [self._told(known) for known in leaving]
        state = State(node.bind_address, node._listener.port, len(sockets), node.handover_timeout, data, peers)
        return asker.give(pack_state(state), [*sockets, self._door.socket], until)

    def _told(self, known: Any) -> PeerState:
        """All that there is to know of a peer."""
        peer, session = known.peer, known.session
        connection: Connection = peer._connection
        connection.outbox.keep_latest()
        asked, heard, handled = peer._dialogue.numbers()
        certificate = "" if connection.link is None else connection.link.certificate
        state = PeerState(
            peer_id=peer.peer_id,
            tokens=list(known.tokens),
            first=known.first,
            is_another=known.is_another,
            written=session.written,
            acknowledged=session.acknowledged,
            kept=session.kept(),
            received=session.received,
            arrived=[event for event in connection.intake.waiting_events() if _is_message(event)],
            asked=asked,
            heard=heard,
            handled=handled,
            host=connection.host,
            port=connection.port,
            certificate=certificate or ("" if connection.request is None else connection.request.certificate),
            request=connection.handshake.facts(),  # type: ignore[attr-defined]  # Of a server.
        )
        if connection.request is not None and connection.request.data is not None:
            try:
                state.data = self._encoded(connection.request.data)
            except ValueError as problem:
                self.node._teller.tell("handover", "`data` of a request does not go along: %s", problem)
        return state

    def _encoded(self, value: object) -> Payload | None:
        if value is None:
            return None
        encoded: Payload = self.node._PAYLOADS.encode(value, as_text=False)
        return encoded

    def _keep(self, why: str) -> None:
        """Nothing is handed over: go on."""
        self.node._count("handovers_failed")
        _log.error("handover: %s; this process goes on", why)
        if self._asker is not None:
            self._asker.refuse(why)
        self._forget_asker()

    def _let_go(self, leaving: list[Any]) -> None:
        """All of that is the next process's: end here."""
        node = self.node
        node._count("handed_over")
        node._listener.give_away()
        assert self._door is not None
        self._door.give_away()
        for known in leaving:
            peer, connection = known.peer, known.peer._connection
            node._sessions.give_away(known)
            connection.intake.peer = None
            node._session_ends(peer)
            node._peers.remove(peer.peer_id)
            if connection.phase is Phase.OPEN:
                connection.outbox.send_layer(Move(0).pack())
            connection.abandon(SERVICE_RESTART, _REASON)
            connection.outbox.part()
            node._drop_peer(peer)
            node._count("sessions_handed_over")
        for connection in list(node._connections):
            if connection.phase <= Phase.OPENING:
                connection.answer(_RESTARTS)
                connection.outbox.flush()
            elif connection.codec is not None:
                connection.abandon(SERVICE_RESTART, _REASON)
        node.stop()
        node.handed_over.emit()


def _goes_on(connection: Connection) -> bool:
    """Whether its session does, and no close of one of both sides has ended it."""
    if not connection.outbox.lasts or connection.close_code == GOING_AWAY:
        return False
    return connection.close_code == NO_CLOSE_CODE or may_resume(connection.close_code)


def _is_message(waiting: object) -> bool:
    return isinstance(waiting, (str, bytes)) or (isinstance(waiting, LayerMessage) and waiting.is_counted)
