"""The session layer, in pairs: what is sent arrives once and in order, wherever the connection is cut."""

from __future__ import annotations

import random

import pytest
from ws_python.protocol.codec import Closed, Codec
from ws_python.protocol.session import (
    MAX_HEAD,
    SUBPROTOCOL,
    Hello,
    Layer,
    LayerError,
    LayerMessage,
    NotLayered,
    Session,
    Welcome,
    escaped,
    is_token,
    layered,
    new_token,
    without_layer,
)

from .session_pair import Pair

MESSAGES: list[str | bytes] = [
    "a",
    b"",
    "",
    b"\x10",
    "\x10",
    "\x10\x10q",
    b"\x10h{}\n",
    "ж" * 40,
    b"\0" * 130,
    "\x10w{}",
]
REQUEST = LayerMessage("q", "1 login", "{}")


class TestNegotiation:
    def test_a_client_offers_what_it_can_do_without(self) -> None:
        assert layered([]) == [SUBPROTOCOL]
        assert layered(["a", "b"]) == [f"a+{SUBPROTOCOL}", f"b+{SUBPROTOCOL}", "a", "b"]

    @pytest.mark.parametrize(
        ("whole", "parts"),
        [
            (SUBPROTOCOL, ("", True)),
            (f"a+{SUBPROTOCOL}", ("a", True)),
            ("a", ("a", False)),
            ("", ("", False)),
            (f"a{SUBPROTOCOL}", (f"a{SUBPROTOCOL}", False)),
        ],
    )
    def test_the_users_part_is_told(self, whole: str, parts: tuple[str, bool]) -> None:
        assert without_layer(whole) == parts


class TestWire:
    @pytest.mark.parametrize("message", [LayerMessage("q", "1 x", "payload\n"), LayerMessage("r", "", b"\0\n\xff")])
    def test_a_message_of_the_layer(self, message: LayerMessage) -> None:
        assert LayerMessage.unpack(message.pack()) == message

    def test_the_users_own_is_as_it_is_without_the_layer(self) -> None:
        assert (escaped("x"), escaped(b"x"), escaped(""), escaped(b"")) == ("x", b"x", "", b"")
        assert (escaped("\x10x"), escaped(b"\x10x")) == ("\x10\x10x", b"\x10\x10x")

    @pytest.mark.parametrize(
        "message", ["\x10", b"\x10", "\x10a", "\x10\n", "\x10é\n", b"\x10\xff\n", "\x10q" + "x" * (MAX_HEAD + 9) + "\n"]
    )
    def test_what_is_none(self, message: str | bytes) -> None:
        with pytest.raises(LayerError):
            LayerMessage.unpack(message)

    @pytest.mark.parametrize(
        "head",
        [
            "",
            "[]",
            "1",
            "{",
            '{"v":2}',
            '{"v":1,"resume":1}',
            '{"v":1,"token":["x"]}',
            '{"v":1,"received":-1}',
            '{"v":1,"buffer":1.5}',
            "[" * 900,
        ],
    )
    def test_a_hello_that_is_none(self, head: str) -> None:
        with pytest.raises(LayerError):
            Hello.unpack(head)

    @pytest.mark.parametrize("hello", [Hello(new_token(), False, 0, 9), Hello("any", True, 3, 9)])
    def test_a_hello(self, hello: Hello) -> None:
        assert Hello.unpack(LayerMessage.unpack(hello.pack()).head) == hello

    def test_a_token(self) -> None:
        tokens = {new_token() for _ in range(100)}
        assert len(tokens) == 100
        assert all(map(is_token, tokens))
        for text in ("", "x" * 21, "x" * 23, "x" * 21 + "=", "x" * 21 + "é", "x" * 22 + "\n"):
            assert not is_token(text)

    @pytest.mark.parametrize("head", ["{}", '{"session":""}', '{"session":"x","ttl":"1"}', '{"session":"x","id":true}'])
    def test_a_welcome_that_is_none(self, head: str) -> None:
        with pytest.raises(LayerError):
            Welcome.unpack(head)


class TestTogether:
    def test_both_ways_with_messages_that_look_like_the_layers(self) -> None:
        pair = Pair()
        for message in MESSAGES:
            pair.client.send(message)
        pair.pass_on()
        for message in MESSAGES:
            pair.server.send(message)
        pair.pass_on()
        assert pair.server.received == MESSAGES
        assert pair.client.received == MESSAGES
        assert (pair.client.sessions, pair.client.error, pair.server.error) == (1, "", "")

    def test_what_a_client_sends_before_it_is_welcome_is_not_lost(self) -> None:
        pair = Pair()
        pair.client.send("first")
        pair.client.request("1 login", "{}")
        pair.client.send("second")
        pair.pass_on()
        assert pair.server.received == ["first", REQUEST, "second"]

    def test_wherever_it_is_cut_each_comes_once_and_in_order(self) -> None:
        """Anywhere behind the opening handshake, also again while it comes back."""
        size = self._filled().pass_on()
        begun = 0
        for place in range(size + 1):
            for again in (None, place % 211) if place % 10 == 0 else (None,):
                pair = self._filled()
                pair.pass_on(place)
                if not pair.has_begun:
                    continue
                begun += again is None
                self._say(pair, "meanwhile")
                pair.connect()
                if again is not None:
                    pair.pass_on(again)
                    pair.connect()
                self._say(pair, "after")
                pair.pass_on()
                for end in (pair.client, pair.server):
                    words = MESSAGES if end is pair.client else [*MESSAGES, REQUEST]
                    assert end.received == [*words, "meanwhile", "after"], (place, again)
                assert pair.client.sessions == 1
        assert begun > size / 2

    def test_a_hello_that_did_not_arrive_has_begun_nothing(self) -> None:
        for place in range(self._filled().pass_on()):
            pair = self._filled()
            pair.pass_on(place)
            if pair.has_begun:
                break
            pair.connect()
            pair.client.send("of the session that is none")
            pair.pass_on()
            assert (pair.server.received, pair.client.received) == ([], MESSAGES)
            assert pair.client.sessions == 2
            self._say(pair, "new")
            pair.pass_on()
            assert (pair.server.received, pair.client.received) == (["new"], [*MESSAGES, "new"])

    def test_nor_is_there_one_more_where_the_answer_to_that_is_lost(self) -> None:
        for place in range(300):
            pair = self._filled()
            pair.connect()  # The hello is lost.
            pair.pass_on(place)
            session = pair.server.session
            has_begun = pair.has_begun
            pair.connect()
            pair.pass_on()
            assert (pair.server.session is session) == has_begun
            assert (pair.server.received, pair.client.received) == ([], MESSAGES)
            assert pair.client.sessions == 2

    @staticmethod
    def _filled() -> Pair:
        """The server speaks as soon as it is greeted, and the client before it is welcome."""
        pair = Pair(first_words=MESSAGES)
        for message in MESSAGES:
            pair.client.send(message)
        pair.client.request("1 login", "{}")
        return pair

    @staticmethod
    def _say(pair: Pair, message: str) -> None:
        for end in (pair.client, pair.server):
            end.send(message)

    def test_cut_again_and_again_at_random(self) -> None:
        for seed in range(60):
            chance = random.Random(seed)
            pair = Pair()
            for number in range(chance.randrange(1, 60)):
                end = chance.choice((pair.client, pair.server)) if pair.has_begun else pair.client
                message = chance.choice((f"{number}", f"\x10{number}", f"{number}".encode(), b"\x10" * number))
                if end.session.has_room(len(message)):
                    end.send(message)
                if chance.random() < 0.5:
                    pair.pass_on(chance.randrange(200))
                if chance.random() < 0.2:
                    pair.connect()
                if chance.random() < 0.2:
                    chance.choice((pair.client, pair.server)).tell_received()
            pair.pass_on()
            pair.connect()
            pair.pass_on()
            assert pair.client.sessions <= 2  # The hello of the first one may have been lost.
            assert pair.server.received == pair.client.sent, seed
            assert pair.client.received == pair.server.sent, seed

    def test_a_server_that_knows_the_session_no_more_says_so(self) -> None:
        pair = Pair()
        pair.pass_on()
        pair.client.send("old")
        pair.server.tokens = []
        pair.connect()
        pair.client.send("kept for the old session")
        pair.pass_on()
        assert pair.client.sessions == 2
        assert pair.server.received == []
        pair.client.send("new")
        pair.pass_on()
        assert pair.server.received == ["new"]


class TestBounds:
    def test_a_full_buffer_has_no_room_until_it_is_acknowledged(self) -> None:
        pair = Pair(buffer=1024)
        pair.pass_on()
        sent = 0
        while pair.client.session.has_room(100):
            pair.client.send(b"x" * 100)
            sent += 1
        assert 3 <= sent <= 10
        pair.pass_on()
        # Told at a quarter, without waiting for the second.
        assert pair.client.session.has_room(100)
        pair.server.tell_received()
        assert len(pair.server.received) == sent

    @pytest.mark.parametrize("head", ["1", "-1", "x", "", "1" * 40, "٣"])
    def test_an_acknowledgement_of_what_was_not_sent_is_an_error(self, head: str) -> None:
        pair = Pair()
        pair.pass_on()
        before = pair.server.session
        pair.client.codec.send_text(f"\x10a{head}\n")
        pair.pass_on()
        assert pair.server.error
        assert pair.server.session is before

    @pytest.mark.parametrize("message", ["", "x", "\x10", "\x10w{}\n", "\x10hx\n", '\x10h{"v":1}'])
    def test_a_client_of_the_layer_says_hello_first(self, message: str) -> None:
        layer = Layer()
        assert layer.receive([message, "later"]) == []
        assert layer.error

    def test_messages_before_an_error_count(self) -> None:
        pair = Pair()
        pair.pass_on()
        pair.client.codec.send_text("good")
        pair.client.codec.send_text("\x10h{}\n")
        pair.pass_on()
        assert (pair.server.received, bool(pair.server.error)) == (["good"], True)


class TestWithoutLayer:
    """With a server that agrees to any subprotocol."""

    @staticmethod
    def _undecided() -> tuple[Layer, Session]:
        session = Session(1024)
        return Layer(session, Hello(new_token(), False, 0, 1024)), session

    def test_what_was_sent_meanwhile_is_not_lost(self) -> None:
        layer, session = self._undecided()
        assert session.send("plain", 5) == "plain"
        assert session.send(escaped("\x10mine"), 5) is None
        assert session.send(LayerMessage("q", "1 x", "").pack(), 9) is None
        layer.outgoing.clear()
        assert layer.receive(["hi"]) == [NotLayered(), "hi"]
        assert layer.outgoing == ["\x10mine"]
        assert layer.receive(["\x10\x10", b"\x10"]) == ["\x10\x10", b"\x10"]

    def test_its_echo_of_the_hello_is_nobodys(self) -> None:
        layer, _ = self._undecided()
        (hello,) = layer.outgoing
        assert layer.receive([hello, "x"]) == [NotLayered(), "x"]

    def test_its_close_decides_nothing(self) -> None:
        layer, _ = self._undecided()
        assert layer.receive([Closed(1000, "")]) == [Closed(1000, "")]


def test_the_pair_speaks_websocket() -> None:
    """That the helper above is what it says: bytes of the one are understood by a codec of the other."""
    pair = Pair()
    data = pair.client.codec.data_to_send()
    codec = Codec(server=True)
    codec.receive_data(data)
    (hello,) = codec.events_received()
    assert isinstance(hello, str)
    assert hello.startswith("\x10h{")
