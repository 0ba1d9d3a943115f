"""What happens in a run beside the games: each kind is a class that draws one of its kind, and lets it happen.

What the proxy does to bytes happens to one client; what is done to a process, to all that are in it.
"""

from __future__ import annotations

import dataclasses
import os
import random
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

from tests.chaos.proxy import DOWN, UP, Cut, Delay, Door, Garbage, Mishap, Proxy, Silence, Split, Stall

SERVER, CLIENTS = "server", "clients"
# Of the descriptors that a process with no room has left.
_A_FEW = 1


class Site(Protocol):
    """Where faults happen: tests/chaos/world.py."""

    proxy: Proxy

    def pid(self, game: str, /) -> int:
        """The process of a game, SERVER or CLIENTS; 0 while it is killed."""

    def command(self, game: str, /, *words: object) -> None:
        """Tell a game to do something, unless it is killed."""

    def after(self, seconds: float, action: Callable[[], None], /) -> None:
        """Do something later in this run."""

    def kill(self, game: str, /) -> None:
        """End a game with SIGKILL."""

    def start(self, game: str, /) -> None:
        """Start it again, in the same run."""

    def set_clock(self, game: str, seconds: int, /) -> None:
        """Have the time of day of a game wrong by so much."""

    def set_cable(self, *, plugged: bool) -> None:
        """Pull the cable between the clients and the proxy, or plug it in."""


@dataclass(frozen=True)
class Fault:
    """Something that happens at a moment of a run, in s from its begin."""

    at: float
    # How often one is drawn, beside the others.
    WEIGHT: ClassVar[float] = 1.0
    # A session does not outlast it, or need not.
    ENDS_SESSIONS: ClassVar[bool] = False

    @classmethod
    def draw(cls, draw: random.Random, at: float, clients: int) -> Self:
        """One with values by chance."""
        raise NotImplementedError

    def happen(self, site: Site) -> None:
        """Let it happen."""
        raise NotImplementedError

    def __str__(self) -> str:
        values = (f"{field.name}={getattr(self, field.name)}" for field in dataclasses.fields(self)[1:])
        return f"{self.at:.2f} s: {type(self).__name__} {' '.join(values)}".rstrip()


def _size(draw: random.Random, most: int) -> int:
    """A number of bytes: few as often as many."""
    return int(most ** draw.random()) - 1 if draw.random() < 0.9 else 0


def _seconds(draw: random.Random, least: float, most: float) -> float:
    return round(draw.uniform(least, most), 2)


# --- to the bytes of one client


@dataclass(frozen=True)
class OnBytes(Fault):
    """Comes to a direction of a client's connection after so many bytes."""

    client: int
    way: str
    after: int
    # To the connection that comes next, also within its handshake.
    on_next: bool

    @classmethod
    def draw(cls, draw: random.Random, at: float, clients: int) -> Self:
        """See Fault."""
        on_next = draw.random() < 0.2
        after = _size(draw, 600 if on_next else 100_000)
        return cls(at, draw.randrange(clients), draw.choice((UP, DOWN)), after, on_next, **cls.draw_more(draw))

    @classmethod
    def draw_more(cls, draw: random.Random) -> dict[str, Any]:
        """The values of its kind."""
        raise NotImplementedError

    def mishap(self) -> Mishap:
        """What happens there."""
        raise NotImplementedError

    def happen(self, site: Site) -> None:
        """See Fault."""
        doors, mishap = site.proxy.doors, self.mishap()
        site.proxy.call(lambda: doors[self.client].arm(self.way, mishap, self.after, on_next=self.on_next))


@dataclass(frozen=True)
class ACut(OnBytes):
    """The connection ends: for both with RST or FIN, or for one side."""

    how: str
    WEIGHT = 6.0

    @classmethod
    def draw_more(cls, draw: random.Random) -> dict[str, Any]:
        """See OnBytes."""
        return {"how": draw.choice(("reset", "reset", "close", "half"))}

    def mishap(self) -> Mishap:
        """See OnBytes."""
        return Cut(self.how)


@dataclass(frozen=True)
class AStall(OnBytes):
    """One direction stands still."""

    seconds: float
    WEIGHT = 2.0

    @classmethod
    def draw_more(cls, draw: random.Random) -> dict[str, Any]:
        """See OnBytes."""
        return {"seconds": _seconds(draw, 0.1, 2.0)}

    def mishap(self) -> Mishap:
        """See OnBytes."""
        return Stall(self.seconds)


@dataclass(frozen=True)
class ADelay(OnBytes):
    """One direction is late, and not evenly."""

    least: float
    most: float
    seconds: float
    WEIGHT = 2.0

    @classmethod
    def draw_more(cls, draw: random.Random) -> dict[str, Any]:
        """See OnBytes."""
        least = _seconds(draw, 0.0, 0.1)
        return {"least": least, "most": least + _seconds(draw, 0.0, 0.1), "seconds": _seconds(draw, 0.2, 2.0)}

    def mishap(self) -> Mishap:
        """See OnBytes."""
        return Delay(self.least, self.most, self.seconds)


@dataclass(frozen=True)
class ASplit(OnBytes):
    """Bytes come one by one."""

    count: int
    WEIGHT = 3.0

    @classmethod
    def draw_more(cls, draw: random.Random) -> dict[str, Any]:
        """See OnBytes."""
        return {"count": draw.randint(100, 3000)}

    def mishap(self) -> Mishap:
        """See OnBytes."""
        return Split(self.count)


@dataclass(frozen=True)
class SomeGarbage(OnBytes):
    """Bytes that are no frame come between two that are."""

    seed: int
    count: int
    ENDS_SESSIONS = True

    @classmethod
    def draw_more(cls, draw: random.Random) -> dict[str, Any]:
        """See OnBytes."""
        return {"seed": draw.randrange(1_000_000), "count": draw.randint(0, 300)}

    def mishap(self) -> Mishap:
        """See OnBytes."""
        return Garbage(self.seed, self.count)


@dataclass(frozen=True)
class Vanished(OnBytes):
    """Nothing arrives any more, and nobody is told: in one direction, or in both."""

    both: bool
    WEIGHT = 2.0

    @classmethod
    def draw_more(cls, draw: random.Random) -> dict[str, Any]:
        """See OnBytes."""
        return {"both": draw.random() < 0.6}

    def mishap(self) -> Mishap:
        """See OnBytes."""
        return Silence(self.both)


# --- to the way of one client


@dataclass(frozen=True)
class OnDoor(Fault):
    """The client's connection is reset, and for a while it cannot come back."""

    client: int
    seconds: float

    @classmethod
    def draw(cls, draw: random.Random, at: float, clients: int) -> Self:
        """See Fault."""
        return cls(at, draw.randrange(clients), _seconds(draw, 0.1, 1.0))

    def happen(self, site: Site) -> None:
        """See Fault."""
        door, until = site.proxy.doors[self.client], site.proxy.now() + self.seconds

        def shut() -> None:
            self.shut(door, until)
            door.cut("reset")

        site.proxy.call(shut)

    def shut(self, door: Door, until: float) -> None:
        """How it is shut."""
        raise NotImplementedError


class Refused(OnDoor):
    """Who comes is reset."""

    def shut(self, door: Door, until: float) -> None:
        """See OnDoor."""
        door.refuses_until = until


class Mute(OnDoor):
    """Who comes gets no answer."""

    def shut(self, door: Door, until: float) -> None:
        """See OnDoor."""
        door.mute_until = until


# --- by the game


@dataclass(frozen=True)
class Goodbye(Fault):
    """A client closes its connection in the midst of it, and connects again."""

    client: int

    @classmethod
    def draw(cls, draw: random.Random, at: float, clients: int) -> Self:
        """See Fault."""
        return cls(at, draw.randrange(clients))

    def happen(self, site: Site) -> None:
        """See Fault."""
        site.command(CLIENTS, "goodbye", self.client)


class Freed(Goodbye):
    """A client's node is freed in the midst of it, and another one made."""

    ENDS_SESSIONS = True

    def happen(self, site: Site) -> None:
        """See Fault."""
        site.command(CLIENTS, "free", self.client)


# --- to a process


@dataclass(frozen=True)
class OnGame(Fault):
    """Comes to one of the games, for so many seconds."""

    game: str
    seconds: float
    WEIGHT: ClassVar[float] = 0.7
    LONGEST: ClassVar[float] = 2.0

    @classmethod
    def draw(cls, draw: random.Random, at: float, clients: int) -> Self:
        """See Fault."""
        return cls(at, draw.choice((SERVER, CLIENTS)), _seconds(draw, 0.1, cls.LONGEST))


class Killed(OnGame):
    """The process is killed (SIGKILL), and started again."""

    WEIGHT = 0.5
    LONGEST = 1.0
    ENDS_SESSIONS = True

    def happen(self, site: Site) -> None:
        """See Fault."""
        site.kill(self.game)
        site.after(self.seconds, lambda: site.start(self.game))


class Suspended(OnGame):
    """The process is stopped (SIGSTOP), and goes on."""

    def happen(self, site: Site) -> None:
        """See Fault."""
        pid = site.pid(self.game)
        if not pid:
            return

        def go_on() -> None:
            if site.pid(self.game) == pid:
                os.kill(pid, signal.SIGCONT)

        os.kill(pid, signal.SIGSTOP)
        site.after(self.seconds, go_on)


class MainThreadStalled(OnGame):
    """The main thread is busy with something else."""

    def happen(self, site: Site) -> None:
        """See Fault."""
        site.command(self.game, "stall", int(1000 * self.seconds))


class DescriptorsUsedUp(OnGame):
    """The process gets no further file descriptors, when the clients have to come back."""

    LONGEST = 1.5

    def happen(self, site: Site) -> None:
        """See Fault."""
        pid = site.pid(self.game)
        if not pid:
            return
        used = max(int(name) for name in os.listdir(f"/proc/{pid}/fd")) + 1
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (min(used + _A_FEW, before[1]), before[1]))

        def cut() -> None:
            for door in site.proxy.doors:
                door.cut("reset")

        def restore() -> None:
            if site.pid(self.game) == pid:
                resource.prlimit(pid, resource.RLIMIT_NOFILE, before)

        site.proxy.call(cut)
        site.after(self.seconds, restore)


@dataclass(frozen=True)
class ClockSet(Fault):
    """The time of day jumps, ahead or back."""

    game: str
    seconds: int

    @classmethod
    def draw(cls, draw: random.Random, at: float, clients: int) -> Self:
        """See Fault."""
        seconds = draw.choice((1, 60, 3600, 86_400, 31_536_000)) * draw.choice((1, -1))
        return cls(at, draw.choice((SERVER, CLIENTS)), seconds)

    def happen(self, site: Site) -> None:
        """See Fault."""
        site.set_clock(self.game, self.seconds)


@dataclass(frozen=True)
class CablePulled(Fault):
    """The cable between the clients and the proxy is pulled, and plugged in again: packets are lost both ways."""

    seconds: float
    WEIGHT = 4.0

    @classmethod
    def draw(cls, draw: random.Random, at: float, clients: int) -> Self:
        """See Fault."""
        return cls(at, _seconds(draw, 0.1, 3.0))

    def happen(self, site: Site) -> None:
        """See Fault."""
        site.set_cable(plugged=False)
        site.after(self.seconds, lambda: site.set_cable(plugged=True))


KINDS: tuple[type[Fault], ...] = (
    ACut,
    AStall,
    ADelay,
    ASplit,
    SomeGarbage,
    Vanished,
    Refused,
    Mute,
    Goodbye,
    Freed,
    Killed,
    Suspended,
    MainThreadStalled,
    DescriptorsUsedUp,
    ClockSet,
)
# For `make soak`: what a long day has, without what ends a process.
MILD: tuple[type[Fault], ...] = (ACut, AStall, ADelay, ASplit, Refused, Goodbye)
