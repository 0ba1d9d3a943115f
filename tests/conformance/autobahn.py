"""Runs cases of the Autobahn test suite, with its program wstest, against a node of ours inside headless Godot.

`run_server` has wstest's fuzzing client talk to the server node, `run_client` has the client node talk to wstest's
fuzzing server. Both give a verdict for each case, and leave wstest's pages about them in build/conformance.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from tests.conformance.verdicts import Verdict, read_verdicts
from tests.godot_process import ROOT, GodotProcess, assert_clean_log

# Inside the clone, for a container that mounts it to find them.
REPORTS = ROOT / "build" / "conformance"
HOW_TO_GET = (
    "wstest, the program of the Autobahn test suite, is missing: put it on PATH, or set WSTEST to its command, with "
    "the official container image like this: "
    'WSTEST="docker run --rm --init --network host --user $(id -u):$(id -g) -v $PWD:$PWD '
    'crossbario/autobahn-testsuite wstest"'
)
# The engine that a test starts says so within seconds, and wstest, in a container, too.
START_TIMEOUT = 60.0

Progress = Callable[[str, str, int, int], None]


def _no_progress(side: str, case: str, begun: int, cases: int) -> None:
    """Say nothing."""


def command() -> list[str] | None:
    """How wstest is called: $WSTEST, or what is on PATH; None where there is none."""
    words = shlex.split(os.environ.get("WSTEST", "")) or ["wstest"]
    return words if shutil.which(words[0]) else None


def version() -> str:
    """The version of the suite that wstest runs."""
    words = command()
    assert words is not None, HOW_TO_GET
    done = subprocess.run([*words, "--autobahnversion"], capture_output=True, text=True, timeout=START_TIMEOUT)
    found = re.search(r"^AutobahnTestSuite (\S+)$", done.stdout, re.MULTILINE)
    assert found, f"{words} does not say its version:\n{done.stdout}{done.stderr}"
    return found[1]


def run_server(cases: Sequence[str], name: str, timeout: float, progress: Progress = _no_progress) -> list[Verdict]:
    """Test the server node. `progress` is told the side, the case that begins, its place, and how many there are."""
    with GodotProcess(["res://tests/conformance/echo_server.tscn"]) as engine:
        port = engine.wait_for(r"^listening on port (\d+)$", START_TIMEOUT)[1]
        servers = [{"agent": "server", "url": f"ws://127.0.0.1:{port}"}]
        with Suite("server", name, {"servers": servers, "cases": list(cases)}, progress) as suite:
            suite.wait(timeout)
        assert_clean_log(engine.log)
    return suite.verdicts()


def run_client(cases: Sequence[str], name: str, timeout: float, progress: Progress = _no_progress) -> list[Verdict]:
    """Test the client node, likewise."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = f"ws://127.0.0.1:{port}"
    with Suite("client", name, {"url": url, "cases": list(cases)}, progress) as suite:
        suite.wait_until_listening(port)
        with GodotProcess(["res://tests/conformance/echo_client.tscn", "--", f"--url={url}"]) as engine:
            code = engine.wait(timeout)
            assert_clean_log(engine.log)
            assert code == 0, f"the engine exited with {code}; its log:\n{engine.log}"
    return suite.verdicts()


class Suite:
    """A running wstest. A context manager: leaving it ends wstest."""

    def __init__(self, side: str, name: str, specification: dict[str, Any], progress: Progress) -> None:
        words = command()
        assert words is not None, HOW_TO_GET
        self._side = side
        self._progress = progress
        self._directory = REPORTS / name / side
        shutil.rmtree(self._directory, ignore_errors=True)
        self._directory.mkdir(parents=True)
        path = self._directory.with_suffix(".json")
        path.write_text(json.dumps({"outdir": str(self._directory), **specification}))
        mode = "fuzzingclient" if side == "server" else "fuzzingserver"
        self._begun = self._cases = 0
        self._log: list[str] = []
        self._process = subprocess.Popen(
            [*words, "--mode", mode, "--spec", str(path), "--webport", "0"],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Suite:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._reader.join()
        assert self._process.stdout
        self._process.stdout.close()
        self._process.wait()

    def wait(self, timeout: float) -> None:
        """Wait until wstest ends by itself."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"after {timeout:.0f} s wstest was at case {self._begun} of {self._cases}") from None
        self._reader.join()
        assert code == 0, f"wstest exited with {code}:\n" + "\n".join(self._log)

    def wait_until_listening(self, port: int) -> None:
        """Wait until the fuzzing server takes connections."""
        deadline = time.monotonic() + START_TIMEOUT
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            except ConnectionRefusedError:
                time.sleep(0.05)
        raise AssertionError("wstest does not listen:\n" + "\n".join(self._log))

    def verdicts(self) -> list[Verdict]:
        """What wstest found, for every case."""
        verdicts = read_verdicts(self._directory / "index.json")
        assert len(verdicts) == self._cases > 0, f"wstest reports {len(verdicts)} of {self._cases} cases"
        return verdicts

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            if found := re.match(r"Ok, will run (\d+) test cases", line):
                self._cases = int(found[1])
            elif found := re.match(r"Running test case ID (\S+) ", line):
                self._begun += 1
                self._progress(self._side, found[1], self._begun, self._cases)
            else:
                self._log.append(line.rstrip())
