"""Samplers: which process gets which images, and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Sized

import numpy as np
from torch.utils.data import DistributedSampler

from memlab.seeds import seed_of


class EpochSampler(DistributedSampler[int]):
    """Sampler of training images in an order that depends only on the seed and the epoch.

    A run that stopped in the middle of an epoch can therefore resume at its position. Every process
    gets the same number of images; if the number does not divide evenly, the first images of the
    order are repeated. A last batch of a single image is dropped, because batch normalisation
    cannot train on it.

    Args:
        dataset: the data set to sample.
        batch_size: images per batch and process.
        seed: seed of the order.
        processes: number of processes.
        rank: rank of this process.
        epoch: the first epoch.
        done: number of batches of the first epoch that were already trained on.
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
        """Set the epoch; any epoch but the resumed one starts at its first image."""
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
    """Sampler that deals the images out in order, without repeating any.

    The stock sampler repeats images until every process has the same number. A rank correlation
    over repeated rows is wrong, and repeated rows cannot be recognised later.

    Args:
        dataset: the data set to sample.
        processes: number of processes.
        rank: rank of this process.
    """

    def __init__(self, dataset: Sized, processes: int, rank: int) -> None:
        super().__init__(dataset, num_replicas=processes, rank=rank, shuffle=False)  # type: ignore[arg-type]
        self.indices = range(rank, len(dataset), processes)
        self.num_samples = len(self.indices)
        self.total_size = len(dataset)

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices)
