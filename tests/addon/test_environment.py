"""What is on the player's machine, his variables, files and folders, changes nothing: the nodes load and work."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.addon.projects import ADDON, RUNTIME
from tests.godot_process import GodotProcess, unclean_lines
from tests.ws_python.net.proxies import HTTPProxy, Proxy, SOCKSProxy

MAIN = """extends SceneTree

func _initialize() -> void:
	await process_frame
	var server := WebSocketServer.new()
	var client := WebSocketClient.new()
	root.add_child(server)
	root.add_child(client)
	server.message_received.connect(server.send)
	client.connection_failed.connect(func(why: String) -> void: print("failed: ", why))
	server.listen(0)
	client.connect_to_url("ws://localhost:%d/" % server.get_local_port())
	await client.connected_to_server
	print("server: ", client.get_handshake_header("Server"))
	client.send("é".repeat(30_000))
	print("echo of ", str(await client.message_received).length())
	print("child: ", OS.get_environment("WEBSOCKETS_SERVER"))
	quit()
"""
READER = """
import os
from pythonscript.godot import Node

class Reader(Node):
    def read(self, name: str) -> str:
        return os.environ.get(name, "none")
"""
WEBSOCKETS = {
    f"WEBSOCKETS_{name}": value
    for name in (
        "BACKOFF_FACTOR",
        "BACKOFF_INITIAL_DELAY",
        "BACKOFF_MAX_DELAY",
        "BACKOFF_MIN_DELAY",
        "MAX_BODY_SIZE",
        "MAX_FRAGMENTS",
        "MAX_LINE_LENGTH",
        "MAX_LOG_SIZE",
        "MAX_NUM_HEADERS",
        "MAX_REDIRECTS",
        "SERVER",
        "USER_AGENT",
    )
    for value in ("abc",)
}
PYTHON = {
    "PYTHONASYNCIODEBUG": "1",
    "PYTHONBREAKPOINT": "no.such",
    "PYTHONDEBUG": "9",
    "PYTHONDEVMODE": "1",
    "PYTHONDUMPREFS": "1",
    "PYTHONFAULTHANDLER": "1",
    "PYTHONHASHSEED": "no",
    "PYTHONHOME": "/nowhere",
    "PYTHONINSPECT": "1",
    "PYTHONINTMAXSTRDIGITS": "1",
    "PYTHONIOENCODING": "no:such",
    "PYTHONMALLOC": "no",
    "PYTHONOPTIMIZE": "2",
    "PYTHONPLATLIBDIR": "no",
    "PYTHONPROFILEIMPORTTIME": "1",
    "PYTHONSTARTUP": "/nowhere",
    "PYTHONTRACEMALLOC": "no",
    "PYTHONUTF8": "no",
    "PYTHONVERBOSE": "3",
    "PYTHONWARNINGS": "error",
}
PROXIES = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy", "ALL_PROXY", "HTTP_PROXY"), "http://127.0.0.1:1")
FILES = {
    "OPENSSL_CONF": "/proc/self/cmdline",
    "OPENSSL_ENGINES": "/nowhere",
    "OPENSSL_MODULES": "/nowhere",
    "SSLKEYLOGFILE": "/nowhere/keys",
    "SSL_CERT_DIR": "/nowhere",
    "SSL_CERT_FILE": "/nowhere/file",
    "TMPDIR": "/nowhere",
    "TZ": ":/proc/self/cmdline",
    "TZDIR": "/nowhere",
}


def make_project(folder: Path, addon: Path = ADDON) -> Path:
    (folder / "addons").mkdir(parents=True)
    (folder / ".godot").mkdir()
    (folder / "addons/ws_python").symlink_to(addon, target_is_directory=True)
    (folder / ".godot/extension_list.cfg").write_text("res://addons/ws_python/ws_python.gdextension\n")
    (folder / "project.godot").write_text("config_version=5\n")
    (folder / "main.gd").write_text(MAIN)
    return folder


def log_of(project: Path, env: Mapping[str, str] | None = None) -> str:
    """The log of an engine that ran to its end and reported nothing."""
    with GodotProcess(["--script", "res://main.gd"], path=project, env=env) as engine:
        assert engine.wait(60) == 0, engine.log
        assert not unclean_lines(engine.log), engine.log
        return engine.log


def assert_echoes(log: str) -> None:
    assert "echo of 30000" in log.splitlines(), log


@pytest.mark.parametrize(
    "env",
    [
        WEBSOCKETS,
        PYTHON,
        PROXIES,
        FILES,
        {"LC_ALL": "xx_XX.nonsense"},
        {"LC_ALL": "C", "LANG": "C"},
        {"LC_ALL": "de_DE.ISO-8859-1"},
        {"LC_ALL": "", "LC_CTYPE": "POSIX", "LANG": "tr_TR.UTF-8"},
        {"HOME": "", "USER": "", "PATH": "/usr/bin:/bin"},
    ],
    ids=["websockets", "python", "proxies", "files", "no locale", "C", "latin-1", "mixed", "no home"],
)
def test_a_variable_changes_nothing(tmp_path: Path, env: dict[str, str]) -> None:
    log = log_of(make_project(tmp_path / "project"), env)
    assert_echoes(log)
    (server,) = (line for line in log.splitlines() if line.startswith("server: "))
    assert "abc" not in server
    assert f"child: {env.get('WEBSOCKETS_SERVER', '')}" in log.splitlines()


@pytest.mark.parametrize(
    ("kind", "variable", "scheme"), [(HTTPProxy, "HTTP_PROXY", "http"), (SOCKSProxy, "all_proxy", "socks5h")]
)
def test_a_proxy_is_gone_through(tmp_path: Path, kind: type[Proxy], variable: str, scheme: str) -> None:
    project = make_project(tmp_path / "project")
    (project / "main.gd").write_text(MAIN.replace("ws://localhost:", "ws://game.test:"))
    with kind() as proxy:
        proxy.hosts["game.test"] = "127.0.0.1"
        assert_echoes(log_of(project, {variable: f"{scheme}://127.0.0.1:{proxy.port}"}))
        ((host, _),) = proxy.asked
        assert host == "game.test"


def test_the_games_own_python_has_the_environment(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    (project / "project.godot").write_text('config_version=5\n[python]\nmodules=PackedStringArray("res://reader.py")\n')
    (project / "reader.py").write_text(f"{READER}\nprint('imported:', os.environ.get('OF_THE_PLAYER'))\n")
    (project / "main.gd").write_text(
        "extends SceneTree\n\nfunc _initialize() -> void:\n\tvar reader := Reader.new()\n"
        '\tprint("read: ", reader.read("OF_THE_PLAYER"), " ", OS.get_environment("OF_THE_PLAYER"))\n'
        "\treader.free()\n\tquit()\n"
    )
    log = log_of(project, {"OF_THE_PLAYER": "here é"}).splitlines()
    assert "imported: here é" in log
    assert "read: here é here é" in log


def test_a_file_beside_the_game_is_no_module(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    trap = "raise SystemExit('a file of the player was imported')\n"
    homes = [project, tmp_path / "home/.local/lib/python3.11/site-packages"]
    for home in homes:
        home.mkdir(parents=True, exist_ok=True)
        for name in ("json", "asyncio", "socket", "ssl", "websockets", "ws_python", "sitecustomize", "usercustomize"):
            (home / f"{name}.py").write_text(trap)
        (home / "trap.pth").write_text("import sys; sys.exit(1)\n")
        (home / "pyvenv.cfg").write_text("home = /nowhere\n")
        (home / "python._pth").write_text("/nowhere\n")
    env = {"HOME": str(tmp_path / "home"), "PYTHONPATH": str(project), "PYTHONUSERBASE": str(homes[1])}
    assert_echoes(log_of(project, env))


@pytest.mark.parametrize("locale", ["C.UTF-8", "C", "de_DE.ISO-8859-1"])
def test_a_folder_of_any_name(tmp_path: Path, locale: str) -> None:
    folder = tmp_path / "Spiele & mehr" / "Игра ünïcode 遊戲 %s 'quoted' \"; $HOME" / ("long " * 40).strip()
    addon = folder / "addon itself é"
    shutil.copytree(ADDON, addon, copy_function=os.link)
    project = folder / "project"
    (project / "addons").mkdir(parents=True)
    addon.rename(project / "addons/ws_python")
    (project / ".godot").mkdir()
    (project / ".godot/extension_list.cfg").write_text("res://addons/ws_python/ws_python.gdextension\n")
    (project / "project.godot").write_text("config_version=5\n")
    (project / "main.gd").write_text(MAIN)
    assert len(str(project)) > 250
    assert_echoes(log_of(project, {"LC_ALL": locale}))


BAD_OPENSSL = """openssl_conf = all
[all]
providers = providers
[providers]
none = none
[none]
module = /nowhere
activate = 1
"""
SECURE = """extends SceneTree

func _initialize() -> void:
	await process_frame
	var server := WebSocketServer.new()
	var client := WebSocketClient.new()
	root.add_child(server)
	root.add_child(client)
	server.listen(0)
	client.connect_to_url("wss://localhost:%d/" % server.get_local_port())
	print("failed: ", await client.connection_failed)
	quit()
"""


def test_tls_is_the_same_with_any_settings_of_openssl(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    (project / "main.gd").write_text(SECURE)
    (tmp_path / "openssl.cnf").write_text(BAD_OPENSSL)
    keys = tmp_path / "keys"
    log = log_of(project, {"OPENSSL_CONF": str(tmp_path / "openssl.cnf"), "SSLKEYLOGFILE": str(keys)})
    # Its first bytes reached the other side, which is not alone in speaking.
    assert "does not speak TLS as it should (tlsv1 alert protocol version)" in log
    assert not keys.exists()


def test_without_openssl_plain_connections_work(tmp_path: Path) -> None:
    addon = tmp_path / "addon"
    shutil.copytree(ADDON, addon, copy_function=os.link)
    for module in ("_ssl", "_hashlib", "_ctypes", "_bz2", "_lzma", "_uuid"):  # linked with what a machine may lack
        for path in (addon / RUNTIME).glob(f"python3.*/lib-dynload/{module}.*"):
            path.unlink()
    assert_echoes(log_of(make_project(tmp_path / "project", addon)))
