"""Proxies of a client: which one to use, from its property or the environment, and the way to a server through it.

A tunnel is asked for by HTTP CONNECT (RFC 9110 section 9.3.6) or SOCKS5 (RFC 1928, 1929), for ws:// and wss:// alike
(RFC 6455 section 4.1); TLS goes through it to the server itself. What a proxy answers is bounded, and not shown.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from websockets.exceptions import InvalidProxy
from websockets.headers import build_authorization_basic, build_host
from websockets.http11 import Response
from websockets.streams import StreamReader

from ..declare.settings import setting
from ..declare.system_words import words_of
from ..loop.hub import hub
from .dialer import Dialer, DialError, dial_tcp, is_refused, lacking

NONE = "none"

_SCHEMES = ("http", "socks5", "socks5h")
_ALIASES = {"socks": "socks5h"}  # As desktops write it.
_EXAMPLE = 'write it like "http://user:password@host:3128" or "socks5h://host:1080"'
_DEFAULT_SOCKS_PORT = 1080  # RFC 1928 section 3
# RFC 1929 section 2, and what python-socks encodes.
_MAX_SOCKS_CREDENTIAL = 255
# The variables that count, the first one first: those of WebSockets, then as RFC 6455 section 4.1 prefers them.
_VARIABLES = {True: ("wss", "socks", "https", "all"), False: ("ws", "socks", "https", "http", "all")}
# What an answer may have, all its lines together, and the most answers before the final one (RFC 9110 section 15.2).
_MAX_ANSWER = 16 * 1024
_MAX_INTERIM = 8
_HTTP = b"HTTP/"
_PIECE = 4096


class ProxySettings:
    """For a client that can go through a proxy."""

    proxy: str = setting(
        "",
        group="Proxy",
        doc='The proxy to connect through: "http://host:port" for HTTP CONNECT, "socks5h://host:port" for SOCKS5 with '
        'names resolved by the proxy, "socks5://host:port" with names resolved here; "http://user:password@host:port" '
        "with credentials. The TLS of wss:// is with the server itself, through the proxy. Empty: what the environment "
        "says, as for other programs: the first that is set of `wss_proxy` (for wss://) or `ws_proxy` (for ws://), "
        "`socks_proxy`, `https_proxy`, `http_proxy` (for ws:// only) and `all_proxy`, in small letters or capitals, "
        'unless `no_proxy` lists the host; never for this machine itself. "none": no proxy, whatever the environment '
        "says. Unix sockets take none. A change counts for the next attempt to connect.",
    )


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where a proxy is, and who we are to it."""

    scheme: str
    host: str
    port: int
    user: str | None = field(repr=False)
    password: str | None = field(repr=False)
    #: What told us of it, to be shown.
    source: str

    def __str__(self) -> str:
        """As it may be shown: without its credentials."""
        secret = "…@" if self.user is not None else ""
        return f"{self.scheme}://{secret}{build_host(self.host, self.port, False, always_include_port=True)}"


def parse_proxy(text: str, source: str) -> Proxy:
    """Raises ValueError with one line that says what is wrong, and repeats nothing that may be a secret."""
    from websockets.proxy import parse_proxy as parse  # Here, for it takes 10 ms, and few players have a proxy.

    url = text.strip()
    if "://" not in url:
        url = f"http://{url}"  # As curl and others take it from the environment.
    scheme, _, rest = url.partition("://")
    scheme = _ALIASES.get(scheme.lower(), scheme.lower())
    if scheme not in _SCHEMES:
        raise ValueError(f"{source}: only {', '.join(_SCHEMES)} are kinds of proxies to go through; {_EXAMPLE}")
    try:
        found = parse(f"{scheme}://{rest}")
        port = _port(f"{scheme}://{rest}") or (80 if scheme == "http" else _DEFAULT_SOCKS_PORT)
        host = found.host.encode("idna").decode("ascii")
        if not host.isprintable():
            raise ValueError
    except InvalidProxy as error:
        raise ValueError(f"{source} is no URL of a proxy ({error.msg}); {_EXAMPLE}") from None
    except ValueError:  # Whose text may hold a part of the password.
        raise ValueError(f"{source} is no URL of a proxy; {_EXAMPLE}") from None
    proxy = Proxy(scheme, host, port, found.username, found.password, source)
    _check_credentials(proxy)
    return proxy


def _port(url: str) -> int | None:
    from urllib.parse import urlsplit

    return urlsplit(url).port


def _check_credentials(proxy: Proxy) -> None:
    user, password = proxy.user, proxy.password
    if user is None or password is None:
        return
    if proxy.scheme == "http":
        if ":" in user:  # RFC 7617 section 2
            raise ValueError(f"{proxy.source}: a user name for an HTTP proxy must not hold a colon")
        return
    if not user or not password or not (user + password).isascii():
        raise ValueError(f"{proxy.source}: user name and password for a SOCKS proxy are ASCII, and not empty")
    if max(len(user), len(password)) > _MAX_SOCKS_CREDENTIAL:
        raise ValueError(f"{proxy.source}: user name and password for a SOCKS proxy have 255 characters at the most")


def dialer_through(proxy: str, host: str, port: int, *, secure: bool) -> Dialer:
    """The way to a host by the property `proxy`. Raises ValueError with one line if it is malformed."""
    if proxy.strip().lower() == NONE:
        return Dialer()
    if proxy.strip():
        return ProxyDialer(parse_proxy(proxy, "the property proxy"))
    found = _of_environment(host, port, secure)
    if found is None:
        return Dialer()
    url, source = found
    try:
        return ProxyDialer(parse_proxy(url, source))
    except ValueError as error:
        # A player's variable is no mistake of the game's: the attempt fails. Going straight could tell what they hide.
        return _NoWay(f'{error} (proxy = "{NONE}" would do without)')


# --- the environment


def _of_environment(host: str, port: int, secure: bool) -> tuple[str, str] | None:
    """The URL of the proxy that the environment has for a host, and what to call where it stands."""
    if _is_this_machine(host) or not _has_proxies():
        return None
    from urllib.request import getproxies, proxy_bypass  # Here, for it takes 10 ms, and few players have a proxy.

    proxies = getproxies()
    host = host.rstrip(".")  # A name that is known to be whole is the same name.
    if _is_excepted(host, proxies) or proxy_bypass(f"{host}:{port}"):
        return None
    name = next((name for name in _VARIABLES[secure] if proxies.get(name)), None)
    if name is None:
        return None
    url = proxies[name]
    if name == "socks" and not url.lower().startswith("socks"):  # Systems tell it as "http://host:port", or bare.
        url = f"socks://{url.rpartition('://')[2]}"
    return url, f"{name}_proxy of the environment"


def _has_proxies() -> bool:
    # Other systems keep them elsewhere, too.
    return sys.platform != "linux" or any(name.lower().endswith("_proxy") for name in os.environ)


def _is_this_machine(host: str) -> bool:
    """Whether a host is reached without leaving this machine, or its network cable, by what it is called."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761 section 6.3
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        own = socket.gethostname().lower()
        return name in (own, own.partition(".")[0], "localhost.localdomain")
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified or mapped.is_link_local)


def _is_excepted(host: str, proxies: Mapping[str, str]) -> bool:
    """Whether no_proxy holds the host's address, or a network with it: urllib compares text only."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    for entry in proxies.get("no", "").split(","):
        try:
            if address in ipaddress.ip_network(entry.strip().strip("[]"), strict=False):
                return True
        except ValueError:
            pass  # A name.
    return False


class _NoWay(Dialer):
    """There is a proxy, and it cannot be used."""

    def __init__(self, why: str) -> None:
        self._why = why

    async def dial(self, host: str, port: int) -> socket.socket:
        """See Dialer."""
        raise DialError(self._why, retryable=False, cause="proxy_malformed")


# --- the way


class ProxyDialer(Dialer):
    """Has a proxy connect to the host."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self.via = f" (through the proxy {proxy})"

    async def dial(self, host: str, port: int) -> socket.socket:
        """See Dialer."""
        host = host.partition("%")[0]  # The zone of an IPv6 address means nothing on another machine.
        connected = await self._reach()
        try:
            if self._proxy.scheme == "http":
                await self._connect_by_http(connected, host, port)
            else:
                await self._connect_by_socks(connected, host, port)
        except OSError as error:
            connected.close()
            if isinstance(error, socket.gaierror):  # Of the server's name, which socks5:// has us resolve.
                raise
            raise self._hung_up() from error
        except BaseException:
            connected.close()
            raise
        return connected

    def address(self, connected: socket.socket, host: str, port: int) -> tuple[str, int]:
        """See Dialer: the proxy knows the address, we the name."""
        return host, port

    def timed_out(self, host: str, port: int) -> str:
        """See Dialer."""
        return (
            f"{host}, port {port}, did not answer through the proxy {self._proxy} in time; check that the proxy runs "
            f"({self._proxy.source}), and connect_timeout"
        )

    async def _reach(self) -> socket.socket:
        proxy = self._proxy
        try:
            return await dial_tcp(proxy.host, proxy.port)
        except socket.gaierror as error:
            what = f"cannot be resolved ({words_of(error)}); check its name"
        except OSError as error:
            if is_refused(error):
                what = "refuses connections; check that it runs, and its port"
            else:
                what = f"cannot be reached ({words_of(error)}); check its address"
        raise self._error(f"{what} in {proxy.source}", "proxy_unreachable", retryable=True)

    async def _connect_by_http(self, connected: socket.socket, host: str, port: int) -> None:
        loop = hub.loop()
        await loop.sock_sendall(connected, self._request(host, port))
        answers = _Answers()
        while answers.status == 0:
            data = await loop.sock_recv(connected, _PIECE)
            if not data:
                raise self._hung_up()
            try:
                answers.feed(data)
            except ValueError:
                raise self._malformed("an HTTP") from None
        self._judge(answers.status, host, port)

    def _request(self, host: str, port: int) -> bytes:
        authority = build_host(host, port, False, always_include_port=True)
        lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
        if self._proxy.user is not None and self._proxy.password is not None:
            lines.append(f"Proxy-Authorization: {build_authorization_basic(self._proxy.user, self._proxy.password)}")
        return "\r\n".join([*lines, "", ""]).encode("ascii")

    def _judge(self, status: int, host: str, port: int) -> None:
        """Raises DialError unless a status lets us through."""
        if 200 <= status < 300:
            return
        if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            raise self._unauthorised("HTTP 407; Basic is spoken here")
        names: dict[int, str] = {known.value: f" {known.phrase}" for known in HTTPStatus}
        retryable = status >= 500 or status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
        cure = "try again later, or check host and port" if retryable else "ask who runs it to allow that"
        raise self._error(
            f"does not connect to {host}, port {port} (HTTP {status}{names.get(status, '')}); {cure}",
            "proxy_refused",
            retryable=retryable,
        )

    async def _connect_by_socks(self, connected: socket.socket, host: str, port: int) -> None:
        try:
            from . import socks
        except ImportError as error:
            raise lacking("python-socks", error, "proxy_unsupported") from None
        proxy = self._proxy
        try:
            await socks.connect(connected, host, port, proxy.user, proxy.password, here=proxy.scheme == "socks5")
        except socks.CredentialsError:
            raise self._unauthorised("SOCKS5") from None
        except socks.RefusedError as error:
            cure = "try again later, or check host and port" if error.may_pass else "ask who runs it to allow that"
            raise self._error(
                f"does not connect to {host}, port {port} ({error}); {cure}", "proxy_refused", retryable=error.may_pass
            ) from None
        except socks.HungUpError:
            raise self._hung_up() from None
        except socks.MalformedError:
            raise self._malformed("a SOCKS5") from None

    # --- what went wrong

    def _error(self, what: str, cause: str, *, retryable: bool) -> DialError:
        return DialError(f"the proxy {self._proxy} {what}", retryable=retryable, cause=cause)

    def _unauthorised(self, how: str) -> DialError:
        if self._proxy.user is None:
            what = f"wants a user name and a password ({how}); give them in {self._proxy.source}: {_EXAMPLE}"
        else:
            what = f"does not take our user name and password ({how}); correct them in {self._proxy.source}"
        return self._error(what, "proxy_unauthorised", retryable=False)

    def _hung_up(self) -> DialError:
        what = f"hung up; check its kind, its port and the credentials in {self._proxy.source}"
        return self._error(what, "proxy_hung_up", retryable=True)

    def _malformed(self, kind: str) -> DialError:
        what = f"does not answer as {kind} proxy does; check its kind and port in {self._proxy.source}"
        return self._error(what, "proxy_malformed", retryable=False)


class _Answers:
    """What an HTTP proxy answers, until a status decides."""

    def __init__(self) -> None:
        #: That of the final answer; 0 while there is none.
        self.status = 0
        self._beginning = b""
        self._size = 0
        self._interim = 0
        self._reader = StreamReader()
        self._parser = self._new_parser()

    def feed(self, data: bytes) -> None:
        """Take a piece. Raises ValueError for what no HTTP proxy says, or too much of it."""
        self._beginning = (self._beginning + data)[: len(_HTTP)]
        self._size += len(data)
        # What speaks something else may wait for us.
        if self._size > _MAX_ANSWER or not _HTTP.startswith(self._beginning):
            raise ValueError
        self._reader.feed_data(data)
        while self.status == 0:
            try:
                next(self._parser)
            except StopIteration as done:
                self._take(done.value.status_code)
            except Exception as error:  # Each line's own.
                raise ValueError from error
            else:
                return
        # Behind the answer, only the server speaks, and only after us.
        if 200 <= self.status < 300 and self._reader.buffer:
            raise ValueError

    def _take(self, status: int) -> None:
        if status >= 200:
            self.status = status
            return
        self._interim += 1
        if status < 100 or status == 101 or self._interim > _MAX_INTERIM:
            raise ValueError
        self._parser = self._new_parser()

    def _new_parser(self) -> Generator[None, None, Response]:
        reader = self._reader
        return Response.parse(reader.read_line, reader.read_exact, reader.read_to_eof, proxy=True)
