"""The share that has a feature, from the rows: images that could not be changed have it, too."""

from __future__ import annotations

import pandas as pd
import pytest
import torch
from torch import Tensor

from memlab import Ablation, Context, evaluate, plan
from memlab.ablations.colour_swaps import SwapPalette
from memlab.ablations.removal import RemoveFaces
from memlab.ablations.swaps import SwapBackground, SwapFace
from memlab.analysis.arrays import read_effects, read_images
from memlab.data.donors import DonorList
from memlab.inference.condition_rows import condition_rows, with_descriptions
from memlab.testing import sample_images

SIZE = 32
IDS = ["has", "covered", "lacks", "not annotated"]


def masks() -> dict[str, Tensor]:
    faces = torch.zeros(4, 1, SIZE, SIZE)
    faces[0, :, 8:18, 8:18] = 1
    faces[1] = 1  # a face that fills the image
    return {"faces": faces}


def donors(faces: bool) -> DonorList:
    images = sample_images(4, SIZE, seed=2)
    face = masks()["faces"][0] * faces
    samples = [
        {
            "index": place, "id": f"donor-{place}", "image": images[place], "score": 0.0,
            "masks": {"faces": face}, "error": "",
        }
        for place in range(4)
    ]  # fmt: skip
    having = {"faces": list(range(4)) if faces else [], "background": list(range(4))}
    return DonorList(samples, having, 4, IDS)  # type: ignore[arg-type]


def present(ablation: Ablation, faces_of_donors: bool = True) -> dict[str, float]:
    """Whether each image has what the ablation changes, as the rows of the engine tell it."""
    images = sample_images(4, SIZE)
    known = {"faces": torch.tensor([True, True, True, False])}
    context = Context(IDS, 1, masks=masks(), annotated=known)
    conditions = [one for one in plan([ablation], controls=2) if one.role != "nuisance"]
    shown = {"index": range(4), "id": IDS}

    def score(changed: Tensor, context: Context) -> Tensor:
        return changed.mean(dim=(1, 2, 3))

    made = evaluate(score, images, context, conditions, donors=donors(faces_of_donors))
    rows = pd.concat([condition_rows(one, shown) for one in made], ignore_index=True)
    rows = with_descriptions(rows, [one.record for one in conditions])
    clean = pd.DataFrame({"id": IDS, "predicted": score(images, context).numpy()})
    effects = read_effects(read_images(clean), rows)[conditions[0].name]
    assert effects.present is not None
    return dict(zip(IDS, effects.present.tolist(), strict=True))


@pytest.mark.parametrize("faces_of_donors", [True, False])
@pytest.mark.parametrize(
    "ablation", [RemoveFaces(), RemoveFaces(fill="donor"), SwapFace(), SwapPalette(region="faces")]
)
def test_a_face_that_could_not_be_changed_counts(ablation: Ablation, faces_of_donors: bool) -> None:
    found = present(ablation, faces_of_donors)
    assert (found["has"], found["covered"], found["lacks"]) == (1, 1, 0)
    assert found["not annotated"] != found["not annotated"], "unknown, so it counts neither way"


def test_a_background_that_fills_the_image_counts_and_one_that_is_covered_does_not() -> None:
    found = present(SwapBackground())
    assert (found["has"], found["covered"], found["lacks"]) == (1, 0, 1)


def test_figures_that_fill_the_image_count() -> None:
    found = present(SwapPalette(region="figures"))
    assert (found["has"], found["covered"], found["lacks"]) == (1, 1, 0)
