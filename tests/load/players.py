"""A headless game with many clients (players.gd), and what it tells of them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from tests.chaos.harness import PATIENCE
from tests.godot_process import GodotProcess


class Players(GodotProcess):
    """Clients of one server."""

    def __init__(self, port: int, count: int, **options: object) -> None:
        """`options` as players.gd lists them."""
        given = [f"{name}={json.dumps(value)}" for name, value in {"count": count, **options}.items()]
        super().__init__(["--script", "res://tests/load/players.gd", "--", f"ws://127.0.0.1:{port}", *given])
        self._count = count

    def told(self) -> dict[str, Any]:
        """What it told last."""
        with self._news:
            for line in reversed(self._lines):
                if line.startswith("players "):
                    told: dict[str, Any] = json.loads(line.removeprefix("players "))
                    return told
        return {"active": 0}

    def wait_until(self, condition: Callable[[dict[str, Any]], bool], timeout: float = PATIENCE) -> dict[str, Any]:
        """Wait until what it tells is such."""
        end = time.monotonic() + timeout
        while not condition(told := self.told()):
            assert time.monotonic() < end, f"waited in vain; last told: {told}, in:\n{self.log[-2000:]}"
            time.sleep(0.1)
        return told

    def wait_until_active(self, timeout: float = PATIENCE) -> dict[str, Any]:
        """Wait until all are connected."""
        return self.wait_until(lambda told: told["active"] == self._count, timeout)
