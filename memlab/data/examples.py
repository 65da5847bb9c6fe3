"""Some images of a split, chosen by a seed."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor
from torch.utils.data import DataLoader

from memlab.data.dataset import collate, to_float
from memlab.data.module import MemorabilityData
from memlab.seeds import seed_of


def examples(data: MemorabilityData, split: str, most: int, seed: int) -> Iterator[Tensor]:
    """Yield some images of a split in batches, float RGB (B, 3, H, W) in [0, 1], on the CPU.

    Images that cannot be read are left out.

    Args:
        data: the data module.
        split: the split.
        most: largest number of images; the choice depends only on their ids and the seed.
        seed: seed of the choice.
    """
    rows = data.table.part(split)
    order = sorted(range(len(rows)), key=lambda row: seed_of(seed, rows["id"][row]))
    chosen = data.images(rows.iloc[sorted(order[:most])].reset_index(drop=True))
    for batch in DataLoader(chosen, batch_size=data.batch_size, collate_fn=collate):
        images = to_float(batch)["images"][batch["valid"]]
        if len(images):
            yield images
