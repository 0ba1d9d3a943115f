"""A certificate of a portable server whose files are replaced while it listens, by good ones and by half of one."""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.godot_process import GodotProcess
from tests.portable.test_server import TIMEOUT
from tests.ws_python.net.test_tls import Certificates

# It looks at its files in each frame, and not every ten seconds.
SCRIPT = """extends SceneTree

var _server := WebSocketServer.new()


func _initialize() -> void:
	var arguments := OS.get_cmdline_user_args()
	_server.tls_certificate = arguments[0]
	_server.tls_private_key = arguments[1]
	root.add_child(_server)
	if _server.listen(0) == OK:
		print("port %d" % _server.get_local_port())


func _process(_delta: float) -> bool:
	_server.get("_ws_core").get("_tls").set("_next_look", 0.0)
	var spoilt: int = _server.get_statistics().counts.get("failed_certificate_renewal", 0)
	if spoilt == 3:
		print("spoilt")
	return false
"""


@pytest.fixture
def files(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


@pytest.fixture
def engine(portable_project: Path, files: Certificates) -> Iterator[GodotProcess]:
    (portable_project / "certificate_renewal.gd").write_text(SCRIPT)
    arguments = ["--script", "res://certificate_renewal.gd", "--", str(files.certificate), str(files.key)]
    with GodotProcess(arguments, path=portable_project) as running:
        yield running


def shown(port: int) -> str:
    return ssl.get_server_certificate(("127.0.0.1", port), timeout=TIMEOUT)


def wait_for_another(port: int, before: str) -> None:
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        # A look between the two files finds a key and a certificate that do not belong together, until the next look.
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            if shown(port) != before:
                return
    pytest.fail("the certificate is still the one before")


def test_half_a_file_leaves_what_was_there_and_is_counted(engine: GodotProcess, files: Certificates) -> None:
    port = int(engine.wait_for(r"^port (\d+)$")[1])
    before = shown(port)
    files.put(files.key.read_bytes(), files.certificate.read_bytes()[:300])
    engine.wait_for("^spoilt$")
    assert shown(port) == before
    assert engine.log.count("what was set before stays in force") == 1
    files.issue()
    wait_for_another(port, before)


def test_many_in_one_second(engine: GodotProcess, files: Certificates) -> None:
    port = int(engine.wait_for(r"^port (\d+)$")[1])
    for _ in range(5):
        before = shown(port)
        files.issue()
        wait_for_another(port, before)
