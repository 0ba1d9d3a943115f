"""Values of the engine in messages: as var_to_bytes() packs them, without objects."""

from __future__ import annotations

from typing import Any

from pythonscript.godot import StreamPeerBuffer
from ws_python.features.payloads import Payloads

from .variant_format import check_variant

# StreamPeer.put_var() and get_var() have the length in front of what var_to_bytes() gives.
_LENGTH = 4


class VariantPayloads(Payloads):
    """Text is JSON, binary a Variant."""

    def encode(self, value: object, *, as_text: bool) -> str | bytes:
        """See Payloads."""
        if as_text:
            return self.encode_json(value)
        stream = StreamPeerBuffer()
        stream.put_var(value, False)
        packed = stream.data_array[_LENGTH:]
        check_variant(packed)
        return packed

    def decode(self, payload: str | bytes) -> Any:
        """See Payloads."""
        if isinstance(payload, str):
            return self.decode_json(payload)
        check_variant(payload)
        stream = StreamPeerBuffer()
        stream.data_array = len(payload).to_bytes(_LENGTH, "little") + payload
        return stream.get_var(False)
