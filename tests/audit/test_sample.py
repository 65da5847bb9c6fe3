"""Strata, their share of the sample, and weights."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from memlab.audit.sample import allocate, draw, strata_of, weights


@pytest.mark.parametrize("n", [1, 5, 20, 100, 600, 610, 10_000])
def test_all_of_the_sample_is_allocated_and_no_stratum_gets_more_than_it_has(n: int) -> None:
    sizes = {"none": 500, "face": 97, "face+text": 12, "text": 1}
    found = allocate(sizes, n)
    assert sum(found.values()) == min(n, 610)
    assert all(found[name] <= size for name, size in sizes.items())
    assert n < 8 or all(found[name] >= min(2, size) for name, size in sizes.items())


def test_rare_strata_are_sampled_more_densely() -> None:
    sizes = {"none": 900, "face": 100, "text": 9}
    found = allocate(sizes, 120)
    rates = [found[name] / sizes[name] for name in ("none", "face", "text")]
    assert rates == sorted(rates)
    assert found["text"] == 9 * found["none"] // 90 or found["text"] > 6


def test_the_sample_depends_on_the_seed_alone_and_grows() -> None:
    ids = [f"{place:03d}" for place in range(300)]
    strata = ["face" if place % 10 == 0 else "none" for place in range(300)]
    sample = draw(ids, strata, 60, seed=1)
    assert sample == draw(ids, strata, 60, seed=1)
    assert sample != draw(ids, strata, 60, seed=2)
    assert sample == sorted(sample)
    assert set(sample) <= set(draw(ids, strata, 120, seed=1))
    backwards = draw(ids[::-1], strata[::-1], 60, seed=1)
    assert set(backwards) == set(sample)


def test_weights_restore_the_population() -> None:
    rng = np.random.default_rng(0)
    present = pd.DataFrame({"face": rng.random(1000) < 0.1, "text": rng.random(1000) < 0.3})
    strata = strata_of(present.astype(float))
    ids = [str(place) for place in range(1000)]
    chosen = set(draw(ids, strata.tolist(), 100, seed=0))
    audited = pd.Series([name in chosen for name in ids])
    weight = weights(strata, audited)
    assert weight[~audited].isna().all()
    assert weight.sum() == pytest.approx(1000)
    share = (weight * present["face"])[audited].sum() / 1000
    assert share == pytest.approx(present["face"].mean())
    assert present["face"][audited].mean() > share


def test_images_that_are_not_annotated_have_strata_of_their_own() -> None:
    present = pd.DataFrame({"face": [1.0, 0.0, np.nan], "text": [0.0, 0.0, 1.0]})
    assert strata_of(present).tolist() == ["face", "none", "face?+text"]
