"""Processor seconds as forward passes, and peaks of memory, for `attributions.py`."""

from __future__ import annotations

import ctypes
import gc
import random
import resource
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's mallopt


def resident() -> float:
    """Return the resident memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def allocate(keep: bool) -> None:
    """Let the C library keep freed memory, which saves time, or return it, so that peaks show."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_MAX, 0 if keep else 1 << 16)
        libc.mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1 if keep else 1 << 20)
        libc.malloc_trim(0)


def peak(action: Callable[[], Any]) -> float:
    """Run an action; return the peak of the resident memory in MB above that before."""
    gc.collect()
    allocate(keep=False)
    done, seen = threading.Event(), [resident()]

    def watch() -> None:
        while not done.wait(0.005):
            seen.append(resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    action()
    done.set()
    watcher.join()
    return round(max(seen) - seen[0], 1)


def timed(action: Callable[[], Any]) -> tuple[Any, float]:
    """Run an action; return its result and processor seconds."""
    gc.collect()
    start = time.process_time()
    found = action()
    return found, time.process_time() - start


def compared(
    forward: Callable[[], Any], actions: dict[str, Callable[[], Any]], rounds: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the results of actions, and their times as forward passes."""
    order = random.Random(0)
    results: dict[str, Any] = {}
    ratios: dict[str, list[float]] = {"forward": []}
    allocate(keep=True)
    forward()
    for _ in range(rounds):
        names = list(actions)
        order.shuffle(names)
        _, before = timed(forward)
        taken = {}
        for name in names:
            results[name], taken[name] = timed(actions[name])
        _, after = timed(forward)
        ratios["forward"].append(after / before)
        for name in names:
            ratios.setdefault(name, []).append(2 * taken[name] / (before + after))
    print(f"{len(actions)} methods: {rounds} rounds measured", file=sys.stderr)
    return results, {
        name: {
            "forward_passes": round(statistics.median(values), 3),
            "all": [round(value, 3) for value in values],
        }
        for name, values in ratios.items()
    }


def alternating(model: Any, images: Any, turns: int = 9) -> dict[str, Any]:
    """Return the time of scores with Grad-CAM as forward passes, each beside a forward pass."""
    import torch

    from memlab.attributions.base import explain_branches
    from memlab.attributions.grad_cam import GradCAM

    def forward() -> None:
        with torch.inference_mode():
            model(images)

    allocate(keep=True)
    forward()
    passes, both = [timed(forward)[1]], []
    for _ in range(turns):
        both.append(timed(lambda: explain_branches(GradCAM(), model, images))[1])
        passes.append(timed(forward)[1])
    ratios = [2 * one / sum(passes[place : place + 2]) for place, one in enumerate(both)]
    noise = [one / other for one, other in zip(passes[1:], passes, strict=False)]
    return {
        "images": len(images),
        "forward_passes": round(statistics.median(ratios), 3),
        "all": [round(one, 3) for one in ratios],
        "forward_beside_forward": [round(one, 3) for one in noise],
    }
