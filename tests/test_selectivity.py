"""Every ablation removes its target from pictures of scenes: more of it with every dose."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from memlab.ablations.selectivity import selectivity
from memlab.audit.oracle_matrix import scenes_and_donors
from memlab.registry import load, plugins

OWN = [plugin.name for plugin in plugins("ablations") if plugin.distribution == "memlab"]


@pytest.fixture(scope="module")
def scenes_with_donors() -> Any:
    return scenes_and_donors(24, 64, "A", 5, 1)


@pytest.mark.parametrize("name", OWN)
def test_the_target_falls_with_every_dose(name: str, scenes_with_donors: Any) -> None:
    images, context, donors = scenes_with_donors
    ablation = load("ablations", name)()
    table = selectivity([(images, context)], [ablation], donors)
    own: pd.DataFrame = table[table["target"] & ~table["control"]]
    assert (own["eligible"] >= 6).all()
    falling = [own["clean"].iloc[0], *own["changed"]]
    steps = pd.Series(falling).diff().dropna()
    assert (steps < 0).all(), f"{name}: {ablation.target} over the ladder: {falling}"
    assert set(own["dose"]) == set(ablation.ladder)
