"""`make soak`: two games for hours, with a bad link between them; what grows, and what comes late.

.venv/bin/python -m tests.chaos.soak --hours 8
.venv/bin/python -m tests.chaos.soak --hours 8 --write     # into docs/reliability.md
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import quantiles

from tests import reliability
from tests.chaos import plan
from tests.chaos.faults import CLIENTS, MILD, SERVER
from tests.chaos.harness import memory
from tests.chaos.runs import FOLDER, Summary
from tests.chaos.world import Outcome, World

TITLE = "Hours on a bad link"
TEXT = """
A server and eight clients with sessions, in two headless games. The links of four clients are cut, refused, delayed,
stalled and split to single bytes again and again, and these say goodbye and come back; the others have a good link, and
their round trips are those in the table: a message in a frame of the client, an answer of a GDScript handler, and back.
Every message is numbered and compared, both ways, as in the seeded runs. Once a minute, when all has come, what the
games hold is looked at; slopes are those of a straight line through the last four fifths, with their standard errors.
"""
CLIENTS_IN_ALL, CLIENTS_ON_A_BAD_LINK = 8, 4
# Between two looks, in s; of a short soak, a part of it.
LEG = 60.0
FEWEST_LEGS = 10
FAULTS_A_SECOND = 0.25


@dataclass(frozen=True)
class Sample:
    """What the games held at one moment, and the round trips before it."""

    hours: float
    # In MiB and in numbers, of the server's game and of the clients'.
    server_memory: float
    client_memory: float
    server_descriptors: int
    client_descriptors: int
    # In ms.
    median: float
    p99: float


def legs(hours: float, *, with_sessions: bool) -> Iterator[plan.Plan]:
    """Plans of runs that go on with the same nodes, for so long."""
    count = max(FEWEST_LEGS, round(3600 * hours / LEG))
    seconds = 3600 * hours / count
    by = random.Random(1)
    for number in range(1, count + 1):
        faults = plan.faults(by, CLIENTS_ON_A_BAD_LINK, seconds, round(FAULTS_A_SECOND * seconds), MILD)
        timeout = plan.session_timeout(faults) if with_sessions else 0.0
        server, client = plan.settings(heartbeat=1.0, session_timeout=timeout)
        yield plan.Plan(number, CLIENTS_IN_ALL, seconds, 20, 5, server, client, faults, False, with_sessions)


def sample(world: World, outcome: Outcome, hours: float) -> Sample:
    """Look at the games after a leg."""
    bad = {f"c1.{number}" for number in range(CLIENTS_ON_A_BAD_LINK)}
    times = sorted(1000 * seconds for node, seconds in outcome.round_trips if node not in bad)
    cuts = quantiles(times, n=100)
    pids = world.pid(SERVER), world.pid(CLIENTS)
    server, clients = (len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)
    return Sample(hours, memory(pids[0]), memory(pids[1]), server, clients, cuts[49], cuts[98])


def soak(hours: float, *, with_sessions: bool) -> tuple[Summary, list[Sample]]:
    """Let it run; what came of it."""
    folder = FOLDER / "soak"
    shutil.rmtree(folder, ignore_errors=True)
    summary, samples, begin = Summary(with_sessions), [], time.monotonic()
    plans = list(legs(hours, with_sessions=with_sessions))
    with World(folder, has_clocks=False) as world:
        for drawn in plans:
            outcome = world.run(drawn, goes_on=drawn is not plans[-1])
            # Their nodes count from the begin of all.
            summary.add(outcome)
            passed = (time.monotonic() - begin) / 3600
            samples.append(sample(world, outcome, passed))
            print(f"{drawn.seed}/{len(plans)} {samples[-1]}", *outcome.problems, sep="\n    ", flush=True)
        if wrong := world.quit():
            summary.problems[0] = wrong
    return summary, samples


def rows(summary: Summary, samples: Sequence[Sample]) -> list[list[str]]:
    """As a table, the header first."""
    counts = summary.counts
    table = [
        ["", "at the begin", "at the end", "an hour"],
        *(
            _row(name, [getattr(each, key) for each in samples], [each.hours for each in samples])
            for key, name in {
                "server_memory": "memory of the server (MiB)",
                "client_memory": "memory of the clients (MiB)",
                "server_descriptors": "descriptors of the server",
                "client_descriptors": "descriptors of the clients",
                "median": "round trip: p50 (ms)",
                "p99": "round trip: p99 (ms)",
            }.items()
        ),
        ["hours; faults; cuts", f"{samples[-1].hours:.2f}; {counts['faults']:,}; {counts['cuts']:,}", "", ""],
        ["messages sent; arrived", f"{counts['messages']:,}; {counts['arrived']:,}", "", ""],
        ["looks at which something was wrong", f"**{len(summary.problems)}**", "", ""],
    ]
    return table


def _row(name: str, values: Sequence[float], hours: Sequence[float]) -> list[str]:
    first = len(values) // 5
    rise, error = reliability.slope(hours[first:], values[first:])
    return [name, f"{values[0]:.1f}", f"{values[-1]:.1f}", f"{rise:+.3f} ± {error:.3f}"]


def main() -> int:
    """Soak; 1 where something was wrong."""
    parser = argparse.ArgumentParser(prog="tests.chaos.soak", description="Two games for hours, on a bad link.")
    parser.add_argument("--hours", type=float, default=8.0, help="for how long; default: 8")
    parser.add_argument("--plain", action="store_true", help="without sessions")
    parser.add_argument("--write", action="store_true", help=f"write {reliability.PAGE}")
    arguments = parser.parse_args()
    machine, begin = reliability.Machine(), time.monotonic()
    summary, samples = soak(arguments.hours, with_sessions=not arguments.plain)
    measured = reliability.Measured(rows(summary, samples), machine.busy(), time.monotonic() - begin)
    section = reliability.section("hours", sys.modules[__name__], measured)
    print(section, flush=True)
    for number, problems in sorted(summary.problems.items()):
        print(f"leg {number}:", *problems, sep="\n    ")
    if arguments.write and not summary.problems:
        reliability.keep("hours", section)
        reliability.write()
    return int(bool(summary.problems))


if __name__ == "__main__":
    sys.exit(main())
