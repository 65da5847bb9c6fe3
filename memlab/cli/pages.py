"""Help pages with the most used options, shown immediately. The standard library only."""

from __future__ import annotations

from pathlib import Path

MAIN = """\
memlab: what makes an image memorable to a model, and is it what people remember?

usage: memlab COMMAND [options]        memlab COMMAND --help for each

  fit        train a model; then test the best checkpoint, ablate images, explain
  test       test a trained model, with any ablations
  repeat     fit on several splits, or from several seeds: mean ± SD
  compare    runs against each other, paired by image: memlab compare RUN RUN...
  attributes what correlates with score, prediction and error: memlab attributes RUN
  study      the Columbia student study, end to end: memlab study --data.root DIR [--model MODEL]
  validate   metrics on the validation split
  predict    scores for a whole data set, on any devices
  score      scores for some images: memlab score MODEL IMAGES...
  explain    maps of some images: memlab explain MODEL IMAGES... --out DIR
  ablate     effects of ablations on some images: memlab ablate MODEL IMAGES... --ablation NAME
  apply      write ablated images, no model: memlab apply IMAGES... --ablation NAME --out DIR
  data       check | ceiling | subset | cache | synthetic: look after data sets
  regions    find | import | review | reject: masks of faces, people, text, ... in a store
  plugins    what is installed, from where, and whether it is sound

try:
  memlab fit --config quickstart                        rendered images, minutes on a laptop
  memlab test --ablation blur --ablation.sigma 4        on the newest finished run
  memlab score runs/NAME photos/                        MODEL: a run, a checkpoint, a plugin's name

options: -h, --help     -V, --version
"""

FOLDER = Path(__file__).parent / "help"
"""Folder of the pages that `memlab.cli.page_writer` writes."""


def page(command: str) -> str:
    """Return the short page of one of the Trainer's commands."""
    return (FOLDER / f"{command}.txt").read_text(encoding="utf-8")


def show(text: str) -> None:
    """Print a page to standard output."""
    print(text.rstrip("\n"))  # noqa: T201
