"""Swaps: put the palette, spectrum, texture, background or face of another image in."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from memlab.ablations.base import Ablation, partial
from memlab.errors import MemlabError
from memlab.imaging import plates
from memlab.imaging.grain import swap_texture
from memlab.imaging.palette import swap_palette
from memlab.imaging.spectrum import swap_spectrum
from memlab.masks.expression import mask_of
from memlab.seeds import seed_of
from memlab.types import Context, Donors


class Swap(Ablation):
    """A change towards a donor's value; compared with a swap there and back.

    The way back goes all the way at every dose, so that nothing of the donor's value is left.

    A subclass implements `changed`, the image with the donor's value.
    """

    unit = "of the way to the donor"
    control = "there-and-back"
    ladder = (0.2, 0.4, 0.6, 0.8, 1.0)
    maximum = 1.0
    needs_donors = True

    def eligible(self, context: Context) -> Tensor:
        """Besides what the base class asks: donors have the regions, neither empty nor all."""
        found = super().eligible(context)
        if context.donors is None:
            return found
        for region in self.donor_regions:
            mask = mask_of(region, context.donors.masks)
            if mask is None:
                return torch.zeros_like(found)
            found &= partial(mask)
        return found

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Go the share `dose` of the way to the donor's value."""
        swapped = self.changed(images, context, self.lent(context))
        return torch.lerp(images, swapped, dose).clamp(0, 1)

    @abstractmethod
    def changed(self, images: Tensor, context: Context, donors: Donors) -> Tensor:
        """The images with the donors' value: (B, 3, H, W)."""

    def lent(self, context: Context) -> Donors:
        """The donors, or a MemlabError."""
        if context.donors is None:
            raise MemlabError(f"{self.name}: no donors given (Context(..., donors=Donors(...)))")
        return context.donors

    def noises(self, context: Context, donors: Donors) -> list[torch.Generator]:
        """One CPU generator per image and donor: the way back has another stream."""
        return [
            torch.Generator().manual_seed(
                seed_of(context.seed, image, f"{self.name}:{donor}", context.draw)
            )
            for image, donor in zip(context.ids, donors.ids, strict=True)
        ]


class SwapPalette(Swap):
    """Give an image the colours of another: mean and covariance of chroma; luma is kept.

    Luma and its spectrum stay exactly; which colours go together with which shapes stays. A grey
    image is tinted, for it has nothing to spread.

    Args:
        amount: share of the way to the donor's palette, 0 to 1.
    """

    family = "colour"
    target = "palette_to_donor"
    moves = ("oracle_chroma", "oracle_redness")
    spares = (
        *("oracle_constant", "oracle_face_luminance"),
        *("oracle_high_frequency", "oracle_watermark"),
    )

    def __init__(self, amount: float = 1.0) -> None:
        super().__init__(dose=amount)

    def changed(self, images: Tensor, context: Context, donors: Donors) -> Tensor:
        """The images with the donors' palettes."""
        return swap_palette(images, donors.images)


class SwapSpectrum(Swap):
    """Give an image the share of coarse and fine of another: luma's energy per radial band.

    Phase, the balance of directions, mean luma and chroma stay; the standard deviation of luma,
    which is the sum of the bands, goes to the donor's.

    Args:
        amount: share of the way to the donor's amplitudes, 0 to 1.
    """

    family = "frequency"
    target = "spectrum_to_donor"
    moves = ("oracle_high_frequency",)
    spares = ("oracle_chroma", "oracle_constant", "oracle_face_chroma", "oracle_redness")

    def __init__(self, amount: float = 1.0) -> None:
        super().__init__(dose=amount)

    def changed(self, images: Tensor, context: Context, donors: Donors) -> Tensor:
        """The images with the donors' spectra."""
        return swap_spectrum(images, donors.images)


class SwapTexture(Swap):
    """Replace an image's fine grain by noise like that of another; strong edges and chroma stay.

    Weak edges, below an SD of luma of 0.15 in windows of 4 % of the width, go with the grain, and
    so do small marks and letters. Where strong ones alone have more fine detail than the donor they
    are softened. The noise lies evenly over the image, without the order of the grain it stands
    for; the fine end of luma's spectrum and its standard deviation go with it. The way back is
    noise like the image's own grain, on the same base and in the same phases, so that T is that
    of the grain's amplitudes alone.

    Args:
        amount: share of the grain's energy that is replaced, 0 to 1.
    """

    family = "texture"
    target = "texture_to_donor"
    one_pass = True
    moves = ("oracle_high_frequency",)
    spares = (
        *("oracle_chroma", "oracle_constant", "oracle_face_chroma", "oracle_face_luminance"),
        "oracle_redness",
    )

    def __init__(self, amount: float = 1.0) -> None:
        super().__init__(dose=amount)

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Replace the share `dose` of the grain's energy; there and back, by noise like it."""
        generators = context.generators(self.name)
        own = context.role == "there-and-back"
        return swap_texture(images, self.lent(context).images, generators, dose, own)

    def changed(self, images: Tensor, context: Context, donors: Donors) -> Tensor:
        """The images with noise like the donors' grain."""
        return self.change(images, context, 1.0)


class SwapBackground(Swap):
    """Put another image's background behind the figures of an image.

    The donor's own figures are inpainted first. Figures stay as they are; the background's colours,
    contrast and spectrum are the donor's.

    Args:
        amount: how far the backgrounds are blended, 0 to 1.
    """

    family = "context"
    target = "background_to_donor"
    donor_regions = ("background",)
    moves = ("oracle_chroma", "oracle_high_frequency", "oracle_redness")
    spares = ("oracle_constant", "oracle_face_chroma", "oracle_face_luminance")

    def __init__(self, amount: float = 1.0) -> None:
        super().__init__(dose=amount, region="background")

    def within(self, context: Context) -> Tensor | None:
        """The background without the seam beside figures, where pixels hold something of both."""
        mask = super().within(context)
        return None if mask is None else plates.inner_weights(plates.eroded(mask))

    def own_donors(self, images: Tensor, context: Context) -> Donors:
        """The images, with the donors' figures to be inpainted beside their own.

        Without that the way back would show none of what inpainting does to the way there.
        """
        own, theirs = (
            mask_of("background", masks) for masks in (context.masks, self.lent(context).masks)
        )
        if own is None or theirs is None:
            raise MemlabError(f"{self.name}: images or donors have no masks of 'background'")
        both = ((own > 0) & (theirs > 0).to(own.device)).to(images)
        # two figures that leave no background between them: the image's own alone
        there = both.amax(dim=(1, 2, 3), keepdim=True) > 0
        return Donors(context.ids, images, {"background": both.where(there, (own > 0).to(images))})

    def changed(self, images: Tensor, context: Context, donors: Donors) -> Tensor:
        """The donors' images without their figures."""
        mask = mask_of("background", donors.masks)
        if mask is None:
            raise MemlabError(f"{self.name}: the donors have no masks of 'background'")
        return plates.empty_plate(
            donors.images, (mask > 0).to(images), self.noises(context, donors)
        )


class SwapFace(Swap):
    """Put another image's face in the place of an image's; the largest where there are several.

    It is moved and scaled to the size of the one it replaces, not turned, and matched in colour at
    the border, so that features change more than the colour of the skin. Nothing changes outside
    the face; whole-image statistics follow what the face holds of them, and a mark or a letter
    that lies over the face goes with it.

    Args:
        amount: how far the faces are blended, 0 to 1.
    """

    family = "region"
    target = "face_to_donor"
    donor_regions = ("faces",)
    moves = ("oracle_face_chroma", "oracle_face_luminance")
    spares = ("oracle_constant",)

    def __init__(self, amount: float = 1.0) -> None:
        super().__init__(dose=amount, region="faces")

    def within(self, context: Context) -> Tensor | None:
        """The largest face, rising from 0 at its border."""
        mask = super().within(context)
        return None if mask is None else plates.inner_weights(plates.largest_part(mask))

    def changed(self, images: Tensor, context: Context, donors: Donors) -> Tensor:
        """The donors' faces, where the images' own are."""
        own, theirs = (
            plates.largest_part((masks["faces"] > 0).to(images))
            for masks in (context.masks, donors.masks)
        )
        return plates.face_over(images, own, donors.images, theirs)
