"""The plan of a run: everything that is by chance in it, drawn from its seed before it begins."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.chaos.faults import KINDS, CablePulled, Fault

# How many runs of a hundred are on a cable of their own, which can be pulled.
_ON_A_CABLE = 5
# Of sessions that nothing in the run ends: longer than anything that it does to a connection. The other is for where a
# server waits for a client that is no more; it does so, too, where the client's goodbye was lost with its connection.
_LONG_TIMEOUT, _SHORT_TIMEOUT = 20.0, 5.0
# So that a request is refused by no side: all that waited during a cut are handled at once.
MOST_REQUESTS = 65_536


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


def settings(*, heartbeat: float, session_timeout: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of the server and of the clients: all that is not the default. `session_timeout` is 0 for none."""
    both = {"heartbeat_interval": heartbeat, "heartbeat_timeout": 2.0}
    server, client = {**both}, {**both, "auto_reconnect": True, "reconnect_delay": 0.1, "reconnect_delay_max": 0.3}
    if session_timeout:
        server |= {"session_timeout": session_timeout, "max_requests": MOST_REQUESTS}
        client |= {"session": True, "max_requests": MOST_REQUESTS}
    return server, client


def draw(seed: int, *, with_sessions: bool = False) -> Plan:
    """The plan of this seed."""
    by = random.Random(seed)
    on_a_cable = by.randrange(100) < _ON_A_CABLE
    clients = by.choice((1, 2, 4, 8, 16))
    seconds = round(by.uniform(2.0, 5.0), 1)
    heartbeat, compression = by.choice((0.4, 1.0)), by.randrange(3)
    rate, burst = max(10, by.choice((50, 100, 200)) // clients), by.choice((5, 50))
    drawn = faults(by, clients, seconds, by.randint(1, 3), (*KINDS, CablePulled) if on_a_cable else KINDS)
    timeout = session_timeout(drawn) if with_sessions else 0.0
    server, client = settings(heartbeat=heartbeat, session_timeout=timeout)
    server["compression"] = client["compression"] = compression
    return Plan(
        seed=seed,
        clients=clients,
        seconds=seconds,
        rate=rate,
        burst=burst,
        server_settings=server,
        client_settings=client,
        faults=drawn,
        on_a_cable=on_a_cable,
        with_sessions=with_sessions,
    )


def session_timeout(drawn: Sequence[Fault]) -> float:
    """That of the server, for a run with sessions and these faults."""
    return _SHORT_TIMEOUT if any(fault.ENDS_SESSIONS for fault in drawn) else _LONG_TIMEOUT


def faults(
    by: random.Random, clients: int, seconds: float, count: int, kinds: Sequence[type[Fault]]
) -> tuple[Fault, ...]:
    """So many faults of these kinds, in the order of time."""
    drawn = by.choices(kinds, [kind.WEIGHT for kind in kinds], k=count)
    times = sorted(round(by.uniform(0.1, seconds), 2) for _ in drawn)
    return tuple(kind.draw(by, at, clients) for kind, at in zip(drawn, times, strict=True))
