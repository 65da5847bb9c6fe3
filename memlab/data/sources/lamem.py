"""Source that reads LaMem as its authors distribute it (Khosla et al. 2015, ICCV)."""

from __future__ import annotations

from pathlib import Path

from memlab.data.sources.base import Source, make_table
from memlab.data.table import SPLITS, Table
from memlab.errors import DataError


class LaMemSource(Source):
    """LaMem: `images/` and `splits/{train,val,test}_{1..5}.txt`, lines `name score`.

    Each of the five splits has a different label for the same image: the share of a random half of
    the observers who recognised it. A label belongs to (image, split). Labels of two splits are
    never merged, and a model trained on one split has seen test images of another.
    """

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether `root` has `splits/train_1.txt`, or any other numbered split file."""
        return root.is_dir() and any((root / "splits").glob("train_*.txt"))

    def table(self, root: Path, split: int | None = None) -> Table:
        """Read one split, the first by default; see `Source.table`."""
        number = 1 if split is None else split
        columns: dict[str, list[object]] = {"id": [], "image": [], "score": [], "split": []}
        for part in SPLITS:
            path = root / "splits" / f"{part}_{number}.txt"
            for name, score in _lines(path, root):
                columns["id"].append(name)
                columns["image"].append(f"images/{name}")
                columns["score"].append(score)
                columns["split"].append(part)
        return make_table(columns, root, f"{root} (split {number})")


def _lines(path: Path, root: Path) -> list[tuple[str, float]]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        found = sorted(file.name for file in (root / "splits").glob("*.txt"))
        listed = ", ".join(found) or "none"
        raise DataError(f"{path}: {error.strerror}; split files there: {listed}") from error
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, _, score = line.strip().rpartition(" ")
        try:
            rows.append((name.strip(), float(score)))
        except ValueError:
            raise DataError(f"{path}: line {number}: {line!r} is not 'name score'") from None
        if not name.strip():
            raise DataError(f"{path}: line {number}: {line!r} is not 'name score'")
    return rows
