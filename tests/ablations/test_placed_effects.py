"""Matched controls keep alarms rare, and tell area from faces."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from torch import Tensor

from memlab import Context, evaluate, plan
from memlab.ablations.placement import MEASURES, placements
from memlab.analysis.arrays import read_effects, read_images
from memlab.analysis.balance import balance
from memlab.stats import permutation_tests
from memlab.testing import sample_images
from tests.builders.grey_out import GreyOut

DRAWS = 8


@pytest.mark.slow
@pytest.mark.parametrize("side", [5, 8])
def test_a_model_blind_to_places_raises_no_alarm_on_correlated_images(side: int) -> None:
    """Neighbouring pixels are alike, so places that overlap would be more alike than the region."""
    size, count, audits, alarms = 24, 40, 30, 0
    for audit in range(audits):
        generator = torch.Generator().manual_seed(audit)
        coarse = torch.randn(count, 1, 5, 5, generator=generator)
        field = torch.nn.functional.interpolate(coarse, size=(size, size), mode="bicubic")
        images = (0.5 + 0.15 * field).clamp(0, 1).expand(-1, 3, -1, -1)
        faces = torch.zeros(count, 1, size, size)
        for mask in faces:
            y, x = torch.randint(size - side + 1, (2,), generator=generator).tolist()
            mask[:, y : y + side, x : x + side] = 1
        ids = [f"{audit}-{place}" for place in range(count)]
        found = placements(images, faces, faces, Context(ids, audit), DRAWS, "faces")

        def drop(where: Tensor, light: Tensor = images) -> np.ndarray:
            """The drop of the mean of an image in which a place is made grey."""
            return ((light[:, :1] - 0.5) * where).mean((1, 2, 3)).double().numpy()

        controls = [
            np.where(found.found[:, draw], drop(found.where(faces, draw)), np.nan)
            for draw in range(DRAWS)
        ]
        test = permutation_tests(drop(faces)[:, None], np.stack(controls, 1)[:, None], audit, 199)
        assert test.either[0].p is not None
        alarms += test.either[0].p < 0.05
    assert alarms <= 4  # 5 % of 30 are 1.5


def test_balance_is_the_standardised_mean_difference() -> None:
    rng = np.random.default_rng(0)
    target = rng.normal(0.0, 1.0, 400)
    draws = rng.normal(0.5, 1.0, (400, 4))
    rows = [{"id": image, "role": "target", "value": target[image]} for image in range(400)] + [
        {"id": image, "role": "control", "value": draws[image, draw]}
        for image in range(400)
        for draw in range(4)
    ]
    table = pd.DataFrame(rows).assign(eligible=True)
    table = table.assign(**dict.fromkeys(MEASURES[1:], table["value"]), area=0.1)
    stray = table.tail(1).assign(id=1000, eccentricity=1e6)  # has no target
    off = table.tail(1).assign(eligible=False, eccentricity=1e6)
    found = balance(pd.concat([table, stray, off]))
    cohen = (draws.mean() - target.mean()) / np.sqrt((target.var() + draws.var()) / 2)
    assert found["eccentricity"] == pytest.approx(cohen)
    assert found["area"] == 0
    assert balance(table.head(1)) == dict.fromkeys(MEASURES)


@pytest.mark.slow
def test_occluded_area_alone_is_no_effect_of_faces() -> None:
    """A model that reacts to how much is grey: the naive test is fooled, the controls are not."""
    images = sample_images(120, 32)
    images[:, 0] = images[:, 0] * 0.5  # nothing is grey by itself
    runs, naive, specific = 12, 0, 0
    conditions = plan([GreyOut()], controls=DRAWS)
    for run in range(runs):
        generator = torch.Generator().manual_seed(run)
        faces = torch.zeros(120, 1, 32, 32)
        for mask in faces:
            side = int(torch.randint(4, 9, (1,), generator=generator))
            y, x = torch.randint(32 - side, (2,), generator=generator).tolist()
            mask[:, y : y + side, x : x + side] = 1
        ids = [f"{run}-{place}" for place in range(120)]

        def score(photos: Tensor, _: Context) -> Tensor:
            grey = (photos == 0.5).all(dim=1).double().mean((1, 2))
            # what else the change does: noise to us, a function of the changed pixels alone
            wobble = (photos.double().mean((1, 2, 3)) * 1e4).sin() * 0.012
            return (0.8 - 0.3 * grey + wobble).float()

        known = Context(ids, run, masks={"faces": faces})
        clean = pd.DataFrame({"id": ids, "predicted": score(images, known).numpy()})
        changed = pd.concat(
            pd.DataFrame(
                {
                    "condition": one.condition.key,
                    "id": ids,
                    "draw": one.draw,
                    "eligible": one.eligible.numpy(),
                    "predicted": one.predicted.numpy(),
                    "dose": 1.0,
                    "role": one.condition.role,
                }
            )
            for one in evaluate(score, images, known, conditions)
        )
        (effects,) = read_effects(read_images(clean), changed).values()
        drop, control = effects.of("target")[:, 0], effects.of("control")
        both = np.isfinite(drop) & np.isfinite(control).all(1)
        naive += stats.ttest_1samp(drop[both], 0).pvalue < 0.05
        specific += stats.ttest_1samp((drop - control.mean(1))[both], 0).pvalue < 0.05
    assert naive >= 10
    assert specific <= 3
