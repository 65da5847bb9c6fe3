"""Milliseconds per image outside the model: by operator, and for twelve conditions together.

All candidates take turns within a round, so that other load on the machine affects them equally.
Ratios are computed within a round.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ablation_peers import MASK, PEERS, SIZE, Bytes, Floats, cv2, operators
from PIL import Image

from memlab.ablations.evaluate import evaluate
from memlab.ablations.plan import Condition, plan
from memlab.data.geometry import Geometry
from memlab.imaging.decode import decode
from memlab.imaging.pixels import to_unit
from memlab.types import Context

BATCH, CONDITIONS, ROUNDS = 32, 12, 5
LIBRARIES = ("torchvision", "pillow", "opencv")


def free(images: Floats, context: Context) -> Floats:
    """Return the first pixel's red: a model without cost."""
    del context
    return images[:, 0, 0, 0]


def changed_by_memlab(images: Floats, context: Context, conditions: Sequence[Condition]) -> None:
    """Run all conditions through the engine."""
    for _ in evaluate(free, images, context, conditions, micro_batch=BATCH):
        pass


def clock(action: Callable[[], Any]) -> float:
    """Return the milliseconds per image of an action on a batch."""
    start = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - start) / BATCH


def one_batch(paths: list[Path]) -> tuple[Floats, Context, list[Image.Image], list[Bytes]]:
    """Return the same images in the form that each peer needs, with a mask."""
    geometry = Geometry(SIZE)
    stacked = torch.stack([geometry.image(decode(path)) for path in paths])
    arrays = [np.ascontiguousarray(one.permute(1, 2, 0).numpy()) for one in stacked]
    mask = torch.from_numpy(MASK > 0).to(torch.uint8).expand(len(paths), 1, SIZE, SIZE)
    context = Context([path.name for path in paths], masks={"faces": mask.clone()})
    return to_unit(stacked), context, [Image.fromarray(one) for one in arrays], arrays


def measure(paths: list[Path], threads: int) -> dict[str, Any]:
    """Measure each operator, and 12 conditions together, in turns; in milliseconds."""
    torch.set_num_threads(threads)
    if cv2 is not None:
        cv2.setNumThreads(threads)
    images, context, photos, arrays = one_batch(paths)
    ours = operators()
    planned = plan(list(ours.values()))[:CONDITIONS]
    for condition in plan(list(ours.values()), "ladder"):  # until there are twelve
        if len(planned) < CONDITIONS and condition.key not in {one.key for one in planned}:
            planned.append(condition)
    peers: dict[str, dict[str, Callable[[], Any]]] = {}
    for name in ours:
        whole, pil, opencv = PEERS[name]
        peers[name] = {}
        if whole is not None:
            peers[name]["torchvision"] = lambda do=whole: do(images)
        if pil is not None:
            peers[name]["pillow"] = lambda do=pil: [do(one) for one in photos]
        if opencv is not None and cv2 is not None:
            peers[name]["opencv"] = lambda do=opencv: [do(one) for one in arrays]
    seconds: dict[str, dict[str, list[float]]] = {
        name: {library: [] for library in ("memlab", *of)} for name, of in peers.items()
    }
    decoding: list[float] = []
    together: list[float] = []
    limits: list[float] = []
    geometry = Geometry(SIZE)
    for turn in range(ROUNDS + 1):  # the first warms up
        taken: dict[str, dict[str, float]] = {}
        for name, of in peers.items():
            own = [one for one in planned if one.ablation is ours[name]][:1] or plan([ours[name]])
            taken[name] = {"memlab": clock(lambda c=own: changed_by_memlab(images, context, c))}
            taken[name] |= {library: clock(action) for library, action in of.items()}
        decoded = clock(lambda: [geometry.image(decode(path)) for path in paths])
        whole_plan = decoded + clock(lambda: changed_by_memlab(images, context, planned))
        medians = {
            name: statistics.median(value for key, value in each.items() if key != "memlab")
            for name, each in taken.items()
            if len(each) > 1
        }
        if turn == 0:
            continue
        for name, each in taken.items():
            for library, value in each.items():
                seconds[name][library].append(value)
        decoding.append(decoded)
        together.append(whole_plan)
        limits.append(decoded + sum(medians.get(one.ablation.name, 0) for one in planned))
    table = {}
    for name, each in seconds.items():
        row = {library: round(statistics.median(times), 3) for library, times in each.items()}
        others = [
            statistics.median(times)
            for times in zip(*(each[one] for one in peers[name]), strict=True)
        ]
        ratios = [one / other for one, other in zip(each["memlab"], others, strict=False)]
        ratio = round(statistics.median(ratios), 2) if ratios else None
        blank = dict.fromkeys(LIBRARIES)
        table[name] = {**blank, **row, "ratio_to_median_of_peers": ratio}
    return {
        "threads": threads,
        "milliseconds_per_image": {
            "decode": round(statistics.median(decoding), 2),
            "decode_and_12_conditions": round(statistics.median(together), 2),
            "decode_and_12_medians_of_peers": round(statistics.median(limits), 2),
        },
        "ratio": {
            "median": round(
                statistics.median(a / b for a, b in zip(together, limits, strict=True)), 3
            ),
            "all": [round(a / b, 3) for a, b in zip(together, limits, strict=True)],
        },
        "conditions": [one.key for one in planned],
        "operators": table,
    }
