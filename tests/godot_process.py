"""Runs the engine for tests: its log as it comes, an end that is always reached, and what a clean log is."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parent.parent
LAUNCHER = ROOT / "tools" / "godot"

# What no run of the engine may print: errors of scripts and of the engine, leaks at exit, crashes.
UNCLEAN = re.compile(
    r"\b(?:SCRIPT |USER |SHADER )?ERROR: |Parse Error|ObjectDB instances? (?:was |were )?leaked|Leaked instance"
    r"|resources? still in use at exit|leaked at exit|handle_crash|Program crashed|Segmentation fault"
)
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


class GodotProcess:
    """A running engine. A context manager: leaving it ends the engine, however the test went."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        path: Path = ROOT,
        env: Mapping[str, str] | None = None,
        within: Sequence[str] = (),
        pass_fds: Sequence[int] = (),
    ) -> None:
        """`within` is the command line of a program that becomes the engine, whose own follows it."""
        self._lines: list[str] = []
        self._news = threading.Condition()
        self._process = subprocess.Popen(
            [*within, str(LAUNCHER), "--headless", "--path", str(path), *arguments],
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            pass_fds=pass_fds,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The engine's own process id: the launcher becomes the engine."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    @property
    def log(self) -> str:
        """Everything printed so far, both streams, without colours."""
        with self._news:
            return "\n".join(self._lines)

    def wait_for(self, pattern: str, timeout: float = 30) -> re.Match[str]:
        """Wait until a line matches; fail when the engine ends without one, or takes longer than timeout seconds."""
        deadline = time.monotonic() + timeout
        seen = 0
        with self._news:
            while True:
                for line in self._lines[seen:]:
                    if found := re.search(pattern, line):
                        return found
                seen = len(self._lines)
                left = deadline - time.monotonic()
                if left <= 0 or not self._reader.is_alive():
                    why = "nothing" if left <= 0 else "the engine ended and nothing"
                    raise AssertionError(f"{why} matched {pattern!r} in its log:\n" + "\n".join(self._lines))
                self._news.wait(min(left, 1))

    def wait(self, timeout: float = 60) -> int:
        """Wait until the engine ends by itself, and return its exit code; a hang is a failure."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.stop()
            raise AssertionError(f"the engine still ran after {timeout} s; its log:\n{self.log}") from None
        self._reader.join()
        return code

    def stop(self) -> None:
        """End the engine now."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._reader.join()
        if self._process.stdout:
            self._process.stdout.close()

    def kill(self) -> None:
        """End the engine without a word (SIGKILL), also where it is stopped."""
        self._process.kill()
        self.stop()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            with self._news:
                self._lines.append(ESCAPES.sub("", line.rstrip("\n")))
                self._news.notify_all()


def run_godot(
    *arguments: str,
    timeout: float = 60,
    path: Path = ROOT,
    env: Mapping[str, str] | None = None,
    expected: Sequence[str] = (),
    exit_code: int = 0,
) -> str:
    """Run the engine to its end and return its log; fail on a hang, another exit code, or a log that is not clean.

    `expected` are regular expressions of the error lines that the test provokes.
    """
    with GodotProcess(arguments, path=path, env=env) as process:
        code = process.wait(timeout)
        log = process.log
    assert code == exit_code, f"the engine exited with {code}, not {exit_code}; its log:\n{log}"
    assert_clean_log(log, expected)
    return log


def unclean_lines(log: str, expected: Sequence[str] = ()) -> list[str]:
    """The lines of a log that report an error, a leak or a crash, less those that are expected."""
    return [
        line
        for line in log.splitlines()
        if UNCLEAN.search(line) and not any(re.search(pattern, line) for pattern in expected)
    ]


def assert_clean_log(log: str, expected: Sequence[str] = ()) -> None:
    """Fail when the log reports an error, a leak or a crash that is not expected."""
    lines = unclean_lines(log, expected)
    assert not lines, "the engine reported:\n" + "\n".join(lines) + "\nin this log:\n" + log
