"""Swaps move the white-box models that read what they swap, and spare the others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from torch import Tensor
from torch.utils.data import Dataset

import memlab
from memlab import Context, evaluate, plan
from memlab.analysis.arrays import ImageEffects, read_images
from memlab.analysis.quantities import value_quantities
from memlab.data.donors import DonorList
from memlab.synthetic import Style
from memlab.types import Sample
from tests.builders.swaps import SWAPS, synthetic

pytestmark = pytest.mark.slow


class DonorImages(Dataset[Sample]):
    """Donors as a data set gives them."""

    def __init__(self, images: Tensor, masks: dict[str, Tensor]) -> None:
        self.images, self.masks = (images * 255).round().byte(), masks

    def __getitem__(self, place: int) -> Sample:
        masks = {name: mask[place] for name, mask in self.masks.items()}
        return {  # type: ignore[typeddict-item]
            "image": self.images[place],
            "id": f"d{place}",
            "error": "",
            "masks": masks,
        }


@pytest.mark.slow
@pytest.mark.parametrize("style", ["A", "B"])
@pytest.mark.parametrize(
    ("name", "moved", "spared"),
    [
        ("white_box_redness", ["swap_palette"], ["swap_spectrum", "swap_texture"]),
        ("white_box_high_frequency", ["swap_spectrum", "swap_texture"], ["swap_palette"]),
        (
            "white_box_face_luminance",
            ["swap_face"],
            ["swap_palette", "swap_background", "swap_texture"],
        ),
    ],
)
def test_t_tells_what_a_white_box_model_reads(
    name: str, moved: list[str], spared: list[str], style: Style
) -> None:
    (images, masks), (donors, donated) = synthetic(60, 5, style), synthetic(70, 6, style)
    ids = [str(k) for k in range(60)]
    having = {
        region: mask.flatten(1).any(dim=1).nonzero().flatten().tolist()
        for region, mask in donated.items()
    }
    given = DonorList(DonorImages(donors, donated), having, 70, ids)
    context = Context(ids, 1, masks=masks)
    model = memlab.load(name)
    clean = model.scores(images, context).numpy().astype(float)
    photos = read_images(pd.DataFrame({"id": ids, "predicted": clean}))
    swaps = [swap for swap in (cls() for cls in SWAPS) if swap.name in moved + spared]
    drops: dict[str, dict[str, list[np.ndarray]]] = {}
    for one in evaluate(model.scores, images, context, plan(swaps, controls=2), donors=given):
        roles = drops.setdefault(one.condition.ablation.name, {})
        roles.setdefault(one.condition.role, []).append(clean - one.predicted.numpy())
    for swap, roles in drops.items():
        columns = {role: np.stack(values, axis=1) for role, values in roles.items()}
        total = value_quantities(ImageEffects(swap, 1.0, photos, columns)).estimates[
            "variance_share"
        ]
        found = float(total.of(total.columns.mean(axis=0)))
        assert found > 0.05 if swap in moved else abs(found) < 0.00125, swap
