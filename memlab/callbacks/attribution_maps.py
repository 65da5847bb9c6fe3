"""Attribution maps of chosen test images, computed with the tested weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from lightning.pytorch import Callback, LightningModule, Trainer

from memlab import shards
from memlab.analysis.map_agreement import agreement_text, map_agreements
from memlab.analysis.map_checks import checks_text, mean_checks
from memlab.analysis.map_choice import MapChoice, choice_text, choose, named, require_scores
from memlab.analysis.map_evidence import MapEvidence, corrected, evidence_text, map_evidence
from memlab.analysis.map_removals import removal_texts
from memlab.analysis.results import MapsRecord, Results
from memlab.attributions.base import Attribution, LayerAttribution, seen_by
from memlab.attributions.blanks import blank_notes
from memlab.attributions.cells import grid_notes
from memlab.attributions.dependence import IMAGES as RANDOMISED
from memlab.attributions.overlays import map_overlays
from memlab.attributions.shares import branch_shares
from memlab.attributions.texts import map_table
from memlab.callbacks import map_files
from memlab.callbacks.ablation_evaluation import AblationEvaluation
from memlab.callbacks.base import command_folder, data_of, model_of
from memlab.callbacks.chosen_layers import ChosenLayers, chosen_layers
from memlab.callbacks.explaining import Explaining
from memlab.data.module import MemorabilityData
from memlab.errors import MemlabError
from memlab.files import make_folder, write_text
from memlab.inference.chosen_layer import asks_for_layer
from memlab.reports.gallery import MapSet, map_set, write_gallery


class AttributionMaps(Callback):
    """Callback that computes attribution maps of some of the test images.

    They are chosen after all images have been scored, and explained in a second pass of their own.

    For each method, `maps/METHOD.npz` holds `id`, `index`, `maps` (n, h, w: signed, as computed),
    `images` (n, 3, H, W: uint8, as the model saw them), `predicted`, `score`, `size` (height and
    width of the file) and `unit`. For a model with branches it also holds `maps_NAME` for each
    branch; these add up to `maps`. Figures of each map, such as `residual` of a contrast, are
    arrays of their own.

    `maps/METHOD.csv` says in words where each map has its values; `maps/index.html` shows all maps.

    A contrast compares with the mean of up to 512 training images, or of tested ones if there are
    no training images.

    Args:
        attributions: the attribution methods.
        count: number of images; given ids are all explained, unless it is 0.
        images: which images: `sample` (depends only on their ids and the seed), the `most` or
            `least` memorable (by people's scores; by prediction if there are none), the `worst`
            errors, or ids (a list, a text with commas, or a `.txt` file with one id a line).
        seed: seed of the sample.
    """

    def __init__(
        self,
        attributions: Sequence[Attribution] = (),
        count: int = 16,
        images: str | Sequence[str] = "sample",
        seed: int = 0,
    ) -> None:
        if count < 0:
            raise MemlabError(f"--maps {count}: 0 or more")
        # The same method with the same arguments given twice counts as one method.
        self.parts = list({json.dumps(part.spec): part for part in attributions}.values())
        names = [part.name for part in self.parts]
        if len(set(names)) < len(names):
            raise MemlabError(f"--attribution: {', '.join(names)}: each name once")
        self.count = count
        self.images = images
        self.seed = seed
        self.choice: MapChoice | None = None
        self._asked: str | list[str] = "sample"
        self._compared = ""
        self._layers = ChosenLayers([])

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Check, before anything is trained or tested, that images and layers are there."""
        if stage not in ("fit", "test") or not self.parts or not self.count:
            return
        self.check(data_of(trainer))
        model = model_of(trainer)
        for part in self.parts:
            named_layer = isinstance(part, LayerAttribution) and part.layer is not None
            if model is not None and named_layer and not asks_for_layer(part):
                seen_by(part, model)

    def check(self, data: MemorabilityData) -> None:
        """Check that the images can be chosen.

        Raises:
            MemlabError: if an id is not known, or errors are asked for and there are no scores.
        """
        rows = data.table.part("test")
        ids = named(self.images, {str(name) for name in rows["id"]})
        self._asked = str(self.images) if ids is None else ids
        require_scores(self._asked, rows["score"])

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remove the maps of an interrupted run, and forget those of an earlier test."""
        self.choice = None
        self._layers = ChosenLayers([])
        if trainer.is_global_zero:
            map_files.clear(command_folder(trainer))
        trainer.strategy.barrier()

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Choose the images by the recorded rows, and explain this process's share of them."""
        model = model_of(trainer)
        if model is None or not self.parts or not self.count:
            return
        folder, rank = command_folder(trainer), trainer.global_rank
        trainer.strategy.barrier()  # each process has written its rows
        tested = shards.merge(folder, "rows", ["index"])
        tested = tested[tested["error"] == ""] if len(tested) else tested
        if not len(tested):
            return
        self.choice = choose(tested, self._asked, self.count, self.seed)
        self._layers = chosen_layers(trainer, self.parts, model, self.seed)
        own = self.choice.ids[rank :: trainer.world_size]
        if not own:
            return
        rows = tested.set_index("id").loc[own].reset_index()
        rows = rows.sort_values("index")
        images = data_of(trainer).table.part("test").set_index("id")["image"]
        regions = _removed(trainer)
        explaining = Explaining(self._layers.parts, model, data_of(trainer), self.seed, regions)
        self._compared = explaining.compared
        rows = rows.assign(image=images.loc[rows["id"]].array)
        randomised = set(self.choice.ids[:RANDOMISED])
        for name, arrays in explaining.run(rows, randomised).items():
            map_files.write_part(folder, name, rank, arrays)
        for name, reason in {**self._layers.failed, **explaining.failed}.items():
            map_files.write_failure(folder, name, rank, reason)

    def contribute(self, results: Results, rows: pd.DataFrame, folder: Path) -> None:
        """Gather the maps of all processes, draw them, and list them in the results."""
        if self.choice is None or results.command != "test":
            return
        about = [choice_text(self.choice)]
        contrasts = [part.name for part in self.parts if part.contrasts]
        if contrasts and self._compared:
            verb = "compare" if len(contrasts) > 1 else "compares"
            about.append(f"{' and '.join(contrasts)} {verb} with {self._compared}.")
        about += self._layers.notes()
        results.notes += about
        explained: dict[str, map_files.Arrays] = {}
        for name in self._layers.failed:
            results.notes += self._missing(name, None, folder)
        for part in self._layers.parts:
            merged = map_files.joined(folder, part.name)
            results.notes += self._missing(part.name, merged, folder)
            if merged is not None:
                explained[part.name] = merged
        conditions = _conditions(folder)
        evidence = corrected(
            {
                name: [] if conditions is None else map_evidence(merged, conditions, self.seed)
                for name, merged in explained.items()
            }
        )
        sets = [
            self._add(part, explained[part.name], evidence[part.name], conditions, results, folder)
            for part in self._layers.parts
            if part.name in explained
        ]
        results.agreement = map_agreements(explained, self.seed)
        agreement = [agreement_text(one) for one in results.agreement]
        results.notes += agreement
        if sets:
            page = write_gallery(sets, folder, "Maps of tested images", about + agreement)
            results.maps = [replace(record, page=page) for record in results.maps]

    def _add(
        self,
        part: Attribution,
        merged: map_files.Arrays,
        evidence: list[MapEvidence],
        conditions: pd.DataFrame | None,
        results: Results,
        folder: Path,
    ) -> MapSet:
        """Write and draw the maps by a method, and list them in the results."""
        path = make_folder(folder / "maps") / f"{part.name}.npz"
        map_files.write_arrays(path, {**merged, "unit": np.array(part.unit)})
        table = map_table(merged)
        if conditions is not None:
            removals = removal_texts(merged, conditions)
            pairs = zip(table["text"], removals, strict=True)
            table["text"] = ["; ".join(filter(None, pair)) for pair in pairs]
        write_text(path.with_suffix(".csv"), table.to_csv(index=False))
        figure = map_overlays(merged, part.name, part.unit, folder)
        measured = mean_checks(merged, self.seed)
        said = grid_notes(part.name, merged) + blank_notes(part.name, merged)
        said += checks_text(part.name, measured)
        said += [evidence_text(part.name, one) for one in evidence]
        shares = branch_shares(merged)
        results.figures += figure
        results.notes += said
        results.maps.append(
            MapsRecord(
                method=part.name,
                parameters=part.spec["init_args"],
                unit=part.unit,
                n=len(merged["id"]),
                grid=merged["maps"].shape[1:],
                # the mean is over images that have a share
                branches={name: float(pd.Series(share).mean()) for name, share in shares.items()},
                file=f"maps/{path.name}",
                figure=figure[0],
                checks=measured,
                evidence=evidence,
                choice=self.choice,
                layer=self._layers.choices.get(part.name),
            )
        )
        return map_set(part.name, part.unit, merged, said, table["text"].tolist())

    def _missing(self, method: str, merged: map_files.Arrays | None, folder: Path) -> list[str]:
        """Return a note on maps that a method failed to make, if any."""
        reason = map_files.failure(folder, method)
        if reason is None:
            return []
        if merged is None or self.choice is None:
            return [f"No maps by {method}: {reason}"]
        some = f"{len(merged['id'])} of {len(self.choice.ids)}"
        return [f"Maps by {method} of {some} images: {reason}"]


def _removed(trainer: Trainer) -> list[str]:
    """Return the regions whose removal the same test measures, as region expressions."""
    found: dict[str, None] = {}
    for one in trainer.callbacks:  # type: ignore[attr-defined]
        for part in one.parts if isinstance(one, AblationEvaluation) else ():
            if part.family == "region" and part.compared_with == "matched-control":
                found[part.region] = None
    return list(found)


def _conditions(folder: Path) -> pd.DataFrame | None:
    """Return the table of ablated images of the same test, if there is one."""
    path = folder / "conditions.parquet"
    return pd.read_parquet(path) if path.is_file() else None
