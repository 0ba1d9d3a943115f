"""Tests of ws_python.protocol.http_head."""

from __future__ import annotations

import re
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ws_python.protocol.http_head import (
    MAX_HEAD,
    MAX_LIST_ENTRIES,
    MAX_PARAMETERS,
    HeadError,
    HeadReader,
    field_values,
    fields_of,
    parse_fields,
)

HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Counting(bytearray):
    """Counts the bytes that are searched."""

    searched = 0

    def find(self, sub: bytes, start: int = 0, end: int = MAX_HEAD) -> int:  # type: ignore[override]
        Counting.searched += max(0, min(end, len(self)) - start)
        return super().find(sub, start, end)

    def count(self, sub: bytes, start: int = 0, end: int = MAX_HEAD) -> int:  # type: ignore[override]
        Counting.searched += max(0, min(end, len(self)) - start)
        return super().count(sub, start, end)


class TestReading:
    def test_a_head_ends_at_the_first_empty_line(self) -> None:
        reader = HeadReader()
        assert reader.feed(HEAD + b"\r\n\r\nrest\0\n") == HEAD
        assert reader.leftover == b"\r\n\r\nrest\0\n"
        assert reader.first_line() == b"GET / HTTP/1.1"

    def test_it_may_be_cut_anywhere(self) -> None:
        for cut in range(len(HEAD)):
            reader = HeadReader()
            assert reader.feed(HEAD[:cut]) is None
            assert reader.feed(HEAD[cut:] + b"rest") == HEAD
            assert reader.leftover == b"rest"

    @pytest.mark.parametrize(
        ("flawed", "why", "line"),
        [
            (b"GET / HTTP/1.1\n\n", "a line feed without a carriage return", None),
            (b"\n", "a line feed without a carriage return", None),
            (b"GET /\rHTTP/1.1\r\n", "a carriage return without a line feed", None),
            (b"GET / HTTP/1.1\r\nA: \0\r\n", "a NUL byte", b"GET / HTTP/1.1"),
            (b"GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", "a line feed without a carriage return", b"GET / HTTP/1.1"),
            (b"GET / HTTP/1.1\r\nA: b\r\r\n\r\n", "a carriage return without a line feed", b"GET / HTTP/1.1"),
        ],
    )
    @pytest.mark.parametrize("size", [1, 2, 3, 1000])
    def test_a_flaw_is_told_at_once_however_it_is_cut(
        self, flawed: bytes, why: str, line: bytes | None, size: int
    ) -> None:
        reader = HeadReader()
        with pytest.raises(HeadError, match=why) as caught:
            for start in range(0, len(flawed), size):
                assert reader.feed(flawed[start : start + size]) is None
        assert caught.value.status is HTTPStatus.BAD_REQUEST
        assert reader.first_line() == line

    @given(
        st.lists(st.sampled_from([b"a", b"a", b"\r\n", b"\r\n", b"\r", b"\n", b"\0"]), max_size=12), st.integers(1, 4)
    )
    def test_it_is_told_at_the_byte_that_shows_it(self, parts: list[bytes], size: int) -> None:
        data = b"".join(parts)
        reader, fed, flawed = HeadReader(), 0, False
        while fed < len(data) and not flawed:
            try:
                if reader.feed(data[fed : fed + size]) is not None:
                    break
            except HeadError:
                flawed = True
            fed += size
        seen = data[:fed].partition(b"\r\n\r\n")[0] + b"\r\n" * (b"\r\n\r\n" in data[:fed])
        assert flawed is (re.search(rb"\0|\r[^\n]|(^|[^\r])\n", seen) is not None)

    @pytest.mark.parametrize("size", [1, 1000, MAX_HEAD, 100_000])
    @pytest.mark.parametrize(
        ("beginning", "status"),
        [(b"GET /", HTTPStatus.REQUEST_URI_TOO_LONG), (HEAD[:-2], HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)],
    )
    def test_it_has_a_bound(self, beginning: bytes, status: HTTPStatus, size: int) -> None:
        largest = beginning + b"a" * (MAX_HEAD - len(beginning) - 4) + b"\r\n\r\n"
        reader = HeadReader()
        heads = [reader.feed(largest[start : start + size]) for start in range(0, len(largest), size)]
        assert heads[-1] == largest
        larger = beginning + b"a" * (MAX_HEAD - len(beginning))
        reader, fed = HeadReader(), 0
        with pytest.raises(HeadError, match=f"more than {MAX_HEAD} bytes") as caught:
            for start in range(0, len(larger), size):
                fed = start + size
                assert reader.feed(larger[start : start + size]) is None
        assert caught.value.status is status
        assert fed <= MAX_HEAD + size

    def test_no_byte_is_looked_at_often(self, monkeypatch: pytest.MonkeyPatch) -> None:
        reader = HeadReader()
        monkeypatch.setattr(reader, "_received", Counting())
        monkeypatch.setattr(Counting, "searched", 0)
        for _ in range(MAX_HEAD - 1):
            reader.feed(b"a")
        # Six searches, of the byte that came and at most three before it.
        assert 0 < Counting.searched < 12 * MAX_HEAD


class TestParsing:
    def test_the_values_of_a_field(self) -> None:
        head = b"HTTP/1.1 200 OK\r\nA: 1\r\na:\t2, 3 \r\nB: \xe9\r\n\r\n"
        assert parse_fields(head).get_all("A") == ["1", "2, 3"]
        fields = head.partition(b"\r\n")[2]
        assert field_values(fields, "a") == ["1", "2, 3"]
        assert field_values(fields, "b") == ["é"]
        assert field_values(fields, "c") == field_values(fields, "\udc80") == []
        assert list(fields_of(fields).raw_items()) == [("A", "1"), ("a", "2, 3"), ("B", "é")]
        assert list(fields_of(b"").raw_items()) == []

    @pytest.mark.parametrize(
        ("line", "why"),
        [
            (b"no colon", "invalid HTTP header line"),
            (b" A: folded", "invalid HTTP header name"),
            (b"A : b", "invalid HTTP header name"),
            (b": b", "invalid HTTP header name"),
            (b"A: \x1b", "invalid HTTP header value"),
        ],
    )
    def test_a_malformed_line_is_told_without_what_it_holds(self, line: bytes, why: str) -> None:
        with pytest.raises(HeadError) as caught:
            parse_fields(b"x\r\nA: b\r\n" + line + b"\r\n\r\n")
        assert (str(caught.value), caught.value.status) == (why, HTTPStatus.BAD_REQUEST)

    @pytest.mark.parametrize("lines", [b"A: b\r\n" * 129, b"A: " + b"b" * 8190 + b"\r\n"])
    def test_lines_have_bounds(self, lines: bytes) -> None:
        with pytest.raises(HeadError) as caught:
            parse_fields(b"x\r\n" + lines + b"\r\n")
        assert caught.value.status is HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE

    @pytest.mark.parametrize("name", ["Connection", "upgrade", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"])
    def test_lists_have_a_bound_over_all_lines(self, name: str) -> None:
        def lines(count: int) -> bytes:
            some = count // 2
            return f"x\r\n{name}: {','.join('a' * some)}\r\n{name}: {','.join('a' * (count - some))}\r\n\r\n".encode()

        parse_fields(lines(MAX_LIST_ENTRIES))
        for head in (lines(MAX_LIST_ENTRIES + 1), f"x\r\n{name}: {',' * 8000}\r\n\r\n".encode()):
            with pytest.raises(HeadError, match=f"(?i){name} lists more than {MAX_LIST_ENTRIES} entries"):
                parse_fields(head)

    @pytest.mark.parametrize("parameter", [b";a", b'\\"'])
    def test_parameters_have_a_bound_over_all_lines(self, parameter: bytes) -> None:
        line = b"Sec-WebSocket-Extensions: a" + parameter * (MAX_PARAMETERS // 2) + b"\r\n"
        parse_fields(b"x\r\n" + line * 2 + b"\r\n")
        with pytest.raises(HeadError, match=f"Sec-WebSocket-Extensions has more than {MAX_PARAMETERS} parameters"):
            parse_fields(b"x\r\n" + line * 2 + line + b"\r\n")
