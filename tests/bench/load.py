"""Runs the load generator, compiled from loadgen.c when that is newer."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = Path(__file__).with_name("loadgen.c")
PROGRAM = ROOT / "build" / "bench" / "loadgen"

_HANDSHAKE_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3


class LoadError(Exception):
    """The load could not be made, or the server broke under it."""


def compile_program() -> None:
    """Bring PROGRAM up to date."""
    if PROGRAM.exists() and PROGRAM.stat().st_mtime >= SOURCE.stat().st_mtime:
        return
    PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    compiler = os.environ.get("CC", "cc").split()
    subprocess.run([*compiler, "-O2", "-Wall", "-o", str(PROGRAM), str(SOURCE)], check=True)


@contextmanager
def running(mode: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """The load generator in a mode of loadgen.c, ended with the block."""
    process = subprocess.Popen(
        [str(PROGRAM), mode, *(str(argument) for argument in arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def result(process: subprocess.Popen[str], at_start: Callable[[], None] = lambda: None) -> dict[str, float]:
    """What the load generator measured. `at_start` is called when its warm-up is over."""
    assert process.stdout and process.stderr
    for line in process.stdout:
        if line == "measuring\n":
            at_start()
        else:
            measured: dict[str, Any] = json.loads(line)
            if measured.get("messages") == 0:
                raise LoadError("no message came back")
            return measured
    raise LoadError(process.stderr.read().strip() or "the load generator ended without a result")


def measure(mode: str, *arguments: object, at_start: Callable[[], None] = lambda: None) -> dict[str, float]:
    """Run a mode of loadgen.c to its end."""
    with running(mode, *arguments) as process:
        return result(process, at_start)


def serving_port(process: subprocess.Popen[str]) -> int:
    """Where the load generator listens that runs in the mode `serve` or `reflect`."""
    assert process.stdout
    return int(process.stdout.readline())


def answer_handshake(process: subprocess.Popen[str]) -> None:
    """Tell it the answer to the client's key: it knows no SHA-1."""
    assert process.stdin and process.stdout
    key = process.stdout.readline().strip()
    if not key:
        raise LoadError("the client did not connect")
    accept = base64.b64encode(hashlib.sha1((key + _HANDSHAKE_GUID).encode()).digest()).decode()
    process.stdin.write(f"{accept}\n")
    process.stdin.flush()
