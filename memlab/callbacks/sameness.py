"""Fingerprint of an evaluation, used to decide whether an interrupted evaluation can continue."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import chain
from typing import Any

from lightning.pytorch import Trainer

from memlab.ablations.plan import Condition
from memlab.callbacks.base import data_of
from memlab.data.mask_summary import describe_masks
from memlab.files import fingerprint
from memlab.models.base import MemorabilityModel
from memlab.provenance import commit, sources_of, states_of, versions


def sameness(
    trainer: Trainer, model: MemorabilityModel, conditions: Sequence[Condition], micro_batch: int
) -> str:
    """Return a fingerprint of everything that the rows of changed images depend on.

    It covers weights, images and masks, the plan, batches and processes, versions, and the source
    files of the ablations and the model. A corrected ablation therefore never reuses old rows.
    """
    data = data_of(trainer)
    images = (data.table.root / str(name) for name in data.table.rows["image"])
    masks = (path for region in data.regions for path in data.table.masks[region].paths(region))
    known: dict[str, Any] = {
        "weights": model.weights_id(),
        "model": model.spec,
        "table": data.table.fingerprint(),
        "files": states_of(chain(images, masks)),
        "geometry": data.geometry.describe(),
        "regions": data.regions,
        "masks": [describe_masks(data.table, region) for region in data.regions],
        "conditions": [{**vars(one.record), "draws": one.draws} for one in conditions],
        "seeds": [getattr(model, "seed", None), data.split_seed],
        "batches": [data.batch_size, micro_batch, trainer.world_size, trainer.num_test_batches],
        "versions": [versions(), commit()],
        "sources": sources_of([type(model), *(type(one.ablation) for one in conditions)]),
    }
    return fingerprint(json.dumps(known, sort_keys=True, default=str))
