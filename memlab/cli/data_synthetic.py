"""memlab data synthetic: synthetic images with known causes of memorability, by world."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from memlab.cli.options import Options
from memlab.cli.worlds import read_world, weights, worlds
from memlab.errors import MemlabError


def render_synthetic(arguments: list[str]) -> int:
    """Run `memlab data synthetic`; return the exit code."""
    lines = "\n".join(f"  {name:<5}{title}" for name, title in worlds().items())
    description = f"""\
Render memlab's own images, with exact masks and scores. A world says what makes the score; each
is a file, configs/worlds/NAME.yaml, that also trains a small network on it. Without --world, the
images of the quickstart: people make the score.

{lines}

  memlab data synthetic --world W3 --style A data/worlds/W3
  memlab fit --config worlds/W3

Two rendering styles, A and B, share neither glyphs nor textures, so that a method tuned on one can
be tested on the other. synthetic.json in the folder has the declaration, synthetic.csv every cause.
"""
    parser = Options("data synthetic", description)
    parser.add_argument("root", metavar="DIR", type=Path, help="folder to render into")
    parser.add_argument("--world", metavar="W", help="one of these, or a YAML file of your own")
    parser.add_argument("--style", choices=("A", "B"), help="rendering style (A)")
    parser.add_argument("-n", type=int, help="how many images (as the world's file says, or 1500)")
    parser.add_argument("--seed", type=int, help="of the images (0)")
    parser.add_argument("--size", type=int, help="side in pixels (64)")
    parser.add_argument("--r2", type=float, help="share of the scores' variance that is explained")
    parser.add_argument(
        "--weights",
        metavar="TERM=WEIGHT,...",
        type=weights,
        help="what makes the score instead: face=1,face*text=.5",
    )
    parser.add_argument(
        "--masks",
        choices=("exact", "degraded"),
        help="exact, or as by a poor detector: IoU .6, a fifth missed; same images (exact)",
    )
    parser.add_argument("--photos", metavar="DIR", type=Path, help="your photographs, for W12")
    options = parser.parse_args(arguments)
    if (options.n or 1) < 1 or (options.size or 64) < 32 or (options.seed or 0) < 0:
        raise MemlabError(
            "at least one image (-n), of at least 32 pixels (--size), --seed 0 or more"
        )
    changed: dict[str, Any] = {}
    if options.world:
        world, changed = read_world(options.world, r2=options.r2, weights=options.weights)
        changed["world"] = world
    elif options.weights or options.r2 is not None:
        raise MemlabError("--weights and --r2 change a world; say which, such as --world W1")
    chosen = {name: getattr(options, name) for name in ("style", "n", "seed", "size", "masks")}
    chosen["photos"] = options.photos
    changed |= {name: value for name, value in chosen.items() if value is not None}

    from memlab.data.sources.synthetic import render, settled
    from memlab.numbers import number
    from memlab.synthetic import noise_ceiling

    declaration = settled(options.root, changed)
    path = render(options.root, declaration)
    print(f"{declaration.n} images: {path}")  # noqa: T201
    ceiling = noise_ceiling(declaration.world)
    print(  # noqa: T201
        f"world {declaration.world.name}, style {declaration.style}; a perfect predictor can "
        f"expect Spearman {number(ceiling.spearman, 3)}, Pearson {number(ceiling.pearson, 3)} "
        "(simulated)"
    )
    return 0
