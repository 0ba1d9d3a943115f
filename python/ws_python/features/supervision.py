"""Supervision: a function of the user's sees each message before the game does, or before it is sent.

What the session layer carries for the game counts as a message, as it is there: values, and what requests and their
answers hold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..connection.connection import Connection
from ..connection.inbox import Inbox, Sink
from ..connection.intake import Intake
from ..declare.callbacks import callback
from ..declare.type_names import type_name
from ..loop.hub import hub
from .feature import Feature
from .teller import place_of


def _apply(node: Any) -> None:
    node._supervision.apply()


class SupervisorSettings:
    """For a server or client with a Supervision."""

    _supervision: Supervision

    supervisor: Callable[..., Any] | None = callback(
        "supervisor",
        "Sees each message before the game does: it is called with the arguments of `message_received`, (peer_id, "
        "message) of a server, (message) of a client. It returns true to let the message through, a String or "
        "PackedByteArray to have that delivered in its place, or false to have it dropped. Whatever else it returns "
        "counts as an error, and so does nothing, for that is what a GDScript function returns which failed: in an "
        "error, the message is dropped. It must not wait (`await`). It may send, close, stop the server, free nodes; "
        "if it calls poll(), nothing is delivered by this node until it has returned. What was sent with send_var() or "
        "request(), and replies, it sees as they came: a String of JSON, or a PackedByteArray for bytes_to_var(); what "
        "it returns in their place is read as such. A value that it refuses is dropped, a request is answered with "
        "ERR_UNAUTHORIZED, and in place of a reply that error comes. Packets of the multiplayer are messages, too. "
        "Empty: each message is delivered, and no time is spent.",
        changed=_apply,
    )
    outgoing_supervisor: Callable[..., Any] | None = callback(
        "outgoing_supervisor",
        "Sees each message before it is sent, and returns what `supervisor` does. Of a server it is called with "
        "(peer_id, message), once for each call of send(), with the number that was given there: 0 for everybody, "
        "negative for all but one. Of a client, with (message). What it refuses is not sent, and send() returns "
        "ERR_UNAUTHORIZED. What it sends itself, it is not asked about. It sees whole messages: while it is set, "
        "send_fragment() begins none. Likewise it is asked about packets of the multiplayer, and about send_var(), "
        "request() and replies, which it sees as they leave: a String of JSON, or a PackedByteArray of var_to_bytes(). "
        "Who has asked for a reply that it refuses gets the error ERR_UNAUTHORIZED. Empty: each message is sent, and "
        "no time is spent.",
        changed=_apply,
    )


class Supervision(Feature):
    """Asks the supervisors of one server or client, where it has them."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        node._supervision = self
        self._asks_outgoing = False

    def apply(self) -> None:
        """The supervisors have changed."""
        node = self.node
        inbox: Inbox = node._inbox
        inbox.sink = node._front if node.supervisor is None else _SupervisedSink(self, inbox, node._front)
        for connection in list(node._open_connections()):
            self._supervise(connection)

    def opened(self, connection: Connection) -> None:
        """See Feature."""
        self._supervise(connection)

    def _supervise(self, connection: Connection) -> None:
        connection.outbox.supervisor = None if self.node.outgoing_supervisor is None else self._outgoing

    def incoming(self, source: Intake, message: str | bytes) -> str | bytes | None:
        """What to deliver in place of a message that came; None for nothing."""
        function = self.node.supervisor
        if function is None:
            return message
        return self._ask("supervisor", function, _peer_of(source.owner), message)

    def incoming_payload(self, connection: Connection, payload: str | bytes) -> str | bytes | None:
        """As incoming(), of what a message of the session layer holds for the game. None also where nobody is told."""
        inbox: Inbox = self.node._inbox
        inbox.is_held = True  # As for messages, see _SupervisedSink.
        try:
            passed = self._ask("supervisor", self.node.supervisor, _peer_of(connection), payload)
        finally:
            inbox.is_held = False
        return None if connection.intake.is_ignored else passed

    def outgoing_payload(self, peer: tuple[int, ...], payload: str | bytes) -> str | bytes | None:
        """What to send in a message of the session layer in place of what is in it; None for nothing."""
        passed: str | bytes | None = self._ask_outgoing(peer, payload)
        if isinstance(passed, str) and passed is not payload and not _is_unicode(passed):
            self._tell_failed("outgoing_supervisor", "it returned half a surrogate pair, which UTF-8 cannot carry")
            return None
        return passed

    def _outgoing(self, connection: Connection, message: Any) -> Any:
        """What to send on a connection in place of a message; None for nothing."""
        return self._ask_outgoing(_peer_of(connection), message)

    def to_many(self, target: int, message: Any) -> Any:
        """What to send to several in place of a message; None for nothing."""
        return self._ask_outgoing((target,), message)

    def _ask_outgoing(self, peer: tuple[int, ...], message: Any) -> Any:
        function = self.node.outgoing_supervisor
        # Of what is sent on another thread, nothing is.
        if function is None or self._asks_outgoing or hub.is_elsewhere():
            return message
        shown = str(message) if isinstance(message, str) else bytes(message)
        self._asks_outgoing = True
        try:
            passed = self._ask("outgoing_supervisor", function, peer, shown)
        finally:
            self._asks_outgoing = False
        return message if passed is shown else passed

    def _ask(
        self, name: str, function: Callable[..., Any], peer: tuple[int, ...], message: str | bytes
    ) -> str | bytes | None:
        try:
            verdict = function(*peer, message)
        except Exception as error:
            self._tell_failed(name, f"it raised {place_of(error)}")
            return None
        if verdict is True:
            return message
        if isinstance(verdict, str):
            return str(verdict)
        if isinstance(verdict, (bytes, bytearray, memoryview)):
            return bytes(verdict)
        if verdict is False:
            self.node._count(f"refused_by_{name}")
        else:
            advice = "return true, false, a String or a PackedByteArray"
            self._tell_failed(name, f"it returned {type_name(type(verdict))}: {advice}")
        return None

    def _tell_failed(self, name: str, what: str) -> None:
        self.node._count(f"failed_{name}")
        self.node._teller.tell(name, "a message is refused, for %s", what)


class _SupervisedSink(Sink):
    """Passes on to another sink what the supervisor lets through."""

    def __init__(self, supervision: Supervision, inbox: Inbox, sink: Sink) -> None:
        self._supervision = supervision
        self._inbox = inbox
        self._sink = sink

    def message(self, source: Intake, message: str | bytes) -> None:
        self._sink.settle()
        if source.is_ignored:
            return
        if self._supervision.node._multiplayer.awaits_id:
            self._sink.message(source, message)  # No message of the user's.
            return
        # Of what it polls for, nothing may overtake the message that it is asked about.
        self._inbox.is_held = True
        try:
            passed = self._supervision.incoming(source, message)
        finally:
            self._inbox.is_held = False
        if passed is not None and not source.is_ignored:
            self._sink.message(source, passed)

    def settle(self) -> None:
        self._sink.settle()


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _peer_of(connection: Connection) -> tuple[int, ...]:
    """The first argument of what a server tells; nothing for a client."""
    return (connection.intake.peer_id,) if connection.is_server else ()
