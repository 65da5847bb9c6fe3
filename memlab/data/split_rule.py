"""Assignment of images to splits: the only code that decides what a command trains on and tests.

A run keeps its split image by image (`memlab.data.kept_split`). A training image is never tested,
whatever the table says now. A model that was not trained here is tested on all images, unless the
table or the user says otherwise. No torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress
from typing import Any

import numpy as np

from memlab.data.folds import fold_split, parse_fold
from memlab.data.kept_split import KeptSplit
from memlab.data.known_images import Known, recognise_images
from memlab.data.split_notes import (
    as_yaml,
    count_named,
    evaluated_images,
    kept_split,
    named_split,
    overridden,
    same_labels,
    trained_or_chosen,
)
from memlab.data.split_use import ALL, WHOLE, SplitRule, SplitUse
from memlab.data.splits import parse_shares, random_split
from memlab.data.table import Table
from memlab.errors import DataError

USUAL = (0.7, 0.1, 0.2)
"""Shares of a random split by default."""
Contents = Callable[[], Sequence[str]]
"""Function that returns the SHA-256 of every row's file."""


def decide(
    table: Table,
    split: int | str | None,
    split_seed: int,
    use: SplitUse,
    contents: Contents,
) -> tuple[Table, SplitRule]:
    """Assign every image to a split, or to none.

    Args:
        table: the table as read; its `split` column is the table's own, or a numbered split.
        split: number, shares, a fold, `all`, or None.
        split_seed: seed of a random split.
        use: what the split is for.
        contents: called only if a split is kept or a fold is asked for.

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
        drawn, rule = _drawn(table, split, split_seed, contents)
        found = drawn, SplitRule(rule)
    elif use.run is None:
        found = _untrained(table, split, split_seed, use, contents)
    elif use.kept is None:
        found = _unknown(table, split, split_seed, use, contents)
    else:
        known = recognise_images(use.kept, table.rows, contents())
        if use.purpose == "go_on":
            found = _gone_on(table, split, split_seed, use, known)
        else:
            decided = _begun if use.purpose == "begin" else _evaluated
            found = decided(table, split, split_seed, use, known, contents)
        found[1].notes += known.notes(use.run, scores=same_labels(split, use.kept))
    chosen, result = found
    result.of = len(chosen.rows)
    in_target = int((chosen.rows["split"] == use.target).sum())
    result.evaluated = result.of if use.purpose in WHOLE else in_target
    return chosen, result


def _drawn(
    table: Table, split: int | str | None, split_seed: int, contents: Contents
) -> tuple[Table, str]:
    """Return the split that the option asks for: the table's own, or a random one."""
    if isinstance(split, str):
        fold = parse_fold(split)
        if fold is not None:
            return fold_split(table, fold, split_seed, contents()), "random"
        return random_split(table, parse_shares(split), split_seed), "random"
    if table.rows["split"].isna().all():
        return random_split(table, USUAL, split_seed), "random"
    return table, "table"


def _whole(table: Table, target: str | None) -> Table:
    return table.with_split(np.full(len(table.rows), target, dtype=object))


def _untrained(
    table: Table, split: int | str | None, split_seed: int, use: SplitUse, contents: Contents
) -> tuple[Table, SplitRule]:
    """Use all images unless the table or the user says otherwise: none was trained on."""
    own = bool(table.rows["split"].notna().any())
    if split == ALL or (split is None and not own):
        chosen = _whole(table, None if use.purpose in WHOLE else use.target)
        why = f"{use.model} was not trained here"
        return chosen, SplitRule("all", notes=evaluated_images(chosen, use, why))
    chosen, rule = _drawn(table, split, split_seed, contents)
    why = named_split(split, use) if rule == "table" else f"--data.split {split}"
    return chosen, SplitRule(rule, notes=evaluated_images(chosen, use, why, hint=True))


def _unknown(
    table: Table, split: int | str | None, split_seed: int, use: SplitUse, contents: Contents
) -> tuple[Table, SplitRule]:
    """Split as the table and the options say now: the run kept no split."""
    notes = []
    if use.purpose != "predict":
        notes.append(
            f"{use.run} keeps no split (an earlier memlab trained it): images are split as the "
            "table is now; if it changed since, images that were trained on may be tested"
        )
    if split == ALL:
        chosen = _whole(table, None if use.purpose == "audit" else use.target)
        rule = "all"
    else:
        chosen, rule = _drawn(table, split, split_seed, contents)
    why = {
        "all": "--data.split all",
        "random": f"the {use.target} split, drawn anew",
        "table": named_split(split, use),
    }[rule]
    return chosen, SplitRule(rule, notes=[*notes, *evaluated_images(chosen, use, why)])


def _gone_on(
    table: Table, split: int | str | None, split_seed: int, use: SplitUse, known: Known
) -> tuple[Table, SplitRule]:
    """Resume with the split of the run; new images are left out."""
    kept = kept_split(use)
    if _asks_another(table, split, split_seed, kept):
        asked, was = "split", kept.split
        if split == kept.split:
            asked, was = "split_seed", kept.split_seed
        value = {"split": split, "split_seed": split_seed}[asked]
        raise DataError(
            f"--data.{asked} {as_yaml(value)}: {use.run} was trained with --data.{asked} "
            f"{as_yaml(was)}, and a run keeps its split; leave the option out, or train a new run"
        )
    if known.n == 0:
        raise DataError(
            f"{table.origin}: none of its {len(table.rows)} images belongs to {use.run}; to train "
            "on other images begin a new run: --out NEW --ckpt_path FILE"
        )
    chosen = table.with_split(known.split)
    rule = SplitRule("recorded", notes=overridden(table, known, use))
    if known.new.any():
        rule.left_out["new to the run"] = int(known.new.sum())
        rule.notes.append(
            f"{count_named(known.new, table)} new to {use.run} and in no split of it; to train on "
            "them begin a new run: --out NEW --ckpt_path FILE"
        )
    return chosen, rule


def _begun(
    table: Table,
    split: int | str | None,
    split_seed: int,
    use: SplitUse,
    known: Known,
    contents: Contents,
) -> tuple[Table, SplitRule]:
    """Begin a new run: images that the weights were trained on keep their split, others get one."""
    new = known.new
    if not new.any():
        chosen, rule = table.with_split(known.split), "recorded"
    else:
        others = Table(table.rows[new], table.root, table.origin)
        drawn, rule = _drawn(others, split, split_seed, lambda: list(compress(contents(), new)))
        splits = known.split.copy()
        splits[new] = drawn.rows["split"].to_numpy(dtype=object)
        chosen = table.with_split(splits)
    notes = overridden(table, known, use)
    if known.n and (new.any() or _asks_another(table, split, split_seed, kept_split(use))):
        notes.append(
            f"{known.n} of {len(table.rows)} images keep the split of {use.run}, whose weights "
            f"this run begins with; {int(new.sum())} are new to it"
        )
    return chosen, SplitRule(rule, notes=notes)


def _evaluated(
    table: Table,
    split: int | str | None,
    split_seed: int,
    use: SplitUse,
    known: Known,
    contents: Contents,
) -> tuple[Table, SplitRule]:
    """Evaluate a run without the images it was trained or chosen on."""
    kept, target, new = kept_split(use), use.target, known.new
    used = np.isin(known.split.astype(str), use.used)
    free = ~used
    rule = SplitRule("recorded")
    # a few shared images do not make another data set the run's own
    grown = known.n > 0 and 2 * known.n >= min(len(table.rows), known.recorded)
    own = bool(table.rows["split"].notna().any()) and not (grown and isinstance(kept.split, str))
    of_table: Any = table.rows["split"].to_numpy(dtype=object) if own else None
    counted, asked_for, hint = False, 0, False
    if use.purpose in WHOLE:  # the split is a column of the rows
        asked_all = use.purpose == "audit" and split == ALL
        return table.with_split(_where(new, None if asked_all else of_table, known.split)), rule
    if split == ALL:
        rule.rule, counted = "all", True
        splits = _where(free, target, known.split)
        why = f"all that {use.run} was not {trained_or_chosen(use)} on"
    elif _asks_another(table, split, split_seed, kept):
        drawn, rule.rule = _drawn(table, split, split_seed, contents)
        asked = drawn.rows["split"].to_numpy(dtype=object)
        refused = (asked == target) & used
        splits = _where(refused, known.split, asked)
        used = refused
        asked_for = int((asked == target).sum())
        named = (
            named_split(split, use) if rule.rule == "table" else f"--data.split {as_yaml(split)}"
        )
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
                f"{count_named(new, table)} new to {use.run} and in no split of it; to include "
                "them: --data.split all"
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
    rule.notes = [*evaluated_images(chosen, use, why, hint), *rule.notes]
    if not _asks_another(table, split, split_seed, kept):
        rule.notes += overridden(table, known, use)
    return chosen, rule


def _asks_another(table: Table, split: int | str | None, split_seed: int, kept: KeptSplit) -> bool:
    """Return whether the options ask for another split; the seed counts only for random splits."""
    if split != kept.split:
        return True
    drawn = isinstance(split, str) or (split is None and bool(table.rows["split"].isna().all()))
    return drawn and split_seed != kept.split_seed


def _where(where: np.ndarray, these: Any, others: np.ndarray) -> np.ndarray:
    """Return `these` (a value, an array or None) where `where` is true, `others` elsewhere."""
    splits = others.astype(object)
    splits[where] = these[where] if isinstance(these, np.ndarray) else these
    return splits
