"""New positions for an image's figures, and images rearranged accordingly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from memlab.imaging.blur import blur_variance, gaussian
from memlab.imaging.drawing import drawn
from memlab.imaging.figures import Figure
from memlab.imaging.insertion import without_ground
from memlab.imaging.morphology import feathered, pixels_of
from memlab.imaging.plates import EDGE, empty_plate

TRIES = 32
"""Random positions of which a figure without counterpart gets the one with the least overlap."""


@dataclass(frozen=True)
class Move:
    """Where a figure goes.

    Args:
        figure: the figure.
        centre: new middle of its bounding box, down and across, shares of height and width.
    """

    figure: Figure
    centre: tuple[float, float]

    def partly(self, share: float) -> Move:
        """Return the move that goes a share of the way, 0 to 1."""
        down, across = (
            own + share * (new - own)
            for own, new in zip(self.figure.centre, self.centre, strict=True)
        )
        return Move(self.figure, (down, across))

    def drawn(self, layer: Tensor) -> Tensor:
        """Return a layer (4, H, W) of colour and cover with the figure at its new place."""
        return drawn(layer, self.figure, self.centre)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Return top, bottom, left and right of the new bounding box, shares of the image."""
        (down, across), (height, width) = self.centre, self.figure.size
        return down - height / 2, down + height / 2, across - width / 2, across + width / 2


def moves(
    own: Sequence[Figure], theirs: Sequence[Figure], generator: torch.Generator
) -> list[Move]:
    """Return where the figures of an image go: to the places of the donor's figures.

    The largest figure of each kind takes the position of the donor's largest figure of that kind,
    and so on. A figure without counterpart takes the position, of some random ones, at which it
    overlaps the other figures least. No figure leaves the image.

    Args:
        own: figures of the image, the largest first.
        theirs: figures of the donor, the largest first.
        generator: for random positions, on the CPU.

    Returns:
        One move per figure, in the order of `own`.
    """
    left = list(theirs)
    found: dict[int, Move] = {}
    for index, figure in enumerate(own):
        other = next((one for one in left if one.kind == figure.kind), None)
        if other is not None:
            left = [one for one in left if one is not other]
            found[index] = placed(figure, other.centre)
    for index, figure in enumerate(own):
        if index not in found:
            places = torch.rand(TRIES, 2, generator=generator).tolist()
            tries = [placed(figure, (down, across)) for down, across in places]
            taken = [move.box for move in found.values()]
            costs = [sum(_overlap(one.box, box) for box in taken) for one in tries]
            found[index] = tries[costs.index(min(costs))]
    return [found[index] for index in range(len(own))]


def rearranged(
    images: Tensor,
    all_moves: Sequence[Sequence[Move]],
    generators: Sequence[torch.Generator],
    back: bool = False,
) -> Tensor:
    """Return images with their figures moved, the largest drawn first.

    The ground that a figure leaves is filled as in `plates.empty_plate`, and so is a strip around
    it, whose pixels mix figure and ground. In a blurred image, edges of figures and filled ground
    are as blurred as the image.

    Args:
        images: (B, 3, H, W) in [0, 1].
        all_moves: the moves of each image's figures.
        generators: CPU generators of the grain of filled ground, one per image.
        back: whether the figures stay, and only the ground at their own places and at the new
            ones is filled.

    Returns:
        (B, 3, H, W). An image without figures stays unchanged.
    """
    stayed = torch.ones_like(images[:, :1])
    layers = []
    for step in range(max((len(some) for some in all_moves), default=0)):
        having = [image for image, some in enumerate(all_moves) if len(some) > step]
        index = torch.tensor(having, device=images.device)
        some = [all_moves[image][step] for image in having]
        mask = torch.stack([torch.from_numpy(move.figure.mask) for move in some])[:, None]
        mask = mask.to(images)
        cut = torch.cat([without_ground(images[index], mask), mask], dim=1)
        there = torch.stack([move.drawn(layer) for move, layer in zip(some, cut, strict=True)])
        stayed[index] = stayed[index] * (1 - mask)
        if back:
            stayed[index] = stayed[index] * (there[:, 3:] < 0.5)
            there = cut
        layers.append((index, there))
    if not layers:
        return images
    # if the figures cover the image, before or after, there is no ground to continue
    free = stayed.amax(dim=(1, 2, 3), keepdim=True) > 0
    some_moved = free & (stayed.amin(dim=(1, 2, 3), keepdim=True) == 0)
    plate = empty_plate(images, stayed, generators).clamp(0, 1)
    blur = blur_variance(images).nan_to_num(0)
    # grain and border of filled ground are as blurred as the image
    filled = feathered(1 - stayed, 2 * pixels_of(EDGE, images.shape[-1]) or 1)
    plate = torch.lerp(plate, gaussian(plate, blur), filled)
    changed = torch.where(some_moved, plate, images)
    for index, layer in layers:
        cover = gaussian(layer[:, 3:], blur[index])
        changed[index] = torch.lerp(changed[index], layer[:, :3], cover)
    return changed


def placed(figure: Figure, centre: tuple[float, float]) -> Move:
    """Return the move with the centre shifted so that the figure stays inside the image."""
    inside = []
    for middle, side in zip(centre, figure.size, strict=True):
        inside.append(min(1 - side / 2, max(side / 2, middle)))
    return Move(figure, (inside[0], inside[1]))


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    down = min(one[1], other[1]) - max(one[0], other[0])
    across = min(one[3], other[3]) - max(one[2], other[2])
    return max(0.0, down) * max(0.0, across)
