"""The editor check: the real editor opens this project, and knows our classes with their documentation."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.godot_process import ROOT, run_godot

PROJECT = ROOT / "tests" / "godot" / "editor"
ADDON = Path("addons", "ws_python")
CLASSES = ("WebSocketServer", "WebSocketClient", "WebSocketPeerNode")
# What the editor writes where a member has no documentation.
UNDOCUMENTED = re.compile("There is currently no description for this .*")


@pytest.fixture(scope="module")
def help_pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The editor's help page of each class, as text, in a project that holds the addon and nothing else of ours."""
    project = tmp_path_factory.mktemp("editor") / "project"
    shutil.copytree(PROJECT, project)
    (project / ADDON).symlink_to(ROOT / ADDON)
    # What the editor would write when it first sees the addon; the classes would be there from the second start on.
    (project / ".godot").mkdir()
    (project / ".godot" / "extension_list.cfg").write_text(f"res://{ADDON.as_posix()}/ws_python.gdextension\n")
    log = run_godot("--editor", path=project)
    pages = re.findall(r"^help of (\w+):\n(.*?)^end of help$", log, re.MULTILINE | re.DOTALL)
    return {name: page.replace("\xa0", " ") for name, page in pages}


@pytest.mark.alone  # The editor writes into .godot, which other engines read at their start.
def test_the_editor_opens_this_project() -> None:
    run_godot("--editor", "--quit")


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_has_a_help_page(help_pages: dict[str, str], name: str) -> None:
    page = help_pages[name]
    assert re.search("^Inherits: *Node <", page, re.MULTILINE)
    assert "\nDescription\n" in page


@pytest.mark.parametrize("name", CLASSES)
def test_every_member_of_a_class_is_documented(help_pages: dict[str, str], name: str) -> None:
    assert "message_received(" in help_pages[name]
    assert UNDOCUMENTED.findall(help_pages[name]) == []


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_says_when_its_signals_come(help_pages: dict[str, str], name: str) -> None:
    assert "When signals come: while a node polls, which it does once a frame" in help_pages[name]


def test_a_request_is_documented_too(help_pages: dict[str, str]) -> None:
    page = help_pages["WebSocketRequest"]
    assert re.search("^Inherits: *RefCounted <", page, re.MULTILINE)
    assert UNDOCUMENTED.findall(page) == []
    assert "What a client asked for when it connected to a WebSocketServer" in page
    assert "The path of the URL, percent-decoded" in page
    assert "A Callable that decides who may connect" in help_pages["WebSocketServer"]
    assert "The sites whose pages may connect" in help_pages["WebSocketServer"]


def test_a_simulation_is_documented_too(help_pages: dict[str, str]) -> None:
    page = help_pages["WebSocketSimulation"]
    assert re.search("^Inherits: *Resource <", page, re.MULTILINE)
    assert UNDOCUMENTED.findall(page) == []
    assert "see how the game feels on a train" in page
    assert "A release build that uses one says so once in the log" in page
    assert "Seconds by which everything is late, each way" in page


def test_the_help_says_what_the_docstrings_say(help_pages: dict[str, str]) -> None:
    assert "ERR_ALREADY_IN_USE if this server listens already or the port is taken" in help_pages["WebSocketServer"]
    assert "port [default: 8080]" in help_pages["WebSocketServer"]
    assert "A client connected and can be sent messages." in help_pages["WebSocketServer"]
    assert 'connect_to_url(url: String = "", tls_options: TLSOptions = null)' in help_pages["WebSocketClient"]
    assert "Seconds that connecting may take" in help_pages["WebSocketClient"]
    assert "its process_mode is Always by default" in help_pages["WebSocketServer"]
    assert "The number that the server knows this connection by" in help_pages["WebSocketPeerNode"]
