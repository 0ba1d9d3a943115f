"""Writing to a socket that the other side has left is an exception in Python, and not the end of the game."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tests.godot_process import run_godot

WRITER = """
import asyncio, signal, socket, ssl, threading
from pythonscript.godot import Node

def left(kind=socket.SOCK_STREAM):
    ours, other = socket.socketpair(socket.AF_UNIX, kind)
    other.close()
    return ours

def shut():
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        with server.accept()[0]:
            ours.shutdown(socket.SHUT_WR)
    return ours

def secured():
    ours, other = socket.socketpair()
    sides = []
    for protocol in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT):
        context = ssl.SSLContext(protocol)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("aNULL:@SECLEVEL=0")
        sides.append(context)
    server = threading.Thread(target=lambda: sides[0].wrap_socket(other, server_side=True).close())
    server.start()
    client = sides[1].wrap_socket(ours)
    server.join()
    return client

async def transport():
    reader, writer = await asyncio.open_connection(sock=left())
    for _ in range(10):
        writer.write(b"x")
        await writer.drain()

ATTEMPTS = {
    "send": lambda: left().send(b"x"),
    "send with flags": lambda: left().send(b"x", socket.MSG_DONTWAIT),
    "sendall": lambda: left().sendall(b"x"),
    "sendmsg": lambda: left().sendmsg([b"x", b"y"]),
    "sendmsg with all": lambda: left().sendmsg([b"x"], [], socket.MSG_DONTWAIT, None),
    "sendto": lambda: shut().sendto(b"x", ("127.0.0.1", 1)),
    "sendto with flags": lambda: shut().sendto(b"x", socket.MSG_DONTWAIT, ("127.0.0.1", 1)),
    "sendfile": lambda: left().sendfile(open(__file__.replace("res://", ""), "rb")),
    "makefile": lambda: left().makefile("wb", 0).write(b"x"),
    "asyncio": lambda: asyncio.run(transport()),
    "tls": lambda: [secured().sendall(b"x") for _ in range(5)],
    "tls shutdown": lambda: secured().unwrap(),
}

class Writer(Node):
    def write(self) -> None:
        for name, attempt in ATTEMPTS.items():
            try:
                attempt()
                print(f"{name}: nothing")
            except Exception as error:
                print(f"{name}: {type(error).__name__}")
        print("wrong calls:", *self.wrong_calls())
        print("blocked:", signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        print("works:", *self.works())

    def wrong_calls(self):
        for name, *arguments in (("send",), ("sendto", b""), ("sendto", b"", 0, None, 1), ("send", "")):
            try:
                getattr(left(), name)(*arguments)
            except Exception as error:
                yield type(error).__name__

    def works(self):
        one, two = socket.socketpair(socket.AF_UNIX)
        yield one.send(b"a"), one.sendall(b"b"), one.sendmsg([b"c", b"d"]), two.recv(10)
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.bind(("127.0.0.1", 0))
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        yield sender.sendto(b"e", receiver.getsockname()), sender.sendto(b"f", 0, receiver.getsockname())
        yield receiver.recv(10), receiver.recv(10)
"""


def test_no_write_ends_the_game(new_project: Callable[..., Path]) -> None:
    project = new_project({"writer.py": WRITER})
    (project / "main.gd").write_text(
        "extends SceneTree\n\nfunc _initialize() -> void:\n\tvar writer := Writer.new()\n"
        "\twriter.write()\n\twriter.free()\n\tquit()\n"
    )
    log = run_godot("--script", "res://main.gd", path=project).splitlines()
    told = dict(line.split(": ", 1) for line in log if ": " in line)
    broken = ("BrokenPipeError", "ConnectionResetError", "SSLEOFError", "SSLZeroReturnError")
    attempts = re.findall(r'^    "([^"]+)": lambda', WRITER, re.MULTILINE)
    assert len(attempts) == 12
    assert {name: told.get(name) for name in attempts if told.get(name) not in broken} == {}
    assert told["wrong calls"] == "TypeError TypeError TypeError TypeError"
    assert told["blocked"] == "set()"
    assert told["works"] == "(1, None, 2, b'abcd') (1, 1) (b'e', b'f')"
