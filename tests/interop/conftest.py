"""What every interoperability test leaves behind: nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ws_python import pump


@pytest.fixture(autouse=True)
def closed_pump() -> Iterator[None]:
    """Ends the event loop, with everything that a failed test left open."""
    yield
    pump.close()
