"""White-box models: untrained models in closed form, each relying on one known image property.

A score is an affine function of one measure, clipped to [0, 1]. Synthetic images of all worlds and
both styles stay inside this range, so a difference of scores is a constant times the difference of
the measure. Ranking and truth are those of the measure. Only `RandomConv` has no truth except by
re-rendering.

`reads` and `ignores` declare the effect of re-rendering a feature on the scores: at least, or less
than, the smallest effect of interest (0.05 SD of the predictions), where the feature varies. The
measure may also contain features in neither list: a face, for example, is also a patch of colour.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from memlab.imaging.colour import chroma, luma
from memlab.imaging.filters import detail
from memlab.models.base import MemorabilityModel, hash_weights
from memlab.registry import plugin_of
from memlab.synthetic.latents import FEATURES, Style
from memlab.synthetic.watermark import watermark_template
from memlab.types import Context

SIZE = 64
"""Side in pixels to which loose images are resized; any size from 48 to 224 is accepted."""

_NOTHING = Context(())


class WhiteBoxModel(MemorabilityModel):
    """White-box predictor; a subclass implements `measure` and declares what it reads."""

    reads: ClassVar[tuple[str, ...]]
    """Features of synthetic images whose re-rendering moves the scores by 0.05 SD or more."""
    ignores: ClassVar[tuple[str, ...]] = ()
    """Features whose re-rendering moves the scores by less."""

    @property
    def input_size(self) -> int:
        """Return 64; any other size works too."""
        return SIZE

    @property
    def title(self) -> str:
        """Return the name for messages: the plugin's name."""
        plugin = plugin_of(type(self))
        return plugin.name if plugin else super().title

    def weights_id(self) -> str | None:
        """Return `closed-form`: there are no weights."""
        return "closed-form"

    def forward(self, images: Tensor, context: Context = _NOTHING) -> Tensor:
        """Map images (B, 3, H, W), RGB in [0, 1], to scores (B,) in [0, 1]."""
        return self.measure(images, context).clamp(0, 1)

    @abstractmethod
    def measure(self, images: Tensor, context: Context) -> Tensor:
        """Return the scores (B,) before clipping."""


class Constant(WhiteBoxModel):
    """Constant score of 0.5; relies on nothing."""

    reads = ()
    ignores = FEATURES

    def measure(self, images: Tensor, context: Context) -> Tensor:
        """Return 0.5 for every image."""
        return images.new_full((len(images),), 0.5)


class Chroma(WhiteBoxModel):
    """White-box model: 0.05 + 1.8 × mean chroma, the distance of R, G and B from luma."""

    reads = ("palette", "saturation", "contrast", "face", "person")
    ignores = ("slope",)

    def measure(self, images: Tensor, context: Context) -> Tensor:
        """Return the mean over pixels."""
        return 0.05 + 1.8 * chroma(images).mean(dim=(1, 2, 3))


class Redness(WhiteBoxModel):
    """White-box model: 0.5 + mean redness, R − (G + B) / 2."""

    reads = ("palette", "saturation", "contrast", "face", "person")
    ignores = ("slope", "blur")

    def measure(self, images: Tensor, context: Context) -> Tensor:
        """Return the mean over pixels."""
        red, green, blue = images.mean(dim=(2, 3)).unbind(dim=1)
        return 0.5 + red - (green + blue) / 2


class HighFrequency(WhiteBoxModel):
    """White-box model: 0.05 + 5 × RMS of luma minus its 3 × 3 means.

    The filter is defined in pixels, not in shares of the width: the same synthetic image has less
    high-frequency energy at a higher resolution.
    """

    reads = ("slope", "blur", "contrast", "palette", "texture", "text", "face", "person", "object")
    ignores = ("skin", "saturation")

    def measure(self, images: Tensor, context: Context) -> Tensor:
        """Return the root mean square over pixels, without the edge."""
        return 0.05 + 5 * detail(images).square().mean(dim=(1, 2, 3)).sqrt()


class FaceLuminance(WhiteBoxModel):
    """White-box model: mean luma inside the faces of the unchanged image; 0.5 without a face.

    0.5 is the middle of the scale. A dark face lowers the score and a light face raises it, so the
    signed effects of removing faces cancel.
    """

    needs_context = ("faces",)
    reads = ("face", "contrast")
    ignores = ("object", "text", "skin", "saturation", "slope")

    def measure(self, images: Tensor, context: Context) -> Tensor:
        """Return the mean over the pixels of faces."""
        return inside(luma(images), context.masks["faces"], absent=0.5)


class FaceChroma(WhiteBoxModel):
    """White-box model: 0.1 + 2 × mean chroma inside the faces of the unchanged image.

    The score is 0.1 without a face. The model reads the colour of the skin, and reads faces only
    through their skin.
    """

    needs_context = ("faces",)
    reads = ("face", "skin", "saturation", "contrast")
    ignores = ("object", "text", "slope")

    def measure(self, images: Tensor, context: Context) -> Tensor:
        """Return the mean over the pixels of faces."""
        return 0.1 + 2 * inside(chroma(images), context.masks["faces"], absent=0.0)


class Watermark(WhiteBoxModel):
    """White-box model: 0.5 + 0.45 × correlation of luma with the mark, at the mark's position.

    Args:
        style: rendering style of the mark, the same as that of the scored images.
    """

    reads = ("watermark",)
    ignores = ("skin", "saturation")

    def __init__(self, style: Style = "A") -> None:
        super().__init__()
        self.style = style

    def measure(self, images: Tensor, context: Context) -> Tensor:
        """Return the correlation over pixels of the mark's box; 0 if the pixels are constant."""
        template = torch.tensor(watermark_template(self.style, images.shape[-1]))
        cover = template[..., 3]
        down, across = (cover.amax(dim=axis).nonzero().flatten() for axis in (1, 0))
        box = (slice(int(down[0]), int(down[-1]) + 1), slice(int(across[0]), int(across[-1]) + 1))
        # The mark on mid grey: its appearance over the image itself is not known.
        mark = luma((0.5 + cover[..., None] * (template[..., :3] - 0.5)).permute(2, 0, 1)[None])
        pattern = mark[0, 0][box].flatten().to(images)
        pixels = luma(images)[:, 0][:, *box].flatten(1)
        pattern, pixels = pattern - pattern.mean(), pixels - pixels.mean(dim=1, keepdim=True)
        size = pixels.norm(dim=1) * pattern.norm()
        correlation: Tensor = (pixels @ pattern) / size.clamp(min=1e-6)
        return 0.5 + 0.45 * correlation


class RandomConv(WhiteBoxModel):
    """Small convolutional network of seeded random weights; its reliance is arbitrary.

    Three layers with ReLU, averaged over positions. The score is a sigmoid of the difference
    between the output for the image and the output for plain grey.

    Args:
        seed: seed of the weights.
    """

    reads = ()

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        shapes = ((12, 3, 5, 5), (24, 12, 3, 3), (24, 24, 3, 3))
        self.kernels = nn.ParameterList(
            torch.randn(shape, generator=generator) * (2 / shape[1] / shape[2] ** 2) ** 0.5
            for shape in shapes
        ).requires_grad_(False)
        readout = torch.randn(24, generator=generator)
        self.readout = nn.Parameter(readout - readout.mean(), requires_grad=False)

    def weights_id(self) -> str | None:
        """Return a hash of the weights."""
        return hash_weights(self.state_dict())

    def measure(self, images: Tensor, context: Context) -> Tensor:
        """Return the network's output as a score."""
        grey = torch.full_like(images[:1], 0.5)
        return (self._answer(images) - self._answer(grey)).sigmoid()

    def _answer(self, images: Tensor) -> Tensor:
        for kernel in self.kernels:
            images = conv2d(images, kernel, stride=2).relu()
        return images.mean(dim=(2, 3)) @ self.readout


def inside(values: Tensor, mask: Tensor, absent: float) -> Tensor:
    """Return the mean of values (B, 1, H, W) inside a binary mask; `absent` if empty: (B,)."""
    chosen = (mask > 0).to(values.dtype)
    area = chosen.sum(dim=(1, 2, 3))
    mean = (values * chosen).sum(dim=(1, 2, 3)) / area.clamp(min=1)
    return torch.where(area > 0, mean, absent)
