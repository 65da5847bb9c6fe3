"""Insertion enters T only where it agrees with removal."""

import numpy as np
import pytest

from memlab.analysis.arrays import ImageEffects
from memlab.analysis.quantities import SESOI, presence_quantities
from memlab.audit.insertion_use import agreement, share_of
from memlab.stats import bootstrap
from tests.builders.effect_arrays import NAN, made_effects


@pytest.mark.parametrize(("pasted", "agrees"), [(1.0, True), (0.7, False)])
def test_insertion_enters_t_only_where_it_agrees_with_removal(pasted: float, agrees: bool) -> None:
    rng = np.random.default_rng(6)
    n = 2000
    face = np.arange(n) < n / 2

    def changed(effect: float, where: np.ndarray, draws: int) -> ImageEffects:
        noise = rng.normal(0, 0.05, (n, draws + 8))
        drops = {"target": effect + noise[:, :draws], "control": noise[:, draws:]}
        drops = {role: np.where(where[:, None], array, NAN) for role, array in drops.items()}
        return ImageEffects("made@1", 1.0, images, drops)

    images = made_effects(n, {}, predicted=rng.normal(size=n), face=face).images
    removal, insertion = changed(1.0, face, 2), changed(-pasted, ~face, 1)
    estimates = presence_quantities("face", [removal], [insertion]).estimates
    resampled = bootstrap(estimates, 0, 500).resampled
    found = agreement(resampled, SESOI)
    assert found is not None
    assert found.equivalent is agrees
    both = 0.25 * (1 + pasted**2) / 2
    assert share_of(resampled, SESOI).statistic.value == pytest.approx(
        both if agrees else 0.25, rel=0.08
    )
    alone = bootstrap(presence_quantities("face", [removal]).estimates, 0, 500).resampled
    assert agreement(alone, SESOI) is None
    assert share_of(alone, SESOI).statistic.value == pytest.approx(0.25, rel=0.08)
