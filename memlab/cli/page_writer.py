"""Short help pages of the Trainer's commands, written from the parsers' own help.

    python -m memlab.cli.page_writer

writes `memlab/cli/help/COMMAND.txt`. `memlab COMMAND --help` shows the file, because the parsers
take seconds to import. Every option of memlab's own is on the page: of the data, the model, the
evaluations. Of Lightning's Trainer there are the options in `TRAINER`.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace

from memlab.cli.commands import TRAINER_COMMANDS
from memlab.cli.pages import FOLDER
from memlab.cli.trainer import run

TRAINER = {
    "accelerator": ("NAME", "cpu, gpu or auto"),
    "devices": ("N", "how many devices, or auto"),
    "precision": ("NAME", "32-true, bf16-mixed or 16-mixed"),
}
"""Options of Lightning's Trainer on every page."""

TRAINER_FIT = {
    "max_epochs": ("N", "passes over the training images"),
    "callbacks": (
        "NAME",
        "ema (average the weights), lr_finder (suggest a learning rate and train nothing) or a "
        "class of Lightning's",
    ),
    "overfit_batches": ("1", "can the network learn one batch by heart? nothing is tested"),
}
"""Options of Lightning's Trainer on the page of fit."""

ABOUT = {
    "fit": "Train a model, then test its best checkpoint, evaluate ablations and draw maps.",
    "test": "Test a trained model; with no run, configuration or model, the newest finished run.",
    "validate": "Metrics of a trained model on the validation split.",
    "predict": "Scores for every image of a data set, on any number of devices; rows.csv in the "
    "run.",
}

_CONFIG = (
    "--config NAME",
    "a file, or one of memlab's own (transfer, resnet50, timm, worlds/W3, data/lamem, ...); may "
    "be repeated, later ones win",
)
_TRUST = ("--trust MODULE:CLASS", "a class of your own that a run folder may name; may be repeated")
_TRAINED = (
    _CONFIG,
    ("--out DIR", "the run folder; runs/TIME-NAME by default (--run DIR: the same)"),
    (
        "--ckpt_path NAME",
        "last: go on with the run in --out, from the very step; previous: from the checkpoint "
        "before; auto: start, go on or do nothing",
    ),
    _TRUST,
)
_TESTED = (
    _CONFIG,
    (
        "--run DIR",
        "the run whose configuration and best checkpoint are used (the newest finished run)",
    ),
    (
        "--model MODEL",
        "the model, in place of a run: a run folder, a checkpoint, a plugin's model, or "
        "package.module:Class",
    ),
    (
        "--out DIR",
        "write into a numbered folder in DIR, such as DIR/{command}-001; by default in the run "
        "folder (with a --model that is no run, --run DIR: the same)",
    ),
    ("--ckpt_path NAME", "best (default) or last of the run, or a file"),
    _TRUST,
)
_END = (
    ("--print_config", "print the resolved configuration and stop"),
    (
        "--help all",
        "the rest; of a class: --model.help regressor, --model.backbone.help timm, --ablation.help "
        "blur, --data.source.help csv",
    ),
)
_OF_LIGHTNING = (
    *("ckpt_path", "weights_only", "verbose", "return_predictions"),
    *("print_config", "seed_everything"),
)
"""Options of the commands themselves that memlab takes over, or does not use."""

_WIDTH, _COLUMN = 100, 26


@dataclass(frozen=True)
class Option:
    """Option as the help of a parser shows it.

    Args:
        name: name without dashes, as in `data.root`.
        value: what follows the name: choices, or a word for the type.
        text: description, without type and default.
        default: text of the default value; empty if there is none.
    """

    name: str
    value: str
    text: str
    default: str


def page(command: str) -> str:
    """Return the short page of a command, from what `--help all` prints."""
    fit = command == "fit"
    known = {one.name: one for one in options(command, "--help", "all")}
    own = [one for one in known.values() if not one.name.startswith(("trainer.", "model"))]
    data = [one for one in own if one.name.startswith("data.")]
    rest = [one for one in own if "." not in one.name and one.name not in _OF_LIGHTNING]
    seed = replace(known["seed_everything"], value="N", text="seed of everything random")
    rest = [seed, *(rest if command in ("fit", "test") else ())]
    chosen = {**TRAINER, **(TRAINER_FIT if fit else {})}
    trainer = [
        replace(known[f"trainer.{name}"], value=value, text=text)
        for name, (value, text) in chosen.items()
    ]
    run_options = _TRAINED if fit else _TESTED
    parts = [[(name, text.format(command=command)) for name, text in run_options], _shown(data)]
    if fit:
        model = [
            *options(command, "--model.help", "regressor"),
            *options(command, "--model.backbone.help", "timm", prefix="model."),
        ]
        parts.append(_shown(model))
    parts += [_shown(rest), _shown(trainer), list(_END)]
    body = "\n".join("".join(_lines(name, text) for name, text in part) for part in parts)
    about = textwrap.fill(ABOUT[command], _WIDTH)
    return f"usage: memlab {command} [options]\n\n{about}\n\n{body}"


def options(command: str, *arguments: str, prefix: str = "") -> Iterator[Option]:
    """Yield the options that a command's help names, without those that only show more help.

    Args:
        command: one of the Trainer's commands.
        *arguments: arguments that print help.
        prefix: what the help leaves out before the names.
    """
    printed = io.StringIO()
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "10000"  # one line for each description
    try:
        with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
            run([command, *arguments])
    finally:
        del os.environ["COLUMNS"]
        if before is not None:
            os.environ["COLUMNS"] = before
    blocks = re.split(r"^  (?=--)", printed.getvalue(), flags=re.MULTILINE)[1:]
    for block in blocks:
        lines = block.split("\n\n")[0].split("\n")  # a blank line ends the group of options
        head, *described = re.split(r"\n|  +", "\n".join(lines).strip())
        name, _, value = head.split(", --")[0].removeprefix("--").partition(" ")
        if name.endswith(".help") or value.startswith(("CONFIG", "[=")):
            continue
        name = name if name.startswith(prefix) else prefix + name
        whole = " ".join(part for part in described if part)
        text, facts = whole, ""
        parted = re.fullmatch(r"(.*?) \(((?:required, )?type: .*|default: .*)\)", whole)
        if parted:
            text, facts = parted.groups()
        found = re.search(r"default: (.*?)(?:, known subclasses.*)?$", facts)
        default = found[1] if found else ""
        yield Option(name, _value(value, facts), text, default)


def _value(printed: str, facts: str) -> str:
    """Return what stands for a value: its choices, or a word for its type."""
    if not printed or printed.startswith("{true"):
        return "BOOL" if printed else ""
    if printed.startswith("{"):
        return printed
    kind = facts.partition("default:")[0]
    choices = re.search(r"type: (?:Optional\[)?Literal\[(.*?)\]", kind)
    if choices:
        return "{" + choices[1].replace("'", "").replace(" ", "") + "}"
    words = (("Path", "PATH"), ("str", "VALUE"), ("[Ii]nt", "N"), ("float", "X"))
    return next((word for pattern, word in words if re.search(pattern, kind)), "NAME")


def _shown(found: list[Option]) -> list[tuple[str, str]]:
    """Return names and descriptions: the first sentence, and a default that says something."""
    rows = []
    for option in found:
        sentence = re.split(r"\.(?: (?=[A-Z])|$)", option.text)[0]
        default = option.default.lower() if option.value == "BOOL" else option.default
        plain = not re.search(r"[\[{<]|^null$|^$|^False$|^0\.0$", option.default)
        told = f" ({default})" if plain and default not in sentence.split() else ""
        rows.append((f"--{option.name} {option.value}".rstrip(), f"{sentence}{told}"))
    return rows


def _lines(name: str, text: str) -> str:
    """Return an entry: the name, and the description from a fixed column."""
    indent = " " * _COLUMN
    described = textwrap.wrap(
        text, _WIDTH - _COLUMN, break_on_hyphens=False, break_long_words=False
    )
    if len(name) + 3 < _COLUMN:
        first = f"  {name}".ljust(_COLUMN) + (described[0] if described else "")
        return "\n".join([first.rstrip(), *(indent + line for line in described[1:])]) + "\n"
    return "\n".join([f"  {name}", *(indent + line for line in described)]) + "\n"


def main() -> int:
    """Write all pages."""
    FOLDER.mkdir(exist_ok=True)
    for command in TRAINER_COMMANDS:
        (FOLDER / f"{command}.txt").write_text(page(command), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
