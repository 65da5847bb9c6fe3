"""T and the claim of removals and swaps, in the table and in effects.csv."""

import numpy as np
import pytest

from memlab.analysis.analyse import Analysis
from tests.builders.analyses import N, made_analysis, shown

REMOVAL = {"family": "region", "compared_with": "matched-control", "fill": "mean"}


@pytest.fixture(scope="module")
def found() -> Analysis:
    """A model that reads faces, and for which text hardly matters."""
    rng = np.random.default_rng(0)
    clean = rng.normal(0.7, 0.1, N)
    effects = {"remove_faces@1": 0.08, "remove_text@1": 0.001, "remove_people@1": 0.0}
    noise = {"remove_faces@1": 0.003, "remove_text@1": 0.0006, "remove_people@1": 0.02}
    drops = {}
    for name, effect in effects.items():
        drops[name, "target"] = effect + rng.normal(0, noise[name], (N, 2))
        drops[name, "control"] = rng.normal(0, noise[name], (N, 8))
    return made_analysis(drops, clean, clean, **REMOVAL, region="faces")


def test_claims_are_about_size_and_not_about_p(found: Analysis) -> None:
    table = found.effects.set_index("condition")
    assert dict(table["claim"]) == {
        "remove_faces@1": "relies",
        "remove_text@1": "does not rely",
        "remove_people@1": "cannot tell",
    }
    text = table.loc["remove_text@1"]
    assert text["p_mean_corrected"] < 0.05  # a small effect is significant, and no reliance
    assert text["claim_clause"] == "S inside ±0.05 SD, RMS+ below 0.05 SD"
    assert abs(text["variance_share"]) < 0.001


def test_the_table_has_t_and_claim_and_fits_in_100_columns(found: Analysis) -> None:
    lines = shown(found.conditions, 100)
    assert max(map(len, lines)) <= 100
    face = next(line for line in lines if "remove_faces@1" in line)
    text = next(line for line in lines if "remove_text@1" in line)
    share = found.effects.set_index("condition")["variance_share"]["remove_faces@1"]
    assert share == pytest.approx(0.0, abs=1e-9)  # all images have the region: p = 1
    assert "relies" in face
    assert "does not rely" in " ".join(" ".join(lines).split()) or "does not" in text
    assert any(line.startswith("claim: is the effect above or below .05 SD") for line in lines)
    wide = shown(found.conditions, 160)
    assert any("does not rely" in line and "remove_text@1" in line for line in wide)


def test_t_of_a_removal_counts_the_share_of_images_that_have_the_region() -> None:
    """Images that have the region and could not be changed count; others may not be annotated."""
    rng = np.random.default_rng(1)
    clean = rng.normal(0.7, 0.1, N)
    drops = {
        ("remove_faces@1", "target"): 0.08 + rng.normal(0, 0.003, (N, 2)),
        ("remove_faces@1", "control"): rng.normal(0, 0.003, (N, 8)),
    }
    reason = np.array([None] * N, dtype=object)
    reason[:20], reason[20:25], reason[25:30] = "absent", "not annotated", "not possible"
    for drop in drops.values():
        drop[:30] = np.nan
    analysis = made_analysis(drops, clean, clean, **REMOVAL, region="faces", reason=reason)
    (line,) = analysis.effects.to_dict("records")
    p = 35 / 55
    expected = p * (1 - p) * 0.08**2 / clean.var(ddof=1)
    assert line["variance_share"] == pytest.approx(expected, rel=0.1)
