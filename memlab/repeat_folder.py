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


@dataclass(frozen=True)
class Repeat:
    """Description of a folder of repeated runs.

    Args:
        over: what differs between the members: split or seed.
        members: the numbers of the splits or seeds.
        arguments: the options of fit that all members share.
        schema: version of this layout.
    """

    over: str
    members: list[int]
    arguments: list[str]
    schema: int = SCHEMA

    def write(self, folder: Path) -> None:
        """Write `repeat.json` into the folder."""
        write_text(folder / FILE, json.dumps(asdict(self), indent=2) + "\n")

    def name(self, member: int) -> str:
        """Return the name of a member's run folder, such as `split-1` or `seed-0`."""
        return f"{self.over}-{member}"


def read_repeat(folder: Path) -> Repeat | None:
    """Return the description of a folder of repeated runs, or None for any other folder.

    Raises:
        MemlabError: if its `repeat.json` is damaged, or was written by a newer memlab.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    found = Repeat(**check_fields(Repeat, read_json(path), str(path)))
    if found.over not in ("split", "seed"):
        raise MemlabError(f"{path}: damaged: over is {shown(found.over)}, not 'split' or 'seed'")
    if found.schema != SCHEMA:
        raise MemlabError(f"{path}: schema {found.schema}, this memlab reads {SCHEMA}")
    return found


def finished(folder: Path, repeat: Repeat) -> dict[str, Path]:
    """Return the members that were trained and tested: name to run folder, in order."""
    runs = {repeat.name(member): folder / repeat.name(member) for member in repeat.members}
    return {name: run for name, run in runs.items() if (run / "fit" / "results.json").is_file()}
