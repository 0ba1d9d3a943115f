"""Networks that lack something: no IPv6, no name server, addresses that go and come. Each in a namespace of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.godot_process import ROOT, GodotProcess, unclean_lines

NAMESPACE = ("unshare", "-rnm", "sh", "-ec")
LOOPBACK = "ip link set lo up"
NO_IPV6 = f"echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; {LOOPBACK}"
# An address that can be taken away.
ANOTHER = f"{LOOPBACK}; ip addr add 10.9.8.7/32 dev lo"
# What is written there is the name server.
RESOLVER = "nameserver 127.0.0.1\\noptions timeout:30\\n"
NAMES = f"printf '{RESOLVER}' > $FOLDER/resolv; mount --bind $FOLDER/resolv /etc/resolv.conf"

BEGIN = """
import logging, os, socket, subprocess, sys, time
from ws_python import Error, WebSocketClient, WebSocketServer
from tests.ws_python.driving import named, poll_until, record

lines = []
class Lines(logging.Handler):
    def emit(self, record):
        lines.append(record.getMessage())
logging.getLogger("ws_python").addHandler(Lines())

def server_on(address):
    server = WebSocketServer()
    server.bind_address = address
    assert server.listen(0) == 0, lines
    return server

def client_of(url, *nodes):
    client = WebSocketClient()
    assert client.connect_to_url(url) == 0
    poll_until(lambda: client.status == client.Status.STATUS_ACTIVE, client, *nodes)
    return client

def failure_of(url, *nodes):
    client = WebSocketClient()
    client.connect_timeout = float(os.environ.get("CONNECT_TIMEOUT", "60"))
    log = record(client)
    assert client.connect_to_url(url) == 0
    longest = 0.0
    while not named(log, "connection_failed"):
        start = time.thread_time()
        client.poll()
        longest = max(longest, time.thread_time() - start)
        time.sleep(0.001)
    assert longest < 0.5, longest
    ((reason,),) = named(log, "connection_failed")
    assert "\\n" not in reason, reason
    assert client.status == client.Status.STATUS_IDLE
    return reason

def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)
"""


def _namespaces() -> bool:
    if not shutil.which("unshare") or not shutil.which("ip"):
        return False
    return subprocess.run([*NAMESPACE, ANOTHER], check=False, capture_output=True).returncode == 0


pytestmark = pytest.mark.skipif(not _namespaces(), reason="this machine lets nobody make networks of their own")


def run(setup: str, program: str, folder: Path, **environment: str) -> None:
    """Run a program in a network that is set up so; it fails by an assertion of its own."""
    command = [*NAMESPACE, f'{setup}; exec "$@"', "sh", sys.executable, "-c", BEGIN + program]
    paths = f"{ROOT / 'python'}:{ROOT}"
    variables = {**os.environ, "PYTHONPATH": paths, "FOLDER": str(folder), **environment}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=variables, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_ipv6(tmp_path: Path) -> None:
    program = """
for address in ("*", "localhost", "127.0.0.1"):
    server = server_on(address)
    port = server.get_local_port()
    client = client_of(f"ws://127.0.0.1:{port}", server)
    assert client.get_connected_host() == "127.0.0.1"
    client_of(f"ws://localhost:{port}", server)
    assert "cannot be reached" in failure_of(f"ws://[::1]:{port}", server)
assert lines == [], lines
server = WebSocketServer()
server.bind_address = "::1"
assert server.listen(0) == Error.ERR_INVALID_PARAMETER
assert len(lines) == 1 and "this machine has no such address" in lines[0], lines
"""
    run(NO_IPV6, program, tmp_path)


def test_no_network_at_all(tmp_path: Path) -> None:
    program = """
assert "cannot be reached: Network is unreachable" in failure_of("ws://127.0.0.1:80")
assert "cannot be reached: " in failure_of("ws://[::1]:80")
assert "cannot be resolved" in failure_of("ws://example.com"), failure_of("ws://example.com")
server = server_on("*")
for _ in range(5):
    server.poll()
ip("link", "set", "lo", "up")
client_of(f"ws://127.0.0.1:{server.get_local_port()}", server)
assert lines == [], lines
"""
    run("true", program, tmp_path)


def test_a_name_server_that_refuses(tmp_path: Path) -> None:
    program = """
reason = failure_of("ws://example.com/")
assert reason.startswith('ws://example.com/: the host name "example.com" cannot be resolved ('), reason
assert reason.endswith("; check its spelling and the network"), reason
server = server_on("localhost")
client_of(f"ws://127.0.0.1:{server.get_local_port()}", server)
assert lines == [], lines
"""
    run(f"{LOOPBACK}; {NAMES}", program, tmp_path)


def test_a_name_server_that_is_silent(tmp_path: Path) -> None:
    """Nobody is held up by it: neither this client, which says so in time, nor others, nor the end of the program."""
    program = """
silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
silent.bind(("127.0.0.1", 53))
server = server_on("localhost")
other = client_of(f"ws://127.0.0.1:{server.get_local_port()}", server)
start = time.monotonic()
reason = failure_of("ws://example.com/")
assert time.monotonic() - start < 20
assert reason == (
    "ws://example.com/: example.com, port 80, did not answer in time; "
    "check the host name, the name server, firewalls, and connect_timeout"
), reason
client_of(f"ws://127.0.0.1:{server.get_local_port()}", server, other)
assert silent.recv(1000), "it was asked"
assert lines == [], lines
"""
    run(f"{LOOPBACK}; {NAMES}", program, tmp_path, CONNECT_TIMEOUT="1")


def test_an_address_that_is_not_there(tmp_path: Path) -> None:
    program = """
server = WebSocketServer()
server.bind_address = "10.9.8.7"
assert server.listen(0) == Error.ERR_INVALID_PARAMETER
assert len(lines) == 1 and "this machine has no such address" in lines[0], lines
assert not server.is_listening()
ip("addr", "add", "10.9.8.7/32", "dev", "lo")
assert server.listen(0) == 0
client_of(f"ws://10.9.8.7:{server.get_local_port()}", server)
"""
    run(LOOPBACK, program, tmp_path)


def test_an_address_that_goes_and_comes(tmp_path: Path) -> None:
    """Both sides learn it by the heartbeat; who is elsewhere is not touched; the client comes back by itself."""
    program = """
server = server_on("10.9.8.7")
everywhere = server_on("*")
near = client_of(f"ws://127.0.0.1:{everywhere.get_local_port()}", everywhere)
client = client_of(f"ws://10.9.8.7:{server.get_local_port()}", server)
client.auto_reconnect, client.reconnect_delay, client.reconnect_delay_max = True, 0.1, 0.2
nodes = (server, everywhere, near, client)
for node in nodes:
    node.heartbeat_interval, node.heartbeat_timeout = 0.3, 0.6
codes, told = [], []
client.connection_closed.connect(lambda: told.append(client.get_close_code()))
server.client_disconnected.connect(lambda peer_id: codes.append(server.get_peer(peer_id).get_close_code()))
near_log, log = record(near), record(client)
poll_until(lambda: server.get_peer_count() == 1 and everywhere.get_peer_count() == 1, *nodes)
ip("addr", "del", "10.9.8.7/32", "dev", "lo")
poll_until(lambda: codes and told, *nodes, deadline=30)
assert codes == told == [1006], (codes, told)
poll_until(lambda: len(named(log, "reconnecting")) > 1, *nodes, deadline=30)
assert server.is_listening() and everywhere.get_peer_count() == 1
ip("addr", "add", "10.9.8.7/32", "dev", "lo")
poll_until(lambda: client.status == client.Status.STATUS_ACTIVE and server.get_peer_count() == 1, *nodes, deadline=30)
assert near_log == [], near_log
assert lines == [], lines
for node in nodes[2:]:
    node.close()
"""
    run(ANOTHER, program, tmp_path)


def test_an_interface_that_goes_down_and_up(tmp_path: Path) -> None:
    program = """
server = server_on("127.0.0.1")
client = client_of(f"ws://127.0.0.1:{server.get_local_port()}", server)
received = []
server.message_received.connect(lambda peer_id, message: received.append(message))
poll_until(lambda: server.get_peer_count() == 1, server, client)
ip("link", "set", "lo", "down")
assert client.send("while it is down") == 0
for _ in range(50):
    server.poll(), client.poll()
    time.sleep(0.005)
assert client.status == client.Status.STATUS_ACTIVE and server.get_peer_count() == 1
assert received == []
ip("link", "set", "lo", "up")
poll_until(lambda: received == ["while it is down"], server, client, deadline=30)
assert lines == [], lines
client.close()
"""
    run(LOOPBACK, program, tmp_path)


# --- in the engine

SCRIPT = """
extends SceneTree

func _initialize() -> void:
	var server := WebSocketServer.new()
	root.add_child(server)
	for address: String in ["*", "localhost"]:
		server.bind_address = address
		print("listen ", address, " ", server.listen(0))
		var client: Variant = WebSocketClient.new()
		root.add_child(client)
		client.connect_to_url("ws://127.0.0.1:%d" % server.get_local_port())
		await client.connected_to_server
		print("connected through ", address, " to ", client.get_connected_host())
		client.close()
		await client.connection_closed
		server.stop()
	server.bind_address = "::1"
	print("listen ::1 ", server.listen(0))
	for url: String in ["ws://example.com/", "ws://[::1]:8080/"]:
		var client := WebSocketClient.new()
		root.add_child(client)
		print("connect ", client.connect_to_url(url))
		print("failed ", await client.connection_failed)
	quit()
"""


def test_a_game_without_ipv6_and_name_server(tmp_path: Path) -> None:
    script = tmp_path / "main.gd"
    script.write_text(SCRIPT)
    starter = (*NAMESPACE, f'{NO_IPV6}; {NAMES}; exec "$@"', "sh")
    environment = {"FOLDER": str(tmp_path)}
    with GodotProcess(["--script", str(script)], within=starter, env=environment) as engine:
        assert engine.wait() == 0
        log = engine.log
    for expected in (
        "listen * 0",
        "connected through * to 127.0.0.1",
        "listen localhost 0",
        "connected through localhost to 127.0.0.1",
        "listen ::1 31",
        'failed ws://example.com/: the host name "example.com" cannot be resolved (',
        "failed ws://[::1]:8080/: ::1, port 8080, cannot be reached: ",
    ):
        assert any(line.startswith(expected) for line in log.splitlines()), log
    (line,) = unclean_lines(log)
    assert "this machine has no such address" in line
