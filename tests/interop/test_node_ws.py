"""Interoperability with Node's ws, of the version that package-lock.json pins."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import tests.node
from tests.interop import scenario

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def node() -> str:
    """The Node program, with ws installed beside the tests."""
    found = tests.node.find()
    tests.node.install(HERE)
    return found


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
