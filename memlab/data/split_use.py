"""What a split is for, and how images were assigned to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from memlab.data.kept_split import KeptSplit

ALL = "all"
"""`--data.split all`: every image that the model was not trained on."""


Purpose = Literal["draw", "go_on", "begin", "test", "validate", "predict", "audit"]
WHOLE: tuple[Purpose, ...] = ("predict", "audit")
"""Purposes for which every image keeps the split that is known of it; none is left out."""


@dataclass(frozen=True)
class SplitUse:
    """Request for a split.

    Args:
        purpose: `draw` a new split; `go_on` with a run; `begin` a new run with the weights of
            another; or `test`, `validate`, `predict` or `audit`.
        kept: split of the run whose weights are used; None where the run keeps none, or there is
            no run.
        run: name of that run, for messages; None if the model was not trained here.
        model: name in messages for a model that was not trained here.
    """

    purpose: Purpose = "draw"
    kept: KeptSplit | None = None
    run: str | None = None
    model: str = "this model"

    @property
    def target(self) -> str:
        """Split that is evaluated."""
        return "val" if self.purpose == "validate" else "test"

    @property
    def used(self) -> tuple[str, ...]:
        """Splits of the run whose images this command must not evaluate."""
        return ("train",) if self.purpose == "validate" else ("train", "val")


@dataclass
class SplitRule:
    """How images were assigned to splits, for the results and for messages.

    Args:
        rule: `recorded` (the run's own), `table` (its column, or a numbered split), `random` or
            `all`.
        evaluated: number of images that are tested, validated or predicted.
        of: number of images in the table.
        left_out: number of images left out, by reason.
        sha256: SHA-256 of `split.csv`, if there is one.
        notes: sentences for the user, printed once.
    """

    rule: str
    evaluated: int = 0
    of: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    sha256: str | None = None
    notes: list[str] = field(default_factory=list)

    def describe(self) -> dict[str, Any]:
        """Return the rule as plain data for the results."""
        return {
            "rule": self.rule,
            "evaluated": self.evaluated,
            "of": self.of,
            "left_out": self.left_out,
            "sha256": self.sha256,
            "notes": self.notes,
        }
