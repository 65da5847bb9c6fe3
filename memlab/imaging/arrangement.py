"""New positions and sizes for an image's figures, and images rearranged accordingly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from memlab.imaging.figures import Figure
from memlab.imaging.plates import empty_plate
from memlab.imaging.push_pull import spread

SMALLER, LARGER = 0.5, 2.0
"""Smallest and largest factor by which a figure's size may change."""
TRIES = 32
"""Random positions of which a figure without counterpart gets the one with the least overlap."""


@dataclass(frozen=True)
class Move:
    """Where a figure goes.

    Args:
        figure: the figure.
        centre: new middle of its bounding box, down and across, shares of height and width.
        scale: factor of its height and width.
    """

    figure: Figure
    centre: tuple[float, float]
    scale: float

    def partly(self, share: float) -> Move:
        """Return the move that goes a share of the way, 0 to 1."""
        down, across = (
            own + share * (new - own)
            for own, new in zip(self.figure.centre, self.centre, strict=True)
        )
        return Move(self.figure, (down, across), self.scale**share)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Return top, bottom, left and right of the new bounding box, shares of the image."""
        (down, across), (height, width) = self.centre, self.figure.size
        half, side = self.scale * height / 2, self.scale * width / 2
        return down - half, down + half, across - side, across + side


def moves(
    own: Sequence[Figure], theirs: Sequence[Figure], generator: torch.Generator
) -> list[Move]:
    """Return where the figures of an image go: to the places of the donor's figures.

    The largest figure of each kind takes position and area of the donor's largest figure of that
    kind, and so on. A figure without counterpart keeps its size and takes the position, of some
    random ones, at which it overlaps the other figures least. No figure leaves the image.

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
            ratio = (other.size[0] * other.size[1]) / (figure.size[0] * figure.size[1])
            found[index] = placed(figure, other.centre, min(LARGER, max(SMALLER, ratio**0.5)))
    for index, figure in enumerate(own):
        if index not in found:
            places = torch.rand(TRIES, 2, generator=generator).tolist()
            tries = [placed(figure, (down, across), 1.0) for down, across in places]
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
    it, whose pixels mix figure and ground.

    Args:
        images: (B, 3, H, W) in [0, 1].
        all_moves: the moves of each image's figures.
        generators: CPU generators of the grain of filled ground, one per image.
        back: whether to return the figures to their own places afterwards. They lose the same
            sharpness twice, and the ground at the places where they were meanwhile is filled.

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
        layer = torch.cat([spread(images[index], mask), mask], dim=1)
        there = warped(layer, *maps(some, layer))
        stayed[index] = stayed[index] * (1 - mask)
        if back:
            stayed[index] = stayed[index] * (there[:, 3:] < 0.5)
            there = warped(there, *maps(some, layer, inverse=True))
        layers.append((index, there))
    if not layers:
        return images
    # if the figures cover the image, before or after, there is no ground to continue
    free = stayed.amax(dim=(1, 2, 3), keepdim=True) > 0
    some_moved = free & (stayed.amin(dim=(1, 2, 3), keepdim=True) == 0)
    plate = empty_plate(images, stayed, generators).clamp(0, 1)
    changed = torch.where(some_moved, plate, images)
    for index, layer in layers:
        changed[index] = torch.lerp(changed[index], layer[:, :3], layer[:, 3:])
    return changed


def placed(figure: Figure, centre: tuple[float, float], scale: float) -> Move:
    """Return the move with the centre shifted so that the figure stays inside the image."""
    scale = min(scale, *(max(1.0, 1 / side) for side in figure.size))
    inside = []
    for middle, side in zip(centre, figure.size, strict=True):
        half = min(0.5, scale * side / 2)
        inside.append(min(1 - half, max(half, middle)))
    return Move(figure, (inside[0], inside[1]), scale)


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    down = min(one[1], other[1]) - max(one[0], other[0])
    across = min(one[3], other[3]) - max(one[2], other[2])
    return max(0.0, down) * max(0.0, across)


def maps(some: Sequence[Move], like: Tensor, inverse: bool = False) -> tuple[Tensor, Tensor]:
    """Return scale (b,) and shift (b, 2), in pixels, from positions in the result to the source."""
    sides = torch.tensor(like.shape[-2:], dtype=torch.float64)
    scale = torch.tensor([move.scale for move in some], dtype=torch.float64)
    old = torch.tensor([move.figure.centre for move in some], dtype=torch.float64) * sides
    new = torch.tensor([move.centre for move in some], dtype=torch.float64) * sides
    # without a change of size, whole pixels: nothing is blurred
    new = torch.where((scale == 1)[:, None], old + (new - old).round(), new)
    if inverse:
        old, new, scale = new, old, 1 / scale
    return (1 / scale).to(like), (old - new / scale[:, None]).to(like)


def warped(layer: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Return layers (b, 4, H, W) of colour and cover, read at the positions of `maps`."""
    height, width = layer.shape[-2:]
    axes = []
    for axis, side in ((0, height), (1, width)):
        place = torch.arange(side, device=layer.device).to(layer) + 0.5
        source = scale[:, None] * place + shift[:, axis, None]
        axes.append(2 * source / side - 1)
    down, across = axes
    shape = (len(layer), height, width)
    grid = torch.stack([across[:, None, :].expand(shape), down[:, :, None].expand(shape)], dim=-1)
    colour = grid_sample(layer[:, :3], grid, padding_mode="border", align_corners=False)
    cover = grid_sample(layer[:, 3:], grid, align_corners=False)
    return torch.cat([colour, cover], dim=1)
