"""A server in a process of its own, for tests of the hand-over: what happens are lines of JSON, and so are its orders.

Arguments: settings of the server, as JSON. Orders: the name of a method of the server and arguments. It answers each
message "?..." with the same text, and requests for "echo"; those for "never" it does not answer. With "plays" there are
players of the multiplayer.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any

from ws_python import WebSocketServer
from ws_python.declare.events import events_of
from ws_python.features import taking_over
from ws_python.loop.hub import hub


def tell(*what: object) -> None:
    print(json.dumps(what, default=repr), flush=True)


def order(server: WebSocketServer, name: str, arguments: list[Any]) -> object:
    if name == "request_of":
        request = server.peers[arguments[0]].request
        assert request is not None
        return [request.target, request.get_header("X-Name"), request.address, request.data]
    if name == "set_data":
        request = server.peers[arguments[0]].request
        assert request is not None
        request.data = arguments[1]
        return None
    if name == "ask":
        reply = server.start_request(*arguments)
        reply.completed.connect(lambda _reply: tell("reply", int(reply.error), reply.data))
        return None
    return getattr(server, name)(*arguments)


def main() -> None:
    settings = json.loads(sys.argv[1])
    data = settings.pop("data", None)
    taking_over._PATIENCE = settings.pop("patience", taking_over._PATIENCE)
    server = WebSocketServer()
    if settings.pop("plays", False):
        server.get_multiplayer_peer()
    for name, value in settings.items():
        setattr(server, name, value)
    for name in sorted({*events_of(type(server))} - {"message_received"}):
        getattr(server, name).connect(lambda *arguments, name=name: tell(name, *arguments))
    server.message_received.connect(lambda i, m: server.send(i, m) if isinstance(m, str) and m[:1] == "?" else None)
    server.handle("echo", lambda _id, value: value)
    server.handle("never", lambda _id, _value: Future())
    if data is not None:
        server.handover_data = lambda: data
    begin = time.monotonic()
    tell("listening", int(server.listen(settings.get("port", 0))), server.get_local_port(), time.monotonic() - begin)
    orders: SimpleQueue[list[Any]] = SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            orders.put(json.loads(line))

    threading.Thread(target=read, daemon=True).start()
    is_over = False
    while not is_over or hub.is_lingering:
        server.poll()
        try:
            name, *arguments = orders.get_nowait()
        except Empty:
            time.sleep(0.0005)
            continue
        is_over = name == "quit"
        tell("obeyed", name, None if is_over else order(server, name, arguments))
    hub.close()


if __name__ == "__main__":
    main()
