"""What an ablation is: one way to take something out of an image, by a dose."""

from __future__ import annotations

import functools
import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from memlab.errors import MemlabError, PluginError
from memlab.masks.expression import Region, mask_of
from memlab.registry import plugin_of
from memlab.spec import Specified
from memlab.types import Context, Donors

Control = Literal["placed", "windows", "patch", "there-and-back", "floor"]
"""What an effect is compared with: the same change placed elsewhere, windows elsewhere, a neutral
patch, a swap there and back, or the floor of nuisance changes. Another kind of change is never
subtracted."""

ROUNDING = 1e-3
"""How far beyond [0, 1] `Ablation.change` may go before it counts as wrong: a quarter of a grey
level, above the rounding of transforms and filters in single precision."""


class Ablation(Specified, nn.Module, ABC):
    """One way to take something out of an image.

    A subclass declares the class variables, takes typed arguments with defaults in its constructor
    (the first is the primary dose), and implements `change`. The base class sees to the rest: dose
    0 returns the input bit for bit, values stay in [0, 1], a region confines the change, and a swap
    goes there and back, unless it makes that itself (`one_pass`).

    Args:
        dose: the primary dose, in the natural unit of the ablation.
        region: `all`, the name of a region, `not NAME`, or `NAME without NAME`.

    Raises:
        MemlabError: if the dose lies outside 0 to `maximum`, or the region cannot be read.
    """

    family: ClassVar[str]
    """One of `memlab.ablations.FAMILIES`."""
    unit: str
    """Unit of the dose, as printed behind it; an object may have another than its class, with a
    ladder and a maximum in it."""
    target: ClassVar[str]
    """Name in `memlab.ablations.statistics.STATISTICS` of what must fall as the dose grows."""
    control: ClassVar[Control]
    """What the effect is compared with, where the whole image is changed."""
    ladder: tuple[float, ...]
    """At least five doses, growing, without 0, the default primary dose among them; or the maximum
    alone, for a change that is made or not."""
    maximum: float
    """The largest dose that means something."""
    needs_donors: bool = False
    """Whether `context.donors` must be there."""
    donor_regions: tuple[str, ...] = ()
    """Regions that a donor must have."""
    one_pass: ClassVar[bool] = False
    """Whether `change` itself makes the way there and back, where `context.role` says so: for swaps
    by synthesis, since going twice would leave twice the artefact."""
    moves: ClassVar[tuple[str, ...]] = ()
    """White-box models (`memlab.validation.white_box`) whose scores it must move, by plugin name:
    by more than the nuisance baseline, and by at least 0.05 SD."""
    spares: ClassVar[tuple[str, ...]] = ()
    """Closed-form models whose scores it must not move beyond that floor (a swap: by a T of 0.00125
    or more). Those in neither may move."""
    same_as: ClassVar[str | None] = None
    """Name of another ablation that makes the same change where no argument is given: `all` and
    families then run that one alone, so that no question is asked, and corrected for, twice. Holds
    for the class that says so, not for its subclasses."""
    margin: float = 0.0
    """How far beyond a region's mask the change reaches, in % of the width; see `within`."""

    def __init__(self, dose: float, region: str = "all") -> None:
        super().__init__()
        self.dose = self.checked(dose)
        self.region = region
        self.place = Region.parse(region, self.name)

    @functools.cached_property
    def name(self) -> str:
        """The plugin's name, or the class's where it is not registered."""
        plugin = plugin_of(type(self))
        return plugin.name if plugin else type(self).__name__.lower()

    @functools.cached_property
    def usual(self) -> dict[str, Any]:
        """Arguments and region where none is given, as plain data.

        Of a class that cannot do without, the region alone.
        """
        parameters = inspect.signature(type(self)).parameters.values()
        variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        if any(one.default is one.empty and one.kind not in variable for one in parameters):
            return {"region": "all"}
        other: Ablation = type(self)()  # type: ignore[call-arg]
        return {**other.spec["init_args"], "region": other.region}

    @property
    def regions(self) -> tuple[str, ...]:
        """Regions of which an image must have masks."""
        return self.place.needed

    @property
    def masks_read(self) -> tuple[str, ...]:
        """Regions whose masks are read where there are any, those that must be there included."""
        return (*self.regions, *self.place.without, *self.donor_regions)

    @property
    def compared_with(self) -> Control:
        """What the effect of this object is compared with.

        A change confined to a region is compared with the same change placed elsewhere.
        """
        confined = self.place.name != "all" and self.control == "floor"
        return "placed" if confined else self.control

    def checked(self, dose: float) -> float:
        """The dose itself, or a MemlabError that shows the ladder."""
        if not 0 <= dose <= self.maximum:
            steps = ", ".join(f"{step:g}" for step in self.ladder)
            raise MemlabError(
                f"{self.name}: dose {dose:g} {self.unit} is outside 0 to {self.maximum:g} "
                f"(ladder: {steps})"
            )
        return float(dose)

    def eligible(self, context: Context) -> Tensor:
        """Which images have what the ablation needs: (B,) bool, on the CPU.

        An image is not eligible where the mask of a region is missing, empty or the whole image,
        where nobody looked for the region or for one that is cut out of it, or where there is no
        donor.
        """
        eligible = context.looked_for(*self.regions, *self.place.without)
        for region in self.regions:
            mask = mask_of(region, context.masks)
            if mask is None:
                return torch.zeros_like(eligible)
            eligible &= partial(mask)
        if self.place.name != "all":
            mask = self.place.mask(context.masks)
            eligible &= torch.zeros_like(eligible) if mask is None else partial(mask)
        if self.needs_donors and context.donors is None:
            return torch.zeros_like(eligible)
        return eligible

    def absent(self, context: Context) -> Tensor:
        """Which images are annotated for the region and lack it: (B,) bool, on the CPU.

        Other images that are not eligible have the region, or may have it.
        """
        nowhere = torch.zeros(len(context.ids), dtype=torch.bool)
        mask = None if self.place.name == "all" else self.place.mask(context.masks)
        if mask is None:
            return nowhere
        known = context.looked_for(*self.regions, *self.place.without)
        return known & ~(mask > 0).flatten(1).any(dim=1).cpu()

    def within(self, context: Context) -> Tensor | None:
        """How much of the change each pixel gets: (B, 1, H, W) in [0, 1]; None for all of it."""
        if context.where is not None:
            return context.where
        return None if self.place.name == "all" else self.place.mask(context.masks)

    def forward(self, images: Tensor, context: Context, dose: float | None = None) -> Tensor:
        """Change the images.

        Args:
            images: (B, 3, H, W) float in [0, 1]; left as they are.
            context: ids, seed, draw, role, masks and donors of the same images.
            dose: in the ablation's unit; the primary dose by default.

        Returns:
            (B, 3, H, W), same dtype and device, in [0, 1]; at dose 0 the input bit for bit.

        Raises:
            MemlabError: if a mask has another size than the image.
            PluginError: if `change` returns no images in [0, 1]; see `require_images`.
        """
        dose = self.dose if dose is None else self.checked(dose)
        if dose == 0:
            return images
        require_sizes(images, context.masks, context.ids, self.name)
        if context.donors is not None:
            require_sizes(images, context.donors.masks, context.donors.ids, f"{self.name}: donors")
        changed = self._changed(images, context, dose)
        if context.role == "there-and-back" and not self.one_pass:
            own = replace(context, donors=self.own_donors(images, context))
            changed = self._changed(changed, own, self.maximum)
        return changed

    def own_donors(self, images: Tensor, context: Context) -> Donors:
        """The images themselves, as what lends on the way back; the context has the donors."""
        return Donors(context.ids, images, context.masks)

    def _changed(self, images: Tensor, context: Context, dose: float) -> Tensor:
        raw = self.change(images, context, dose)
        who, how = f"ablation {self.name!r}", f"at dose {dose:g}"
        low, high = require_images(raw, images, context.ids, who, how, ROUNDING)
        # a pass over all pixels, which most changes do not need
        changed = raw if low >= 0 and high <= 1 else raw.clamp(0, 1)
        weights = self.within(context)
        return changed if weights is None else torch.lerp(images, changed, weights)

    @abstractmethod
    def change(self, images: Tensor, context: Context, dose: float) -> Tensor:
        """Change whole images by a dose above 0, each independently of the others.

        Args:
            images: (B, 3, H, W) float in [0, 1]; must not be changed in place.
            context: ids, seed, draw, role, masks and donors of the same images.
            dose: above 0, in the ablation's unit.

        Returns:
            (B, 3, H, W), same dtype and device, in [0, 1] everywhere, outside a region too: what
            goes beyond by design (noise, sharpening) is clamped here. The caller refuses the rest,
            but for `ROUNDING`, and mixes it with the unchanged image by `within`.
        """


def require_images(
    changed: Any, images: Tensor, ids: Sequence[str], who: str, how: str, slack: float
) -> tuple[float, float]:
    """Check that changed images have the shape, type and range of the unchanged ones.

    Args:
        changed: what somebody returned.
        images: (B, 3, H, W) in [0, 1], the unchanged ones.
        ids: of the images.
        who: returned them.
        how: they were changed.
        slack: how far beyond [0, 1] a value may lie.

    Returns:
        The lowest and the highest value.

    Raises:
        PluginError: in a line that names the first bad image.
    """
    if not isinstance(changed, Tensor):
        kind = type(changed).__name__
        raise PluginError(f"{who} returned {kind}, not images (image {ids[0]})")
    kinds = [(one.dtype, one.device) for one in (changed, images)]
    if changed.shape != images.shape or kinds[0] != kinds[1]:
        found, wanted = (
            f"{tuple(one.shape)} {str(one.dtype).removeprefix('torch.')} on {one.device}"
            for one in (changed, images)
        )
        raise PluginError(f"{who} returned {found}, not {wanted} (image {ids[0]})")
    low, high = (float(value) for value in changed.aminmax())  # NaN compares as bad
    if not (low >= -slack and high <= 1 + slack):
        inside = ((changed >= -slack) & (changed <= 1 + slack)).flatten(1).all(dim=1)
        place = int((~inside).nonzero()[0])
        one = changed[place]
        what = "NaN" if one.isnan().any() else f"{one.min():g} to {one.max():g}"
        raise PluginError(
            f"{who} returned values outside [0, 1] ({what}) for image {ids[place]} {how}"
        )
    return low, high


def require_sizes(
    images: Tensor, masks: Mapping[str, Tensor], ids: Sequence[str], asker: str
) -> None:
    """See that there is a mask of the images' size for each of them.

    Args:
        images: (B, 3, H, W).
        masks: region to (B, 1, H, W).
        ids: of the images.
        asker: who says so.

    Raises:
        MemlabError: in a line that names the region, an image and both sizes.
    """
    count, height, width = len(images), *images.shape[-2:]
    for region, mask in masks.items():
        if mask.shape[-2:] != (height, width):
            raise MemlabError(
                f"{asker}: the mask of {region!r} is {mask.shape[-1]} × {mask.shape[-2]} "
                f"pixels, the image {ids[0]} is {width} × {height}; "
                "give masks of the image's size"
            )
        if mask.shape != (count, 1, height, width):
            raise MemlabError(
                f"{asker}: masks of {region!r} are {tuple(mask.shape)}; give one an image, "
                f"{(count, 1, height, width)}"
            )


def whole(dose: float, ablation: Ablation) -> float:
    """The dose itself, or a MemlabError if it is not a whole number: for doses that are counts."""
    if dose != int(dose):
        steps = ", ".join(f"{step:g}" for step in ablation.ladder)
        raise MemlabError(
            f"{ablation.name}: dose {dose:g} {ablation.unit} is not a whole number "
            f"(ladder: {steps})"
        )
    return dose


def partial(mask: Tensor) -> Tensor:
    """Which masks (B, 1, H, W) are neither empty nor the whole image: (B,) bool, on the CPU."""
    inside = (mask > 0).flatten(1)
    return (inside.any(dim=1) & ~inside.all(dim=1)).cpu()
