"""From a source to a table that can be trained and tested on."""

from __future__ import annotations

from pathlib import Path

from memlab.data.sources.base import Source
from memlab.data.table import Table
from memlab.errors import DataError


def read_table(
    source: Source, root: Path, numbered: int | None, skip_missing: bool
) -> tuple[dict[str, str], list[str], Table]:
    """Read and validate a data set; `memlab.data.split_rule` gives every picture its split.

    Args:
        source: its layout.
        root: its folder or file.
        numbered: number of one of its splits, or None.
        skip_missing: whether pictures that are not there are left out.

    Returns:
        Why pictures were left out, by id; the paths of all pictures, those included; the table.

    Raises:
        DataError: if something is wrong with it; names the offenders.
    """
    table = source.table(root, numbered)
    pictures = [str(name) for name in table.rows["image"]]
    missing: dict[str, str] = {}
    if skip_missing:
        table, missing = table.without_missing()
    check = " ".join(
        [
            str(root),
            f"--split {numbered}" if numbered is not None else "",
            *(
                f"--{name} {value}"
                for name, value in source.spec["init_args"].items()
                if name in ("image", "score") and value
            ),
        ]
    ).strip()
    return missing, pictures, table.validated(check)


def check_split(table: Table, split: str, processes: int) -> None:
    """See that a split can be trained or tested on.

    Args:
        table: the data set.
        split: one of its splits.
        processes: how many share it.

    Raises:
        DataError: if it is empty, lacks scores, has equal training scores, or too few pictures.
    """
    rows = table.part(split)
    origin = table.origin
    if rows.empty:
        raise DataError(f"{origin}: the {split} split is empty; choose another --data.split")
    scores = rows["score"]
    if split == "test" and table.rows["score"].isna().all():
        scores = scores.dropna()  # bare pictures can be taken apart; there is no accuracy
    if scores.isna().any():
        first = rows.loc[scores.isna(), "id"].iloc[0]
        raise DataError(
            f"{origin}: {int(scores.isna().sum())} pictures of the {split} split "
            f"have no score (first: {first}); give scores, or use predict"
        )
    if split == "train" and scores.nunique() == 1:
        raise DataError(
            f"{origin}: all {len(rows)} training scores equal {scores.iloc[0]:g}; "
            "there is nothing to learn"
        )
    if len(rows) < processes:
        raise DataError(
            f"{origin}: {len(rows)} pictures in the {split} split for {processes} "
            "processes; use fewer --trainer.devices"
        )
