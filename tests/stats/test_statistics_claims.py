"""Equivalence, ranks, training seeds and planning, against SciPy, published values and loops."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from memlab import stats as audit
from memlab.stats import Bootstrap, Estimate, Resampled, bootstrap
from memlab.stats.measures import Statistic


def mean(values: np.ndarray) -> Estimate:
    return Estimate(values[:, None], lambda means: means[..., 0])


def drawn(values: dict[str, float], spread: dict[str, float], shared: float = 0) -> Bootstrap:
    """Draws round values that a test chose."""
    rng = np.random.default_rng(0)
    common = rng.normal(0, shared, size=4000)
    return Bootstrap(
        {
            name: Resampled(
                Statistic(value, 100), value + common + rng.normal(0, spread[name], size=4000)
            )
            for name, value in values.items()
        }
    )


def test_equivalence_is_two_one_sided_tests() -> None:
    values = np.random.default_rng(0).normal(0.01, 0.1, size=60)
    by_t = audit.equivalence_t(values, 0.05)
    sides = (
        stats.ttest_1samp(values, -0.05, alternative="greater").pvalue,
        stats.ttest_1samp(values, 0.05, alternative="less").pvalue,
    )
    assert by_t.p == pytest.approx(max(sides))
    by_draws = audit.equivalence(bootstrap({"s": mean(values)}, 0)["s"], 0.05)
    assert by_draws.p == pytest.approx(max(sides), abs=0.005)
    assert by_t.equivalent
    assert by_draws.equivalent
    assert not audit.equivalence_t(values + 0.03, 0.05).equivalent
    few = bootstrap({"s": mean(4 * values[:20])}, 0)["s"]
    assert audit.equivalence(few, 0.05).equivalent is False


@pytest.mark.slow
@pytest.mark.parametrize("at", [-0.05, 0.05])
def test_equivalence_errs_one_time_in_twenty_at_the_margin(at: float) -> None:
    values = at + 0.1 * (np.random.default_rng(0).exponential(size=(100, 500)) - 1)
    found = bootstrap({str(place): mean(each) for place, each in enumerate(values.T)}, 0, 1000)
    wrong = [audit.equivalence(each, 0.05).equivalent for each in found.resampled.values()]
    assert np.mean(wrong) <= 0.08


def test_equivalence_without_an_answer_has_a_reason() -> None:
    assert audit.equivalence_t(np.zeros(2), 0.05).reason == "only 2 images"
    assert audit.equivalence_t(np.array([0, np.nan, 0]), 0.05).equivalent is None
    assert audit.equivalence_t(np.zeros(5), 0.05).equivalent
    short = bootstrap({"s": mean(np.zeros(2))}, 0)["s"]
    found = audit.equivalence(short, 0.05)
    assert (found.equivalent, found.reason) == (None, "no interval: only 2 images")
    nothing = bootstrap({"s": mean(np.full(5, np.nan))}, 0)["s"]
    assert audit.equivalence(nothing, 0.05).reason == "predictions are not finite"


def test_holm_is_the_closure_of_bonferroni() -> None:
    # Marcus, Peritz & Gabriel 1976: p is the largest over all families that hold the hypothesis
    p = list(np.random.default_rng(0).beta(0.4, 2, size=6))
    found = audit.holm([*p[:2], None, *p[2:]])
    assert found.pop(2) is None
    for place in range(6):
        families = [f for size in range(1, 7) for f in combinations(range(6), size) if place in f]
        wanted = max(min(1, len(f) * min(p[at] for at in f)) for f in families)
        assert found[place] == pytest.approx(wanted)
    assert audit.holm([]) == []


def test_ranks_have_intervals_and_tiers() -> None:
    names = {"face": 0.9, "text": 0.5, "object": 0.49, "colour": 0.1}
    places = audit.ranking(drawn(names, dict.fromkeys(names, 0.02)), list(reversed(names)))
    assert [place.name for place in places] == list(names)
    assert [place.rank for place in places] == [1, 2, 3, 4]
    assert [(place.low, place.high) for place in places] == [(1, 1), (2, 3), (2, 3), (4, 4)]
    assert [place.tier for place in places] == [1, 2, 2, 3]
    assert [place.first for place in places] == [1, 0, 0, 0]
    # paired: what moves all features alike does not make their order unsure
    apart = audit.ranking(drawn(names, dict.fromkeys(names, 0.001), shared=1.0), list(names))
    assert [place.tier for place in apart] == [1, 2, 3, 4]


def test_the_chance_to_be_first_is_that_of_normal_draws() -> None:
    places = audit.ranking(drawn({"a": 0.1, "b": 0.0}, {"a": 0.06, "b": 0.08}), ["a", "b"])
    wanted = stats.norm.cdf(0.1 / 0.1)
    assert places[0].first == pytest.approx(wanted, abs=0.02)
    assert sum(place.first or 0 for place in places) == pytest.approx(1)


def test_ties_and_features_without_value_are_ranked_so() -> None:
    values = np.random.default_rng(0).normal(size=50)
    found = bootstrap(
        {"one": mean(values), "same": mean(values), "none": mean(np.full(50, np.nan))}, 0, 200
    )
    one, same, none = audit.ranking(found, ["none", "one", "same"])
    assert (one.rank, same.rank, one.first, one.tier, same.tier) == (1.5, 1.5, 0.5, 1, 1)
    assert (none.rank, none.reason) == (None, "predictions are not finite")
    assert audit.ranking(found, []) == []


def test_a_feature_undefined_on_many_resamples_has_no_rank() -> None:
    values = np.random.default_rng(2).normal(size=50)
    only = np.eye(50)[0]
    rare = Estimate(
        np.stack([only, 5 * only + values / 1000], axis=1),
        lambda means: np.where(means[..., 0] > 0, means[..., 1] / means[..., 0], np.nan),
    )
    places = audit.ranking(
        bootstrap({"rare": rare, "b": mean(values)}, 0, 1000, kind="percentile"), ["rare", "b"]
    )
    assert [place.name for place in places] == ["b", "rare"]
    assert (places[0].rank, places[1].rank, places[1].first) == (1, None, None)
    assert "undefined on" in str(places[1].reason)


def test_training_seeds_are_resampled_above_images() -> None:
    rng = np.random.default_rng(0)
    networks, images = 6, 400
    common = rng.normal(0, 1, size=images)  # what all networks see in an image
    values = [
        common + effect + rng.normal(0, 0.5, size=images)
        for effect in rng.normal(0, 0.2, size=networks)
    ]
    found = audit.bootstrap_seeds({"s": [mean(each) for each in values]}, 0)["s"]
    means = [each.mean() for each in values]
    assert found.statistic.value == pytest.approx(np.mean(means))
    # crossed samples: seeds and images add up, and their interaction with images (Owen 2007)
    between = np.var(means, ddof=1) / networks
    within = np.mean(values, axis=0).var() / images
    residual = np.var(np.array(values) - np.mean(values, axis=0), axis=1).mean() / images
    wanted = between + within + residual / networks
    assert found.standard_error() == pytest.approx(wanted**0.5, rel=0.05)
    assert "images and 6 training seeds" in str(found.interval().method)
    fixed = bootstrap({"s": mean(np.mean(values, axis=0))}, 0)["s"]
    assert found.standard_error() > 1.5 * fixed.standard_error()  # type: ignore[operator]


def test_one_training_seed_is_a_plain_bootstrap_that_says_so() -> None:
    values = np.random.default_rng(0).normal(size=50)
    found = audit.bootstrap_seeds({"s": [mean(values)]}, 3, 500)["s"].interval()
    plain = bootstrap({"s": mean(values)}, 3, 500)["s"].interval()
    assert (found.low, found.high) == (plain.low, plain.high)
    assert found.method == "BCa bootstrap over images, of one training seed, 500 resamples"


def test_a_training_seed_without_a_value_is_named() -> None:
    values = np.random.default_rng(0).normal(size=50)
    both = {"s": [mean(values), mean(np.full(50, np.nan))], "t": [mean(values[:2])] * 2}
    found = audit.bootstrap_seeds({"s": both["s"]}, 0, 100).statistics["s"]
    assert (found.value, found.reason) == (None, "training seed 2 of 2: predictions are not finite")
    few = audit.bootstrap_seeds({"t": both["t"]}, 0, 100).statistics["t"]
    assert (few.low, few.reason) == (None, "no interval: only 2 images")
    with pytest.raises(ValueError, match="training seeds per estimate"):
        audit.bootstrap_seeds({"s": both["s"], "u": [mean(values)]}, 0)


def test_the_detectable_effect_is_two_point_eight_standard_errors() -> None:
    assert audit.detectable(1) == pytest.approx(2.80, abs=0.005)  # Gelman & Hill 2007, 20.1
    n, effect = 80, audit.detectable(80**-0.5)
    values = np.random.default_rng(0).normal(effect, 1, size=(2000, n))
    found = stats.ttest_1samp(values, 0, axis=1).pvalue <= 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.03)


def test_planned_widths_are_what_comes_out() -> None:
    rng = np.random.default_rng(0)
    n, draws, sd_images, sd_draws = 250, 4, 0.08, 0.13
    effect = rng.normal(0.1, sd_images, size=(400, n))
    target = effect + rng.normal(0, sd_draws, size=(400, n, 2)).mean(axis=2)
    specific = target - rng.normal(0, sd_draws, size=(400, n, draws)).mean(axis=2)
    widths = 2 * 1.96 * specific.std(axis=1, ddof=1) / n**0.5
    wanted = audit.width(n, draws, sd_images, sd_draws)
    assert widths.mean() == pytest.approx(wanted, rel=0.01)
    assert audit.images_for_width(wanted, draws, sd_images, sd_draws) == n
    assert audit.draws_for_width(wanted, n, sd_images, sd_draws) == draws
    assert audit.draws_for_width(wanted / 2, n, sd_images, sd_draws) is None
    assert audit.width(n, draws, sd_images, sd_draws, sd_target=0) < wanted
    assert audit.width(n, draws, sd_images, sd_draws, target_draws=1) > wanted
    assert audit.draws_for_width(0.1, n, 0.0, 0.0) == 1


@pytest.mark.slow
def test_no_reliance_needs_as_many_images_as_simulated() -> None:
    rng = np.random.default_rng(0)
    sd, k = 0.13, 8
    for n in (300, 1000, 2000):
        target, control = rng.normal(0, sd, (300, n, 2)), rng.normal(0, sd, (300, n, k))
        specific = target.mean(axis=2) - control.mean(axis=2)
        noise = target.var(axis=2, ddof=1) / 2 + control.var(axis=2, ddof=1) / k
        squares = specific**2 - noise
        error = squares.std(axis=1, ddof=1) / n**0.5
        means = squares.mean(axis=1)
        inside = np.abs(specific.mean(axis=1)) + 1.645 * specific.std(axis=1) / n**0.5 < 0.05
        small = means + 1.645 * error < 0.05**2
        planned = audit.chance_to_exclude(n, k, sd)
        assert planned == pytest.approx((inside & small).mean(), abs=0.06)
    needed = audit.images_to_exclude(k, sd)
    assert needed is not None
    assert (
        audit.chance_to_exclude(needed, k, sd) >= 0.8 > audit.chance_to_exclude(needed - 1, k, sd)
    )
    assert audit.images_to_exclude(k, sd, sd_images=0.06) is None  # an effect that matters
    assert audit.chance_to_exclude(100, k, 0.0) == 1
    assert audit.chance_to_exclude(10_000, 1, sd) == 0
    assert audit.images_to_exclude(1, sd) is None
    assert audit.chance_to_exclude(100, k, sd, sd_target=0) > 0.99
    assert audit.chance_to_exclude(10_000, k, sd, target_draws=1) == 0  # its noise is not known
