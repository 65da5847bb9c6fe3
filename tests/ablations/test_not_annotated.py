"""Where not annotated for a region, there may be one: nothing is claimed of such images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import memlab
from memlab import Context, evaluate, plan
from memlab.ablations.frequency import Blur
from memlab.ablations.insertion import Paste
from memlab.ablations.removal import RemoveFaces
from memlab.ablations.swaps import SwapBackground
from memlab.cli import main
from memlab.testing import sample_images, sample_masks
from memlab.types import Donors
from tests.builders.commands import QUIET, results

SIDE = 64


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """24 images, half of them tested: text in all, faces sought in two of three, in half found.

    There are no masks of the background.
    """
    root = tmp_path / "album"
    rng = np.random.default_rng(0)
    lines = ["image,score,split"]
    for folder in ("images", "masks/faces", "masks/text"):
        (root / folder).mkdir(parents=True)
    for place in range(24):
        name = f"{place:02d}.png"
        pixels = rng.integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(root / "images" / name)
        lines.append(f"images/{name},{place / 24},{'train' if place < 12 else 'test'}")
        text, face = np.zeros((2, SIDE, SIDE), np.uint8)
        text[40:56, 30:60] = 255
        face[6:24, 6:20] = 255 * (place % 2)
        Image.fromarray(text).save(root / "masks/text" / name)
        if place % 3:
            Image.fromarray(face).save(root / "masks/faces" / name)
    (root / "scores.csv").write_text("\n".join(lines))
    return root


def evaluated(finished: Path, album: Path, *ablations: str) -> Path:
    before = set(finished.glob("test-*"))
    named = [f"--ablation={name}" for name in ablations]
    data = [f"--data.root={album / 'scores.csv'}", f"--data.masks={album / 'masks'}"]
    small = ["--data.num_workers=0", "--data.batch_size=5", "--maps=0", "--controls=2"]
    assert main(["test", "--run", str(finished), *named, *data, *small, *QUIET]) == 0
    (made,) = set(finished.glob("test-*")) - before
    return made


def rows_of(folder: Path, ablation: str) -> pd.DataFrame:
    rows = pd.read_csv(folder / "conditions.csv", dtype={"position": "string", "fill": "string"})
    return rows[rows["ablation"] == ablation].reset_index(drop=True)


@pytest.mark.slow
def test_a_background_does_not_depend_on_what_else_is_asked_for(
    finished: Path, album: Path
) -> None:
    alone = evaluated(finished, album, "swap_background")
    among = evaluated(finished, album, "swap_background", "paste", "remove_faces", "swap_palette")
    rows = rows_of(alone, "swap_background")
    pd.testing.assert_frame_equal(rows, rows_of(among, "swap_background"))
    sought = np.array([place % 3 > 0 for place in range(12, 24)])
    assert rows.groupby("index")["eligible"].all().tolist() == sought.tolist()
    donors = {int(Path(name).stem) for name in rows.loc[rows["eligible"], "donor"]}
    assert donors <= {place for place in range(12) if place % 3}
    assert any(
        "4 of 12 images are not annotated for faces" in note for note in results(alone)["notes"]
    )
    # pasted only into images that are annotated for faces and have none
    pasted = rows_of(among, "paste").groupby("index")["eligible"].all()
    assert pasted.tolist() == [place % 3 > 0 and place % 2 == 0 for place in range(12, 24)]


def test_who_is_known_to_lack_what() -> None:
    images = sample_images(4, 48)
    masks = sample_masks(images)
    masks["text"] = torch.zeros_like(masks["text"])
    del masks["background"]
    sought = torch.tensor([True, False, True, True])
    whole = Context(["a", "b", "c", "d"], masks=masks)
    partly = Context(["a", "b", "c", "d"], masks=masks, annotated={"text": sought})
    donors = Donors(["e"] * 4, images, sample_masks(images))
    for ablation in (
        SwapBackground(),
        Paste(what="text"),
        Blur(region="background"),
        Blur(region="not background"),
        Blur(region="people without text"),
    ):
        for known, wanted in ((whole, torch.ones(4, dtype=torch.bool)), (partly, sought)):
            donated = Context(known.ids, masks=masks, donors=donors, annotated=known.annotated)
            assert torch.equal(ablation.eligible(donated), wanted), ablation.name
    assert Blur(region="faces").eligible(partly).all()
    chosen = partly.select(torch.tensor([1, 2]))
    assert chosen.annotated_for("text").tolist() == [False, True]


def test_controls_lie_only_in_images_annotated_for_every_region() -> None:
    images = sample_images(4, 48)
    masks = {"faces": torch.zeros(4, 1, 48, 48), "text": torch.zeros(4, 1, 48, 48)}
    masks["faces"][..., 4:14, 4:14] = 1
    sought = torch.tensor([True, False, True, True])
    known = Context(["a", "b", "c", "d"], masks=masks, annotated={"text": sought})
    scored = evaluate(
        lambda shown, _: shown.mean((1, 2, 3)),
        images,
        known,
        plan([RemoveFaces()], controls=1),
    )
    eligible = {one.condition.role: one.eligible for one in scored}
    assert eligible["target"].all()
    assert torch.equal(eligible["control"], sought)


def test_images_in_memory_say_what_is_not_annotated(finished: Path) -> None:
    images = (sample_images(3, SIDE).permute(0, 2, 3, 1).numpy() * 255).astype(np.uint8)
    found, none = np.zeros((2, SIDE, SIDE), bool)
    found[10:30, 10:30] = True
    masks = {"faces": [found, none, None]}
    table = memlab.ablate(finished, list(images), "paste", masks=masks, controls=0).changed
    assert table["eligible"].tolist() == [False, True, False]
