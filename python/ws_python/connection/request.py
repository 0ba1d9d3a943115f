"""The request that asks for a connection (RFC 6455 section 4.1): what an authorizer is shown, and a peer keeps."""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
from collections.abc import Iterator
from typing import Self
from urllib.parse import unquote, unquote_plus

from websockets.datastructures import Headers

from ..declare.errors import Error
from ..protocol.handshake import Handshake, ServerHandshake
from ..protocol.session import without_layer
from .connection import Connection

_log = logging.getLogger("ws_python")

# Pairs of a query, and cookies, that are looked at: what has more is no request of a game.
_MOST_PAIRS = 256


class WebSocketRequest:
    """What a client asked for when it connected: the path, the query, headers, and who it is.

    An `authorizer` is called with it, and it stays with the connection that it opened: `request` of the peer. What
    stands in it was written by the client, except `address`, `port`, `certificate` and `data`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._data: object = None
        self._handshake: Handshake | None = None
        self._address = ""
        self._port = 0
        self._certificate = ""

    @classmethod
    def _made_of(cls, connection: Connection) -> Self:
        """The request of a server's connection, for the moment."""
        request = cls()
        request._handshake = connection.handshake
        request._address, request._port = connection.host, connection.port
        request._certificate = "" if connection.link is None else connection.link.certificate
        return request

    @classmethod
    def _of(cls, connection: Connection) -> Self:
        """The one that a user is shown: made when it is first asked for, and kept with the connection."""
        if connection.request is None:
            connection.request = cls._made_of(connection)
        request: Self = connection.request
        return request

    # --- what is requested

    @property
    def target(self) -> str:
        """Path and query as they came, like "/room/Zo%C3%AB?seat=3": what get_request_path() of the peer says."""
        return "" if self._handshake is None else self._handshake.path

    @property
    def path(self) -> str:
        """The path of the URL, percent-decoded and without the query, like "/room/Zoë"."""
        return unquote(self.target.partition("?")[0], errors="replace")

    @property
    def query(self) -> dict[str, str]:
        """The query of the URL as a dictionary, decoded as that of an HTML form: "%C3%AB" is "ë", "+" is a space.

        A name without "=" has the value "". Where a name is repeated, the first counts; all are in
        get_query_values(). Of a query with more than 256 pairs the others are left out.
        """
        pairs: dict[str, str] = {}
        for name, value in self._query_pairs():
            pairs.setdefault(name, value)
        return pairs

    def get_query_values(self, name: str) -> list[str]:
        """All values that the query has for a name, in order."""
        return [value for other, value in self._query_pairs() if other == name]

    def _query_pairs(self) -> Iterator[tuple[str, str]]:
        query = self.target.partition("?")[2]
        for pair in query.split("&", _MOST_PAIRS)[:_MOST_PAIRS]:
            if pair:
                name, _, value = pair.partition("=")
                yield unquote_plus(name, errors="replace"), unquote_plus(value, errors="replace")

    @property
    def headers(self) -> Headers:
        """All headers, as a `Dictionary` from names in lower case to values, several of one name joined by commas.

        In Python it is a `websockets.Headers`, where case is ignored, and get_all() gives those of one name one by one.
        """
        if self._handshake is None:
            return Headers()
        request = self._handshake.request if isinstance(self._handshake, ServerHandshake) else None
        return self._handshake.headers() if request is None else request.headers

    def get_headers(self) -> dict[str, str]:
        """All headers: names in lower case to values, several of one name joined by commas."""
        if self._handshake is None:
            return {}
        return {name.lower(): self.get_header(name) for name, _ in self._handshake.headers().raw_items()}

    def get_header(self, name: str) -> str:
        """The value of a header (case is ignored), several of one name joined by commas; "" if there is none."""
        return "" if self._handshake is None else self._handshake.header(name)

    def get_header_values(self, name: str) -> list[str]:
        """The values of all headers of one name (case is ignored), in order."""
        return [] if self._handshake is None else self._handshake.header_values(name)

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies (RFC 6265), names to values as they came; where a name is repeated, the first counts.

        Browsers send those of your site by themselves, whichever page connects: check `origin`, or set
        `allowed_origins`, where a cookie is all that you ask for.
        """
        cookies: dict[str, str] = {}
        lines = "; ".join(self.get_header_values("Cookie"))
        for pair in lines.split(";", _MOST_PAIRS)[:_MOST_PAIRS]:
            name, equals, value = pair.partition("=")
            if equals and name.strip():
                value = value.strip()
                quoted = len(value) >= 2 and value[0] == value[-1] == '"'
                cookies.setdefault(name.strip(), value[1:-1] if quoted else value)
        return cookies

    @property
    def origin(self) -> str:
        """The site whose page connects, like "https://example.com" (RFC 6454); "" for what is no browser.

        "null" is a page without a site: a file, or a frame that any site has put into a sandbox.
        """
        return self.get_header("Origin")

    @property
    def subprotocols(self) -> list[str]:
        """The subprotocols that the client offers, the preferred one first. See select_protocol()."""
        offered = ",".join(self.get_header_values("Sec-WebSocket-Protocol"))
        names = (without_layer(name.strip())[0] for name in offered.split(","))
        return [name for name in dict.fromkeys(names) if name]

    # --- who requests it

    @property
    def address(self) -> str:
        """The IP address of the client."""
        return self._address

    @property
    def port(self) -> int:
        """The TCP port of the client."""
        return self._port

    @property
    def certificate(self) -> str:
        """The client's TLS certificate, checked, in PEM format; "" if it has none, or the connection is not secure."""
        return self._certificate

    def get_bearer_token(self, query_parameter: str = "access_token") -> str:
        """The token of the header `Authorization: Bearer` (RFC 6750); without one, that of the query; "" for none.

        Browsers let no page set that header: there the token goes into the URL, "wss://example.com/?access_token=…".
        `query_parameter` is its name; "" leaves the query aside. Servers in between may write URLs into their logs:
        let such a token expire soon, see sign_token() of the server.
        """
        token = self._credentials("bearer")
        return token or (self.query.get(query_parameter, "") if query_parameter else "")

    def get_basic_user(self) -> str:
        """The user of the header `Authorization: Basic` (RFC 7617), as from "ws://user:password@host"; "" for none."""
        return self._basic()[0]

    def get_basic_password(self) -> str:
        """The password of the header `Authorization: Basic`; "" for none. Compare it with constant_time_compare()."""
        return self._basic()[1]

    def _basic(self) -> tuple[str, str]:
        try:
            pair = base64.b64decode(self._credentials("basic"), validate=True).decode()
        except (binascii.Error, ValueError):
            return "", ""
        user, _, password = pair.partition(":")
        return user, password

    def _credentials(self, scheme: str) -> str:
        """RFC 9110 section 11.4: the scheme has no case. Two such headers are no valid ones."""
        values = self.get_header_values("Authorization")
        found, _, credentials = (values[0] if len(values) == 1 else "").partition(" ")
        return credentials.strip() if found.lower() == scheme else ""

    # --- what an authorizer says

    @property
    def data(self) -> object:
        """Yours: whatever you want to know later of whom you let in, such as a user's name. null (None) at first."""
        return self._data

    @data.setter
    def data(self, value: object) -> None:
        self._data = value

    def select_protocol(self, protocol: str) -> Error:
        """Choose one of the `subprotocols` that the client offers, in place of the server by `supported_protocols`.

        To be called by an `authorizer` before it answers. Errors: ERR_INVALID_PARAMETER for one that is not offered,
        ERR_UNAVAILABLE if the request is answered already.
        """
        handshake = self._handshake
        if protocol not in self.subprotocols:
            _log.error("select_protocol: the client does not offer this subprotocol; choose one of `subprotocols`")
            return Error.ERR_INVALID_PARAMETER
        if not isinstance(handshake, ServerHandshake) or not handshake.select(protocol):
            _log.error("select_protocol: the request is answered already; call it in the authorizer")
            return Error.ERR_UNAVAILABLE
        return Error.OK

    @staticmethod
    def refuse(status: int, text: str = "", headers: list[str] = []) -> dict[str, object]:  # noqa: B006  # Never changed.
        """What an `authorizer` returns to refuse a request in its own words. By itself it does nothing: `return` it.

        `status` is an HTTP status from 300 to 599, `text` the body that the client gets and `handshake_failed` quotes,
        and `headers` are further headers, each as one string "Name: value". It is a dictionary with these three keys,
        as you can write one yourself.
        """
        return {"status": status, "text": text, "headers": list(headers)}

    @staticmethod
    def constant_time_compare(trusted: str, received: str) -> bool:
        """Whether two secrets are equal, in a time that does not tell where they differ: Crypto's, for strings."""
        return hmac.compare_digest(trusted.encode("utf-8", "surrogatepass"), received.encode("utf-8", "surrogatepass"))
