"""Every member of a native class is one of the portable class, with the same types, defaults and values."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import portable_members
import pytest

from tests.godot_process import run_godot
from tests.portable.native_only import MEMBERS
from tests.portable.project import PORTABLE

CLASSES = (
    "WebSocketClient",
    "WebSocketServer",
    "WebSocketPeerNode",
    "WebSocketRequest",
    "WebSocketReply",
    "WebSocketSimulation",
)
DESCRIBE = ("--script", "res://tests/godot/describe_classes.gd", "--")


@pytest.fixture(scope="module")
def native() -> dict[str, Any]:
    return portable_members.described()


@pytest.fixture(scope="module")
def portable(portable_project: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("described") / "classes.json"
    run_godot(*DESCRIBE, str(path), path=portable_project)
    described: dict[str, Any] = json.loads(path.read_text())
    return described


@pytest.mark.parametrize("kind", ["properties", "methods", "signals", "enums"])
@pytest.mark.parametrize("name", CLASSES)
def test_members_are_those_of_the_native_class(
    name: str, kind: str, native: dict[str, Any], portable: dict[str, Any]
) -> None:
    of_script, of_class = portable[name][kind], native[name][kind]
    assert of_class or kind in ("signals", "enums")
    assert sorted(of_script) == sorted(of_class)
    different = {name: (of_script[name], of_class[name]) for name in of_class if of_script[name] != of_class[name]}
    assert not different


def test_the_generated_files_are_of_today(native: dict[str, Any]) -> None:
    for name, text in portable_members.files_of(native).items():
        assert (portable_members.FOLDER / name).read_text() == text, "run tools/portable_members.py"


def _written_by_hand() -> str:
    return "\n".join(path.read_text() for path in sorted(PORTABLE.glob("*.gd")))


def _members(native: dict[str, Any], classes: tuple[str, ...] = CLASSES) -> set[str]:
    members: set[str] = set()
    for described in (native[name] for name in classes):
        accessors = {f"{kind}_{name}" for name in described["properties"] for kind in ("get", "set")}
        members |= {*described["properties"], *described["signals"], *(described["methods"].keys() - accessors)}
    return members


def test_every_member_does_something_or_is_listed(native: dict[str, Any]) -> None:
    """What stands in the generated files alone has a name and no meaning."""
    text = _written_by_hand()
    unserved = {name for name in _members(native) if not re.search(rf"\b(get_)?{name}\b", text)}
    assert unserved - MEMBERS.keys() == set()


def test_nothing_is_listed_that_is_not_there(native: dict[str, Any]) -> None:
    assert MEMBERS.keys() - _members(native) == set()
