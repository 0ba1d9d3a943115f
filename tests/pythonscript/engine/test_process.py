"""The process is the engine's: with the addon in use, all of it is as in an engine that never saw Python."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.godot_process import ROOT, GodotProcess, run_godot

NewProject = Callable[..., Path]
ADDON = "res://addons/ws_python/ws_python.gdextension"
PROBE = """[configuration]
entry_symbol = "host_probe_init"
compatibility_minimum = "4.5"
[libraries]
linux = "host_probe.so"
"""

# Without the addon, its classes are no words of the language.
MAIN = """extends SceneTree

func _initialize() -> void:
	await process_frame
	if ClassDB.class_exists("WebSocketServer"):
		await _talk()
	print("ready")
	if OS.has_environment("HOST_PROBE_END"):
		await _probe(OS.get_environment("HOST_PROBE_END").replace("end", "running"))
		quit()


func _talk() -> void:
	var server: Variant = ClassDB.instantiate("WebSocketServer")
	var client: Variant = ClassDB.instantiate("WebSocketClient")
	root.add_child(server)
	root.add_child(client)
	server.listen(0)
	client.connect_to_url("ws://localhost:%d" % server.get_local_port())
	await client.connected_to_server
	client.send("hello")
	await server.message_received
	print("port ", server.get_local_port())


func _probe(file: String) -> void:
	OS.set_environment("HOST_PROBE", file)
	while not FileAccess.file_exists(file):
		await process_frame
	OS.set_environment("HOST_PROBE", "")
	var output: Array[String] = []
	OS.execute("env", [], output)
	OS.execute("grep", ["-E", "^(Umask|Sig(Blk|Ign|Cgt)|NoNewPrivs|Cpus_allowed_list)", "/proc/self/status"], output)
	OS.execute("sh", ["-c", "yes | head -1; umask; ulimit -a"], output, true)
	FileAccess.open(file.replace("running", "child"), FileAccess.WRITE).store_string("\\n".join(output))
"""


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension of host_probe.c."""
    library = tmp_path_factory.mktemp("probe") / "host_probe.so"
    source = ROOT / "tests/pythonscript/engine/host_probe.c"
    compiler = shlex.split(os.environ.get("CC", "cc"))
    command = [
        *compiler,
        "-shared",
        "-fPIC",
        "-Wall",
        "-Werror",
        f"-I{ROOT}/build/godot",
        "-o",
        str(library),
        str(source),
    ]
    subprocess.run(command, check=True)
    return library


@pytest.fixture
def handled() -> Iterator[Callable[[signal.Signals, bool], None]]:
    """Decides what engines that are started now inherit: a signal that is ignored, or as by default."""
    before = {}

    def inherit(number: signal.Signals, ignored: bool) -> None:
        before[number] = signal.getsignal(number)
        signal.signal(number, signal.SIG_IGN if ignored else lambda *_: None)

    yield inherit
    for number, handler in before.items():
        signal.signal(number, handler)


def project_with(new_project: NewProject, probe: Path | None = None) -> Path:
    project = new_project({})
    (project / "main.gd").write_text(MAIN)
    if probe:
        (project / "probe.gdextension").write_text(PROBE)
        (project / "host_probe.so").symlink_to(probe)
    return project


def use(project: Path, *extensions: str) -> None:
    (project / ".godot/extension_list.cfg").write_text("".join(f"{extension}\n" for extension in extensions))


def state(project: Path, *extensions: str) -> dict[str, set[str]]:
    """What an engine with these extensions has of its process, while it runs and at its end, and its children."""
    files = {name: project / f"{name}.state" for name in ("running", "end", "child")}
    for file in files.values():
        file.unlink(missing_ok=True)
    use(project, "res://probe.gdextension", *extensions)
    log = run_godot("--script", "res://main.gd", path=project, env={"HOST_PROBE_END": str(files["end"])})
    assert ("port" in log) == bool(extensions), log
    return {name: set(file.read_text().splitlines()) for name, file in files.items()}


@pytest.mark.parametrize("ignored", [False, True])
def test_nothing_of_the_process_changes(
    new_project: NewProject, probe: Path, handled: Callable[[signal.Signals, bool], None], ignored: bool
) -> None:
    handled(signal.SIGINT, ignored)
    handled(signal.SIGCHLD, ignored)
    project = project_with(new_project, probe)
    without, with_addon = state(project), state(project, ADDON)
    assert all(len(lines) > 20 for lines in without.values())
    changed = {when: sorted(lines ^ with_addon[when]) for when, lines in without.items()}
    assert changed == {"running": [], "end": [], "child": []}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE])
@pytest.mark.parametrize("extensions", [(), (ADDON,)], ids=["without the addon", "with it"])
def test_a_signal_ends_the_engine(
    new_project: NewProject,
    start_godot: Callable[..., GodotProcess],
    handled: Callable[[signal.Signals, bool], None],
    number: signal.Signals,
    extensions: tuple[str, ...],
) -> None:
    handled(number, False)
    project = project_with(new_project)
    use(project, *extensions)
    engine = start_godot("--script", "res://main.gd", path=project)
    engine.wait_for("^ready$")
    os.kill(engine.pid, number)
    assert engine.wait(30) == -number
    assert "Traceback" not in engine.log and "KeyboardInterrupt" not in engine.log


def test_an_ignored_signal_stays_ignored(
    new_project: NewProject,
    start_godot: Callable[..., GodotProcess],
    handled: Callable[[signal.Signals, bool], None],
) -> None:
    handled(signal.SIGINT, True)
    engine = start_godot("--script", "res://main.gd", path=project_with(new_project))
    port = int(engine.wait_for(r"^port (\d+)$")[1])
    os.kill(engine.pid, signal.SIGINT)
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 4")


INTERRUPTS = """
import _thread, asyncio, signal
from pythonscript.godot import Node

class Interrupts(Node):
    def interrupt(self) -> str:
        handler = signal.getsignal(signal.SIGINT)
        _thread.interrupt_main(signal.SIGINT)
        total = sum(range(100_000))
        return f"{handler} {total} {asyncio.run(self.nothing())} {signal.set_wakeup_fd(-1)}"

    async def nothing(self) -> str:
        return "done"
"""


def test_python_has_no_interrupt_of_its_own(new_project: NewProject, probe: Path) -> None:
    project = new_project({"interrupts.py": INTERRUPTS})
    (project / "main.gd").write_text(
        "extends SceneTree\n\nfunc _initialize() -> void:\n\tvar node := Interrupts.new()\n"
        "\tprint(node.interrupt())\n\tprint(node.interrupt())\n\tnode.free()\n\tquit()\n"
    )
    log = run_godot("--script", "res://main.gd", path=project)
    assert log.count("None 4999950000 done -1") == 2
    assert "KeyboardInterrupt" not in log
