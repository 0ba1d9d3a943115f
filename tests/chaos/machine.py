"""What of the machine around a game can be changed for it: a network on a cable that can be pulled, the time of day."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


class Unavailable(Exception):
    """It cannot be had on this machine."""


class Cable:
    """A network of its own, with one cable to this machine, that can be pulled. Takes an administrator."""

    def __init__(self) -> None:
        # Names and addresses of this process alone: others may have a cable, too.
        number = os.getpid() % 16_000
        net, first = f"169.254.{1 + number // 64}", number % 64 * 4
        self.address, self._address_there = f"{net}.{first + 1}", f"{net}.{first + 2}"
        self._name = f"chaos{os.getpid()}"
        self._here, self._there = f"ca{os.getpid()}", f"cb{os.getpid()}"

    def __enter__(self) -> Cable:
        try:
            self._ip("netns", "add", self._name)
            self._ip("link", "add", self._here, "type", "veth", "peer", "name", self._there, "netns", self._name)
            self._ip("addr", "add", f"{self.address}/30", "dev", self._here)
            self._ip("link", "set", self._here, "up")
            self._ip("-n", self._name, "addr", "add", f"{self._address_there}/30", "dev", self._there)
            self._ip("-n", self._name, "link", "set", self._there, "up")
        except (OSError, subprocess.CalledProcessError) as error:
            self.__exit__()
            raise Unavailable(f"no network namespace can be made here: {error}") from None
        return self

    def __exit__(self, *_: object) -> None:
        if shutil.which("ip"):
            subprocess.run(["ip", "netns", "delete", self._name], capture_output=True)
            subprocess.run(["ip", "link", "delete", self._here], capture_output=True)

    def at_its_end(self, *command: str) -> tuple[str, ...]:
        """The command line that runs at the other end."""
        return ("ip", "netns", "exec", self._name, *command)

    def pull(self) -> None:
        """Nothing goes through any more, and neither end is told: packets are dropped."""
        self._ip("-n", self._name, "link", "set", self._there, "down")

    def plug(self) -> None:
        """It is there again."""
        self._ip("-n", self._name, "link", "set", self._there, "up")

    def _ip(self, *arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True, capture_output=True)


class WallClock:
    """A time of day that can be set, for processes that are started with its environment. Takes a C compiler."""

    def __init__(self, folder: Path) -> None:
        """Its files come into this folder."""
        compiler = shutil.which("cc")
        if compiler is None or sys.platform != "linux":
            raise Unavailable("a C compiler makes the clock")
        library, self._offset = folder / "wall_clock.so", folder / "clock_offset"
        source = Path(__file__).with_name("wall_clock.c")
        subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(self._offset)}
        self.set(0)

    def set(self, seconds: int) -> None:
        """Have it wrong by so many seconds, from one moment to the next: a reader sees the one or the other."""
        beside = self._offset.with_suffix(".new")
        beside.write_text(str(seconds))
        beside.replace(self._offset)
