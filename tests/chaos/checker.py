"""Reads the histories of both sides of a run, and names what was lost, doubled, reordered or invented.

Within a connection, and with sessions within a session, every message arrives once, in order, as it was sent. What may
be missing is the end of what was sent, and only where the connection or session broke: not where both sides have it at
the end of the run, and not before a goodbye (a close frame with 1000) that arrived.

A request is handled once, and comes to one end: a reply, or an error where its connection or session ended. Where a
session goes on in another process, two errors are right, and no others: ERR_UNAVAILABLE of what a handler of a process
before had not answered, and ERR_CONNECTION_ERROR of what the server had asked, at the moment of the hand-over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ws_python.declare.errors import Error

from tests.chaos.history import REQUEST, History, Message, Stream

NORMAL_CLOSURE = 1000
# What a run may not have. "lost" is within a connection or session; what a broken one takes with it is only counted.
KINDS = {
    "lost": "a message was sent and never came",
    "doubled": "a message came again",
    "reordered": "a message came after one that was sent later",
    "invented": "what came was not sent like that on this connection or session",
    "unanswered": "a request came to nothing, or to an error that it may not come to on what did not end",
    "untimely": "a message came before the connection, after its end or during an interruption",
    "ghost": "one side has a connection or session that the other side does not have",
    "session lost": "a session ended though nothing in the plan ends one",
}


@dataclass(frozen=True)
class Finding:
    """Something that may not be."""

    kind: str
    stream: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.stream}: {self.what}"


@dataclass
class Verdict:
    """What is wrong, and how much there was of what."""

    findings: list[Finding] = field(default_factory=list)
    messages: int = 0
    arrived: int = 0
    # Of the messages, those that went as requests; and of these, those that were answered.
    requests: int = 0
    answered: int = 0
    # Those that came to an error because the server's process handed over: of clients, whose handler had not answered;
    # and of the server.
    unhandled: int = 0
    given_up: int = 0
    # Went with a connection or session that broke.
    lost_at_end: int = 0
    # Connections or sessions of clients; those that broke, and interruptions that they went through.
    streams: int = 0
    cuts: int = 0

    def found(self, kind: str, stream: str, what: str) -> None:
        """Add a finding."""
        assert kind in KINDS, kind
        self.findings.append(Finding(kind, stream, what))


def check(clients: Sequence[History], servers: Sequence[History], *, sessions_last: bool = False) -> Verdict:
    """Compare the histories of all games that had clients in a run, and of all that had its server.

    `sessions_last`: nothing in the run ends a session but a goodbye.
    """
    verdict = Verdict()
    theirs = {stream.name: stream for history in clients for stream in history.streams.values()}
    ours = {stream.name: stream for history in servers for stream in history.streams.values()}
    pairs = _pairs(theirs, ours, verdict)
    for client, server in pairs:
        _compare(client, server, verdict)
        _compare(server, client, verdict)
        if client.is_open != server.is_open:
            has, lacks = (client, server) if client.is_open else (server, client)
            verdict.found("ghost", has.name, f"open at the end of the run, while {lacks.name} is not")
    _check_single(theirs, ours, pairs, verdict)
    heard_of = {client.name for client, _ in pairs}
    for stream in theirs.values():
        verdict.streams += 1
        is_broken = stream.close_code not in (None, NORMAL_CLOSURE) or bool(stream.lost_by)
        verdict.cuts += stream.interruptions + is_broken
        # Of whom the server has not heard anything, the hello may have been lost: then there was no session.
        if sessions_last and is_broken and stream.name in heard_of and not stream.said_goodbye:
            verdict.found("session lost", stream.name, f"ended with {stream.close_code or stream.lost_by}")
    return verdict


def drained(clients: Sequence[History], servers: Sequence[History], count: int) -> bool:
    """Whether `count` connections are open at both sides, and all that was sent on them has come."""
    theirs = {stream.name: stream for history in clients for stream in history.open_streams()}
    ours = {stream.name: stream for history in servers for stream in history.open_streams()}
    if len(theirs) != count or len(ours) != count:
        return False
    for stream in theirs.values():
        other = ours.get(stream.comes_from)
        if other is None or other.comes_from != stream.name or not (stream.is_connected and other.is_connected):
            return False
        if stream.unanswered or other.unanswered:
            return False
        if len(stream.received) < len(other.sent) or len(other.received) < len(stream.sent):
            return False
    return True


def _pairs(theirs: dict[str, Stream], ours: dict[str, Stream], verdict: Verdict) -> list[tuple[Stream, Stream]]:
    """The two ends of each connection, where at least one has heard of the other."""
    found: dict[str, str] = {}
    for streams, others in ((theirs, ours), (ours, theirs)):
        for stream in streams.values():
            name = stream.comes_from
            if not name:
                continue
            if name not in others:
                verdict.found("invented", stream.name, f"what came names {name}, which is none of the other side")
                continue
            client, server = (stream.name, name) if streams is theirs else (name, stream.name)
            if found.setdefault(client, server) != server:
                verdict.found("invented", stream.name, f"what came names {name}, which was joined to {found[client]}")
    for server, count in Counter(found.values()).items():
        if count > 1:
            verdict.found("invented", server, f"{count} streams of clients are joined to it")
    return [(theirs[client], ours[server]) for client, server in found.items()]


def _check_single(
    theirs: dict[str, Stream], ours: dict[str, Stream], pairs: list[tuple[Stream, Stream]], verdict: Verdict
) -> None:
    """Those whose other end nobody has heard of: all that they sent went with them."""
    joined = {stream.name for pair in pairs for stream in pair}
    for stream in (*theirs.values(), *ours.values()):
        if stream.name in joined:
            continue
        nobody = Stream("nobody", close_code=stream.close_code, lost_by=stream.lost_by)
        _compare(stream, nobody, verdict)
        _compare(nobody, stream, verdict)
        if stream.is_open:
            verdict.found("ghost", stream.name, "open at the end of the run, and never heard of at the other side")


def _compare(sender: Stream, receiver: Stream, verdict: Verdict) -> None:
    """What one end sent with what the other received."""
    verdict.messages += len(sender.sent)
    where = f"{sender.name} → {receiver.name}"
    came: set[int] = set()
    last = 0
    for index, (_, number) in enumerate(_numbered(sender, receiver)):
        if number == 0:
            verdict.found("invented", where, f"{receiver.received[index]} after number {last}")
        elif number in came:
            verdict.found("doubled", where, f"number {number} after number {last}")
        elif number < last:
            verdict.found("reordered", where, f"number {number} after number {last}")
        came.add(number)
        last = max(last, number)
    came.discard(0)
    verdict.arrived += len(came)
    for index in receiver.untimely:
        verdict.found("untimely", receiver.name, f"{receiver.received[index]}")
    _compare_replies(sender, receiver, came, verdict)
    missing = [number for number in sender.sent if number not in came]
    if not missing:
        return
    within = [number for number in missing if number < last]
    if within or _must_be_whole(sender, receiver):
        lost = within or missing
        verdict.found("lost", where, f"{len(lost)}, from number {lost[0]} to {lost[-1]}; the last that came is {last}")
    verdict.lost_at_end += sum(number > last for number in missing)


def _compare_replies(sender: Stream, receiver: Stream, came: set[int], verdict: Verdict) -> None:
    """What became of the requests among what was sent."""
    where = f"{sender.name} → {receiver.name}"
    lasts = sender.is_open and receiver.is_open
    came_before = receiver.received[: receiver.received_before]
    unhandled = {each.number for each in came_before if each.message.kind == REQUEST} - receiver.handled
    for number, message in sender.sent.items():
        if message.kind != REQUEST:
            continue
        verdict.requests += 1
        replies = sender.replies.get(number, [])
        if len(replies) > 1:
            verdict.found("doubled", where, f"request {number} has {len(replies)} replies")
        if not replies and not sender.lost_by:
            verdict.found("unanswered", where, f"request {number} has neither a reply nor an error")
        for reply in replies:
            if reply.error == Error.ERR_UNAVAILABLE and number in unhandled:
                verdict.unhandled += 1
            elif reply.error == Error.ERR_CONNECTION_ERROR and reply.at_handover:
                verdict.given_up += 1
            elif reply.error:
                if lasts:
                    verdict.found("unanswered", where, f"request {number} came to error {reply.error}")
            elif number not in came or reply.hash != message.hash:
                verdict.found("invented", where, f"request {number} has the reply {reply.hash}")
            else:
                verdict.answered += 1


def _must_be_whole(sender: Stream, receiver: Stream) -> bool:
    """Whether nothing may be missing at the end of what was sent."""
    if sender.is_open and receiver.is_open:
        return True
    return sender.said_goodbye and receiver.close_code == NORMAL_CLOSURE


def _numbered(sender: Stream, receiver: Stream) -> Iterator[tuple[Message, int]]:
    """What was received, each with the number that it was sent with; 0 where it was not.

    What is too short to say its number is the next one that looks like that; if there is none, one that is missing
    before, or else one that came already.
    """
    alike: dict[Message, list[int]] = {}
    for number, message in sender.sent.items():
        alike.setdefault(message, []).append(number)
    came: set[int] = set()
    last = 0
    for message, stream, number in receiver.received:
        if stream:
            is_right = stream == sender.name and sender.sent.get(number) == message
            number = number if is_right else 0
        else:
            numbers = alike.get(message, [])
            later = (other for other in numbers if other > last)
            missing = (other for other in reversed(numbers) if other not in came)
            number = next(later, 0) or next(missing, 0) or (numbers[-1] if numbers else 0)
        came.add(number)
        last = max(last, number)
        yield message, number
