"""Help pages with the most used options, shown immediately. The standard library only."""

from __future__ import annotations

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

_USUAL = """\
  --config NAME           a file, or one of memlab's own ({configs});
                          may be repeated, later ones win
{where}  --data.root DIR         the data set: a folder or a CSV file
  --data.source NAME      its layout: csv, folder, lamem, synthetic; recognised by default
                          (csv: --data.source.image COLUMN, --data.source.score COLUMN)
  --data.split S          1 to 5 for LaMem; 80/20 or 70/10/20 for a random split{split}
  --data.image_size N     side in pixels; the model's by default
  --data.batch_size N     images per batch (32)
  --data.num_workers N    processes that decode
  --data.cache DIR        keep decoded images there: later epochs and runs need not decode
  --data.masks PATH       where faces, people, ... are: a mask store, a COCO file, or a folder of
                          images REGION/IMAGE.png
  --data.empty_masks WHAT what an image without a mask has: none (of the region) or unknown
  --data.on_error HOW     fail or skip, for an image that cannot be read
  --trust MODULE:CLASS    a class of your own that a run folder may name; may be repeated
"""

_MODEL = """\
  --model.backbone NAME   resnet50 or timm (with --model.backbone.name ANY_TIMM_NETWORK)
  --model.backbone.pretrained BOOL     start from downloaded weights (true)
  --model.backbone.weights FILE        start from a local file
  --model.head NAME       mlp (two layers) or linear
  --model.loss NAME       mse, huber, or rank (order within the batch, and mse)
  --model.unfrozen N      train the head and the last N blocks; 0: the head alone; all (default)
  --model.layer_decay X   learning rate of each block as a share of the next one's (1); 0.75, say
  --model.compile BOOL    train through torch.compile (false)
  --model.optimizer NAME  any torch optimizer (Adam with lr 0.0001); its settings follow the name:
                          --model.optimizer Adam --model.optimizer.lr 0.001
"""

_EVALUATION = """\
  --ablation NAME         an ablation: blur, grayscale, center_crop, all, none, a family,
                          or a plugin's; may be repeated, parameters follow: --ablation.sigma 4
  --doses WHICH           primary or ladder (the whole dose curve)
  --controls K            draws of each control per image (8): the same change at another
                          position, the round trip of a swap; 0: faster, no controls and no
                          nuisance baseline
  --scan                  occlude cell by cell, outside all masks: finds marks that no region covers
  --attribution NAME      explain by maps: grad_cam, none, or a plugin's; may be repeated
  --maps N                images that are explained (16)
"""

_TRAINER = """\
  --trainer.accelerator NAME           cpu, gpu, auto
  --trainer.devices N     how many
"""

_END = """\
  --seed_everything N     seed of everything random (0)
  --print_config          print the resolved configuration and stop
  --help all              the rest; of a class: --model.help regressor, --ablation.help blur,
                          --model.backbone.help timm, --data.source.help csv
"""

_WRITES = """\
  --out DIR               the run folder; runs/TIME-NAME by default (--run DIR: the same)
"""

_TESTED = (
    ";\n"
    + " " * 26
    + "all: every image that the model was not trained on; by default\n"
    + " " * 26
    + "the run's own split, and all where it was not trained here"
)

_ALL = ";\n" + " " * 26 + "predict scores the images of all splits"

_TESTS = """\
  --run DIR               the run whose configuration and best checkpoint are used (the newest
                          finished run)
  --model MODEL           the model, in place of a run: a run folder, a checkpoint, a plugin's name,
                          one with a file of weights (vitmem:FILE), or package.module:Class
  --out DIR               write into a numbered folder in DIR, such as DIR/{command}-001; by
                          default in the run folder (with a --model that is no run, --run DIR: the
                          same)
"""

_CONFIGS = "quickstart, resnet50, timm, worlds/W3, data/lamem, ..."
COMMANDS: dict[str, str] = {
    "fit": "usage: memlab fit [--config NAME]... [options]\n\n"
    "Train a model, then test its best checkpoint, evaluate ablations and draw maps.\n\n"
    + _USUAL.format(configs=_CONFIGS, where=_WRITES, split="")
    + _MODEL
    + "  --data.augmentation NAME             of training images: none, flip, standard\n"
    + "  --trainer.max_epochs N  passes over the training images (10)\n"
    + "  --trainer.callbacks NAME             ema: average the weights; lr_finder: suggest a\n"
    + "                          learning rate and train nothing; or a class of Lightning's\n"
    + "  --trainer.overfit_batches 1          can it learn one batch by heart? nothing is tested\n"
    + _TRAINER
    + _EVALUATION
    + "  --ckpt_path last        go on with the run in --out, from the very step; previous: from\n"
    + "                          the checkpoint before; auto: start, go on or do nothing\n"
    + "  --checkpoint_every N    steps after which last.ckpt is written (at each epoch's end)\n"
    + _END,
    "test": "usage: memlab test [--run DIR] [--out DIR] [--ablation NAME]... [options]\n\n"
    "Test a trained model; with no run, configuration or model, the newest finished run.\n\n"
    + _USUAL.format(configs=_CONFIGS, where=_TESTS.format(command="test"), split=_TESTED)
    + "  --ckpt_path NAME        best (default) or last of the run, or a file\n"
    + _EVALUATION
    + _TRAINER
    + _END,
    "validate": "usage: memlab validate [--run DIR] [--out DIR] [options]\n\n"
    "Metrics of a trained model on the validation split.\n\n"
    + _USUAL.format(configs=_CONFIGS, where=_TESTS.format(command="validate"), split=_TESTED)
    + "  --ckpt_path NAME        best (default) or last of the run, or a file\n"
    + _TRAINER
    + _END,
    "predict": "usage: memlab predict [--run DIR] [--out DIR] --data.root DIR [options]\n\n"
    "Scores for every image of a data set, on any number of devices; rows.csv in the run.\n\n"
    + _USUAL.format(
        configs=_CONFIGS,
        where=_TESTS.format(command="predict"),
        split=_ALL,
    )
    + "  --ckpt_path NAME        best (default) or last of the run, or a file\n"
    + _TRAINER
    + _END,
}
"""The short page of each of the Trainer's commands."""


def show(text: str) -> None:
    """Print a page to standard output."""
    print(text.rstrip("\n"))  # noqa: T201
