"""Which process sees which images, and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Sized

import numpy as np
from torch.utils.data import DistributedSampler

from memlab.seeds import seed_of


class EpochSampler(DistributedSampler[int]):
    """Training images in an order that depends on the seed and the epoch alone.

    So a run that was cut off in mid-epoch can go on where it was: it knows the order without having
    gone through it. Every process gets equally many images (the first ones of the order are dealt
    out again where they do not divide), and none a last batch of a single image, because batch
    normalisation cannot train on it.

    Args:
        dataset: what is sampled.
        batch_size: images per batch and process.
        seed: of the order.
        processes: how many processes there are.
        rank: which one this is.
        epoch: the epoch that comes first.
        done: batches of that epoch that were trained on before.
    """

    def __init__(
        self,
        dataset: Sized,
        batch_size: int,
        seed: int,
        processes: int = 1,
        rank: int = 0,
        epoch: int = 0,
        done: int = 0,
    ) -> None:
        super().__init__(dataset, num_replicas=processes, rank=rank, seed=seed)  # type: ignore[arg-type]
        self.total = len(dataset)
        if self.num_samples > 1 and self.num_samples % batch_size == 1:
            self.num_samples -= 1
        self.epoch = epoch
        self.done = done * batch_size

    def set_epoch(self, epoch: int) -> None:
        """Go to an epoch; from its beginning, unless it is the one that was gone on with."""
        if epoch != self.epoch:
            self.epoch = epoch
            self.done = 0

    def __iter__(self) -> Iterator[int]:
        order = np.random.default_rng(seed_of(self.seed, "order", self.epoch)).permutation(
            self.total
        )
        own = np.resize(order, self.total_size)[self.rank :: self.num_replicas]
        return iter(own[self.done : self.num_samples].tolist())


class UnpaddedDistributedSampler(DistributedSampler[int]):
    """Deal the images out in order, none twice.

    The stock sampler repeats images until every process has equally many. A rank correlation over
    repeated rows is wrong, and they cannot be told apart later.

    Args:
        dataset: what is sampled.
        processes: how many processes there are.
        rank: which one this is.
    """

    def __init__(self, dataset: Sized, processes: int, rank: int) -> None:
        super().__init__(dataset, num_replicas=processes, rank=rank, shuffle=False)  # type: ignore[arg-type]
        self.indices = range(rank, len(dataset), processes)
        self.num_samples = len(self.indices)
        self.total_size = len(dataset)

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices)
