"""The quick cases of the Autobahn test suite, both sides. `make conformance` runs all of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conformance import autobahn
from tests.conformance.verdicts import Verdict, bad_ones

# All but limits and performance (9), and compression (12, 13), which take minutes.
QUICK = [f"{section}.*" for section in (1, 2, 3, 4, 5, 6, 7, 10)]
QUICK_COUNT = 247
TIMEOUT = 100.0

needs_wstest = pytest.mark.skipif(autobahn.command() is None, reason=autobahn.HOW_TO_GET)


@needs_wstest
@pytest.mark.parametrize("run", [autobahn.run_server, autobahn.run_client])
def test_quick_cases(run: Callable[..., list[Verdict]]) -> None:
    verdicts = run(QUICK, "quick", TIMEOUT)
    assert bad_ones(verdicts) == []
    assert len(verdicts) == QUICK_COUNT
