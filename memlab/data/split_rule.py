"""Assignment of images to splits: the only code that decides what a command trains on and tests.

A run keeps its split image by image (`memlab.data.kept_split`). A training image is never tested,
whatever the table says now. A model that was not trained here is tested on all images, unless the
table or the user says otherwise. No torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from memlab.data.kept_split import KeptSplit
from memlab.data.known_images import Known, first_names, recognise_images
from memlab.data.splits import parse_shares, random_split
from memlab.data.table import Table
from memlab.errors import DataError

ALL = "all"
"""`--data.split all`: every image that the model was not trained on."""

USUAL = (0.7, 0.1, 0.2)
"""Shares of a random split by default."""

Purpose = Literal["draw", "go_on", "begin", "test", "validate", "predict"]


@dataclass(frozen=True)
class SplitUse:
    """Request for a split.

    Args:
        purpose: `draw` a new split; `go_on` with a run; `begin` a new run with the weights of
            another; or `test`, `validate` or `predict`.
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


def decide(
    table: Table,
    split: int | str | None,
    split_seed: int,
    use: SplitUse,
    contents: Callable[[], Sequence[str]],
) -> tuple[Table, SplitRule]:
    """Assign every image to a split, or to none.

    Args:
        table: the table as read; its `split` column is the table's own, or a numbered split.
        split: number, shares, `all`, or None.
        split_seed: seed of a random split.
        use: what the split is for.
        contents: returns the SHA-256 of every row's file; called only if a split is kept.

    Returns:
        The table with its splits; an image in no split has NA.

    Raises:
        DataError: if the split contradicts what the run keeps, or no image is left.
    """
    if split == ALL and use.purpose in ("draw", "go_on", "begin"):
        raise DataError(
            "--data.split all: that is for tests; training needs images to train on, to choose by "
            "and to test on: give shares, as in 80/20, or a table with a split column"
        )
    if use.purpose == "draw":
        drawn, rule = _drawn(table, split, split_seed)
        found = drawn, SplitRule(rule)
    elif use.run is None:
        found = _untrained(table, split, split_seed, use)
    elif use.kept is None:
        found = _unknown(table, split, split_seed, use)
    else:
        known = recognise_images(use.kept, table.rows, contents())
        decided = {"go_on": _gone_on, "begin": _begun}.get(use.purpose, _evaluated)
        found = decided(table, split, split_seed, use, known)
        found[1].notes += known.notes(use.run, scores=_same_labels(split, use.kept))
    chosen, result = found
    result.of = len(chosen.rows)
    in_target = int((chosen.rows["split"] == use.target).sum())
    result.evaluated = result.of if use.purpose == "predict" else in_target
    return chosen, result


def _drawn(table: Table, split: int | str | None, split_seed: int) -> tuple[Table, str]:
    """Return the split that the option asks for: the table's own, or a random one."""
    if isinstance(split, str):
        return random_split(table, parse_shares(split), split_seed), "random"
    if table.rows["split"].isna().all():
        return random_split(table, USUAL, split_seed), "random"
    return table, "table"


def _whole(table: Table, target: str | None) -> Table:
    return table.with_split(np.full(len(table.rows), target, dtype=object))


def _untrained(
    table: Table, split: int | str | None, split_seed: int, use: SplitUse
) -> tuple[Table, SplitRule]:
    """Use all images unless the table or the user says otherwise: none was trained on."""
    own = bool(table.rows["split"].notna().any())
    if split == ALL or (split is None and not own):
        chosen = _whole(table, None if use.purpose == "predict" else use.target)
        why = f"{use.model} was not trained here"
        return chosen, SplitRule("all", notes=_said(chosen, use, why))
    chosen, rule = _drawn(table, split, split_seed)
    why = _of_table(split, use) if rule == "table" else f"--data.split {split}"
    return chosen, SplitRule(rule, notes=_said(chosen, use, why, hint=True))


def _unknown(
    table: Table, split: int | str | None, split_seed: int, use: SplitUse
) -> tuple[Table, SplitRule]:
    """Split as the table and the options say now: the run kept no split."""
    notes = []
    if use.purpose != "predict":
        notes.append(
            f"{use.run} keeps no split (an earlier memlab trained it): images are split as the "
            "table is now; if it changed since, images that were trained on may be tested"
        )
    if split == ALL:
        chosen, rule = _whole(table, use.target), "all"
    else:
        chosen, rule = _drawn(table, split, split_seed)
    why = {
        "all": "--data.split all",
        "random": f"the {use.target} split, drawn anew",
        "table": _of_table(split, use),
    }[rule]
    return chosen, SplitRule(rule, notes=[*notes, *_said(chosen, use, why)])


def _gone_on(
    table: Table, split: int | str | None, split_seed: int, use: SplitUse, known: Known
) -> tuple[Table, SplitRule]:
    """Resume with the split of the run; new images are left out."""
    kept = _kept(use)
    if _asks_another(table, split, split_seed, kept):
        asked, was = "split", kept.split
        if split == kept.split:
            asked, was = "split_seed", kept.split_seed
        value = {"split": split, "split_seed": split_seed}[asked]
        raise DataError(
            f"--data.{asked} {_yaml(value)}: {use.run} was trained with --data.{asked} "
            f"{_yaml(was)}, and a run keeps its split; leave the option out, or train a new run"
        )
    if known.n == 0:
        raise DataError(
            f"{table.origin}: none of its {len(table.rows)} images belongs to {use.run}; to train "
            "on other images begin a new run: --out NEW --ckpt_path FILE"
        )
    chosen = table.with_split(known.split)
    rule = SplitRule("recorded", notes=_overridden(table, known, use))
    if known.new.any():
        rule.left_out["new to the run"] = int(known.new.sum())
        rule.notes.append(
            f"{_count(known.new, table)} new to {use.run} and in no split of it; to train on "
            "them begin a new run: --out NEW --ckpt_path FILE"
        )
    return chosen, rule


def _begun(
    table: Table, split: int | str | None, split_seed: int, use: SplitUse, known: Known
) -> tuple[Table, SplitRule]:
    """Begin a new run: images that the weights were trained on keep their split, others get one."""
    new = known.new
    if not new.any():
        chosen, rule = table.with_split(known.split), "recorded"
    else:
        others = Table(table.rows[new], table.root, table.origin)
        drawn, rule = _drawn(others, split, split_seed)
        splits = known.split.copy()
        splits[new] = drawn.rows["split"].to_numpy(dtype=object)
        chosen = table.with_split(splits)
    notes = _overridden(table, known, use)
    if known.n and (new.any() or _asks_another(table, split, split_seed, _kept(use))):
        notes.append(
            f"{known.n} of {len(table.rows)} images keep the split of {use.run}, whose weights "
            f"this run begins with; {int(new.sum())} are new to it"
        )
    return chosen, SplitRule(rule, notes=notes)


def _evaluated(
    table: Table, split: int | str | None, split_seed: int, use: SplitUse, known: Known
) -> tuple[Table, SplitRule]:
    """Evaluate a run without the images it was trained or chosen on."""
    kept, target, new = _kept(use), use.target, known.new
    used = np.isin(known.split.astype(str), use.used)
    free = ~used
    rule = SplitRule("recorded")
    # a few shared images do not make another data set the run's own
    grown = known.n > 0 and 2 * known.n >= min(len(table.rows), known.recorded)
    own = bool(table.rows["split"].notna().any()) and not (grown and isinstance(kept.split, str))
    of_table: Any = table.rows["split"].to_numpy(dtype=object) if own else None
    counted, asked_for, hint = False, 0, False
    if use.purpose == "predict":  # all images are predicted; the split is a column of the rows
        return table.with_split(_where(new, of_table, known.split)), rule
    if split == ALL:
        rule.rule, counted = "all", True
        splits = _where(free, target, known.split)
        why = f"all that {use.run} was not {_trained(use)} on"
    elif _asks_another(table, split, split_seed, kept):
        drawn, rule.rule = _drawn(table, split, split_seed)
        asked = drawn.rows["split"].to_numpy(dtype=object)
        refused = (asked == target) & used
        splits = _where(refused, known.split, asked)
        used = refused
        asked_for = int((asked == target).sum())
        named = _of_table(split, use) if rule.rule == "table" else f"--data.split {_yaml(split)}"
        why = named if split != kept.split else f"{named} --data.split_seed {split_seed}"
    elif own:
        rule.rule = "recorded" if known.n else "table"
        splits = _where(new, of_table, known.split)
        why = f"the {target} split of {use.run if known.n else 'the table'}"
        added = int((new & (splits == target)).sum())
        if known.n and added:
            why += f", and of the table for {added} images that are new to the run"
        elif not known.n:
            why += f"; {use.run} was trained on none of them"
            hint = True
    elif grown:
        splits = _where(new, None, known.split)
        why = f"the {target} split of {use.run}"
        if new.any():
            rule.left_out["new to the run"] = int(new.sum())
            rule.notes.append(
                f"{_count(new, table)} new to {use.run} and in no split of it; to include them: "
                "--data.split all"
            )
    else:
        rule.rule, counted = "all", known.n > 0
        splits = _where(free, target, known.split)
        none = f"{use.run} was trained on none of them"
        why = none if known.n == 0 else f"{use.run} knows only {known.n} of them"
    if used.any() and (counted or asked_for):
        reason = f"used to {'train' if use.used == ('train',) else 'train or choose'} this model"
        rule.left_out[reason] = int(used.sum())
        of = f"{asked_for} images of that split" if asked_for else f"{len(table.rows)} images"
        rule.notes.append(
            f"{int(used.sum())} of {of} were {reason} and are not "
            f"{'validated' if target == 'val' else 'tested'}"
        )
    chosen = table.with_split(splits)
    rule.notes = [*_said(chosen, use, why, hint), *rule.notes]
    if not _asks_another(table, split, split_seed, kept):
        rule.notes += _overridden(table, known, use)
    return chosen, rule


def _kept(use: SplitUse) -> KeptSplit:
    if use.kept is None:
        raise ValueError("no split is kept")
    return use.kept


def _trained(use: SplitUse) -> str:
    return "trained" if use.purpose == "validate" else "trained or chosen"


def _asks_another(table: Table, split: int | str | None, split_seed: int, kept: KeptSplit) -> bool:
    """Return whether the options ask for another split; the seed counts only for random splits."""
    if split != kept.split:
        return True
    drawn = isinstance(split, str) or (split is None and bool(table.rows["split"].isna().all()))
    return drawn and split_seed != kept.split_seed


def _same_labels(split: int | str | None, kept: KeptSplit) -> bool:
    """Return whether scores should equal those in training; numbered splits have their own."""
    numbers = isinstance(split, int), isinstance(kept.split, int)
    return split == kept.split or not any(numbers)


def _of_table(split: int | str | None, use: SplitUse) -> str:
    return f"the table's own {use.target} split" if split is None else f"--data.split {split}"


def _overridden(table: Table, known: Known, use: SplitUse) -> list[str]:
    """Return a note if the table's split column disagrees with the split that the run keeps."""
    if isinstance(_kept(use).split, str):  # shares were asked for: the column did not count
        return []
    own = table.rows["split"].to_numpy(dtype=object)
    other = ~known.new & pd.notna(own) & (own != known.split)
    if not other.any():
        return []
    return [
        f"{table.origin}: {_count(other, table)} in another split than when {use.run} was trained; "
        "the run's own split counts"
    ]


def _said(chosen: Table, use: SplitUse, why: str, hint: bool = False) -> list[str]:
    """Return one line: how many images are evaluated, why, and how to evaluate all of them."""
    if use.purpose not in ("test", "validate"):
        return []
    verb = "testing" if use.target == "test" else "validating on"
    n, of = int((chosen.rows["split"] == use.target).sum()), len(chosen.rows)
    told = f"all {of}" if n == of else f"{n} of {of}"
    more = " (--data.split all: all of them)" if hint and n < of else ""
    return [f"{verb} {told} images: {why}{more}"]


def _count(where: np.ndarray, table: Table) -> str:
    """Return the number of images and the first names: `5 images (a, b, c, ...) are`."""
    names = [str(name) for name in table.rows["id"][where]]
    noun, verb = ("image", "is") if len(names) == 1 else ("images", "are")
    return f"{len(names)} {noun} ({first_names(names)}) {verb}"


def _where(where: np.ndarray, these: Any, others: np.ndarray) -> np.ndarray:
    """Return `these` (a value, an array or None) where `where` is true, `others` elsewhere."""
    splits = others.astype(object)
    splits[where] = these[where] if isinstance(these, np.ndarray) else these
    return splits


def _yaml(value: object) -> str:
    return "null" if value is None else str(value)
