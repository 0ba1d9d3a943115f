"""What every interoperability test leaves behind: nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ws_python.loop.hub import hub

from tests.interop.scenario import SETTINGS


@pytest.fixture(params=SETTINGS)
def settings(request: pytest.FixtureRequest) -> str:
    """How our side is set up, each in turn."""
    return str(request.param)


@pytest.fixture(autouse=True)
def closed_hub() -> Iterator[None]:
    """Ends the event loop, with everything that a failed test left open."""
    yield
    hub.close(0.0)
