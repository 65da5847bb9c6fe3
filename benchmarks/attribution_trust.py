"""Checks of maps beside the same checks in Quantus: values and seconds.

**Deletion.** Quantus' `PixelFlipping` covers the values of a map in steps and returns the scores.
Run with the map and with its negative, and with memlab's fill, it gives memlab's deletion at the
same shares of the area: 1/12, 1/6 and 1/3. A step must be a divisor of the number of pixels, but
counts R, G and B of a pixel as three. As it comes, one of them is covered at each step, with the
smallest value of the image.

**Randomisation.** Quantus' `MPRT` initialises each module anew, memlab shuffles the weights of each
block; so the values differ. Compared is the similarity of the same pairs of maps.

Quantus takes a classifier. Its softmax is switched off: that of a single output is always 1.
"""

from __future__ import annotations

import copy
import time
import warnings
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn

from memlab.attributions import faithfulness as own_checks
from memlab.attributions.base import explain
from memlab.attributions.grad_cam import GradCAM
from memlab.attributions.randomisation import cascade, randomised, similarity
from memlab.imaging.fills import filled
from memlab.models.regressor import MemorabilityRegressor

try:
    import quantus
    from quantus.functions.similarity_func import correlation_spearman
except ImportError:
    quantus = None


SHARES = (1 / 12, 1 / 6, 1 / 3)


class Column(nn.Module):
    """A model with scores (B, 1), which Quantus indexes by class."""

    def __init__(self, model: MemorabilityRegressor) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        """Return scores (B, 1)."""
        return self.model(images).unsqueeze(1)


class Covered:
    """Quantus' perturbation with memlab's fill, from what the image has left."""

    def __init__(self, images: Tensor) -> None:
        self.images = images
        self.hole = torch.zeros(len(images), images[0].numel(), dtype=torch.bool)

    def __call__(self, arr: Any, indices: Any, **_: Any) -> Any:
        """Return the images without the values covered so far, in the shape of `arr`."""
        self.hole.scatter_(1, torch.from_numpy(np.ascontiguousarray(indices)), True)
        hole = self.hole.view_as(self.images).any(dim=1, keepdim=True)
        fill = filled("blur", self.images, hole.to(self.images), ())
        return torch.where(hole, fill, self.images).clamp(0, 1).numpy().reshape(arr.shape)


def beside_quantus(model: MemorabilityRegressor, images: Tensor, some: Tensor) -> dict[str, Any]:
    """Return the checks of Grad-CAM's maps by memlab and by Quantus: of images, and of some."""
    maps = explain(GradCAM(), model, images)
    return {
        "deletion": {"images": len(images), **deletion(model, images, maps)},
        "randomisation": {"images": len(some), **randomisation(model, some)},
    }


def enlarged(maps: Tensor, images: Tensor) -> Tensor:
    """Return maps of the size of the images, which Quantus requires."""
    size = images.shape[-2:]
    return nn.functional.interpolate(maps, size=size, mode="bilinear", align_corners=False)


def deletion(model: MemorabilityRegressor, images: Tensor, maps: Tensor) -> dict[str, Any]:
    """Return memlab's deletion beside that of Quantus: seconds, forward passes, difference."""
    fine = enlarged(maps, images)
    seeded = torch.Generator().manual_seed(0)
    # no ties, whose order is each library's own
    fine += 1e-3 * fine.std() * torch.rand(fine.shape, generator=seeded)
    start = time.process_time()
    with mock.patch.object(own_checks, "SHARES", SHARES):
        ours = own_checks.faithfulness(model, images, fine).deletion
    own = time.process_time() - start
    found: dict[str, Any] = {"memlab": {"cpu_seconds": round(own, 1), "passes": 4 * len(SHARES)}}
    if quantus is None:
        return found
    step = images[0, 0].numel() // 4
    curves = []
    start = time.process_time()
    for sign in (1, -1):
        metric = quantus.PixelFlipping(
            features_in_step=step,  # a twelfth of the values of R, G and B
            normalise=False,
            perturb_func=Covered(images),
            disable_warnings=True,
        )
        curves.append(_called(metric, model, images, sign * fine))
    theirs = time.process_time() - start
    at = [round(share / SHARES[0]) - 1 for share in SHARES]
    morf, lerf = (np.array(curve)[:, at].mean(axis=1) for curve in curves)
    found["quantus PixelFlipping, same fill and shares"] = {
        "cpu_seconds": round(theirs, 1),
        "passes": 2 * np.array(curves[0]).shape[1],
        "largest_difference": float(np.abs(lerf - morf - ours.numpy()).max()),
        "largest_value": float(ours.abs().max()),
    }
    features = images[0].numel()
    found["quantus PixelFlipping, as it comes"] = {
        "passes": features,
        "cpu_hours_expected": round(theirs / len(curves) / len(curves[0][0]) * features / 3600, 1),
    }
    return found


def randomisation(model: MemorabilityRegressor, images: Tensor) -> dict[str, Any]:
    """Return memlab's cascade beside Quantus' MPRT: seconds, mean ρ at the end, difference."""

    def explained(one: Any) -> Tensor:
        return explain(GradCAM(), one, images)

    start = time.process_time()
    ours = cascade(explained, model, seed=0)
    own = time.process_time() - start
    found: dict[str, Any] = {
        "memlab": {
            "cpu_seconds": round(own, 1),
            "explanations": len(ours) + 1,
            "rho_when_all_is_random": round(ours[-1][1], 3),
        }
    }
    if quantus is None:
        return found
    maps, others = explained(model), explained(next(randomised(model, seed=0))[1])
    same = correlation_spearman(maps.flatten(1).numpy(), others.flatten(1).numpy(), batched=True)
    column = Column(copy.deepcopy(model)).eval()
    metric = quantus.MPRT(layer_order="top_down", abs=False, normalise=False, disable_warnings=True)
    start = time.process_time()
    try:
        theirs = _called(
            metric,
            column,
            images,
            enlarged(maps, images),
            explain_func=lambda model, **_: enlarged(explained(model.model), images).numpy(),
        )
    except AssertionError as error:
        found["quantus MPRT"] = {"refused": str(error)}
        return found
    seconds = time.process_time() - start
    found["quantus MPRT"] = {
        "cpu_seconds": round(seconds, 1),
        "explanations": len(theirs),
        "rho_when_all_is_random": round(float(np.mean(list(theirs.values())[-1])), 3),
        "largest_difference_of_a_similarity": float(
            np.nanmax(np.abs(same - similarity(maps, others).numpy()))
        ),
    }
    return found


def _called(metric: Any, model: Any, images: Tensor, maps: Tensor, **more: Any) -> Any:
    column = model if isinstance(model, Column) else Column(model).eval()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        return metric(
            model=column,
            x_batch=images.numpy(),
            y_batch=np.zeros(len(images), dtype=int),
            a_batch=maps.numpy(),
            softmax=False,
            device="cpu",
            channel_first=True,
            **more,
        )
