"""Colour statistics of an image as features: a baseline without weights."""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor

from memlab.backbones.base import Backbone

_LEAST = 1e-6
"""Variance added before a division; a flat channel has no skewness and no correlation."""
VERSION = 1
"""Version of the definition of the features."""
CHANNELS = ("red", "green", "blue", "saturation", "value", "hue cosine", "hue sine")
PAIRS = tuple(combinations(range(3), 2))  # red-green, red-blue, green-blue


class ColorMoments(Backbone):
    """Mean, SD and skewness of colour channels, and correlations of R, G and B; 24 features.

    The channels are R, G and B; saturation and value of HSV; and the cosine and sine of the hue
    times the saturation, because a hue is an angle, and a grey pixel has none. The features do not
    depend on the positions of the pixels (Stricker & Orengo 1995, SPIE 2420, 381–392, with R, G, B
    added). A model on these features is a baseline: it knows the colours of an image and nothing
    else. There are no weights to load or to train, so only the head learns.

    Args:
        pretrained: accepted as for other backbones; there are no weights.
    """

    feature_dim = 3 * len(CHANNELS) + len(PAIRS)
    input_size = 128
    mean = (0.0, 0.0, 0.0)
    std = (1.0, 1.0, 1.0)
    seam = "the colour channels, pixel by pixel"

    def __init__(self, pretrained: bool = False) -> None:
        super().__init__()
        # kept features are found by the hash of the state, so the state names the definition
        self.register_buffer("definition", torch.tensor([VERSION, self.feature_dim]))

    def stem(self, images: Tensor) -> Tensor:
        """Return the colour channels (B, 7, H, W) of RGB images (B, 3, H, W) in [0, 1]."""
        value = images.amax(dim=1, keepdim=True)
        spread = value - images.amin(dim=1, keepdim=True)
        saturation = spread / value.clamp(min=_LEAST)
        red, green, blue = images[:, 0:1], images[:, 1:2], images[:, 2:3]
        across, along = red - (green + blue) / 2, (green - blue) * (3**0.5 / 2)
        length = (across.square() + along.square() + _LEAST**2).sqrt()
        cosine, sine = saturation * across / length, saturation * along / length
        return torch.cat([images, saturation, value, cosine, sine], dim=1)

    def tail(self, activations: Tensor) -> Tensor:
        """Return features (B, 24): 7 means, 7 SDs, 7 skewnesses, 3 correlations of R, G, B."""
        values = activations.float().flatten(2)
        mean = values.mean(dim=2)
        centred = values - mean[..., None]
        spread = (centred.square().mean(dim=2) + _LEAST).sqrt()
        standard = centred / spread[..., None]
        skewness = standard.pow(3).mean(dim=2)
        together = [(standard[:, a] * standard[:, b]).mean(dim=1) for a, b in PAIRS]
        return torch.cat([mean, spread, skewness, torch.stack(together, dim=1)], dim=1)

    def grid(self, activations: Tensor) -> Tensor:
        """Return the channels unchanged."""
        return activations
