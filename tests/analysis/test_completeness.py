"""Whether maps of a contrast sum to what they explain, and whether their reference is typical."""

from __future__ import annotations

import numpy as np
import pytest

from memlab.analysis.completeness import completeness, completeness_text
from memlab.analysis.map_checks import checks_text, mean_checks


def figures(reference: float, predicted: list[float]) -> dict[str, np.ndarray]:
    count = len(predicted)
    return {
        "reference": np.full(count, reference),
        "residual": np.array([*[0.0] * (count - 1), -2e-5]),
        "predicted": np.array(predicted),
    }


def test_the_largest_error_of_either_sign_is_said() -> None:
    found = completeness(figures(0.5, [0.4, 0.6]))
    assert found["residual"].value == pytest.approx(2e-5)
    (said,) = completeness_text("m", found)
    assert said.startswith("m: a map and what has no position sum to the score minus that of the")
    assert "0.500; largest error 0.000020." in said


@pytest.mark.parametrize(("reference", "side"), [(0.2, "above"), (0.8, "below")])
def test_a_reference_far_from_the_scores_is_named(reference: float, side: str) -> None:
    found = completeness(figures(reference, [0.4, 0.6]))
    sd = np.std([0.4, 0.6], ddof=1)
    assert found["reference_distance"].value == pytest.approx((0.5 - reference) / sd)
    assert f"these images score 2.1 SD {side} it on average" in completeness_text("m", found)[1]


def test_equal_scores_have_no_distance() -> None:
    found = completeness(figures(0.5, [0.6, 0.6]))
    assert found["reference_distance"].reason == "the scores do not vary"
    assert len(completeness_text("m", found)) == 1


def test_other_methods_have_no_completeness() -> None:
    assert completeness({"predicted": np.ones(2)}) == {}
    assert completeness_text("m", {}) == []


def test_a_map_that_is_not_finite_does_not_hide_the_errors_of_the_others() -> None:
    arrays = figures(0.5, [0.4, 0.6, 0.7])
    arrays["residual"][0] = np.nan
    found = completeness(arrays)
    assert found["residual"].value == pytest.approx(2e-5)
    assert found["residual"].n == 2
    arrays["residual"][:] = np.nan
    assert completeness(arrays) == {}


@pytest.mark.parametrize("centre", [0.0, 0.1])
def test_a_map_that_does_not_beat_the_centre_prior_is_named(centre: float) -> None:
    own = np.random.default_rng(0).normal(0.1, 0.02, 30)
    arrays = {"predicted": np.linspace(0.4, 0.6, 30)}
    for check in ("deletion", "insertion"):
        arrays |= {f"check_{check}": own, f"check_{check}_shuffled": 0 * own}
        arrays[f"check_{check}_centre"] = own[::-1] - 0.1 + centre
    (said,) = checks_text("m", mean_checks(arrays, seed=0))
    assert "m: the score follows the map" in said
    assert ("not shown to beat the centre prior" in said) == (centre > 0)
