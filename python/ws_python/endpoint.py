"""One end of one connection, as its user sees it: what a client and a server's peer have in common."""

from __future__ import annotations

import logging
from typing import Any

from .connection.connection import Connection
from .connection.phase import ReadyState
from .declare import checks
from .declare.errors import Error
from .declare.events import event
from .features.statistics import traffic
from .features.values import SendsValues
from .loop.hub import hub
from .protocol.close_codes import NO_CLOSE_CODE, NORMAL_CLOSURE

_log = logging.getLogger("ws_python")
_OK = Error.OK


class Endpoint(SendsValues):
    """Sends on a connection and tells about it. Method names are those of Godot's own WebSocketPeer."""

    State = ReadyState

    message_received = event(
        message=object,
        doc="A message arrived: `String` (str) for text, `PackedByteArray` (bytes) for binary.",
    )
    pong_received = event(payload=bytes, doc="The answer to a ping() arrived, with the ping's payload.")
    connection_closed = event(
        doc="The connection that was open is closed; get_close_code() and get_close_reason() say why. Everything that "
        "arrived before was delivered before.",
    )
    drained = event(
        doc="There is room again after sending returned ERR_BUSY: half of `outbound_buffer_size` is free, and as much "
        "as the message needs that was refused. Once for each time that it was full.",
    )

    def __init__(self) -> None:
        super().__init__()
        self._connection: Connection | None = None
        # While `connection_closed` is told, the connection that it is told of: by then there may be another one.
        self._told: Connection | None = None

    # --- sending

    def send(self, message: object | memoryview) -> Error:
        """Send a message: text for a `String` (str), binary for a `PackedByteArray` (bytes).

        OK means that it is queued, and sent unless the connection breaks. It leaves at the end of the running poll()
        or frame, or as soon as a slow receiver takes it; also after close(), and if the node is freed or the scene
        changes, within `close_timeout`. When the game quits, it has one second.

        Errors, with nothing queued: ERR_CONNECTION_ERROR if the connection is not open, ERR_INVALID_PARAMETER for any
        other type (see send_json()), ERR_BUSY if `outbound_buffer_size` is reached (`drained` tells when there is room
        again), ERR_OUT_OF_MEMORY for a message that is longer than that, ERR_ALREADY_IN_USE while a message is sent in
        fragments, ERR_INVALID_DATA for text that is not valid Unicode, ERR_UNAUTHORIZED if `outgoing_supervisor`
        refuses it, ERR_UNAVAILABLE on any thread but the main one (use `call_deferred` there).
        """
        connection = self._connection
        error = Error.ERR_CONNECTION_ERROR if connection is None else connection.outbox.send(message)
        if error:
            self._explain(error, "send", message)
        return error

    def send_text(self, message: str) -> Error:
        """Send a text message. Errors: as for send()."""
        return self.send(message)

    def send_json(self, value: object) -> Error:
        """Send a value as one text message of JSON: dictionaries, arrays, strings, numbers, booleans, null.

        Errors: ERR_INVALID_PARAMETER if it holds anything else, otherwise as for send().
        """
        text = checks.encode_json(value)
        return Error.ERR_INVALID_PARAMETER if text is None else self.send(text)

    def send_latest(self, key: object, message: object | memoryview) -> Error:
        """Send a message that is worth nothing any more when there is a newer one: the state of something.

        As send(), but a message of the same `key`, a `String` or an int, that has not left is replaced: it is not sent.
        On a slow connection the other side gets the state of now, late by what is on its way, and not by all that it
        could not take in time. For that such a message waits here, not in the system, until the one before it was sent.

        Order: it leaves behind all that send() was given before, and what send() is given while it waits may overtake
        it. Different keys leave in the order in which they began to wait; a message that replaces another one takes its
        place. It leaves before the close of close(), and while a message is sent in fragments, after that. If the other
        side closes, what waits here is not sent any more.

        Errors: as for send(), but for ERR_ALREADY_IN_USE; ERR_INVALID_PARAMETER also for another type of `key`, or one
        of more than 256 characters; ERR_BUSY also if 4,096 keys wait.
        """
        checked = checks.check_key(key)
        if checked is None:
            return Error.ERR_INVALID_PARAMETER
        connection = self._connection
        error = Error.ERR_CONNECTION_ERROR if connection is None else connection.outbox.send_latest(checked, message)
        if error:
            self._explain(error, "send_latest", message)
        return error

    def send_fragment(self, data: object, final: bool) -> Error:
        """Send a part of a message whose whole is not known yet (RFC 6455 section 5.4); `final` ends the message.

        The type of the first part, `String` (str) or `PackedByteArray` (bytes), decides between text and binary, and
        the further ones must have it, too; otherwise ERR_INVALID_PARAMETER. Until the final part, send() returns
        ERR_ALREADY_IN_USE. While there is an `outgoing_supervisor`, no fragmented message can be begun:
        ERR_UNAUTHORIZED. Further errors: as for send().
        """
        connection = self._connection
        error = Error.ERR_CONNECTION_ERROR if connection is None else connection.outbox.send_fragment(data, final)
        if error:
            self._explain(error, "send_fragment", data)
        return error

    def ping(self, payload: bytes = b"") -> Error:
        """Send a ping (RFC 6455 section 5.5.2); the answer is the event `pong_received`.

        Pings from the other side are answered by themselves. To learn whether it is still there takes none of yours:
        see `heartbeat_interval` and `latency`.

        Errors: ERR_INVALID_PARAMETER if `payload` is longer than 125 bytes, otherwise as for send().
        """
        connection = self._connection
        error = Error.ERR_CONNECTION_ERROR if connection is None else connection.outbox.ping(payload)
        if error == Error.ERR_INVALID_PARAMETER:
            _log.error("ping: the payload has %d bytes; at most 125 fit", len(payload))
        elif error:
            self._explain(error, "ping", payload)
        return error

    def close(self, code: int = NORMAL_CLOSURE, reason: str = "") -> Error:
        """Close the connection with a closing handshake; `connection_closed` follows within `close_timeout`.

        What was sent before still leaves. Closing what is closed already is OK and does nothing.

        `code` is 1000 (done), 1001 (going away), another code that RFC 6455 section 7.4 lets applications send, or one
        of your own from 3000 to 4999; `reason` has at most 123 bytes of UTF-8. Errors: ERR_INVALID_PARAMETER otherwise,
        ERR_UNAVAILABLE on another thread than the main one.
        """
        if hub.refuses("close"):
            return Error.ERR_UNAVAILABLE
        error = checks.check_close(code, reason)
        if error == _OK and self._connection is not None:
            self._connection.close(code, reason)
        return error

    # --- asking

    def get_ready_state(self) -> ReadyState:
        """The state of the connection, as of the engine's WebSocketPeer: connecting, open, closing or closed."""
        return ReadyState.STATE_CLOSED if self._connection is None else self._connection.ready_state

    def get_close_code(self) -> int:
        """Why the connection was closed: the code that the other side sent (RFC 6455 section 7.4), or one of these.

        1001: this side left, by stop() of the server for example. 1002, 1007: the other side broke the protocol, or
        sent invalid text. 1005: it sent no code. 1006: the connection broke without a close, or it did not answer the
        heartbeat or a close in time. 1008: its message was not whole within `unfinished_timeout`, had more than
        `max_fragments`, or went beyond `max_compression_ratio`; more came than its rate allows, see `rate_timeout`; or
        it took nothing within `slow_peer_timeout`, or most of `max_outbound_size` waited for it. 1009: a message was
        longer than `max_message_size`, or took most of `max_unfinished_size`. -1: not closed, or never open.
        """
        connection = self._told or self._connection
        return NO_CLOSE_CODE if connection is None else connection.close_code

    def get_close_reason(self) -> str:
        """The reason that belongs to the close code, of at most 123 bytes of UTF-8; empty for none."""
        connection = self._told or self._connection
        return "" if connection is None else connection.close_reason

    def get_connected_host(self) -> str:
        """The IP address of the other side; of a client behind one of `trusted_proxies`, its own. Empty for none.

        Of a Unix socket it is "unix:" and the path of that socket, on both sides, as who connects has no address of its
        own. Of a client that connected through a proxy it is the host of the URL, as only the proxy knows its address.
        """
        return "" if self._connection is None else self._connection.host

    def get_connected_port(self) -> int:
        """The TCP port of the other side; 0 for none, a Unix socket, or where a trusted proxy does not tell it."""
        return 0 if self._connection is None else self._connection.port

    def get_selected_protocol(self) -> str:
        """The subprotocol that both sides agreed on; empty for none."""
        return "" if self._connection is None else self._connection.handshake.subprotocol

    def get_handshake_header(self, header: str) -> str:
        """A header of the other side's opening handshake (case is ignored), several joined by commas; "" for none."""
        return "" if self._connection is None else self._connection.handshake.header(header)

    def get_request_path(self) -> str:
        """Path and query of the requested URL, like "/chat?room=1"; empty if nothing was requested."""
        return "" if self._connection is None else self._connection.handshake.path

    def get_requested_url(self) -> str:
        """The URL of the connection as the client wrote it, with whatever is secret in it; empty for none."""
        return "" if self._connection is None else self._connection.handshake.url

    def get_current_outbound_buffered_amount(self) -> int:
        """Bytes that were sent but not yet taken by the operating system; bounded by `outbound_buffer_size`."""
        return 0 if self._connection is None else self._connection.outbox.amount()

    @property
    def latency(self) -> float:
        """Seconds from here to the other side and back: what its answer to the last ping of the heartbeat took.

        In a session, what the last look at the server's clock took (see `clock_interval` of a client), if those come as
        often: they are measured when they arrive, so that of the frames of the two sides only the server's is a part of
        it. Until something was measured, what the system has on the traffic of the connection, where it does (TCP on
        Linux); 0 where nothing is known.
        """
        connection = self._connection
        if connection is None:
            return 0.0
        return connection.meter.latency or (0.0 if connection.link is None else connection.link.round_trip())

    def get_statistics(self) -> dict[str, Any]:
        """What went through this connection, as a dictionary: what get_statistics() of a server tells, of this alone.

        That is messages, frames and bytes; ``inbound_buffered_amount`` and ``outbound_buffered_amount``; and
        ``latency``, in seconds. Empty where there never was a connection.
        """
        connection = self._connection
        if connection is None:
            return {}
        return {
            **traffic(connection.meter),
            "inbound_buffered_amount": connection.intake.size,
            "outbound_buffered_amount": self.get_current_outbound_buffered_amount(),
            "latency": self.latency,
        }

    def _explain(self, error: Error, method: str, message: object) -> None:
        connection = self._connection
        if error == Error.ERR_UNAVAILABLE:
            hub.refuses(method)
        elif error == Error.ERR_CONNECTION_ERROR or connection is None:
            self._explain_unsent(method)
        else:
            checks.explain_send_error(error, method, message, connection.complain)

    def _explain_unsent(self, method: str) -> None:
        """Nothing to say by itself: the other side may close at any time, which the caller cannot know yet."""
