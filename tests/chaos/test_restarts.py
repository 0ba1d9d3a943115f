"""A server that is restarted under load by its next process: nobody is refused, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import restarts
from tests.chaos.harness import SCALE

# Messages that have come and were not handed out are found at each restart.
OVERLOAD = 1.2
# `make chaos` has them all.
CLIENTS, RESTARTS = (40, 3) if SCALE == 1 else (restarts.CLIENTS, restarts.RESTARTS)


@pytest.mark.timeout(900)
def test_nobody_is_refused_and_nothing_is_lost(tmp_path: Path) -> None:
    outcome = restarts.run(tmp_path / "restarts", CLIENTS, RESTARTS, OVERLOAD)
    print(outcome)
    assert outcome.problems == []
    assert outcome.counts["sessions_resumed"] == CLIENTS * RESTARTS
    verdict = outcome.verdict
    assert verdict.requests == verdict.answered + verdict.unhandled + verdict.given_up
    # Half of the requests are answered late: the restarts find some, of both sides.
    assert verdict.unhandled > 0 and verdict.given_up > 0
    told = dict(restarts.rows(outcome)[1:])
    assert told["messages lost"] == told["something wrong"] == told["neither answered nor one of these"] == "**0**"
    assert outcome.restarts == RESTARTS and outcome.probes > 0 and verdict.arrived > 0
