"""effects.csv: the effects of a test as pandas and R read them."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from memlab.analysis.effects_table import effects_table


def test_every_number_is_that_of_the_results(run: Path) -> None:
    entries = json.loads((run / "fit" / "results.json").read_text())["conditions"]
    table = pd.read_csv(run / "fit" / "effects.csv").set_index("condition")
    assert table.index.tolist() == [entry["condition"] for entry in entries]
    for entry in entries:
        line = table.loc[entry["condition"]]
        assert line["n"] == entry["eligible"]
        for column, key in (("effect", "value"), ("effect_low", "low"), ("effect_high", "high")):
            assert line[column] == pytest.approx(entry["drop"][key])
        assert line["rms_effect"] == pytest.approx(entry["rms"]["value"])
    blur = table.loc["blur@2"]
    own = next(entry for entry in entries if entry["condition"] == "blur@2")
    assert blur["p_mean"] == pytest.approx(own["test_mean"]["p"])
    assert blur["p_size_corrected"] == pytest.approx(own["test_size"]["p_corrected"])
    assert blur["baseline_ratio"] == pytest.approx(own["control"]["ratio"]["value"])


def test_a_missing_number_has_its_reason() -> None:
    nothing = {"value": None, "low": None, "high": None, "reason": "only 2 images"}
    entry = {"condition": "remove_faces@1", "eligible": 2, "drop": nothing, "control": None}
    (line,) = effects_table([entry]).to_dict("records")
    assert line["effect"] is None
    assert line["reason"] == "effect: only 2 images"
    assert effects_table([]).empty
