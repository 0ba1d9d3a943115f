"""Goes on with a TLS connection by hand: records that OpenSSL reads, and would not send of itself (RFC 8446)."""

from __future__ import annotations

import hmac
import ssl
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_HASH, _HASH_SIZE, _KEY_SIZE, _NONCE_SIZE = "sha384", 48, 32, 12
_HANDSHAKE, _APPLICATION_DATA = b"\x16", b"\x17"
# Type 24, length 1, update_requested (section 4.6.3).
_KEY_UPDATE = b"\x18\0\0\1\1"


def logging_keys(context: ssl.SSLContext, path: Path) -> ssl.SSLContext:
    """A context whose connections can be forged: TLS 1.3, keys in a file, and no record right after its handshake."""
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.keylog_filename = str(path)
    if context.protocol == ssl.PROTOCOL_TLS_SERVER:
        context.num_tickets = 0
    return context


class Forged:
    """What a side sends from now on that has sent so many records since the handshake: "CLIENT" or "SERVER"."""

    def __init__(self, side: str, keys: Path, records_sent: int) -> None:
        lines = [line.split() for line in keys.read_text().splitlines()]
        (self._secret,) = (bytes.fromhex(line[2]) for line in lines if line[0] == f"{side}_TRAFFIC_SECRET_0")
        assert len(self._secret) == _HASH_SIZE, "another cipher than TLS_AES_256_GCM_SHA384"
        self._renew(records_sent)

    def key_update(self) -> bytes:
        """A record that changes the key, and asks for another one of the other side's."""
        record = self._sealed(_KEY_UPDATE + _HANDSHAKE)
        self._secret = self._expanded(b"traffic upd", _HASH_SIZE)
        self._renew(0)
        return record

    def data(self, data: bytes = b"") -> bytes:
        """A record of application data."""
        return self._sealed(data + _APPLICATION_DATA)

    def _renew(self, number: int) -> None:
        self._cipher = AESGCM(self._expanded(b"key", _KEY_SIZE))
        self._nonce = int.from_bytes(self._expanded(b"iv", _NONCE_SIZE))
        self._number = number

    def _expanded(self, label: bytes, size: int) -> bytes:
        """HKDF-Expand-Label (section 7.1), of a size that is one block's at the most."""
        label = b"tls13 " + label
        info = size.to_bytes(2) + bytes([len(label)]) + label + b"\0"
        return hmac.digest(self._secret, info + b"\1", _HASH)[:size]

    def _sealed(self, inner: bytes) -> bytes:
        head = b"\x17\x03\x03" + (len(inner) + 16).to_bytes(2)
        nonce = (self._nonce ^ self._number).to_bytes(_NONCE_SIZE)
        self._number += 1
        return head + self._cipher.encrypt(nonce, inner, head)
