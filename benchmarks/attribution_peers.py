"""Equivalents of memlab's attribution methods in Captum and pytorch-grad-cam.

Captum keeps the sign, as memlab does. pytorch-grad-cam drops negative values, stretches each map to
0 to 1 and enlarges it to the image; memlab's map is normalised by pytorch-grad-cam's own function
before the two are compared. Captum's layer methods know no tokens, so those of a transformer are
shown to them as a grid.

Captum's `LayerConductance` and `InternalInfluence` follow a path in the image, not in the layer,
and equal no method of memlab.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from captum.attr import (
    IntegratedGradients as CaptumIntegratedGradients,
)
from captum.attr import (
    LayerGradCam,
    LayerGradientXActivation,
    LayerIntegratedGradients,
)
from captum.attr import (
    Occlusion as CaptumOcclusion,
)
from torch import Tensor, nn

from memlab.attributions.base import Attribution, Explained, Given, explain_branches
from memlab.attributions.contrast_cam import ContrastCAM
from memlab.attributions.grad_cam import GradCAM, GradCAMReLU
from memlab.attributions.integrated_gradients import IntegratedGradients
from memlab.attributions.layer_cam import LayerCAM
from memlab.attributions.occlusion import Occlusion
from memlab.attributions.reference import reference_of
from memlab.models.regressor import MemorabilityRegressor

try:
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.image import scale_cam_image
except ImportError:
    pytorch_grad_cam = None

STEPS, CELLS = 32, 8
Action = Callable[[], Tensor]


class Gridded(nn.Module):
    """A model whose feature layer passes a module as a grid (B, C, h, w), which Captum can name."""

    def __init__(self, model: MemorabilityRegressor) -> None:
        super().__init__()
        self.model, self.here = model, nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        """Return scores (B,)."""
        activations = self.model.stem(images)
        grid = self.here(self.model.grid(activations))
        if activations.ndim == 4:
            return self.model.score(grid)
        prefix = activations[:, : activations.shape[1] - grid[0, 0].numel()]
        return self.model.score(torch.cat([prefix, grid.flatten(2).transpose(1, 2)], dim=1))


def layer_of(model: MemorabilityRegressor) -> nn.Module:
    """Return the module whose output is the feature layer."""
    network: Any = model.backbone.network
    return network.blocks[-2] if hasattr(network, "blocks") else network.layer4


def of_memlab(
    model: MemorabilityRegressor, method: Attribution, images: Tensor, given: Given
) -> Callable[[], Explained]:
    """Return what computes maps and scores by memlab."""
    return lambda: explain_branches(method, model, images, given)


def fixed(model: MemorabilityRegressor, reference: Tensor) -> Given:
    """Return the reference of images, with a tolerance that ends an integral after 32 steps."""
    return Given(replace(reference_of(model, [reference]), sd=float("inf")))


def layer_methods(model: MemorabilityRegressor, images: Tensor) -> dict[str, Action]:
    """Return methods that run the network once: maps (B, 1, h, w) by memlab and its peers."""
    none = Given()
    gridded = Gridded(model).eval()

    def captum_grad_cam() -> Tensor:
        return LayerGradCam(gridded, gridded.here).attribute(images)

    def captum_product() -> Tensor:
        product = LayerGradientXActivation(gridded, gridded.here).attribute(images)
        return product.sum(dim=1, keepdim=True)

    found: dict[str, Action] = {
        f"memlab {method.name}": maps_of(of_memlab(model, method, images, none))
        for method in (GradCAM(), GradCAMReLU(), LayerCAM())
    }
    found["captum LayerGradCam"] = captum_grad_cam
    found["captum LayerGradientXActivation"] = captum_product
    if pytorch_grad_cam is not None:
        for name in ("GradCAM", "HiResCAM"):
            found[f"pytorch-grad-cam {name}"] = _pytorch_grad_cam(name, model, images)
    return found


def integrals(
    model: MemorabilityRegressor,
    images: Tensor,
    reference: Tensor,
    steps: int = STEPS,
    cells: int = CELLS,
) -> dict[str, Action]:
    """Return methods that run the network, or what follows the layer, dozens of times.

    The reference is an image: Captum takes one, and no mean activations.
    """
    given = fixed(model, reference)
    options = {"n_steps": steps, "method": "gausslegendre", "internal_batch_size": len(images)}
    side = images.shape[-1] // cells

    def captum_layer() -> Tensor:
        explainer = LayerIntegratedGradients(model, layer_of(model))
        values = explainer.attribute(images, reference.expand_as(images), **options)
        return model.grid(values).sum(dim=1, keepdim=True)

    def captum_pixels() -> Tensor:
        explainer = CaptumIntegratedGradients(model)
        return explainer.attribute(images, reference.expand_as(images), **options).sum(
            1, keepdim=True
        )

    def captum_occlusion() -> Tensor:
        window = (3, side, side)
        values = CaptumOcclusion(model).attribute(images, window, strides=window, baselines=0.5)
        return values[:, :1, ::side, ::side]

    return {
        "memlab contrast_cam": maps_of(of_memlab(model, ContrastCAM(), images, given)),
        "captum LayerIntegratedGradients": captum_layer,
        "memlab integrated_gradients": maps_of(
            of_memlab(model, IntegratedGradients(), images, given)
        ),
        "captum IntegratedGradients": captum_pixels,
        "memlab occlusion": maps_of(of_memlab(model, Occlusion(cells, "grey"), images, Given())),
        "captum Occlusion": captum_occlusion,
    }


PAIRS = {
    "memlab grad_cam": "captum LayerGradCam",
    "memlab layer_cam": "captum LayerGradientXActivation",
    "memlab contrast_cam": "captum LayerIntegratedGradients",
    "memlab integrated_gradients": "captum IntegratedGradients",
    "memlab occlusion": "captum Occlusion",
}
"""Methods of memlab and the same in Captum."""
NORMALISED = {
    "memlab grad_cam_relu": "pytorch-grad-cam GradCAM",
    "memlab layer_cam": "pytorch-grad-cam HiResCAM",
}
"""Methods of memlab and the same in pytorch-grad-cam, after its normalisation."""


def differences(maps: dict[str, Tensor], side: int) -> dict[str, dict[str, float]]:
    """Return the largest difference of each pair, also as a share of the largest absolute value."""
    found = {}
    for own, other in (*PAIRS.items(), *NORMALISED.items()):
        found |= _difference(f"{own} and {other}", maps, own, other, side)
    return found


def _difference(
    title: str, maps: dict[str, Tensor], own: str, other: str, side: int
) -> dict[str, dict[str, float]]:
    if own not in maps or other not in maps:
        return {}
    ours, theirs = maps[own].detach(), maps[other].detach()
    if other in NORMALISED.values():
        positive = ours.squeeze(1).relu().numpy()
        ours = torch.from_numpy(scale_cam_image(scale_cam_image(positive, (side, side))))
    largest = float((ours - theirs).abs().max())
    scale = float(theirs.abs().max())
    return {title: {"largest": largest, "share_of_largest_value": largest / scale}}


def maps_of(explained: Callable[[], Explained]) -> Action:
    """Return what computes the maps alone, summed over branches."""
    return lambda: explained().maps.sum(dim=1, keepdim=True)


def _pytorch_grad_cam(name: str, model: MemorabilityRegressor, images: Tensor) -> Action:
    tokens = hasattr(model.backbone.network, "blocks")
    arguments = {"reshape_transform": model.grid} if tokens else {}

    def run() -> Tensor:
        with getattr(pytorch_grad_cam, name)(model, [layer_of(model)], **arguments) as cam:
            maps = cam(images, targets=[lambda score: score] * len(images))
        model.zero_grad(set_to_none=True)
        return torch.from_numpy(np.asarray(maps))

    return run
