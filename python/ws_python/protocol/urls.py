"""URLs: what a user writes (RFC 6455 section 3, and IRIs), and what of it may be shown."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote, unquote_to_bytes, urlsplit

from websockets.exceptions import InvalidURI
from websockets.headers import build_host
from websockets.uri import WebSocketURI, parse_uri

from .quoting import one_line

_UNWRITABLE = re.compile(r"[\x00-\x20\x7f]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
# RFC 3986: what stands in a path, a query, and user information as it is; and "%", which is seen to before.
_SUB_DELIMS = "!$&'()*+,;="
_PATH = _SUB_DELIMS + ":@/%"
_QUERY = _PATH + "?"
_USER_INFO = _SUB_DELIMS + ":%"
_REGISTERED_NAME = re.compile(r"[-A-Za-z0-9._~!$&'()*+,;=]+")
# RFC 1035 section 2.3.4: the longest label and the longest name.
_MAX_LABEL = 63
_MAX_NAME = 253
_AUTHORITY = re.compile(r"([A-Za-z][-+.A-Za-z0-9]*:)?//([^/?#]*)")
# Where a socket's path ends, a request's begins: as Node's ws and nginx have it.
_UNIX = re.compile(r"(unix|ws\+unix|wss\+unix):(.*?)(?::(/.*))?", re.IGNORECASE | re.DOTALL)
_HOST_AND_PORT = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([0-9]{0,5}))?")
_HIDDEN = "…"
# How many characters of a query are redacted: more than one line has.
_LOOKED_AT = 1000


@dataclass
class UnixURI(WebSocketURI):
    """What `unix:/run/game.sock:/path` says: a path on a server that is called localhost, and where its socket is."""

    socket_path: str = ""


def socket_path(uri: WebSocketURI) -> str:
    """The Unix socket to connect to; "" if it is host and port."""
    return uri.socket_path if isinstance(uri, UnixURI) else ""


def parse_url(url: str) -> WebSocketURI:
    """The parts of a ws:// or wss:// URL, or of one of a Unix socket: unix:/run/game.sock, unix:/run/game.sock:/path.

    What RFC 3986 does not let stand in a URL is percent-encoded as UTF-8, what is percent-encoded already stays, and a
    "%" that encodes nothing becomes "%25". `host` is what to resolve and connect to (getaddrinfo takes it as it is): a
    name in ASCII, an internationalised one by UTS 46 and IDNA 2008; an IPv4 address; or an IPv6 address without
    brackets, with its zone behind a "%", if it has one ("fe80::1%eth0", RFC 6874). `port` is always set,
    `resource_name` is the request target, and `user_info` is decoded.

    Raises ValueError with one line that says what is wrong, and that repeats no password and no query value, and
    ImportError with one line where this Python lacks what it takes.
    """
    try:
        return _parse(url)
    except UnicodeError:
        problem = "it holds what is no text, or a user name or password that is not UTF-8"
    except InvalidURI as error:
        problem = error.msg
    except ValueError as error:
        problem = str(error)
    shown = redacted(url)
    raise ValueError(f'"{shown}" is not a WebSocket URL: {one_line(problem)}; write it like "ws://localhost:8080/path"')


def host_header(uri: WebSocketURI) -> str:
    """The value of the Host header: without the zone of an IPv6 address, which only this machine knows (RFC 6874)."""
    return build_host(uri.host.partition("%")[0], uri.port, uri.secure)


def redacted(url: str) -> str:
    """A URL as it may be shown and logged: one line of at most 200 characters, without its secrets.

    User information, the values of the query and a fragment become "…", whatever they are called: games call their
    tokens as they like. A URL that was written wrongly rather loses more than less. Never raises.
    """
    beginning, rest = "", url
    if authority := _AUTHORITY.match(url):
        scheme, rest = authority[1] or "", url[authority.end() :]
        user_info, at, host_and_port = authority[2].rpartition("@")
        match = _HOST_AND_PORT.fullmatch(host_and_port)
        # What looks like a port or an address in brackets and is none may be how a password begins.
        malformed = (
            match is None
            or (match[2] is not None and not 0 < int(match[2] or "0") < 65536)
            or (match[1].startswith("[") and not _is_address(match[1][1:-1]))
        )
        if "@" in (rest if malformed else rest.partition("?")[0] if at else ""):
            # A password that holds a "/", "?" or "#" goes on up to there.
            return one_line(f"{scheme}//{_HIDDEN}")
        beginning = f"{scheme}//{_HIDDEN if user_info else ''}{at}{host_and_port}"
    rest, sharp, fragment = rest.partition("#")
    path, question_mark, query = rest.partition("?")
    # More pairs than are shown are not looked at.
    pairs = "&".join(_redacted_pair(pair) for pair in query[:_LOOKED_AT].split("&"))
    return one_line(beginning + path + question_mark + pairs + sharp + (_HIDDEN if fragment else ""))


def _redacted_pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    if equals:
        return f"{name}={_HIDDEN if value else ''}"
    return _HIDDEN if pair else ""


def _parse(url: str) -> WebSocketURI:
    if unix := _UNIX.fullmatch(url):
        if not unix[2]:
            raise ValueError("it names no Unix socket")
        secure = unix[1].lower() == "wss+unix"
        uri = _parse(f"{'wss' if secure else 'ws'}://localhost{unix[3] or '/'}")
        return UnixURI(secure, uri.host, uri.port, uri.path, uri.query, socket_path=unix[2])
    if _UNWRITABLE.search(url):
        raise ValueError("it holds a space or a control character")
    if "#" in url:
        # RFC 6455 section 3.
        raise ValueError('fragment identifier is meaningless, and any other "#" is written "%23"')
    try:
        parts = urlsplit(url)
    except ValueError:  # Which repeats the part, with the password in it.
        raise ValueError("host and port are malformed") from None
    if parts.scheme not in ("ws", "wss"):
        raise ValueError("scheme isn't ws or wss")
    user_info, at, host_and_port = parts.netloc.rpartition("@")
    match = _HOST_AND_PORT.fullmatch(host_and_port)
    if match is None:
        raise ValueError("host and port are malformed; an IPv6 address stands in brackets, a port is a number")
    name, port = match[1], match[2]
    if not name:
        raise ValueError("hostname isn't provided")
    if port and not 0 < int(port) < 65536:
        raise ValueError("the port is no number from 1 to 65535")
    bracketed = name.startswith("[")
    host, zone = _address(name[1:-1]) if bracketed else (ascii_name(name), "")
    netloc = f"{_encoded(user_info, _USER_INFO)}{at}{f'[{host}]' if bracketed else host}{f':{port}' if port else ''}"
    query = f"?{_encoded(parts.query, _QUERY)}" if parts.query else ""
    # `websockets` lets ASCII stand, and takes no second look at what is encoded.
    uri = parse_uri(f"{parts.scheme}://{netloc}{_encoded(parts.path, _PATH)}{query}")
    _check_user_info(uri)
    return replace(uri, host=host + zone)


def _encoded(text: str, safe: str) -> str:
    return quote(_LONE_PERCENT.sub("%25", text), safe=safe)


def _check_user_info(uri: WebSocketURI) -> None:
    """RFC 7617 section 2."""
    user, password = uri.user_info or ("", "")
    if ":" in user:
        raise ValueError("a user name must not hold a colon")
    if _CONTROL.search(user + password):
        raise ValueError("the user name or password holds a control character")


def _address(literal: str) -> tuple[str, str]:
    """What stands in brackets: an IPv6 address, and its zone, if any, with the "%" before it."""
    address, percent, zone = literal.partition("%")
    # RFC 6874 section 2 wants "%25" before a zone; section 3 lets a bare "%" pass, as other tools print it.
    zone = unquote(zone.removeprefix("25") if zone != "25" else zone, errors="strict")
    if percent and (not zone or _UNWRITABLE.search(zone) or "%" in zone or not zone.isascii()):
        raise ValueError('the zone behind the "%" of the IPv6 address names no network interface')
    try:
        return str(ipaddress.IPv6Address(address)), percent + zone
    except ValueError:
        raise ValueError("what stands in brackets is no IPv6 address") from None


def _is_address(literal: str) -> bool:
    try:
        _address(literal)
    except ValueError:
        return False
    return True


def ascii_name(name: str) -> str:
    """A host name, or an IPv4 address, in lower-case ASCII."""
    if "%" in name:
        # RFC 3986 section 3.2.2: percent-encoded UTF-8.
        name = unquote_to_bytes(name).decode("utf-8", "strict")
    if not name.isascii():
        name = _internationalised(name)
    labels = name.removesuffix(".").split(".")
    if not all(0 < len(label) <= _MAX_LABEL for label in labels) or len(name) > _MAX_NAME + name.endswith("."):
        raise ValueError("a part of the host name is empty, or too long")
    if not _REGISTERED_NAME.fullmatch(name):
        raise ValueError("the host name holds what no name may hold")
    return name.lower()


def _internationalised(name: str) -> str:
    """UTS 46, non-transitional: as browsers do it."""
    try:
        import idna  # Here, for its tables are large, and few programs meet such a name.
    except ImportError as error:
        raise ImportError(
            f"a host name beyond ASCII needs the Python package idna, which cannot be loaded ({error}); copy the whole "
            'addon folder again, or write the name in ASCII ("xn--...")'
        ) from None
    try:
        return idna.encode(name, uts46=True, transitional=False).decode("ascii")
    except idna.IDNAError as error:
        raise ValueError(f"the host name is none ({error})") from None
