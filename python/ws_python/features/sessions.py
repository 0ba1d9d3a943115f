"""Sessions of a server: a peer outlives its connection, and what was on the way is sent again (docs/sessions.md).

A client comes back with its token, through the same door as everybody: features are asked about its request as about
any. Then its peer goes on with the new connection. Tokens are 128 random bits; what is kept of one is its hash, so that
looking it up tells nothing of it by the time that takes. The first one is the client's: so it comes back though no
welcome has reached it. With each connection a session gets a new one, and the one before ends as soon as the client
shows that it has the new one.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection
from typing import Any

from ..connection.connection import Connection
from ..connection.happenings import SessionOver
from ..connection.phase import Phase
from ..declare.settings import setting
from ..loop.deadlines import Deadline
from ..loop.hub import hub
from ..protocol.close_codes import GOING_AWAY, POLICY_VIOLATION, PROTOCOL_ERROR, may_resume
from ..protocol.handover import PeerState
from ..protocol.session import Hello, LayerError, LayerMessage, Session, Welcome, is_token, new_token
from .feature import Feature
from .teller import who

_MIB = 1024 * 1024
_MAX_BYTES = 2**31 - 1
# Seconds between two looks at what all sessions keep.
_LOOK_PERIOD = 1.0
_NO_HELLO = "no hello of the session layer within handshake_timeout"
_BAD_TOKEN = "the hello of a new session has no token, or one that is in use"


class SessionBufferSettings:
    """For a server or client with sessions."""

    session_buffer_size: int = setting(
        4 * _MIB,
        range=(1024, _MAX_BYTES),
        unit="bytes",
        group="Sessions",
        doc="How much of what was sent in a session may wait for the other side to say that it has it, on one "
        "connection, or without one while it is cut: 64 bytes a message beside its own. Where it is full, sending "
        "returns ERR_BUSY as where `outbound_buffer_size` is, until `drained`; a message that is longer never fits. It "
        "bounds what is on the way: a long way at a high rate takes more.",
    )


class SessionSettings(SessionBufferSettings):
    """For a server with Sessions."""

    session_timeout: float = setting(
        0.0,
        range=(0.0, 86_400.0),
        step=0.1,
        unit="s",
        group="Sessions",
        doc="Seconds that a peer outlives its connection, for clients that ask for it (`session` of WebSocketClient): "
        "within them it comes back as the same peer, and every message arrives exactly once and in order, both ways. "
        "Meanwhile sending goes on as before. Other clients are served as ever. 0: no sessions; what is set counts for "
        "the connections made after it.",
    )
    max_interrupted_sessions: int = setting(
        1024,
        range=(1, 1_000_000),
        group="Sessions",
        doc="How many peers without a connection are waited for at a time. Beyond that one is given up: of the address "
        "that has the most of them, the one that is away for longest.",
    )
    max_session_memory: int = setting(
        256 * _MIB,
        range=(1024, 2**40),
        unit="bytes",
        group="Sessions",
        doc="How much may be kept for all peers in sessions together, with a connection or without one, looked at "
        "once a second. Beyond that those are given up for whom most is kept.",
    )


class _PeerSession:
    """The session of one peer."""

    def __init__(self, peer: Any, session: Session, first: bytes, *, is_another: bool) -> None:
        self.peer = peer
        self.session = session
        #: Hash of the token of the hello that it began with. While it lasts, no other hello begins one with that: one
        #: that is late, for its client came back sooner over another way.
        self.first = first
        #: That is the token of a session which was not known any more.
        self.is_another = is_another
        #: Hashes of what a client may come back with: the newest token and, until it shows that it has it, the one
        #: that it came with.
        self.tokens = [self.first]
        #: Until when it is waited for; None while there is a connection.
        self.deadline: Deadline | None = None
        #: The address of the connection that was cut.
        self.address = ""

    @property
    def is_interrupted(self) -> bool:
        """Whether it is waited for."""
        return self.deadline is not None


class Sessions(Feature):
    """The sessions of one server."""

    node: Any

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        node._sessions = self
        self._by_token: dict[bytes, _PeerSession] = {}
        self._by_peer: dict[int, _PeerSession] = {}
        # Those that are waited for, the one that is away for longest first.
        self._interrupted: dict[int, _PeerSession] = {}
        # How many of them each address has.
        self._crowds: Counter[str] = Counter()
        self._next_look: Deadline | None = None
        # Connections that have not said hello, and until when they may.
        self._silent: dict[Connection, Deadline] = {}

    def opened(self, connection: Connection) -> None:
        """See Feature."""
        if connection.layer is not None:
            self._silent[connection] = hub.deadlines.of_answer(
                self.node.handshake_timeout, lambda: connection.give_up(PROTOCOL_ERROR, _NO_HELLO)
            )

    @property
    def is_awaiting_hello(self) -> bool:
        """Whether somebody is connected and has not said which session it wants."""
        return bool(self._silent)

    def closed(self, connection: Connection) -> None:
        """See Feature."""
        silence = self._silent.pop(connection, None)
        if silence is not None:
            silence.cancel()

    def end(self) -> None:
        """See Feature."""
        for known in list(self._by_peer.values()):
            self._forget(known)
            known.peer._connection.intake.ignore()  # What another process has not delivered is not delivered here.
        if self._next_look is not None:
            self._next_look.cancel()
            self._next_look = None

    def sweep(self, now: float, connections: Collection[Connection]) -> None:
        """See Feature."""
        tell_received(connections)
        for connection in connections:
            if connection.layer is not None and connection.layer.is_confirmed and connection.intake.peer is not None:
                known = self._by_peer.get(connection.intake.peer.peer_id)
                if known is not None and len(known.tokens) > 1:
                    self._keep_tokens(known, known.tokens[-1:])

    # --- hello

    def greeted(self, connection: Connection, hello: Hello) -> None:
        """A client of the layer says which session it wants."""
        self.closed(connection)  # It is silent no more.
        token = _hash(hello.token)
        known = self._by_token.get(token)
        if not hello.resumes:
            if known is None and is_token(hello.token):
                self._begin(connection, hello)
            else:
                self._refuse(connection)
            return
        if known is not None and token in known.tokens:
            is_heard_of = not known.is_another or token != known.first
            if not is_heard_of:  # It began in place of the one that is asked for, and its welcome was lost.
                hello = hello._replace(received=0)
            if self._may_resume(known, hello):
                self._resume(connection, known, hello, resumed=is_heard_of)
                return
        else:
            self.node._count("session_unknown")
        self._begin(connection, hello)

    def _refuse(self, connection: Connection) -> None:
        self.node._count("session_refused")
        self.node._teller.tell(who(connection), "refused, for %s", _BAD_TOKEN)
        connection.give_up(POLICY_VIOLATION, _BAD_TOKEN)

    def _begin(self, connection: Connection, hello: Hello) -> None:
        node = self.node
        peer = node._seat(connection)
        if peer is None:
            return  # What a derived class does there has stopped the server.
        known = _PeerSession(peer, Session(node.session_buffer_size), _hash(hello.token), is_another=hello.resumes)
        if self._by_token.setdefault(known.first, known) is not known:
            known.tokens = []  # It is that of another session, which has a newer one by now.
        self._keep(known)
        node._count("sessions_begun")
        connection.carry(known.session, self._welcome(known, resumed=False), hello.buffer)
        node._present(peer)

    def _keep(self, known: _PeerSession) -> None:
        self._by_peer[known.peer.peer_id] = known
        known.peer._give_up = self._leave
        if self._next_look is None:
            self._next_look = hub.deadlines.after(_LOOK_PERIOD, self._look)

    def _may_resume(self, known: _PeerSession, hello: Hello) -> bool:
        """Whether what the client has is what it may have."""
        try:
            known.session.check_number(hello.received)
        except LayerError:
            self.node._count("session_mismatch")
            self.give_up(known.peer)
            return False
        return True

    def _resume(self, connection: Connection, known: _PeerSession, hello: Hello, *, resumed: bool) -> None:
        node, peer = self.node, known.peer
        before = peer._connection
        assert before is not None
        # What came before comes first; what is unread on a connection that is half open is sent again.
        taken, size = before.intake.take()
        arrived = [event for event in taken if isinstance(event, (str, bytes, LayerMessage, OfSession))]
        connection.outbox.take_over(before.outbox)
        was_told = known.is_interrupted
        if was_told:
            self._came_back(known)
        else:
            node._leave_behind(before)
            node._count("session_cuts")
        replayed = known.session.replayed
        known.session.resumes_at(hello.received)
        # The client has this one; whether it gets the next one is not known yet.
        self._keep_tokens(known, [_hash(hello.token)])
        node._counts["messages_replayed"] += known.session.replayed - replayed
        node._count("sessions_resumed")
        node._reseat(peer, connection)
        connection.carry(known.session, self._welcome(known, resumed=resumed), hello.buffer)
        told: list[object] = [] if was_told else [Interrupted()]
        connection.intake.put_first([*arrived, *told, Resumed()], size)

    def _welcome(self, known: _PeerSession, *, resumed: bool) -> Welcome:
        token = new_token()
        known.tokens.append(_hash(token))
        self._by_token[known.tokens[-1]] = known
        node = self.node
        return Welcome(
            token, known.peer.peer_id, known.session.received, resumed, node.session_timeout, node.session_buffer_size
        )

    # --- cut

    def outlives(self, connection: Connection) -> bool:
        """A connection is over. Whether its peer waits for another one."""
        peer = connection.intake.peer
        known = None if peer is None else self._by_peer.get(peer.peer_id)
        if known is None or known.peer is not peer:
            return False
        # A client that goes away, as a page that is closed or a node that is freed, does not come back.
        is_cut = connection.outbox.lasts and may_resume(connection.close_code) and connection.close_code != GOING_AWAY
        if not is_cut or self.node.session_timeout <= 0.0:
            self._forget(known)
            connection.outbox.part()
            return False
        known.address = connection.host
        known.deadline = hub.deadlines.after(self.node.session_timeout, lambda: self._expire(known))
        self._interrupted[known.peer.peer_id] = known
        self._crowds[known.address] += 1
        self.node._count("session_cuts")
        if len(self._interrupted) > self.node.max_interrupted_sessions:
            self._crowd_out()
        return True

    def _expire(self, known: _PeerSession) -> None:
        self.node._count("session_expired")
        self.give_up(known.peer)

    def give_up(self, peer: Any) -> None:
        """Wait for this peer no longer: it is told as gone, in the next delivery."""
        known = self._by_peer.get(peer.peer_id)
        if known is None or known.peer is not peer:
            return
        connection = peer._connection
        was_interrupted = known.is_interrupted
        self._forget(known)
        if connection is not None:
            connection.outbox.part()
            if was_interrupted:
                connection.intake.put([SessionOver(connection)], 0)
            else:
                connection.drop()

    def _leave(self, peer: Any) -> None:
        """The game has closed a peer. Where it has a connection, that ends as any does."""
        known = self._by_peer.get(peer.peer_id)
        if known is not None and known.peer is peer and known.is_interrupted:
            self.give_up(peer)

    def _came_back(self, known: _PeerSession) -> None:
        if known.deadline is not None:
            known.deadline.cancel()
            known.deadline = None
        if self._interrupted.pop(known.peer.peer_id, None) is not None:
            self._crowds[known.address] -= 1
            if not self._crowds[known.address]:
                del self._crowds[known.address]

    def _forget(self, known: _PeerSession) -> None:
        if known.is_interrupted:
            self.node._counts["messages_of_lost_sessions"] += known.session.sent - known.session.acknowledged
        self._came_back(known)
        if self._by_peer.get(known.peer.peer_id) is known:
            del self._by_peer[known.peer.peer_id]
        self._keep_tokens(known, [])
        self._forget_token(known, known.first)

    def _keep_tokens(self, known: _PeerSession, kept: list[bytes]) -> None:
        for token in known.tokens:
            if token not in kept and token != known.first:
                self._forget_token(known, token)
        known.tokens = kept

    def _forget_token(self, known: _PeerSession, token: bytes) -> None:
        if self._by_token.get(token) is known:
            del self._by_token[token]

    # --- in another process

    @property
    def all(self) -> list[_PeerSession]:
        """Those that there are."""
        return list(self._by_peer.values())

    def give_away(self, known: _PeerSession) -> None:
        """Another process goes on with it: nobody is told, and nothing is lost."""
        self._came_back(known)
        self._by_peer.pop(known.peer.peer_id, None)
        self._keep_tokens(known, [])
        self._forget_token(known, known.first)

    def take_over(self, peer: Any, session: Session, told: PeerState) -> None:
        """Go on with one of another process: it is waited for, beside those of `max_interrupted_sessions`."""
        known = _PeerSession(peer, session, told.first, is_another=told.is_another)
        known.tokens = told.tokens
        self._by_token.update(dict.fromkeys((told.first, *told.tokens), known))
        known.deadline = hub.deadlines.after(self.node.session_timeout, lambda: self._expire(known))
        self._keep(known)

    # --- bounds

    def _crowd_out(self) -> None:
        address = max(self._crowds, key=self._crowds.__getitem__)
        oldest = next(known for known in self._interrupted.values() if known.address == address)
        self.node._count("session_crowded_out")
        self.node._teller.tell(
            "max_interrupted_sessions", "a peer is not waited for any longer, as %s has too many", address
        )
        self.give_up(oldest.peer)

    def _look(self) -> None:
        """While there are sessions: a sweep looks only while a connection is open."""
        self._bound_memory()
        self._next_look = hub.deadlines.after(_LOOK_PERIOD, self._look) if self._by_peer else None

    def _bound_memory(self) -> None:
        kept = sum(known.session.kept_size for known in self._by_peer.values())
        if kept <= self.node.max_session_memory:
            return
        for most in sorted(self._by_peer.values(), key=lambda known: known.session.kept_size, reverse=True):
            if kept <= self.node.max_session_memory:
                break
            kept -= most.session.kept_size
            self.node._count("session_memory")
            self.node._teller.tell(
                "max_session_memory",
                "a session is given up, as too much is kept for %s",
                most.peer.get_connected_host(),
            )
            self.give_up(most.peer)


class OfSession:
    """What happens to a peer in a session, whichever connection tells it."""


class Interrupted(OfSession):
    """A connection was cut, and the peer is back already."""

    def tell(self, server: Any, connection: Connection) -> None:
        """Tell it."""
        server._interrupted(connection)


class Resumed(OfSession):
    """A peer is back: what is told next was sent again, or after that."""

    def tell(self, server: Any, connection: Connection) -> None:
        """Tell it."""
        server._resumed(connection)


def tell_received(connections: Collection[Connection]) -> None:
    """Acknowledge what came, about once a second."""
    for connection in connections:
        layer = connection.layer
        if layer is not None and connection.phase is Phase.OPEN:
            layer.tell_received()
            connection.layer_changed()


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
