"""The record: what a server or client has done, how often it failed, and how often it came back by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from ..connection.connection import Connection
from ..connection.meter import Meter
from ..connection.phase import Phase
from ..loop.hub import hub
from ..protocol.close_codes import NO_CLOSE_CODE
from .feature import Feature

_OPERATIONS = ("listened", "listen_failed", "connected", "connect_failed")
_CONNECTIONS = ("connections_tried", "connections_made")


class Record:
    """For a server or client with Statistics: what happens is counted here."""

    def __init__(self) -> None:
        super().__init__()
        # By reasons, short names in snake case: refusals, forced ends, errors.
        self._counts: Counter[str] = Counter()
        # What always comes about, by the names above.
        self._events: Counter[str] = Counter()
        self._close_codes: Counter[int] = Counter()
        self._refusals: Counter[int] = Counter()
        self._meter = Meter()
        # An error was met, and neither recovered from nor given up.
        self._has_error = False
        self._is_connecting = False

    def get_statistics(self) -> dict[str, Any]:
        """What this node has done since it was made, as a dictionary. Nothing is ever reset: ask twice for a rate.

        ``connections_open``: how many are open now. ``connections_tried``: each attempt of a client, each connection
        that a server accepted. ``connections_made``: those whose opening handshake succeeded. ``connections_closed``:
        of these, by close code, as ``{1000: 3, 1006: 1}``. ``handshakes_failed``: the others, by the HTTP status that
        the server has answered with; 0 for none.

        ``messages_received``, ``messages_sent``: text and binary ones. ``compressed_received``, ``compressed_sent``:
        those of them that came or went compressed. ``messages_refused``: those for which there was no room in
        ``outbound_buffer_size``. ``messages_lost``: queued, and not taken whole when their connection broke.
        ``frames_received``, ``frames_sent``: all, with pings and the like. ``bytes_received``, ``bytes_sent``: what
        the connections carried, opening handshakes and TLS left out.

        ``inbound_buffered_amount``, ``outbound_buffered_amount``: bytes that wait now, for poll() and for the network.

        ``counts``: how often what happened, by reason: refusals, closes that a limit forced, errors; docs/statistics.md
        has all of them. ``connections_closed_total``, ``handshakes_failed_total``, ``counts_total``: their sums, which
        monitors of Godot's Performance can show.

        ``operations``, ``success_rate``: an operation is a listen(), a connect_to_url(), or the sending of a message to
        one peer, unless it was refused for its arguments or without a connection. It has succeeded when what it
        promises came true: the port is open; the connection was opened, if at a later attempt; the message was taken
        whole by the network, or still waits for it. The rate goes from 0 to 1; it is 1 where there was no operation.

        ``errors``, ``error_recovery_rate``: an error is a connection of a client that could not be opened, or ended
        without close() and with another code than 1000; and that a server could take no new connections. It is
        recovered when the node came back without a call of the game. The rate goes from 0 to 1; 1 without errors.
        """
        return summary([self])

    def _count(self, what: str) -> None:
        """Count a refusal, a forced end or an error by its reason, in snake case."""
        self._counts[what] += 1

    def _connects(self) -> None:
        """connect_to_url() was called: an operation whose outcome is told by _recovered() or _gave_up()."""
        self._is_connecting = True

    def _met_error(self) -> None:
        """Something went wrong, from which the node may recover by itself; told again, it is the same error."""
        if not self._has_error:
            self._has_error = True
            self._events["errors"] += 1

    def _recovered(self) -> None:
        """All is as it should be: an error that was met is recovered."""
        if self._is_connecting:
            self._is_connecting = False
            self._events["connected"] += 1
        if self._has_error:
            self._has_error = False
            self._events["recovered"] += 1

    def _gave_up(self) -> None:
        """The node does not try any more. What the game itself has ended is no failed operation."""
        if self._is_connecting and self._has_error:
            self._events["connect_failed"] += 1
        self._is_connecting = self._has_error = False

    def _traffic(self) -> Counter[str]:
        return Counter(traffic(self._meter))

    def _open_connections(self) -> Collection[Connection]:
        """The connections that are open, and perhaps others."""
        raise NotImplementedError


class Statistics(Feature):
    """Counts connections that come and go."""

    node: Record

    def opened(self, connection: Connection) -> None:
        """See Feature."""
        self.node._events["connections_made"] += 1

    def closed(self, connection: Connection) -> None:
        """See Feature."""
        if connection.close_code != NO_CLOSE_CODE:
            self.node._close_codes[connection.close_code] += 1


class Past(Record):
    """What nodes have done that are no more."""

    def __init__(self) -> None:
        super().__init__()
        self._traffic_before: Counter[str] = Counter()

    def absorb(self, record: Record) -> None:
        """Add what one has done up to now."""
        self._counts += record._counts
        self._events += record._events
        self._close_codes += record._close_codes
        self._refusals += record._refusals
        self._traffic_before += record._traffic()

    def _traffic(self) -> Counter[str]:
        return self._traffic_before

    def _open_connections(self) -> Collection[Connection]:
        return ()


def summary(records: Sequence[Record]) -> dict[str, Any]:
    """The statistics of several nodes together, see Record.get_statistics."""
    counts, events, traffic = Counter[str](), Counter[str](), Counter[str]()
    close_codes, refusals = Counter[int](), Counter[int]()
    open_now: list[Connection] = []
    for record in records:
        counts.update(record._counts)
        events.update(record._events)
        traffic.update(record._traffic())
        close_codes.update(record._close_codes)
        refusals.update(record._refusals)
        open_now += [connection for connection in record._open_connections() if connection.phase is Phase.OPEN]
    operations = sum(events[name] for name in _OPERATIONS) + traffic["messages_sent"] + traffic["messages_refused"]
    failed = events["listen_failed"] + events["connect_failed"] + traffic["messages_lost"] + traffic["messages_refused"]
    return {
        "connections_open": len(open_now),
        **{name: events[name] for name in _CONNECTIONS},
        "connections_closed": dict(close_codes),
        "connections_closed_total": sum(close_codes.values()),
        "handshakes_failed": dict(refusals),
        "handshakes_failed_total": sum(refusals.values()),
        **traffic,
        "inbound_buffered_amount": sum(connection.intake.size for connection in open_now),
        "outbound_buffered_amount": sum(connection.outbox.amount() for connection in open_now),
        "counts": dict(counts),
        "counts_total": sum(counts.values()),
        "operations": operations,
        "success_rate": 1.0 - failed / operations if operations else 1.0,
        "errors": events["errors"],
        "error_recovery_rate": events["recovered"] / events["errors"] if events["errors"] else 1.0,
    }


def traffic(meter: Meter) -> dict[str, int]:
    """What went through a connection, or all of a node."""
    if not hub.is_elsewhere():
        hub.writers.settle()  # What is being sent counts as sent.
    return {
        "messages_received": meter.messages_received,
        "messages_sent": meter.messages_sent,
        "messages_refused": meter.messages_refused,
        "messages_lost": meter.messages_lost,
        "compressed_received": meter.compressed_received,
        "compressed_sent": meter.compressed_sent,
        "frames_received": meter.frames_received,
        "frames_sent": meter.frames_sent,
        "bytes_received": meter.bytes_received,
        "bytes_sent": meter.bytes_sent,
    }
