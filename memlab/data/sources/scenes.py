"""memlab's own pictures, rendered on first use."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from memlab.data.sources.base import Source, make_table, one_split_only
from memlab.data.table import MASK, Table
from memlab.errors import DataError
from memlab.progress import progress
from memlab.scenes import REGIONS, write


class ScenesSource(Source):
    """Rendered pictures with exact masks, whose causes of memorability are known.

    A new or empty folder is filled on first use; one that holds scenes is read as it is.

    Args:
        n: how many pictures to render; as many as the folder holds, or 1500.
        seed: of the pictures; the folder's own, or 0.
        size: side in pixels; the folder's own, or 64.
    """

    def __init__(
        self, n: int | None = None, seed: int | None = None, size: int | None = None
    ) -> None:
        self.n = n
        self.seed = seed
        self.size = size

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """A folder that memlab rendered."""
        return (root / "scenes.json").is_file()

    def prepare(self, root: Path) -> None:
        """Render what is missing; see `Source.prepare`."""
        given = {"n": self.n, "seed": self.seed, "size": self.size}
        wanted = {name: value for name, value in given.items() if value is not None}
        render(root, **({"n": 1500, "seed": 0, "size": 64} | parameters(root) | wanted))

    def table(self, root: Path, split: int | None = None) -> Table:
        """Read a rendered folder; see `Source.table`."""
        one_split_only(split, str(root))
        if not (root / "scenes.csv").is_file():
            raise DataError(f"{root}: no rendered scenes; make them with memlab data scenes {root}")
        frame = pd.read_csv(root / "scenes.csv")
        columns = {"id": frame["image"], **{name: frame[name] for name in frame.columns}}
        for region in REGIONS:
            masks = "masks/" + region + "/" + frame["image"].map(lambda name: Path(name).name)
            there = masks.map(lambda mask: (root / mask).is_file())
            columns[MASK + region] = masks.where(there)
        return make_table(columns, root, str(root))


def render(root: Path, n: int, seed: int, size: int) -> Path:
    """Render pictures into a folder, with a progress bar; return the path of its table.

    Raises:
        DataError: if the folder holds other pictures, or cannot be written.
    """
    try:
        with progress(f"Rendering {n} pictures in {root}", n) as advance:
            return write(root, n, seed, size, progress=advance)
    except ValueError as error:
        own = "for pictures of your own add --data.source null"
        raise DataError(f"{error}\n{own}") from error
    except OSError as error:
        raise DataError(f"{root}: {error.strerror}; choose another --data.root") from error


def parameters(root: Path) -> dict[str, int]:
    """The parameters that a folder of scenes was rendered with; none for another folder."""
    path = root / "scenes.json"
    if not path.is_file():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    return {name: int(found[name]) for name in ("n", "seed", "size")}
