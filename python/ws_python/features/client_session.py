"""The session of a client: it outlives the connection, and goes on with the next one (docs/sessions.md)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ..connection.connection import Connection
from ..declare.settings import setting
from ..loop.deadlines import Deadline
from ..loop.hub import hub
from ..protocol.close_codes import may_resume
from ..protocol.handshake import CLOSED_EARLY, ClientHandshake, Handshake
from ..protocol.session import Hello, Layer, Session, Welcome, new_token
from .feature import Feature
from .sessions import SessionBufferSettings, tell_received

# Seconds that the server is taken to wait as long as it has not said how long it does.
_UNTOLD_TIMEOUT = 30.0


class ClientSessionSettings(SessionBufferSettings):
    """For a client with a ClientSession."""

    session: bool = setting(
        False,
        group="Sessions",
        doc="Ask the server for a session, which a WebSocketServer has whose `session_timeout` is set. When the "
        "connection is cut, the client comes back into it by itself, as with `auto_reconnect`, for as long as the "
        "server waits, and every message arrives exactly once and in order, both ways: `connection_interrupted`, then "
        "`connection_resumed`. Meanwhile sending goes on as before. With another server nothing is different. A change "
        "counts for the next connect_to_url().",
    )


class ClientSession(Feature):
    """What one client, `node`, knows of its session."""

    node: Any

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        node._session = self
        self._is_wanted = False
        # How often in succession a server has hung up on the offer; and whether the next attempt goes without.
        self._hang_ups = 0
        self._leaves_out_offer = False
        self._session: Session | None = None
        self._token = ""
        self._timeout = 0.0
        # Until when the server waits; while the connection is cut.
        self._until = 0.0
        #: The connection that was cut, which tells why if the session does not go on; None while there is a session.
        self.cut: Connection | None = None
        self._welcome_deadline: Deadline | None = None

    def sweep(self, now: float, connections: Collection[Connection]) -> None:
        """See Feature."""
        tell_received(connections)

    # --- connecting

    def begin(self) -> None:
        """connect_to_url() was called: whatever was before is over."""
        self.forget()
        self._is_wanted = self.node.session

    @property
    def is_wanted(self) -> bool:
        """Whether to offer the layer."""
        return self._is_wanted and not self._leaves_out_offer

    def is_hung_up_on(self, handshake: Handshake) -> bool:
        """An attempt has failed. Whether to repeat it at once; after the second time, without the offer.

        A server that has no subprotocols is to answer without one (RFC 6455 section 4.2.2). The engine's WebSocketPeer
        hangs up instead. So does a link that breaks, but hardly twice at this moment.
        """
        assert isinstance(handshake, ClientHandshake)
        may_be_for_the_offer = handshake.offers_layer and self._session is None and not self.node.supported_protocols
        if handshake.error != CLOSED_EARLY or not may_be_for_the_offer:
            self._hang_ups = 0
            return False
        self.node._count("session_offers_hung_up_on")
        self._hang_ups += 1
        self._leaves_out_offer = self._hang_ups > 1
        return True

    @property
    def is_interrupted(self) -> bool:
        """Whether the connection was cut, and the session is to go on."""
        return self.cut is not None

    @property
    def may_go_on(self) -> bool:
        """Whether the connection was cut, and the server still waits."""
        return self.cut is not None and hub.deadlines.now < self._until

    def prepare(self, connection: Connection, before: Connection | None) -> None:
        """There is a further attempt: what is sent meanwhile is kept for it."""
        if self._leaves_out_offer:
            self._leaves_out_offer = False
            self._hang_ups = 0
        if self._session is not None and self.is_interrupted:
            connection.outbox.join(self._session, lasts=True)
            if before is not None:
                connection.outbox.take_over(before.outbox)

    def new_layer(self, connection: Connection) -> Layer:
        """The opening handshake has agreed on the layer: say hello."""
        if self._session is None:
            self._session = Session(self.node.session_buffer_size)
            self._token, self._timeout = new_token(), _UNTOLD_TIMEOUT
            connection.outbox.join(self._session, lasts=True)
        hello = Hello(self._token, self.is_interrupted, self._session.received, self.node.session_buffer_size)
        return Layer(self._session, hello)

    def await_welcome(self, connection: Connection) -> None:
        """The connection that is to go on with the session is open; the server is to say whether it does."""
        self._stop_waiting()
        self._welcome_deadline = hub.deadlines.of_answer(
            self.node.connect_timeout, lambda: connection.drop("the server did not answer the hello of the session")
        )

    # --- welcome

    def welcomed(self, connection: Connection, welcome: Welcome) -> bool:
        """The server speaks the layer. Whether the session that was cut goes on."""
        self._stop_waiting()
        self._token, self._timeout = welcome.token, welcome.timeout
        session: Session = connection.layer.session
        if self._session is not session:
            self._lose()
            self._session = session
            connection.outbox.part()
        connection.outbox.join(session, lasts=True)
        if not welcome.resumed or self.cut is None:
            return False
        self.cut = None
        self.node._count("sessions_resumed")
        self.node._counts["messages_replayed"] += session.replayed
        session.replayed = 0
        return True

    def refused(self, connection: Connection) -> None:
        """The server does not speak the layer: go on without it."""
        self._lose()
        self._stop_waiting()
        self._session = None
        self._token = ""
        connection.outbox.part()
        connection.intake.layer = None

    # --- cut

    def outlives(self, connection: Connection) -> bool:
        """A connection is over, or an attempt to open one. Whether the session waits for the next."""
        self._stop_waiting()
        if self.is_interrupted:
            return True
        if not connection.outbox.lasts or not self._token or not may_resume(connection.close_code):
            self.forget()
            connection.outbox.part()
            return False
        self.cut = connection
        self._until = hub.deadlines.now + self._timeout
        self.node._count("session_cuts")
        return True

    def give_up(self) -> Connection | None:
        """It is not to go on. The connection that was cut, of which the user was not told that it is closed."""
        cut = self.cut
        if cut is not None:
            self._lose()
            cut.outbox.part()
        self.forget()
        return cut

    def forget(self) -> None:
        """There is no session."""
        self._stop_waiting()
        self._session = self.cut = None
        self._token = ""

    def _lose(self) -> None:
        if self._session is not None and self.cut is not None:
            self.node._count("sessions_not_resumed")
            self.node._counts["messages_of_lost_sessions"] += self._session.sent - self._session.acknowledged

    def _stop_waiting(self) -> None:
        if self._welcome_deadline is not None:
            self._welcome_deadline.cancel()
            self._welcome_deadline = None
