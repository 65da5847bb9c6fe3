"""Colour ablations: remove or reduce colour, rotate hue, or flatten the palette."""

from __future__ import annotations

from torch import Tensor

from memlab.ablations.base import Ablation
from memlab.imaging.colour import desaturate, desaturate_light, flatten_palette, rotate_hue
from memlab.types import Context


class Grayscale(Ablation):
    """Ablation that moves each pixel towards its luma.

    At amount 1 the result is Pillow's mode `L`.

    Args:
        amount: share of the colour to remove, 0 to 1.
        region: where to apply the change: `all`, a region's name, or `not NAME`.
    """

    family = "colour"
    unit = "of the colour"
    target = "chroma"
    control = "nuisance-baseline"
    ladder = (0.2, 0.4, 0.6, 0.8, 1.0)
    maximum = 1.0

    def __init__(self, amount: float = 1.0, region: str = "all") -> None:
        super().__init__(dose=amount, region=region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Remove the share `dose` of the colour."""
        return desaturate(images, dose)


class Desaturate(Ablation):
    """Ablation that mixes each pixel's light with grey light of the same luminance.

    `grayscale` keeps luma, the weighted sum of the coded pixel values. This ablation keeps
    luminance, and so perceived lightness (CIE L*). Saturated reds and blues become darker here than
    under `grayscale`, which makes them too light.

    Args:
        amount: share of grey light, 0 to 1.
        region: where to apply the change: `all`, a region's name, or `not NAME`.
    """

    family = "colour"
    unit = "of the coloured light"
    target = "chroma"
    control = "nuisance-baseline"
    ladder = (0.25, 0.5, 0.75, 0.9, 1.0)
    maximum = 1.0

    def __init__(self, amount: float = 0.5, region: str = "all") -> None:
        super().__init__(dose=amount, region=region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Replace the share `dose` of the light by grey light."""
        return desaturate_light(images, dose)


class HueRotate(Ablation):
    """Ablation that rotates all hues by one angle and keeps luma.

    Chroma also stays, except where the rotated colour is outside the RGB gamut. At 90°, the
    default, the new hue is uncorrelated with the old hue. At 180° the new hue is the opposite.

    Args:
        degrees: angle, 0 to 180.
        region: where to apply the change: `all`, a region's name, or `not NAME`.
    """

    family = "colour"
    unit = "degrees"
    target = "hue_agreement"
    control = "nuisance-baseline"
    ladder = (15.0, 30.0, 60.0, 90.0, 180.0)
    maximum = 180.0

    def __init__(self, degrees: float = 90.0, region: str = "all") -> None:
        super().__init__(dose=degrees, region=region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Rotate hues by `dose` degrees."""
        return rotate_hue(images, dose)


class ColorContrast(Ablation):
    """Ablation that moves each colour towards the mean colour of the image and keeps luma.

    At amount 1 the image is monochrome in its mean tint. The tint is paler in dark and light areas
    where the full tint is outside the RGB gamut.

    Args:
        amount: share of the colour differences to remove, 0 to 1.
        region: where to apply the change: `all`, a region's name, or `not NAME`; the mean is the
            whole image's.
    """

    family = "colour"
    unit = "of the colour contrast"
    target = "chroma_sd"
    control = "nuisance-baseline"
    ladder = (0.2, 0.4, 0.6, 0.8, 1.0)
    maximum = 1.0

    def __init__(self, amount: float = 1.0, region: str = "all") -> None:
        super().__init__(dose=amount, region=region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Remove the share `dose` of the colour differences."""
        return flatten_palette(images, dose)
