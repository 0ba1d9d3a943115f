"""A few of the seeded runs through broken links that `make chaos` has a thousand of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import plan
from tests.chaos.runs import Worlds

# Chosen for what is in them.
SEEDS = (2, 3, 5, 9)


@pytest.mark.parametrize("seed", [1, 17, 4711])
def test_a_plan_comes_from_its_seed(seed: int) -> None:
    assert plan.draw(seed) == plan.draw(seed)
    assert str(plan.draw(seed)) != str(plan.draw(seed + 1))


def test_what_comes_of_runs_is_right(tmp_path: Path) -> None:
    with Worlds(tmp_path) as worlds:
        for seed in SEEDS:
            outcome = worlds.run(plan.draw(seed))
            assert outcome.problems == [], f"{outcome.plan}\n(`python -m tests.chaos --seed {seed}` repeats it)"
            assert outcome.verdict.arrived > 0
        assert worlds.quit() == []
