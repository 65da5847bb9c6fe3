"""Base class of ablations: image changes of a given dose."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from memlab.ablations import RENAMED_FAMILIES
from memlab.ablations.checks import partial, require_images, require_sizes
from memlab.errors import MemlabError, PluginError
from memlab.masks.expression import Region, mask_of
from memlab.registry import plugin_of, say_renamed
from memlab.roles import CONTROLS, OLD_CONTROLS, Control
from memlab.spec import Specified, required_arguments
from memlab.types import Context, Donors

ROUNDING = 1e-3
"""Largest distance beyond [0, 1] that `require_images` accepts from `Ablation.change`: a quarter of
a grey level, above the rounding error of transforms and filters in single precision."""


class Ablation(Specified, nn.Module, ABC):
    """Base class of ablations, which each remove one property from an image.

    A subclass declares the class variables, takes typed arguments with defaults in its constructor
    (the first argument is the primary dose), and implements `change`. The base class returns the
    input unchanged at dose 0, clamps values to [0, 1], confines the change to the region, and makes
    the round-trip control of a swap unless the subclass sets `one_pass`.

    Args:
        dose: the primary dose, in the unit of the ablation.
        region: `all`, the name of a region, `not NAME`, or `NAME without NAME`. `background` and
            `figures` (all labelled regions) follow from the other masks.

    Raises:
        MemlabError: if the dose lies outside 0 to `maximum`, or the region cannot be parsed.
    """

    family: ClassVar[str]
    """Key of `memlab.ablations.FAMILIES`."""
    unit: str
    """Unit of the dose, printed after the number. An instance may override the unit together with
    `ladder` and `maximum`."""
    dose_name: ClassVar[str] = ""
    """Symbol of the dose in figures: `σ` gives "Blur, σ = 2 % of width"."""
    target: ClassVar[str]
    """Key of `memlab.ablations.statistics.STATISTICS`: the statistic that must fall as the dose
    grows."""
    control: ClassVar[Control]
    """Control of the effect if the whole image is changed."""
    ladder: tuple[float, ...]
    """Doses in increasing order, without 0: at least five, including the default primary dose. An
    ablation without degrees has `maximum` as its only dose."""
    maximum: float
    """Largest valid dose."""
    needs_donors: bool = False
    """Whether the ablation requires `context.donors`."""
    donor_regions: tuple[str, ...] = ()
    """Regions that a donor must have."""
    one_pass: ClassVar[bool] = False
    """Whether `change` makes the round-trip control itself when `context.role` is `round-trip`.
    Swaps by synthesis set this, because two passes would double the artefact."""
    moves: ClassVar[tuple[str, ...]] = ()
    """For third-party ablations, optional: plugin names of white-box models
    (`memlab.validation.white_box`) whose scores the ablation must change by more than the nuisance
    baseline and by at least 0.05 SD. memlab's own are in `memlab.validation.expected`."""
    spares: ClassVar[tuple[str, ...]] = ()
    """For third-party ablations, optional: white-box models whose scores the ablation must not
    change by more than the nuisance baseline. For a swap, the variance share must stay below
    0.00125. Scores of models in neither tuple may change."""
    jitters: ClassVar[bool] = False
    """Whether `within` depends on the draw if `context.jittered`. The weights of a draw must be 0
    wherever the weights without jitter are 0."""
    margin: float = 0.0
    """How far the change extends beyond a region's mask, in % of the width; see `within`."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Read old names of a control or a family, and say so once; refuse an unknown control."""
        super().__init_subclass__(**options)
        origin = f"{cls.__module__}.{cls.__qualname__}"
        kind, family = cls.__dict__.get("control"), cls.__dict__.get("family")
        if kind in OLD_CONTROLS:
            cls.control = OLD_CONTROLS[kind]
            say_renamed(f"{origin}: control {kind}", cls.control)
        elif isinstance(kind, str) and kind not in CONTROLS:
            raise PluginError(f"{origin}: control is {kind!r}; there are {', '.join(CONTROLS)}")
        if family in RENAMED_FAMILIES:
            cls.family = RENAMED_FAMILIES[family]
            say_renamed(f"{origin}: family {family}", cls.family)

    def __init__(self, dose: float, region: str = "all") -> None:
        super().__init__()
        self.dose = self.checked(dose)
        self.region = region
        self.place = Region.parse(region, self.name)

    @functools.cached_property
    def name(self) -> str:
        """Return the plugin name, or the lower-case class name if the class is not registered."""
        plugin = plugin_of(type(self))
        return plugin.name if plugin else type(self).__name__.lower()

    @functools.cached_property
    def usual(self) -> dict[str, Any]:
        """Return the default arguments and region as plain data.

        If the class has required arguments, return only the region.
        """
        if required_arguments(type(self)):
            return {"region": "all"}
        other: Ablation = type(self)()  # type: ignore[call-arg]
        return {**other.spec["init_args"], "region": other.region}

    @property
    def regions(self) -> tuple[str, ...]:
        """Return the regions whose masks an image must have."""
        return self.place.needed

    @property
    def masks_read(self) -> tuple[str, ...]:
        """Return all regions whose masks are read, required or optional."""
        return (*self.regions, *self.place.without, *self.donor_regions)

    @property
    def compared_with(self) -> Control:
        """Return the kind of control for the effect of this instance.

        A change that is confined to a region is compared with matched controls.
        """
        confined = self.place.name != "all" and self.control == "nuisance-baseline"
        return "matched-control" if confined else self.control

    def checked(self, dose: float) -> float:
        """Return the dose, or raise a MemlabError that lists the ladder."""
        if not 0 <= dose <= self.maximum:
            steps = ", ".join(f"{step:g}" for step in self.ladder)
            raise MemlabError(
                f"{self.name}: dose {dose:g} {self.unit} is outside 0 to {self.maximum:g} "
                f"(ladder: {steps})"
            )
        return float(dose)

    def eligible(self, context: Context) -> Tensor:
        """Return which images have everything that the ablation needs: (B,) bool, on the CPU.

        An image is not eligible if the mask of a region is missing, empty or covers the whole
        image, if the image is not annotated for the region or for a region that is cut out of the
        first, or if the image has no donor.
        """
        eligible = context.annotated_for(*self.regions, *self.place.without)
        for region in self.regions:
            mask = mask_of(region, context.masks)
            if mask is None:
                return torch.zeros_like(eligible)
            eligible &= self.usable(mask)
        if self.place.name != "all":
            mask = self.place.mask(context.masks)
            eligible &= torch.zeros_like(eligible) if mask is None else self.usable(mask)
        if self.needs_donors and context.donors is None:
            return torch.zeros_like(eligible)
        return eligible

    def usable(self, mask: Tensor) -> Tensor:
        """Return which masks (B, 1, H, W) of a region allow the change: (B,) bool, on the CPU.

        By default, those that are neither empty nor cover the whole image.
        """
        return partial(mask)

    def absent(self, context: Context) -> Tensor:
        """Return which images are annotated for the region and lack it: (B,) bool, on the CPU.

        Other images that are not eligible have the region, or may have it.
        """
        nowhere = torch.zeros(len(context.ids), dtype=torch.bool)
        mask = None if self.place.name == "all" else self.place.mask(context.masks)
        if mask is None:
            return nowhere
        known = context.annotated_for(*self.regions, *self.place.without)
        return known & ~(mask > 0).flatten(1).any(dim=1).cpu()

    def within(self, context: Context) -> Tensor | None:
        """Return the weight of the change at each pixel: (B, 1, H, W) in [0, 1]; None means 1."""
        if context.where is not None:
            return context.where
        return None if self.place.name == "all" else self.place.mask(context.masks)

    def forward(self, images: Tensor, context: Context, dose: float | None = None) -> Tensor:
        """Change the images.

        Args:
            images: (B, 3, H, W) float in [0, 1]; not changed in place.
            context: ids, seed, draw, role, masks and donors of the same images.
            dose: in the unit of the ablation; the primary dose by default.

        Returns:
            (B, 3, H, W), same dtype and device, in [0, 1]. At dose 0, the input bit for bit.

        Raises:
            MemlabError: if a mask and its image differ in size.
            PluginError: if `change` does not return images in [0, 1]; see `require_images`.
        """
        dose = self.dose if dose is None else self.checked(dose)
        if dose == 0:
            return images
        require_sizes(images, context.masks, context.ids, self.name)
        if context.donors is not None:
            require_sizes(images, context.donors.masks, context.donors.ids, f"{self.name}: donors")
        changed = self._changed(images, context, dose)
        if context.role == "round-trip" and not self.one_pass:
            own = replace(context, donors=self.own_donors(images, context))
            changed = self._changed(changed, own, self.maximum)
        weights = self.within(context)
        return changed if weights is None else self.blended(images, changed, weights)

    def own_donors(self, images: Tensor, context: Context) -> Donors:
        """Return the donors of the way back in the round-trip control: the original images."""
        return Donors(context.ids, images, context.masks)

    def _changed(self, images: Tensor, context: Context, dose: float) -> Tensor:
        raw = self.change(images, context, dose)
        who, how = f"ablation {self.name!r}", f"at dose {dose:g}"
        low, high = require_images(raw, images, context.ids, who, how, ROUNDING)
        # clamping costs a pass over all pixels, and most changes do not need it
        return raw if low >= 0 and high <= 1 else raw.clamp(0, 1)

    def blended(self, images: Tensor, changed: Tensor, weights: Tensor) -> Tensor:
        """Return the changed images where weights (B, 1, H, W) are 1, and the images where 0."""
        return torch.lerp(images, changed, weights)

    @abstractmethod
    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Change whole images by a dose above 0, each image independently of the others.

        Args:
            images: (B, 3, H, W) float in [0, 1]; must not be changed in place.
            context: ids, seed, draw, role, masks and donors of the same images.
            dose: above 0, in the unit of the ablation.

        Returns:
            (B, 3, H, W), same dtype and device, in [0, 1] everywhere, also outside the region. An
            implementation that exceeds this range by design (noise, sharpening) must clamp. The
            caller raises an error for values beyond `ROUNDING`, and mixes the result with the
            unchanged image by the weights of `within`.
        """


def whole(dose: float, ablation: Ablation) -> float:
    """Return the dose, or raise a MemlabError if the dose, a count, is not a whole number."""
    if dose != int(dose):
        steps = ", ".join(f"{step:g}" for step in ablation.ladder)
        raise MemlabError(
            f"{ablation.name}: dose {dose:g} {ablation.unit} is not a whole number "
            f"(ladder: {steps})"
        )
    return dose
