"""Cross-check of maps with measured effects: right maps pass it, maps of area alone do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from memlab.analysis.map_evidence import (
    MapEvidence,
    corrected,
    evidence_text,
    map_evidence,
    partial_rho,
)
from memlab.analysis.map_removals import removal_texts
from memlab.stats.measures import Statistic

N = 60


def measured(seed: int = 0, noise: float = 0.002) -> tuple[dict[str, Any], pd.DataFrame]:
    """Maps that say the effect of each image, and the rows of a test of it."""
    rng = np.random.default_rng(seed)
    area = rng.uniform(0.02, 0.2, N)
    effect = 0.1 * area + rng.normal(0, 0.01, N)  # larger faces matter more, and some more still
    ids = np.array([f"{place}.jpg" for place in range(N)])
    rows = []
    for place, name in enumerate(ids):
        for role, draws in (("target", 2), ("control", 8)):
            for draw in range(draws):
                lower = effect[place] if role == "target" else 0.0
                rows.append(
                    {
                        "condition": "remove_faces@1" + ":control" * (role == "control"),
                        "id": name,
                        "draw": draw,
                        "role": role,
                        "family": "region",
                        "region": "faces",
                        "primary": True,
                        "eligible": True,
                        "compared_with": "matched-control",
                        "predicted": 0.6 - lower + rng.normal(0, noise),
                    }
                )
    arrays = {"id": ids, "check_inside_faces": effect, "check_area_faces": area}
    return arrays, pd.DataFrame(rows)


def test_a_map_that_says_the_effect_predicts_it_at_equal_area() -> None:
    arrays, conditions = measured()
    (found,) = map_evidence(arrays, conditions, seed=0)
    assert found.region == "faces"
    assert found.rho.value is not None
    assert found.rho.value > 0.9
    assert found.rho.n == N
    assert found.rho.low is not None
    assert found.rho.high is not None
    assert 0.8 < found.rho.low < found.rho.value < found.rho.high
    assert found.p is not None
    assert found.p < 0.001
    assert found.reliability is not None
    assert found.reliability > 0.9
    said = evidence_text("contrast_cam", found)
    assert "predicts the effect of removing it" in said
    assert "n = 60" in said


def test_a_map_that_knows_the_area_alone_does_not() -> None:
    arrays, conditions = measured()
    rng = np.random.default_rng(9)
    area = arrays["check_area_faces"]
    arrays["check_inside_faces"] = area * rng.uniform(0.99, 1.01, N)
    (found,) = map_evidence(arrays, conditions, seed=0)
    assert found.rho.value is not None
    assert abs(found.rho.value) < 0.3
    effects = conditions.groupby(["role", "id"])["predicted"].mean().unstack(0)
    plain = stats.spearmanr(area, (effects["control"] - effects["target"])[arrays["id"]]).statistic
    assert plain > 0.35  # without area held constant it would seem to predict
    assert "is not shown to predict" in evidence_text("grad_cam", found)


def test_false_alarms_are_rare_under_the_null() -> None:
    alarms = 0
    for seed in range(40):
        arrays, conditions = measured(seed)
        arrays["check_inside_faces"] = np.random.default_rng(99 + seed).normal(size=N)
        (found,) = map_evidence(arrays, conditions, seed=seed)
        assert found.p is not None
        alarms += found.p < 0.05
    assert alarms <= 6  # 2 are expected; more than 6 in 1 of 230 such tests


def test_noisy_effects_are_unreliable_and_few_images_are_said() -> None:
    arrays, conditions = measured(noise=0.2)
    (found,) = map_evidence(arrays, conditions, seed=0)
    assert found.reliability is not None
    assert found.reliability < 0.5
    few = {name: values[:5] for name, values in arrays.items()}
    (found,) = map_evidence(few, conditions, seed=0)
    assert found.rho.value is None
    assert "5 explained images have the region, 10 are needed: raise --maps" in evidence_text(
        "grad_cam", found
    )
    assert map_evidence({"id": arrays["id"]}, conditions, seed=0) == []


def test_partial_rho_is_the_textbook_s() -> None:
    rng = np.random.default_rng(3)
    x, y, z = rng.normal(size=(3, 50)).round(1)
    x, y = x + z, y + z
    xy, xz, yz = (stats.spearmanr(a, b).statistic for a, b in ((x, y), (x, z), (y, z)))
    wanted = (xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2))
    assert partial_rho(x, y, z) == pytest.approx(wanted)
    assert np.isnan(partial_rho(np.ones(50), y, z))


def test_the_measured_effect_of_a_removal_stands_beside_the_map() -> None:
    arrays, conditions = measured(noise=0.0)
    arrays["predicted"] = np.full(N, 0.61)  # controls predict 0.6
    said = removal_texts(arrays, conditions)
    effect = 0.61 - conditions.query("id == '0.jpg' and role == 'target'")["predicted"].mean()
    by = f"{effect:.3f}".removeprefix("0")
    assert said[0] == f"removing faces lowers the score by {by}, control .010"
    assert removal_texts(arrays, conditions[conditions["id"] != "0.jpg"])[0] == ""


def test_what_changes_a_region_without_removing_it_is_no_removal() -> None:
    arrays, conditions = measured()
    arrays["predicted"] = np.full(N, 0.61)
    blurred = conditions.assign(family="frequency")
    assert map_evidence(arrays, blurred, seed=0) == []
    assert removal_texts(arrays, blurred) == [""] * N


def test_a_part_of_a_region_is_compared_with_the_map_on_that_part() -> None:
    arrays, conditions = measured()
    part = conditions.assign(region="faces without text")
    assert map_evidence(arrays, part, seed=0) == []  # the sum on all of the faces is another one
    arrays |= {
        "check_inside_faces without text": arrays["check_inside_faces"],
        "check_area_faces without text": arrays["check_area_faces"],
    }
    (found,) = map_evidence(arrays, part, seed=0)
    assert found.region == "faces without text"
    assert found.rho.value is not None
    assert found.rho.value > 0.9


def test_effects_that_only_follow_the_area_are_not_reliable_at_equal_area() -> None:
    arrays, conditions = measured(noise=0.0)
    area = dict(zip(arrays["id"], arrays["check_area_faces"], strict=True))
    noise = np.random.default_rng(5).normal(0, 0.01, len(conditions))
    target = conditions["role"] == "target"
    conditions["predicted"] = 0.6 - conditions["id"].map(area) * target + noise
    (found,) = map_evidence(arrays, conditions, seed=0)
    assert found.reliability is not None
    assert found.reliability < 0.4


def test_p_is_corrected_over_all_regions_and_methods() -> None:
    rho = Statistic(0.4, 30, 0.1, 0.6)
    one, other = (MapEvidence(name, "c", rho, 0.03, 0.9) for name in ("faces", "text"))
    unmeasured = MapEvidence("people", "c", Statistic(None, 3, reason="few"), None, None)
    found = corrected({"a": [one, unmeasured], "b": [other]})
    assert [entry.p_corrected for entry in found["a"]] == [pytest.approx(0.06), None]
    assert found["b"][0].p_corrected == pytest.approx(0.06)
    assert "is not shown to predict" in evidence_text("a", found["a"][0])
    assert "predicts" in evidence_text("a", corrected({"a": [one]})["a"][0])
