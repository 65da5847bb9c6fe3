"""Grad-CAM at the model's seam: signed, unnormalised, without hooks."""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.attributions.base import Attribution, require_seam
from memlab.models.base import MemorabilityModel


class GradCAM(Attribution):
    """Gradient-weighted activations (Selvaraju et al. 2017, ICCV, eq. 1 and 2, without the ReLU).

    A regressor's map has two signs: places that raise the score and places that lower it. So the
    ReLU is left out, and nothing is rescaled per picture. The graph is cut at the seam: below it
    nothing is stored or differentiated. Channel weights are the mean gradient over places. For
    mean pooling and a linear head with a sigmoid the map sums to the sigmoid's slope times the
    logit without its offset.
    """

    unit = "score per grid cell, linearised"

    def maps(self, model: MemorabilityModel, images: Tensor) -> Tensor:
        """(B, 3, H, W) pictures to (B, 1, h, w) maps on the grid of the seam."""
        require_seam(model, "grad_cam")
        with torch.no_grad():
            activations = model.stem(images)  # type: ignore[operator]
        parts = activations if isinstance(activations, tuple) else (activations,)
        leaves = tuple(part.detach().requires_grad_() for part in parts)
        seam = leaves if isinstance(activations, tuple) else leaves[0]
        scores = model.score(seam)  # type: ignore[operator]
        gradients = torch.autograd.grad(scores.sum(), leaves)
        gradient = gradients if isinstance(activations, tuple) else gradients[0]
        # the grid of the gradients is the gradient of the grid: both are the same rearrangement
        weights = model.grid(gradient).mean(dim=(2, 3), keepdim=True)  # type: ignore[operator]
        grid = model.grid(seam).detach()  # type: ignore[operator]
        maps: Tensor = (weights * grid).sum(dim=1, keepdim=True)
        return maps
