"""The phases of a connection, and from which to which it may go.

                 ┌───────────── (refused, timed out, given up) ──────────────┐
                 │                                                           ▼
    CONNECTING ──┴─▶ OPENING ───▶ OPEN ───▶ CLOSING ───▶ ENDING ──────────▶ GONE
    (clients)           │           └──────────────────────▲
                        └─────────── (refused) ────────────┘

Rules: `Connection.move_to` is the only place that changes the phase of a connection. What a phase means for others,
such as whether messages can be sent, is derived there, and nowhere is a flag of its own.
"""

from __future__ import annotations

from enum import IntEnum


class Phase(IntEnum):
    """Where a connection is."""

    #: A client's TCP connection is being made.
    CONNECTING = 0
    #: The TCP connection is there, the opening handshake is under way (RFC 6455 section 4).
    OPENING = 1
    #: Messages go both ways. After the other side broke the protocol, still: what came before can be answered until the
    #: next flush.
    OPEN = 2
    #: This side has sent a close frame; what the other one sends until its own is received (section 7.1.2).
    CLOSING = 3
    #: The WebSocket connection is over, or never was; to do is to send what is queued, and to end the TCP one.
    ENDING = 4
    #: The TCP connection is gone.
    GONE = 5


TRANSITIONS = {
    Phase.CONNECTING: (Phase.OPENING, Phase.GONE),
    Phase.OPENING: (Phase.OPEN, Phase.ENDING, Phase.GONE),
    Phase.OPEN: (Phase.CLOSING, Phase.ENDING, Phase.GONE),
    Phase.CLOSING: (Phase.ENDING, Phase.GONE),
    Phase.ENDING: (Phase.GONE,),
    Phase.GONE: (),
}


class ReadyState(IntEnum):
    """The state of a connection, as in Godot's own WebSocketPeer."""

    STATE_CONNECTING = 0
    STATE_OPEN = 1
    STATE_CLOSING = 2
    STATE_CLOSED = 3


READY_STATES = {
    Phase.CONNECTING: ReadyState.STATE_CONNECTING,
    Phase.OPENING: ReadyState.STATE_CONNECTING,
    Phase.OPEN: ReadyState.STATE_OPEN,
    Phase.CLOSING: ReadyState.STATE_CLOSING,
    Phase.ENDING: ReadyState.STATE_CLOSED,
    Phase.GONE: ReadyState.STATE_CLOSED,
}
