"""Recall and precision of detectors on synthetic images, whose masks are exact.

    memlab data synthetic --style A -n 120 --size 224 A
    memlab data synthetic --style B -n 120 --size 224 B
    python benchmarks/detector_quality.py A B --with memlab_detectors.faces:Faces --out faces.json

Counts are by image and region: a region counts as detected if the mask covers at least a quarter of
it, and a detection counts as correct if at least a quarter of the mask lies on the region. The
intersection over union is counted by pixel.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from memlab.data.sources.base import recognise
from memlab.detection.detector import provenance_of
from memlab.imaging.decode import decode
from memlab.imaging.pixels import to_unit
from memlab.spec import import_class

COVERED = 0.25


@torch.no_grad()
def counts(detector: torch.nn.Module, root: Path, n: int) -> dict[str, dict[str, float]]:
    """Return counts by region for the first images of a folder of synthetic images."""
    table = recognise(root).table(root)
    result: dict[str, dict[str, float]] = {}
    for name, image in table.rows[["id", "image"]].head(n).astype(str).itertuples(index=False):
        marks = detector(to_unit(decode(table.root / image)[None]))
        for region, mark in marks.items():
            if region not in table.masks:
                continue
            mask = table.masks[region].read(name, [region]).get(region)
            found = mark[0] > 0
            truth = torch.zeros_like(found) if mask is None else mask.inside > 0
            both, either = float((found & truth).sum()), float((found | truth).sum())
            row = result.setdefault(
                region, dict.fromkeys(("there", "found", "marked", "right", "both", "either"), 0)
            )
            row["there"] += bool(truth.any())
            row["found"] += bool(truth.any()) and both >= COVERED * float(truth.sum())
            row["marked"] += bool(found.any())
            row["right"] += bool(found.any()) and both >= COVERED * float(found.sum())
            row["both"] += both
            row["either"] += either
    return result


def main() -> None:
    """Count, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("roots", type=Path, nargs="+")
    parser.add_argument("--with", dest="detector", required=True)
    parser.add_argument("-n", type=int, default=120)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    detector = import_class(options.detector.replace(":", "."))().eval()
    sets = {root.name: counts(detector, root, options.n) for root in options.roots}
    report = {"detector": provenance_of(detector, {}), "n": options.n, "data_sets": sets}
    options.out.write_text(json.dumps(report, indent=2) + "\n")
    for name, regions in sets.items():
        for region, row in regions.items():
            print(
                f"{name} {region}: recall {row['found']} of {row['there']}, precision "
                f"{row['right']} of {row['marked']}, "
                f"IoU {row['both'] / max(row['either'], 1):.2f}"
            )


if __name__ == "__main__":
    main()
