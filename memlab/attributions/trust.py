"""What can be trusted about maps: checks of each map, in units of the score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from memlab.attributions.base import Given
from memlab.attributions.baselines import centre_maps, shuffled_maps
from memlab.attributions.faithfulness import Faithfulness, faithfulness
from memlab.scorer import Scorer
from memlab.seeds import seed_of

CHANCE = ("shuffled", "centre")
"""Maps that a method must beat: its own values in random cells, and a Gaussian in the middle."""


def followed(model: Scorer, images: Tensor, maps: Tensor, given: Given) -> Faithfulness:
    """Return deletion and insertion (B,) of maps of a model's scores; see `faithfulness`.

    Args:
        model: model in evaluation mode.
        images: (B, 3, H, W) in [0, 1].
        maps: (B, 1, h, w), signed.
        given: context of the images.
    """
    places = torch.arange(len(images), device=images.device)
    return faithfulness(lambda changed: given.scores(model, changed, places), images, maps)


def centre_prior(model: Scorer, images: Tensor, given: Given) -> Faithfulness:
    """Return deletion and insertion of a Gaussian in the middle of each image.

    It is drawn pixel by pixel: on a grid of few cells it would be another map, flat on 2 × 2.

    Args:
        model: model in evaluation mode.
        images: (B, 3, H, W) in [0, 1].
        given: context of the images.
    """
    return followed(model, images, centre_maps(images[:, :1]), given)


def checks(
    model: Scorer,
    images: Tensor,
    maps: Tensor,
    given: Given,
    ids: Sequence[str],
    seed: int,
    centre: Faithfulness | None = None,
) -> dict[str, Tensor]:
    """Return deletion and insertion of maps, and of maps that know nothing: (B,) each.

    NaN for a map that is constant or not finite, which has no highest and lowest cells.

    Args:
        model: model in evaluation mode.
        images: (B, 3, H, W) in [0, 1].
        maps: (B, 1, h, w), signed.
        given: context of the images.
        ids: image ids, on which the shuffled maps depend.
        seed: seed of the shuffled maps.
        centre: from `centre_prior`, if it is known: it is the same for all methods.
    """
    generators = [
        torch.Generator().manual_seed(seed_of(seed, name, "shuffled map")) for name in ids
    ]
    measured = {
        "": followed(model, images, maps, given),
        "_shuffled": followed(model, images, shuffled_maps(maps, generators), given),
        "_centre": centre or centre_prior(model, images, given),
    }
    found = {}
    flat = maps.flatten(1)
    ordered = flat.isfinite().all(dim=1) & (flat.amax(dim=1) > flat.amin(dim=1))
    for suffix, one in measured.items():
        known = torch.ones_like(ordered) if suffix == "_centre" else ordered
        found[f"deletion{suffix}"] = one.deletion.where(known, torch.nan)
        found[f"insertion{suffix}"] = one.insertion.where(known, torch.nan)
    return found


def on_regions(maps: Tensor, masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what maps have on each region, (B,) each: `lift_`, `inside_` and `area_` of a region.

    The lift is the share of the map's absolute values that lies on the region, over the region's
    share of the area: 1 is chance. The sum inside is signed, in the unit of the map. NaN where the
    image lacks the region, and for the lift of an empty map.

    Args:
        maps: (B, 1, h, w), signed.
        masks: region to (B, 1, H, W) of 0 and 1.
    """
    found = {}
    for region, mask in masks.items():
        on = (mask > 0).to(maps)
        area = on.mean(dim=(1, 2, 3))
        there = area > 0
        fine = interpolate(maps, size=on.shape[-2:], mode="bilinear", align_corners=False)
        mass = (fine.abs() * on).sum(dim=(1, 2, 3)) / fine.abs().sum(dim=(1, 2, 3))
        cells = maps[0].numel() / on[0].numel()
        found[f"lift_{region}"] = (mass / area).where(there, torch.nan)
        found[f"inside_{region}"] = (cells * (fine * on).sum(dim=(1, 2, 3))).where(there, torch.nan)
        found[f"area_{region}"] = area.where(there, torch.nan)
    return found
