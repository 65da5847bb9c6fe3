"""LayerCAM at the model's feature layer: signed, unnormalised, without hooks."""

from __future__ import annotations

from torch import Tensor

from memlab.attributions.layers import AtLayer, GradientAttribution


class LayerCAM(GradientAttribution):
    """Activations times their own gradients (Jiang et al. 2021, doi:10.1109/TIP.2021.3089943).

    Grad-CAM weights a channel by its mean gradient; this method weights each position by its own
    gradient, so that maps of layers with a fine grid stay sharp. The paper drops negative gradients
    and negative sums, as is right for a class. A score has two directions, so both are kept here,
    and maps are not rescaled.
    """

    unit = "score per grid cell, linearised"

    def weighted(self, found: AtLayer) -> Tensor:
        """Return maps (B, 1 or branches, h, w) on the grid of the feature layer."""
        return found.products
