"""What the tests of other clients leave behind: nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ws_python.loop.hub import hub


@pytest.fixture(scope="module", autouse=True)
def closed_hub() -> Iterator[None]:
    """Ends the event loop, with everything that a failed test left open."""
    yield
    hub.close(0.0)
