"""Donors of swaps come from other splits than the tested one, if there are any."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from memlab.data.module import MemorabilityData
from memlab.errors import MemlabError
from tests.builders.numbered_images import ids, table


def donors_of(data: MemorabilityData, draws: int = 3) -> dict[str, set[str]]:
    found = data.donors("test", seed=0)
    names = list(found.ranks)
    given = [found.take(names, draw, (), torch.device("cpu")) for draw in range(draws)]
    assert all(one is not None for one in given)
    return {
        name: {one.donors.ids[place] for one in given if one is not None}
        for place, name in enumerate(names)
    }


@pytest.mark.parametrize("missing", ["", "val", "train"])
def test_donors_never_come_from_the_tested_split(tmp_path: Path, missing: str) -> None:
    splits = [split for split in ("test", "train", "val", "test") if split != missing]
    chosen = [splits[place % len(splits)] for place in range(12)]
    rows = table(tmp_path / "d", range(12), split=chosen).set_index("image")
    data = MemorabilityData(tmp_path / "d" / "scores.csv", image_size=16)
    found = donors_of(data)
    assert set(found) == ids(rows, "test")
    donor_ids = set().union(*found.values())
    assert donor_ids <= ids(rows, "train" if missing != "train" else "val")
    assert data.donated == ("train" if missing != "train" else "val")


def test_where_all_are_tested_they_donate_to_each_other(tmp_path: Path) -> None:
    table(tmp_path / "d", range(9), split=["test"] * 9)
    shutil.copy("d/000.png", "d/008.png")  # the same image under two names
    data = MemorabilityData(tmp_path / "d" / "scores.csv", image_size=16)
    found = donors_of(data, draws=7)
    assert data.donated == "tested images"
    for name, donors in found.items():
        assert name not in donors
        assert len(donors) >= 6
    assert "008.png" not in found["000.png"]
    assert "000.png" not in found["008.png"]
    assert found == donors_of(MemorabilityData(tmp_path / "d" / "scores.csv", image_size=16), 7)
    table(tmp_path / "one", [1], split=["test"])
    with pytest.raises(MemlabError, match="one image has no other"):
        MemorabilityData(tmp_path / "one" / "scores.csv", image_size=16).donors("test", 0)
