"""Reliance as attribution maps show it: the share of a map that lies on each region."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scorecard_nets import Net
from scorecard_truth import CELLS, SEMANTIC
from torch import Tensor
from torch.nn import functional

from memlab.attributions.base import Attribution, explain
from memlab.attributions.trust import on_regions
from memlab.models.base import MemorabilityModel
from memlab.registry import load
from memlab.scorer import Scorer
from memlab.synthetic import sample
from memlab.synthetic.render import render
from memlab.synthetic.watermark import watermark_mask
from memlab.synthetic.write import Declaration

SEED = 20_000
"""Seed of the explained images; differs from those of training and of the truth."""
IMAGES = 200
STEPS = 32
"""Steps of integrated gradients."""
REGIONS = {"face": "faces", "person": "people", "object": "objects", "text": "text"}
BACKGROUND = ("palette", "slope", "texture")
"""Causes that fill the background; a map cannot tell them apart."""


class IntegratedGradients(Attribution):
    """Integrated gradients (Sundararajan et al. 2017) from the image's own mean colour.

    The integral is the midpoint sum of `STEPS` gradients; the map is its sum over channels.
    """

    unit = "score"

    def maps(self, model: Scorer, images: Tensor) -> Tensor:
        """Return (B, 1, H, W), whose sum is the score minus that of the uniform image."""
        start = images.mean(dim=(2, 3), keepdim=True).expand_as(images)
        total = torch.zeros_like(images)
        scorer: Any = model
        for step in range(STEPS):
            point = torch.lerp(start, images, (step + 0.5) / STEPS).requires_grad_()
            (gradient,) = torch.autograd.grad(scorer(point).sum(), point)
            total += gradient
        return ((images - start) * total / STEPS).sum(dim=1, keepdim=True)


def mass(maps: Tensor, masks: Mapping[str, Tensor]) -> dict[str, tuple[float, float]]:
    """Return for each region the mean mass of maps on it, and the mean lift.

    The mass of an image is the share of the map's absolute values that lies on the region, 0 where
    the image lacks it. The lift is the mass over the region's share of the image, averaged over the
    images that have it.

    Args:
        maps: (B, 1, h, w), signed.
        masks: region to (B, 1, H, W), 1 on the region.
    """
    measured = on_regions(maps, masks)
    found = {}
    for region in masks:
        area = measured[f"area_{region}"]
        lift = measured[f"lift_{region}"].nan_to_num(0)  # of an empty map, and without the region
        there = lift[area.isfinite()]
        mean = float(there.mean()) if len(there) else 0.0
        found[region] = (float((lift * area.nan_to_num(0)).mean()), mean)
    return found


def map_estimates(
    net: Net, model: MemorabilityModel, declared: Declaration, n: int = IMAGES
) -> tuple[dict[str, dict[str, float]], dict[str, bool]]:
    """Return the estimates of the map methods, and whether their maps peak on the watermark.

    Estimates are by method, cause to mass or lift; random numbers are a method as well. Causes
    without a region (saturation, contrast, layout, blur) have no estimate.
    """
    latents = [sample(SEED, index, declared.world, declared.style) for index in range(n)]
    rendered = [render(one, declared.size) for one in latents]
    images = torch.from_numpy(np.stack([one.image for one in rendered])).permute(0, 3, 1, 2) / 255
    masks = {
        name: torch.from_numpy(np.stack([one.masks[region] for one in rendered]))[:, None]
        for name, region in (REGIONS | {"background": "background"}).items()
    }
    masks["person"] &= ~masks["face"]
    masks["figures"] = ~masks["background"]
    methods = {"Grad-CAM": load("attributions", "grad_cam")(), "IG": IntegratedGradients()}
    found: dict[str, dict[str, float]] = {}
    peaks: dict[str, bool] = {}
    for name, method in methods.items():
        maps = torch.cat([explain(method, model, part) for part in images.split(50)])
        by_region = mass(maps, masks)
        mark = watermark_mask(declared.style, declared.size)
        peaks[name] = on_mark(maps, mark)
        for index, kind in enumerate(("mass", "lift")):
            found[f"{name} {kind}"] = {
                **{cause: by_region[cause][index] for cause in SEMANTIC},
                **dict.fromkeys(BACKGROUND, by_region["background"][index]),
                "skin": by_region["figures"][index],
            }
    found["random"] = guesses(net.key)
    return found, peaks


def on_mark(maps: Tensor, mark: NDArray[np.bool_]) -> bool:
    """Return whether the mean absolute map is largest on the mark."""
    size = mark.shape
    mean = functional.interpolate(maps.abs().mean(dim=0, keepdim=True), size, mode="bilinear")
    return bool(mark.flat[int(mean.argmax())])


def guesses(key: str) -> dict[str, float]:
    """Return a random number for every cause; the same for the same network."""
    rng = np.random.default_rng(zlib.crc32(key.encode()))
    return {cause: float(value) for cause, value in zip(CELLS, rng.random(len(CELLS)), strict=True)}
