"""The quick ones of the suites of tests/godot/ pass over the portable nodes. All: tests/platforms/test_portable.py."""

from __future__ import annotations

import re
from pathlib import Path

from tests.godot_process import ROOT
from tests.portable.native_only import TESTS
from tests.portable.project import SUITES
from tests.portable.suites import run_suites

_QUICK = [
    "test_client_api",
    "test_server_api",
    "test_peer_api",
    "test_request_api",
    "test_close",
    "test_errors",
    "test_handshake",
    "test_messages",
    "test_requests",
    "test_sessions",
    "test_statistics",
    "test_supervisor",
]


def test_the_quick_suites(portable_project: Path) -> None:
    run_suites(_QUICK, portable_project)


def test_what_is_listed_as_native_only_is_there() -> None:
    for name in TESTS:
        suite, _, test = name.partition(".")
        assert f"func {test}" in _with_bases(SUITES / f"{suite}.gd"), name


def _with_bases(suite: Path) -> str:
    """A suite, and what it derives from."""
    text = suite.read_text()
    base = re.search(r'^extends "res://(.+)"$', text, re.MULTILINE)
    return text if base is None else text + _with_bases(ROOT / base[1])
