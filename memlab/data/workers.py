"""Number of processes that load images."""

from __future__ import annotations

import os


def default_workers(processes: int = 1) -> int:
    """Return the default number of workers: cores per process minus one, from 0 to 8.

    Args:
        processes: number of training processes on this machine, each with its own workers.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(0, min(8, (cores or 1) // processes - 1))
