"""Maps of photographs beside Captum, pytorch-grad-cam and Quantus: values, times, memory.

ResNet50 and a small vision transformer with a class token have random weights: the figures are
ratios and differences. Times are processor seconds of one thread. Each method's time is divided by
that of a forward pass of the same images in the same round, in inference mode; the methods take
turns in a random order. Memory is the peak of the resident memory above that before the call. The
checks of maps, and 512 steps over pixels, are those of the transformer.

pytorch-grad-cam (`pip install grad-cam`) and Quantus (`pip install quantus`) are peers of this
benchmark alone. What is missing is left out.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import importlib.util
import json
import os
import platform
import random
import resource
import statistics
import sys
import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest import mock

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's mallopt
NETWORKS = {"ResNet50": "resnet50", "ViT-Ti/16": "vit_tiny_patch16_224"}
MANY_STEPS = 512
PEERS = {"pytorch_grad_cam": "grad-cam", "quantus": "quantus"}


def make_model(name: str, images: Any) -> Any:
    """Return a network with random weights; batch statistics are those of the photographs."""
    import torch
    from torch import nn

    from memlab.backbones.timm import Timm
    from memlab.models.regressor import MemorabilityRegressor

    torch.manual_seed(0)
    model = MemorabilityRegressor(Timm(name, pretrained=False))
    norms = [one for one in model.modules() if isinstance(one, nn.BatchNorm2d)]
    with torch.no_grad():
        for norm in norms:
            norm.momentum = 1.0
            norm.weight.fill_(1.0)  # timm starts residual branches at 0
        if norms:
            model.train()(images)
        model.head[-1].weight.mul_(10.0)  # scores that differ
    return model.eval()


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


def network(name: str, photos: list[Path], options: argparse.Namespace) -> dict[str, Any]:
    """Return all figures of one network."""
    import attribution_peers as peers
    import attribution_trust as trust
    import timm
    import torch

    from memlab.attributions import integrals
    from memlab.attributions.base import Given, explain_branches
    from memlab.attributions.contrast_cam import ContrastCAM
    from memlab.attributions.grad_cam import GradCAM
    from memlab.attributions.integrated_gradients import IntegratedGradients
    from memlab.attributions.reference import reference_of
    from memlab.data.inputs import Inputs

    tokens = name != "ResNet50"
    side = timm.get_pretrained_cfg(NETWORKS[name]).input_size[-1] if tokens else options.pixels
    (batch,) = Inputs(photos, side).batches(len(photos))
    images = batch["images"]
    model = make_model(NETWORKS[name], images)
    some = images[: options.slow]

    def forward(pixels: Any) -> Callable[[], Any]:
        def run() -> Any:
            with torch.inference_mode():
                return model(pixels)

        return run

    scores = forward(images)()
    given = Given(reference_of(model, [images]))
    contrast = explain_branches(ContrastCAM(), model, images, given)
    quick = peers.layer_methods(model, images)
    quick["memlab contrast_cam"] = lambda: explain_branches(ContrastCAM(), model, images, given)
    maps, times = compared(forward(images), quick, options.rounds)
    maps.pop("memlab contrast_cam")
    files = {
        "predict": lambda: model.predict(photos, batch_size=len(photos), progress=False),
        "explain": lambda: model.explain(photos, batch_size=len(photos), progress=False),
    }
    found, of_files = compared(forward(images), files, 1)
    slow = peers.integrals(model, some, images[-1:])
    more, slow_times = compared(forward(some), slow, 1)
    every = peers.layer_methods(model, some)
    with mock.patch.object(integrals, "FEWEST", 2):  # all steps and cells are alike
        every |= peers.integrals(model, some, images[-1:], steps=2, cells=2)
        memory = {title: peak(action) for title, action in every.items()}
    memory["forward"] = peak(forward(some))
    one = images[:1]
    fixed = peers.fixed(model, images[-1:])
    steps = {}
    for count in (peers.STEPS, MANY_STEPS):
        for method in (ContrastCAM(), *[IntegratedGradients()] * tokens):
            with mock.patch.object(integrals, "FEWEST", count):
                steps[f"{method.name}, {count} steps"] = peak(
                    lambda m=method: explain_branches(m, model, one, fixed)
                )
    together = explain_branches(GradCAM(), model, images).scores
    return {
        "scores": {"mean": round(float(scores.mean()), 3), "sd": round(float(scores.std()), 4)},
        "pixels": side,
        "images": {"one pass": len(images), "many passes": len(some), "steps": 1},
        "differences": peers.differences(maps | more, side),
        "difference_of_scores_from_forward": float((together - scores).abs().max()),
        "difference_of_explain_from_predict": float(
            abs(found["explain"].predicted - found["predict"]["predicted"].to_numpy()).max()
        ),
        "contrast_cam": {
            "steps": sorted(contrast.columns["steps"].tolist()),
            "largest_residual_in_sd": float(
                contrast.columns["residual"].abs().max() / given.reference.sd
            ),
        },
        "one_pass": times,
        "files": of_files,
        "many_passes": slow_times,
        "memory_mb_of_many_passes_images": memory,
        "memory_mb_of_one_image": steps,
        "trust": trust.beside_quantus(model, images, some) if tokens else {},
    }


def main() -> None:
    """Measure each network, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True, help="folder of photographs")
    parser.add_argument("-n", type=int, default=16, help="photographs (%(default)s)")
    parser.add_argument(
        "--slow", type=int, default=4, help="photographs for methods of many passes (%(default)s)"
    )
    parser.add_argument("--pixels", type=int, default=224, help="side of ResNet50's images (224)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of one-pass methods (3)")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "results/attributions.json"
    )
    options = parser.parse_args()
    photos = sorted(options.photos.glob("*.jpg"))[: options.n]
    if len(photos) < options.n:
        sys.exit(f"attributions: {options.photos} has {len(photos)} .jpg files, not {options.n}")
    missing = [name for module, name in PEERS.items() if not importlib.util.find_spec(module)]
    if missing:
        print(f"attributions: not installed, left out: {', '.join(missing)}", file=sys.stderr)

    import torch

    torch.set_num_threads(1)
    result: dict[str, Any] = json.loads(options.out.read_text()) if options.out.is_file() else {}
    for name in options.networks:
        result[name] = network(name, photos, options)
        result |= {
            "weights": "random, seed 0",
            "rounds": options.rounds,
            "threads": torch.get_num_threads(),
            "cores": os.cpu_count(),
            "load_average": round(os.getloadavg()[0], 1),
            "python": platform.python_version(),
            "versions": {
                one: version(one)
                for one in ("memlab", "torch", "timm", "captum", *PEERS.values())
                if one not in missing
            },
        }
        options.out.write_text(json.dumps(result, indent=2) + "\n")
        print(f"{name}: written to {options.out}", file=sys.stderr)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
