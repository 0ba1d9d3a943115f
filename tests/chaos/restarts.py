"""Restarts: a server whose next process takes over, again and again, under load; what was refused, and what was lost.

.venv/bin/python -m tests.chaos.restarts                              # 200 clients, 10 restarts
.venv/bin/python -m tests.chaos.restarts --clients 20 --restarts 3 --overload 1.2
.venv/bin/python -m tests.chaos.restarts --write                      # into docs/reliability.md

Messages and requests go to and fro as in the seeded runs; half of the requests are answered late, so that restarts come
while handlers wait. With an overload more comes to a process that is about to be restarted than it can handle: then
there are messages of which its game has not heard yet.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from tests import reliability
from tests.chaos import checker, plan
from tests.chaos.checker import Verdict
from tests.chaos.history import History
from tests.chaos.runs import FOLDER
from tests.godot_process import GodotProcess, unclean_lines

TITLE = "Restarts under load"
TEXT = """
A server is restarted again and again while clients in sessions play, all clients in one headless game: its next process
takes over by `handover_path` while the one before still runs. Two messages a second go to each client and from each,
numbered and compared as in the seeded runs, one of ten as a request; half of the requests are answered a second late,
so that each restart comes while some are being handled. Right is for a request to be answered once, or to end with the
error that [sessions](sessions.md) states. Plain clients connect meanwhile, one after the other, with a pause of 20 ms.
"Stood still" is the game of the process before, from its `handover_data` to its `handed_over`.
"""
CLIENTS, RESTARTS = 200, 10
# Messages a second to each client and from each, and between two that it has answered, in s.
RATE = 2
ASK_PERIOD = 2.0
# How often whoever answers a request waits first, and how long, in s: each restart finds some that are being handled.
LATE_ANSWERS, LATE_BY = 0.5, 1.0
# So long at the most until all are back, or all has come, in s; a small part of it is usual.
PATIENCE = 300.0
# So many messages to each client and from each go at the end, when nothing happens any more.
REST = 10
# Between the end of one restart and the next, and between two looks whether the server is there.
_PAUSE = 0.3
_PROBE_PERIOD = 0.02
_TICK = 0.01


@dataclass
class Outcome:
    """What came of it."""

    verdict: Verdict
    clients: int
    restarts: int = 0
    # Attempts to connect while the server was restarted: by plain clients, one after the other, and what failed.
    probes: int = 0
    refused: list[str] = field(default_factory=list)
    longest_probe: float = 0.0
    # What clients in sessions met.
    failed_attempts: list[str] = field(default_factory=list)
    # Of each restart, in s: for how long the game before stood still, how long listen() of the next one took, and how
    # long it was until all were back.
    still: list[float] = field(default_factory=list)
    listens: list[float] = field(default_factory=list)
    back: list[float] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    trouble: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """All that is wrong."""
        lost = [f"{self.verdict.lost_at_end} messages were lost at the end"] if self.verdict.lost_at_end else []
        refused = [*self.refused, *self.failed_attempts]
        return [*map(str, self.verdict.findings), *lost, *(f"refused: {why}" for why in refused), *self.trouble]

    def __str__(self) -> str:
        verdict, counts = self.verdict, self.counts
        return "\n".join(
            [
                f"{self.clients} clients in sessions, {self.restarts} restarts: {len(self.problems)} problems",
                f"  messages sent {verdict.messages:,}, arrived {verdict.arrived:,}, "
                f"lost {verdict.messages - verdict.arrived:,}; sent again {counts['messages_replayed']:,}",
                f"  requests {verdict.requests:,}: {verdict.answered:,} answered, {verdict.unhandled:,} to "
                f"ERR_UNAVAILABLE at clients, {verdict.given_up:,} to ERR_CONNECTION_ERROR at the server",
                f"  sessions resumed {counts['sessions_resumed']:,}, not resumed {counts['sessions_not_resumed']:,}",
                f"  connects refused: {len(self.failed_attempts)} of {counts['connections_tried']:,} of these "
                f"clients, {len(self.refused)} of {self.probes:,} of others (the longest took "
                f"{1000 * self.longest_probe:.0f} ms)",
                f"  the game before stood still for {_times(self.still)}",
                f"  listen() of the next one took {_times(self.listens)}",
                f"  until all were back: {_times(self.back)}",
            ]
        )


def _times(what: list[float]) -> str:
    """The median, and the most."""
    return f"{1000 * median(what):.0f} ms, {1000 * max(what):.0f} ms at the most" if what else "-"


def rows(outcome: Outcome) -> list[list[str]]:
    """As a table, the header first."""
    verdict, counts = outcome.verdict, outcome.counts
    return [
        ["", ""],
        ["clients in sessions; restarts", f"{outcome.clients:,}; {outcome.restarts:,}"],
        ["something wrong", f"**{len(outcome.problems):,}**"],
        ["messages sent; arrived", f"{verdict.messages:,}; {verdict.arrived:,}"],
        ["messages lost", f"**{verdict.messages - verdict.arrived:,}**"],
        ["sessions resumed; not resumed", f"{counts['sessions_resumed']:,}; {counts['sessions_not_resumed']:,}"],
        [
            "connects of these clients; refused",
            f"{counts['connections_tried']:,}; **{len(outcome.failed_attempts):,}**",
        ],
        ["connects of others meanwhile; refused", f"{outcome.probes:,}; **{len(outcome.refused):,}**"],
        ["the longest connect of others", f"{1000 * outcome.longest_probe:.0f} ms"],
        ["requests made; answered", f"{verdict.requests:,}; {verdict.answered:,}"],
        ["`ERR_UNAVAILABLE` at the client: a handler had not answered", f"{verdict.unhandled:,}"],
        ["`ERR_CONNECTION_ERROR` at the server: what it had asked", f"{verdict.given_up:,}"],
        [
            "neither answered nor one of these",
            f"**{verdict.requests - verdict.answered - verdict.unhandled - verdict.given_up:,}**",
        ],
        ["the game of the process before stood still", _times(outcome.still)],
        ["`listen()` of the next process took", _times(outcome.listens)],
        ["until all clients were back", _times(outcome.back)],
    ]


class _Game:
    """A process with its orders and its history."""

    def __init__(self, folder: Path, name: str, script: str) -> None:
        self.name = name
        self.lines: list[dict[str, Any]] = []
        self._orders, self._path = folder / f"{name}.commands", folder / f"{name}.jsonl"
        self._orders.write_text("")
        self._rest, self._position = b"", 0
        self.process = GodotProcess(["--script", f"res://tests/chaos/{script}", "--", str(self._orders)])

    def tell(self, *words: object) -> None:
        """Have it do something; see run_game.gd."""
        with self._orders.open("a") as orders:
            orders.write(json.dumps(words) + "\n")

    def begin(self, **settings: object) -> None:
        """Have it begin, with its history."""
        given = {"seed": 1, "game": 1, "rate": RATE, "burst": 5, "with_requests": True}
        times = {"ask_period": ASK_PERIOD, "statistics_period": 60.0, "late_answers": LATE_ANSWERS, "late_by": LATE_BY}
        self.tell("begin", {**given, **times, "history": str(self._path), **settings})

    def read(self) -> list[dict[str, Any]]:
        """What it wrote since."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._position)
            *lines, self._rest = (self._rest + file.read()).split(b"\n")
            self._position = file.tell()
        new = [json.loads(line) for line in lines]
        self.lines += [line for line in new if line["event"] in ("taken_over", "listening", "handed_over")]
        return new

    def told(self, event: str) -> dict[str, Any] | None:
        """The line of that event, once it is there."""
        return next((line for line in self.lines if line["event"] == event), None)


class _Probe:
    """Connects as others do, over and over, and is no part of the game."""

    def __init__(self, url: str) -> None:
        self._url = url + "/probe"
        self._is_over = threading.Event()
        self.count = 0
        self.longest = 0.0
        self.failures: list[str] = []
        self._thread = threading.Thread(target=self._probe)
        self._thread.start()

    def _probe(self) -> None:
        while not self._is_over.wait(_PROBE_PERIOD):
            begin = time.monotonic()
            self.count += 1
            try:
                with connect(self._url, open_timeout=PATIENCE, ping_interval=None):
                    self.longest = max(self.longest, time.monotonic() - begin)
            except (OSError, WebSocketException) as problem:
                self.failures.append(f"{type(problem).__name__}: {problem}")

    def end(self) -> None:
        self._is_over.set()
        self._thread.join()


class _Restarts:
    """One server after the other, and one game with all clients."""

    def __init__(self, folder: Path, clients: int, opened: contextlib.ExitStack) -> None:
        self._folder, self._clients, self._opened = folder, clients, opened
        self._numbers = itertools.count(1)
        # Of a server with many processes, as of one. Both are read by this runner.
        self.ours, self.theirs = History(folder / "none"), History(folder / "none")
        self.servers: list[_Game] = []
        self._read_servers = 0
        self.trouble: list[str] = []
        self.port = 0
        self._game = self._start("clients", "run_client.gd")

    def _start(self, name: str, script: str) -> _Game:
        game = _Game(self._folder, name, script)
        self._opened.callback(game.process.stop)
        return game

    def start_server(self) -> _Game:
        """Start the next process, which takes over from the last one, if there is one."""
        number = next(self._numbers)
        game = self._start(f"server{number}", "run_restarted.gd")
        settings = {
            "session_timeout": PATIENCE,
            "max_requests": plan.MOST_REQUESTS,
            "handover_path": str(self._folder / "handover.sock"),
            # What takes longer than usual on a machine that is busy is no fault.
            "handover_timeout": 60.0,
            "handshake_timeout": PATIENCE,
            "close_timeout": 60.0,
        }
        game.begin(process=number, port=self.port, settings=settings)
        self.servers.append(game)
        self.wait_until(lambda: game.told("listening") is not None, f"{game.name} listens")
        return game

    def start_clients(self) -> None:
        """Have all of them connect."""
        settings = {
            "session": True,
            "max_requests": plan.MOST_REQUESTS,
            "auto_reconnect": True,
            "reconnect_delay": 0.1,
            "reconnect_delay_max": 0.3,
            "connect_timeout": PATIENCE,
            "close_timeout": 60.0,
        }
        self._game.begin(urls=[f"ws://127.0.0.1:{self.port}"] * self._clients, settings=settings)
        self.wait_until(self.all_there, "all are connected")
        self._game.tell("go")

    def look(self) -> None:
        """Read what was written. What a process wrote comes before all of the next one's."""
        for line in self._game.read():
            self.theirs.add(line)
        while True:
            server = self.servers[self._read_servers]
            for line in server.read():
                self.ours.add(line)
            if server.told("handed_over") is None:
                break
            if self._read_servers + 1 == len(self.servers):
                break
            self._read_servers += 1

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait, and read meanwhile."""
        end = time.monotonic() + PATIENCE
        while not condition():
            self.look()
            process = self.servers[-1].process
            if not process.is_running or time.monotonic() > end:
                why = "in vain" if process.is_running else "and the server ended"
                raise AssertionError(f"waited until {what}, {why}:\n{process.log[-3000:]}")
            time.sleep(_TICK)
        self.look()

    def all_there(self) -> bool:
        """Whether each client has its connection, at both ends."""
        return all(
            sum(stream.is_connected for stream in history.open_streams()) == self._clients
            for history in (self.ours, self.theirs)
        )

    def restart(self, outcome: Outcome, overload: float) -> None:
        """The next process takes over; then all are to be back."""
        before, count = self.servers[-1], self._resumptions()
        if overload:
            before.tell("slow", 1000 * overload / (RATE * self._clients))
        following = self.start_server()
        begin = time.monotonic()
        all_of_them = count + self._clients
        self.wait_until(lambda: self._resumptions() >= all_of_them and self.all_there(), f"{following.name} has all")
        outcome.back.append(time.monotonic() - begin)
        outcome.restarts += 1
        handed, taken = before.told("handed_over"), following.told("taken_over")
        assert handed is not None and taken is not None
        outcome.still.append(handed["took"] / 1e6)
        outcome.listens.append(taken["took"] / 1e6)
        if taken["peers"] != self._clients:
            self.trouble.append(f"{following.name} took over {taken['peers']} peers of {self._clients}")

    def _resumptions(self) -> int:
        return sum(stream.resumptions for stream in self.ours.streams.values())

    def finish(self) -> None:
        """Nothing happens any more: what goes now is all there is."""
        server = self.servers[-1]
        for game in (server, self._game):
            game.tell("quiet")
            game.tell("rest", REST)
        try:
            self.wait_until(
                lambda: (
                    self.ours.has_rested
                    and self.theirs.has_rested
                    and checker.drained([self.theirs], [self.ours], self._clients)
                ),
                "all has come",
            )
        except AssertionError as problem:  # What has not come, the checker says.
            self.trouble.append(str(problem))

    def end(self) -> None:
        """Everybody says goodbye, and the games end."""
        server = self.servers[-1]
        self._game.tell("end")
        self.wait_until(
            lambda: self.theirs.has_ended and not any(True for _ in self.ours.open_streams()), "all have gone"
        )
        server.tell("end")
        self.wait_until(lambda: self.ours.has_ended, "the server has ended")
        for game in (server, self._game):
            game.tell("quit")
        # The servers before have quit by themselves.
        for game in (*self.servers, self._game):
            if code := game.process.wait(PATIENCE):
                self.trouble.append(f"{game.name} ended with {code}")
            self.trouble += [f"{game.name} printed: {line}" for line in unclean_lines(game.process.log)]


def run(folder: Path, clients: int = CLIENTS, restarts: int = RESTARTS, overload: float = 0.0) -> Outcome:
    """Let it take place. `overload`: how much more comes before a restart than can be handled; 0: much less."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    outcome = Outcome(Verdict(), clients)
    with contextlib.ExitStack() as opened:
        games = _Restarts(folder, clients, opened)
        games.port = 0
        first = games.start_server()
        games.port = int((first.told("listening") or {})["port"])
        games.start_clients()
        probe = _Probe(f"ws://127.0.0.1:{games.port}")
        try:
            for _ in range(restarts):
                games.restart(outcome, overload)
                time.sleep(_PAUSE)
        finally:
            probe.end()
        outcome.probes, outcome.refused, outcome.longest_probe = probe.count, probe.failures, probe.longest
        games.finish()
        verdict = checker.check([games.theirs], [games.ours], sessions_last=True)
        games.end()
        last = checker.check([games.theirs], [games.ours], sessions_last=True)
        last.findings = [*verdict.findings, *(each for each in last.findings if each not in verdict.findings)]
        outcome.verdict, outcome.trouble = last, games.trouble
        outcome.failed_attempts = games.theirs.failures
        outcome.counts = dict(_counts(games.theirs.statistics))
    return outcome


def _counts(statistics: dict[str, dict[str, Any]]) -> Iterator[tuple[str, int]]:
    for name in ("sessions_resumed", "sessions_not_resumed", "messages_replayed"):
        yield name, sum(int(told["counts"].get(name, 0)) for told in statistics.values())
    yield "connections_tried", sum(int(told["connections_tried"]) for told in statistics.values())


def main(arguments: Sequence[str] | None = None) -> int:
    """Restart; 1 where something was refused or lost."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    parser = argparse.ArgumentParser(prog="tests.chaos.restarts", description="Restarts of a server under load.")
    parser.add_argument("--clients", type=int, default=CLIENTS, help=f"default: {CLIENTS}")
    parser.add_argument("--restarts", type=int, default=RESTARTS, help=f"default: {RESTARTS}")
    parser.add_argument("--overload", type=float, default=0.0, help="before each restart; default: none")
    parser.add_argument("--write", action="store_true", help=f"write {reliability.PAGE}")
    parsed = parser.parse_args(arguments)
    machine, begin = reliability.Machine(), time.monotonic()
    outcome = run(FOLDER / "restarts", parsed.clients, parsed.restarts, parsed.overload)
    measured = reliability.Measured(rows(outcome), machine.busy(), time.monotonic() - begin)
    section = reliability.section("restarts", sys.modules[__name__], measured)
    print(outcome, *outcome.problems, sep="\n    ", flush=True)
    if parsed.write and not outcome.problems:
        reliability.keep("restarts", section)
        reliability.write()
    return int(bool(outcome.problems))


if __name__ == "__main__":
    sys.exit(main())
