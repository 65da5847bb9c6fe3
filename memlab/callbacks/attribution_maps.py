"""Attribution maps of a seeded sample of the test images, computed with the tested weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from memlab.analysis.map_checks import checks_text, mean_checks
from memlab.analysis.map_evidence import MapEvidence, evidence_text, map_evidence
from memlab.analysis.results import MapsRecord, Results
from memlab.attributions.base import Attribution, Given, by_branch, explain_branches
from memlab.attributions.overlays import map_overlays
from memlab.attributions.reference import MOST, reference_for
from memlab.attributions.shares import branch_shares
from memlab.attributions.texts import PREFIX, map_table
from memlab.attributions.trust import checks, on_regions
from memlab.callbacks.base import command_folder, data_of, model_of, readable
from memlab.data.examples import examples
from memlab.errors import MemlabError
from memlab.files import make_folder, replacing, write_text
from memlab.imaging.decode import size_of_file
from memlab.imaging.pixels import to_bytes
from memlab.models.base import MemorabilityModel
from memlab.precision import evaluation_mode, single_precision
from memlab.seeds import seed_of
from memlab.shards import SHARDS
from memlab.types import Batch, Context


class AttributionMaps(Callback):
    """Callback that computes attribution maps for a sample of the test images.

    For each method, `maps/METHOD.npz` holds `id`, `index`, `maps` (n, h, w: signed, as computed),
    `images` (n, 3, H, W: uint8, as the model saw them), `predicted`, `score`, `size` (height and
    width of the file) and `unit`. For a model with branches it also holds `maps_NAME` for each
    branch; these add up to `maps`. Figures of each map, such as `residual` of a contrast, are
    arrays of their own.

    `maps/METHOD.csv` says in words where each map has its values.

    A contrast compares with the mean of up to 512 training images, or of tested ones if there are
    no training images.

    Args:
        attributions: the attribution methods.
        sample: number of images; the choice depends only on their ids and the seed.
        seed: seed of the sample.
    """

    def __init__(
        self, attributions: Sequence[Attribution] = (), sample: int = 16, seed: int = 0
    ) -> None:
        if sample < 0:
            raise MemlabError(f"--maps {sample}: 0 or more")
        # The same method with the same arguments given twice counts as one method.
        self.parts = list({json.dumps(part.spec): part for part in attributions}.values())
        names = [part.name for part in self.parts]
        if len(set(names)) < len(names):
            raise MemlabError(f"--attribution: {', '.join(names)}: each name once")
        self.sample = sample
        self._failed: dict[str, str] = {}
        self.seed = seed
        self._chosen: set[str] = set()
        self._found: dict[str, list[dict[str, Any]]] = {}
        self._given: dict[str, Given] = {}
        self._compared = ""
        self._files: dict[str, Path] = {}

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the sample."""
        table = data_of(trainer).table
        rows = table.part("test")
        ids = rows["id"]
        self._chosen = (
            set(sorted(ids, key=lambda name: seed_of(self.seed, name))[: self.sample])
            if self.parts
            else set()
        )
        self._files = {
            name: table.root / str(image)
            for name, image in zip(ids, rows["image"], strict=True)
            if name in self._chosen
        }
        self._found = {part.name: [] for part in self.parts}
        self._given = self._references(trainer)
        if trainer.is_global_zero:
            # Maps of an interrupted run must not be merged into this one.
            shutil.rmtree(_shards(command_folder(trainer)), ignore_errors=True)
        trainer.strategy.barrier()

    def _references(self, trainer: Trainer) -> dict[str, Given]:
        """Return the reference of each contrast, at the layer where it looks."""
        model, data = model_of(trainer), data_of(trainer)
        contrasts = [part for part in self.parts if part.contrasts]
        if model is None or not self._chosen or model.needs_context:
            return {}
        split, kind = ("train", "training") if len(data.table.part("train")) else ("test", "tested")
        found: dict[str, Given] = {}
        for part in contrasts:
            images = examples(data, split, MOST, self.seed)
            try:
                reference = reference_for(part, model, images)
            except MemlabError as error:
                self._failed[part.name] = str(error)
                continue
            self._compared = f"the mean of {reference.count} {kind} images"
            found[part.name] = Given(reference)
        return found

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        *_: Any,
    ) -> None:
        """Compute the maps of the sampled images in the batch."""
        model = model_of(trainer)
        places = readable(batch, self._chosen)
        if model is None or not places:
            return
        images = batch["images"][places]
        context = Context(batch["ids"], masks=batch["masks"]).select(torch.tensor(places))
        for part in self.parts:
            if part.name in self._failed:
                continue
            given = replace(self._given.get(part.name, Given()), context=context)
            names = [batch["ids"][place] for place in places]
            masks = {region: mask[places] for region, mask in batch["masks"].items()}
            try:
                found = explain_branches(part, model, images, given)
                maps = by_branch(model, found)
                maps |= self._checks(model, images, found.maps, given, names, masks)
            except MemlabError as error:  # a missing map must not end the test
                self._failed[part.name] = str(error)
                continue
            self._found[part.name].append(
                {
                    "id": np.array(names),
                    "index": batch["index"][places].cpu().numpy(),
                    **maps,
                    "images": to_bytes(images).cpu().numpy(),
                    "predicted": outputs["predicted"][places].float().cpu().numpy(),
                    "score": batch["scores"][places].cpu().numpy(),
                    "size": np.array([size_of_file(self._files[name]) for name in names]),
                }
            )

    def _checks(
        self,
        model: MemorabilityModel,
        images: Tensor,
        maps: Tensor,
        given: Given,
        names: Sequence[str],
        masks: Mapping[str, Tensor],
    ) -> dict[str, Any]:
        """Return the checks of maps as arrays, named as in `maps/METHOD.npz`."""
        signed = maps.sum(dim=1, keepdim=True)
        with evaluation_mode(model), single_precision(images.device.type):
            found = checks(model, images, signed, given, names, self.seed)
        found |= on_regions(signed, masks)
        return {f"{PREFIX}{name}": values.float().cpu().numpy() for name, values in found.items()}

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write this process's maps to the folder from which the first process gathers them."""
        for name, parts in self._found.items():
            if parts:
                folder = make_folder(_shards(command_folder(trainer)))
                path = folder / f"{name}.{trainer.global_rank:05d}.npz"
                _write(path, {key: np.concatenate([p[key] for p in parts]) for key in parts[0]})
        self._found = {}

    def contribute(self, results: Results, rows: pd.DataFrame, folder: Path) -> None:
        """Gather the maps of all processes, draw them, and list them in the results."""
        for name, reason in self._failed.items():
            results.notes.append(f"No maps by {name}: {reason}")
        contrasts = [part.name for part in self.parts if part.contrasts]
        if contrasts and self._compared:
            verb = "compare" if len(contrasts) > 1 else "compares"
            results.notes.append(f"{' and '.join(contrasts)} {verb} with {self._compared}.")
        for part in self.parts:
            paths = sorted(_shards(folder).glob(f"{part.name}.*.npz"))
            if not paths:
                continue
            shards = [_read_shard(path) for path in paths]
            merged = {key: np.concatenate([shard[key] for shard in shards]) for key in shards[0]}
            order = np.argsort(merged["index"], kind="stable")
            merged = {key: values[order] for key, values in merged.items()}
            path = make_folder(folder / "maps") / f"{part.name}.npz"
            _write(path, {**merged, "unit": np.array(part.unit)})
            write_text(path.with_suffix(".csv"), map_table(merged).to_csv(index=False))
            figure = map_overlays(merged, part.name, part.unit, folder)
            results.figures += figure
            measured = mean_checks(merged, self.seed)
            evidence = _evidence(merged, folder, self.seed)
            results.notes += checks_text(part.name, measured)
            results.notes += [evidence_text(part.name, one) for one in evidence]
            results.maps.append(
                MapsRecord(
                    method=part.name,
                    parameters=part.spec["init_args"],
                    unit=part.unit,
                    n=len(order),
                    grid=merged["maps"].shape[1:],
                    branches={
                        name: float(pd.Series(share).mean())  # over images that have a share
                        for name, share in branch_shares(merged).items()
                    },
                    file=f"maps/{path.name}",
                    figure=figure[0],
                    checks=measured,
                    evidence=evidence,
                )
            )


def _evidence(arrays: Mapping[str, Any], folder: Path, seed: int) -> list[MapEvidence]:
    """Return how well maps predict the effects of removals, if any were measured."""
    path = folder / "conditions.parquet"
    return map_evidence(arrays, pd.read_parquet(path), seed) if path.is_file() else []


def _read_shard(path: Path) -> dict[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except Exception as error:  # zipfile and NumPy raise many kinds on a damaged file
        raise MemlabError(f"{path} is damaged: give the same command again") from error


def _shards(folder: Path) -> Path:
    return folder / SHARDS / "maps"


def _write(path: Path, arrays: dict[str, Any]) -> None:
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)
