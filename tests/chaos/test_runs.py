"""A few of the seeded runs through broken links that `make chaos` has a thousand of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import plan
from tests.chaos.runs import Worlds

# Short ones with much in them; whether with sessions.
SEEDS = {22: True, 42: True, 46: False}


@pytest.mark.parametrize("seed", [1, 17, 4711])
def test_a_plan_comes_from_its_seed(seed: int) -> None:
    assert plan.draw(seed) == plan.draw(seed)
    assert str(plan.draw(seed)) != str(plan.draw(seed + 1))


@pytest.mark.timeout(600)
def test_what_comes_of_runs_is_right(tmp_path: Path) -> None:
    with Worlds(tmp_path) as worlds:
        for seed, with_sessions in SEEDS.items():
            outcome = worlds.run(plan.draw(seed, with_sessions=with_sessions))
            assert outcome.problems == [], f"{outcome.plan}\n(`python -m tests.chaos --seed {seed}` repeats it)"
            assert outcome.verdict.arrived > 0
        assert worlds.quit() == []
