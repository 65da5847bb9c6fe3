"""EfficientNet-Lite2 as pip installs it: ImageNet classes, and `transfer` beside scikit-learn.

The photographs are in LaMem's layout (images/, splits/) with classes.csv (image, imagenet_class).
The peer is a pipeline written by hand: Pillow, timm's network, Ridge of scikit-learn with its
strength chosen by GridSearchCV. It decodes, encodes and fits without memlab.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold, PredefinedSplit
from torchvision.models import ResNet50_Weights
from torchvision.transforms import v2

from memlab.backbones.efficientnet_lite import MEAN, STD, installed_file, weights_of
from memlab.stats.ridge import RELATIVE, row_folds

SIZE, CROP, BATCH = 260, 0.875, 32
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BICUBIC, BILINEAR = v2.InterpolationMode.BICUBIC, v2.InterpolationMode.BILINEAR


def network(classes: int) -> torch.nn.Module:
    """Return timm's network with the installed weights, with 1,000 classes or none."""
    full = timm.create_model("efficientnet_lite2", num_classes=1000)
    full.load_state_dict(weights_of(str(installed_file("lite2")), "lite2", full))
    if not classes:
        full.reset_classifier(0)
    return full.eval()


def encode(paths: list[Path], net: torch.nn.Module, resize: list, mean, std) -> torch.Tensor:
    """Return the network's outputs of image files."""
    to_tensor = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    transform = v2.Compose([*resize, *to_tensor])
    found = []
    with torch.inference_mode():
        for first in range(0, len(paths), BATCH):
            images = [Image.open(path).convert("RGB") for path in paths[first : first + BATCH]]
            found.append(net(torch.stack([transform(image) for image in images])))
    return torch.cat(found)


def classify(photos: Path) -> dict[str, object]:
    """Return top-1 and top-5 with three kinds of preparation."""
    with (photos / "classes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name.replace(" ", "_") for name in ResNet50_Weights.DEFAULT.meta["categories"]]
    unknown = [row["imagenet_class"] for row in rows if row["imagenet_class"] not in names]
    if unknown:
        raise SystemExit(f"classes.csv: no classes of ImageNet: {unknown[:5]}")
    truth = torch.tensor([names.index(row["imagenet_class"]) for row in rows])
    paths = [photos / "images" / row["image"] for row in rows]
    crop = [v2.Resize(round(SIZE / CROP), interpolation=BICUBIC), v2.CenterCrop(SIZE)]
    squash = [v2.Resize((SIZE, SIZE), interpolation=BILINEAR)]
    net = network(1000)
    result: dict[str, object] = {"images": len(rows)}
    for name, resize, constants in (
        ("bicubic, crop .875, mean 127/255 and SD 128/255", crop, (MEAN, STD)),
        ("squashed to a square, bilinear, as memlab does", squash, (MEAN, STD)),
        ("bicubic, crop .875, ImageNet's mean and SD", crop, IMAGENET),
    ):
        ranked = encode(paths, net, resize, *constants).topk(5).indices == truth[:, None]
        top = {"top_1": ranked[:, 0], "top_5": ranked.any(1)}
        result[name] = {key: round(float(hit.float().mean()), 4) for key, hit in top.items()}
    return result


def by_hand(photos: Path) -> tuple[dict[str, np.ndarray], float]:
    """Return features by image name, and images per second."""
    paths = sorted((photos / "images").iterdir())
    net = network(0)
    began = time.perf_counter()
    found = encode(paths, net, [v2.Resize((SIZE, SIZE), interpolation=BILINEAR)], MEAN, STD)
    rate = len(paths) / (time.perf_counter() - began)
    return dict(zip((path.name for path in paths), found.numpy(), strict=True)), rate


def scores(photos: Path, split: str, number: int) -> tuple[list[str], np.ndarray]:
    """Return names and scores of a split."""
    lines = (photos / "splits" / f"{split}_{number}.txt").read_text().split("\n")
    pairs = [line.split() for line in lines if line.strip()]
    return [name for name, _ in pairs], np.array([float(score) for _, score in pairs])


def fitted(train: np.ndarray, y: np.ndarray, test: np.ndarray, folds) -> tuple[float, np.ndarray]:
    """Return the strength that scikit-learn chooses, and its predictions."""
    unit = train.var(axis=0).mean()
    grid = {"alpha": [unit * strength for strength in RELATIVE]}
    search = GridSearchCV(Ridge(), grid, scoring="neg_mean_squared_error", cv=folds)
    search.fit(train, y)
    return float(search.best_params_["alpha"]), search.predict(test)


def memlab(photos: Path, number: int, folder: Path) -> dict[str, float]:
    """Run `memlab fit --config transfer` on a split, and return what it reports."""
    run = folder / f"split-{number}"
    command = [sys.executable, "-m", "memlab", "fit", "--config", "transfer"]
    command += [f"--data.root={photos}", f"--data.split={number}", f"--out={run}"]
    command += [f"--data.feature_cache={folder / 'features'}", "--ablation=none", "--maps=0"]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - began
    results = json.loads((run / "fit" / "results.json").read_text())
    computed = re.findall(r"features of (\d+) images in ([\d.]+) s", done.stderr)
    return {
        "rho": results["metrics"]["spearman"]["value"],
        "strength": results["ridge"]["chosen"]["strength"],
        "seconds": round(seconds, 1),
        "computed": sum(int(count) for count, _ in computed),
        "seconds_of_features": sum(float(taken) for _, taken in computed),
    }


def compare(photos: Path) -> dict[str, object]:
    """Return Spearman's ρ of both on every split, and their images per second."""
    features, rate = by_hand(photos)
    splits = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(1, 6):
            ours = memlab(photos, number, Path(folder))
            (names, y), (tested, truth) = (
                scores(photos, "train", number),
                scores(photos, "test", number),
            )
            x, test = (np.stack([features[name] for name in part]) for part in (names, tested))
            fold_of = np.empty(len(y), dtype=int)
            for place, rows in enumerate(row_folds(len(y), seed=0)):
                fold_of[rows] = place
            entry: dict[str, object] = {"split": number, "train": len(y), "test": len(truth)}
            entry["memlab"] = ours
            for name, folds in (
                ("scikit_learn_same_folds", PredefinedSplit(fold_of)),
                ("scikit_learn_own_folds", KFold(10, shuffle=True, random_state=0)),
            ):
                began = time.perf_counter()
                strength, predicted = fitted(x, y, test, folds)
                entry[name] = {
                    "rho": float(spearmanr(predicted, truth).statistic),
                    "strength": strength,
                    "seconds_of_fit": round(time.perf_counter() - began, 1),
                }
            print(json.dumps(entry))
            splits.append(entry)
    ours = [one["memlab"] for one in splits]
    return {
        "labels": "scores that ResMem gave the photographs, not people's answers",
        "images_per_second": {
            "memlab": round(
                sum(one["computed"] for one in ours)
                / sum(one["seconds_of_features"] for one in ours),
                1,
            ),
            "by_hand": round(rate, 1),
        },
        "splits": splits,
        "largest_difference_of_rho": {
            name: round(max(abs(one["memlab"]["rho"] - one[name]["rho"]) for one in splits), 4)
            for name in ("scikit_learn_same_folds", "scikit_learn_own_folds")
        },
    }


def main() -> None:
    """Classify the photographs, then train on their scores with memlab and by hand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True, help="folder of the photographs")
    photos = parser.parse_args().photos.resolve()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    result = {
        "classes": classify(photos),
        "transfer": compare(photos),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "versions": {
            name: version(name)
            for name in ("memlab", "torch", "torchvision", "timm", "pillow", "scikit-learn")
        },
    }
    path = Path(__file__).parent / "results" / "pretrained.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
