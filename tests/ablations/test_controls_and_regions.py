"""Controls stay outside all annotated regions; what could not be swapped is not what is absent."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

import memlab
from memlab import Context, evaluate, plan
from memlab.ablations.plan import Condition
from memlab.ablations.removal import Remove, RemoveBackground, RemoveFaces, RemovePeople
from memlab.ablations.swaps import SwapBackground, SwapFace
from memlab.analysis.arrays import ImageEffects, read_effects, read_images
from memlab.analysis.quantities import value_quantities
from memlab.cli import main
from memlab.data.donors import DonorList, Given
from memlab.imaging.morphology import blobs
from memlab.inference.condition_rows import condition_rows
from memlab.synthetic import World
from memlab.testing import sample_images
from memlab.validation.matrix import images_and_donors
from memlab.validation.truth import truth
from tests.builders.commands import QUIET, results

SIZE = 48


def context(**masks: Tensor) -> Context:
    count = len(next(iter(masks.values())))
    return Context([f"image-{place}" for place in range(count)], seed=5, masks=masks)


def box(top: int, left: int, height: int, width: int, count: int = 4) -> Tensor:
    mask = torch.zeros(count, 1, SIZE, SIZE)
    mask[..., top : top + height, left : left + width] = 1
    return mask


def table(
    images: Tensor,
    known: Context,
    conditions: list[Condition],
    donors: DonorList | None = None,
    model: memlab.MemorabilityModel | None = None,
) -> pd.DataFrame:
    """The rows as `memlab test` writes them."""

    def score(changed: Tensor, of: Context) -> Tensor:
        return changed.mean((1, 2, 3)) if model is None else model.scores(changed, of)

    shown = {"index": np.arange(len(images)), "id": list(known.ids)}
    scored = list(evaluate(score, images, known, conditions, donors=donors))
    rows = pd.concat([condition_rows(one, shown) for one in scored], ignore_index=True)
    described = pd.DataFrame([vars(one.record) for one in conditions])
    return rows.merge(described[["condition", "region", "dose", "role"]], on="condition")


def test_random_shapes_stay_where_they_may_lie() -> None:
    free = torch.zeros(2, 1, 20, 30, dtype=torch.bool)
    free[..., :, 3:20] = True
    areas = torch.tensor([0.2, 340 / 600])
    drawn = [torch.Generator().manual_seed(place) for place in range(2)]
    found = blobs(areas, (20, 30), drawn, free)
    assert found.sum((1, 2, 3)).tolist() == [120, 340]
    assert not found[~free].any()
    assert torch.equal(found[1] > 0, free[1]), "as large as what is free: all of it"


@pytest.mark.parametrize(
    ("ablation", "covered"),
    [
        (RemovePeople(fill="mean", region="people", margin=0.0), True),
        (RemoveFaces(fill="mean"), True),
        (Remove(fill="grey", region="not people", margin=0.0), False),
        (RemoveBackground(), False),
        (memlab.registry.load("ablations", "background_only")(fill="mean"), True),
        (memlab.registry.load("ablations", "grayscale")(region="people"), True),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_no_control_covers_what_any_mask_annotates(
    ablation: memlab.Ablation, covered: bool
) -> None:
    """Also not that of a region above a quarter of the image, whose control is a random shape."""
    images = sample_images(4, SIZE)
    people, faces, text = box(2, 2, 24, 26), box(4, 6, 6, 6), box(40, 0, 4, 30)
    known = context(people=people, faces=faces, text=text)
    annotated = (people + faces + text) > 0
    shown: list[Tensor] = []

    def score(changed: Tensor, of: Context) -> Tensor:
        shown.append(changed)
        return changed.mean((1, 2, 3))

    conditions = plan([ablation], controls=3)
    rows = [
        one
        for one in evaluate(score, images, known, conditions, donors=None)
        if one.condition.role == "control"
    ]
    assert bool(any(one.eligible.any() for one in rows)) == covered
    changed = shown[2 : 2 + 3 * covered]  # the first two are the ablation itself
    for one in changed:
        different = (one != images).any(dim=1, keepdim=True)
        assert different.any()
        assert not (different & annotated).any()
    if not covered:
        assert {why for one in rows for why in one.reasons} == {"no room"}


@pytest.mark.slow
def test_of_a_model_of_faces_the_background_has_no_specific_effect(
    synthetic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its controls, random shapes, covered faces, and S became minus the effect of these."""
    options = [f"--data.root={synthetic}", "--data.split=10/10/80", "--data.num_workers=0", *QUIET]
    asked = ["--ablation", "remove_background", "--controls", "4", "--maps", "0"]
    assert main(["test", "--model", "white_box_face_chroma", *options, *asked]) == 0
    (folder,) = Path("runs").glob("*/test-001-*")
    (entry,) = [one for one in results(folder)["conditions"] if one["role"] == "target"]
    control = entry["control"]
    assert control["kind"] == "matched-control"
    beyond = entry["beyond_control"]
    sizes = (beyond[name] for name in ("energy_distance", "rms_effect", "rms_effect_sd"))
    for statistic in (beyond["specific_effect"], *sizes, control["effect"]):
        assert statistic["value"] is None
        assert statistic["reason"] == "no room for a control outside the annotated regions"
    assert abs(entry["effect"]["value"]) < 1e-4
    assert entry["tests"]["either"]["p"] is None
    assert entry["tests"]["mean"]["reason"] == beyond["specific_effect"]["reason"]
    # instead, it stands beside the nuisance baseline
    assert control["baseline"]["ratio"]["value"] < 1
    assert entry["tests"]["size"]["p"] > 0.5
    shown = " ".join(capsys.readouterr().out.split())
    assert re.search(r"no control; [<\d.]+ × baseline", shown)
    assert "compared with the nuisance baseline instead" in shown


class Some(DonorList):
    """Donors that some images are left without."""

    def __init__(self, of: DonorList, without: set[str]) -> None:
        super().__init__(of.images, of.having, of.count, list(of.ranks), of.seed)
        self.without = without

    def take(self, ids, draw, regions, device, suits=None):  # type: ignore[no-untyped-def]
        given = super().take(ids, draw, regions, device, suits)
        assert given is not None
        donates = torch.tensor([name not in self.without for name in ids])
        return Given(given.donors, given.found & donates)


@pytest.mark.slow
def test_an_image_without_a_donor_is_not_one_without_the_region() -> None:
    images, known, donors = images_and_donors(60, 48, "A", 3, 2)
    model = memlab.load("white_box_face_luminance")
    clean = pd.DataFrame(
        {"id": known.ids, "predicted": model.scores(images, known).double().numpy()}
    )
    photos = read_images(clean)
    lost = set(known.ids[::2])
    swap = [one for one in plan([SwapFace()], controls=2) if one.role != "nuisance"]

    def share(rows: pd.DataFrame) -> tuple[float, ImageEffects]:
        (effects,) = read_effects(photos, rows).values()
        estimate = value_quantities(effects).estimates["variance_share"]
        return float(estimate.of(estimate.columns.mean(axis=0))), effects

    full, half = (table(images, known, swap, some, model) for some in (donors, Some(donors, lost)))
    faces = known.masks["faces"].flatten(1).any(dim=1).numpy()
    own = half[(half["role"] == "swap") & (half["draw"] == 0)].set_index("id")["reason"]
    for name, has in zip(known.ids, faces, strict=True):
        if not has:
            assert own[name] == "absent"
        elif name in lost:
            assert own[name] == "no donor"
    everything, effects = share(full)
    some, _ = share(half)
    naive, _ = share(half.drop(columns="reason"))
    assert effects.present is not None
    assert np.array_equal(effects.present, faces)
    assert some == pytest.approx(everything, rel=0.3)
    assert np.isnan(naive)  # rows without reasons do not say which images lack the region


@pytest.mark.slow
def test_t_with_failed_swaps_is_that_of_the_truth() -> None:
    """Faces drawn anew by rendering; of half the images that have one the swap is said to fail."""
    world = World(name="half", weights={"face": 1.0}, prevalence={"face": 0.5})
    model = memlab.load("white_box_face_luminance")
    found = truth(model, world, n=160, size=48, features=("face",), progress=False)
    own = found.conditions[found.conditions["condition"].str.startswith("rerender-face:")].copy()
    own["region"] = "faces"
    has = own["id"].map(found.rows.set_index("id")["face"]) == 1
    own["reason"] = np.where(has, None, "absent")
    images = read_images(found.rows)
    moved = own[(own["role"] == "swap") & own["eligible"]]
    clean = found.rows.set_index("id")["predicted"]
    squares = (moved["id"].map(clean) - moved["predicted"]) ** 2
    present = found.rows["face"].mean()
    wanted = present**2 * squares.mean() / (2 * clean.var())
    failed = own["id"].isin(found.rows.loc[found.rows["face"] == 1, "id"].iloc[::2])
    own.loc[failed, ["eligible", "reason"]] = [False, "no donor"]
    (effects,) = read_effects(images, own).values()
    estimate = value_quantities(effects).estimates["variance_share"]
    share = float(estimate.of(estimate.columns.mean(axis=0)))
    assert share / wanted == pytest.approx(1.0, rel=0.35)
    (effects,) = read_effects(images, own.drop(columns="reason")).values()
    unknown = value_quantities(effects).estimates["variance_share"].reason
    assert "do not say which images lack the region" in str(unknown)


def test_why_an_image_is_not_changed_is_told() -> None:
    images, count = sample_images(5, SIZE), 5
    faces = box(10, 10, 8, 8, count)
    faces[1] = 0
    faces[2] = 1
    known = Context(
        [f"image-{place}" for place in range(count)],
        masks={"faces": faces},
        annotated={"faces": torch.tensor([True, True, True, False, True])},
    )
    (entry, _, _) = evaluate(
        lambda changed, _: changed.mean((1, 2, 3)),
        images,
        known,
        plan([RemoveFaces(fill="mean")], controls=1),
    )
    wanted = [None, "absent", "not possible", "not annotated", None]
    assert list(entry.reasons) == wanted
    assert entry.eligible.tolist() == [why is None for why in wanted]
    (alone,) = evaluate(
        lambda changed, _: changed.mean((1, 2, 3)), images, known, plan([SwapFace()])
    )
    assert list(alone.reasons) == ["no donor", "absent", "no donor", "not annotated", "no donor"]


def test_a_background_that_fills_the_image_is_not_absent() -> None:
    faces = box(10, 10, 8, 8)
    faces[0] = 0
    known = context(faces=faces)
    absent = SwapBackground().absent(known)
    assert absent.tolist() == [False] * 4
    assert SwapFace().absent(known).tolist() == [True, False, False, False]
