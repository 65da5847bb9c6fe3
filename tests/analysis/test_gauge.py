"""Gauge of changed images: feature distances and predictions outside the clean range."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from memlab.analysis.gauge import gauges, warning

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
    assert gauge.beyond == pytest.approx(0.1 / SD / 2)
    assert (gauge.distance, gauge.distance_control, gauge.difference) == (2.5, 0.25, 2.25)
    assert "2.25 SD farther" in str(warning(gauge))


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
