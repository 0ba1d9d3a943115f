"""Two ends of a session, joined back to back by codecs, over links that are cut wherever a test wants it."""

from __future__ import annotations

from collections.abc import Sequence

from ws_python.protocol.codec import Codec
from ws_python.protocol.prepared import PreparedMessage
from ws_python.protocol.session import (
    Hello,
    Layer,
    LayerMessage,
    NotLayered,
    Session,
    Welcome,
    Wire,
    escaped,
    new_token,
)

BUFFER = 64 * 1024


class End:
    """One end: its session, and the layer and codec of the connection that it has now."""

    def __init__(self, *, is_server: bool, buffer: int = BUFFER) -> None:
        self.is_server = is_server
        self.session = Session(buffer)
        self.token = ""
        self.layer = Layer()
        self.codec = Codec(server=is_server)
        self.received: list[object] = []
        #: In the session that there is.
        self.sent: list[object] = []
        #: How many sessions a client has begun.
        self.sessions = 0
        self.error = ""
        self._resumes = False

    def connect(self) -> None:
        """Over a new link."""
        self.layer.leave()
        self.codec = Codec(server=self.is_server)
        if self.is_server:
            self.layer = Layer()
        else:
            resumes = self.token != ""
            if not resumes:
                self.token = new_token()
                self.sessions += 1
            self._resumes = resumes
            hello = Hello(self.token, resumes, self.session.received, self.session.buffer_size)
            self.layer = Layer(self.session, hello)
        self._write(self.layer.outgoing)
        self.layer.outgoing = []

    def send(self, message: str | bytes) -> None:
        """As a user sends."""
        self.sent.append(message)
        self.put(escaped(message), len(message))

    def request(self, head: str, payload: str | bytes) -> None:
        """A counted message of the layer."""
        message = LayerMessage("q", head, payload)
        self.sent.append(message)
        wire = message.pack()
        self.put(wire, len(wire))

    def put(self, wire: Wire, size: int) -> None:
        now = self.session.send(wire, size)
        if now is not None:
            self._write([now])

    def tell_received(self) -> None:
        """As about once a second."""
        self.layer.tell_received()
        self._write(self.layer.outgoing)
        self.layer.outgoing = []

    def receive(self, data: bytes, server: Server | None = None) -> None:
        """Bytes of the other end."""
        self.codec.receive_data(data)
        self._deliver(self.layer.receive(self.codec.events_received()), server)
        self.error = self.error or self.layer.error
        self._write(self.layer.outgoing)
        self.layer.outgoing = []

    def _deliver(self, events: list[object], server: Server | None) -> None:
        for event in events:
            if isinstance(event, Hello):
                assert server is not None
                self._deliver(server.answer(self, event), server)
            elif isinstance(event, Welcome):
                if self._resumes and not event.resumed:
                    self.sessions += 1
                    self.sent = []
                self.token = event.token
                assert self.layer.session is not None
                self.session = self.layer.session
            elif not isinstance(event, NotLayered):
                self.received.append(event)

    def _write(self, messages: list[Wire]) -> None:
        for message in messages:
            assert not isinstance(message, PreparedMessage)
            if isinstance(message, str):
                self.codec.send_text(message)
            else:
                self.codec.send_binary(message)


class Server(End):
    """The server's end: it knows one session, by its token."""

    def __init__(self, buffer: int = BUFFER, first_words: Sequence[str | bytes] = ()) -> None:
        super().__init__(is_server=True, buffer=buffer)
        self._count = 0
        self._first_words = first_words
        #: The newest, and the one that the client came with: the welcome that had the newest may be lost.
        self.tokens: list[str] = []
        #: That of a session that was not known, in whose place this one began.
        self.unknown = ""

    def answer(self, end: End, hello: Hello) -> list[object]:
        """Welcome a client: back, if it has the token."""
        resumed = hello.resumes and hello.token in self.tokens and hello.token != self.unknown
        if hello.token in self.tokens:
            self.session.resumes_at(hello.received if resumed else 0)
        else:
            self.session = Session(self.session.buffer_size)
            self.sent = []
            self.unknown = hello.token if hello.resumes else ""
            for message in self._first_words:
                self.send(message)
        self._count += 1
        self.tokens = [hello.token, f"token{self._count}"]
        welcome = Welcome(self.tokens[-1], 7, self.session.received, resumed, 30.0, self.session.buffer_size)
        return self.layer.welcome(self.session, welcome, hello.buffer)


class Pair:
    """A client and a server, which says something first, and what is on the way between them."""

    def __init__(self, buffer: int = BUFFER, first_words: Sequence[str | bytes] = ()) -> None:
        self.client = End(is_server=False, buffer=buffer)
        self.server = Server(buffer, first_words)
        self.connect()

    @property
    def has_begun(self) -> bool:
        """Whether the server has heard of a session."""
        return self.server.tokens != []

    def connect(self) -> None:
        """A new link; what was on the old one is lost."""
        self._to_server = self._to_client = b""
        self.client.connect()
        self.server.connect()

    def pass_on(self, most: int = 2**60) -> int:
        """Carry up to `most` bytes, by turns of one, until nothing is on the way. How many were carried."""
        carried = 0
        while carried < most:
            self._to_server += self.client.codec.data_to_send()
            self._to_client += self.server.codec.data_to_send()
            if not self._to_server and not self._to_client:
                break
            step = 1 if most < 2**60 else 1 << 30
            part, self._to_server = self._to_server[:step], self._to_server[step:]
            if part:
                carried += len(part)
                self.server.receive(part, self.server)
            if carried >= most:
                break
            part, self._to_client = self._to_client[:step], self._to_client[step:]
            if part:
                carried += len(part)
                self.client.receive(part)
        return carried
