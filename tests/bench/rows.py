"""The rows of the table: what each measures, on what, and what it is to reach against the engine's WebSocketPeer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import partial

from tests.bench import load, subjects

# What a row measured of a subject in one round: the values of its metrics by their keys.
Sample = dict[str, float]

# The part of the measured time in which the load generator had something to do. Beyond SATURATED it was the limit.
LOAD_BUSY = "busy"
SATURATED = 0.9
# 1 in a sample that was given up: its number is a lower bound.
GIVEN_UP = "given_up"

_KIB = 1024
_MIB = 1024 * _KIB
_CONNECTIONS_AT_ONCE = 1000
_IDLE_CONNECTIONS = 1000


@dataclass(frozen=True)
class Timing:
    """How long to measure, in seconds."""

    warmup: float
    rate: float
    # Where CPU time is measured that is little.
    idle: float
    # When to give up on 1,000 connections that come at once.
    storm: float


NORMAL = Timing(warmup=0.3, rate=1.0, idle=2.0, storm=20.0)
QUICK = Timing(warmup=0.1, rate=0.3, idle=0.5, storm=3.0)


class Against(Enum):
    """What a target compares with."""

    AT_LEAST_TIMES = "≥ {:g} ×"
    AT_MOST_PART = "≤ 1/{:g}"
    AT_MOST = "≤ {:g}"


@dataclass(frozen=True)
class Target:
    """What our median is to reach: a multiple or a part of another subject's, or a number by itself."""

    against: Against
    number: float
    other: str = subjects.ENGINE

    def is_met(self, ours: float, other: float) -> bool:
        """Whether these medians reach it."""
        match self.against:
            case Against.AT_LEAST_TIMES:
                return ours >= self.number * other
            case Against.AT_MOST_PART:
                return ours <= other / self.number
            case Against.AT_MOST:
                return ours <= self.number

    def __str__(self) -> str:
        if self.against is Against.AT_MOST_PART and self.number == 1:
            return "≤ 1 ×"
        return f"≥ {self.other}" if self.other != subjects.ENGINE else self.against.value.format(self.number)


@dataclass(frozen=True)
class Metric:
    """One number of a row."""

    key: str
    unit: str
    targets: tuple[Target, ...] = ()
    # What the row's title does not say.
    title: str = ""
    # From the sample's unit to the one that is shown.
    scale: float = 1.0
    is_better_high: bool = False


@dataclass(frozen=True)
class Row:
    """A workload."""

    name: str
    title: str
    metrics: tuple[Metric, ...]
    measure: Callable[[str, Timing], Sample]
    subjects: tuple[str, ...] = subjects.IN_GODOT
    # More rounds than this are not worth their time.
    max_rounds: dict[str, int] = field(default_factory=dict)
    is_quick: bool = True


# --------------------------------------------------------------------------------------------------------- measuring


def _under_load(server: subjects.Process, mode: str, *arguments: object) -> Sample:
    """What the load generator measured, and the server's CPU time in microseconds per message."""
    at_start: list[float] = []
    measured = load.measure(mode, server.port, *arguments, at_start=lambda: at_start.append(server.cpu_seconds()))
    measured["cpu_per_message"] = (server.cpu_seconds() - at_start[0]) / measured["messages"] * 1e6
    return measured


def _echo(
    subject: str,
    timing: Timing,
    *,
    connections: int,
    in_flight: int,
    size: int = 32,
    kind: str = "binary",
    active: int = 0,
) -> Sample:
    buffer = 4 * size * in_flight if size > _KIB else 0
    with subjects.server(subject, pause="none", buffer=buffer) as server:
        return _under_load(
            server, "echo", connections, active or connections, in_flight, size, kind, timing.warmup, timing.rate
        )


def _session(subject: str, timing: Timing, *, in_flight: int) -> Sample:
    """As _echo(), in a session; of the engine, which has none, without one."""
    is_on = subject == subjects.OURS
    with subjects.server(subject, pause="none", **({"sessions": "on"} if is_on else {})) as server:
        mode = "session" if is_on else "echo"
        return _under_load(server, mode, 1, 1, in_flight, 32, "binary", timing.warmup, timing.rate)


def _broadcast(subject: str, timing: Timing, *, connections: int, size: int, in_flight: int) -> Sample:
    with subjects.server(subject, to="all", pause="none") as server:
        return _under_load(server, "broadcast", connections, in_flight, size, timing.warmup, timing.rate)


def _client(subject: str, timing: Timing, *, in_flight: int, size: int) -> Sample:
    with load.running("serve", size, timing.warmup, timing.rate) as process:
        url = f"ws://127.0.0.1:{load.serving_port(process)}"
        with subjects.godot(f"{subject}_client", pause="none", url=url, count=in_flight, size=size):
            load.answer_handshake(process)
            return load.result(process)


def _cpu_share(server: subjects.Process, seconds: float) -> float:
    """The part of a core that a server's main thread uses from now on."""
    start, cpu = time.monotonic(), server.cpu_seconds()
    time.sleep(seconds)
    return (server.cpu_seconds() - cpu) / (time.monotonic() - start)


def _ping_pong(subject: str, timing: Timing) -> Sample:
    with subjects.server(subject, low_latency="on") as server:
        sample = load.measure("latency", server.port, 32, timing.warmup, timing.rate)
        with load.running("hold", server.port, 1) as holding:
            load.result(holding)
            sample["idle_cpu"] = _cpu_share(server, timing.idle)
    return sample


def _idle(subject: str, timing: Timing) -> Sample:
    with subjects.server(subject) as server:
        # The first connection also loads what is loaded once.
        load.measure("echo", server.port, 1, 1, 1, 32, "binary", 0, 0.1)
        memory = server.memory()
        with load.running("hold", server.port, _IDLE_CONNECTIONS) as holding:
            load.result(holding)
            cpu = _cpu_share(server, timing.idle)
            return {"cpu": cpu, "memory": (server.memory() - memory) / _IDLE_CONNECTIONS}


def _storm(subject: str, timing: Timing) -> Sample:
    with subjects.server(subject) as server:
        measured = load.measure("storm", server.port, _CONNECTIONS_AT_ONCE, timing.storm)
    return {**measured, GIVEN_UP: float(measured["open"] < _CONNECTIONS_AT_ONCE)}


def _frame(subject: str, timing: Timing) -> Sample:
    with subjects.godot("frame_cost", subject=subject, seconds=timing.idle) as engine:
        sample = {"cost": float(engine.wait_for(r"^frame (\S+)$")[1])}
        engine.wait()
    return sample


# An RPC as Godot's SceneMultiplayer has it on the wire: the first method of the node "N", with the argument "hi".
_CALL = "201300008000010400000002000000686900004e00"


def _play(subject: str, timing: Timing, *, work: str, peers: int, packet: str = "-", **options: str) -> Sample:
    """How many of what `work` counts a server does in a second of its main thread, and how long each takes."""
    options |= {"over": subject, "work": work}
    with (
        subjects.server(subjects.MULTIPLAYER, **options, peers=peers, seconds=timing.rate) as server,
        load.running("play", server.port, peers, packet) as players,
    ):
        load.result(players)
        idle, idle_of_all = _cpu_between(server, "idle$", r"idled (\d+)")
        cost, cost_of_all = _cpu_between(server, "measuring", r"measured (\d+)")
    return {
        "rate": 1 / cost,
        "rate_of_all": 1 / cost_of_all,
        "cost": cost,
        "more": max(cost - idle, 0.0),
        "more_of_all": max(cost_of_all - idle_of_all, 0.0),
    }


def _cpu_between(server: subjects.Process, begun: str, done: str) -> tuple[float, float]:
    """The CPU time for each of what was counted between two lines: of the main thread, and of all threads."""
    server.wait_for(begun)
    before, before_of_all = server.cpu_seconds(), server.cpu_seconds_of_all_threads()
    count = int(server.wait_for(done)[1])
    return (server.cpu_seconds() - before) / count, (server.cpu_seconds_of_all_threads() - before_of_all) / count


def _synchronize(subject: str, timing: Timing, *, peers: int) -> Sample:
    """What a frame takes, most of it the engine's own work; and by how much more one in which its packets are sent."""
    frame = _play(subject, timing, work="synchronize", peers=peers)
    packets = _play(subject, timing, work="packets", peers=peers)
    return {"frame": frame["cost"], "peer": packets["more"], "peer_of_all": packets["more_of_all"]}


def _growth(subject: str, timing: Timing, *, connections: int) -> Sample:
    active = _echo(subject, timing, connections=connections, in_flight=max(1, 100 // connections))
    idle = _echo(subject, timing, connections=connections, active=1, in_flight=100)
    return {
        "active": active["cpu_per_message"],
        "idle": idle["cpu_per_message"],
        LOAD_BUSY: max(active[LOAD_BUSY], idle[LOAD_BUSY]),
    }


# ---------------------------------------------------------------------------------------------------------- the table


def _at_least(times: float, *rivals: str) -> tuple[Target, ...]:
    """So many times the engine's, and no less than the rivals'."""
    return (
        Target(Against.AT_LEAST_TIMES, times),
        *(Target(Against.AT_LEAST_TIMES, 1, rival) for rival in rivals),
    )


def _at_most_part(number: float) -> tuple[Target, ...]:
    return (Target(Against.AT_MOST_PART, number),)


def _at_most(number: float) -> tuple[Target, ...]:
    return (Target(Against.AT_MOST, number),)


def _rate(times: float, *rivals: str) -> tuple[Metric, ...]:
    return (Metric("rate", "msg/s", _at_least(times, *rivals), is_better_high=True),)


def _throughput(times: float, *rivals: str) -> tuple[Metric, ...]:
    return (Metric("bytes_per_second", "MB/s", _at_least(times, *rivals), scale=1e-6, is_better_high=True),)


def _growth_row(connections: int) -> Row:
    return Row(
        f"growth{connections}",
        f"CPU time per message at {connections:,} connection{'s' * (connections > 1)}",
        (Metric("active", "µs", title="all active"), Metric("idle", "µs", title="one active, the others idle")),
        partial(_growth, connections=connections),
        max_rounds={subjects.OURS: 2, subjects.ENGINE: 2},
        is_quick=connections <= 1000,
    )


GROWTH = {connections: _growth_row(connections) for connections in (1, 10, 100, 1000, 5000)}

ROWS = (
    Row(
        "echo32",
        "echo 32 B binary, 1 connection, 100 in flight",
        _rate(6, subjects.PICOWS),
        partial(_echo, connections=1, in_flight=100),
        subjects.ALL,
    ),
    Row(
        "session32",
        "the same in a session (the engine's without one)",
        _rate(4.8),
        partial(_session, in_flight=100),
    ),
    Row(
        "echo32x50",
        "echo 32 B binary, 50 connections, 10 in flight each",
        _rate(6, subjects.PICOWS),
        partial(_echo, connections=50, in_flight=10),
        subjects.ALL,
    ),
    Row(
        "text32",
        "echo 32 B text, 1 connection, 100 in flight",
        _rate(5, subjects.PICOWS),
        partial(_echo, connections=1, in_flight=100, kind="text"),
        subjects.ALL,
    ),
    Row(
        "echo32x500",
        "echo 32 B binary, 500 connections, 2 in flight each",
        _rate(2, subjects.PICOWS),
        partial(_echo, connections=500, in_flight=2),
        subjects.ALL,
    ),
    Row(
        "echo64k",
        "echo 64 KiB, 1 connection, 8 in flight",
        _throughput(5, subjects.WEBSOCKETS),
        partial(_echo, connections=1, in_flight=8, size=64 * _KIB),
        (*subjects.ALL, subjects.LOOPBACK),
    ),
    Row(
        "echo1m",
        "echo 1 MiB, 1 connection, 2 in flight",
        _throughput(5),
        partial(_echo, connections=1, in_flight=2, size=_MIB),
        (*subjects.ALL, subjects.LOOPBACK),
    ),
    Row(
        "broadcast",
        "broadcast of 128 B to 500 peers, 10 in flight",
        _rate(5),
        partial(_broadcast, connections=500, size=128, in_flight=10),
        subjects.ALL,
    ),
    Row(
        "client",
        "client node, 32 B binary, 100 in flight",
        _rate(4),
        partial(_client, in_flight=100, size=32),
    ),
    Row(
        "pingpong",
        "one ping-pong at a time, engine defaults, `low_latency`",
        (
            Metric("median", "ms", _at_most_part(20), "round trip, median", scale=1e3),
            Metric("p99", "ms", (), "round trip, 99th percentile", scale=1e3),
            Metric("idle_cpu", "% of a core", _at_most_part(1), "CPU when idle", scale=100),
        ),
        _ping_pong,
    ),
    Row(
        "idle",
        f"{_IDLE_CONNECTIONS:,} idle connections, engine defaults",
        (
            Metric("cpu", "% of a core", _at_most_part(10), "main thread's CPU", scale=100),
            Metric("memory", "KB", _at_most_part(2), "memory per connection", scale=1e-3),
        ),
        _idle,
    ),
    Row(
        "storm",
        f"{_CONNECTIONS_AT_ONCE:,} connections opened at once, engine defaults",
        (
            Metric("seconds", "s", _at_most(1), "until all are in"),
            Metric("open", "", (), "got in", is_better_high=True),
        ),
        _storm,
        max_rounds={subjects.ENGINE: 1},
    ),
    Row(
        "frame",
        "a frame with nothing to do, 1 server and 1 client, engine defaults",
        (Metric("cost", "µs", _at_most(30)),),
        _frame,
    ),
    Row(
        "mp_broadcast",
        "multiplayer: RPCs of 32 B to 50 peers, engine defaults",
        (
            Metric("rate", "packets/s", _at_least(10), "for each second of the main thread", is_better_high=True),
            Metric("rate_of_all", "packets/s", (), "for each second of all threads", is_better_high=True),
        ),
        partial(_play, work="broadcast", peers=50),
    ),
    Row(
        "mp_receive",
        "multiplayer: RPCs of 10 peers, for each second of the main thread",
        (Metric("rate", "packets/s", _at_least(1), is_better_high=True),),
        partial(_play, work="receive", peers=10, packet=_CALL, pause="none"),
    ),
    Row(
        "mp_synchronize",
        "multiplayer: a frame with 200 MultiplayerSynchronizers and 20 peers, engine defaults",
        (
            Metric("frame", "ms", (), "main thread, with the engine's own work", scale=1e3),
            Metric("peer", "ms", _at_most_part(3), "main thread, to send its packets", scale=1e3),
            Metric("peer_of_all", "ms", (), "all threads, to send its packets", scale=1e3),
        ),
        partial(_synchronize, peers=20),
    ),
    *GROWTH.values(),
)
