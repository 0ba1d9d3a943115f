"""Programs of this folder in Node."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests import node

HERE = Path(__file__).parent
INTEROP = HERE.parent / "interop"


class NodePlayer:
    """Node, with a program. A context manager: leaving it waits for its end, which has to be a good one."""

    def __init__(self, program: str, values: dict[str, Any], *, own: bool) -> None:
        """`own`: with the WebSocket that Node has, and not npm's ws."""
        found = node.find()
        ws = "" if own else str(node.install(INTEROP))
        given = json.dumps({"program": program, "webSocket": ws and f"{ws}/", "values": values})
        flags = ["--experimental-websocket"] if own and not has_websocket(found) else []
        self._folder = tempfile.TemporaryDirectory(prefix="node-")
        self._log = Path(self._folder.name, "log")
        with self._log.open("wb") as log:
            command = [found, "--no-warnings", *flags, str(HERE / "node.mjs"), given]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def poll(self) -> None:
        """Fail where it has ended before its time."""
        if self._process.poll() not in (None, 0):
            raise AssertionError(f"Node ended:\n{self.said}")

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    @property
    def is_over_well(self) -> bool:
        """Whether it has ended with 0."""
        return self._process.poll() == 0

    @property
    def said(self) -> str:
        """Its output so far."""
        return self._log.read_text("utf-8", "replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._folder:
            if kind is None:
                try:
                    assert self._process.wait(30) == 0, self.said
                finally:
                    self._process.kill()
            else:
                self._process.kill()
                self._process.wait()
                if error is not None:
                    error.add_note(f"Node said:\n{self.said}")


def has_websocket(found: str, *flags: str) -> bool:
    """Whether that Node has a WebSocket of its own."""
    command = [found, *flags, "--print", "typeof WebSocket"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.stdout.strip() == "function"
