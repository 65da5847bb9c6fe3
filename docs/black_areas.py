"""Show why Grad-CAM of a regressor falls on black areas, and what to do about it.

    python docs/black_areas.py [--seeds 5]

renders textures padded to squares by black bars, whose score is the colour of a spot; trains small
networks on the scores and on the scores in five bins; prints where the maps of both lie; and draws
docs/images/black-areas.png for docs/guides/maps.md. It takes a few minutes on one core.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate, mse_loss

from memlab.attributions.base import Attribution, Given, explain_branches
from memlab.attributions.contrast_cam import ContrastCAM
from memlab.attributions.grad_cam import GradCAM, GradCAMReLU
from memlab.attributions.overlays import overlay
from memlab.attributions.reference import reference_of
from memlab.attributions.trust import checks, on_regions
from memlab.backbones.base import Backbone
from memlab.models.base import MemorabilityModel
from memlab.models.regressor import MemorabilityRegressor

SIDE, SPOT, SHORTEST = 48, 0.07, 0.4
"""Pixels of a side; radius of the spot and shortest side of a photograph, in sides."""
MEAN, SPREAD, BINS = 0.5, 0.4, 5
"""Scores are uniform from MEAN to MEAN + SPREAD, and are cut into BINS of equal width."""
STEPS, BATCH = 600, 32
FIGURE = Path(__file__).resolve().parent / "images" / "black-areas.png"


@dataclass(frozen=True)
class Rendered:
    """Images (n, 3, SIDE, SIDE), scores (n,), and masks (n, 1, SIDE, SIDE) of black and spot."""

    images: Tensor
    scores: Tensor
    masks: dict[str, Tensor]


def rendered(n: int, seed: int) -> Rendered:
    """Return textures padded to squares by black bars; the redder a spot, the higher the score."""
    rng = torch.Generator().manual_seed(seed)
    across = (torch.arange(SIDE) + 0.5) / SIDE - 0.5
    down = across[:, None]
    extent = 0.5 * torch.ones(n, 2)
    extent[torch.arange(n), torch.randint(2, (n,), generator=rng)] *= SHORTEST + (
        0.9 - SHORTEST
    ) * torch.rand(n, generator=rng)
    tall, wide = extent.view(n, 2, 1, 1).unbind(dim=1)
    photograph = ((down.abs() < tall) & (across.abs() < wide)).float().unsqueeze(1)
    texture = 0.1 + 0.5 * torch.rand(n, 3, SIDE // 4, SIDE // 4, generator=rng)
    texture = interpolate(texture, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
    share = torch.rand(n, generator=rng)
    middle = (extent - SPOT) * (2 * torch.rand(n, 2, generator=rng) - 1)
    y, x = middle.view(n, 2, 1, 1).unbind(dim=1)
    spot = ((down - y).square() + (across - x).square() < SPOT**2).float().unsqueeze(1)
    plain = torch.full((n,), 0.9)
    colour = torch.stack([plain, plain - 0.8 * share, 0.1 * plain], dim=1).view(n, 3, 1, 1)
    images = torch.where(spot > 0, colour, texture) * photograph
    return Rendered(images, MEAN + SPREAD * share, {"black": 1 - photograph, "spot": spot})


def _block(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]


class Small(Backbone):
    """Three convolutions, and mean pooling: 12 × 12 cells."""

    feature_dim = 32
    input_size = SIDE
    mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)

    def __init__(self, pretrained: bool = False) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_block(3, 16, 2),
            *_block(16, 32, 2),
            *_block(32, 32, 1),
        )

    def stem(self, images: Tensor) -> Tensor:
        """Return the activations after the convolutions."""
        return self.layers(images)

    def tail(self, activations: Tensor) -> Tensor:
        """Return the mean over positions."""
        return activations.mean(dim=(2, 3))

    def grid(self, activations: Tensor) -> Tensor:
        """Return the activations."""
        return activations


class Binned(MemorabilityModel):
    """Classifier of the bin of a score; its maps explain the logit of the bin that it predicts."""

    input_size = SIDE

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Small()
        self.head = nn.Linear(self.backbone.feature_dim, BINS)
        self.stem, self.grid = self.backbone.stem, self.backbone.grid

    def weights_id(self) -> None:
        """Return nothing: the weights are in no file."""

    def logits(self, activations: Tensor) -> Tensor:
        """Return logits (B, BINS)."""
        return self.head(self.backbone.tail(activations))

    def score(self, activations: Tensor) -> Tensor:
        """Return the largest logit, (B,)."""
        return self.logits(activations).amax(dim=1)

    def forward(self, images: Tensor) -> Tensor:
        """Return the largest logit, (B,)."""
        return self.score(self.stem(images))


def bins_of(scores: Tensor) -> Tensor:
    """Return the bin of each score, 0 to BINS - 1."""
    return ((scores - MEAN) / SPREAD * BINS).long().clamp(max=BINS - 1)


def trained(kind: str, data: Rendered, seed: int) -> MemorabilityModel:
    """Return a network trained on scores or bins.

    Args:
        kind: `bins`; `scores`; or `scores, offset in the bias`, where the bias of the head starts
            at the mean score.
        data: images to learn from.
        seed: seed of the weights and of the order of the images.
    """
    torch.manual_seed(seed)
    model = Binned() if kind == "bins" else MemorabilityRegressor(Small(), head="linear")
    if kind.endswith("bias"):
        with torch.no_grad():
            model.head[0].bias.fill_(float(data.scores.mean().logit()))
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=STEPS)
    for _ in range(STEPS):
        some = torch.randint(len(data.images), (BATCH,))
        if isinstance(model, Binned):
            logits = model.logits(model.stem(data.images[some]))
            loss = cross_entropy(logits, bins_of(data.scores[some]))
        else:
            loss = mse_loss(model(data.images[some]), data.scores[some])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return model.eval()


def quality(model: MemorabilityModel, test: Rendered) -> str:
    """Return the accuracy of a classifier, or the correlation of a regressor with the scores."""
    with torch.no_grad():
        if isinstance(model, Binned):
            found = model.logits(model.stem(test.images)).argmax(dim=1)
            return f"accuracy {float((found == bins_of(test.scores)).float().mean()):.2f}"
        return f"r {np.corrcoef(model(test.images).numpy(), test.scores.numpy())[0, 1]:.2f}"


def figures(
    model: MemorabilityModel, method: Attribution, train: Rendered, test: Rendered
) -> tuple[Tensor, dict[str, float]]:
    """Return maps of the test images, and means over images of what they have where."""
    given = Given(reference_of(model, [train.images[:512]]))
    maps = explain_branches(method, model, test.images, given).maps
    regions = on_regions(maps, test.masks)
    black = regions["lift_black"] * regions["area_black"]
    found = {
        "mass on black": float(black.nanmean()),
        "lift on the spot": float(regions["lift_spot"].nanmean()),
        "empty maps": float(black.isnan().float().mean()),
        "sum on black": float(regions["inside_black"].mean()),
        "SD of it": float(regions["inside_black"].std()),
    }
    if not isinstance(model, Binned):
        names = [str(place) for place in range(len(maps))]
        with torch.no_grad():
            follows = checks(model, test.images, maps, given, names, seed=0)
        found |= {name: float(follows[name].nanmean()) for name in ("deletion", "insertion")}
    return maps, found


METHODS: dict[str, list[Attribution]] = {
    "scores": [GradCAMReLU(), GradCAM(), ContrastCAM()],
    "bins": [GradCAMReLU(), GradCAM(), ContrastCAM()],
    "scores, offset in the bias": [GradCAMReLU(), GradCAM(), ContrastCAM()],
}
CLASSIC = "grad_cam_relu"
DRAWN = {
    ("scores", CLASSIC): "Grad-CAM\nof the score",
    ("bins", CLASSIC): "Grad-CAM\nof the bin",
    ("scores", "contrast_cam"): "contrast_cam\nof the score",
}


def drawn(test: Rendered, maps: dict[tuple[str, str], Tensor], shown: list[int]) -> None:
    """Draw some images beside their maps.

    Classic maps are stretched to full colour one by one, as other tools draw them; the others have
    one scale.
    """
    figure = Figure(figsize=(6.4, 1.55 * len(shown) + 0.5), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(shown), 1 + len(DRAWN))
    for row, place in zip(panels, shown, strict=True):
        image = (test.images[place] * 255).byte().permute(1, 2, 0).numpy()
        row[0].imshow(image)
        row[0].set_ylabel(f"score {float(test.scores[place]):.2f}", fontsize=8)
        for panel, key in zip(row[1:], DRAWN, strict=True):
            signed = maps[key][place, 0]
            limit = (signed if key[1] == CLASSIC else maps[key]).abs().max()
            panel.imshow(overlay(image, signed.numpy(), float(limit) or 1.0))
        for panel in row:
            panel.set(xticks=[], yticks=[])
    for panel, title in zip(panels[0], ["image", *DRAWN.values()], strict=True):
        panel.set_title(title, fontsize=9)
    figure.savefig(FIGURE, dpi=100)


def main(seeds: int) -> int:
    """Train, print the table, and draw the figure."""
    torch.set_num_threads(1)
    train, test = rendered(1500, 0), rendered(100, 1)
    print(
        f"black: {float(test.masks['black'].mean()):.2f} of the area, "
        f"spot {float(test.masks['spot'].mean()):.3f}; {seeds} networks each"
    )
    kept: dict[tuple[str, str], list[Tensor]] = {}
    shown = 0
    for kind, methods in METHODS.items():
        models = [trained(kind, train, seed) for seed in range(seeds)]
        print(f"\n{kind}: {', '.join(quality(model, test) for model in models)}")
        if kind != "bins":
            offsets = [model.head[0].bias.item() for model in models]
            mean = float(train.scores.logit().mean())
            said = ", ".join(f"{offset:.2f}" for offset in offsets)
            print(f"  mean logit {mean:.2f}, of which the bias has {said}")
        for method in methods:
            every = [figures(model, method, train, test) for model in models]
            kept[kind, method.name] = [maps for maps, _found in every]
            masses = [found["mass on black"] for _maps, found in every]
            if (kind, method.name) == ("scores", CLASSIC):
                shown = int(np.argsort(masses)[len(masses) // 2])  # the median network
            said = []
            for name in every[0][1]:
                values = [found[name] for _maps, found in every]
                said.append(f"{name} {np.mean(values):.3f} [{min(values):.3f}, {max(values):.3f}]")
            print(f"  {method.name}: {'; '.join(said)}", flush=True)
    order = test.scores.argsort()
    places = [int(order[int(share * (len(order) - 1))]) for share in (0.95, 0.5, 0.05)]
    drawn(test, {key: maps[shown] for key, maps in kept.items()}, places)
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    sys.exit(main(parser.parse_args().seeds))
