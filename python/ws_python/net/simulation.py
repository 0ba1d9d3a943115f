"""The simulation: what a bad network does to a connection, as settings, and what chance has for each connection."""

from __future__ import annotations

from random import Random
from typing import Protocol
from weakref import WeakSet

from ..declare.settings import setting
from ..loop.hub import hub

_MOST_SECONDS = 10.0
_MOST_BYTES = 2**31 - 1


class Simulated(Protocol):
    """What goes through a simulation."""

    def changed(self) -> None:
        """The simulation has other values than before."""


class Draws:
    """What chance has for one connection: the same again for the same seed and number. Without a seed, anything.

    Each kind has a generator of its own, lest one that is asked more often change what the others say.
    """

    def __init__(self, seed: int, number: int) -> None:
        def generator(kind: str) -> Random:
            return Random(f"{seed} {number} {kind}") if seed else Random()

        #: From 0 to 1, for each chunk: how much of the jitter it meets.
        self.jitter_out = generator("jitter out").random
        self.jitter_in = generator("jitter in").random
        self._calm = generator("stall").expovariate
        cut = generator("cut")
        #: When it is cut, in units of the mean: of time, of bytes that were sent, of bytes that were received.
        self.cut_time, self.cut_out, self.cut_in = (cut.expovariate(1.0) for _ in range(3))
        #: From 0 to 1: how much of what is on its way arrives where time has cut it.
        self.share_out, self.share_in = cut.random(), cut.random()

    def next_calm(self) -> float:
        """How long it is until the next stall, in units of the mean."""
        return self._calm(1.0)


class WebSocketSimulation:
    """A bad network, for the `simulation` of a server, a client or a peer: how a game feels on a train.

    It is at work on the bytes of a connection, below TLS and WebSocket, in both directions. As TCP does, it keeps the
    order and loses nothing but by a cut. One of a client and one of its server add up: a round trip is longer by twice
    the `latency` of each. A change counts at once, also for what is on its way. It may be shared by nodes.

    What is sent on a connection of a bad network waits in it, up to what fits into about half a second more than it
    needs to arrive, and 4 MiB; beyond that sending waits, as for any slow receiver: see `outbound_buffer_size`.

    Resolving the name, connecting by TCP and the words with a proxy are not simulated.
    """

    def _tell(self) -> None:
        if not hub.is_elsewhere():
            self._tell_simulated()
        elif self._simulated:
            hub.call_soon(self._tell_simulated)
        self._changed()

    def _begin_anew(self) -> None:
        self._number = 0
        self._tell()

    latency: float = setting(
        0.0,
        range=(0.0, _MOST_SECONDS),
        step=0.001,
        unit="s",
        changed=_tell,
        doc="Seconds by which everything is late, each way: a round trip takes twice as much longer. 0.05 is a mobile "
        "network that works, 0.3 one that hardly does, or another continent.",
    )
    jitter: float = setting(
        0.0,
        range=(0.0, _MOST_SECONDS),
        step=0.001,
        unit="s",
        changed=_tell,
        doc="Seconds that may be added to `latency`: for each piece that is sent or comes in, anything from none to "
        "all of them. Nothing overtakes: what is behind a late piece waits for it, and comes together with it.",
    )
    bandwidth: int = setting(
        0,
        range=(0, _MOST_BYTES),
        unit="bytes/s",
        changed=_tell,
        doc="Bytes that pass in a second, in each direction. 0: as many as there are.",
    )
    stall_interval: float = setting(
        0.0,
        range=(0.0, 3600.0),
        step=0.1,
        unit="s",
        changed=_tell,
        doc="Seconds from the end of one stall to the next, on average, on each connection. In a stall nothing passes "
        "in either direction, for `stall_time`, as in a lift; then all goes on where it stopped. 0: there are none.",
    )
    stall_time: float = setting(
        2.0,
        range=(0.0, 300.0),
        step=0.1,
        unit="s",
        changed=_tell,
        doc="Seconds that a stall lasts, see `stall_interval`. What is longer than a heartbeat ends connections.",
    )
    cut_interval: float = setting(
        0.0,
        range=(0.0, 86400.0),
        step=0.1,
        unit="s",
        changed=_tell,
        doc="Seconds until a connection breaks, on average: its TCP connection is reset, and of what is on its way a "
        "part arrives, up to any byte. It is told as such an end always is, with close code 1006. 0: none does.",
    )
    cut_bytes: int = setting(
        0,
        range=(0, _MOST_BYTES),
        unit="bytes",
        changed=_tell,
        doc="Bytes until a connection breaks, on average, counted in each direction by itself, with those of the "
        "opening handshake and of TLS. As `cut_interval`, but behind a byte that is the same again for the same "
        "`seed`, however fast the machine is. 0: none does.",
    )
    seed: int = setting(
        0,
        range=(0, _MOST_BYTES),
        changed=_begin_anew,
        doc="What chance begins with. The first connection after it was assigned, the second and so on each have the "
        "same stalls, cuts and jitter again for the same seed: where a run is to repeat, give each node a simulation "
        "of its own. 0: another one each time.",
    )

    def __init__(self) -> None:
        super().__init__()
        # Connections that were begun with it.
        self._number = 0
        self._simulated: WeakSet[Simulated] = WeakSet()

    # --- for what is simulated

    def _tell_simulated(self) -> None:
        for simulated in list(self._simulated):
            simulated.changed()

    def _begin(self, simulated: Simulated) -> Draws:
        """From now on tell it of changes. What chance has for it."""
        self._simulated.add(simulated)
        self._number += 1
        return Draws(self.seed, self._number)

    def _end(self, simulated: Simulated) -> None:
        """Tell it of nothing more."""
        self._simulated.discard(simulated)

    # --- for a derived class

    def _changed(self) -> None:
        """A value was assigned."""
