"""The arena of demo/multiplayer in play: the three who play and the headless host see the same, whatever is cut."""

from __future__ import annotations

import contextlib
import json
import random
import re
import socket
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.chaos.proxy import DOWN, UP, Cut, Door, Link, Proxy
from tests.godot_process import GodotProcess, assert_clean_log

HOST = "the host"
PLAYERS = ("Ann", "Bob", "Cleo")
CUTS = 20
# What everybody has said until a game without cuts has been played for long enough.
LINES = 5
# A machine that is busy with other things may take this long.
PATIENCE = 60.0
pytestmark = pytest.mark.timeout(400)
_Result = TypeVar("_Result")
Start = Callable[..., GodotProcess]


@dataclass(frozen=True)
class State:
    """What a game sees: players by their ids and gems by their names, with all that is known of them, and the chat."""

    id: int = 0
    players: dict[str, list[Any]] = field(default_factory=dict)
    gems: dict[str, list[float]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    @property
    def shared(self) -> tuple[dict[str, list[Any]], dict[str, list[float]], list[str]]:
        """What has to be the same for all. Who joins hears of nobody that has joined before."""
        return self.players, self.gems, [line for line in self.lines if ": " in line]


class Game:
    """A game that plays or hosts, in a process of its own."""

    def __init__(self, process: GodotProcess) -> None:
        self._process = process

    @property
    def state(self) -> State:
        """What it told last."""
        told = [line for line in self._process.log.splitlines() if line.startswith("state ")]
        return State(**json.loads(told[-1].removeprefix("state "))) if told else State()

    @property
    def told(self) -> str:
        """What it printed beside its states."""
        return re.sub("^state .*\n", "", self._process.log, flags=re.MULTILINE)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until it prints such a line."""
        return self._process.wait_for(pattern, PATIENCE)

    def count(self, pattern: str) -> int:
        """How many lines that it printed begin so."""
        return len(re.findall(f"^{pattern}", self._process.log, re.MULTILINE))

    def end(self) -> None:
        """Wait for its end, and see that nothing went wrong in it."""
        assert self._process.wait(PATIENCE) == 0, self._process.log
        assert_clean_log(self._process.log)


class Arena:
    """A headless game that hosts, and those who play there, each through a door of its own."""

    def __init__(self, folder: Path, start: Start, proxy: Proxy, with_engine_peer: Collection[str]) -> None:
        self._rest_file = folder / "rest"
        self._start = start
        self._with_engine_peer = with_engine_peer
        self._proxy = proxy
        port = free_port() if HOST in with_engine_peer else 0
        self.host = self._game(HOST, "--server", f"--port={port}")
        proxy.target = int(self.host.wait_for(r"is open on port (\d+)")[1])
        doors = dict(zip(PLAYERS, proxy.set_doors(len(PLAYERS)), strict=True))
        # The engine's server refuses who offers a subprotocol that it does not have.
        session = ["--no-session"] if HOST in with_engine_peer else []
        self.players = [
            self._game(name, f"--join=ws://127.0.0.1:{port}", f"--seed={name}", *session)
            for name, port in doors.items()
        ]
        for player in self.players:
            player.wait_for("^Playing at ")

    def _game(self, name: str, *arguments: str) -> Game:
        script = ("--script", "res://tests/multiplayer/play_arena.gd", "--", f"--rest={self._rest_file}")
        engine = ["--engine"] if name in self._with_engine_peer else []
        return Game(self._start(*script, *engine, f"--name={name}", *arguments))

    @property
    def games(self) -> list[Game]:
        """All, the host first."""
        return [self.host, *self.players]

    def cut(self, chance: random.Random) -> None:
        """Cut the link of one of them somewhere in what goes by, and wait until there is another one."""
        door = chance.choice(self._proxy.doors)
        # Keys and chat go up, the whole field comes down.
        way, most = chance.choice(((UP, 200), (DOWN, 4000)))
        how, after = chance.choice(("reset", "close")), chance.randrange(most)
        before = self._wait_for_link(door)
        self._proxy.call(lambda: door.arm(way, Cut(how), after))
        self._wait_for_link(door, before)

    def _wait_for_link(self, door: Door, before: Link | None = None) -> Link:
        def link() -> Link | None:
            return door.links[-1] if door.links and door.links[-1] is not before else None

        return wait_until(lambda: self._proxy.call(link))

    def rest(self) -> None:
        """Have all release their keys, and wait until nothing changes any more, and all games see the same."""
        self._rest_file.touch()
        with contextlib.suppress(TimeoutError):
            wait_until(self._rests)
        for game in self.players:
            assert game.state.shared == self.host.state.shared

    def _rests(self) -> bool:
        state = self.host.state
        rested = [line for line in state.lines if "rests after" in line]
        return len(rested) == len(PLAYERS) and all(game.state.shared == state.shared for game in self.players)

    def end(self) -> None:
        """End all games."""
        self._rest_file.unlink()
        for game in self.games:
            game.end()


def free_port() -> int:
    """A port of this machine on which nobody listens: the engine's own peer does not say which one it has taken."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def wait_until(condition: Callable[[], _Result | None]) -> _Result:
    """Wait until it is something, or true."""
    deadline = time.monotonic() + PATIENCE
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.01)
    return result


@pytest.fixture
def arena(request: pytest.FixtureRequest, tmp_path: Path, start_godot: Start) -> Iterator[Arena]:
    """An arena in which three play; its parameter are those who do that over the engine's own peer."""
    with Proxy() as proxy:
        arena = Arena(tmp_path, start_godot, proxy, getattr(request, "param", ()))
        yield arena
        # Shown where the test has failed.
        for game in arena.games:
            print(game.told)


def assert_whole(arena: Arena) -> None:
    """Everybody is there, was there all the time, and said everything once and in order."""
    state = arena.host.state
    assert len(state.gems) == 5
    assert {player.state.id for player in arena.players} == {int(id) for id in state.players}
    for game in arena.games:
        assert game.count("came ") == len(PLAYERS)
        assert game.count("gone ") == game.count("despawned ") == 0
    for name in PLAYERS:
        *numbers, last = (line.removeprefix(f"{name}: ") for line in state.lines if line.startswith(f"{name}: "))
        assert numbers == [str(number) for number in range(1, len(numbers) + 1)]
        assert last == f"rests after {len(numbers)}"


def test_nobody_notices_that_links_are_cut(arena: Arena) -> None:
    chance = random.Random(1)
    for _ in range(CUTS):
        arena.cut(chance)
    arena.rest()
    assert_whole(arena)
    arena.end()


@pytest.mark.parametrize("arena", [(HOST,), PLAYERS[:2]], indirect=True, ids=" and ".join)
def test_the_engines_own_peer_plays_as_well(arena: Arena) -> None:
    for player in arena.players:
        player.wait_for(f"^said {LINES}$")
    arena.rest()
    assert_whole(arena)
    arena.end()
