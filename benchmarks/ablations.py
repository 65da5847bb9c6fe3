"""Cost of ablations outside the model, beside torchvision, Pillow and OpenCV.

Five measurements, one file of results:

1. Milliseconds per image for 12 conditions at 224 pixels through the engine, with a model
   without cost. memlab decodes once and changes the image twelve times. The comparison decodes
   once and, for each condition, adds the median time of the peers for the same change. One
   thread, and all cores.
2. The same by operator; the table shows where memlab is slower.
3. Counts: decoded images are n + distinct donors, forward passes n × (1 + conditions).
4. Peak memory (resident set of a fresh process) with 5 and with 50 conditions.
5. A whole evaluation of blur, grayscale and centre crop by an untrained ResNet50, against the
   method of the Columbia student study: Pillow, a JPEG on disk for each changed image, and a pass
   for each set.

Operators are looked up by name among memlab's own; missing operators are left out. OpenCV is needed
for this script only (`pip install opencv-python-headless`); without it its column is empty.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path

import torch
from ablation_costs import count, memory, whole_evaluation
from ablation_peers import PEERS, SIZE, cv2, operators
from ablation_times import BATCH, ROUNDS, measure
from score import make_images

from memlab.heap import keep_freed_memory


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, os.cpu_count() or 1])
    options = parser.parse_args()
    keep_freed_memory()  # as memlab's command line does; for both sides
    load = os.getloadavg()[0]  # other load on the machine
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        paths = make_images(root, BATCH)
        turns = [measure(paths, threads) for threads in options.threads]
        torch.set_num_threads(1)
        result = {
            "pixels": SIZE,
            "batch_size": BATCH,
            "rounds": ROUNDS,
            "twelve_conditions": turns,
            "left_out": sorted(set(PEERS) - set(operators())),
            "counts": count(root / "synthetic"),
            "peak_memory_mb": memory(),
            "whole_evaluation": whole_evaluation(paths[:24], root),
        }
    packages = ["memlab", "torch", "torchvision", "pillow", "kornia"]
    packages += ["opencv-python-headless"] if cv2 is not None else []
    result |= {
        "cores": os.cpu_count(),
        "load_average_before": round(load, 1),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
    }
    path = Path(__file__).parent / "results" / "ablations.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
