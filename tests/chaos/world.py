"""Where runs take place: two games, one with the server and one with the clients, and a proxy between them.

Runs come one after the other in the same processes, each with nodes, doors of the proxy and histories of its own; a
process that was killed is started again.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.chaos import checker
from tests.chaos.checker import Verdict
from tests.chaos.faults import CLIENTS, SERVER
from tests.chaos.history import History
from tests.chaos.machine import Cable, Unavailable, WallClock
from tests.chaos.plan import Plan
from tests.chaos.proxy import Proxy
from tests.godot_process import ROOT, GodotProcess

# From the last fault until all are back and all has come, in s; much less is usual.
PATIENCE = 90.0
# So many messages each way go at the end of a run, when nothing happens any more: all is as it was.
REST = 1500
# So long may a machine that is busy take to start a game.
STARTING = 300.0
# So long may a node that has all its connections still have to find out that an error is over.
RECOVERY = 5.0
_TICK = 0.01
_SCRIPTS = {SERVER: "run_server.gd", CLIENTS: "run_client.gd"}
# What no game may print, whatever is done to it.
_WRONG = re.compile(r"SCRIPT ERROR|Parse Error|Traceback|leaked|handle_crash|Program crashed|Segmentation fault")


@dataclass
class Outcome:
    """What came of a run."""

    plan: Plan
    verdict: Verdict
    # Beside what the checker found: a game that crashed, that did not come back, that printed an error.
    trouble: list[str] = field(default_factory=list)
    # The last statistics of each node.
    statistics: dict[str, dict[str, Any]] = field(default_factory=dict)
    # Of each client's node, in s.
    round_trips: list[tuple[str, float]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def problems(self) -> list[str]:
        """All that is wrong."""
        return [*map(str, self.verdict.findings), *self.trouble]


class _Game:
    """The process of a game, while there is one, and what it wrote in this run."""

    def __init__(
        self, name: str, folder: Path, within: tuple[str, ...], environment: dict[str, str], project: Path
    ) -> None:
        self.name = name
        self.process: GodotProcess | None = None
        self.histories: list[History] = []
        self._folder, self._within, self._environment = folder, within, environment
        self._project = project
        self._starts = 0
        self._commands = Path()
        self._told = 0

    @property
    def history(self) -> History:
        """Of this run, the latest."""
        return self.histories[-1]

    def start(self) -> None:
        """Start the process. It obeys what it was told meanwhile."""
        self._starts += 1
        self._told = 0
        self._commands = self._folder / f"{self.name}-{self._starts}.commands"
        self._commands.write_text("")
        arguments = ["--script", f"res://tests/chaos/{_SCRIPTS[self.name]}", "--", str(self._commands)]
        self.process = GodotProcess(arguments, path=self._project, within=self._within, env=self._environment)

    def tell(self, *words: object) -> None:
        """Have it do something; see run_game.gd."""
        if self.process is not None:
            with self._commands.open("a") as commands:
                commands.write(json.dumps(words) + "\n")

    def begin(self, plan: Plan, **more: object) -> None:
        """Begin a run, or its part after a kill."""
        path = self._folder / f"{plan.seed}-{self.name}-{len(self.histories) + 1}.jsonl"
        path.unlink(missing_ok=True)
        settings = plan.server_settings if self.name == SERVER else plan.client_settings
        given = {"seed": plan.seed, "rate": plan.rate, "burst": plan.burst, "settings": settings}
        given["with_requests"] = plan.with_sessions
        self.histories.append(History(path))
        self.tell("begin", {**given, "history": str(path), "game": len(self.histories), **more})

    def kill(self) -> None:
        """End the process without a word."""
        if self.process is not None:
            self.process.kill()
            self.process = None
            self.history.killed()

    def read(self) -> None:
        """Take in what it wrote since."""
        self.history.read()

    def quit(self) -> Iterator[str]:
        """End the process as a game ends; what is wrong with that."""
        if self.process is None:
            return
        self.tell("quit")
        try:
            code = self.process.wait(PATIENCE)
            if code:
                yield f"the game of the {self.name} ended with {code}"
        except AssertionError:
            yield f"the game of the {self.name} did not end"
        yield from self.wrong_lines()
        self.process.stop()
        self.process = None

    def wrong_lines(self) -> Iterator[str]:
        """The new lines of its log that no game may print."""
        if self.process is None:
            return
        lines = self.process.log.splitlines()
        new, self._told = lines[self._told :], len(lines)
        yield from (f"the game of the {self.name} printed: {line}" for line in new if _WRONG.search(line))


class World:
    """Two games and the proxy. A context manager; leaving it ends them."""

    def __init__(
        self,
        folder: Path,
        *,
        on_a_cable: bool = False,
        has_clocks: bool = True,
        projects: Mapping[str, Path] = MappingProxyType({}),
    ) -> None:
        """`folder` gets the histories; those of a run that is right are removed again.

        `has_clocks`: games go by a time of day that can be set, and takes them longer to ask for. `projects`: where a
        game is of another project than this one, with the scripts of tests/chaos.
        """
        self._folder = folder
        self._projects = projects
        self._has_cable, self._has_clocks = on_a_cable, has_clocks
        self._opened = contextlib.ExitStack()
        self._games: dict[str, _Game] = {}
        self._clocks: dict[str, WallClock] = {}
        self._cable: Cable | None = None
        self._actions: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._plan: Plan
        self._urls: list[str] = []
        self._trouble: list[str] = []
        self._goes_on = self._was_killed = False

    def __enter__(self) -> World:
        with contextlib.ExitStack() as opened:
            self._folder.mkdir(parents=True, exist_ok=True)
            if self._has_cable:
                with contextlib.suppress(Unavailable):
                    self._cable = opened.enter_context(Cable())
            self.proxy = opened.enter_context(Proxy(self._cable.address if self._cable else "127.0.0.1"))
            for name in _SCRIPTS:
                if self._has_clocks:
                    self._add_clock(name)
                environment = self._clocks[name].environment if name in self._clocks else {}
                within = self._cable.at_its_end() if self._cable and name == CLIENTS else ()
                self._games[name] = _Game(name, self._folder, within, environment, self._projects.get(name, ROOT))
            opened.callback(self._end_games)
            for game in self._games.values():
                game.start()
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def _add_clock(self, name: str) -> None:
        folder = self._folder / f"clock-{name}"
        folder.mkdir(exist_ok=True)
        with contextlib.suppress(Unavailable):
            self._clocks[name] = WallClock(folder)

    def _end_games(self) -> None:
        for game in self._games.values():
            if game.process is not None:
                game.process.kill()

    def quit(self) -> list[str]:
        """End the games as players end them; what is wrong with that, such as leaks."""
        return [line for game in self._games.values() for line in game.quit()]

    # --- what faults need

    def pid(self, game: str) -> int:
        """See Site."""
        process = self._games[game].process
        return process.pid if process else 0

    def command(self, game: str, *words: object) -> None:
        """See Site."""
        self._games[game].tell(*words)

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """See Site."""
        heapq.heappush(self._actions, (time.monotonic() + seconds, next(self._order), action))

    def kill(self, game: str) -> None:
        """See Site."""
        self._was_killed = True
        self._games[game].kill()
        if game == SERVER:
            self.proxy.target = 0

    def start(self, game: str) -> None:
        """See Site."""
        if self._games[game].process is None:
            self._games[game].start()
            self._begin(game)
            self._games[game].tell("go")

    def set_clock(self, game: str, seconds: int) -> None:
        """See Site."""
        if game in self._clocks:
            self._clocks[game].set(seconds)

    def set_cable(self, *, plugged: bool) -> None:
        """See Site."""
        if self._cable is not None:
            (self._cable.plug if plugged else self._cable.pull)()

    # --- a run

    def run(self, plan: Plan, *, goes_on: bool = False) -> Outcome:
        """Let it take place, and check it. `goes_on`: nodes and connections are those of the next run, too."""
        begin = time.monotonic()
        self._prepare(plan, goes_on)
        self._happen(begin=time.monotonic())
        self._tell_all("quiet")
        self.proxy.calm()
        is_back = self._wait_until(self._all_back, STARTING if self._was_killed else PATIENCE)
        self._tell_all("rest", REST // plan.clients)
        if not (is_back and self._wait_until(self._all_rested) and self._wait_until(self._all_came)):
            self._trouble.append("not all came back, or not all came, after the last fault")
        self._wait_until(self._all_recovered, RECOVERY)
        verdict = self._check()
        self._end_run()
        # What is whole now is to be whole after the goodbyes, too.
        last = self._check()
        last.findings = [*verdict.findings, *(each for each in last.findings if each not in verdict.findings)]
        outcome = Outcome(plan, last, self._trouble, seconds=time.monotonic() - begin)
        for history in self._histories():
            outcome.statistics |= history.statistics
            outcome.round_trips += history.round_trips
            if not outcome.problems:
                history.path.unlink(missing_ok=True)
        return outcome

    def _prepare(self, plan: Plan, goes_on: bool) -> None:
        has_begun, self._goes_on = self._goes_on, goes_on
        self._plan, self._trouble, self._was_killed = plan, [], False
        self._actions.clear()
        if not has_begun:
            ports = self.proxy.set_doors(plan.clients)
            self._urls = [f"ws://{self.proxy.host}:{port}" for port in ports]
        for name, game in self._games.items():
            self.set_clock(name, 0)
            if game.process is None:
                game.start()
            game.histories = []
        self.proxy.target = 0
        self._begin(SERVER)
        assert self._wait_until(lambda: bool(self.proxy.target), STARTING), self._log(SERVER)
        self._begin(CLIENTS)
        # Nothing goes before both write down what comes.
        begun = self._wait_until(lambda: all(game.history.has_begun for game in self._games.values()), STARTING)
        assert begun, self._log(CLIENTS)
        self._tell_all("go")
        assert self._wait_until(self._all_back, STARTING), self._log(CLIENTS)

    def _begin(self, game: str) -> None:
        self._games[game].begin(self._plan, urls=self._urls, goes_on=self._goes_on)

    def _happen(self, begin: float) -> None:
        for fault in self._plan.faults:
            self.after(fault.at, lambda fault=fault: fault.happen(self))  # type: ignore[misc]
        while self._actions or time.monotonic() < begin + self._plan.seconds:
            self._look()
            while self._actions and self._actions[0][0] <= time.monotonic():
                heapq.heappop(self._actions)[2]()
            time.sleep(_TICK)

    def _look(self) -> None:
        """See what the games wrote, and whether they are still there."""
        for game in self._games.values():
            if game.process is not None and not game.process.is_running:
                self._trouble.append(f"the game of the {game.name} ended:\n{game.process.log[-2000:]}")
                self.kill(game.name)
                self.start(game.name)
            if game.histories:
                game.read()
        server = self._games[SERVER]
        if server.histories and server.process is not None:
            self.proxy.target = server.history.port

    def _wait_until(self, condition: Callable[[], bool], patience: float = PATIENCE) -> bool:
        end = time.monotonic() + patience
        while True:
            self._look()
            if condition():
                return True
            if time.monotonic() > end:
                return False
            time.sleep(_TICK)

    def _all_back(self) -> bool:
        """All clients have a connection, and so has the server as many."""
        return all(
            sum(stream.is_connected for history in game.histories for stream in history.open_streams())
            == self._plan.clients
            for game in self._games.values()
        )

    def _all_rested(self) -> bool:
        return all(game.history.has_rested for game in self._games.values())

    def _all_came(self) -> bool:
        return checker.drained(self._games[CLIENTS].histories, self._games[SERVER].histories, self._plan.clients)

    def _all_recovered(self) -> bool:
        """No node that tells its statistics has an error left, as they were told last."""
        return all(
            told["error_recovery_rate"] == 1.0
            for game in self._games.values()
            for told in game.history.statistics.values()
        )

    def _check(self) -> Verdict:
        return checker.check(
            self._games[CLIENTS].histories, self._games[SERVER].histories, sessions_last=self._plan.sessions_last
        )

    def _end_run(self) -> None:
        """The clients say goodbye, then the server stops."""
        server = self._games[SERVER]
        for name, is_over in (
            (
                CLIENTS,
                lambda: self._goes_on or not any(True for history in server.histories for _ in history.open_streams()),
            ),
            (SERVER, lambda: True),
        ):
            game = self._games[name]
            game.tell("end")
            if not (self._wait_until(lambda game=game: game.history.has_ended) and self._wait_until(is_over)):  # type: ignore[misc]
                self._trouble.append(f"the nodes of the {name} did not end")
                self.kill(name)
            self._trouble += game.wrong_lines()

    def _tell_all(self, *words: object) -> None:
        for game in self._games.values():
            game.tell(*words)

    def _histories(self) -> Iterator[History]:
        return (history for game in self._games.values() for history in game.histories)

    def _log(self, game: str) -> str:
        process = self._games[game].process
        return process.log[-4000:] if process else f"the game of the {game} is no more"
