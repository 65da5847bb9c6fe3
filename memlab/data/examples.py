"""Some images of a split, chosen by a seed."""

from __future__ import annotations

from collections.abc import Iterator

from memlab.data.inputs import batches
from memlab.data.module import MemorabilityData
from memlab.seeds import seed_of
from memlab.types import Batch


def examples(data: MemorabilityData, split: str, most: int, seed: int) -> Iterator[Batch]:
    """Yield batches of some images of a split, float RGB in [0, 1], on the CPU.

    Args:
        data: the data module.
        split: the split.
        most: largest number of images; the choice depends only on their ids and the seed.
        seed: seed of the choice.
    """
    rows = data.table.part(split)
    order = sorted(range(len(rows)), key=lambda row: seed_of(seed, rows["id"][row]))
    chosen = data.images(rows.iloc[sorted(order[:most])].reset_index(drop=True))
    return batches(chosen, data.batch_size, 0)
