"""Folds of a cross-validation: what is tested, trained on, and kept together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from memlab.data.folds import Fold, fold_split, parse_fold
from memlab.data.module import MemorabilityData
from memlab.data.sources.base import make_table
from memlab.data.split_rule import decide
from memlab.data.split_use import SplitUse
from memlab.data.table import Table
from memlab.errors import DataError


def table_of(n: int, seed: int = 0) -> Table:
    score = np.random.default_rng(seed).beta(6, 2, size=n)
    names = [f"{place:03d}.jpg" for place in range(n)]
    return make_table({"id": names, "image": names, "score": score}, Path("there"), "scores.csv")


def splits(table: Table, folds: int, contents: list[str], seed: int = 0) -> np.ndarray:
    """The split of every image in every fold, (folds, n)."""
    found = [
        fold_split(table, Fold(number, folds), seed, contents).rows["split"]
        for number in range(1, folds + 1)
    ]
    return np.stack([split.to_numpy(dtype=str) for split in found])


@pytest.mark.parametrize(("n", "folds"), [(138, 10), (103, 10), (20, 3), (7, 2), (11, 11)])
def test_every_image_is_tested_once(n: int, folds: int) -> None:
    found = splits(table_of(n), folds, [""] * n)
    tested = found == "test"
    assert (tested.sum(axis=0) == 1).all()
    assert set(tested.sum(axis=1)) <= {n // folds, n // folds + 1}
    validating = (found == "val").sum(axis=1)
    rest = (~tested).sum(axis=1)
    assert (np.abs(validating - rest / 10) <= 1).all()
    assert (validating >= 1).all()
    assert set(np.unique(found)) == {"train", "val", "test"}


def test_folds_have_nearly_the_same_scores() -> None:
    table = table_of(138)
    score = table.rows["score"].to_numpy(dtype=float)
    means = [score[split == "test"].mean() for split in splits(table, 10, [""] * 138)]
    assert np.std(means) < 0.3 * score.std() / np.sqrt(13.8)


def test_copies_of_a_file_share_their_split_in_every_fold() -> None:
    n = 60
    contents = [f"{place}" for place in range(n)]
    for copy, original in ((7, 3), (31, 3), (59, 12), (40, 41)):
        contents[copy] = contents[original]
    found = splits(table_of(n), 5, contents)
    assert (found[:, 7] == found[:, 3]).all()
    assert (found[:, 31] == found[:, 3]).all()
    assert (found[:, 59] == found[:, 12]).all()
    assert (found[:, 40] == found[:, 41]).all()
    assert ((found == "test").sum(axis=0) == 1).all()
    assert set((found == "test").sum(axis=1)) <= {11, 12, 13}


def test_rows_in_another_order_have_the_same_folds() -> None:
    table = table_of(40)
    order = np.random.default_rng(1).permutation(40)
    contents = [str(place // 2) for place in range(40)]
    mixed = Table(table.rows.iloc[order], table.root, table.origin)
    again = splits(mixed, 4, [contents[place] for place in order])
    assert (again == splits(table, 4, contents)[:, order]).all()


def test_another_seed_divides_differently() -> None:
    table = table_of(40)
    assert (splits(table, 4, [""] * 40) != splits(table, 4, [""] * 40, seed=1)).any()


def test_more_folds_than_images_are_refused() -> None:
    with pytest.raises(DataError, match=r"6 different images cannot be divided into 10 folds"):
        fold_split(table_of(6), Fold(1, 10), 0, [""] * 6)
    with pytest.raises(DataError, match=r"3 different images \(6 with copies\).*at most 3"):
        fold_split(table_of(6), Fold(1, 4), 0, ["a", "b", "c"] * 2)


@pytest.mark.parametrize("text", ["80/20", "70/10/20", "all", "3 of 10", "of10", "3of", "-1of3"])
def test_other_text_is_no_fold(text: str) -> None:
    assert parse_fold(text) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [("1of1", "no images to train on"), ("0of5", "1of5 to 5of5"), ("6of5", "1of5 to 5of5")],
)
def test_folds_that_cannot_be_are_refused(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_fold(text)


def test_copies_are_found_by_their_bytes(tmp_path: Path) -> None:
    root = tmp_path / "images"
    for place in range(12):
        numbered = f"{place % 10}".encode()
        root.mkdir(exist_ok=True)
        (root / f"{place:02d}.png").write_bytes(numbered)
    lines = [f"{place:02d}.png,{0.3 + place / 40}" for place in range(12)]
    (root / "scores.csv").write_text("\n".join(["image,score", *lines]) + "\n")
    for number in (1, 2, 3):
        data = MemorabilityData(root=root / "scores.csv", split=f"{number}of3")
        split = dict(zip(data.table.rows["id"], data.table.rows["split"], strict=True))
        assert split["00.png"] == split["10.png"]
        assert split["01.png"] == split["11.png"]
        assert data.rule is not None
        assert data.rule.rule == "random"


def test_a_model_from_elsewhere_is_tested_on_the_fold() -> None:
    table = table_of(30)
    use = SplitUse("test", model="resmem")
    chosen, rule = decide(table, "2of3", 0, use, lambda: [""] * 30)
    assert (chosen.rows["split"] == "test").sum() == rule.evaluated == 10
    assert "10 of 30 images: --data.split 2of3" in rule.notes[0]
