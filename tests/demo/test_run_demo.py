"""Tests of `make demo`: it ends well only when everything arrived as it was, and always ends what it started."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.run_demo import Tally, describe, expected_messages
from tests.godot_process import ROOT

DEMO = (sys.executable, "demo/run_demo.py")


def test_every_message_arrives() -> None:
    done = subprocess.run(DEMO, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    found = re.fullmatch(r"demo: (\d+) messages sent, \1 received, 0 lost, 0 corrupted", last)
    assert found
    assert int(found[1]) == 4 * len(expected_messages())


def test_the_messages_are_of_every_kind() -> None:
    messages = expected_messages()
    for kind in (str, bytes):
        of_kind = [message for message in messages if isinstance(message, kind)]
        sizes = {len(message.encode() if isinstance(message, str) else message) for message in of_kind}
        assert {0, 1024 * 1024} <= sizes
    assert any(isinstance(message, str) and not message.isascii() for message in messages)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_engines(number: signal.Signals) -> None:
    with subprocess.Popen(DEMO, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        watchdog = threading.Timer(60, demo.kill)
        watchdog.start()
        assert demo.stdout
        for line in demo.stdout:
            if "listening on port" in line:
                break
        engines = children(demo.pid)
        assert engines
        demo.send_signal(number)
        rest = demo.stdout.read()
        watchdog.cancel()
    assert demo.returncode == 1
    assert rest.splitlines()[-1] == "demo: interrupted"
    assert not [pid for pid in engines if Path(f"/proc/{pid}").exists()]


def test_an_engine_that_does_not_start_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GODOT", str(tmp_path / "godot"))
    done = subprocess.run(DEMO, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "demo: error: the engine ended without listening" in done.stderr
    assert done.stdout.splitlines()[-1] == "demo: 0 messages sent, 0 received, 0 lost, 0 corrupted"


@pytest.mark.parametrize(
    ("lines", "complete"),
    [
        (["sent 1: text, 2 characters", "received 1: text, 2 characters, as expected"], True),
        (["sent 1: text, 2 characters"], False),
        (["received 1: text, 2 characters, as expected"], False),
        (["sent 1: text, 2 characters", "received 1: text, 2 characters, CORRUPTED: expected text"], False),
        (["sent 1: text, 2 characters", "received 1: text, 2 characters, as expected", "SCRIPT ERROR: oh"], False),
        (
            ["sent 1: text, 2 characters", "received 1: text, 2 characters, as expected", "ObjectDB leaked at exit"],
            False,
        ),
    ],
)
def test_only_a_whole_exchange_is_complete(lines: list[str], complete: bool) -> None:
    tally = Tally()
    for line in lines:
        tally.say("server", line)
    assert tally.is_complete(1) is complete


def test_a_lost_message_is_counted() -> None:
    tally = Tally()
    tally.say("server", "sent 1: text, 2 characters")
    assert str(tally) == "1 messages sent, 0 received, 1 lost, 0 corrupted"


# The same comparison in GDScript: type, content, and number.
CHECK = """
extends SceneTree

func _initialize() -> void:
	var messages: Object = load("res://demo/exchange/messages.gd").new()
	for index: int in messages.all.size():
		print("described ", messages.describe(messages.all[index]))
	print("check ", messages.check(0, messages.all[0]))
	print("check ", messages.check(0, messages.all[1]))
	print("check ", messages.check(0, messages.all[0].to_utf8_buffer()))
	print("check ", messages.check(messages.all.size(), ""))
	quit()
"""


def test_godot_compares_with_the_same_messages(godot_script: Callable[[str], str]) -> None:
    lines = godot_script(CHECK).splitlines()
    described = [line.removeprefix("described ") for line in lines if line.startswith("described ")]
    assert described == [describe(message) for message in expected_messages()]
    first, *others = (line.removeprefix("check ") for line in lines if line.startswith("check "))
    assert first == "text, 25 characters, as expected"
    assert len(others) == 3
    assert all("CORRUPTED" in line for line in others)


def children(pid: int) -> list[int]:
    """The processes that a process started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
