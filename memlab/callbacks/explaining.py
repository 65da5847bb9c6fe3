"""Maps of chosen test images: a second, small pass with the weights just tested."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from memlab.attributions.base import Attribution, Given, by_branch, explain_branches
from memlab.attributions.dependence import COLUMNS, dependence
from memlab.attributions.faithfulness import Faithfulness
from memlab.attributions.reference import MOST, Reference, reference_for
from memlab.attributions.texts import PREFIX
from memlab.attributions.trust import centre_prior, checks, on_regions
from memlab.data.examples import examples
from memlab.data.inputs import batches
from memlab.data.module import MemorabilityData
from memlab.errors import MemlabError
from memlab.imaging.decode import size_of_file
from memlab.imaging.pixels import to_bytes, to_unit
from memlab.masks.expression import Region
from memlab.models.base import MemorabilityModel
from memlab.precision import evaluation_mode, single_precision
from memlab.progress import occasional_lines
from memlab.types import Batch, Context

BATCH = 16
"""Largest number of images that are explained together."""

FAILURES = (MemlabError, RuntimeError)
"""Errors after which a method has no maps: those of memlab, and torch's, such as out of memory."""


class ReferenceImages:
    """Training images with whose mean a contrast compares, or tested ones if there are none.

    They are read once and kept as bytes: 150 kB each at 224 pixels.

    Args:
        data: the data module.
        seed: seed of the choice, if there are more than `MOST`.
    """

    def __init__(self, data: MemorabilityData, seed: int) -> None:
        training = len(data.table.part("train")) > 0
        self.split, self.kind = ("train", "training") if training else ("test", "tested")
        self._data, self._seed = data, seed
        self._kept: list[Batch] | None = None

    def __iter__(self) -> Iterator[Batch]:
        """Yield batches of float images in [0, 1]."""
        if self._kept is None:
            read = examples(self._data, self.split, MOST, self._seed)
            self._kept = [{**batch, "images": to_bytes(batch["images"])} for batch in read]
        for batch in self._kept:
            yield {**batch, "images": to_unit(batch["images"])}


class Explaining:
    """Maps by several methods, batch by batch.

    A method that fails is left out from then on; the others continue.

    Args:
        parts: the methods.
        model: the tested model.
        data: the data module.
        seed: seed of the reference images, and of the checks.
        regions: region expressions, such as `people without faces`, on which maps are summed beside
            the regions that have masks.
    """

    def __init__(
        self,
        parts: Sequence[Attribution],
        model: MemorabilityModel,
        data: MemorabilityData,
        seed: int,
        regions: Iterable[str] = (),
    ) -> None:
        self._regions = {text: Region.parse(text, "maps") for text in regions}
        self.parts = list(parts)
        self.model, self.data, self.seed = model, data, seed
        self.failed: dict[str, str] = {}
        self.compared = ""
        self._centre: Faithfulness | None = None
        self._given = self._references()

    def _references(self) -> dict[str, Given]:
        """Return the reference of each contrast, at the layer where it looks."""
        contrasts = [part for part in self.parts if part.contrasts]
        images = ReferenceImages(self.data, self.seed)
        at_layer: dict[str | None, Reference] = {}
        given = {}
        for part in contrasts:
            layer = getattr(part, "layer", None)
            try:
                if layer not in at_layer:
                    at_layer[layer] = reference_for(part, self.model, images)
            except FAILURES as error:
                self.failed[part.name] = failure_text(error)
                continue
            self.compared = f"the mean of {at_layer[layer].count} {images.kind} images"
            given[part.name] = Given(at_layer[layer])
        return given

    def run(self, rows: pd.DataFrame, randomised: Container[str] = ()) -> dict[str, dict[str, Any]]:
        """Return the content of `maps/METHOD.npz` by method.

        Args:
            rows: rows of the test split, with `index` among all tested images, and `predicted`.
            randomised: ids of images whose maps are compared with those of randomised models, too.
        """
        found: dict[str, list[dict[str, Any]]] = {part.name: [] for part in self.parts}
        rows = rows.reset_index(drop=True)
        dataset = self.data.images(rows)
        size = min(BATCH, self.data.batch_size)
        advance = occasional_lines("Maps", len(rows) * len(self.parts))
        for batch in batches(dataset, size, 0):
            places = batch["valid"].nonzero().flatten()
            if len(places) == 0:
                continue
            own = rows.iloc[batch["index"][places].numpy()]
            about = {
                "id": np.array([str(name) for name in own["id"]]),
                "index": own["index"].to_numpy(),
                "predicted": own["predicted"].to_numpy(dtype=np.float32),
                "score": own["score"].to_numpy(dtype=np.float32),
                "size": np.array([size_of_file(dataset.paths[row]) for row in own.index]),
            }
            self._centre = None
            for part in self.parts:
                if part.name in self.failed:
                    continue
                try:
                    found[part.name].append({**about, **self._maps(part, batch, places)})
                except FAILURES as error:  # a missing map must not end the test
                    self.failed[part.name] = failure_text(error)
                advance(len(places), part.name)
        joined = {
            name: {key: np.concatenate([one[key] for one in parts]) for key in parts[0]}
            for name, parts in found.items()
            if parts
        }
        for part in self.parts:
            if part.name in joined:
                joined[part.name] |= self._randomised(part, joined[part.name], randomised)
        return joined

    def _randomised(
        self, part: Attribution, arrays: dict[str, Any], ids: Container[str]
    ) -> dict[str, Any]:
        """Return how similar maps stay if the model is randomised; NaN for images not checked."""
        model = self.model
        places = [place for place, name in enumerate(arrays["id"]) if str(name) in ids]
        if model.needs_context or not any(True for _ in model.parameters()):
            return {}
        # each process has the same columns, also without an image of its own to check
        columns = {
            f"{PREFIX}{name}": np.full(len(arrays["id"]), np.nan, dtype=np.float32)
            for name in COLUMNS
        }
        if not places:
            return columns
        images = to_unit(torch.from_numpy(arrays["images"][places])).to(model.device)
        given = self._given.get(part.name, Given())
        try:
            found = dependence(part, model, images, given, self.seed)
        except (*FAILURES, TypeError):  # such as a network that cannot be copied
            return columns
        for name, rho in found.items():
            columns[f"{PREFIX}{name}"][places] = rho.cpu().numpy()
        return columns

    def _maps(self, part: Attribution, batch: Batch, places: torch.Tensor) -> dict[str, Any]:
        """Return the maps of images of a batch, their figures and their checks, as arrays."""
        model = self.model
        images = batch["images"][places].to(model.device)
        masks = {region: mask[places].to(model.device) for region, mask in batch["masks"].items()}
        names = [batch["ids"][place] for place in places.tolist()]
        given = replace(self._given.get(part.name, Given()), context=Context(names, masks=masks))
        explained = explain_branches(part, model, images, given)
        signed = explained.maps.sum(dim=1, keepdim=True)
        with evaluation_mode(model), single_precision(images.device.type):
            # a Gaussian in the middle is the same map for all methods
            self._centre = self._centre or centre_prior(model, images, given)
            checked = checks(model, images, signed, given, names, self.seed, self._centre)
        composed = {text: region.mask(masks) for text, region in self._regions.items()}
        regions = masks | {text: mask for text, mask in composed.items() if mask is not None}
        checked |= on_regions(signed, regions)
        return {
            **by_branch(model, explained),
            **{f"{PREFIX}{name}": one.float().cpu().numpy() for name, one in checked.items()},
            "images": to_bytes(images).cpu().numpy(),
        }


def failure_text(error: Exception) -> str:
    """Return why a method failed, in one line."""
    if isinstance(error, MemlabError):
        return str(error)
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
