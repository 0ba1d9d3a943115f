"""An input of the fuzzer, taken apart: every choice of a target is read from it, and what is used up reads as zeros."""

from __future__ import annotations

from itertools import cycle, islice

# What a unit is repeated to: across the bounds at which the codec changes its ways (64 KiB, 256 KiB).
REPEATS = (2, 40, 130, 1000, 5000, 20_000, 66_000, 270_000)
MOST_PAYLOAD = 300_000
# What all repeated units of one input may come to.
MOST_REPEATED = 300_000
MOST_CUTS = 20


class Given:
    """The input. It is false when all of it was read."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._room = MOST_REPEATED

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def byte(self) -> int:
        """The next byte as a number."""
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def below(self, limit: int) -> int:
        """A number below `limit`, which is 256 at most."""
        return self.byte() % limit

    def flag(self) -> bool:
        """Yes or no."""
        return self.byte() & 1 == 1

    def take(self, size: int) -> bytes:
        """The next bytes: fewer than `size` at the end."""
        start = self._at
        self._at = min(start + size, len(self._data))
        return self._data[start : self._at]

    def block(self) -> bytes:
        """Up to 255 bytes, behind one that says how many."""
        return self.take(self.byte())

    def rest(self) -> bytes:
        """All that was not read."""
        return self.take(len(self._data))

    def payload(self, most: int = MOST_PAYLOAD) -> bytes:
        """A block, or one that is repeated."""
        unit, times = self.block(), self.byte()
        if times < 192:
            return unit
        unit = unit or b"\0"
        size = min(REPEATS[times % 8], most, self._room)
        self._room -= size
        return (unit * (size // len(unit) + 1))[:size]

    def sizes(self) -> list[int]:
        """How something is cut: sizes of pieces, to be used in turn."""
        return [self.byte() + 1 for _ in range(self.below(4) + 1)]


def pieces(data: bytes, sizes: list[int]) -> list[bytes]:
    """The data, cut into pieces of these sizes in turn; behind the first `MOST_CUTS` of them, the rest is one."""
    result: list[bytes] = []
    at = 0
    for size in islice(cycle(sizes), MOST_CUTS):
        if at >= len(data):
            return result
        result.append(data[at : at + size])
        at += size
    return [*result, data[at:]] if at < len(data) else result
