"""What every interoperability test leaves behind: nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ws_python import pump

from tests.interop.scenario import SETTINGS


@pytest.fixture(params=SETTINGS)
def settings(request: pytest.FixtureRequest) -> str:
    """How our side is set up, each in turn."""
    return str(request.param)


@pytest.fixture(autouse=True)
def closed_pump() -> Iterator[None]:
    """Ends the event loop, with everything that a failed test left open."""
    yield
    pump.close()
