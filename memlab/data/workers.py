"""Processes that load images: how many."""

from __future__ import annotations

import os


def default_workers(processes: int = 1) -> int:
    """One less than there are cores for each of the processes, at most 8; none on a single core.

    Args:
        processes: how many there are on this machine that train, each with workers of its own.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(0, min(8, (cores or 1) // processes - 1))
