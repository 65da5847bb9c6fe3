"""Insertion: adds a region that an image lacks."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from memlab.ablations.base import Ablation
from memlab.ablations.eligibility import Reason
from memlab.ablations.labelled import labelled
from memlab.errors import MemlabError
from memlab.imaging.blur import blur_variance, difference, gaussian
from memlab.imaging.figures import gap_of
from memlab.imaging.fills import filled
from memlab.imaging.insertion import whole_figures, without_ground
from memlab.imaging.morphology import feathered, pixels_of
from memlab.imaging.shifts import nearest_free, shifted
from memlab.masks.expression import Region
from memlab.types import Context, Donors

Pasted = Literal["faces", "people", "objects", "text"]
_APART = {"people": ("faces",), "objects": ("people",)}
"""Regions that are no part of what is pasted, as in the removals of the same name."""


class Paste(Ablation):
    """Ablation that pastes a donor's face, person, object or text into images that have none.

    Complete figures are pasted: those that neither the frame nor another region cuts off. They keep
    the size and the position that they have in the donor image if they cover no labelled region
    there, and otherwise move to the nearest position where they cover none; if all figures of the
    donor do not fit, the largest is pasted alone. Pixels at a figure's edge, which show the donor's
    ground, are replaced by the figure's own colours. Figure and edge are made as blurred as the
    image. People are pasted without faces, so only people whose face is not visible are. The
    control fills the same shape at the same position from the pixels around it, with noise that
    differs between draws.

    Args:
        amount: opacity of the pasted region, 0 to 1.
        what: the region to paste: faces, people, objects or text.
        margin: how far around the region its edge fades out, in % of the width.
    """

    family = "insertion"
    unit = "of opacity"
    target = "likeness"
    control = "patch"
    ladder = (0.2, 0.4, 0.6, 0.8, 1.0)
    maximum = 1.0
    needs_donors = True

    def __init__(self, amount: float = 1.0, what: Pasted = "faces", margin: float = 1.0) -> None:
        super().__init__(dose=amount)
        if not 0 <= margin <= 25:
            raise MemlabError(f"{self.name}: margin {margin:g} % of the width is outside 0 to 25")
        self.what = what
        self.margin = margin
        self.apart = _APART.get(what, ())
        self.donor_regions = (what,)

    @property
    def regions(self) -> tuple[str, ...]:
        """Return the pasted region, whose masks tell which images lack it."""
        return (self.what,)

    def eligible(self, context: Context) -> Tensor:
        """Return which images lack the region and can be given it: (B,) bool, on the CPU.

        An image that is not annotated may have the region, so it is not eligible.
        """
        return torch.tensor([reason is None for reason in self.reasons(context)])

    def reasons(self, context: Context) -> list[Reason | None]:
        """Return why the region cannot be pasted into each image; None if it can.

        `present`: the image has the region. `no donor`: the donor has no complete figure. `no
        room`: the figure does not fit beside the labelled regions of the image.
        """
        count, own = len(context.ids), self._own(context)
        donors = context.donors
        known = context.annotated_for(self.what, *self.apart)
        if own is None:
            return ["not annotated"] * count
        has = (own > 0).flatten(1).any(dim=1).cpu()
        if donors is None or self.what not in donors.masks:
            figures = fits = torch.zeros(count, dtype=torch.bool)
        else:
            figure, _, fits = self._placed(context, donors)
            figures, fits = figure.flatten(1).any(dim=1).cpu(), fits.cpu()
        found: list[Reason | None] = []
        for place in range(count):
            reason: Reason | None = None
            if not known[place]:
                reason = "not annotated"
            elif has[place]:
                reason = "present"
            elif not figures[place]:
                reason = "no donor"
            elif not fits[place]:
                reason = "no room"
            found.append(reason)
        return found

    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Paste with opacity `dose`."""
        donors = context.donors
        if donors is None or self.what not in donors.masks:
            raise MemlabError(f"{self.name}: needs donors with masks of {self.what!r}")
        figure, shifts, _ = self._placed(context, donors)
        figure = figure.to(images)
        weights = shifted(self._feathered(figure), shifts)
        blur = blur_variance(images)
        if context.role == "control":
            drawn = context.generators(f"{self.name} patch")
            pasted = filled("harmonic", images, (weights > 0).to(images), drawn)
        else:
            given = donors.images.to(images)
            given = gaussian(given, difference(blur_variance(given), blur))
            pasted = shifted(without_ground(given, figure), shifts)
        weights = gaussian(weights, blur.nan_to_num(0))
        return torch.lerp(images, pasted, dose * weights).clamp(0, 1)  # noise may exceed the range

    def _own(self, context: Context) -> Tensor | None:
        return Region(self.what, without=self.apart).mask(context.masks)

    def _feathered(self, figure: Tensor) -> Tensor:
        return feathered(figure, pixels_of(self.margin, figure.shape[-1]))

    def _placed(self, context: Context, donors: Donors) -> tuple[Tensor, Tensor, Tensor]:
        """Return the pasted figures in the donors, their shifts, and whether they fit.

        The figures are (B, 1, H, W) of 0 and 1, the shifts (B, 2), and the last (B,) bool.
        """
        others = {
            name: mask
            for name, mask in donors.masks.items()
            if name not in (self.what, "background")
        }
        joined = gap_of(self.what)
        every, largest = whole_figures(donors.masks[self.what], others, self.apart, joined)
        taken = labelled(context, every.float())
        shifts, fits = nearest_free((self._feathered(every.float()) > 0).float(), taken)
        one_shift, one_fits = nearest_free((self._feathered(largest.float()) > 0).float(), taken)
        figure = torch.where(fits[:, None, None, None], every, largest)
        return figure, torch.where(fits[:, None], shifts, one_shift), fits | one_fits
