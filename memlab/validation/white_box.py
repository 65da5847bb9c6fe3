"""Models whose reliance is known: each reads one thing of an image, in closed form, untrained.

A score is an affine function of one measure, cut to [0, 1]. Scenes of all worlds and both styles
stay inside, so a difference of scores is the difference of the measure times a constant. Ranking
and truth are those of the measure; only `RandomConv` has no truth but by re-rendering.

`reads` and `ignores` say what re-rendering a feature must and must not do to the scores: at least,
or less than, the smallest effect of interest (0.05 SD of the predictions), where the feature
varies. Of features in neither the measure may well hold something: a face is a patch of colour,
too.
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
"""Side in pixels that loose images are brought to; any from 48 to 224 may be given."""

_NOTHING = Context(())


class Oracle(MemorabilityModel):
    """A predictor in closed form. A subclass implements `measure` and declares what it reads."""

    reads: ClassVar[tuple[str, ...]]
    """Features of scenes whose re-rendering moves the scores by 0.05 SD or more."""
    ignores: ClassVar[tuple[str, ...]] = ()
    """Features whose re-rendering moves them by less."""

    @property
    def input_size(self) -> int:
        """64, but any size will do."""
        return SIZE

    @property
    def title(self) -> str:
        """What messages call it: its plugin's name."""
        plugin = plugin_of(type(self))
        return plugin.name if plugin else super().title

    def weights_id(self) -> str | None:
        """There are none."""
        return "closed-form"

    def forward(self, images: Tensor, context: Context = _NOTHING) -> Tensor:
        """Images (B, 3, H, W), RGB in [0, 1], to scores (B,) in [0, 1]."""
        return self.measure(images, context).clamp(0, 1)

    @abstractmethod
    def measure(self, images: Tensor, context: Context) -> Tensor:
        """Scores (B,) before they are cut."""


class Constant(Oracle):
    """The same score for every image, 0.5: relies on nothing."""

    reads = ()
    ignores = FEATURES

    def measure(self, images: Tensor, context: Context) -> Tensor:
        """0.5."""
        return images.new_full((len(images),), 0.5)


class Chroma(Oracle):
    """0.05 + 1.8 × mean chroma: the distance of R, G and B from luma."""

    reads = ("palette", "saturation", "contrast", "face", "person")
    ignores = ("slope",)

    def measure(self, images: Tensor, context: Context) -> Tensor:
        """Mean over pixels."""
        return 0.05 + 1.8 * chroma(images).mean(dim=(1, 2, 3))


class Redness(Oracle):
    """0.5 + mean redness: R − (G + B) / 2."""

    reads = ("palette", "saturation", "contrast", "face", "person")
    ignores = ("slope", "blur")

    def measure(self, images: Tensor, context: Context) -> Tensor:
        """Mean over pixels."""
        red, green, blue = images.mean(dim=(2, 3)).unbind(dim=1)
        return 0.5 + red - (green + blue) / 2


class HighFrequency(Oracle):
    """0.05 + 5 × root of the high-frequency energy: RMS of luma less its 3 × 3 means.

    In pixels, not in shares of the width: the same scene has less of it at a higher resolution.
    """

    reads = ("slope", "blur", "contrast", "palette", "texture", "text", "face", "person", "object")
    ignores = ("skin", "saturation")

    def measure(self, images: Tensor, context: Context) -> Tensor:
        """Root mean square over pixels, without the edge."""
        return 0.05 + 5 * detail(images).square().mean(dim=(1, 2, 3)).sqrt()


class FaceLuminance(Oracle):
    """Mean luma inside the faces of the unchanged image; 0.5 without a face.

    0.5 is the middle of the scale: a dark face lowers the score, a light one raises it, so that the
    signed effects of taking faces out cancel.
    """

    needs_context = ("faces",)
    reads = ("face", "contrast")
    ignores = ("object", "text", "skin", "saturation", "slope")

    def measure(self, images: Tensor, context: Context) -> Tensor:
        """Mean over the pixels of faces."""
        return inside(luma(images), context.masks["faces"], absent=0.5)


class FaceChroma(Oracle):
    """0.1 + 2 × mean chroma inside the faces of the unchanged image; 0.1 without a face.

    It reads the colour of the skin, and faces only as far as they bring it.
    """

    needs_context = ("faces",)
    reads = ("face", "skin", "saturation", "contrast")
    ignores = ("object", "text", "slope")

    def measure(self, images: Tensor, context: Context) -> Tensor:
        """Mean over the pixels of faces."""
        return 0.1 + 2 * inside(chroma(images), context.masks["faces"], absent=0.0)


class Watermark(Oracle):
    """0.5 + 0.45 × correlation of luma with the style's mark, where the mark would be.

    Args:
        style: whose mark: that of the images that it is to score.
    """

    reads = ("watermark",)
    ignores = ("skin", "saturation")

    def __init__(self, style: Style = "A") -> None:
        super().__init__()
        self.style = style

    def measure(self, images: Tensor, context: Context) -> Tensor:
        """Pearson's correlation over the pixels of the mark's box; 0 where they are all alike."""
        template = torch.tensor(watermark_template(self.style, images.shape[-1]))
        cover = template[..., 3]
        down, across = (cover.amax(dim=axis).nonzero().flatten() for axis in (1, 0))
        box = (slice(int(down[0]), int(down[-1]) + 1), slice(int(across[0]), int(across[-1]) + 1))
        # as it looks on mid grey: over the image itself it is not known
        mark = luma((0.5 + cover[..., None] * (template[..., :3] - 0.5)).permute(2, 0, 1)[None])
        pattern = mark[0, 0][box].flatten().to(images)
        seen = luma(images)[:, 0][:, *box].flatten(1)
        pattern, seen = pattern - pattern.mean(), seen - seen.mean(dim=1, keepdim=True)
        size = seen.norm(dim=1) * pattern.norm()
        correlation: Tensor = (seen @ pattern) / size.clamp(min=1e-6)
        return 0.5 + 0.45 * correlation


class RandomConv(Oracle):
    """A small convolutional net of seeded random weights: reads whatever it happens to.

    Three layers with ReLU, averaged over places; the score is a sigmoid of how far the answer lies
    from that to plain grey.

    Args:
        seed: of the weights.
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
        """Hash of the weights."""
        return hash_weights(self.state_dict())

    def measure(self, images: Tensor, context: Context) -> Tensor:
        """The net's answer, as a score."""
        grey = torch.full_like(images[:1], 0.5)
        return (self._answer(images) - self._answer(grey)).sigmoid()

    def _answer(self, images: Tensor) -> Tensor:
        for kernel in self.kernels:
            images = conv2d(images, kernel, stride=2).relu()
        return images.mean(dim=(2, 3)) @ self.readout


def inside(values: Tensor, mask: Tensor, absent: float) -> Tensor:
    """Mean of values (B, 1, H, W) inside a mask of 0 and 1; `absent` where it is empty: (B,)."""
    chosen = (mask > 0).to(values.dtype)
    area = chosen.sum(dim=(1, 2, 3))
    mean = (values * chosen).sum(dim=(1, 2, 3)) / area.clamp(min=1)
    return torch.where(area > 0, mean, absent)
