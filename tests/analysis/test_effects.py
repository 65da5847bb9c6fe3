"""What a test says of ablations: the same numbers as by hand from its tables, or the reason."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from memlab import plan
from memlab.ablations.frequency import Blur
from memlab.ablations.nuisance import Jpeg
from memlab.ablations.plan import nuisance_baseline
from memlab.analysis.comparisons import REMOVAL
from memlab.numbers import number
from tests.builders.analyses import N, made_analysis, shown

K = 4


class Sharp(Blur):
    """A third-party nuisance change."""

    family = "nuisance"
    ladder = (1.0,)

    def __init__(self, amount: float = 1.0) -> None:
        super().__init__(amount)


def test_the_table_leaves_out_units_and_then_correlations_before_it_wraps() -> None:
    rng = np.random.default_rng(0)
    clean, score = rng.normal(0.7, 0.1, N), rng.normal(0.7, 0.1, N)
    drops = {
        ("remove_faces@1(fill=mean)", "target"): rng.normal(0.1, 0.05, (N, 1)),
        ("noise@8", "nuisance"): rng.normal(0, 0.02, (N, 1)),
    }
    summary = made_analysis(drops, clean, score, unit="% of the way to the fill")
    (wide, narrow, least) = (shown(summary.conditions, columns) for columns in (130, 105, 90))
    for lines in (wide, narrow, least):
        (line,) = [line for line in lines if line.startswith("remove_faces@1(fill=mean)")]
        assert "baseline" in line, "all of a condition stands on one line"
        assert ("the fill" in line) == (lines is wide)
        assert ("→" in line) == (lines is not least)
    assert not [line for line in wide if "units" in line]
    assert "units of the doses: effects.csv" in narrow
    assert "units of the doses, and ρ: effects.csv" in least
    squeezed = "\n".join(shown(summary.conditions, 80))
    assert "\nremove_faces@1" in squeezed
    assert "mean)" in squeezed
    assert "…" not in squeezed, "folded, not cut"


def test_a_swap_gives_t_and_a_global_change_its_floor() -> None:
    rng = np.random.default_rng(0)
    clean, score = rng.normal(0.7, 0.1, N), rng.normal(0.7, 0.1, N)
    moved, back = rng.normal(0, 0.05, (N, K)), rng.normal(0, 0.01, (N, K))
    large, small, other = (rng.normal(0, sd, (N, 1)) for sd in (0.05, 0.002, 0.004))
    summary = made_analysis(
        {
            ("swapped@1", "swap"): moved,
            ("swapped@1", "round-trip"): back,
            ("greyed@1", "target"): large,
            ("shift@1", "nuisance"): small,
            ("jpeg@1", "nuisance"): other,
        },
        clean,
        score,
    )
    swap, grey, *floor = summary.conditions
    value = ((moved**2).mean(axis=1) - (back**2).mean(axis=1)).mean()
    assert swap.beyond_control.variance_share.value == pytest.approx(
        value / (2 * clean.var(ddof=1))
    )
    assert swap.tests.either.p < 0.001
    size, least = np.sqrt((large**2).mean()), np.sqrt((other**2).mean())
    assert grey.control.baseline.condition == "jpeg@1:nuisance"
    assert grey.control.baseline.rms_effect.value == pytest.approx(least)
    assert grey.control.baseline.ratio.value == pytest.approx(size / least)
    assert grey.control.baseline.beyond is True
    # Holm over the two tests: nuisance changes are none
    assert [entry.role for entry in floor] == ["nuisance", "nuisance"]
    assert all(entry.tests.either.p is None and entry.tests.either.reason for entry in floor)
    ordered = sorted([swap.tests.either.p, grey.tests.either.p])
    assert min(swap.tests.either.p_corrected, grey.tests.either.p_corrected) == pytest.approx(
        2 * ordered[0]
    )


def test_what_cannot_be_computed_says_why() -> None:
    clean = np.linspace(0, 1, N)
    drop = np.full((N, 1), 0.1)
    entry = made_analysis({("greyed@1", "target"): drop}, clean, np.full(N, np.nan)).conditions[0]
    assert entry.spearman_ablated.value is None
    assert entry.spearman_ablated.reason == "scores are missing"
    assert entry.control.reason == "no nuisance change was run"
    drop[3] = np.inf
    entry = made_analysis({("greyed@1", "target"): drop}, clean, clean).conditions[0]
    assert entry.effect.reason == entry.tests.either.reason == "predictions are not finite"


def removal(rng: np.random.Generator, n: int = N, k: int = 8) -> tuple[np.ndarray, np.ndarray]:
    return rng.normal(0.02, 0.05, (n, 1)), rng.normal(0.02, 0.05, (n, k))


def test_the_floor_is_memlabs_own_slight_changes_however_strong_ones_are_asked_for() -> None:
    asked = plan([Blur(), *(Jpeg(loss) for loss in (5.0, 50.0)), Sharp()], controls=2)
    yardsticks = {one.key for one in asked if one.in_baseline}
    assert yardsticks == {one.key for one in nuisance_baseline()}
    assert {"jpeg@5:nuisance", "jpeg@50:nuisance", "sharp@1:nuisance"} <= {one.key for one in asked}
    assert [one.key for one in asked].count("jpeg@5:nuisance") == 1
    rng = np.random.default_rng(0)
    clean = rng.normal(0.7, 0.1, N)
    drops = {("blur@2", "target"): rng.normal(0, 0.05, (N, 1))}
    drops |= {("jpeg@5", "nuisance"): rng.normal(0, 0.01, (N, 1))}
    drops |= {("jpeg@50", "nuisance"): rng.normal(0, 0.2, (N, 1))}
    summary = made_analysis(drops, clean, clean, asked_for=("jpeg@50",))
    blur = summary.conditions[0]
    assert blur.control.baseline.condition == "jpeg@5:nuisance"
    assert blur.control.baseline.beyond is True
    lines = shown(summary.conditions, 100)
    assert any(line.startswith("jpeg@50") for line in lines), "shown, since it was asked for"
    assert not any(line.startswith("jpeg@5 ") for line in lines)


def test_table_and_results_state_s_of_the_images_that_have_controls() -> None:
    rng = np.random.default_rng(0)
    clean = rng.normal(0.7, 0.1, N)
    target, control = removal(rng)
    target[40:] += 1  # images without any control: nothing of them may enter
    control[40:] = np.nan
    control[:10, 3:] = np.nan  # fewer than others: they bear on it all the same
    kinds = {"compared_with": "matched-control", "region": "faces"}
    summary = made_analysis(
        {("g@1", "target"): target, ("g@1", "control"): control}, clean, clean, **kinds
    )
    (entry,) = summary.conditions
    found = entry.control
    means = np.array([np.nanmean(row) for row in control[:40]])
    assert entry.effect.n == entry.eligible == N
    assert found.ablation_effect.value == pytest.approx(target[:40].mean())
    assert found.effect.value == pytest.approx(means.mean())
    specific = entry.beyond_control.specific_effect
    assert specific.value == pytest.approx((target[:40, 0] - means).mean())
    beyond = entry.beyond_control
    sizes = (beyond.energy_distance, beyond.rms_effect, beyond.rms_effect_sd)
    for statistic in (found.ablation_effect, found.effect, specific, *sizes):
        assert statistic.n == 40
    assert entry.tests.either.n == 40
    assert found.without == N - 40
    assert found.draws_mean == pytest.approx((30 * 8 + 10 * 3) / 40)
    (line,) = [line for line in shown(summary.conditions, 100) if line.startswith("g@1")]
    for wanted in (f"40/{N}", "S ", number(specific.value, signed=True, zero=False)):
        assert wanted in line
    beside = [
        number(statistic.value, signed=True, zero=False)
        for statistic in (found.ablation_effect, found.effect)
    ]
    assert f"{beside[0]}, control {beside[1]}" in line


def test_off_centre_crops_have_a_specific_effect_alone_and_random_shapes_no_permutation() -> None:
    rng = np.random.default_rng(0)
    clean = rng.normal(0.7, 0.1, N)
    target, control = removal(rng)
    drops = {("crop@1", "target"): target + 0.05, ("crop@1", "control"): control}
    shapes = np.full((N, 8), "random-shape", dtype=object)
    shapes[:20] = "matched"
    for kinds, position, reason in (
        ({"compared_with": "off-centre-crops"}, None, "off-centre crops are not exchangeable"),
        (
            {"compared_with": "matched-control", "region": "faces"},
            shapes,
            "random shapes are not exchangeable",
        ),
    ):
        (entry,) = made_analysis(drops, clean, clean, position=position, **kinds).conditions
        without = set(REMOVAL) - {"specific_effect", "specific_effect_sd"}
        for name in without if position is None else {"energy_distance"}:
            statistic = getattr(entry.beyond_control, name)
            assert statistic.value is None
            assert reason in statistic.reason
        assert entry.beyond_control.specific_effect.n == N
        if position is not None:
            assert entry.beyond_control.rms_effect.n == N
            assert "random shapes" in entry.tests.size.statistic
            continue
        assert entry.tests.either.statistic == "specific effect S not 0"
        specific = (target + 0.05)[:, 0] - control.mean(axis=1)
        wanted = stats.ttest_1samp(specific, 0).pvalue
        assert entry.tests.either.p == pytest.approx(wanted, abs=0.02)
        assert entry.tests.either.p < 0.001


def test_where_few_regions_are_large_these_images_are_left_out_of_permutations_alone() -> None:
    rng = np.random.default_rng(0)
    clean = rng.normal(0.7, 0.1, N)
    target, control = removal(rng)
    position = np.full((N, 8), "matched", dtype=object)
    position[:5] = "random-shape"
    drops = {("g@1", "target"): target, ("g@1", "control"): control}
    kinds = {"compared_with": "matched-control", "region": "faces"}
    (entry,) = made_analysis(drops, clean, clean, position=position, **kinds).conditions
    assert (entry.control.without, entry.beyond_control.specific_effect.n) == (0, N)
    assert entry.beyond_control.energy_distance.n == N - 5
    assert entry.tests.either.n == N - 5
    assert entry.beyond_control.energy_distance.value is not None
    assert entry.effect.n == N


@pytest.mark.parametrize(("count", "told"), [(20, True), (60, False)])
def test_too_few_images_for_the_p_of_a_mean_are_told(count: int, told: bool) -> None:
    rng = np.random.default_rng(0)
    clean = rng.normal(0.7, 0.1, N)
    drop = rng.normal(0, 0.05, (N, 1))
    drop[count:] = np.nan
    drops = {("greyed@1", "target"): drop, ("shift@1", "nuisance"): rng.normal(0, 0.01, (N, 1))}
    summary = made_analysis(drops, clean, clean)
    rate = "n = 20 is small: at α = .05 the false-positive rate of these tests is up to 8 %"
    assert any(rate in note for note in summary.notes) == told


def test_t_of_a_swap_bound_to_a_region_counts_those_that_lack_it() -> None:
    rng = np.random.default_rng(0)
    clean = rng.normal(0.7, 0.1, N)
    moved, back = rng.normal(0, 0.05, (N, K)), rng.normal(0, 0.01, (N, K))
    moved[15:] = back[15:] = np.nan
    drops = {("swap@1", "swap"): moved, ("swap@1", "round-trip"): back}
    lacks = np.where(np.arange(N) < 15, None, "absent")
    whole, bound, needs_figures = (
        made_analysis(drops, clean, clean, region=region, reason=reason)
        .conditions[0]
        .beyond_control
        for region, reason in (("all", None), ("faces", lacks), ("all", lacks))
    )
    assert bound.variance_share.value == pytest.approx(whole.variance_share.value / 16)
    assert needs_figures.variance_share.value == pytest.approx(whole.variance_share.value / 4)
    assert bound.rms_effect.value == whole.rms_effect.value
