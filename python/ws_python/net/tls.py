"""TLS contexts: what a side shows and trusts, from files or PEM text; and why TLS did not work, in one line."""

from __future__ import annotations

import errno
import logging
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from ..declare.errors import BadSetting, Error
from ..declare.system_words import words_of

if TYPE_CHECKING:
    import ssl

_log = logging.getLogger("ws_python")

_BEGIN = "-----BEGIN"
_CERTIFICATE = re.compile(
    r"(-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[\x00-\x7f]*?-----END [A-Z0-9 ]*CERTIFICATE-----)"
)
_MOST_BYTES = 4 * 1024 * 1024
# PEM of so many characters, about ten certificates, is read in less time than a handshake takes; of the hundred and
# more that systems trust it takes tens of milliseconds.
_QUICKLY_READ = 16 * 1024
_LONGEST_SHOWN = 500  # characters of a path

# Where systems keep the authorities that they trust, in one file: Debian, Fedora, openSUSE, OpenELEC, RHEL, Alpine.
TRUSTED_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
# Likewise, one a file, and named so that OpenSSL finds them.
TRUSTED_FOLDERS = ("/etc/ssl/certs", "/etc/pki/tls/certs")

# Of an alert of the other side, by OpenSSL's name of it, what the user of a client or server can do.
_WANTS_CERTIFICATE = (
    "the server wants a client certificate that it trusts ({}); set tls_certificate and tls_private_key"
)
_CLIENT_ALERTS = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": _WANTS_CERTIFICATE,
    "TLSV1_ALERT_UNKNOWN_CA": _WANTS_CERTIFICATE,
    "SSLV3_ALERT_BAD_CERTIFICATE": _WANTS_CERTIFICATE,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": _WANTS_CERTIFICATE,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": _WANTS_CERTIFICATE,
    "SSLV3_ALERT_CERTIFICATE_REVOKED": _WANTS_CERTIFICATE,
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": _WANTS_CERTIFICATE,
    "TLSV1_ALERT_ACCESS_DENIED": _WANTS_CERTIFICATE,
}
_DISTRUSTED = (
    "it does not trust this server's certificate ({}); use one of a public authority with its whole chain, or give the "
    "client the authority (TLSOptions.client)"
)
_TOO_OLD = "it speaks a TLS older than 1.2 ({}), which is not safe; have it use TLS 1.2 or 1.3"
_NO_CLIENT_CERTIFICATE = "it shows no client certificate, which tls_client_ca demands"
_SERVER_REASONS = {
    "TLSV1_ALERT_UNKNOWN_CA": _DISTRUSTED,
    "SSLV3_ALERT_BAD_CERTIFICATE": _DISTRUSTED,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": _DISTRUSTED,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": _DISTRUSTED,
    "UNSUPPORTED_PROTOCOL": _TOO_OLD,
    "VERSION_TOO_LOW": _TOO_OLD,
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": _NO_CLIENT_CERTIFICATE,
}
# X509_V_ERR_… of OpenSSL, by their numbers, which do not change.
_EXPIRED = 10
_NOT_YET_VALID = 9
_SELF_SIGNED = (18, 19)
_UNKNOWN_ISSUER = (2, 20, 21)
_OTHER_NAME = (62, 63, 64)
_CURES = {
    _EXPIRED: "have it renewed, and check this machine's clock",
    _NOT_YET_VALID: "check this machine's clock, and the certificate's dates",
    **dict.fromkeys(
        _SELF_SIGNED, "if it is meant to be, give it to the client as trusted: tls_trusted_ca, or TLSOptions.client()"
    ),
    **dict.fromkeys(
        _UNKNOWN_ISSUER,
        "have the server send its whole chain (fullchain.pem), or give the client the authority: tls_trusted_ca, or "
        "TLSOptions.client()",
    ),
    **dict.fromkeys(
        _OTHER_NAME, "use the host name that is in the certificate, or TLSOptions.client(chain, common_name_override)"
    ),
}


class TlsError(BadSetting):
    """What a side is to show or to trust cannot be used."""


class PlainRequest(Exception):
    """What came to a server in place of TLS is HTTP."""


class RecordFlood(Exception):
    """Record after record came from `host` that TLS has work with, and nobody else."""

    def __init__(self, host: str) -> None:
        super().__init__(
            "it sends TLS messages without end that carry nothing, such as KeyUpdate; its TLS is faulty, or hostile"
        )
        self.host = host


@dataclass(frozen=True)
class TlsOptions:
    """As Godot's TLSOptions. Certificates and keys are PEM: the path of a file, or the text itself."""

    is_server: bool = False
    is_unsafe: bool = False
    certificate: str = ""
    private_key: str = ""
    trusted_chain: str = ""
    common_name_override: str = ""

    @classmethod
    def server(cls, private_key: str, certificate: str) -> TlsOptions:
        """For a server: its key, and its certificate with the chain up to the authority."""
        return cls(is_server=True, certificate=certificate, private_key=private_key)

    @classmethod
    def client(cls, trusted_chain: str = "", common_name_override: str = "") -> TlsOptions:
        """For a client that trusts these authorities, or the system's, and checks the name in the certificate."""
        return cls(trusted_chain=trusted_chain, common_name_override=common_name_override)

    @classmethod
    def client_unsafe(cls, trusted_chain: str = "") -> TlsOptions:
        """For a client that takes any certificate: for tests on one's own machine only."""
        return cls(is_unsafe=True, trusted_chain=trusted_chain)


# --- contexts


def tls_problem() -> str:
    """Why this Python cannot speak TLS; "" if it can."""
    # Only loading it tells: the module may be there, and OpenSSL's libraries missing.
    try:
        import_module("ssl")
    except ImportError as error:
        return str(error)
    return ""


def server_context(certificate: str, private_key: str, client_ca: str) -> ssl.SSLContext:
    """For a server. With `client_ca` clients must show a certificate of that authority. Raises TlsError."""
    import ssl

    context = _with_floor(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    _show(context, certificate, private_key)
    if client_ca:
        _trust(context, client_ca, "tls_client_ca")
        context.verify_mode = ssl.CERT_REQUIRED
    _warn_of_dates(certificate)
    return context


def _warn_of_dates(certificate: str) -> None:
    """What is out of date can be shown all the same, and no client trusts it: better said here than by each of them."""
    import ssl

    # The ssl module has no other way to them for a certificate of its own side.
    decode = getattr(import_module("_ssl"), "_test_decode_cert", None)
    if decode is None:
        return
    with suppress(OSError, KeyError, ValueError), _as_file(_pem(certificate, "tls_certificate", "")) as path:
        dates = decode(path)
        if ssl.cert_time_to_seconds(dates["notAfter"]) < time.time():
            _log.warning(
                "tls_certificate has expired (%s), and clients do not trust it; renew it, or set this machine's clock",
                dates["notAfter"],
            )
        elif ssl.cert_time_to_seconds(dates["notBefore"]) > time.time():
            _log.warning(
                "tls_certificate is not valid yet (%s), and clients do not trust it; set this machine's clock",
                dates["notBefore"],
            )


def client_context(certificate: str, private_key: str, *, unsafe: bool) -> ssl.SSLContext:
    """For a client. trust_given() or trust_system() is to follow, unless it is unsafe. Raises TlsError."""
    import ssl

    context = _with_floor(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    if certificate or private_key:
        _show(context, certificate, private_key)
    if unsafe:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def trust_given(context: ssl.SSLContext, trusted: str) -> None:
    """Have a client trust these authorities: the text of given_authorities(). Raises TlsError."""
    import ssl

    _trust(context, trusted, "tls_trusted_ca")
    # As in the engine, what is given is trusted, be it an authority's or the server's own.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def given_authorities(source: str) -> str:
    """The PEM text that a client is to trust: `source`, or what is in the file of that path. Raises TlsError."""
    return _pem(source, "tls_trusted_ca", "CERTIFICATE-----")


def _with_floor(context: ssl.SSLContext) -> ssl.SSLContext:
    import ssl

    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996
    context.options |= ssl.OP_NO_RENEGOTIATION
    return context


def trust_system(context: ssl.SSLContext) -> None:
    """Have a client trust what this machine does: milliseconds of reading. Where it has nothing, what `certifi` brings.

    Wherever OpenSSL comes from, it may look in places of another system: hence the usual ones are tried. What
    SSL_CERT_FILE and SSL_CERT_DIR name is trusted, too, if it is there.
    """
    trusted = [_trust_file(context, path) for path in (os.environ.get("SSL_CERT_FILE"), _first_trusted_file())]
    found = any(trusted)
    if sys.platform == "win32":
        # The system's own store holds only those authorities that it has met, and learns of others from its maker.
        context.load_default_certs()
        _trust_certifi(context)
        return
    folders = [os.environ.get("SSL_CERT_DIR"), *([] if found else TRUSTED_FOLDERS)]
    for folder in folders:
        if folder and os.path.isdir(folder) and _has_hashed_names(folder):
            context.load_verify_locations(capath=folder)
            found = True
    if not found:
        _trust_certifi(context)


def _trust_certifi(context: ssl.SSLContext) -> None:
    try:
        import certifi

        if _trust_file(context, certifi.where()):
            return
        problem = "the file of certifi is damaged"
    except ImportError as error:
        problem = str(error)
    if not _told_of_no_authorities:
        _told_of_no_authorities.append(problem)
        _log.error(
            "no server will be trusted, as neither this machine nor certifi names authorities (%s); copy the whole "
            "addon folder again, or set tls_trusted_ca",
            problem,
        )


def _first_trusted_file() -> str | None:
    return next((path for path in TRUSTED_FILES if os.path.isfile(path) and os.path.getsize(path)), None)


def _trust_file(context: ssl.SSLContext, path: str | None) -> bool:
    if not path:
        return False
    try:
        context.load_verify_locations(cafile=path)
    except (OSError, ValueError):  # It is not there, or holds no certificates.
        return False
    return True


def _has_hashed_names(folder: str) -> bool:
    try:
        return any(name.endswith(".0") for name in os.listdir(folder))
    except OSError:
        return False


def _show(context: ssl.SSLContext, certificate: str, private_key: str) -> None:
    import ssl

    chain = _pem(certificate, "tls_certificate", "CERTIFICATE-----")
    key = _pem(private_key, "tls_private_key", "PRIVATE KEY-----") if private_key else chain
    if "PRIVATE KEY-----" not in key:
        raise TlsError(Error.ERR_INVALID_PARAMETER, "tls_private_key is empty; set it to the file of the private key")
    if "BEGIN ENCRYPTED PRIVATE KEY" in key or "Proc-Type: 4,ENCRYPTED" in key:
        raise TlsError(
            Error.ERR_FILE_CORRUPT, "tls_private_key is locked by a password; store it without (openssl pkey)"
        )
    try:
        with _as_file(chain) as chain_path, _as_file(key) as key_path:
            context.load_cert_chain(chain_path, key_path, password=lambda: "")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            advice = "tls_private_key is not the key of tls_certificate; take both from one place, the newest of each"
        elif error.reason and error.reason.endswith(("KEY_TOO_SMALL", "MD_TOO_WEAK")):
            advice = (
                f"tls_certificate is too weak ({error.reason}); make one with RSA of 2048 bits, or ECDSA, and SHA-256"
            )
        else:
            # Godot's Crypto begins one serial number in 256 with a zero byte, which DER does not allow.
            advice = (
                f"tls_certificate or tls_private_key is damaged ({words(error)}); copy both anew, or make another "
                "certificate if it is of generate_self_signed_certificate()"
            )
        raise TlsError(Error.ERR_FILE_CORRUPT, advice) from None
    except OSError as error:  # No descriptor is left, for example.
        raise TlsError(Error.ERR_FILE_CANT_OPEN, f"tls_certificate cannot be loaded ({words(error)})") from None


def check_context(context: ssl.SSLContext, *, server: bool) -> None:
    """Raises TlsError where a context of the user's is for the other side."""
    if context.protocol.name == ("PROTOCOL_TLS_CLIENT" if server else "PROTOCOL_TLS_SERVER"):
        wanted = "PROTOCOL_TLS_SERVER" if server else "PROTOCOL_TLS_CLIENT"
        raise TlsError(Error.ERR_INVALID_PARAMETER, f"tls_options are for the other side; make them with ssl.{wanted}")


def check_name(name: str) -> None:
    """Raises TlsError where no certificate can be for such a name."""
    try:
        is_name = not name or ("\0" not in name and bool(name.encode("idna")))
    except UnicodeError:
        is_name = False
    if not is_name:
        advice = "common_name_override is no host name; give the name that is in the certificate"
        raise TlsError(Error.ERR_INVALID_PARAMETER, advice)


def _trust(context: ssl.SSLContext, authorities: str, name: str) -> None:
    text = _pem(authorities, name, "CERTIFICATE-----")
    try:
        if len(text) > _QUICKLY_READ:
            with _as_file(text) as path:
                # Of a file, unlike of text, Python lets other threads go on meanwhile.
                context.load_verify_locations(cafile=path)
        else:
            # Less what is written between the certificates, in any language.
            context.load_verify_locations(cadata="\n".join(_CERTIFICATE.findall(text)))
    except (OSError, ValueError) as error:  # ValueError: there is none that is whole. OpenSSL's error is an OSError.
        raise TlsError(Error.ERR_FILE_CORRUPT, f"{name} is damaged ({words(error)}); copy or make it anew") from None


def _pem(source: str, name: str, needed: str) -> str:
    """The text that `source` is, or that is in the file of that path. Raises TlsError."""
    text = source if is_text(source) else _read(source, name)
    if needed not in text:
        wanted = needed.strip("-").lower()
        raise TlsError(Error.ERR_FILE_UNRECOGNIZED, f'{name}{_shown(source)} holds no {wanted} in PEM ("{_BEGIN} ...")')
    return text


def is_text(source: str) -> bool:
    """Whether it is PEM itself, and no path."""
    return _BEGIN in source


def _shown(source: str) -> str:
    return "" if is_text(source) else f', "{_path(source)}",'


def _path(source: str) -> str:
    """A path as it may be shown. What is long, or has no root and no dot, may be a key out of its frame of PEM."""
    is_path = len(source) <= _LONGEST_SHOWN and ("." in source or os.path.isabs(source))
    return source if is_path and source.isprintable() else "…"


def _read(path: str, name: str) -> str:
    if not path:
        raise TlsError(Error.ERR_INVALID_PARAMETER, f"{name} is empty; set it to the path of a file")
    try:
        with open(path, "rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        raise TlsError(Error.ERR_FILE_NOT_FOUND, f'{name}: there is no file "{_path(path)}"; check the path') from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path.
        if isinstance(error, PermissionError) and os.path.isdir(path):  # As Windows says of a folder.
            error = IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        denied = isinstance(error, PermissionError)
        code = Error.ERR_FILE_NO_PERMISSION if denied else Error.ERR_FILE_CANT_OPEN
        advice = "let the user that runs this read it" if denied else "check the path"
        raise TlsError(code, f'{name}: "{_path(path)}" cannot be read ({words(error)}); {advice}') from None


@contextmanager
def _as_file(text: str) -> Iterator[str]:
    """A path to read the text from: OpenSSL loads chains from nothing else. On Linux, no key comes to a disk."""
    if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
        with open(os.memfd_create("tls"), "wb") as file:
            file.write(text.encode())
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "pem")
            path.touch(0o600)
            path.write_bytes(text.encode())
            yield str(path)


# --- of a server: its files are watched


class ServerTls:
    """The context for new connections of a server, made anew when its files change. Raises TlsError."""

    def __init__(self, certificate: str, private_key: str, client_ca: str) -> None:
        self._sources = (certificate, private_key, client_ca)
        self._stamp = self._look_at_files()
        self._refused: object = None
        self._is_told = False
        self.context = server_context(*self._sources)

    def look(self) -> bool:
        """See whether the files were replaced: a context for what is in them now, if it is whole. False if it is not.

        What stays broken from one look to the next is told, once.
        """
        stamp = self._look_at_files()
        if stamp == self._stamp:
            return True
        try:
            self.context = server_context(*self._sources)
        except TlsError as error:
            # certbot replaces several files, one after the other.
            if stamp == self._refused and not self._is_told:
                self._is_told = True
                _log.error("%s; what was read before stays in use", error)
            self._is_told = self._is_told and stamp == self._refused
            self._refused = stamp
            return False
        self._stamp, self._refused, self._is_told = stamp, None, False
        _log.info("the certificate was renewed: new connections are shown the new one")
        return True

    def _look_at_files(self) -> object:
        return tuple(_stamp(source) for source in self._sources if source and not is_text(source))


def stamp_of(source: str) -> object:
    """What changes when the file of a path is replaced; of text and of "" always the same."""
    return None if not source or is_text(source) else _stamp(source)


def _stamp(path: str) -> object:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


# --- of a client


class ClientTls:
    """What a client connects with. It can be used again and again; a context that takes time to make is made once.

    `context` is None for that of all clients that show nothing and trust what the system does. Else it is still to be
    told to trust that, with `trusts_system`, or the PEM text `trusted`. `server_name` is looked for in the certificate
    in place of the host's name. Raises TlsError, for what is read at once.
    """

    def __init__(
        self,
        context: ssl.SSLContext | None = None,
        *,
        trusts_system: bool = False,
        trusted: str = "",
        server_name: str = "",
    ) -> None:
        self.server_name = server_name
        #: What to connect with in place of it, should `trusted` turn out to be damaged.
        self.instead: ClientTls | None = None
        self._context = context
        self._trusts_system = trusts_system
        self._trusted = trusted
        self._lock = Lock()
        self._problem: TlsError | None = None
        if context is not None and trusted and len(trusted) <= _QUICKLY_READ:
            self.ready_context()

    @property
    def is_ready(self) -> bool:
        """Whether ready_context() takes no time."""
        return bool(_default) if self._context is None else not self._trusts_system and not self._trusted

    def ready_context(self) -> ssl.SSLContext:
        """The context, with what it trusts. Raises TlsError. Unless `is_ready`, not for the thread that polls."""
        if self._context is None:
            return _ready_default()
        with self._lock:
            if self._problem is not None:
                raise self._problem.with_traceback(None)
            if self._trusted:
                try:
                    trust_given(self._context, self._trusted)
                except TlsError as error:
                    self._problem = error
                    if self.instead is not None:
                        _log.error("%s; what was read before stays in use", error)
                    raise
            elif self._trusts_system:
                trust_system(self._context)
            self._trusted, self._trusts_system = "", False
        return self._context


_default: list[ssl.SSLContext] = []
_told_of_no_authorities: list[str] = []
_lock = Lock()


def _ready_default() -> ssl.SSLContext:
    with _lock:
        if not _default:
            context = client_context("", "", unsafe=False)
            trust_system(context)
            _default.append(context)
        return _default[0]


def forget_default() -> None:
    """Have what the system trusts be read again."""
    with _lock:
        _default.clear()


# --- why it did not work


def is_untrusted(error: Exception) -> bool:
    """Whether a certificate was refused, on whichever side: no other attempt will change that."""
    # By name: Python may come without the ssl module.
    return type(error).__name__ == "SSLCertVerificationError" or _reason_of(error) in _CLIENT_ALERTS


def explain_untrusted(error: Exception, host: str) -> str:
    """Why a certificate was refused, for the user of the client, and what can be done about it."""
    if (alert := _reason_of(error)) in _CLIENT_ALERTS:
        return _CLIENT_ALERTS[alert].format(words(error))
    message = getattr(error, "verify_message", "") or words(error)
    cure = _CURES.get(getattr(error, "verify_code", 0), "look at it with: openssl s_client -connect HOST:PORT")
    return f"the certificate of {host} is not trusted ({message}); {cure}"


def explain_to_server(error: Exception) -> tuple[str, bool]:
    """Why there is no TLS with a client, for the user of the server, which tries nothing again."""
    if isinstance(error, PlainRequest):
        return "it does not speak TLS, which this port does; use a wss:// URL, not ws://", False
    if isinstance(error, RecordFlood):
        return str(error), False
    if isinstance(error, ConnectionError):
        return "it hung up during the TLS handshake; perhaps it does not trust this server's certificate", False
    if type(error).__name__ == "SSLCertVerificationError":
        message = getattr(error, "verify_message", "") or words(error)
        return f"its client certificate is not trusted ({message}); give it one of tls_client_ca", False
    if advice := _SERVER_REASONS.get(_reason_of(error)):
        return advice.format(words(error)), False
    return f"it does not speak TLS as it should ({words(error)}); use a wss:// URL and TLS 1.2 or 1.3", False


def _reason_of(error: Exception) -> str:
    return str(getattr(error, "reason", None) or "")


def words(error: Exception) -> str:
    """What an error says: one line, without OpenSSL's own file and line."""
    if reason := _reason_of(error):
        return reason.replace("_", " ").lower()
    return words_of(error)
