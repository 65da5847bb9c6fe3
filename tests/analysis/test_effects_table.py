"""effects.csv: the effects of a test as pandas and R read them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from memlab.analysis.effects_table import effects_table
from tests.builders.analyses import N, made_analysis


def test_every_number_is_that_of_the_results(run: Path) -> None:
    entries = json.loads((run / "fit" / "results.json").read_text())["conditions"]
    table = pd.read_csv(run / "fit" / "effects.csv").set_index("condition")
    assert table.index.tolist() == [entry["condition"] for entry in entries]
    for entry in entries:
        line = table.loc[entry["condition"]]
        assert line["n"] == entry["eligible"]
        for column, key in (("effect", "value"), ("effect_low", "low"), ("effect_high", "high")):
            assert line[column] == pytest.approx(entry["effect"][key])
        assert line["rms_effect"] == pytest.approx(entry["rms_effect"]["value"])
    blur = table.loc["blur@2"]
    own = next(entry for entry in entries if entry["condition"] == "blur@2")
    assert blur["p_mean"] == pytest.approx(own["tests"]["mean"]["p"])
    assert blur["p_size_corrected"] == pytest.approx(own["tests"]["size"]["p_corrected"])
    assert blur["baseline_ratio"] == pytest.approx(own["control"]["baseline"]["ratio"]["value"])


def test_a_missing_number_has_its_reason() -> None:
    effects = np.full((N, 1), np.nan)
    effects[:2] = 0.1
    clean = np.random.default_rng(0).normal(0.7, 0.1, N)
    (line,) = made_analysis({("blur@2", "target"): effects}, clean, clean).effects.to_dict(
        "records"
    )
    assert pd.isna(line["effect"])
    assert "effect: only 2 images" in line["reason"]
    assert effects_table([]).empty
