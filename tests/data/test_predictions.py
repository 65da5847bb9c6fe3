"""Predictions read from a folder of folds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from memlab.data.predictions import read_predictions


@pytest.fixture
def folds(tmp_path: Path) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"id": [f"{place}.jpg" for place in range(30)]})
    table["score"] = rng.beta(6, 2, 30)
    table["predicted"] = table["score"] / 2
    table["fold"] = np.arange(30) % 3 + 1
    return table


def test_a_shift_between_folds_is_taken_out(folds: pd.DataFrame) -> None:
    Path("shifted").mkdir()
    folds.assign(predicted=folds["predicted"] + folds["fold"]).to_csv(
        "shifted/predictions.csv", index=False
    )
    read = read_predictions(Path("shifted"))
    means = read.rows.groupby(folds["fold"])["predicted"].mean()
    assert np.ptp(means) == pytest.approx(0)
    within = folds["predicted"] - folds.groupby("fold")["predicted"].transform("mean")
    assert np.corrcoef(read.rows["predicted"], within)[0, 1] == pytest.approx(1)
    assert read.rows["score"].tolist() == pytest.approx(folds["score"].tolist())
    assert "centred within their fold" in read.note


def test_each_folds_constant_is_a_constant(folds: pd.DataFrame) -> None:
    Path("constant").mkdir()
    means = folds.groupby("fold")["score"].transform("mean")
    folds.assign(predicted=1 - means).to_csv("constant/predictions.csv", index=False)
    assert np.ptp(read_predictions(Path("constant")).rows["predicted"]) < 1e-7


def test_a_table_given_by_its_name_is_read_as_it_is(folds: pd.DataFrame) -> None:
    folds.to_csv("model.csv", index=False)
    read = read_predictions(Path("model.csv"))
    assert read.rows["predicted"].tolist() == pytest.approx(folds["predicted"].tolist())
    assert "centred" not in read.note
