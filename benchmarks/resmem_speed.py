"""Images per second of ResMem in memlab, beside the loop in the package's own README.

Both read the same files and run the same weights in turn, one turn a few images long. Needs the
packages memlab-resmem and resmem (489 MB, for non-commercial use only).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from importlib.metadata import version
from pathlib import Path

BATCH = 8


def theirs():
    """Return the package's network in evaluation mode, without its download of ImageNet weights."""
    import resmem
    from torchvision.models import resnet152

    resmem.resnet152 = lambda **_: resnet152(weights=None)
    return resmem.ResMem(pretrained=True).eval()


def by_hand(model, paths: list[Path]) -> list[float]:
    """Run the package's own loop: its transformer, one image at a time."""
    import torch
    from PIL import Image
    from resmem import transformer

    scores = []
    with torch.no_grad():
        for path in paths:
            crop = transformer(Image.open(path).convert("RGB"))
            scores.append(model(crop.view(-1, 3, 227, 227)).item())
    return scores


def main() -> None:
    """Score the same files with both, in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path, help="a folder")
    parser.add_argument("-n", type=int, default=24, help="images, the first by name (24)")
    options = parser.parse_args()

    import numpy as np
    import torch

    import memlab
    from memlab.files import find_images

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    paths = find_images([options.images])[: options.n]
    ours, other = memlab.load("resmem"), theirs()
    ours.predict(paths[:1], progress=False)
    by_hand(other, paths[:1])
    rates: dict[str, list[float]] = {"memlab": [], "package": []}
    scores: dict[str, list[float]] = {"memlab": [], "package": []}
    for first in range(0, len(paths), BATCH):
        part = paths[first : first + BATCH]
        begun = time.perf_counter()
        table = ours.predict(part, batch_size=BATCH, progress=False)
        between = time.perf_counter()
        scores["package"] += by_hand(other, part)
        ended = time.perf_counter()
        scores["memlab"] += table["predicted"].tolist()
        rates["memlab"].append(len(part) / (between - begun))
        rates["package"].append(len(part) / (ended - between))
    ratios = [one / two for one, two in zip(rates["memlab"], rates["package"], strict=True)]
    gap = np.abs(np.subtract(scores["memlab"], scores["package"]))
    result = {
        "images": len(paths),
        "batch_size": {"memlab": BATCH, "package": 1},
        "threads": torch.get_num_threads(),
        "images_per_second": {
            name: round(statistics.median(values), 2) for name, values in rates.items()
        },
        "ratio_to_peer": {
            "median": round(statistics.median(ratios), 3),
            "all": [round(ratio, 3) for ratio in ratios],
        },
        "difference_of_a_score": {"largest": float(gap.max()), "mean": float(gap.mean())},
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("memlab", "resmem", "torch", "pillow")},
    }
    path = Path(__file__).parent / "results" / "resmem_speed.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
