"""Interoperability with Node's ws, of the version that package-lock.json pins."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop import scenario

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / "build" / "npm"


@pytest.fixture(scope="module")
def node() -> str:
    """The Node program, with ws installed beside the tests."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        message = "Node (node and npm) is missing: install it to test against Node's ws"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    if not (HERE / "node_modules" / "ws").is_dir():
        # Its cache and log in the clone, too: set-up leaves nothing outside of it.
        command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--cache", str(CACHE)]
        subprocess.run(command, cwd=HERE, check=True, timeout=100)
    return node


@pytest.fixture
def port(node: str) -> Iterator[int]:
    """Where ws echoes."""
    with subprocess.Popen(
        [node, HERE / "ws_server.js"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(scenario.as_json() + "\n")
        server.stdin.flush()
        yield int(server.stdout.readline())
        server.stdin.close()
        assert server.wait(10) == 0


def test_our_server_with_their_client(node: str, settings: str) -> None:
    def talk(url: str) -> None:
        finished = subprocess.run(
            [node, HERE / "ws_client.js", url],
            input=scenario.as_json(),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert (finished.returncode, finished.stderr) == (0, "")

    scenario.serve_their_client(talk, settings)


def test_our_client_with_their_server(port: int, settings: str) -> None:
    scenario.talk_to_their_server(port, settings)
