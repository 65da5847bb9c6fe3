"""Images rendered again with one cause changed and all others as they were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, Dataset

from memlab.data.dataset import collate, to_float
from memlab.data.geometry import Geometry
from memlab.stats.measures import Array
from memlab.synthetic import PRESENCE, Latents, World, removed, render, resampled
from memlab.types import Batch, Sample

Kind = Literal["removal", "insertion", "swap"]
"""Taken out (or made neutral), put in where it was absent, or drawn anew."""

_FAMILIES = {
    **dict.fromkeys(PRESENCE, "region"),
    **dict.fromkeys(("skin", "palette", "saturation"), "colour"),
    **dict.fromkeys(("slope", "blur"), "frequency"),
    **dict.fromkeys(("texture", "layout"), "texture"),
    "contrast": "contrast",
}


class Change(NamedTuple):
    """One way to re-render an image: what is done to which feature, for which time."""

    feature: str
    kind: Kind
    draw: int

    def applied(self, latents: Latents, world: World) -> Latents:
        """The causes after the change."""
        if self.kind == "removal":
            return removed(latents, self.feature)
        present = True if self.feature in PRESENCE else None
        return resampled(latents, self.feature, world, self.draw, present)


def changes(latents: Latents, features: Sequence[str], draws: int) -> Iterator[Change]:
    """The changes that an image is eligible for."""
    for feature in features:
        kinds: tuple[Kind, ...] = ("removal", "swap")
        if feature in PRESENCE and getattr(latents, feature) is None:
            kinds = ("insertion",)
        for kind in kinds:
            yield from (
                Change(feature, kind, draw) for draw in range(1 if kind == "removal" else draws)
            )


class Rendered(Dataset[Sample]):
    """Images rendered when their batch is due, and then forgotten.

    Each has masks of its own, for it is an image of its own.

    Args:
        scenes: the causes of the unchanged images.
        plan: number of the image, and what is changed; None for the image as it is.
        world: where new values come from.
        size: side in pixels that they are rendered at.
        geometry: how they come to the model's size, as files do.
        regions: of the masks that are wanted.
    """

    def __init__(
        self,
        scenes: Sequence[Latents],
        plan: Sequence[tuple[int, Change | None]],
        world: World,
        size: int,
        geometry: Geometry,
        regions: tuple[str, ...],
    ) -> None:
        self.scenes, self.plan, self.world = scenes, plan, world
        self.size, self.geometry, self.regions = size, geometry, regions

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, place: int) -> Sample:
        index, change = self.plan[place]
        latents = self.scenes[index]
        drawn = latents if change is None else change.applied(latents, self.world)
        scene = render(drawn, self.size)
        return Sample(
            index=place,
            id=name_of(latents),
            image=self.geometry.image(torch.from_numpy(scene.image).permute(2, 0, 1)),
            score=float("nan"),
            masks={
                region: self.geometry.mask(torch.from_numpy(scene.masks[region])[None].byte())
                for region in self.regions
                if region in scene.masks
            },
            error="",
        )

    def batches(self, batch_size: int = 32, num_workers: int = 0) -> Iterator[Batch]:
        """Yield batches with float images in [0, 1], as they would be read from a folder."""
        for batch in DataLoader(
            self, batch_size=batch_size, num_workers=num_workers, collate_fn=collate
        ):
            yield to_float(batch)


def name_of(latents: Latents) -> str:
    """The id of an image, as `memlab.synthetic.write` gives it."""
    return f"images/{latents.index:06d}.png"


class Rerendered:
    """Predictions of the images that one feature was changed in.

    Args:
        feature: its name.
        world: what the images are like.
        rows: one row per unchanged image, with its prediction and features.
        found: prediction of every image and change.
        draws: how many other values each image got.
    """

    def __init__(
        self,
        feature: str,
        world: World,
        rows: pd.DataFrame,
        found: Mapping[tuple[int, Change | None], float],
        draws: int,
    ) -> None:
        self.feature, self.rows = feature, rows
        self.kind = "presence" if feature in PRESENCE else "value"
        self.clean = rows["predicted"].to_numpy(dtype=float)
        n = len(rows)
        self.has = rows[feature].to_numpy() == 1 if feature in PRESENCE else np.full(n, True)
        self.rate = world.rate(feature) if feature in PRESENCE else 1.0

        def changed(kind: Kind, count: int) -> Array:
            keys = [[(index, Change(feature, kind, k)) for k in range(count)] for index in range(n)]
            return np.array([[found.get(key, np.nan) for key in some] for some in keys])

        # (n, draws), NaN where the image is not eligible
        self.removal, self.swap = changed("removal", 1), changed("swap", draws)
        self.insertion = changed("insertion", draws)

    def moved(self) -> Array:
        """Squared change of each prediction, its mean over the feature's marginal: (n,)."""
        out, other, into = (
            ((values - self.clean[:, None]) ** 2).mean(axis=1)
            for values in (self.removal, self.swap, self.insertion)
        )
        if self.kind == "value":
            return np.asarray(other)
        drawn = self.rate * np.where(self.has, other, into)
        return np.asarray(drawn + np.where(self.has, (1 - self.rate) * out, 0.0))

    def conditions(self) -> Iterator[pd.DataFrame]:
        """The rows of `conditions.csv`, one condition and draw at a time.

        What a re-rendering is compared with is a rendering without a change, which gives the
        image itself: as its control (two draws, for their variance is asked for), and as the way
        there and back of a swap. So quantities that subtract these subtract 0.
        """
        itself = self.clean[:, None]
        ways = [
            ("rerender", "target", self.has, self.removal),
            ("rerender", "control", self.has, itself.repeat(2, axis=1)),
            ("rerender", "swap", self.has, self.swap),
            ("rerender", "there-and-back", self.has, itself.repeat(self.swap.shape[1], axis=1)),
        ]
        if self.kind == "presence":
            ways += [
                ("rerender-insert", "target", ~self.has, self.insertion),
                ("rerender-insert", "control", ~self.has, itself.repeat(2, axis=1)),
            ]
        for verb, role, eligible, predicted in ways:
            name = f"{verb}-{self.feature}"
            for draw, values in enumerate(predicted.T):
                yield pd.DataFrame(
                    {
                        "condition": name if role == "target" else f"{name}:{role}",
                        "draw": draw,
                        "index": self.rows["index"],
                        "id": self.rows["id"],
                        "eligible": eligible,
                        "donor": pd.Series([None] * len(values), dtype="string"),
                        "predicted": np.where(eligible, values, np.nan),
                        "ablation": name,
                        "family": "insertion" if "insert" in verb else _FAMILIES[self.feature],
                        "region": "all",
                        "fill": None,
                        "dose": 1.0,
                        "unit": "re-rendered",
                        "role": role,
                    }
                )
