"""Recall and precision of a detector on photographs: threshold from one half, counts on the other.

    python benchmarks/detector_photographs.py PHOTOS --truth people.csv --with objectron \
        --weights FILE --thresholds 0.3 0.35 0.4 0.45 0.5 --out objectron.json

The truth is a table of two columns: image, and the region, with `yes` or `no` for each image; any
other word leaves the image out. The threshold is the one with the best F1 on the images with an
even number, where several are equally good the highest; a single threshold is used as it is. The
counts that describe the detector are those of the images with an odd number, by image: `there` with
the region, `found` of these with a mask, `marked` with a mask, `right` of these with the region.
Intervals are Wilson's, 95 %.

With --labels the second column has `no` or the labels that the image shows, separated by `;`. An
image counts as found, and its mask as right, if one of its detections has one of these labels.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from scipy.stats import binomtest

from memlab.cli.plugin_names import class_path
from memlab.detection.detector import provenance_of
from memlab.imaging.decode import decode
from memlab.imaging.pixels import to_unit
from memlab.spec import import_class

Judge = Callable[[Any, torch.Tensor, str], tuple[bool, bool]]
"""Detector, image and truth to: marked, and marked rightly."""


def by_mask(detector: Any, image: torch.Tensor, truth: str, region: str) -> tuple[bool, bool]:
    """Judge an image by whether it has a mask."""
    marked = bool(detector(image[None])[region].any())
    return marked, marked and truth == "yes"


def by_label(detector: Any, image: torch.Tensor, truth: str, region: str) -> tuple[bool, bool]:
    """Judge an image by the labels of its detections that have a mask."""
    if not bool(detector(image[None])[region].any()):
        return False, False
    labels = {detector.labels[index] for index in detector.boxes(image).classes}
    return True, bool(labels & set(truth.split(";")))


@torch.no_grad()
def counts(detector: Any, root: Path, rows: pd.DataFrame, judge: Judge) -> dict[str, int]:
    """Return the counts over some images; columns `image` and `truth`."""
    result = dict.fromkeys(("there", "found", "marked", "right"), 0)
    for name, truth in rows.itertuples(index=False):
        marked, right = judge(detector, to_unit(decode(root / name)[None])[0], truth)
        result["there"] += truth != "no"
        result["marked"] += marked
        result["right"] += right
    result["found"] = result["right"]
    return result


def interval(part: int, whole: int) -> list[float]:
    """Return Wilson's 95 % interval of a share."""
    found = binomtest(part, whole).proportion_ci(method="wilson") if whole else None
    low, high = (0.0, 1.0) if found is None else (float(found.low), float(found.high))
    return [round(low, 3), round(high, 3)]


def f1(row: dict[str, int]) -> float:
    """Return the harmonic mean of recall and precision."""
    return 2 * row["right"] / max(row["there"] + row["marked"], 1)


def best(rows: Sequence[tuple[float, dict[str, int]]]) -> float:
    """Return the highest of the thresholds with the best F1."""
    return max((f1(row), threshold) for threshold, row in rows)[1]


def main() -> None:
    """Choose, count, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--with", dest="detector", required=True)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--thresholds", type=float, nargs="+", required=True)
    parser.add_argument("--labels", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()

    table = pd.read_csv(options.truth, dtype=str)
    region = table.columns[1]
    table = table.set_axis(["image", "truth"], axis=1).sort_values("image")
    even = table["image"].map(lambda name: int(Path(name).stem) % 2 == 0)
    used = table["truth"].isin(["yes", "no"]) | options.labels
    judge = by_label if options.labels else by_mask
    cls = import_class(class_path("regions", options.detector))
    given: dict[str, Any] = {"weights": options.weights} if options.weights else {}
    if "regions" in signature(cls).parameters:
        given["regions"] = region  # the other region takes its time

    def counted(half: pd.DataFrame, threshold: float) -> dict[str, int]:
        detector = cls(threshold=threshold, **given).eval()
        return counts(detector, options.photos, half, lambda *judged: judge(*judged, region))

    chosen_on = [(value, counted(table[used & even], value)) for value in options.thresholds]
    chosen = best(chosen_on) if len(chosen_on) > 1 else options.thresholds[0]
    odd = counted(table[used & ~even], chosen)
    detector = cls(threshold=chosen, **given)
    report = {
        "detector": provenance_of(detector, {}),
        "region": region,
        "by": "label" if options.labels else "mask",
        "left_out": {"even": int((even & ~used).sum()), "odd": int((~even & ~used).sum())},
        "even": {
            "images": int((used & even).sum()),
            "by_threshold": {f"{t:g}": c for t, c in chosen_on},
        },
        "threshold": chosen,
        "threshold_chosen_on_even": len(chosen_on) > 1,
        "odd": {
            "images": int((used & ~even).sum()),
            **odd,
            "recall_interval": interval(odd["found"], odd["there"]),
            "precision_interval": interval(odd["right"], odd["marked"]),
        },
    }
    options.out.write_text(json.dumps(report, indent=2) + "\n")
    for threshold, row in chosen_on:
        print(f"even, from {threshold:g}: {row}, F1 {f1(row):.3f}")
    print(f"odd, from {chosen:g}: {report['odd']}")


if __name__ == "__main__":
    main()
