"""What a study was asked for, and the images that it draws."""

from __future__ import annotations

import json
import shutil
import sys
from argparse import Namespace
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from memlab.cli.data_options import COLUMNS, source_of
from memlab.cli.model_option import is_trained
from memlab.errors import MemlabError
from memlab.files import make_folder, write_text
from memlab.reading import read_text

if TYPE_CHECKING:
    import numpy as np

    from memlab.data.table import Table


ASKED = "asked.json"


IMAGES, RUN = "images", "run"


LEAST, LEAST_TRAINED = 3, 10


@dataclass
class Asked:
    """Request of a study, kept in its folder so that the study can be resumed.

    Args:
        root: the data set.
        split: number of its split, shares of a random split, or None.
        n: number of images to draw; fewer if the data set has fewer.
        seed: seed of the draw and of everything random after it.
        model: the model to test; None to train a network.
        masks: location of the masks; None for those of the data set itself.
        source: layout of the data set; None to detect it.
        columns: the given options of its CSV file, as `--data.source.NAME`.
        rest: further options of memlab fit or test.
        budget: limit of the audit: time or forward passes; None for at most 1,000 images.
        protocol: file of the audit's protocol; None for the built-in one.
    """

    root: str
    split: str | None = None
    n: int = 500
    seed: int = 0
    model: str | None = None
    masks: str | None = None
    source: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    rest: list[str] = field(default_factory=list)
    budget: str | None = None
    protocol: str | None = None


def study_images(folder: Path, asked: Asked) -> tuple[Table, int]:
    """Return the study's own copy of its images, made if missing, and the number available."""
    from memlab.data.sources.csv import CsvSource
    from memlab.data.subset import FILE, write_subset
    from memlab.progress import progress

    path = folder / IMAGES
    count = folder / "drawn-from.txt"
    if not (path / FILE).is_file():
        root = Path(asked.root)
        number = int(asked.split) if asked.split and asked.split.isdecimal() else None
        layout = Namespace(source=asked.source, **{**dict.fromkeys(COLUMNS), **asked.columns})
        table = source_of(layout, root).table(root, number).say()
        chosen = _drawn(table, asked)
        if asked.masks:
            chosen.with_masks(Path(asked.masks))  # reject masks of other images
        if not folder.is_dir():
            make_folder(folder)
        write_text(folder / ASKED, json.dumps(asdict(asked), indent=2) + "\n")
        write_text(count, str(len(table.rows)))
        shutil.rmtree(path, ignore_errors=True)  # of an interrupted copy
        with progress("Copying", len(chosen.rows)) as advance:
            copied = write_subset(chosen, len(chosen.rows), asked.seed, path, advance, outside=True)
        copied.say()
    images = CsvSource().table(path / FILE)
    drawn_from = read_text(count, "choose another --out").strip()
    if not drawn_from.isdecimal():
        raise MemlabError(f"{count}: damaged: {drawn_from[:40]!r} is no number of images")
    return images.with_masks(Path(asked.masks)) if asked.masks else images, int(drawn_from)


def _drawn(table: Table, asked: Asked) -> Table:
    """Return the images of the study; if a model is tested, also the donors for swaps.

    Raises:
        MemlabError: if there are too few images.
    """
    from dataclasses import replace

    import numpy as np

    total = len(table.rows)
    least = LEAST_TRAINED if asked.model is None else LEAST
    if min(total, asked.n) < least:
        raise MemlabError(
            f"{table.origin}: a study of {min(total, asked.n)} images says nothing; at least "
            f"{least}" + ("" if asked.model else ", or --model NAME, which trains nothing")
        )
    if total < asked.n:
        print(  # noqa: T201
            f"memlab: {table.origin}: {total} images, fewer than {asked.n}: all are taken",
            file=sys.stderr,
        )
    ordered = replace(table, rows=table.rows.sort_values("id", ignore_index=True))
    order = np.random.default_rng(asked.seed).permutation(total)
    if asked.model is None:
        rows = ordered.rows.iloc[order[: asked.n]].assign(split=None)
        return replace(table, rows=rows.reset_index(drop=True))
    splits = _known_splits(ordered, asked.model)[order]
    used = np.isin(splits.astype(str), ("train", "val"))
    if used.any():
        print(  # noqa: T201
            f"memlab: {int(used.sum())} of {total} images were used to train or choose this model "
            "and are not tested",
            file=sys.stderr,
        )
    tested = order[~used][: asked.n]
    if len(tested) < LEAST:
        raise MemlabError(
            f"{table.origin}: {len(tested)} images that {asked.model} was not trained or chosen "
            f"on; a study needs at least {LEAST}: give others"
        )
    rest = set(order.tolist()) - set(tested.tolist())
    # Images that the model's run would test by its own split are no donors: they would be tested.
    donors = [
        row
        for part in ("train", None, "val")
        for row, split in zip(order.tolist(), splits, strict=True)
        if row in rest and split == part
    ][: asked.n]
    parts = [ordered.rows.iloc[tested].assign(split="test")]
    if donors:
        by_place = dict(zip(order.tolist(), splits, strict=True))
        donor_splits = [by_place[row] or "train" for row in donors]
        parts.append(ordered.rows.iloc[donors].assign(split=donor_splits))

    import pandas as pd

    return replace(table, rows=pd.concat(parts, ignore_index=True))


def _known_splits(table: Table, model: str) -> np.ndarray:
    """Return the split of each image in the model's run; None if the run records none."""
    import numpy as np

    from memlab.data.contents import contents_of
    from memlab.data.kept_split import split_of
    from memlab.data.known_images import recognise_images
    from memlab.models.load import checkpoint_in, read_checkpoint

    path = Path(model)
    kept = None
    if is_trained(model):
        checkpoint = checkpoint_in(path) if path.is_dir() else path
        kept = split_of(checkpoint, read_checkpoint(checkpoint))
    if kept is None:
        return np.full(len(table.rows), None, dtype=object)
    paths = [table.root / str(image) for image in table.rows["image"]]
    return recognise_images(kept, table.rows, contents_of(paths)).split
