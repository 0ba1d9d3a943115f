"""The plan of a run: everything that is by chance in it, drawn from its seed before it begins."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.chaos.faults import KINDS, CablePulled, Fault

# How many runs of a hundred are on a cable of their own, which can be pulled.
_ON_A_CABLE = 5
# Of sessions: longer than anything that a run does to a connection.
SESSION_TIMEOUT = 60.0


@dataclass(frozen=True)
class Plan:
    """A run: so many clients, for so many seconds, with these faults."""

    seed: int
    clients: int
    seconds: float
    # Messages a second, of each client and to each; and how many there are more at once now and then.
    rate: int
    burst: int
    server_settings: dict[str, Any]
    client_settings: dict[str, Any]
    faults: tuple[Fault, ...]
    on_a_cable: bool
    with_sessions: bool

    @property
    def sessions_last(self) -> bool:
        """Whether nothing in it ends a session, but a goodbye."""
        return self.with_sessions and not any(fault.ENDS_SESSIONS for fault in self.faults)

    def __str__(self) -> str:
        """The plan for people to read."""
        first = (
            f"seed {self.seed}{' with sessions' if self.with_sessions else ''}: {self.clients} clients, "
            f"{self.seconds:.1f} s, {self.rate} messages a second each way, bursts of {self.burst}"
            f"{', on a cable' if self.on_a_cable else ''}"
        )
        settings = [f"  server: {self.server_settings}", f"  clients: {self.client_settings}"]
        return "\n".join([first, *settings, *(f"  {fault}" for fault in self.faults)])


def settings(*, with_sessions: bool, heartbeat: float = 0.4) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of the server and of the clients: all that is not the default, and the one switch for sessions."""
    both = {"heartbeat_interval": heartbeat, "heartbeat_timeout": 2.0}
    server, client = {**both, "handshake_timeout": 3.0}, {**both, "connect_timeout": 3.0, "auto_reconnect": True}
    client |= {"reconnect_delay": 0.1, "reconnect_delay_max": 0.3}
    if with_sessions:
        server |= {"session_timeout": SESSION_TIMEOUT}
        client |= {"session": True}
    return server, client


def draw(seed: int, *, with_sessions: bool = False) -> Plan:
    """The plan of this seed."""
    by = random.Random(seed)
    on_a_cable = by.randrange(100) < _ON_A_CABLE
    clients = by.choice((1, 2, 4, 8, 16))
    seconds = round(by.uniform(2.0, 5.0), 1)
    server, client = settings(with_sessions=with_sessions, heartbeat=by.choice((0.4, 1.0)))
    compression = by.randrange(3)
    server["compression"] = client["compression"] = compression
    return Plan(
        seed=seed,
        clients=clients,
        seconds=seconds,
        rate=max(10, by.choice((50, 100, 200)) // clients),
        burst=by.choice((5, 50)),
        server_settings=server,
        client_settings=client,
        faults=faults(by, clients, seconds, by.randint(1, 3), (*KINDS, CablePulled) if on_a_cable else KINDS),
        on_a_cable=on_a_cable,
        with_sessions=with_sessions,
    )


def faults(
    by: random.Random, clients: int, seconds: float, count: int, kinds: Sequence[type[Fault]]
) -> tuple[Fault, ...]:
    """So many faults of these kinds, in the order of time."""
    drawn = by.choices(kinds, [kind.WEIGHT for kind in kinds], k=count)
    times = sorted(round(by.uniform(0.1, seconds), 2) for _ in drawn)
    return tuple(kind.draw(by, at, clients) for kind, at in zip(drawn, times, strict=True))
