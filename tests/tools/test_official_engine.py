"""Tests of tools/official_engine.py, against a server of releases on this machine."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import official_engine
import pytest
import report

VERSION = "4.6.3-stable"
MACHINES = sorted(official_engine.ENGINES)


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def releases(tmp_path: Path) -> Iterator[str]:
    """The URL of a server that has one release, for every machine."""
    folder = tmp_path / "releases" / VERSION
    folder.mkdir(parents=True)
    lines = []
    for archive, engine in set(official_engine.ENGINES.values()):
        path = folder / f"Godot_v{VERSION}_{archive}"
        entry = zipfile.ZipInfo(engine if engine.startswith("Godot.app") else f"Godot_v{VERSION}_{engine}")
        entry.external_attr = 0o100755 << 16
        with zipfile.ZipFile(path, "w") as files:
            files.writestr(entry, "an engine")
        lines.append(f"{hashlib.sha512(path.read_bytes()).hexdigest()}  {path.name}\n")
    (folder / official_engine.SUMS).write_text("".join(lines))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path / "releases")))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("machine", MACHINES, ids="-".join)
def test_every_machine_has_one(releases: str, tmp_path: Path, machine: tuple[str, str]) -> None:
    engine = official_engine.fetch(VERSION, tmp_path / "here", releases, machine)
    assert engine.read_text() == "an engine" and engine.stat().st_mode & 0o100
    assert not list(engine.parent.glob("*.zip"))
    assert official_engine.fetch(VERSION, tmp_path / "here", "http://nowhere", machine) == engine, "once"


def test_one_that_was_changed_on_the_way(releases: str, tmp_path: Path) -> None:
    archive = next((tmp_path / "releases" / VERSION).glob("*linux.x86_64.zip"))
    archive.write_bytes(archive.read_bytes() + b"more")
    with pytest.raises(report.SetupError, match="do not run it"):
        official_engine.fetch(VERSION, tmp_path / "here", releases, ("Linux", "x86_64"))
    assert not list((tmp_path / "here").glob(f"Godot_v{VERSION}_linux.x86_64"))


def test_a_version_that_there_is_not(releases: str, tmp_path: Path) -> None:
    with pytest.raises(report.SetupError, match="cannot be fetched"):
        official_engine.fetch("9.9-stable", tmp_path / "here", releases, ("Linux", "x86_64"))


def test_a_machine_that_has_none(releases: str, tmp_path: Path) -> None:
    with pytest.raises(report.SetupError, match="set GODOT"):
        official_engine.fetch(VERSION, tmp_path / "here", releases, ("Haiku", "x86_64"))
