"""Commands of memlab: the only list. Standard library only; modules are imported when used."""

from __future__ import annotations

from dataclasses import dataclass

TRAINER_COMMANDS = ("fit", "validate", "test", "predict")


@dataclass(frozen=True)
class Command:
    """Command of memlab.

    Args:
        module: module whose `run(arguments) -> exit code` is called.
        summary: line of `memlab --help`.
    """

    module: str
    summary: str


COMMANDS: dict[str, Command] = {
    name: Command(f"memlab.cli.{module}", summary)
    for name, module, summary in (
        ("fit", "trainer", "train a model; then test the best checkpoint, ablate images, explain"),
        ("test", "trainer", "test a trained model, with any ablations"),
        ("repeat", "repeat", "fit on several splits, or from several seeds: mean ± SD"),
        (
            "compare",
            "compare",
            "models against people and each other: memlab compare MODEL... [--people TABLE]",
        ),
        (
            "attributes",
            "attributes",
            "what correlates with score, prediction and error: memlab attributes RUN",
        ),
        (
            "audit",
            "audit",
            "what a model relies on, by a fixed protocol: memlab audit MODEL --data.root DIR",
        ),
        (
            "study",
            "study",
            "the Columbia student study, end to end: memlab study --data.root DIR [--model MODEL]",
        ),
        ("validate", "trainer", "metrics on the validation split"),
        ("predict", "trainer", "scores for a whole data set, on any devices"),
        ("score", "score", "scores for some images: memlab score MODEL IMAGES..."),
        ("explain", "explain", "maps of some images: memlab explain MODEL IMAGES... --out DIR"),
        (
            "ablate",
            "ablate",
            "effects of ablations on some images: memlab ablate MODEL IMAGES... --ablation NAME",
        ),
        (
            "apply",
            "apply",
            "write ablated images, no model: memlab apply IMAGES... --ablation NAME --out DIR",
        ),
        ("data", "data", "check | ceiling | subset | cache | synthetic: look after data sets"),
        (
            "regions",
            "regions",
            "find | import | review | reject: masks of faces, people, text, ... in a store",
        ),
        ("plugins", "plugins", "what is installed, from where, and whether it is sound"),
    )
}
"""Commands by name, in the order of `memlab --help`."""
