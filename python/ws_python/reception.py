"""The way in of a server: from an accepted socket to a connection whose request is answered.

An accepted socket may have a preamble, which is read first (`_read_preamble`). Then there is a link, over which
features may lay another one (`_attach`), and the opening handshake, whose request the features answer (`_admit`).
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Collection
from functools import partial

from .connection.connection import Connection
from .connection.phase import Phase
from .connection.request import WebSocketRequest
from .declare.errors import BadSetting, Error
from .declare.followed import Followed
from .declare.settings import setting
from .features.feature import Later
from .net.asyncio_link import address_of
from .net.link import Link
from .net.listener import Linker
from .net.tls_link import TlsLink
from .pollable import Pollable
from .protocol.handshake import ServerHandshake, parse_headers, parse_subprotocols

_log = logging.getLogger("ws_python")


class Reception(Pollable):
    """Whom a server has let come in, and how. It listens elsewhere (server.py), and is given what was accepted."""

    handshake_timeout: float = setting(
        5.0,
        range=(0.1, 300.0),
        step=0.1,
        unit="s",
        group="Timeouts",
        doc="Seconds that a new connection has to finish the opening handshake.",
    )

    def __init__(self) -> None:
        super().__init__()
        # What it says in opening handshakes.
        self._offer = Followed(
            lambda: (list(self.supported_protocols), list(self.handshake_headers)),
            lambda: (parse_subprotocols(self.supported_protocols), parse_headers(self.handshake_headers)),
            "handshake_headers, supported_protocols",
        )
        # Every connection of this server that is not over, also those that are still shaking hands.
        self._connections: dict[Connection, None] = {}

    def _open_connections(self) -> Collection[Connection]:
        return self._connections

    def _has_sessions(self) -> bool:
        """Whether to agree to the session layer with clients that offer it."""
        raise NotImplementedError

    def _begin_receiving(self) -> Error:
        """The server is about to listen: read the settings. If they are of no use, the log has it."""
        try:
            self._offer.begin()
            for feature in self._features:
                feature.begin()
        except ValueError as error:
            self._end_receiving()
            _log.error("listen: %s", error)
            return error.code if isinstance(error, BadSetting) else Error.ERR_INVALID_PARAMETER
        return Error.OK

    def _end_receiving(self) -> None:
        """The server has stopped, or could not listen."""
        for feature in self._features:
            feature.end()

    # --- from the socket to the handshake

    def _accept(self, link: Link) -> None:
        self._attach(self._new_connection(), link)

    def _attach(self, connection: Connection, link: Link) -> None:
        """Who is at the other end is known, by accept() or by what was read before: shake hands."""
        if connection.phase is not Phase.CONNECTING:
            link.drop()  # It was given up in the meantime.
            return
        link = self._carried(link)
        assert isinstance(connection.handshake, ServerHandshake)
        connection.handshake.is_secure = isinstance(link, TlsLink)
        connection.attach(link)
        answers = [feature.accepted(connection) for feature in self._features]  # Each is told.
        if (refusal := next(filter(None, answers), None)) is not None:
            connection.answer(refusal)

    def _read_preamble(self, accepted: socket.socket, address: object, link: Linker) -> bool:
        """Whether a feature reads something before there is a link; then the connection waits for that."""
        for feature in self._features:
            preamble = feature.preamble(accepted, address)
            if preamble is None:
                continue
            connection = self._new_connection("the proxy said nothing, or did not finish its PROXY header in time")
            connection.host, connection.port = address_of(address)
            connection.connecting = preamble
            preamble.start(
                lambda told: link(accepted, told, partial(self._attach, connection)),  # noqa: B023  # It returns below.
                partial(self._refuse_preamble, connection),
            )
            return True
        return False

    def _refuse_preamble(self, connection: Connection, reason: str) -> None:
        connection.handshake.error = reason
        connection.fail(reason, False)

    def _new_connection(self, timed_out: str = "") -> Connection:
        subprotocols, headers = self._offer.get()
        handshake = ServerHandshake(subprotocols, headers, self._deflate(), takes_layer=self._has_sessions())
        handshake.answers_at_once = False  # The features are asked first.
        connection = Connection(
            self, handshake, self._inbox, server=True, timeout=self.handshake_timeout, timed_out=timed_out
        )
        self._connections[connection] = None
        self._events["connections_tried"] += 1
        return connection

    # --- the request

    def _admit(self, connection: Connection) -> None:
        """Answer the request of a connection, unless a feature does so later."""
        request = WebSocketRequest._made_of(connection)
        for feature in self._features:
            answer = feature.admit(connection, request)
            if isinstance(answer, Later):
                connection.later = answer
                return
            if answer is not None:
                connection.answer(answer)
                return
        connection.answer(None)
