"""Detection of faces in synthetic photos: matched filters of 20 crops, and a small network.

If a template could detect the faces of a world, the world would favour methods that look for one
fixed pattern. If a small network could not detect them, the world would test nothing. The network
is compared with matched filters: the score is the maximum of the normalised cross-correlation over
the image. The templates are the mean of 20 crops, the best of them (chosen on separate photos) and
all of them, in grey and in colour.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.fft import irfft2, rfft2
from scipy.stats import mannwhitneyu

from memlab.synthetic import World, render, sample

SIZE = 64
CROPS = 20
WORLD = World("all", {"face": 1.0})
"""World in which every cause varies; each figure is in half of the photos; persons face away."""


def photos(style: str, seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first photos of a seed, (count, size, size, 3) uint8, and face presence."""
    drawn = [sample(seed, index, WORLD, style) for index in range(count)]
    images = np.stack([render(latents, SIZE).image for latents in drawn])
    return images, np.array([latents.face is not None for latents in drawn])


def crops(style: str, seed: int) -> list[np.ndarray]:
    """Return the squares around the first 20 faces, float RGB in [0, 1]."""
    found, index = [], 0
    while len(found) < CROPS:
        latents = sample(seed, index, WORLD, style)
        index += 1
        if latents.face is None:
            continue
        place = latents.layout.face
        side = round(place.size * SIZE)
        left, top = (
            int(np.clip(round(at * SIZE - side / 2), 0, SIZE - side)) for at in (place.x, place.y)
        )
        image = render(latents, SIZE).image.astype(np.float32) / 255.0
        found.append(image[top : top + side, left : left + side])
    return found


def scan(images: np.ndarray, templates: list[np.ndarray]) -> np.ndarray:
    """Return the largest normalised cross-correlation with each template, (templates, photos).

    Args:
        images: (N, size, size, C) float32.
        templates: (h, w, C) each, smaller than an image.
    """
    size = images.shape[1]
    spectra = rfft2(images, axes=(1, 2))
    sums, squares = (
        np.pad(stack, ((0, 0), (1, 0), (1, 0), (0, 0))).cumsum(1).cumsum(2)
        for stack in (images.astype(np.float64), images.astype(np.float64) ** 2)
    )
    found = []
    for template in templates:
        high, wide = template.shape[:2]
        part = template - template.mean(axis=(0, 1))
        # The product wraps around, but not at positions that hold the whole template.
        kernel = np.conj(rfft2(part, (size, size), axes=(0, 1)))
        match = irfft2((spectra * kernel).sum(axis=3), (size, size), axes=(1, 2))
        match = match[:, : size - high + 1, : size - wide + 1]
        total, square = (
            table[:, high:, wide:]
            - table[:, :-high, wide:]
            - table[:, high:, :-wide]
            + table[:, :-high, :-wide]
            for table in (sums, squares)
        )
        spread = np.maximum(square - total**2 / (high * wide), 0.0).sum(axis=3)
        found.append((match / (np.sqrt(spread * (part**2).sum()) + 1e-6)).max(axis=(1, 2)))
    return np.stack(found)


def auc(scores: np.ndarray, there: np.ndarray) -> float:
    """Return the probability that an image with a face scores above an image without a face."""
    result = mannwhitneyu(scores[there], scores[~there])
    return float(result.statistic / (there.sum() * (~there).sum()))


def grey(image: np.ndarray) -> np.ndarray:
    """Return luma as an image of one band."""
    return image @ np.array([[0.299], [0.587], [0.114]], dtype=np.float32)


def mean_crop(found: list[np.ndarray]) -> np.ndarray:
    """Return the mean of crops, each resized to their mean size."""
    side = round(float(np.mean([crop.shape[0] for crop in found])))
    levels = [Image.fromarray(np.rint(crop * 255).astype(np.uint8)) for crop in found]
    return np.mean([np.asarray(level.resize((side, side))) for level in levels], 0) / 255.0


def matched(style: str, count: int) -> dict[str, float]:
    """Return the AUC of the matched filters on new photos."""
    found = crops(style, seed=1)
    templates = [*found, mean_crop(found).astype(np.float32)]
    images, there = photos(style, 3, count)
    chosen, chosen_there = photos(style, 2, 300)
    aucs = {}
    for name, view in (("grey", grey), ("colour", lambda image: image)):
        seen = [view(template) for template in templates]
        old, new = (
            scan(view(stack.astype(np.float32) / 255.0), seen) for stack in (chosen, images)
        )
        best = int(np.argmax([auc(scores, chosen_there) for scores in old[:-1]]))
        aucs[f"mean, {name}"] = auc(new[-1], there)
        aucs[f"best, {name}"] = auc(new[best], there)
        aucs[f"all, {name}"] = auc(new[:-1].max(axis=0), there)
    return aucs


def learned(style: str, train: int, test: int, epochs: int) -> tuple[float, int]:
    """Return the AUC of a small network on new photos, and its number of parameters."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    layers: list[nn.Module] = []
    before = 3
    for width, stride in ((24, 2), (32, 1), (48, 2), (64, 1), (80, 2), (80, 1)):
        layers += [nn.Conv2d(before, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)]
        layers += [nn.ReLU()]
        before = width
    net = nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(before, 1))
    parameters = sum(weights.numel() for weights in net.parameters())

    def tensors(seed: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        images, there = photos(style, seed, count)
        return torch.from_numpy(images).permute(0, 3, 1, 2), torch.from_numpy(there).float()

    images, there = tensors(4, train)
    batch = 64
    steps = epochs * (train // batch)
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    for step in range(steps):
        if step % (train // batch) == 0:
            order = torch.randperm(train)
        picked = order[(step % (train // batch)) * batch :][:batch]
        x = images[picked].float() / 255.0 - 0.5
        x = x.flip(3) if step % 2 else x
        x = torch.roll(x, tuple(torch.randint(-4, 5, (2,)).tolist()), (2, 3))
        loss = nn.functional.binary_cross_entropy_with_logits(net(x)[:, 0], there[picked])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    net.eval()
    new, new_there = tensors(3, test)
    with torch.inference_mode():
        logits = torch.cat([net(part.float() / 255.0 - 0.5)[:, 0] for part in new.split(256)])
    return auc(logits.numpy(), new_there.numpy() > 0), parameters


def rate(style: str, count: int = 300) -> float:
    """Return the images drawn and rendered per second of this process's time."""
    photos(style, 9, 20)
    start = time.process_time()
    photos(style, 9, count)
    return count / (time.process_time() - start)


def main() -> None:
    """Measure both styles and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=int, default=3000, help="photos to train on (3000)")
    parser.add_argument("--test", type=int, default=1000, help="new photos (1000)")
    parser.add_argument("--epochs", type=int, default=8, help="of the small net (8)")
    parser.add_argument("--styles", default="AB", help="which rendering styles (AB)")
    parser.add_argument("--no-net", action="store_true", help="the matched filters only")
    default = Path(__file__).parent / "results" / "faces.json"
    parser.add_argument("--output", type=Path, default=default, help="(results/faces.json)")
    options = parser.parse_args()
    styles = {}
    for style in options.styles:
        figures: dict[str, object] = {"images_per_second": round(rate(style), 1)}
        aucs = matched(style, options.test)
        figures["matched_filter_auc"] = {name: round(value, 4) for name, value in aucs.items()}
        print(style, json.dumps(figures), flush=True)
        if not options.no_net:
            start = time.process_time()
            value, parameters = learned(style, options.train, options.test, options.epochs)
            figures |= {"net_auc": round(value, 4), "net_parameters": parameters}
            figures["net_cpu_seconds"] = round(time.process_time() - start, 1)
            print(style, json.dumps(figures), flush=True)
        styles[style] = figures
    report = {
        "styles": styles,
        "crops": CROPS,
        "size": SIZE,
        "train": options.train,
        "test": options.test,
        "epochs": options.epochs,
        "threads": os.environ.get("OMP_NUM_THREADS", ""),
        "versions": {name: version(name) for name in ("numpy", "pillow", "torch")},
        "machine": f"{platform.machine()}, {os.cpu_count()} processors, {platform.system()}",
    }
    if not options.no_net:
        options.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
