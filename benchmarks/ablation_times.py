"""Milliseconds per image outside the model: by operator, and for twelve conditions together.

All candidates take turns within a round, so that other load on the machine affects them equally.
Their order is drawn anew in each round, because the first one finds the images outside the cache.
Ratios are computed within a round.

`ratio_to_median_of_peers` compares memlab with the peers as they are; Pillow and OpenCV end with
bytes. `ratio_as_floats` adds to these two the conversion of their results to a batch of floats,
which a model takes and with which memlab and torchvision end.
"""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ablation_peers import LINEAR, MASK, PEERS, SIZE, Bytes, Floats, cv2, operators
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


def as_floats(results: Sequence[Image.Image | Bytes]) -> Floats:
    """Return images of bytes as the batch of floats that a model takes."""
    planes = [torch.from_numpy(np.array(one)).permute(2, 0, 1) for one in results]
    return to_unit(torch.stack(planes))


def one_batch(paths: list[Path]) -> tuple[Floats, Context, list[Image.Image], list[Bytes]]:
    """Return the same images in the form that each peer needs, with a mask."""
    geometry = Geometry(SIZE)
    stacked = torch.stack([geometry.image(decode(path)) for path in paths])
    arrays = [np.ascontiguousarray(one.permute(1, 2, 0).numpy()) for one in stacked]
    mask = torch.from_numpy(MASK > 0).to(torch.uint8).expand(len(paths), 1, SIZE, SIZE)
    context = Context([path.name for path in paths], masks={"faces": mask.clone()})
    return to_unit(stacked), context, [Image.fromarray(one) for one in arrays], arrays


def candidates(
    images: Floats, context: Context, photos: list[Image.Image], arrays: list[Bytes]
) -> tuple[dict[str, dict[str, Callable[[], Any]]], list[Condition]]:
    """Return the candidates by row of the table and library, and the plan of 12 conditions."""
    ours = operators()
    planned = plan(list(ours.values()))[:CONDITIONS]
    for condition in plan(list(ours.values()), "ladder"):  # until there are twelve
        if len(planned) < CONDITIONS and condition.key not in {one.key for one in planned}:
            planned.append(condition)
    rows: dict[str, dict[str, Callable[[], Any]]] = {}
    every = [(name, name, PEERS[name]) for name in ours]
    every += [(f"{name} in linear light", name, of) for name, of in LINEAR.items() if name in ours]
    for row, name, (whole, pil, opencv) in every:
        own = [one for one in planned if one.ablation is ours[name]][:1] or plan([ours[name]])
        rows[row] = {"memlab": lambda c=own: changed_by_memlab(images, context, c)}
        if whole is not None:
            rows[row]["torchvision"] = lambda do=whole: do(images)
        if pil is not None:
            rows[row]["pillow"] = lambda do=pil: [do(one) for one in photos]
        if opencv is not None and cv2 is not None:
            rows[row]["opencv"] = lambda do=opencv: [do(one) for one in arrays]
    return rows, planned


def in_turn(actions: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Return the milliseconds of each action, measured in random order."""
    return {name: clock(actions[name]) for name in random.sample(list(actions), len(actions))}


def of_peers(times: dict[str, float], converting: dict[str, float] | None = None) -> float:
    """Return the median time of the peers, with the conversion of their results if it is given.

    The result is infinite if there is no peer, such as OpenCV if it is not installed.
    """
    added = converting or {}
    peers = [time + added.get(name, 0) for name, time in times.items() if name != "memlab"]
    return statistics.median(peers) if peers else math.inf


def measure(paths: list[Path], threads: int) -> dict[str, Any]:
    """Measure each operator, and 12 conditions together, in turns; in milliseconds."""
    torch.set_num_threads(threads)
    if cv2 is not None:
        cv2.setNumThreads(threads)
    images, context, photos, arrays = one_batch(paths)
    rows, planned = candidates(images, context, photos, arrays)
    geometry = Geometry(SIZE)
    whole = {
        "decode": lambda: [geometry.image(decode(path)) for path in paths],
        "together": lambda: changed_by_memlab(images, context, planned),
        "pillow": lambda: as_floats(photos),
        "opencv": lambda: as_floats(arrays),
    }
    rounds = []
    for _ in range(ROUNDS + 1):
        names = random.sample(list(rows), len(rows))
        rounds.append((in_turn(whole), {name: in_turn(rows[name]) for name in names}))
    rounds = rounds[1:]  # the first warms up
    decoding = [found["decode"] for found, _ in rounds]
    together = [found["decode"] + found["together"] for found, _ in rounds]
    limits = [
        found["decode"] + sum(of_peers(each[one.ablation.name]) for one in planned)
        for found, each in rounds
    ]
    ratios = [a / b for a, b in zip(together, limits, strict=True)]
    return {
        "threads": threads,
        "milliseconds_per_image": {
            "decode": round(statistics.median(decoding), 2),
            "decode_and_12_conditions": round(statistics.median(together), 2),
            "decode_and_12_medians_of_peers": round(statistics.median(limits), 2),
            "bytes_to_floats": {
                library: round(statistics.median(found[library] for found, _ in rounds), 3)
                for library in ("pillow", "opencv")
            },
        },
        "ratio": {
            "median": round(statistics.median(ratios), 3),
            "all": [round(ratio, 3) for ratio in ratios],
        },
        "conditions": [one.key for one in planned],
        "operators": {name: _row(name, rounds) for name in rows},
    }


def _row(name: str, rounds: list[tuple[dict[str, float], dict[str, Any]]]) -> dict[str, Any]:
    """Return median times of one row of the table, and its ratios."""
    times = [each[name] for _, each in rounds]
    plain = [one["memlab"] / of_peers(one) for one in times]
    floats = [each[name]["memlab"] / of_peers(each[name], found) for found, each in rounds]
    medians = {
        library: round(statistics.median(one[library] for one in times), 3) for library in times[0]
    }
    return {
        **dict.fromkeys(LIBRARIES),
        **medians,
        "ratio_to_median_of_peers": round(statistics.median(plain), 2),
        "ratio_as_floats": round(statistics.median(floats), 2),
    }
