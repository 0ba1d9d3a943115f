"""Universal files of macOS: several programs or libraries in one, each for a processor of its own."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

# <mach-o/fat.h>: all numbers are big-endian; each part begins at a page of the largest size that there is.
MAGIC = 0xCAFEBABE
ALIGNMENT = 14


def join(parts: Sequence[Path], target: Path) -> None:
    """Write the parts, of one processor each, as one universal file."""
    contents = [path.read_bytes() for path in parts]
    header = struct.pack(">II", MAGIC, len(contents))
    end = len(header) + 20 * len(contents)
    body = b""
    for content in contents:
        # <mach-o/loader.h>: magic, processor, its kind; little-endian on both of them.
        _, processor, kind = struct.unpack("<III", content[:12])
        begin = -(-end // 2**ALIGNMENT) * 2**ALIGNMENT
        header += struct.pack(">IIIII", processor, kind, begin, len(content), ALIGNMENT)
        body += bytes(begin - end) + content
        end = begin + len(content)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(header + body)
