"""Seeded runs, many one after the other and several at once, and what came of all of them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos import plan
from tests.chaos.checker import KINDS
from tests.chaos.world import Outcome, World
from tests.godot_process import ROOT

TITLE = "Seeded runs through broken links"
TEXT = """
Two headless games, a server and one to sixteen clients with `auto_reconnect`, and between them a proxy that delays,
splits to single bytes, cuts at any byte, half-closes, resets, stalls, inserts garbage and goes silent; beside it a game
is killed, suspended, stalled, out of file descriptors or has its clock set, its cable is pulled where the run has one,
and games say goodbye and free nodes. Then nothing happens any more, and 3,000 messages go. All of it is drawn from the
seed of the run before it begins. Every message is numbered, both ways, text and binary of 1 byte to 200 KB; with
sessions one of ten as a request, which the other side answers; both sides write down what they send and receive, and a
checker compares it. "Lost at the end" went with a connection that broke, or with a session that the plan ends, as a
kill or garbage does. The rates are those of `get_statistics()` over all nodes.
"""
FOLDER = ROOT / "build" / "chaos"
# Mostly they wait: more at once than there are processors.
JOBS = 2 * (os.cpu_count() or 1)


@dataclass(frozen=True)
class Goal:
    """What the rates of all nodes must not fall below."""

    success: float
    recovery: float


GOALS = {False: Goal(0.995, 0.95), True: Goal(0.999, 0.99)}


@dataclass
class Summary:
    """What came of some runs."""

    with_sessions: bool
    runs: int = 0
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    problems: dict[int, list[str]] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        """Count one more."""
        self.runs += 1
        verdict = outcome.verdict
        self.counts.update(
            streams=verdict.streams,
            cuts=verdict.cuts,
            messages=verdict.messages,
            arrived=verdict.arrived,
            requests=verdict.requests,
            answered=verdict.answered,
            lost_at_end=verdict.lost_at_end,
            **Counter(finding.kind for finding in verdict.findings),
        )
        for fault in outcome.plan.faults:
            self.counts["faults"] += 1
            self.counts[f"fault {type(fault).__name__}"] += 1
        for told in outcome.statistics.values():
            self.counts["operations"] += told["operations"]
            self.counts["failed"] += round((1.0 - told["success_rate"]) * told["operations"])
            self.counts["errors"] += told["errors"]
            self.counts["recovered"] += round(told["error_recovery_rate"] * told["errors"])
        if outcome.problems:
            self.problems[outcome.plan.seed] = outcome.problems

    @property
    def success(self) -> float:
        """`success_rate` of all nodes together."""
        return 1.0 - self.counts["failed"] / max(1, self.counts["operations"])

    @property
    def recovery(self) -> float:
        """`error_recovery_rate` of all nodes together."""
        return self.counts["recovered"] / self.counts["errors"] if self.counts["errors"] else 1.0

    @property
    def is_good(self) -> bool:
        """Whether nothing was wrong in any run, and the rates are as they should be."""
        goal = GOALS[self.with_sessions]
        return not self.problems and self.success >= goal.success and self.recovery >= goal.recovery


def rows(summaries: Sequence[Summary]) -> list[list[str]]:
    """As a table, the header first, and a column for each."""

    def row(name: str, told: Callable[[Summary], str]) -> list[str]:
        return [name, *map(told, summaries)]

    def count(key: str) -> Callable[[Summary], str]:
        return lambda summary: f"{summary.counts[key]:,}"

    return [
        row("", lambda summary: "with sessions" if summary.with_sessions else "plain connections"),
        row("runs", lambda summary: f"{summary.runs:,}"),
        row("of them with something wrong", lambda summary: f"**{len(summary.problems):,}**"),
        row("faults", count("faults")),
        row("connections, or sessions, of clients", count("streams")),
        row("cuts", count("cuts")),
        row("messages sent", count("messages")),
        row("arrived", count("arrived")),
        row("of them sent as requests; answered", lambda s: f"{s.counts['requests']:,}; {s.counts['answered']:,}"),
        row("lost at the end of a connection, or session, that broke", count("lost_at_end")),
        *(row(f"{kind}: {text}", count(kind)) for kind, text in KINDS.items()),
        row("errors", count("errors")),
        row(
            "`error_recovery_rate` (wanted)",
            lambda summary: f"**{summary.recovery:.4f}** ({GOALS[summary.with_sessions].recovery})",
        ),
        row(
            "`success_rate` (wanted)",
            lambda summary: f"**{summary.success:.5f}** ({GOALS[summary.with_sessions].success})",
        ),
    ]


class Worlds:
    """The worlds of one process, made when a run wants one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._worlds: dict[bool, World] = {}
        self._opened = contextlib.ExitStack()

    def __enter__(self) -> Worlds:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def run(self, drawn: plan.Plan) -> Outcome:
        """Let a run take place where it belongs."""
        where = drawn.on_a_cable
        if where not in self._worlds:
            folder = self._folder / ("on_a_cable" if where else "beside")
            self._worlds[where] = self._opened.enter_context(World(folder, on_a_cable=where))
        return self._worlds[where].run(drawn)

    def quit(self) -> list[str]:
        """End all games as players do; what is wrong with that."""
        return [line for world in self._worlds.values() for line in world.quit()]


def run_all(seeds: Sequence[int], *, with_sessions: bool, jobs: int, tell: Callable[[str], None] = print) -> Summary:
    """Let runs of these seeds take place, so many at once."""
    folder = FOLDER / ("sessions" if with_sessions else "plain")
    shutil.rmtree(folder, ignore_errors=True)
    summary, begin = Summary(with_sessions), time.monotonic()
    # Those on a cable last, and all by one process: a world takes longer than a run to make.
    context = multiprocessing.get_context("spawn")
    todo: Any = context.Queue()
    done: Any = context.Queue()
    for seed in sorted(seeds, key=lambda seed: plan.draw(seed).on_a_cable):
        todo.put(seed)
    workers = [
        context.Process(target=_work, args=(folder / str(number), with_sessions, todo, done), daemon=True)
        for number in range(min(jobs, len(seeds)))
    ]
    for worker in workers:
        todo.put(None)
        worker.start()
    try:
        for number, outcome in enumerate(_outcomes(done, len(workers)), 1):
            if isinstance(outcome, Outcome):
                summary.add(outcome)
                tell(_line(number, len(seeds), outcome))
            else:
                summary.problems.setdefault(0, []).extend(outcome)
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()
    summary.seconds = time.monotonic() - begin
    return summary


def _outcomes(done: Any, workers: int) -> Iterator[Outcome | list[str]]:
    while workers:
        outcome = done.get()
        if outcome is None:
            workers -= 1
        else:
            yield outcome


def _work(folder: Path, with_sessions: bool, todo: Any, done: Any) -> None:
    """One process of run_all(): it ends with its games, also when it is told to."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with Worlds(folder) as worlds:
        try:
            while (seed := todo.get()) is not None:
                done.put(worlds.run(plan.draw(seed, with_sessions=with_sessions)))
            if wrong := worlds.quit():
                done.put(wrong)
        except Exception as error:
            done.put([f"{type(error).__name__}: {error}"])
        finally:
            done.put(None)


def _line(number: int, count: int, outcome: Outcome) -> str:
    verdict = outcome.verdict
    lines = [
        f"{number}/{count} seed {outcome.plan.seed}: {outcome.seconds:.1f} s, {len(outcome.plan.faults)} faults, "
        f"{verdict.streams} connections, {verdict.cuts} cuts, {verdict.messages} messages, {verdict.lost_at_end} lost "
        f"at the end: {'WRONG' if outcome.problems else 'right'}"
    ]
    return "\n".join([*lines, *(f"    {problem}" for problem in outcome.problems)])
