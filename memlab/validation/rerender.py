"""Re-rendering of images with one cause changed and all others kept."""

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
"""Kind of change: the cause is removed (or neutral), added where it was absent, or drawn anew."""

_FAMILIES = {
    **dict.fromkeys(PRESENCE, "region"),
    **dict.fromkeys(("skin", "palette", "saturation"), "colour"),
    **dict.fromkeys(("slope", "blur"), "frequency"),
    **dict.fromkeys(("texture", "layout"), "texture"),
    "contrast": "contrast",
}


class Change(NamedTuple):
    """One way to re-render an image: the kind, the feature, and the number of the draw."""

    feature: str
    kind: Kind
    draw: int

    def applied(self, latents: Latents, world: World) -> Latents:
        """Return the causes after the change."""
        if self.kind == "removal":
            return removed(latents, self.feature)
        present = True if self.feature in PRESENCE else None
        return resampled(latents, self.feature, world, self.draw, present)


def changes(latents: Latents, features: Sequence[str], draws: int) -> Iterator[Change]:
    """Yield the changes that an image is eligible for."""
    for feature in features:
        kinds: tuple[Kind, ...] = ("removal", "swap")
        if feature in PRESENCE and getattr(latents, feature) is None:
            kinds = ("insertion",)
        for kind in kinds:
            yield from (
                Change(feature, kind, draw) for draw in range(1 if kind == "removal" else draws)
            )


class Rendered(Dataset[Sample]):
    """Data set of images that are rendered when their batch is due, and not kept.

    Each re-rendered image has its own masks.

    Args:
        originals: the causes of the unchanged images.
        plan: index of the image, and the change; None for the unchanged image.
        world: world that new values come from.
        size: side in pixels of the rendering.
        geometry: mapping to the model's size, as for files.
        regions: regions whose masks are needed.
    """

    def __init__(
        self,
        originals: Sequence[Latents],
        plan: Sequence[tuple[int, Change | None]],
        world: World,
        size: int,
        geometry: Geometry,
        regions: tuple[str, ...],
    ) -> None:
        self.originals, self.plan, self.world = originals, plan, world
        self.size, self.geometry, self.regions = size, geometry, regions

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, item: int) -> Sample:
        index, change = self.plan[item]
        latents = self.originals[index]
        drawn = latents if change is None else change.applied(latents, self.world)
        rendered = render(drawn, self.size)
        return Sample(
            index=item,
            id=name_of(latents),
            image=self.geometry.image(torch.from_numpy(rendered.image).permute(2, 0, 1)),
            score=float("nan"),
            masks={
                region: self.geometry.mask(torch.from_numpy(rendered.masks[region])[None].byte())
                for region in self.regions
                if region in rendered.masks
            },
            error="",
        )

    def batches(self, batch_size: int = 32, num_workers: int = 0) -> Iterator[Batch]:
        """Yield batches with float images in [0, 1], in the same form as images from a folder."""
        for batch in DataLoader(
            self, batch_size=batch_size, num_workers=num_workers, collate_fn=collate
        ):
            yield to_float(batch)


def name_of(latents: Latents) -> str:
    """Return the id of an image, as `memlab.synthetic.write` gives it."""
    return f"images/{latents.index:06d}.png"


class Rerendered:
    """Predictions of images in which one feature was changed.

    Args:
        feature: name of the feature.
        world: world of the images.
        rows: one row per unchanged image, with its prediction and features.
        found: prediction of every image and change.
        draws: number of new values per image.
    """

    def __init__(
        self,
        feature: str,
        world: World,
        rows: pd.DataFrame,
        predicted: Mapping[tuple[int, Change | None], float],
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
            return np.array(
                [[predicted.get(key, np.nan) for key in draw_keys] for draw_keys in keys]
            )

        # (n, draws), NaN where the image is not eligible
        self.removal, self.swap = changed("removal", 1), changed("swap", draws)
        self.insertion = changed("insertion", draws)

    def moved(self) -> Array:
        """Return squared changes of the predictions, averaged over the feature's marginal: (n,)."""
        out, swapped, into = (
            ((values - self.clean[:, None]) ** 2).mean(axis=1)
            for values in (self.removal, self.swap, self.insertion)
        )
        if self.kind == "value":
            return np.asarray(swapped)
        drawn = self.rate * np.where(self.has, swapped, into)
        return np.asarray(drawn + np.where(self.has, (1 - self.rate) * out, 0.0))

    def conditions(self) -> Iterator[pd.DataFrame]:
        """Yield the rows of `conditions.csv`, one condition and draw at a time.

        The control of a re-rendering is a rendering without a change, which equals the image
        itself. It serves as the matched control (two draws, because its variance is needed) and as
        the round-trip control of a swap. Quantities that subtract a control therefore subtract 0.
        """
        itself = self.clean[:, None]
        variants = [
            ("rerender", "target", self.has, self.removal),
            ("rerender", "control", self.has, itself.repeat(2, axis=1)),
            ("rerender", "swap", self.has, self.swap),
            ("rerender", "round-trip", self.has, itself.repeat(self.swap.shape[1], axis=1)),
        ]
        if self.kind == "presence":
            variants += [
                ("rerender-insert", "target", ~self.has, self.insertion),
                ("rerender-insert", "control", ~self.has, itself.repeat(2, axis=1)),
            ]
        for verb, role, eligible, predicted in variants:
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
