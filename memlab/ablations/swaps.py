"""Swaps: the base class, and swaps of spectrum, texture, background and face.

Swaps of colour are in `colour_swaps`, that of contrast in `contrast_swaps`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from memlab.ablations.base import Ablation
from memlab.errors import MemlabError
from memlab.imaging import plates
from memlab.imaging.blur import as_blurred
from memlab.imaging.grain import swap_texture
from memlab.imaging.spectrum import swap_spectrum
from memlab.masks.expression import mask_of
from memlab.seeds import seed_of
from memlab.types import DERIVED, Context, Donors


class Swap(Ablation):
    """Base class of swaps: changes towards a donor's value, with a round-trip control.

    The way back of the round trip always has full strength, at every dose, so that nothing of the
    donor's value remains. A subclass implements `changed`, which returns the image with the donor's
    value.

    A swap that is confined to a region takes the donor's value from the same region of the donor,
    and replaces the value of the image's region. So does the way back of the round trip.

    Args:
        dose: share of the way to the donor's value, 0 to 1.
        region: `all`, the name of a region, `not NAME`, or `NAME without NAME`.
    """

    unit = "of the way to the donor"
    control = "round-trip"
    ladder = (0.2, 0.4, 0.6, 0.8, 1.0)
    maximum = 1.0
    needs_donors = True
    fades: ClassVar[bool] = True
    """Whether the change fades towards the border of a region. A change of colour that fades would
    leave a rim of the old value, unless the image is blurred and has such rims anyway."""

    def __init__(self, dose: float, region: str = "all") -> None:
        super().__init__(dose, region)
        if not type(self).donor_regions:
            self.donor_regions = self.place.needed

    def within(self, context: Context) -> Tensor | None:
        """Return the weight of the change at each pixel: (B, 1, H, W) in [0, 1]; None means 1."""
        mask = super().within(context)
        return None if mask is None else self.softened(mask)

    def blended(self, images: Tensor, changed: Tensor, weights: Tensor) -> Tensor:
        """Mix both by the weights, which fade towards the border if the images are blurred.

        A sharp edge in a blurred image would show where the change ends.
        """
        if not self.fades:
            soft = as_blurred(weights.to(images), images)
            weights = weights * (2 * soft - 1).clamp(min=0)
        return super().blended(images, changed, weights)

    def softened(self, mask: Tensor) -> Tensor:
        """Return the weights of the change in a region, 0 outside its mask (B, 1, H, W)."""
        return plates.inner_weights(mask) if self.fades else mask

    def cores(
        self, images: Tensor, context: Context, donors: Donors
    ) -> tuple[Tensor | None, Tensor | None]:
        """Return the `core` of the images, and that of the donors."""
        return self.core(context.masks, images), self.core(donors.masks, images)

    def whole(self, images: Tensor, context: Context) -> Tensor | None:
        """Return the region with its border, (B, 1, H, W) of 0 and 1; None for whole images."""
        mask = self.place.mask(context.masks)
        return None if mask is None else mask.to(images)

    def core(self, masks: Mapping[str, Tensor], like: Tensor) -> Tensor | None:
        """Return the pixels of the region that count in its statistics; None for whole images.

        Args:
            masks: region name to (B, 1, H, W) of 0 and 1, of the images or of the donors.
            like: images, for the type of the result.

        Returns:
            (B, 1, H, W) of 0 and 1: the region without its border, where pixels mix two regions.
            A region that consists of its border counts as a whole.

        Raises:
            MemlabError: if there are no masks of the region.
        """
        core = self.place.core(masks)
        if core is None and self.place.name != "all":
            raise MemlabError(f"{self.name}: images or donors have no masks of {self.region!r}")
        return None if core is None else core.to(like)

    def usable(self, mask: Tensor) -> Tensor:
        """Return which masks (B, 1, H, W) of a region allow the swap: (B,) bool, on the CPU.

        A background or figures that fill the image can be swapped, too.
        """
        if self.place.name in DERIVED and not type(self).donor_regions:
            return (mask > 0).flatten(1).any(dim=1).cpu()
        return super().usable(mask)

    def eligible(self, context: Context) -> Tensor:
        """Return which images the base class accepts and have donors with the donor regions."""
        found = super().eligible(context)
        if context.donors is None:
            return found
        for region in self.donor_regions:
            mask = mask_of(region, context.donors.masks)
            if mask is None:
                return torch.zeros_like(found)
            found &= self.usable(mask)
        return found

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Move the share `dose` of the way to the donor's value."""
        swapped = self.changed(images, context, self.donors_of(context))
        return torch.lerp(images, swapped, dose).clamp(0, 1)

    @abstractmethod
    def changed(self, images: Tensor, context: Context, donors: Donors) -> Tensor:
        """Return the images with the donors' value: (B, 3, H, W)."""

    def donors_of(self, context: Context) -> Donors:
        """Return the donors, or raise a MemlabError if the context has none."""
        if context.donors is None:
            raise MemlabError(f"{self.name}: no donors given (Context(..., donors=Donors(...)))")
        return context.donors

    def noises(self, context: Context, donors: Donors) -> list[torch.Generator]:
        """Return one CPU generator per pair of image and donor.

        The way back of a round trip has other donors, and therefore another random stream.
        """
        return [
            torch.Generator().manual_seed(
                seed_of(context.seed, image, f"{self.name}:{donor}", context.draw)
            )
            for image, donor in zip(context.ids, donors.ids, strict=True)
        ]


class SwapSpectrum(Swap):
    """Swap of the spectrum: luma's energy per radial frequency band comes from the donor.

    Phase, the balance of directions, mean luma and chroma stay. The variance of luma, which is the
    sum of the bands, becomes the donor's.

    Args:
        amount: share of the way to the donor's amplitudes, 0 to 1.
    """

    family = "frequency"
    target = "spectrum_to_donor"

    def __init__(self, amount: float = 1.0) -> None:
        super().__init__(dose=amount)

    def changed(self, images: Tensor, context: Context, donors: Donors) -> Tensor:
        """Return the images with the donors' spectra."""
        return swap_spectrum(images, donors.images)


class SwapTexture(Swap):
    """Swap of the texture: fine grain is replaced by noise like the donor's grain.

    Strong edges and chroma stay. Weak edges (SD of luma below 0.15 in windows of 4 % of the width),
    small marks and letters are replaced with the grain. Strong edges are softened where they alone
    have more fine detail than the donor. The noise covers the image evenly, without the structure
    of the original grain. The fine end of luma's spectrum and the SD of luma change with the grain.
    The round-trip control adds noise like the image's own grain, on the same base and with the same
    phases, so that the variance share measures the amplitudes of the grain alone.

    Args:
        amount: share of the grain's energy to replace, 0 to 1.
        region: region whose grain is replaced: `all`, `background`, `figures`, or another region.
            `swap_pattern` moves the pattern of a background, which is more than its grain.
    """

    family = "texture"
    target = "texture_to_donor"
    one_pass = True

    def __init__(self, amount: float = 1.0, region: str = "all") -> None:
        super().__init__(dose=amount, region=region)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Replace the share `dose` of the grain's energy; for a round trip, by noise like it."""
        generators = context.generators(self.name)
        back, donors = context.role == "round-trip", self.donors_of(context)
        own, theirs = self.cores(images, context, donors)
        return swap_texture(images, donors.images, generators, dose, back, own, theirs)

    def changed(self, images: Tensor, context: Context, donors: Donors) -> Tensor:
        """Return the images with noise like the donors' grain."""
        return self.change(images, context, 1.0)


class SwapBackground(Swap):
    """Swap of the background: the donor's background goes behind the image's foreground.

    The donor's own foreground is inpainted first. The image's foreground stays unchanged. Colours,
    contrast and spectrum of the background become the donor's.

    Args:
        amount: blending weight of the donor's background, 0 to 1.
    """

    family = "context"
    target = "background_to_donor"
    donor_regions = ("background",)

    def __init__(self, amount: float = 1.0) -> None:
        super().__init__(dose=amount, region="background")

    def softened(self, mask: Tensor) -> Tensor:
        """Return weights of the background, without the mixed pixels next to the foreground."""
        return plates.inner_weights(plates.eroded(mask))

    def own_donors(self, images: Tensor, context: Context) -> Donors:
        """Return the images as donors, with the donors' foreground to be inpainted as well.

        Otherwise the round trip would lack the inpainting artefacts of the swap.
        """
        own, theirs = (
            mask_of("background", masks) for masks in (context.masks, self.donors_of(context).masks)
        )
        if own is None or theirs is None:
            raise MemlabError(f"{self.name}: images or donors have no masks of 'background'")
        both = ((own > 0) & (theirs > 0).to(own.device)).to(images)
        # if the two foregrounds together cover the image, inpaint only the image's own
        there = both.amax(dim=(1, 2, 3), keepdim=True) > 0
        return Donors(context.ids, images, {"background": both.where(there, (own > 0).to(images))})

    def changed(self, images: Tensor, context: Context, donors: Donors) -> Tensor:
        """Return the donors' images without their foreground."""
        mask = mask_of("background", donors.masks)
        if mask is None:
            raise MemlabError(f"{self.name}: the donors have no masks of 'background'")
        return plates.empty_plate(
            donors.images, (mask > 0).to(images), self.noises(context, donors)
        )


class SwapFace(Swap):
    """Swap of the largest face by the donor's largest face.

    The donor's face is shifted and scaled to the size of the replaced face, not rotated, and its
    colour is matched at the border, so that facial features change more than skin colour. Pixels
    outside the face stay unchanged. Whole-image statistics change as far as the face contributes to
    them. A mark or letter over the face is replaced with it.

    Args:
        amount: blending weight of the donor's face, 0 to 1.
    """

    family = "region"
    target = "face_to_donor"
    donor_regions = ("faces",)

    def __init__(self, amount: float = 1.0) -> None:
        super().__init__(dose=amount, region="faces")

    def softened(self, mask: Tensor) -> Tensor:
        """Return weights of the largest face, which rise from 0 at its border."""
        return plates.inner_weights(plates.largest_part(mask))

    def changed(self, images: Tensor, context: Context, donors: Donors) -> Tensor:
        """Return the donors' faces at the position of the images' faces."""
        own, theirs = (
            plates.largest_part((masks["faces"] > 0).to(images))
            for masks in (context.masks, donors.masks)
        )
        return plates.face_over(images, own, donors.images, theirs)
