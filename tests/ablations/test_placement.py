"""Where controls are placed: like the region, nowhere labelled, and the same in any batch."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from memlab import Context, evaluate, plan
from memlab.ablations.evaluate import ConditionScores
from memlab.ablations.placement import MEASURES, Placements, placements
from memlab.ablations.preparation import Preparation
from memlab.ablations.removal import RemoveFaces
from memlab.cli import main
from memlab.imaging.morphology import dilated
from memlab.testing import sample_images
from tests.builders.commands import QUIET, results
from tests.builders.grey_out import GreyOut, context

SIZE = 48

DRAWS = 8


def boxes(count: int, side: int = 10, size: int = SIZE) -> Tensor:
    """One box an image, somewhere."""
    generator = torch.Generator().manual_seed(1)
    masks = torch.zeros(count, 1, size, size)
    for mask, corner in zip(
        masks, torch.randint(size - side, (count, 2), generator=generator), strict=True
    ):
        y, x = corner.tolist()
        mask[:, y : y + side, x : x + side] = 1
    return masks


def placed(
    images: Tensor, weights: Tensor, labelled: Tensor | None = None, draws: int = DRAWS
) -> Placements:
    labelled = weights if labelled is None else labelled
    return placements(images, weights, labelled, context(len(images)), draws, "faces")


def test_places_have_the_area_lie_on_nothing_labelled_and_differ() -> None:
    images, faces, text = sample_images(6, SIZE), boxes(6), torch.zeros(6, 1, SIZE, SIZE)
    text[..., -8:, :] = 1
    text[faces > 0] = 0
    found = placed(images, faces, faces.maximum(text))
    assert found.found.all()
    for draw in range(DRAWS):
        where = found.where(faces, draw)
        assert torch.equal(where.sum((1, 2, 3)), faces.sum((1, 2, 3)))
        assert not (where * (faces + text)).any()
        assert found.kinds(draw) == ["matched"] * 6
    covered = sum(found.where(faces, draw) for draw in range(DRAWS))
    assert int(covered.max()) == 1, "no pixel is in two places"


def test_soft_weights_keep_their_area_at_the_frame() -> None:
    weights = torch.zeros(1, 1, SIZE, SIZE)
    weights[..., :12, :9] = torch.rand(12, 9, generator=torch.Generator().manual_seed(0))
    found = placed(sample_images(1, SIZE), weights)
    for draw in range(DRAWS):
        where = found.where(weights, draw)
        assert float(where.sum()) == pytest.approx(float(weights.sum()), rel=1e-6)
        assert not (where * (weights > 0)).any()


def test_measures_are_those_of_a_plain_count() -> None:
    images, faces = sample_images(2, SIZE), boxes(2)
    found = placed(images, faces)
    luma = (images * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1).double().numpy()
    for image in range(2):
        down, across = np.gradient(luma[image])
        inside = {"own": faces[image, 0], "matched-control": found.where(faces, 3)[image, 0]}
        for name, mask in inside.items():
            chosen = mask.numpy() > 0
            y, x = (axis.mean() - (SIZE - 1) / 2 for axis in np.nonzero(chosen))
            wanted = {
                "area": chosen.mean(),
                "eccentricity": np.hypot(y, x) / np.hypot(SIZE / 2, SIZE / 2),
                "gradient_energy": (down**2 + across**2)[chosen].mean(),
                "luminance_sd": luma[image][chosen].std(),
            }
            for measure, value in wanted.items():
                values = found.own if name == "own" else found.placed
                at = values[measure][image] if name == "own" else values[measure][image, 3]
                assert float(at) == pytest.approx(value, abs=1e-6)


def test_chosen_places_are_more_like_the_region_than_any_are() -> None:
    images, faces = sample_images(24, SIZE), boxes(24)
    # the left is flat: a region on the right must not be compared with it, while there is room
    images[..., : SIZE // 2] = images[..., : SIZE // 2] * 0.1 + 0.45
    found = placed(images, faces, draws=3)
    energy = found.own["gradient_energy"][:, None].expand(-1, 3)
    gaps = (found.placed["gradient_energy"] + 1e-6).log() - (energy + 1e-6).log()
    shuffled = found.placed["gradient_energy"].roll(1, 0)
    others = (shuffled + 1e-6).log() - (energy + 1e-6).log()
    assert gaps.abs().mean() < 0.5 * others.abs().mean()


@pytest.mark.parametrize("flat", [False, True])
def test_places_do_not_depend_on_the_batch(flat: bool) -> None:
    images = torch.full((5, 3, SIZE, SIZE), 0.3) if flat else sample_images(5, SIZE)
    faces = boxes(5)
    whole = placed(images, faces)
    for image in range(5):
        one = slice(image, image + 1)
        alone = placements(
            images[one], faces[one], faces[one], Context([f"image-{image}"], 5), 3, "faces"
        )
        assert torch.equal(alone.shifts[0], whole.shifts[image, :3])  # fewer draws, too


def test_what_cannot_be_placed_gets_random_shapes() -> None:
    weights = torch.zeros(3, 1, SIZE, SIZE)
    weights[0, :, 18:38, 18:38] = 1  # 17 %: no room on either side
    weights[2, :, 2:4, 2:4] = 1  # the one between has no region
    found = placed(sample_images(3, SIZE), weights)
    assert found.found.all(dim=1).tolist() == [True, False, True]
    assert found.kinds(0) == ["random-shape", None, "matched"]
    assert all(found.placed[measure][1].isnan().all() for measure in MEASURES)
    assert found.own["area"][0] == 400 / SIZE**2
    shapes = found.where(weights, 0)[0], found.where(weights, 1)[0]
    assert all(shape.mean() == pytest.approx(400 / SIZE**2) for shape in shapes)
    assert not any((shape * weights[0]).any() for shape in shapes)
    assert not torch.equal(*shapes)
    assert found.own["area"][1].isnan()
    assert found.where(weights, 0).isfinite().all()


def test_margins_of_the_region_and_of_its_control_may_share_pixels() -> None:
    """What is labelled has no control; the blank around it may, or small photos have no room."""
    faces, text = torch.zeros(2, 1, 1, 32, 32)
    faces[..., 8:20, 2:14] = 1
    text[..., 30:] = 1  # 16 columns are left, for 12 and a margin of 2 on either side
    removal = plan([RemoveFaces(fill="mean", margin=6.25)], controls=1)
    shown: list[Tensor] = []

    def score(photos: Tensor, _: Context) -> Tensor:
        shown.append(photos)
        return photos.mean((1, 2, 3))

    images = sample_images(1, 32)
    rows = list(evaluate(score, images, context(1, faces=faces, text=text), removal))
    assert [list(one.places) for one in rows] == [["own"], ["own"], ["matched"]]
    changed = (shown[2] != images).any(dim=1, keepdim=True)
    assert changed[..., 14:16].any()  # its margin
    assert not (changed & (faces + text > 0)).any()


def test_where_there_is_no_room_for_more_the_last_draws_have_no_place() -> None:
    weights, labelled = torch.zeros(1, 1, 16, 16), torch.ones(1, 1, 16, 16)
    weights[..., :4, :4] = 1
    labelled[..., 2:6, 2:8] = 0  # one after another would be three, and one shares no pixel
    labelled[..., 10:14, 4:12] = 0  # two
    found = placed(sample_images(1, 16), weights, labelled)
    count = int(found.found[0].sum())
    assert found.found[0].tolist() == [True] * count + [False] * (DRAWS - count)
    assert count in (2, 3)  # the first of the lower two may lie in the middle
    covered = sum(found.where(weights, draw) for draw in range(count))
    assert int(covered.max()) == 1


def test_large_regions_are_compared_with_blobs_of_their_area() -> None:
    weights = boxes(3, side=26)
    weights[2] = boxes(1)[0]
    found = placed(sample_images(3, SIZE), weights)
    outlines = [found.where(weights, draw) for draw in range(DRAWS)]
    assert found.kinds(0) == ["random-shape", "random-shape", "matched"]
    for outline in outlines:
        assert torch.equal(outline.sum((1, 2, 3)), weights.sum((1, 2, 3)))
        assert not (outline * weights).any(), "nothing annotated is covered"
    assert len({outline[0].numpy().tobytes() for outline in outlines}) == DRAWS
    alone = placements(
        sample_images(3, SIZE)[1:2],
        weights[1:2],
        weights[1:2],
        Context(["image-1"], 5),
        2,
        "faces",
    )
    assert torch.equal(alone.where(weights[1:2], 1)[0], outlines[1][1])


def scored(images: Tensor, known: Context, micro_batch: int = 64) -> list[ConditionScores]:
    conditions = plan([GreyOut(), GreyOut(region="not faces")], controls=DRAWS)
    return list(
        evaluate(
            lambda photos, _: photos.square().mean((1, 2, 3)),
            images,
            known,
            conditions,
            micro_batch,
        )
    )


def test_rows_tell_where_the_change_was_made() -> None:
    masks = boxes(4)
    masks[3] = 0
    rows = scored(sample_images(4, SIZE), context(4, faces=masks))
    kinds = {(one.condition.key, one.draw): list(one.places) for one in rows}
    assert kinds["greyout@1", 0] == ["own", "own", "own", None]
    assert kinds["greyout@1:control", 7] == ["matched"] * 3 + [None]
    assert kinds["greyout@1[not faces]:control", 7] == [None] * 4, (
        "no room beside all but the faces"
    )


@pytest.mark.slow
def test_images_without_a_matched_position_have_random_shapes_in_the_table(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--ablation=remove_text", "--controls=2", "--maps=0", *QUIET]
    assert main(["test", "--run", str(finished), *asked]) == 0
    folder = finished / "test-001-remove_text"
    rows = pd.read_csv(folder / "conditions.csv")
    controls = rows[rows["eligible"] & (rows["role"] == "control")]
    there = controls["id"].nunique()
    (entry,) = [one for one in results(folder)["conditions"] if one["role"] == "target"]
    assert set(controls["position"]) == {"matched", "random-shape"}
    assert controls[controls["position"] == "matched"]["id"].nunique() < there
    assert entry["control"]["without"] == entry["eligible"] - there
    shown = " ".join(capsys.readouterr().out.split())
    assert re.search(rf"remove_text@1 {there}/{entry['n']} S [+-]\.\d+", shown), shown


def test_random_shapes_keep_the_margin_from_everything_labelled() -> None:
    weights = boxes(1, side=26)
    labelled = weights.clone()
    labelled[..., :4, -6:] = 1  # another region
    found = placements(
        sample_images(1, SIZE), weights, labelled, Context(["image-0"], 5), DRAWS, "faces", 3
    )
    assert found.kinds(0) == ["random-shape"]
    near = dilated(labelled, 3)
    for draw in range(DRAWS):
        outline = found.where(weights, draw)
        assert not (outline * near).any()
        assert float(outline.sum()) == float(weights.sum())


def test_controls_avoid_what_the_masks_of_the_background_leave_out() -> None:
    images = sample_images(1, SIZE)
    faces, background = torch.zeros(2, 1, 1, SIZE, SIZE)
    faces[..., 2:8, 2:8] = 1
    background[..., :, 24:40] = 1
    masks = {"faces": faces, "background": background}
    conditions = plan([RemoveFaces(margin=0.0)], controls=DRAWS)
    (control,) = [one for one in conditions if one.role == "control"]
    preparation = Preparation(images, Context(["image"], 5, masks=masks), conditions)
    prepared = [preparation.prepare(control, draw) for draw in range(DRAWS)]
    there = [one for one in prepared if one.eligible.all()]
    assert there
    for one in there:
        assert one.context.where is not None
        assert not (one.context.where * (1 - background)).any()
