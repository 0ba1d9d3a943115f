"""Tests of ws_python.protocol.request_line."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from ws_python.protocol.http_head import HeadError
from ws_python.protocol.request_line import check_host, parse_request_line


@pytest.mark.parametrize(
    ("target", "path", "origin"),
    [
        ("/", "/", ""),
        ("/chat?room=1", "/chat?room=1", ""),
        ("//double/x", "//double/x", ""),
        ("/a%20b/%C3%A9?q=%26&?/@:", "/a%20b/%C3%A9?q=%26&?/@:", ""),
        # What browsers leave as it is.
        ("/a|b^?q=[1]{}`\\&r=100%", "/a|b^?q=[1]{}`\\&r=100%", ""),
        ("http://h:80/chat?room=1", "/chat?room=1", "ws://h:80"),
        ("ws://h/a", "/a", "ws://h"),
        ("wss://h", "/", "wss://h"),
        ("HTTPS://[::1]:1?a=/b", "/?a=/b", "wss://[::1]:1"),
    ],
)
def test_a_path_or_a_url_is_understood(target: str, path: str, origin: str) -> None:
    found = parse_request_line(f"GET {target} HTTP/1.1".encode())
    assert (found.method, found.path, found.origin) == ("GET", path, origin)


@pytest.mark.parametrize(
    "target",
    [
        "", "*", "chat", "h:80", "/a#frag", "/#", "/é", "/a\x7f", "/a\tb", "/a\0", '/"', "/<", "ftp://h/", "http:///a",
        "http://user:pw@h/x", "http://h:1:2/", "http://h:99999/", "http://[::1/", "http://[::g]/", "http://a b/",
        "ws:/a",        "http://h/#f", "http://h#f", "http://h/é", "http://é/", "ws://h:80a/",
    ],
)  # fmt: skip
def test_any_other_target_is_refused(target: str) -> None:
    for encoding in ("latin-1", "utf-8"):
        with pytest.raises(HeadError) as caught:
            parse_request_line(f"GET {target} HTTP/1.1".encode(encoding))
        assert caught.value.status is HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"OPTIONS * HTTP/1.1", 405),
        (b"CONNECT h:80 HTTP/1.1", 405),
        (b"POST /a HTTP/1.1", 405),
        (b"get / HTTP/1.1", 405),
        (b"GET * HTTP/1.1", 400),
        (b"GET / HTTP/1.0", 505),
        (b"GET / HTTP/2.0", 505),
        (b"PRI * HTTP/2.0", 505),
        (b"GET /", 400),
        (b"GET  / HTTP/1.1", 400),
        (b"GET / HTTP/1.1 ", 400),
        (b"GET / http/1.1", 400),
        (b"G@T / HTTP/1.1", 400),
        (b"SSH-2.0-OpenSSH", 400),
        (b"", 400),
    ],
)
def test_what_is_no_request_for_us_is_refused_with_its_status(line: bytes, status: int) -> None:
    with pytest.raises(HeadError) as caught:
        parse_request_line(line)
    assert caught.value.status == status


def test_a_head_may_be_asked_for() -> None:
    assert parse_request_line(b"HEAD /a HTTP/1.1").method == "HEAD"


@pytest.mark.parametrize(
    "host",
    ["a", "A.b.:80", "a:", "127.0.0.1:65535", "[::1]", "[::ffff:1.2.3.4]:1", "[fe80::1%25eth0]:1", "my_host", "%C3%A9"],
)
def test_a_host_is_valid(host: str) -> None:
    assert check_host([host]) == host


@pytest.mark.parametrize(
    "hosts",
    [
        [], ["a", "b"], ["a", "a"], [""], [":80"], ["a/b?c d"], ["a,b:x"], ["a:80:90"], ["a:65536"], ["[::g]"], ["[]"],
        ["u@a"], ["http://a"], ["a b"], ["%zz"], ["[::1"], ["é"], ["[fe80::1%eth0]"],
    ],
)  # fmt: skip
def test_any_other_host_is_refused(hosts: list[str]) -> None:
    with pytest.raises(HeadError) as caught:
        check_host(hosts)
    assert caught.value.status is HTTPStatus.BAD_REQUEST


def test_a_long_one_costs_no_more_than_its_length() -> None:
    # Backtracking would take until the end of the world.
    with pytest.raises(HeadError):
        check_host(["a%41" * 4000 + "/"])
    with pytest.raises(HeadError):
        parse_request_line(b"GET ws://" + b"a%41" * 4000 + b"/# HTTP/1.1")
