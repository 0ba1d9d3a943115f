"""TLS in Godot's terms: its TLSOptions, and paths of its file system."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from pythonscript.godot import Engine, FileAccess, ProjectSettings, ResourceUID, TLSOptions
from ws_python import Error, TlsOptions
from ws_python.net.tls import TlsError, is_text

_OK = Error.OK


class GodotTls:
    """Comes before the class of ws_python in a node's bases."""

    _options: TLSOptions | None = None

    @property
    def tls_options(self) -> TLSOptions | None:
        """How TLS is spoken, in place of the `tls_…` paths for the same: Godot's own `TLSOptions`.

        On a server `TLSOptions.server(key, certificate)`: it speaks wss:// then, and nothing else. On a client
        `TLSOptions.client()`, which checks the certificate, with the authorities to trust and the name to look for, or
        `client_unsafe()`, which trusts everybody and is for tests only; connect_to_url() takes some for one connection.
        Null: by the paths; a client trusts what the system does. Counts for the connections made after it.
        """
        return self._options

    @tls_options.setter
    def tls_options(self, value: TLSOptions | None) -> None:
        self._options = value

    def _plain_tls_options(self, options: Any) -> TlsOptions | None:
        if options is None:
            return None
        if options.is_server():
            key = options.get_private_key()
            return TlsOptions.server(key.save_to_string() if key else "", _pem(options.get_own_certificate()))
        trusted = _pem(options.get_trusted_ca_chain())
        if options.is_unsafe_client():
            return TlsOptions.client_unsafe(trusted)
        return TlsOptions.client(trusted, options.get_common_name_override())

    def _tls_source(self, path: str) -> str:
        """A path of the system's, or the text of a file that is in the game's pack only."""
        if path.startswith("uid://"):
            path = ResourceUID.get_id_path(ResourceUID.text_to_id(path))
        if not path.startswith(("res://", "user://")):
            return path
        real: str = ProjectSettings.globalize_path(path)
        if not os.path.exists(real) and FileAccess.file_exists(path):
            text = str(FileAccess.get_file_as_string(path))
            if not is_text(text):  # It would be taken for a path, and be told as one.
                raise TlsError(Error.ERR_FILE_UNRECOGNIZED, f'"{path}" holds no PEM ("-----BEGIN ...")')
            return text
        return real if os.path.isabs(real) else path


def _pem(certificate: Any) -> str:
    """The text of a certificate; "" for none. Its save_to_string() ends with a NUL, of which the engine complains."""
    if certificate is None:
        return ""
    # In memory: neither a full disk nor a read-only file system matters. An editor writes a file beside it first.
    if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd") and not Engine.is_editor_hint():
        with suppress(OSError), open(os.memfd_create("certificate"), "r+b") as file:
            if certificate.save(f"/proc/self/fd/{file.fileno()}") == _OK:
                return file.read().decode()
    with suppress(OSError), tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "certificate.crt")
        if certificate.save(str(path)) == _OK:
            return path.read_text()
    text: str = certificate.save_to_string()
    return text.encode("ascii", "ignore").decode().rstrip("\0")
