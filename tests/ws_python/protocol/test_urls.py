"""Tests of ws_python.protocol.urls."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ws_python.protocol.urls import host_header, parse_url, redacted, socket_path


class TestParsing:
    @pytest.mark.parametrize(
        "url",
        [
            "", "localhost:8080", "http://a/", "ws://", "ws://a/ b", "ws://a:99999/", "ws://[::1/", "ws://a/#f", "ws://a\n/",
            "ws://a:0/", "ws://a..b/", "ws://./", f"ws://{64 * 'a'}/", "ws://å..b/", "ws://a/#", "ws://::1/", "ws://a:b/",
            "ws://fe80::1/", "ws://[::1]x/", "ws://[v1.x]/", "ws://[fe80::1%25]x/", "ws://[fe80::1%25a%20b]/", "ws://℀/",
            "ws://a/\udc80", "ws://💩.la/", "ws://u:%FF@a/", "ws://a%3Ab:c@a/", "ws://u@a/", "ws://a<b/", "ws://%FF/",
            "ws://u:%00@a/", "ws://[fe80::1%25%C3%A9]/", "ws://a%2Fb/",
        ],
    )  # fmt: skip
    def test_a_bad_url_raises_one_line_with_an_example(self, url: str) -> None:
        with pytest.raises(
            ValueError, match=r'is not a WebSocket URL: .*write it like "ws://localhost:8080/path"'
        ) as e:
            parse_url(url)
        assert str(e.value).isprintable()
        # As our own, not as one that only happens to be a ValueError.
        assert type(e.value) is ValueError

    def test_a_url_gives_its_parts(self) -> None:
        parts = parse_url("wss://[::1]/a?b")
        assert (parts.secure, parts.host, parts.port, parts.resource_name) == (True, "::1", 443, "/a?b")

    @pytest.mark.parametrize(
        ("written", "target"),
        [
            ("", "/"),
            ("/?name=J%26J&room=é", "/?name=J%26J&room=%C3%A9"),
            ("/a%20b/é", "/a%20b/%C3%A9"),
            ("/?name=%C3%A9&x=日本", "/?name=%C3%A9&x=%E6%97%A5%E6%9C%AC"),
            ("/100%?a=5%&b=%zz&c=%2", "/100%25?a=5%25&b=%25zz&c=%252"),
            ('/?q={"a":1}', "/?q=%7B%22a%22:1%7D"),
            ("/?q=[1]|x^`\\<>", "/?q=%5B1%5D%7Cx%5E%60%5C%3C%3E"),
            ("//a;b=c,d/~(e)!*'$&+@:?/?:@", "//a;b=c,d/~(e)!*'$&+@:?/?:@"),
            ("?a", "/?a"),
        ],
    )
    def test_a_target_is_encoded_once(self, written: str, target: str) -> None:
        assert parse_url("ws://h" + written).resource_name == target
        assert parse_url("ws://h" + target).resource_name == target

    @pytest.mark.parametrize(
        ("written", "host", "header"),
        [
            ("Example.COM", "example.com", "example.com"),
            ("my_host", "my_host", "my_host"),
            ("a.", "a.", "a."),
            ("ex%61mple", "example", "example"),
            ("Bücher.example", "xn--bcher-kva.example", "xn--bcher-kva.example"),
            # UTS 46, non-transitional: the encodings of Python say fass.de.
            ("faß.de", "xn--fa-hia.de", "xn--fa-hia.de"),
            ("日本語。jp", "xn--wgv71a119e.jp", "xn--wgv71a119e.jp"),
            ("b%C3%BCcher.example", "xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("\uff11\uff12\uff17.\uff10.\uff10.\uff11", "127.0.0.1", "127.0.0.1"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
            ("[::1]", "::1", "[::1]"),
            ("[FE80::1%25Eth0]", "fe80::1%Eth0", "[fe80::1]"),
            ("[fe80::1%eth0]", "fe80::1%eth0", "[fe80::1]"),
            ("[fe80::1%25en-1]", "fe80::1%en-1", "[fe80::1]"),
        ],
    )
    def test_a_host_is_what_to_connect_to(self, written: str, host: str, header: str) -> None:
        uri = parse_url(f"ws://{written}/")
        assert (uri.host, uri.port, host_header(uri)) == (host, 80, header)
        uri = parse_url(f"ws://{written}:81/")
        assert (uri.host, uri.port, host_header(uri)) == (host, 81, f"{header}:81")

    def test_user_information_is_decoded_once(self) -> None:
        assert parse_url("ws://é%2525:p%26%C3%A9%@h/é").user_info == ("é%25", "p&é%")
        assert parse_url("ws://:@h/").user_info == ("", "")

    @given(st.text(max_size=40))
    def test_nothing_but_a_value_error_comes_of_any_text(self, text: str) -> None:
        for url in (text, f"ws://{text}", f"ws://h/{text}", f"ws://[{text}]/", f"ws://{text}@h/", f"ws://h:{text}/"):
            try:
                uri = parse_url(url)
            except ValueError as error:
                assert type(error) is ValueError, url
                assert str(error).isprintable()
                continue
            uri.resource_name.encode("ascii")
            host_header(uri).encode("ascii")


class TestUnixSockets:
    @pytest.mark.parametrize(
        ("url", "secure", "path", "target"),
        [
            ("unix:/run/game.sock", False, "/run/game.sock", "/"),
            ("ws+unix:/run/game.sock", False, "/run/game.sock", "/"),
            ("WSS+UNIX:/run/game.sock:/", True, "/run/game.sock", "/"),
            ("unix:/run/game.sock:/chat?room=1&at=1:/2", False, "/run/game.sock", "/chat?room=1&at=1:/2"),
            ("unix:/run/a%20b c#d?e:f:/é", False, "/run/a%20b c#d?e:f", "/%C3%A9"),
            ("unix:///run/game.sock", False, "///run/game.sock", "/"),
            ("unix:@name:/x", False, "@name", "/x"),
            ("unix:game.sock", False, "game.sock", "/"),  # Whether it is one, says who connects.
        ],
    )
    def test_a_path_of_a_socket_and_one_on_its_server(self, url: str, secure: bool, path: str, target: str) -> None:
        uri = parse_url(url)
        assert (uri.secure, socket_path(uri), uri.resource_name) == (secure, path, target)
        assert (uri.host, host_header(uri)) == ("localhost", "localhost")

    @pytest.mark.parametrize("url", ["unix:", "ws+unix::/x", "unix:/s:/a b", "unix:/s:/a#b", "tcp+unix:/s", "unix"])
    def test_a_bad_one_raises(self, url: str) -> None:
        with pytest.raises(ValueError, match="is not a WebSocket URL"):
            parse_url(url)

    def test_others_have_none(self) -> None:
        assert socket_path(parse_url("ws://unix:81/run/game.sock:/x")) == ""


class TestRedaction:
    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            ("ws://h:80/room?", "ws://h:80/room?"),
            ("unix:/run/game.sock:/chat?token=secret", "unix:/run/game.sock:/chat?token=…"),
            ("ws://h:65535/@room", "ws://h:65535/@room"),
            ("ws://user:secret@h/x", "ws://…@h/x"),
            ("ws://user@h/x", "ws://…@h/x"),
            ("ws://h/?name=secret&token=secret&&c=#f", "ws://h/?name=…&token=…&&c=#…"),
            ("ws://h/?secret", "ws://h/?…"),
            ("https://h/cb#access_token=secret", "https://h/cb#…"),
            ("/login?next=secret", "/login?next=…"),
            ("//user:secret@h", "//…@h"),
            ("ws://h/@room?m=secret@b", "ws://h/@room?m=…"),
            ("ws://u:secret@h/?m=secret@b", "ws://…@h/?m=…"),
            # Written wrongly: rather more than less.
            ("ws://u:sec/ret@h/x", "ws://…"),
            ("ws://u:sec?ret@h/x", "ws://…"),
            ("ws://u:sec#ret@h/x", "ws://…"),
            ("ws://u:sec@cret/secret@h/x", "ws://…"),
            ("ws://u:/secret@h/x", "ws://…"),
            ("ws://u:0/secret@h/x", "ws://…"),
            ("ws://u:65536/secret@h/x", "ws://…"),
            ("ws://[:secret]/x@h/x", "ws://…"),
            ("ws://[::1]:80/@x", "ws://[::1]:80/@x"),
            ("ws://u:secret@h:port/", "ws://…@h:port/"),
            ("", ""),
            ("\x1b[31m\n", "�[31m "),
        ],
    )
    def test_what_is_secret_is_not_shown(self, url: str, shown: str) -> None:
        assert redacted(url) == shown

    def test_it_is_short(self) -> None:
        assert len(redacted("ws://h/" + "x" * 100_000)) == 200
        assert len(redacted("ws://h/?" + "a=b&" * 100_000)) == 200

    @pytest.mark.parametrize(
        "url",
        [
            "ws://u:secret@℀/", "ws://u:secret@h:secret1/x", "ws://u:secret/x@h", "ws://h /?token=secret", "http://u:secret@h/",
            "ws://u:secret@[::x]/", "ws://u:secret@a..b/?token=secret#", "ws://u:secret%FF@h/", "ws://u%3Au:secret@h/",
        ],
    )  # fmt: skip
    def test_a_bad_url_is_told_without_its_secrets(self, url: str) -> None:
        with pytest.raises(ValueError, match="is not a WebSocket URL") as caught:
            parse_url(url)
        assert "secret" not in str(caught.value).replace("secret1", "")

    @given(st.text(max_size=50), st.text(max_size=20))
    def test_anything_may_be_asked(self, before: str, after: str) -> None:
        shown = redacted(f"{before}://u:SECRET@{after}")
        assert shown.isprintable()
        redacted(before)
