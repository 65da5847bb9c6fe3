"""Texture and layout: takes out fine structure, places, phases, or each image's spectrum."""

from __future__ import annotations

import torch
from torch import Tensor

from memlab.ablations.base import Ablation, whole
from memlab.errors import MemlabError
from memlab.imaging.texture import (
    equalize_power,
    rematch,
    scramble_phases,
    shuffle_patches,
    smooth_texture,
)
from memlab.types import Context


class TextureSmooth(Ablation):
    """Smooth texture and keep edges: structure of low contrast goes, strong contours stay.

    A guided filter with windows of a sigma of 1.5 % of the width. Where it has halved the fine
    detail beside edges, the strongest 5 % of edges of photographs keep .93 of their slope (.59
    under a blur) and 1.00 of their gradients' correlation (.96). Edges are most of the energy of
    fine detail: to take out as much energy as a blur does, it must take all texture and weak edges,
    and then the correlation is lower (.97 against .98 at 37 %) and the slope alone higher.

    Args:
        threshold: contrast in % of the range; structure of less contrast is smoothed away.
        region: where: `all`, a region's name, or `not NAME`.
    """

    family = "texture"
    unit = "% of range"
    target = "fine_texture"
    control = "floor"
    ladder = (1.0, 2.0, 5.0, 10.0, 20.0)
    maximum = 100.0
    spares = ("oracle_redness", "oracle_face_luminance", "oracle_face_chroma", "oracle_watermark")

    def __init__(self, threshold: float = 10.0, region: str = "all") -> None:
        super().__init__(dose=threshold, region=region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Smooth structure of less contrast than `dose` % of the range."""
        return smooth_texture(images, dose / 100, sigma=1.5).clamp(0, 1)


class PatchShuffle(Ablation):
    """Cut the image into a grid and shuffle: layout goes, what the patches show stays.

    The order is a single random cycle, so no patch stays in its place. The patches' borders are
    new edges.

    Args:
        patches: patches per side, a whole number.
        region: where: `all`, a region's name, or `not NAME`; what is shown there comes from
            anywhere in the image.
    """

    family = "texture"
    unit = "patches per side"
    target = "layout"
    control = "floor"
    ladder = (2.0, 4.0, 8.0, 16.0, 32.0)
    maximum = 32.0
    spares = ("oracle_chroma", "oracle_redness")

    def __init__(self, patches: float = 8.0, region: str = "all") -> None:
        super().__init__(dose=patches, region=region)

    def checked(self, dose: float) -> float:
        """The dose itself, or a MemlabError if it is out of range or not whole."""
        return whole(super().checked(dose), self)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Shuffle `dose` × `dose` patches."""
        grid = int(dose)
        if min(images.shape[-2:]) < grid:
            height, width = images.shape[-2:]
            raise MemlabError(
                f"{self.name}: an image of {height} × {width} pixels cannot be cut into "
                f"{grid} patches per side; take a smaller dose"
            )
        orders = []
        for generator in context.generators(self.name):
            cycle = torch.rand(grid**2, generator=generator).argsort()
            orders.append(torch.empty_like(cycle).scatter_(0, cycle, cycle.roll(1)))
        return shuffle_patches(images, grid, torch.stack(orders).to(images.device))


class PhaseScramble(Ablation):
    """Scramble the phases of the Fourier spectrum: layout, edges and shapes go.

    The amplitude of every frequency, the mean colour and the correlation of the channels stay, but
    for what cutting to the range changes; mean and contrast of every channel are matched again.

    Args:
        amount: share of the phase noise, 0 to 1; at 1 phases are random.
        region: where: `all`, a region's name, or `not NAME`; what is shown there is the whole
            image, scrambled.
    """

    family = "texture"
    unit = "of the phase noise"
    target = "phase_agreement"
    control = "floor"
    ladder = (0.2, 0.4, 0.6, 0.8, 1.0)
    maximum = 1.0
    spares = ("oracle_redness", "oracle_high_frequency")

    def __init__(self, amount: float = 1.0, region: str = "all") -> None:
        super().__init__(dose=amount, region=region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Add the share `dose` of the phases of noise."""
        shape = (1, *images.shape[-2:])
        noise = [torch.randn(shape, generator=one) for one in context.generators(self.name)]
        return rematch(scramble_phases(images, dose, torch.stack(noise).to(images)), images)


class PowerEqualize(Ablation):
    """Give all images one amplitude spectrum, 1/f with a luma SD of about 0.2; phases stay.

    What is taken out is what the spectrum says about an image: how sharp, how rough, and how rich
    in contrast it is.

    Args:
        amount: share of the way to the reference, in log amplitude, 0 to 1.
        region: where: `all`, a region's name, or `not NAME`; the spectrum is the whole image's.
    """

    family = "texture"
    unit = "of the way to 1/f"
    target = "spectral_distance"
    control = "floor"
    ladder = (0.2, 0.4, 0.6, 0.8, 1.0)
    maximum = 1.0
    moves = ("oracle_chroma", "oracle_high_frequency")
    spares = ("oracle_watermark",)

    def __init__(self, amount: float = 1.0, region: str = "all") -> None:
        super().__init__(dose=amount, region=region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Go the share `dose` of the way to the reference."""
        return equalize_power(images, dose).clamp(0, 1)
