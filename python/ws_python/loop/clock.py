"""The clock of turns: `monotonic()`, as time.monotonic(), but never so coarse that a moment is a frame.

Before Python 3.13, that of Windows advances by 15.6 ms at a time: a poll that is to work for one would work for all of
them.
"""

from __future__ import annotations

import time

# Seconds: a tenth of what a turn may take.
_FINE = 1e-4

monotonic = time.monotonic if time.get_clock_info("monotonic").resolution <= _FINE else time.perf_counter
