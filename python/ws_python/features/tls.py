"""TLS: what a server shows and a client trusts, as settings; and the server's files, watched while it listens."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ..declare.errors import Error
from ..declare.followed import Followed
from ..declare.settings import setting
from ..declare.type_names import type_name
from ..loop.deadlines import Deadline
from ..loop.hub import hub
from ..net.link import Link
from ..net.tls import (
    ClientTls,
    PlainRequest,
    RecordFlood,
    ServerTls,
    TlsError,
    TlsOptions,
    check_context,
    check_name,
    client_context,
    explain_to_server,
    given_authorities,
    stamp_of,
    tls_problem,
)
from ..net.tls_link import TlsLink
from .feature import Feature

if TYPE_CHECKING:
    from ssl import SSLContext

_log = logging.getLogger("ws_python")

# Seconds between two looks at the files of a server: what was renewed is in use within a minute.
LOOK_PERIOD = 10.0

_TEXT = b"This is an HTTPS port, and the request came without TLS.\nUse a wss:// URL, not ws://.\n"
_PLAIN_ANSWER = (
    f"HTTP/1.1 {HTTPStatus.BAD_REQUEST.value} {HTTPStatus.BAD_REQUEST.phrase}\r\nConnection: close\r\n"
    f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(_TEXT)}\r\n\r\n"
).encode() + _TEXT
_CERTIFICATE_FILES = "*.crt,*.pem"
_KEY_FILES = "*.key,*.pem"
_PATHS = "A res://, user:// or absolute path of a PEM file."


class TlsSettings:
    """What server and client have in common. What is derived declares its paths."""

    _tls_options: TlsOptions | SSLContext | None = None

    @property
    def tls_options(self) -> TlsOptions | SSLContext | None:
        """How TLS is spoken, in place of the paths: TlsOptions, or an SSLContext of your own. None: by the paths."""
        return self._tls_options

    @tls_options.setter
    def tls_options(self, value: TlsOptions | SSLContext | None) -> None:
        self._tls_options = checked_options(value)

    # --- for a derived class, which has options of another kind, or paths of its own

    def _plain_tls_options(self, options: Any) -> TlsOptions | SSLContext | None:
        """The options as what net/tls.py knows."""
        return checked_options(options)

    def _tls_source(self, path: str) -> str:
        """What a path of a setting stands for: the path of a file of the system's, or the text of one."""
        return path


def checked_options(value: Any) -> TlsOptions | SSLContext | None:
    """The options. Raises TypeError for anything else."""
    # By what it can do: Python may come without the ssl module.
    if value is None or isinstance(value, TlsOptions) or hasattr(value, "wrap_bio"):
        return value  # type: ignore[no-any-return]
    raise TypeError(f"tls_options must be TlsOptions or an SSLContext, not {type_name(type(value))}")


# --- servers


class ServerTlsSettings(TlsSettings):
    """For a server with ServerTlsFeature."""

    tls_certificate: str = setting(
        "",
        group="TLS",
        files=_CERTIFICATE_FILES,
        doc="The server's certificate, with the chain up to its authority (fullchain.pem): with it, or with "
        f"`tls_options`, the server speaks TLS (wss://), and nothing else on its port. {_PATHS} It is looked at every "
        "10 seconds: what is renewed counts for new connections, and nobody is disconnected. A file that is not whole "
        "leaves the one before in use.",
    )
    tls_private_key: str = setting(
        "",
        group="TLS",
        files=_KEY_FILES,
        doc=f"The private key of `tls_certificate`, without a password. Empty: it is in the same file. {_PATHS}",
    )
    tls_client_ca: str = setting(
        "",
        group="TLS",
        files=_CERTIFICATE_FILES,
        doc="The authorities whose certificates clients must show. Others are refused during the TLS handshake. Empty: "
        f"clients need none. {_PATHS}",
    )


class ServerTlsFeature(Feature):
    """Speaks TLS with whoever connects, if the server has a certificate."""

    node: Any

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._current = Followed(self._settings, self._made)
        self._next_look: Deadline | None = None

    def begin(self) -> None:
        """See Feature."""
        self._current.begin()
        self._next_look = hub.deadlines.after(LOOK_PERIOD, self._look)

    def end(self) -> None:
        """See Feature."""
        self._current.end()
        if self._next_look is not None:
            self._next_look.cancel()
            self._next_look = None

    def carry(self, link: Link) -> Link:
        """See Feature."""
        current = self._current.get()
        if current is None:
            return link
        context = current.context if isinstance(current, ServerTls) else current
        return TlsLink(link, context, self._explained, server=True, plain_answer=_PLAIN_ANSWER)

    def _explained(self, error: Exception) -> tuple[str, bool]:
        reason, retryable = explain_to_server(error)
        if isinstance(error, RecordFlood):
            self.node._count("refused_tls_flood")
            self.node._teller.tell(error.host or "a local connection", "%s: disconnected", reason)
        else:
            self.node._count("refused_without_tls" if isinstance(error, PlainRequest) else "failed_tls_handshake")
        return reason, retryable

    def _settings(self) -> tuple[object, ...]:
        node = self.node
        return node.tls_options, node.tls_certificate, node.tls_private_key, node.tls_client_ca

    def _made(self) -> ServerTls | SSLContext | None:
        node = self.node
        options = node._plain_tls_options(node.tls_options)
        if options is None and not (node.tls_certificate or node.tls_private_key):
            if node.tls_client_ca:
                raise TlsError(Error.ERR_INVALID_PARAMETER, "tls_client_ca needs TLS; set tls_certificate, too")
            return None
        if problem := tls_problem():
            raise TlsError(
                Error.ERR_UNAVAILABLE,
                f"TLS cannot be loaded ({problem}); copy the whole addon folder again, or install OpenSSL",
            )
        if options is not None and not isinstance(options, TlsOptions):
            check_context(options, server=True)
            return options  # type: ignore[no-any-return]
        if options is not None and not options.is_server:
            raise TlsError(
                Error.ERR_INVALID_PARAMETER, "tls_options are a client's; use TLSOptions.server(key, certificate)"
            )
        client_ca = node._tls_source(node.tls_client_ca)
        if options is not None:
            return ServerTls(options.certificate, options.private_key, client_ca)
        return ServerTls(node._tls_source(node.tls_certificate), node._tls_source(node.tls_private_key), client_ca)

    def _look(self) -> None:
        self._next_look = hub.deadlines.after(LOOK_PERIOD, self._look)
        current = self._current.get()
        if isinstance(current, ServerTls) and not current.look():
            self.node._count("failed_certificate_renewal")


# --- clients


class ClientTlsSettings(TlsSettings):
    """For a client."""

    tls_certificate: str = setting(
        "",
        group="TLS",
        files=_CERTIFICATE_FILES,
        doc=f"The certificate that this client shows to a server that demands one. {_PATHS} It is read at each "
        "attempt to connect.",
    )
    tls_private_key: str = setting(
        "",
        group="TLS",
        files=_KEY_FILES,
        doc=f"The private key of `tls_certificate`, without a password. Empty: it is in the same file. {_PATHS}",
    )
    tls_trusted_ca: str = setting(
        "",
        group="TLS",
        files=_CERTIFICATE_FILES,
        doc="The authorities to trust, or the server's own certificate, in place of those that the system trusts, for "
        f"wss:// URLs. {_PATHS} Of a file with many certificates, what is damaged is told by `connection_failed`.",
    )

    _is_warned_of_unsafe = False
    _told_problem = ""
    # What was made last, and of what.
    _known_tls: tuple[object, ClientTls] | None = None

    def _client_tls(self, given: Any) -> ClientTls:
        """What to connect with, by the properties of this moment, and `given`, which counts before `tls_options`."""
        options = self._plain_tls_options(self.tls_options if given is None else given)
        if options is not None and not isinstance(options, TlsOptions):
            check_context(options, server=False)
            return ClientTls(options)
        if options is None:
            options = TlsOptions(trusted_chain=self._tls_source(self.tls_trusted_ca))
        if options.is_server:
            raise TlsError(Error.ERR_INVALID_PARAMETER, "tls_options are a server's; use TLSOptions.client()")
        check_name(options.common_name_override)
        certificate, key = self._tls_source(self.tls_certificate), self._tls_source(self.tls_private_key)
        if options == TlsOptions(common_name_override=options.common_name_override) and not certificate and not key:
            return ClientTls(server_name=options.common_name_override)
        self._warn_of(options)
        source = options, certificate, key
        stamped = source, *map(stamp_of, (options.trusted_chain, certificate, key))
        if self._known_tls is None or self._known_tls[0] != stamped:
            context = client_context(certificate, key, unsafe=options.is_unsafe)
            is_given = bool(options.trusted_chain) and not options.is_unsafe
            tls = ClientTls(
                context,
                trusts_system=not is_given and not options.is_unsafe,
                trusted=given_authorities(options.trusted_chain) if is_given else "",
                server_name=options.common_name_override,
            )
            self._known_tls = stamped, tls
        return self._known_tls[1]

    def _renewed_tls(self, given: Any, before: ClientTls | None) -> ClientTls | None:
        """As _client_tls(), for another attempt. What became bad, or is being replaced, leaves what was there."""
        try:
            tls = self._client_tls(given)
        except TlsError as error:
            if str(error) != self._told_problem:
                self._told_problem = str(error)
                _log.error("%s; what was read before stays in use", error)
            return before
        self._told_problem = ""
        if tls is not before and before is not None and before.is_ready:
            tls.instead, before.instead = before, None
        return tls

    def _warn_of(self, options: TlsOptions) -> None:
        if options.is_unsafe and not self._is_warned_of_unsafe:
            self._is_warned_of_unsafe = True
            _log.warning(
                "tls_options are unsafe: whoever is on the way can read and change everything; for tests only, "
                "otherwise use TLSOptions.client()"
            )
