"""A folder of pictures, without scores."""

from __future__ import annotations

from pathlib import Path

from memlab.data.sources.base import Source, make_table, one_split_only
from memlab.data.table import Table
from memlab.errors import DataError
from memlab.image_files import pictures_in


class FolderSource(Source):
    """All pictures under a folder; the first folder below the root is their category.

    There are no scores, so it serves `predict`, `score` and `ablate`, not `fit` or `test`.
    """

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Any folder with a picture somewhere in it."""
        return next(pictures_in(root), None) is not None

    def table(self, root: Path, split: int | None = None) -> Table:
        """List the pictures by name; see `Source.table`."""
        one_split_only(split, str(root))
        if not root.is_dir():
            raise DataError(f"{root}: not a folder of pictures")
        names = sorted(path.relative_to(root) for path in pictures_in(root))
        ids = [name.as_posix() for name in names]
        category = [name.parts[0] if len(name.parts) > 1 else None for name in names]
        return make_table({"id": ids, "image": ids, "category": category}, root, str(root))
