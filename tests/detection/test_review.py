"""Detections are drawn and numbered, and what a person crosses out is gone from the copy."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import torch
from PIL import Image
from torch import Tensor

from memlab.cli import main
from memlab.data.mask_summary import quality_told, region_notes
from memlab.data.sources.base import recognise
from memlab.detection.detector import Quality, RegionDetector, provenance_of
from memlab.masks.store import MaskStore


class TwoSpots(RegionDetector):
    """Marks two corners of every image but a dark one, at which it crashes."""

    quality = (Quality("spots", "nothing but this test", 4, 3, 5, 3),)

    def notes(self) -> list[str]:
        return ["7 of 9 spots left out"]

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        if images.mean() < 0.1:
            raise ValueError("too dark")
        mask = torch.zeros_like(images[:, :1])
        mask[..., 2:10, 2:10] = 1
        mask[..., 40:60, 30:60] = 1
        return {"spots": mask}


@pytest.fixture
def found(tmp_path: Path) -> Path:
    album = tmp_path / "album"
    album.mkdir()
    for name, grey in (("a", 120), ("b", 200), ("dark", 3)):
        Image.new("RGB", (64, 64), (grey,) * 3).save(album / f"{name}.png")
    (album / "scores.csv").write_text("image,score\na.png,0.5\nb.png,0.6\ndark.png,0.4\n")
    find = ["regions", "find", str(album), "--with", f"{__name__}:TwoSpots"]
    assert main([*find, "--out", str(tmp_path / "store")]) == 1
    return tmp_path


def test_a_crash_is_named_and_the_counts_are_told(
    found: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = pd.read_csv(found / "store" / "failed.csv")
    assert failed["id"].tolist() == ["dark.png"]
    assert "too dark" in failed["reason"][0]
    (kept,) = json.loads((found / "store" / "store.json").read_text())["regions"].values()
    assert kept["quality"][0]["there"] == 4
    find = ["regions", "find", str(found / "album"), "--with", f"{__name__}:TwoSpots"]
    assert main([*find, "--out", str(found / "store")]) == 1
    written = capsys.readouterr()
    assert "recall 3 of 4, precision 3 of 5 (nothing but this test)" in written.out
    assert f"memlab: {__name__}:TwoSpots: 7 of 9 spots left out" in written.err


def test_what_is_crossed_out_is_gone_from_the_copy_alone(
    found: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    review = ["regions", "review", str(found / "album"), "--masks", str(found / "store")]
    assert main([*review, "--out", str(found / "review")]) == 0
    with Image.open(found / "review" / "spots-001.jpg") as sheet:
        assert sheet.width > 64
    path = found / "review" / "rejects.csv"
    listed = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert listed[["id", "number"]].values.tolist() == [
        [name, at] for name in ("a.png", "b.png") for at in ("1", "2")
    ]
    assert main([*review, "--out", str(found / "review")]) == 2  # it may be filled in
    listed.loc[1, "reject"] = "a cloud"
    listed.to_csv(path, index=False)
    copy = ["regions", "reject", str(found / "store"), str(path), "--out", str(found / "right")]
    assert main(copy) == 0
    assert "1 of 4 detections left out" in capsys.readouterr().out
    before, after = MaskStore(found / "store"), MaskStore(found / "right")
    assert before.areas["a.png"]["spots"] == pytest.approx((64 + 600) / 4096)
    assert after.areas["a.png"]["spots"] == pytest.approx(64 / 4096)
    assert after.areas["b.png"] == before.areas["b.png"]
    corrected = after.regions["spots"]["corrected"]
    assert (corrected["rejected"], corrected["detections"]) == (1, 4)
    former = {"corrected": {"rejected": 1, "finds": 4}}  # of a store that an earlier version made
    for provenance in ({"corrected": corrected}, former):
        assert quality_told("spots", provenance) == ["1 of 4 detections rejected by a person"]
    assert after.regions["spots"]["quality"] == before.regions["spots"]["quality"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("spots,a.png,7,0.1,x", "2 detections of spots, not number 7"),
        ("spots,z.png,1,0.1,x", "no spots of z.png"),
    ],
)
def test_a_table_of_other_masks_is_refused(
    found: Path, capsys: pytest.CaptureFixture[str], line: str, told: str
) -> None:
    path = found / "rejects.csv"
    path.write_text(f"region,id,number,share,reject\n{line}\n")
    copy = ["regions", "reject", str(found / "store"), str(path), "--out", str(found / "right")]
    assert main(copy) == 2
    assert told in capsys.readouterr().err
    assert not (found / "right").exists()  # the mended table can have it


def test_a_result_says_how_good_its_masks_are(found: Path, tmp_path: Path) -> None:
    table = recognise(found / "album").table(found / "album").with_masks(found / "store")
    (note,) = region_notes(table.masks, ["spots", "nowhere"])
    assert note.startswith("Masks of spots")
    assert "recall 3 of 4, precision 3 of 5" in note
    (found / "none.csv").write_text("region,id,number,share,reject\nspots,a.png,1,0.1,\n")
    copy = ["regions", "reject", str(found / "store"), str(found / "none.csv")]
    assert main([*copy, "--out", str(found / "same")]) == 0
    same = recognise(found / "album").table(found / "album").with_masks(found / "same")
    assert region_notes(same.masks, ["spots"]) == [note]  # nobody has rejected anything
    packed = ["regions", "import", str(found / "store"), str(found / "album")]
    main([*packed, "--out", str(tmp_path / "packed")])
    again = recognise(found / "album").table(found / "album").with_masks(tmp_path / "packed")
    assert region_notes(again.masks, ["spots"]) == [note]


def test_quality_is_of_the_declared_threshold_alone() -> None:
    class Sure(TwoSpots):
        def __init__(self, threshold: float = 0.5) -> None:
            super().__init__()
            self.threshold = threshold

    assert provenance_of(Sure(), {})["quality"]
    assert provenance_of(Sure(0.2), {"threshold": 0.2})["quality"] == []


def test_the_images_that_chose_the_threshold_are_told() -> None:
    class Halves(TwoSpots):
        quality = (
            Quality("spots", "one half", 2, 1, 1, 1, held_out=True),
            Quality("spots", "all", 4, 3, 3, 3, held_out=False),
        )

    first, second = quality_told("spots", provenance_of(Halves(), {}))
    assert first.endswith("(one half; threshold chosen on other images)")
    assert second.endswith("(all; threshold chosen on the same images)")
