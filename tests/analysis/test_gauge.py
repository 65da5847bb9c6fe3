"""Gauge of changed images: feature distances and predictions outside the clean range."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import memlab.analysis.analyse
from memlab.analysis.gauge import Gauge, gauges, refusal, warning
from memlab.stats.measures import Statistic

CLEAN = pd.DataFrame({"id": list("abcde"), "predicted": [0.1, 0.2, 0.3, 0.4, 0.5]})
SD = float(CLEAN["predicted"].std())


def changed(role: str, predicted: list[float], distance: list[float]) -> pd.DataFrame:
    key = "remove_faces@1" + ("" if role == "target" else f":{role}")
    return pd.DataFrame(
        {
            "condition": key, "role": role, "id": list("abcde")[: len(predicted)], "draw": 0,
            "eligible": True, "predicted": predicted, "surprise": 0.5,
            "feature_distance": distance,
        }
    )  # fmt: skip


def test_targets_stand_beside_controls_of_the_same_images() -> None:
    both = pd.concat(
        [
            changed("target", [0.6, 0.2, 0.3, 0.4, 0.0], [1.0, 2.0, 3.0, 4.0, 90.0]),
            changed("control", [0.2, 0.2, 0.3, 0.4], [0.0, 0.0, 0.0, 1.0]),
        ]
    )
    gauge = gauges(CLEAN, both)["remove_faces@1"]
    assert gauge.n == 4
    assert (gauge.outside, gauge.outside_control) == (0.25, 0.0)
    assert gauge.beyond == pytest.approx((0.6 - 0.498) / SD / 2)  # .5 less .5 % of its spread
    assert (gauge.distance, gauge.distance_control, gauge.difference) == (2.5, 0.25, 2.25)
    assert "2.25 SD farther" in str(warning(gauge))


@pytest.mark.parametrize("count", [200, 20_000])
def test_noise_is_refused_however_many_images_there_are(count: int) -> None:
    rng = np.random.default_rng(0)
    clean = pd.DataFrame({"id": np.arange(count).astype(str), "predicted": rng.normal(size=count)})
    rows = clean.head(200).assign(condition="blur@1:swap", role="swap", draw=0, eligible=True)
    for noise, beyond in ((0.0, False), (2.0, True)):
        moved = rows.assign(predicted=rows["predicted"] + noise * rng.normal(size=200))
        assert (refusal(gauges(clean, moved)["blur@1:swap"], None) is not None) == beyond


def test_draws_are_averaged_within_an_image_first() -> None:
    second = changed("target", [0.6], [3.0]).assign(draw=1)
    rows = pd.concat([changed("target", [0.3, 0.3], [1.0, 0.0]), second])
    gauge = gauges(CLEAN, rows)["remove_faces@1"]
    assert (gauge.outside, gauge.distance) == (0.25, 1.0)


def test_without_features_the_reason_is_given() -> None:
    rows = changed("target", [0.3, 0.3], [np.nan, np.nan]).drop(columns="surprise")
    gauge = gauges(CLEAN, rows)["remove_faces@1"]
    assert gauge.distance is None
    assert "no features" in str(gauge.reason)
    assert gauge.outside == 0
    assert warning(gauge) is None


def test_constant_predictions_have_no_range_to_leave() -> None:
    flat = CLEAN.assign(predicted=0.3)
    gauge = gauges(flat, changed("target", [0.3, 0.4], [0.0, 0.0]))["remove_faces@1"]
    assert (gauge.outside, gauge.beyond) == (None, None)


def test_t_of_predictions_far_outside_the_clean_range_is_left_out() -> None:
    share = Statistic(0.5, 300, 0.4, 0.6)
    near = Gauge(300, outside=0.15, beyond=0.4, clean=300)
    assert refusal(near, share) is None  # .1, 6 of 300 by chance, and two standard errors
    assert refusal(Gauge(300, outside=0.16, beyond=0.4, clean=300), share) is not None
    far = refusal(Gauge(300, outside=0.9, beyond=25.0, clean=300), share)
    assert far is not None
    assert "90 %" in far
    assert "25.0 SD" in far
    few = Gauge(20, outside=0.3, clean=20)
    assert refusal(few, share) is None


def test_t_above_one_is_left_out_only_where_its_interval_is() -> None:
    inside = Gauge(300, outside=0.0, clean=300)
    assert refusal(inside, Statistic(1.05, 300, 0.9, 1.2)) is None
    assert "4.50 [3.10, 5.20]" in str(refusal(inside, Statistic(4.5, 300, 3.1, 5.2)))


def runaway(shift: float) -> memlab.analysis.analyse.Analysis:
    rng = np.random.default_rng(0)
    clean = rng.normal(0.5, 0.01, 200)
    ids = [f"{place}.png" for place in range(200)]
    rows = pd.DataFrame({"id": ids, "predicted": clean, "score": rng.random(200)})
    parts = []
    for role, values in {"swap": clean[::-1] + shift, "round-trip": clean}.items():
        part = {
            "condition": f"swap_palette@1:{role}", "role": role, "id": ids, "draw": 0,
            "eligible": True, "predicted": values, "ablation": "swap_palette", "family": "colour",
            "region": "all", "fill": None, "dose": 1.0, "unit": "x", "dose_name": "",
            "primary": True, "in_baseline": False, "compared_with": "round-trip",
        }  # fmt: skip
        parts.append(pd.DataFrame(part))
    return memlab.analysis.analyse.analyse(rows, pd.concat(parts))


def test_an_analysis_leaves_out_t_of_a_runaway_and_says_why() -> None:
    (fine,) = runaway(0.0).conditions
    assert fine.beyond_control.variance_share is not None
    assert fine.beyond_control.variance_share.value == pytest.approx(1, abs=0.2)
    far = runaway(0.25)  # 25 SD of the clean predictions
    (effect,) = far.conditions
    assert effect.gauge is not None
    assert effect.gauge.outside == 1
    share = effect.beyond_control.variance_share
    assert share is not None
    assert share.value is None
    assert "100 % of the predictions" in str(share.reason)
    assert effect.claim is not None
    assert effect.claim.claim == "cannot tell"
    line = far.effects.iloc[0]
    assert line["outside"] == 1
    assert line["variance_share"] is None


def test_a_model_whose_scores_do_not_vary_has_no_effect_and_no_claim() -> None:
    ids = [f"{place}.png" for place in range(60)]
    rows = pd.DataFrame({"id": ids, "predicted": 0.6, "score": np.linspace(0, 1, 60)})
    parts = []
    for role, kind in {"target": "matched-control", "control": "matched-control"}.items():
        key = "remove_faces@1" + ("" if role == "target" else f":{role}")
        for draw in (0, 1):
            part = {
                "condition": key, "role": role, "id": ids, "draw": draw, "eligible": True,
                "predicted": 0.6, "ablation": "remove_faces", "family": "region",
                "region": "faces", "fill": "mean", "dose": 1.0, "unit": "x", "dose_name": "",
                "primary": True, "in_baseline": False, "compared_with": kind, "reason": None,
            }  # fmt: skip
            parts.append(pd.DataFrame(part))
    (effect,) = memlab.analysis.analyse.analyse(rows, pd.concat(parts)).conditions
    beyond = effect.beyond_control
    assert effect.effect.value == 0
    assert beyond.specific_effect is not None
    assert beyond.specific_effect.value == 0
    for in_sd in (beyond.rms_effect_sd, beyond.variance_share):
        assert in_sd is not None
        assert (in_sd.value, in_sd.reason) == (None, "predictions are constant")
    assert effect.claim is not None
    assert effect.claim.claim == "cannot tell"
    assert effect.gauge is not None
    assert effect.gauge.outside is None
