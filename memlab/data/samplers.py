"""Which process evaluates which pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sized

from torch.utils.data import DistributedSampler


class UnpaddedDistributedSampler(DistributedSampler[int]):
    """Deal the pictures out in order, none twice.

    The stock sampler repeats pictures until every process has equally many. A rank correlation over
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
