"""Further costs of an evaluation: decoded images, forward passes, memory, and total time."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
from ablation_peers import FULL, PEERS, Floats
from PIL import Image
from torchvision.transforms.v2 import functional as tv

from memlab.ablations.evaluate import evaluate
from memlab.ablations.plan import own_ablations, plan
from memlab.data.dataset import ImageDataset, collate, to_float
from memlab.data.donors import DonorList
from memlab.data.geometry import Geometry
from memlab.synthetic import write
from memlab.types import Context

BATCH = 32


def count(folder: Path, n: int = 40) -> dict[str, Any]:
    """Return decodes and forward passes of an evaluation with donors, if swaps are installed."""
    from memlab.data.sources.synthetic import SyntheticSource

    write(folder, n=3 * n, seed=0, size=64)
    table = SyntheticSource().table(folder).rows.reset_index(drop=True)
    decodes: list[str] = []
    passes = 0

    class Counting(ImageDataset):
        def __getitem__(self, index: int) -> Any:
            decodes.append(self.ids[index])
            return super().__getitem__(index)

    def score(images: Floats, context: Context) -> Floats:
        nonlocal passes
        del context
        passes += len(images)
        return images.mean(dim=(1, 2, 3))

    whole = [one for one in own_ablations() if not one.regions and not one.donor_regions]
    conditions = plan(whole)
    tested = table.iloc[:n].reset_index(drop=True)
    donor_rows = table.iloc[n:].reset_index(drop=True)
    photos = Counting(tested, folder, Geometry(64))
    others = Counting(donor_rows, folder, Geometry(64))
    donors = DonorList(others, {}, len(donor_rows), photos.ids)
    donor_ids: set[str] = set()
    draws = sum(one.draws for one in conditions)
    for start in range(0, n, BATCH):
        batch = to_float(collate([photos[i] for i in range(start, min(n, start + BATCH))]))
        context = Context(batch["ids"], masks=batch["masks"])
        score(batch["images"], context)
        for one in evaluate(score, batch["images"], context, conditions, BATCH, donors):
            donor_ids |= {name for name in one.donors if name is not None}
    return {
        "images": n,
        "conditions": draws,
        "distinct_donors": len(donor_ids),
        "decodes": len(decodes),
        "decodes_expected": n + len(donor_ids),
        "forward_passes": passes,
        "forward_passes_expected": n * (1 + draws),
    }


MEMORY = """
import sys
from pathlib import Path
import torch
from memlab.ablations.base import Context
from memlab.ablations.evaluate import evaluate
from memlab.ablations.frequency import Blur
from memlab.ablations.plan import Condition

torch.set_num_threads(1)
blur, many = Blur(), int(sys.argv[1])
conditions = [Condition(blur, 8 - 4 * place / many) for place in range(many)]
images = torch.rand(32, 3, 224, 224, generator=torch.Generator().manual_seed(0))
context = Context([str(place) for place in range(32)])
for _ in evaluate(lambda x, c: x.mean((1, 2, 3)), images, context, conditions, 32):
    pass
# not ru_maxrss: a process inherits that of the one which started it
status = Path("/proc/self/status").read_text()
print(next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line) / 1024)
"""


def memory() -> dict[str, list[float]]:
    """Return peak resident megabytes with 5 and 50 conditions, three fresh processes each, in turn.

    glibc returns freed large blocks to the system. After the first of them it raises its threshold
    and keeps later blocks in the heap, where they leave gaps. The peak then varies at random by one
    or two batches. A fixed threshold avoids this and measures the requested memory.
    """
    quiet = os.environ | {"MALLOC_MMAP_THRESHOLD_": str(2**20)}
    found: dict[str, list[float]] = {"5": [], "50": []}
    for _ in range(3):
        for many, peaks in found.items():
            command = [sys.executable, "-c", MEMORY, many]
            run = subprocess.run(command, env=quiet, capture_output=True, text=True, check=True)
            peaks.append(round(float(run.stdout), 1))
    return found


def whole_evaluation(paths: list[Path], folder: Path) -> dict[str, Any]:
    """Return the seconds of blur, grayscale and crop by ResNet50, in memlab and student study."""
    from memlab.backbones.resnet import ResNet50
    from memlab.models.regressor import MemorabilityRegressor

    model = MemorabilityRegressor(ResNet50(pretrained=False)).eval()
    changes = {name: PEERS[name][1] for name in ("blur", "grayscale", "center_crop")}

    def ours() -> None:
        model.ablate(paths, list(changes), batch_size=8, controls=0, progress=False)

    def student_study() -> None:
        sets = {"clean": paths}
        for name, change in changes.items():
            sets[name] = []
            for path in paths:
                image = Image.open(path).convert("RGB").resize(FULL, Image.Resampling.BILINEAR)
                sets[name].append(folder / f"{name}-{path.name}")
                change(image).save(sets[name][-1], quality=95)
        with torch.inference_mode():
            for of in sets.values():
                for start in range(0, len(of), 8):
                    read = [Image.open(one).convert("RGB") for one in of[start : start + 8]]
                    read = [one.resize(FULL, Image.Resampling.BILINEAR) for one in read]
                    model(
                        torch.stack(
                            [tv.to_dtype(tv.pil_to_tensor(one), scale=True) for one in read]
                        )
                    )

    seconds: dict[str, list[float]] = {"memlab": [], "student_study": []}
    for turn in range(4):  # the first warms up
        for name, action in (("memlab", ours), ("student_study", student_study)):
            start = time.perf_counter()
            action()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    ratios = [a / b for a, b in zip(seconds["memlab"], seconds["student_study"], strict=True)]
    return {
        "images": len(paths),
        "threads": torch.get_num_threads(),
        "seconds": {name: round(statistics.median(all_), 2) for name, all_ in seconds.items()},
        "ratio_to_student_study": {
            "median": round(statistics.median(ratios), 3),
            "all": [round(ratio, 3) for ratio in ratios],
        },
    }
