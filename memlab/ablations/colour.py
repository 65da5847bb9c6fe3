"""Colour: takes it out, pales it, turns its hue, or makes it one colour all over."""

from __future__ import annotations

from torch import Tensor

from memlab.ablations.base import Ablation
from memlab.imaging.colour import (
    desaturate,
    desaturate_light,
    flatten_palette,
    rotate_hue,
)
from memlab.types import Context


class Grayscale(Ablation):
    """Move every pixel towards its luma; at 1 nothing but luma (Pillow's mode `L`) is left.

    Args:
        amount: share of the colour taken out, 0 to 1.
        region: where: `all`, a region's name, or `not NAME`.
    """

    family = "colour"
    unit = "of the colour"
    target = "chroma"
    control = "floor"
    ladder = (0.2, 0.4, 0.6, 0.8, 1.0)
    maximum = 1.0
    moves = ("oracle_chroma", "oracle_redness", "oracle_face_chroma")
    spares = ("oracle_high_frequency", "oracle_face_luminance", "oracle_watermark")

    def __init__(self, amount: float = 1.0, region: str = "all") -> None:
        super().__init__(dose=amount, region=region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Take the share `dose` of the colour out."""
        return desaturate(images, dose)


class Desaturate(Ablation):
    """Make colours paler, as if grey light of the same luminance were mixed in.

    It differs from `grayscale` in what stays: the lightness that people see (CIE L*), not the
    luma of the coded pixels. Saturated reds and blues, which luma makes too light, come out darker.

    Args:
        amount: share of grey light, 0 to 1.
        region: where: `all`, a region's name, or `not NAME`.
    """

    family = "colour"
    unit = "of the coloured light"
    target = "chroma"
    control = "floor"
    ladder = (0.25, 0.5, 0.75, 0.9, 1.0)
    maximum = 1.0
    moves = ("oracle_chroma", "oracle_redness")
    spares = ("oracle_high_frequency", "oracle_face_luminance", "oracle_watermark")

    def __init__(self, amount: float = 0.5, region: str = "all") -> None:
        super().__init__(dose=amount, region=region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Replace the share `dose` of the light by grey light."""
        return desaturate_light(images, dose)


class HueRotate(Ablation):
    """Turn all hues by an angle; luma stays, and chroma but where the new hue has no room.

    At 90°, the default, the hue says nothing about the old one; at 180° it is the opposite.

    Args:
        degrees: angle, 0 to 180.
        region: where: `all`, a region's name, or `not NAME`.
    """

    family = "colour"
    unit = "degrees"
    target = "hue_agreement"
    control = "floor"
    ladder = (15.0, 30.0, 60.0, 90.0, 180.0)
    maximum = 180.0
    moves = ("oracle_redness",)
    spares = (
        "oracle_high_frequency",
        "oracle_face_luminance",
        "oracle_face_chroma",
        "oracle_watermark",
    )

    def __init__(self, degrees: float = 90.0, region: str = "all") -> None:
        super().__init__(dose=degrees, region=region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Turn hues by `dose` degrees."""
        return rotate_hue(images, dose)


class ColorContrast(Ablation):
    """Move every colour towards the image's mean colour; luma stays.

    At 1 the image is a black and white one in the tint that it had on the whole, paler where a
    dark or light place has no room for it.

    Args:
        amount: share of the differences in colour taken out, 0 to 1.
        region: where: `all`, a region's name, or `not NAME`; the mean is the whole image's.
    """

    family = "colour"
    unit = "of the colour contrast"
    target = "chroma_sd"
    control = "floor"
    ladder = (0.2, 0.4, 0.6, 0.8, 1.0)
    maximum = 1.0
    moves = ("oracle_chroma",)
    spares = ("oracle_high_frequency", "oracle_face_luminance", "oracle_watermark")

    def __init__(self, amount: float = 1.0, region: str = "all") -> None:
        super().__init__(dose=amount, region=region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Take the share `dose` of the differences in colour out."""
        return flatten_palette(images, dose)
