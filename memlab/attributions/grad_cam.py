"""Grad-CAM at the model's feature layer: signed and unnormalised; and the classic form."""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.attributions.layers import AtLayer, GradientAttribution


class GradCAM(GradientAttribution):
    """Gradient-weighted activations (Selvaraju et al. 2017, ICCV, eq. 1 and 2, without the ReLU).

    A regressor's map has two signs: positions that raise the score and positions that lower it.
    Therefore the ReLU is omitted, and maps are not rescaled per image. The graph is cut at the
    feature layer, so nothing before it is stored or differentiated. Channel weights are the mean
    gradient over positions. For mean pooling and a linear head with a sigmoid, the map sums to the
    slope of the sigmoid times the logit without its offset.
    """

    unit = "score per grid cell, linearised"

    def weighted(self, found: AtLayer) -> Tensor:
        """Return maps (B, 1 or branches, h, w) on the grid of the feature layer."""
        return torch.cat(
            [
                (gradient.mean(dim=(2, 3), keepdim=True) * value).sum(dim=1, keepdim=True)
                for value, gradient in zip(found.values, found.gradients, strict=True)
            ],
            dim=1,
        )


class GradCAMReLU(GradCAM):
    """Grad-CAM as published for classifiers (Selvaraju et al. 2017): negative values become 0.

    For comparison only. Whatever lowers a regressor's score is invisible here, and an image with
    nothing else has an empty map. Maps are not rescaled per image.
    """

    unit = "score per grid cell, linearised, positive part"

    def weighted(self, found: AtLayer) -> Tensor:
        """Return the positive part of the map, (B, 1, h, w); branches are added before."""
        return super().weighted(found).sum(dim=1, keepdim=True).relu()
