"""Images per second of `predict` and of a loop written by hand; memory by number of images.

The peer is a typical loop: Pillow, torchvision's transforms, a DataLoader, the same network in
inference mode. Both read the same files, in turn, with the same numbers of threads and workers.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

SIZE = 96
BATCH = 32
ROUNDS = 3
TURN = 500
MEMORY = """
import json, resource, sys, threading
from pathlib import Path

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20

def watch():
    while not done.wait(0.01):
        seen.append(resident())

sys.path.insert(0, sys.argv[1])
from score import make_model
paths = [Path(line) for line in sys.stdin.read().splitlines()]
model = make_model()
model.predict(paths[:64])
done, seen = threading.Event(), [resident()]
watcher = threading.Thread(target=watch)
watcher.start()
assert len(model.predict(paths)) == len(paths)
done.set()
watcher.join()
print(json.dumps({"before_mb": seen[0], "peak_mb": max(seen)}))
"""


def make_model():
    """Return a small timm network with untrained weights, which cost as much as trained weights."""
    from memlab.backbones.timm import Timm
    from memlab.models.regressor import MemorabilityRegressor

    return MemorabilityRegressor(Timm("test_resnet", pretrained=False, image_size=SIZE)).eval()


def make_images(folder: Path, count: int) -> list[Path]:
    """Write JPEG files of 256 pixels: smooth noise, each different."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    paths = []
    for place in range(count):
        coarse = rng.integers(0, 256, size=(24, 24, 3), dtype=np.uint8)
        path = folder / f"{place:05d}.jpg"
        Image.fromarray(coarse).resize((256, 256), Image.Resampling.BICUBIC).save(path, quality=90)
        paths.append(path)
    return paths


def by_hand(model, paths: list[Path], workers: int) -> list[float]:
    """Run the loop that a user would write without memlab."""
    import torch
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset
    from torchvision.transforms import v2

    transform = v2.Compose(
        [v2.PILToTensor(), v2.Resize((SIZE, SIZE), antialias=True), v2.ToDtype(torch.float32, True)]
    )

    class Files(Dataset):
        def __len__(self) -> int:
            return len(paths)

        def __getitem__(self, index: int):
            return transform(Image.open(paths[index]).convert("RGB"))

    scores: list[float] = []
    with torch.inference_mode():
        for images in DataLoader(Files(), batch_size=BATCH, num_workers=workers):
            scores += model(images).tolist()
    return scores


@contextmanager
def timed(total):
    """Add the block's seconds, wall clock and CPU time of this process, to `total` (2,)."""
    wall, busy = time.perf_counter(), time.process_time()
    yield
    total += (time.perf_counter() - wall, time.process_time() - busy)


def main() -> None:
    """Score the same files with both, in turn; then measure the peak memory in fresh processes."""
    import numpy as np
    import torch

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=5000, help="images (%(default)s)")
    parser.add_argument("--workers", type=int, default=0, help="processes that decode (0)")
    options = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    model = make_model()
    seconds: dict[str, list[float]] = {"memlab": [], "by hand": []}
    cpu: dict[str, list[float]] = {"memlab": [], "by hand": []}
    with tempfile.TemporaryDirectory() as folder:
        paths = make_images(Path(folder), options.n)
        model.predict(paths[:64])
        by_hand(model, paths[:64], options.workers)
        for _ in range(ROUNDS):
            # In turns of a few seconds, so that other load on the machine affects both equally.
            taken = {name: np.zeros(2) for name in seconds}
            ours, theirs = [], []
            for first in range(0, options.n, TURN):
                part = paths[first : first + TURN]
                with timed(taken["memlab"]):
                    table = model.predict(
                        part, batch_size=BATCH, num_workers=options.workers, progress=False
                    )
                ours += table["predicted"].tolist()
                with timed(taken["by hand"]):
                    theirs += by_hand(model, part, options.workers)
            for name, (wall, busy) in taken.items():
                seconds[name].append(wall)
                cpu[name].append(busy)
        difference = float(np.abs(np.array(ours) - np.array(theirs)).max())
        memory = {
            str(count): _memory(paths[:count]) for count in sorted({options.n // 5, options.n})
        }
    rates = {name: [options.n / value for value in values] for name, values in seconds.items()}
    ratios = [one / other for one, other in zip(rates["memlab"], rates["by hand"], strict=True)]
    result = {
        "images": options.n,
        "pixels": {"files": 256, "network": SIZE},
        "batch_size": BATCH,
        "workers": options.workers,
        "threads": torch.get_num_threads(),
        "rounds": ROUNDS,
        "images_per_second": {
            name: {"median": round(statistics.median(values), 1), "max": round(max(values), 1)}
            for name, values in rates.items()
        },
        "ratio_to_peer": {
            "median": round(statistics.median(ratios), 3),
            "all": [round(ratio, 3) for ratio in ratios],
        },
        "cpu_seconds_without_workers": {
            name: round(statistics.median(values), 2) for name, values in cpu.items()
        },
        "largest_difference_of_a_score": difference,
        "memory": memory,
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "versions": {
            name: version(name) for name in ("memlab", "torch", "torchvision", "timm", "pillow")
        },
    }
    path = Path(__file__).parent / "results" / "score.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def _memory(paths: list[Path]) -> dict[str, float]:
    found = subprocess.run(
        [sys.executable, "-c", MEMORY, str(Path(__file__).parent)],
        input="\n".join(map(str, paths)),
        capture_output=True,
        text=True,
        check=True,
    )
    return {name: round(value, 1) for name, value in json.loads(found.stdout).items()}


if __name__ == "__main__":
    main()
