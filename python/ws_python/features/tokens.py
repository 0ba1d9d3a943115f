"""Signed tokens that expire: JSON Web Tokens (RFC 7519) with HMAC-SHA256, made and checked by the standard library."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import logging
import math
import time
from collections.abc import Mapping

from ..declare import checks

_log = logging.getLogger("ws_python")

_HEADER = {"alg": "HS256", "typ": "JWT"}


class SignedTokens:
    """For a server: what it signs, it knows again, and so does whoever has the same secret."""

    @staticmethod
    def sign_token(secret: str, claims: Mapping[str, object], seconds: float) -> str:
        """A token that says `claims` and can be neither changed nor made without `secret`; valid for `seconds`.

        Hand it to a player who has signed in, and have it sent back when connecting: see get_bearer_token() of a
        request. It is signed, not encrypted: whoever has it can read it, and use it until it expires. `claims` is a
        dictionary of what send_json() takes, such as {"sub": "ada"}; "exp" is added. `secret` are 32 random
        characters or more, which stay on your servers. It is a JSON Web Token (RFC 7519, HS256), as many services make
        and read. The time counts by the system's clock.

        In case of an error "" is returned, and the log says why: the secret is empty, `seconds` is not positive, or
        `claims` hold what has no form in JSON.
        """
        if not secret or not (seconds > 0.0 and math.isfinite(seconds)):
            _log.error("sign_token: %s", "seconds must be positive" if secret else "the secret is empty")
            return ""
        header = checks.encode_json(_HEADER)
        payload = checks.encode_json({**claims, "exp": math.ceil(time.time() + seconds)}, "sign_token")
        if header is None or payload is None:
            return ""
        try:
            signed = f"{_encoded(header.encode())}.{_encoded(payload.encode())}"
        except UnicodeEncodeError:
            _log.error("sign_token: the claims hold half a surrogate pair, which UTF-8 cannot carry")
            return ""
        return f"{signed}.{_encoded(_signature(secret, signed))}"

    @staticmethod
    def verify_token(secret: str, token: str) -> dict[str, object]:
        """The claims of a token that sign_token() made with the same secret; {} if it is not valid, or not any more.

        A token without "exp" is not valid, nor one whose "nbf" (not before) is still to come, nor one of another
        algorithm than HS256. Numbers are as they were signed: integers stay integers.
        """
        signed, _, signature = token.rpartition(".")
        try:
            header, payload = signed.split(".")
            right = _encoded(_signature(secret, signed))
            if not secret or not hmac.compare_digest(right.encode(), signature.encode("ascii")):
                return {}
            claims = json.loads(_decoded(payload))
            if json.loads(_decoded(header))["alg"] != _HEADER["alg"] or not isinstance(claims, dict):
                return {}
            now = time.time()
            return claims if float(claims.get("nbf", 0)) <= now < float(claims["exp"]) else {}
        except (binascii.Error, ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return {}


def _signature(secret: str, signed: str) -> bytes:
    return hmac.digest(secret.encode("utf-8", "surrogatepass"), signed.encode("ascii"), hashlib.sha256)


def _encoded(data: bytes) -> str:
    """RFC 7515 section 2: base64url, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
