"""Networks of the scorecard: which worlds, architectures and seeds, and how each is trained."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ARCHITECTURES = ("test_efficientnet", "test_byobnet")
"""Inverted bottlenecks with depthwise convolutions (0.10 M), and plain residual ones (0.20 M)."""

WORLDS = ("W2", "W4", "W9", "W11", "W8", "W3", "W5", "W10", "W7", "W6", "W1", "W0")
"""Rendered worlds; W12 needs photographs."""


@dataclass(frozen=True)
class Net:
    """One network: its world, rendering style, architecture and seed.

    Args:
        name: name of the folder: the configuration of the world, and the cue if it is another.
        world: world that it counts as; W1 for any with a single cue.
        style: rendering style.
        architecture: name of the backbone in timm.
        seed: seed of the training.
        weights: weights of the world, if they differ from its configuration.
    """

    name: str
    world: str
    style: str
    architecture: str
    seed: int
    weights: Mapping[str, float] = field(default_factory=dict, hash=False)

    @property
    def config(self) -> str:
        """Return the name of the configuration: `worlds/W6` of W6-saturation."""
        return f"worlds/{self.name.partition('-')[0]}"

    @property
    def key(self) -> str:
        """Return style and folder name: `B/W2-test_efficientnet-s0`."""
        return f"{self.style}/{self.name}-{self.architecture}-s{self.seed}"

    def run(self, runs: Path) -> Path:
        """Return the folder of the run."""
        return runs / self.key

    def images(self, runs: Path, kind: str = "") -> Path:
        """Return the folder of its images, which networks of one world and style share."""
        return runs / f"images-{self.name}-{self.style}{kind}"


def tuning_nets() -> list[Net]:
    """Return the 24 networks in style A: all worlds, and one cue after the other.

    A network does not learn the slope of the spectrum in W1, where blur varies as well; it is
    learned from the images of W2.
    """
    cues = ("palette", "face", "texture", "contrast", "layout")
    nets = [_single(cue, "A", ARCHITECTURES[0], 0) for cue in cues]
    nets += [Net("W2-slope", "W1", "A", ARCHITECTURES[0], 0, {"slope": 1})]
    nets += [_saturation("A", ARCHITECTURES[0], 0), _single("palette", "A", ARCHITECTURES[1], 0)]
    for architecture, worlds in zip(
        ARCHITECTURES,
        ("W6 W2 W11 W4 W9 W0", "W2 W3 W8 W5 W11 W7 W10 W4 W6 W0"),
        strict=True,
    ):
        nets += [Net(world, world, "A", architecture, 0) for world in worlds.split()]
    return nets


def scoring_nets() -> list[Net]:
    """Return the 48 networks in style B: 12 worlds, two architectures, two seeds.

    W1 has another cue in each of its four; W6 has blur with the first seed, saturation with the
    second.
    """
    cues = {
        (ARCHITECTURES[0], 0): "face",
        (ARCHITECTURES[1], 0): "texture",
        (ARCHITECTURES[0], 1): "palette",
        (ARCHITECTURES[1], 1): "contrast",
    }
    nets = []
    for seed in (0, 1):
        for world in WORLDS:
            for architecture in ARCHITECTURES:
                if world == "W1":
                    net = _single(cues[architecture, seed], "B", architecture, seed)
                elif world == "W6" and seed == 1:
                    net = _saturation("B", architecture, seed)
                else:
                    net = Net(world, world, "B", architecture, seed)
                nets.append(net)
    return nets


def photo_nets(style: str) -> list[Net]:
    """Return the networks of W12, which is rendered on photographs."""
    return [Net("W12", "W12", style, architecture, 0) for architecture in ARCHITECTURES]


def _single(cue: str, style: str, architecture: str, seed: int) -> Net:
    return Net(f"W1-{cue}", "W1", style, architecture, seed, {cue: 1})


def _saturation(style: str, architecture: str, seed: int) -> Net:
    return Net("W6-saturation", "W6", style, architecture, seed, {"saturation": 1})


def trained(net: Net, runs: Path) -> bool:
    """Return whether a network has been trained and tested."""
    return (net.run(runs) / "fit" / "results.json").is_file()


def train(net: Net, runs: Path, photos: Path | None = None) -> None:
    """Train a network unless that was done; an interrupted training goes on.

    Args:
        net: the network.
        runs: folder of all runs.
        photos: photographs, for W12.
    """
    if trained(net, runs):
        return
    given = ["--model.backbone.name", net.architecture, "--seed_everything", str(net.seed)]
    given += ["--data.source.style", net.style, "--data.num_workers", "0"]
    given += ["--trainer.enable_progress_bar", "false", "--ckpt_path", "auto", "--maps", "0"]
    if net.weights:
        given += ["--data.source.world.weights", json.dumps(dict(net.weights))]
    if photos:
        given += ["--data.source.photos", str(photos)]
    where = ["--run", str(net.run(runs)), "--data.root", str(net.images(runs))]
    run_memlab(["fit", "--config", net.config, *where, *given], net.run(runs))


def run_memlab(arguments: Sequence[str], run: Path, name: str = "log") -> None:
    """Run a command of memlab on one thread; its output goes to a file beside the run.

    Raises:
        CalledProcessError: if the command fails; the file says why.
    """
    run.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "memlab", *arguments]
    with run.with_name(f"{run.name}.{name}").open("w") as output:
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        subprocess.run(command, check=True, stdout=output, stderr=output, env=environment)
