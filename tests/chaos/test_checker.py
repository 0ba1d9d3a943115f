"""The checker of histories: each kind of fault that is put into a right one is found, and a right one passes."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import checker
from tests.chaos.checker import Verdict
from tests.chaos.history import REQUEST, History

Line = dict[str, Any]
CLIENT, SERVER = "c1.0.1", "s1.77"
# Of these, some are too short to say their number.
COUNT = 60
UNAVAILABLE, TIMEOUT, CONNECTION_ERROR = 2, 24, 27


def message(stream: str, number: int) -> Line:
    """What a history says of a message; its size says whether it can have a head."""
    size = 1 if number % 4 == 0 else 40 + number
    return {
        "kind": REQUEST if number % 10 == 7 else ("text", "binary")[number % 2],
        "size": size,
        "hash": number % 127 if size == 1 else hash((stream, number)),
    }


def sent(stream: str, number: int) -> Line:
    return {"event": "sent", "stream": stream, "n": number, **message(stream, number)}


def received(stream: str, sender: str, number: int) -> Line:
    said = message(sender, number)
    head = f"{sender}#{number}" if said["size"] > 1 else ""
    return {"event": "received", "stream": stream, "head": head, **said}


def replied(stream: str, number: int, error: int = 0) -> Line:
    return event("replied", stream, n=number, error=error, hash=0 if error else message(stream, number)["hash"])


def event(name: str, stream: str, **more: object) -> Line:
    return {"event": name, "stream": stream, **more}


def side(own: str, other: str) -> list[Line]:
    """What one game wrote of a connection that is open, on which all came."""
    lines = [event("connected", own)]
    for number in range(1, COUNT + 1):
        lines += [sent(own, number), received(own, other, number)]
        if message(own, number)["kind"] == REQUEST:
            lines.append(replied(own, number))
    return lines


def without_answers(lines: list[Line], first: int = 1) -> list[Line]:
    """Its requests, from this one on, came to an error."""
    return [
        replied(line["stream"], line["n"], CONNECTION_ERROR)
        if line["event"] == "replied" and line["n"] >= first
        else line
        for line in lines
    ]


class Case:
    """The two histories of a run, which can be changed."""

    def __init__(self) -> None:
        self.client = side(CLIENT, SERVER)
        self.server = side(SERVER, CLIENT)

    def close(self, code: int = 1006) -> Case:
        """Both see the end of the connection."""
        self.client.append(event("closed", CLIENT, code=code, reason=""))
        self.server.append(event("closed", SERVER, code=code, reason=""))
        return self

    def at(self, number: int) -> int:
        """Where the server received this one."""
        return self.server.index(received(SERVER, CLIENT, number))

    def forget(self, number: int) -> None:
        """The server received nothing from this one on."""
        gone = [received(SERVER, CLIENT, each) for each in range(number, COUNT + 1)]
        self.server = [line for line in self.server if line not in gone]
        self.client = without_answers(self.client, number)

    def histories(self) -> tuple[History, History]:
        both = History(Path("client")), History(Path("server"))
        for history, lines in zip(both, (self.client, self.server), strict=True):
            for line in lines:
                history.add(json.loads(json.dumps(line)))
        return both

    def check(self, *, sessions_last: bool = False) -> Verdict:
        client, server = self.histories()
        return checker.check([client], [server], sessions_last=sessions_last)

    def found(self, *, sessions_last: bool = False) -> set[str]:
        return {finding.kind for finding in self.check(sessions_last=sessions_last).findings}


def test_a_right_history_passes() -> None:
    verdict = Case().check()
    assert verdict.findings == []
    assert (verdict.messages, verdict.arrived, verdict.lost_at_end) == (2 * COUNT, 2 * COUNT, 0)
    assert (verdict.streams, verdict.cuts) == (1, 0)
    assert (verdict.requests, verdict.answered) == (12, 12)


@pytest.mark.parametrize("number", [2, 3, 8, COUNT - 1], ids=lambda number: f"number {number}")
def test_one_that_is_missing_is_lost(number: int) -> None:
    case = Case()
    del case.server[case.at(number)]
    assert case.found() == {"lost"}
    assert case.close().found() == {"lost"}, "also where the connection broke later"


@pytest.mark.parametrize("number", [COUNT - 1, COUNT], ids=["said its number", "too short for that"])
def test_the_last_one_may_be_missing_only_where_the_connection_broke(number: int) -> None:
    case = Case()
    case.forget(number)
    assert case.found() == {"lost"}
    verdict = copy.deepcopy(case).close().check()
    assert verdict.findings == []
    assert verdict.lost_at_end == COUNT + 1 - number
    assert verdict.cuts == 1
    # The client said goodbye behind it, and the server heard that.
    case.client.append(event("closing", CLIENT))
    assert case.close(1000).found() == {"lost"}


def test_what_the_server_sent_to_one_that_leaves_may_be_missing() -> None:
    case = Case()
    case.client.pop()
    case.client.append(event("closing", CLIENT))
    assert case.close(1000).found() == set()


@pytest.mark.parametrize("number", [1, 4, 7, COUNT])
@pytest.mark.parametrize("later", [0, 1, 10])
def test_one_that_came_again_is_doubled(number: int, later: int) -> None:
    case = Case()
    case.server.insert(case.at(number) + 1 + 2 * later, received(SERVER, CLIENT, number))
    assert "doubled" in case.found() or (later and number % 4 == 0)
    assert "invented" not in case.found()
    if number % 4 or later == 0:
        assert case.found() == {"doubled"}


@pytest.mark.parametrize("number", [5, 8])
def test_two_that_changed_places_are_reordered(number: int) -> None:
    case = Case()
    here, there = case.at(number), case.at(number + 1)
    case.server[here], case.server[there] = case.server[there], case.server[here]
    assert case.found() == {"reordered"}


@pytest.mark.parametrize(
    "change",
    [
        {"hash": 1},
        {"size": 39},
        {"kind": "text"},
        {"head": "c1.0.1#99999"},
        {"head": "c1.0.1#x"},
        {"head": "c9.9.9#5"},
    ],
    ids=["other content", "shorter", "other kind", "number never sent", "no number", "of another connection"],
)
def test_one_that_is_not_as_it_was_sent_is_invented(change: Line) -> None:
    case = Case()
    case.server[case.at(5)] |= change
    assert "invented" in case.found()


def test_one_of_another_connection_is_invented() -> None:
    """As a session that replays what belongs to the one before."""
    case = Case()
    case.client += [event("closed", CLIENT, code=1006), *side("c1.0.2", "s1.78")]
    case.server += [event("closed", SERVER, code=1006), *side("s1.78", "c1.0.2")]
    assert case.found() == set()
    case.server.append(received("s1.78", CLIENT, 6))
    assert case.found() == {"invented"}


def test_one_that_was_refused_and_came_all_the_same_is_invented() -> None:
    case = Case()
    case.client.append(event("refused", CLIENT, n=7, error=44))
    assert case.found() == {"invented"}
    del case.server[case.at(7)]
    assert case.found() == set()


@pytest.mark.parametrize("name", ["before", "interrupted", "closed"])
def test_one_that_comes_while_nothing_can_is_untimely(name: str) -> None:
    case = Case()
    last = received(SERVER, CLIENT, COUNT)
    if name == "before":
        case.server.insert(0, case.server.pop(case.at(1)))
    elif name == "interrupted":
        case.server.insert(case.at(COUNT), event("interrupted", SERVER))
        case.server.append(event("resumed", SERVER))
    else:
        case.close()
        case.server.remove(last)
        case.server.append(last)
    assert case.found() == {"untimely"}


def test_an_interruption_is_a_cut_and_nothing_wrong() -> None:
    case = Case()
    for lines, name, number in ((case.server, SERVER, 20), (case.client, CLIENT, 30)):
        lines[2 * number : 2 * number] = [event("interrupted", name), event("resumed", name)]
    verdict = case.check(sessions_last=True)
    assert (verdict.findings, verdict.cuts) == ([], 1)


def test_a_session_that_ended_is_told() -> None:
    assert Case().close().found(sessions_last=True) == {"session lost"}
    assert Case().close(1000).found(sessions_last=True) == set()
    case = Case()
    case.client.append(event("closing", CLIENT))
    assert case.close().found(sessions_last=True) == set(), "the goodbye was lost with the connection"
    case = Case()
    case.client = [line for line in case.client if line["event"] != "received"]
    case.server = without_answers(case.server)
    assert case.close().found(sessions_last=True) == {"session lost"}, "the hello came, and no welcome"
    case = Case()
    case.client = without_answers([line for line in case.client if line["event"] != "received"])
    case.server = []
    assert case.close().found(sessions_last=True) == set(), "the hello never came"


@pytest.mark.parametrize("is_heard_of", [True, False])
def test_what_only_one_side_has_is_a_ghost(is_heard_of: bool) -> None:
    case = Case()
    case.client.append(event("closed", CLIENT, code=1006))
    if not is_heard_of:
        case.client, case.server = [event("connected", CLIENT)], []
    assert case.found() == {"ghost"}


def test_a_game_that_was_killed_takes_its_last_messages_with_it() -> None:
    case = Case()
    case.forget(COUNT - 5)
    client, server = case.histories()
    server.killed()
    client.add(event("closed", CLIENT, code=1006))
    verdict = checker.check([client], [server])
    assert verdict.findings == []
    assert verdict.lost_at_end == 6


def test_what_nobody_ever_heard_of_is_lost_at_its_end() -> None:
    case = Case()
    case.client, case.server = [event("connected", CLIENT), sent(CLIENT, 1), event("closed", CLIENT, code=1006)], []
    verdict = case.check()
    assert (verdict.findings, verdict.lost_at_end) == ([], 1)


def test_a_request_that_comes_to_nothing_is_unanswered() -> None:
    case = Case()
    case.client.remove(replied(CLIENT, 17))
    assert case.found() == {"unanswered"}
    assert case.close().found() == {"unanswered"}, "where the connection broke, it comes to an error"
    case.client.append(replied(CLIENT, 17, CONNECTION_ERROR))
    verdict = case.check()
    assert (verdict.findings, verdict.requests, verdict.answered) == ([], 12, 11)


def test_a_request_comes_to_no_error_while_its_connection_lasts() -> None:
    case = Case()
    case.client = without_answers(case.client, COUNT - 3)
    assert case.found() == {"unanswered"}
    assert case.close().found() == set()


def test_a_game_that_is_no_more_hears_no_reply() -> None:
    case = Case()
    case.client.remove(replied(CLIENT, 17))
    client, server = case.histories()
    client.killed()
    server.add(event("closed", SERVER, code=1006))
    assert checker.check([client], [server]).findings == []


def test_a_reply_that_comes_again_is_doubled() -> None:
    case = Case()
    case.client.append(replied(CLIENT, 17))
    assert case.found() == {"doubled"}


def test_a_reply_to_what_nobody_has_read_is_invented() -> None:
    case = Case()
    case.client[case.client.index(replied(CLIENT, 17))]["hash"] += 1
    assert case.found() == {"invented"}
    case = Case()
    del case.server[case.at(57)]
    assert case.found() == {"invented", "lost"}


BREAK: dict[str, Callable[[list[Line], int], None]] = {
    "lost": lambda lines, at: lines.__delitem__(at),
    "doubled": lambda lines, at: lines.insert(at, lines[at]),
    "reordered": lambda lines, at: lines.insert(at + 5, lines.pop(at)),
    "invented": lambda lines, at: lines[at].update(hash=lines[at]["hash"] + 1),
}


@pytest.mark.parametrize("kind", BREAK)
def test_wherever_it_is_it_is_found(kind: str) -> None:
    for seed in range(20):
        case = Case()
        by = random.Random(seed)
        lines = by.choice([case.client, case.server])
        # Of those that say their number: of a short one that is missing, the checker may say that it was another one.
        places = [at for at, line in enumerate(lines[:-10]) if line["event"] == "received" and line["head"]]
        BREAK[kind](lines, by.choice(places))
        assert kind in case.found(), f"seed {seed}"


def test_a_history_is_read_as_it_is_written(tmp_path: Path) -> None:
    history = History(tmp_path / "history.jsonl")
    history.read()
    text = "".join(json.dumps(line) + "\n" for line in side(CLIENT, SERVER))
    begin = 0
    for end in (10, 500, 501, len(text) - 3):
        with history.path.open("a") as file:
            file.write(text[begin:end])
        history.read()
        begin = end
    assert len(history.streams[CLIENT].received) == COUNT - 1
    with history.path.open("a") as file:
        file.write(text[begin:])
    history.read()
    assert len(history.streams[CLIENT].received) == COUNT


class Restarted(Case):
    """A case in which another process goes on with the server's stream, while two requests wait."""

    # What a handler has not answered, and what the server has asked. The hand-over is before the server receives HERE.
    UNHANDLED, GIVEN_UP, HERE = 27, 37, 38

    def __init__(self) -> None:
        super().__init__()
        self.server = [
            each
            for line in self.server
            for each in (line, *([handled(SERVER, CLIENT, number_of(line))] if is_request(line) else []))
            if each not in (handled(SERVER, CLIENT, self.UNHANDLED), replied(SERVER, self.GIVEN_UP))
        ]
        self.client[self.client.index(replied(CLIENT, self.UNHANDLED))] = replied(CLIENT, self.UNHANDLED, UNAVAILABLE)
        self.server[self.at(self.HERE) : self.at(self.HERE)] = [
            {"event": "handing_over"},
            replied(SERVER, self.GIVEN_UP, CONNECTION_ERROR),
            {"event": "handed_over"},
        ]


def is_request(line: Line) -> bool:
    return bool(line["event"] == "received" and line["kind"] == REQUEST)


def number_of(line: Line) -> int:
    return int(line["head"].partition("#")[2])


def handled(stream: str, sender: str, number: int) -> Line:
    return event("handled", stream, head=f"{sender}#{number}")


def test_what_a_handover_ends_is_counted_and_nothing_wrong() -> None:
    verdict = Restarted().check(sessions_last=True)
    assert verdict.findings == []
    assert (verdict.requests, verdict.answered, verdict.unhandled, verdict.given_up) == (12, 10, 1, 1)


def test_a_request_that_nobody_answers_after_a_handover_is_unanswered() -> None:
    case = Restarted()
    case.client.remove(replied(CLIENT, case.UNHANDLED, UNAVAILABLE))
    assert case.found() == {"unanswered"}
    case = Restarted()
    case.server.remove(replied(SERVER, case.GIVEN_UP, CONNECTION_ERROR))
    assert case.found() == {"unanswered"}


@pytest.mark.parametrize("number", [Restarted.UNHANDLED, 17])
def test_a_request_that_both_processes_handle_is_doubled(number: int) -> None:
    case = Restarted()
    # The process before has not told it, or has answered: this one has it all the same.
    case.server.insert(case.at(case.HERE), received(SERVER, CLIENT, number))
    assert "doubled" in case.found()


@pytest.mark.parametrize("number", [17, 47], ids=["answered before", "came after it"])
def test_a_request_that_no_handover_ended_is_not_unavailable(number: int) -> None:
    case = Restarted()
    case.client[case.client.index(replied(CLIENT, number))] = replied(CLIENT, number, UNAVAILABLE)
    assert case.found() == {"unanswered"}


def test_a_request_that_never_came_is_lost_whatever_it_came_to() -> None:
    case = Restarted()
    del case.server[case.at(case.UNHANDLED)]
    assert case.found() == {"lost", "unanswered"}


@pytest.mark.parametrize("number", [17, 47], ids=["before", "after"])
def test_what_the_server_asked_ends_at_the_handover_only(number: int) -> None:
    case = Restarted()
    case.server[case.server.index(replied(SERVER, number))] = replied(SERVER, number, CONNECTION_ERROR)
    assert case.found() == {"unanswered"}


@pytest.mark.parametrize("error", [TIMEOUT, UNAVAILABLE, CONNECTION_ERROR])
def test_a_handover_ends_requests_with_the_errors_that_it_promises(error: int) -> None:
    case = Restarted()
    case.client[case.client.index(replied(CLIENT, case.UNHANDLED, UNAVAILABLE))]["error"] = error
    assert case.found() == (set() if error == UNAVAILABLE else {"unanswered"})
    case = Restarted()
    case.server[case.server.index(replied(SERVER, case.GIVEN_UP, CONNECTION_ERROR))]["error"] = error
    assert case.found() == (set() if error == CONNECTION_ERROR else {"unanswered"})


def test_what_comes_after_a_handover_is_compared_as_before() -> None:
    case = Restarted()
    case.client[case.client.index(replied(CLIENT, 47))]["hash"] += 1
    assert case.found() == {"invented"}
    case = Restarted()
    del case.server[case.at(case.HERE)]
    assert case.found() == {"lost"}
