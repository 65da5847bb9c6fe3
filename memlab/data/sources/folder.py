"""Source that reads a folder of images, without scores."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from memlab.data.sources.base import Source, make_table, one_split_only
from memlab.data.table import Table
from memlab.data.table_rows import listed
from memlab.data.tables import tables_in
from memlab.errors import DataError
from memlab.image_files import images_in, left_out_line, no_images, shown, what_is


class FolderSource(Source):
    """All images in a folder, recursively; the first folder below the root is their category.

    The images have no scores. The source serves `predict`, `score` and `ablate`, not `fit` or
    `test`.
    """

    general = True

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether `root` is a folder with an image anywhere below it."""
        return root.is_dir() and next(images_in(root), None) is not None

    def table(self, root: Path, split: int | None = None) -> Table:
        """List the images by name; see `Source.table`."""
        one_split_only(split, str(root))
        if what_is(root) != "folder":
            raise DataError(f"{shown(root)}: not a folder of images")
        left: Counter[str] = Counter()
        names = sorted(path.relative_to(root) for path in images_in(root, left))
        if not names:
            raise DataError(no_images(root, left))
        ids = [name.as_posix() for name in names]
        category = [name.parts[0] if len(name.parts) > 1 else None for name in names]
        notes = [left_out_line(root, left)] if left else []
        tables = [path.name for path in tables_in(root)]
        if tables:
            one = "it" if len(tables) == 1 else "one of them"
            notes.append(
                f"{root}: tables here are not read ({listed(tables, 3)}); to use {one}: "
                f"--data.root {root / tables[0]}"
            )
        columns = {"id": ids, "image": ids, "category": category}
        scoring = f"{root}: a folder of images has no scores; give a table: --data.root FILE.csv"
        return make_table(columns, root, str(root), notes, scoring)
