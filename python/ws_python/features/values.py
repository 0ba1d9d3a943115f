"""Messages that are values: in a session, a letter of its layer says so, and no other message is taken for one."""

from __future__ import annotations

import logging
from typing import Any

from ..connection.connection import Connection
from ..declare.errors import Error
from ..declare.events import event
from ..protocol.session import VALUE, LayerMessage
from .feature import Feature
from .requests import NO_SESSION, Requesting

_log = logging.getLogger("ws_python")


class SendsValues(Requesting):
    """For one end of a connection: a client, or a server's peer."""

    var_received = event(
        value=object, doc="A value arrived, which the other side sent with send_var(); in order with its messages."
    )

    def send_var(self, value: object) -> Error:
        """Send a value of the engine: any but objects, as var_to_bytes() packs it; the other side has `var_received`.

        It takes a session, see `session_timeout` of the server, and is kept over a cut of the connection as messages
        are. (In plain Python, bytes are sent as they are, and all else as JSON.)

        Errors: ERR_UNAVAILABLE without a session, or on another thread than the main one; ERR_INVALID_PARAMETER if
        the value is or holds an object; ERR_UNAUTHORIZED if `outgoing_supervisor` refuses it; otherwise as for send().
        """
        if self._requests is None:
            return Error.ERR_CONNECTION_ERROR
        payload = _encoded(self._requests.node, value)
        if payload is None:
            return Error.ERR_INVALID_PARAMETER
        payload = self._supervised(payload)
        return Error.ERR_UNAUTHORIZED if payload is None else self._send_value(payload)

    def _send_value(self, payload: str | bytes) -> Error:
        error = self._send_layer(VALUE, "", payload)
        if error == Error.ERR_UNAVAILABLE:
            _log.error("send_var: %s", NO_SESSION)
        elif error:
            self._explain(error, "send_var", payload)  # type: ignore[attr-defined]  # Of an Endpoint.
        return error


class SendsValuesToPeers:
    """For a server."""

    var_received = event(
        peer_id=int,
        value=object,
        doc="A value arrived, which the client sent with send_var(); in order with its messages.",
    )

    def send_var(self, peer_id: int, value: object) -> Error:
        """Send a value of the engine to one peer, to everybody (0), or to all but one. See send_var() of a peer.

        Errors: ERR_DOES_NOT_EXIST for an unknown id, otherwise as for send_var() of a peer; of several peers, those
        without a session are left out. `outgoing_supervisor` is asked once, with the number given here.
        """
        server: Any = self
        peer = server.get_peer(peer_id)
        if peer is not None:
            error: Error = peer.send_var(value)
            return error
        if peer_id > 0 or (peer_id < 0 and not server.has_peer(-peer_id)):
            unknown: Error = server._unknown_peer("send_var", abs(peer_id))
            return unknown
        payload = _encoded(server, value)
        if payload is None:
            return Error.ERR_INVALID_PARAMETER
        if server.outgoing_supervisor is not None:
            payload = server._supervision.outgoing_payload((peer_id,), payload)
            if payload is None:
                return Error.ERR_UNAUTHORIZED
        result = Error.OK
        for other in list(server.peers.values()):
            if other.peer_id != -peer_id and other._connection is not None and other._connection.layer is not None:
                error = other._send_value(payload)
                result = result or (Error.OK if error == Error.ERR_CONNECTION_ERROR else error)
        return result


def _encoded(node: Any, value: object) -> str | bytes | None:
    """The value as a payload; None where it cannot be one, which the log says."""
    try:
        payload: str | bytes = node._PAYLOADS.encode(value, as_text=False)
    except ValueError as problem:
        _log.error("send_var: %s", problem)
        return None
    return payload


class Values(Feature):
    """Tells of values that came."""

    node: Any

    def layer_message(self, connection: Connection, message: LayerMessage) -> bool:
        """See Feature."""
        if message.letter != VALUE:
            return False
        payload: str | bytes | None = message.payload
        if self.node.supervisor is not None:
            payload = self.node._supervision.incoming_payload(connection, payload)
            if payload is None:
                return True
        try:
            value = self.node._PAYLOADS.decode(payload)
        except ValueError as problem:
            self.node._count("values_unreadable")
            connection.complain("unreadable values", "a value that came cannot be read: %s", problem)
            return True
        if not connection.is_server:
            self.node.var_received.emit(value)
        elif (peer := connection.intake.peer) is not None:
            self.node.var_received.emit(peer.peer_id, value)
            if connection.intake.peer is peer:  # No handler has stopped the server, or freed the peer.
                peer.var_received.emit(value)
        return True
