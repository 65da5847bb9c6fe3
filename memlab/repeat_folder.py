"""Folders of repeated runs: their description and finished members. Standard library only."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from memlab.errors import MemlabError
from memlab.files import write_text
from memlab.reading import read_json
from memlab.values import check_fields, shown

SCHEMA = 1
FILE = "repeat.json"
OPTIONS = {"split": "--data.split", "seed": "--seed_everything", "fold": "--data.split"}
"""Option of fit that differs between the members, by what they repeat over."""


@dataclass(frozen=True)
class Repeat:
    """Description of a folder of repeated runs.

    Args:
        over: what differs between the members: split, seed or fold.
        members: the numbers of the splits, seeds or folds.
        arguments: the options of fit that all members share.
        schema: version of this layout.
        folds: number of folds of the cross-validation, if the members are folds.
    """

    over: str
    members: list[int]
    arguments: list[str]
    schema: int = SCHEMA
    folds: int | None = None

    def write(self, folder: Path) -> None:
        """Write `repeat.json` into the folder."""
        write_text(folder / FILE, json.dumps(asdict(self), indent=2) + "\n")

    def name(self, member: int) -> str:
        """Return the name of a member's run folder, such as `split-1`, `seed-0` or `fold-1`."""
        return f"{self.over}-{member}"

    def option(self, member: int) -> list[str]:
        """Return the option of fit that makes a member differ from the others, with its value."""
        return [OPTIONS[self.over], f"{member}of{self.folds}" if self.folds else str(member)]


def read_repeat(folder: Path) -> Repeat | None:
    """Return the description of a folder of repeated runs, or None for any other folder.

    Raises:
        MemlabError: if its `repeat.json` is damaged, or was written by a newer memlab.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    found = Repeat(**check_fields(Repeat, read_json(path), str(path)))
    if found.over not in OPTIONS:
        names = "'split', 'seed' or 'fold'"
        raise MemlabError(f"{path}: damaged: over is {shown(found.over)}, not {names}")
    if (found.over == "fold") != (found.folds is not None):
        raise MemlabError(f"{path}: damaged: folds is {found.folds}, over is {found.over!r}")
    outside = [number for number in found.members if found.folds and not 1 <= number <= found.folds]
    if outside or (found.folds is not None and found.folds < 2):
        raise MemlabError(f"{path}: damaged: members {found.members[:20]} of {found.folds} folds")
    if found.schema != SCHEMA:
        raise MemlabError(f"{path}: schema {found.schema}, this memlab reads {SCHEMA}")
    return found


def finished(folder: Path, repeat: Repeat) -> dict[str, Path]:
    """Return the members that were trained and tested: name to run folder, in order."""
    runs = {repeat.name(member): folder / repeat.name(member) for member in repeat.members}
    return {name: run for name, run in runs.items() if (run / "fit" / "results.json").is_file()}
