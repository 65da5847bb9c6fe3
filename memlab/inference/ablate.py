"""Effects of ablations on the scores of loose images, without a data set or a Trainer."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from memlab.ablations.base import Ablation
from memlab.ablations.needs import donor_notes, left_out_note, with_masks
from memlab.ablations.plan import DRAWS, Doses, default_ablation, plan
from memlab.ablations.surprise import clean_features
from memlab.analysis.analyse import Analysis, analyse_records
from memlab.data.inputs import Images, Inputs, separate
from memlab.data.mask_summary import annotation_notes, region_notes
from memlab.errors import DataError, MemlabError, did_you_mean
from memlab.inference.changed import changed_rows
from memlab.inference.condition_rows import with_descriptions
from memlab.inference.loose_donors import loose_donors
from memlab.inference.original_inputs import OriginalInputs
from memlab.inference.originals import Original, donor_images, find_originals
from memlab.inference.predict import device_named, score_columns, scored, use_notes
from memlab.masks.base import EmptyMasks, known_regions
from memlab.masks.given import Masks
from memlab.progress import progress as bar
from memlab.scorer import Scorer

KEY = ["condition", "draw", "index"]
"""Columns by which the rows of `conditions.csv` are sorted."""


def ablate(
    model: Scorer,
    images: Images | Sequence[Original],
    ablations: str | Ablation | Sequence[str | Ablation],
    doses: Doses = "primary",
    *,
    controls: int = DRAWS,
    masks: Masks | None = None,
    empty_masks: EmptyMasks | None = None,
    donors: str | Path | None = None,
    batch_size: int = 32,
    num_workers: int = 0,
    device: str | torch.device | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Analysis:
    """Score images before and after each ablation, with controls, and test the effects.

    The analysis is that of `memlab test`. An ablation that needs masks which do not exist is left
    out with a note, unless nothing else is asked for or its region was named.

    Args:
        model: a model, which is in evaluation mode while it scores; for `memlab.ablate` also a
            reference that `memlab.load` accepts.
        images: as for `memlab.inference.predict.predict`. A folder that is a data set with masks
            brings its masks along.
        ablations: ablations, or plugins' names, which stand for the default parameters.
        doses: `primary` for one dose each, `ladder` for the dose curve.
        controls: draws of each control per image at the primary dose, at most 2 at other doses; 0
            for no controls and no nuisance baseline.
        masks: region masks: the path of a mask store, a COCO file or a folder with
            REGION/IMAGE.png; or a mapping from region to a mask per image; see
            `memlab.masks.given.Masks`.
        empty_masks: meaning of an image without a mask, `none` (it lacks the region) or `unknown`
            (not annotated); see `MemorabilityData`.
        donors: folder of images that swaps and insertions take from; rendered synthetic images by
            default.
        batch_size: number of images per batch.
        num_workers: number of processes that decode files.
        device: device to run on; by default the model's device.
        seed: seed of random ablations, of the controls and of the intervals.
        progress: whether to show a progress bar on a terminal.

    Returns:
        The analysis. `effects`: a table with one line per ablation and dose. `rows`: a table with
        one line per image: `id`, `image`, `score` (NaN unless a table has it), `predicted`, `low`,
        `high`, `percentile`, and `error`, why there is no score. `changed`: a table with one line
        per image, condition and draw, the columns of `conditions.csv`. `notes`: sentences for the
        reader.

    Raises:
        MemlabError: if an ablation does not exist or needs missing masks, a mask does not fit its
            image, no image can be read, or an ablation breaks its contract.
    """
    given = [ablations] if isinstance(ablations, str | Ablation) else ablations
    parts = [default_ablation(one) if isinstance(one, str) else one for one in given]
    if not parts:
        raise MemlabError('no ablation given: a name ("blur") or an Ablation (see memlab plugins)')
    inputs, originals = _inputs(model, images, masks, empty_masks)
    parts, left_out = _possible(parts, list(inputs.masks))
    conditions = plan(parts, doses, controls)
    donated = None if donors is None else donor_images(Path(donors), originals, empty_masks)
    size = model.input_size, model.input_size
    donor_list = loose_donors(size, inputs.ids, seed, donated)
    if device is not None:
        model.to(device_named(device))
    clean_images = clean_features(model, inputs.dataset, len(inputs), seed, batch_size)

    tables: list[pd.DataFrame] = []
    clean: dict[str, list[object]] = {"score": [], "predicted": [], "error": []}
    changes = len(inputs) * sum(condition.draws for condition in conditions)
    with ExitStack() as bars:
        advance = bars.enter_context(bar("Ablated images", changes, shown=progress))
        for batch, predicted in scored(model, inputs, batch_size, num_workers, device, False):
            clean["score"] += batch["scores"].tolist()
            clean["predicted"] += predicted.tolist()
            clean["error"] += batch["errors"]
            tables += changed_rows(
                model, batch, conditions, donor_list, seed, advance, clean=clean_images
            )
    rows = _rows(model, inputs, clean)
    if not tables:
        raise DataError(f"no image could be scored: {rows['error'].iloc[0]}")
    joined = pd.concat(tables, ignore_index=True).sort_values(KEY, kind="stable", ignore_index=True)
    records = [condition.record for condition in conditions]
    changed = with_descriptions(joined, records)
    scored_rows = rows[rows["error"] == ""].reset_index(drop=True)
    found = analyse_records(scored_rows, changed, records, seed)
    notes = [
        *left_out,
        *annotation_notes(inputs.masks, inputs.masks, inputs.ids),
        *region_notes(inputs.masks, {name for part in parts for name in part.masks_read}),
        *donor_notes(donor_list, conditions),
        *use_notes(model, inputs.images if originals else [], progress),
    ]
    return replace(found, rows=rows, notes=[*notes, *found.notes])


def _rows(
    model: Scorer, inputs: Inputs | OriginalInputs, clean: Mapping[str, list[object]]
) -> pd.DataFrame:
    """Return the table of clean predictions, one line per image."""
    scores = np.array(clean["predicted"], dtype=float)
    return pd.DataFrame(
        {
            "index": range(len(inputs)),
            "id": inputs.ids,
            "image": inputs.images,
            "score": np.array(clean["score"], dtype="float32"),
            "predicted": scores.astype("float32"),
            **score_columns(model, scores),
            "error": clean["error"],
        }
    )


def _inputs(
    model: Scorer,
    images: Images | Sequence[Original],
    masks: Masks | None,
    empty_masks: EmptyMasks | None,
) -> tuple[Inputs | OriginalInputs, list[Original]]:
    """Return the images with their masks; and the images again, if they are files."""
    size, resampler = model.input_size, model.resampler
    several = [images] if isinstance(images, str | Path) else separate(images)
    if _are(several, Original):
        originals = list(several)
    elif _are(several, (str, Path)) and (masks is None or isinstance(masks, str | Path)):
        paths = [Path(one) for one in several]
        twice = next((path for index, path in enumerate(paths) if path in paths[:index]), None)
        if twice is not None:
            raise DataError(f"{twice} is given twice; give each image once")
        originals = find_originals(paths, None if masks is None else Path(masks), empty_masks)
    else:
        originals = []
    inputs = (
        OriginalInputs(originals, size, resampler)
        if originals
        else Inputs(images, size, masks, resampler)
    )
    if empty_masks is not None and not (originals and inputs.masks):
        raise MemlabError("empty_masks: these images have no files of masks; leave it out")
    return inputs, originals


def _are(images: Sequence[Any], kind: Any) -> bool:
    """Return whether there are images, all of a kind."""
    return (
        isinstance(images, list | tuple)
        and bool(images)
        and all(isinstance(one, kind) for one in images)
    )


def _possible(
    parts: Sequence[Ablation], regions: Sequence[str]
) -> tuple[list[Ablation], list[str]]:
    """Return the ablations whose masks exist, and a note on the others.

    Raises:
        MemlabError: if a required ablation lacks masks; names it and the region.
    """
    there = known_regions(regions)
    lacking = {part: sorted({*part.regions} - there) for part in parts}
    kept, required = with_masks(lacking)
    for part in required:
        region = lacking[part][0]
        raise MemlabError(
            f"{part.name}: no masks of {region!r}{did_you_mean(region, regions)} (there: "
            f"{', '.join(regions) or 'none'}); give some with masks=PATH (--data.masks PATH)"
        )
    missing = sorted({name for names in lacking.values() for name in names})
    if not missing:
        return kept, []
    note = left_out_note(parts, kept, f"masks of {', '.join(missing)}")
    print(f"memlab: {note[0].lower()}{note[1:]}", file=sys.stderr)  # noqa: T201
    return kept, [note]
