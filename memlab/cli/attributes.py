"""memlab attributes RUN."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memlab.cli.data_options import (
    add_empty_masks,
    add_masks,
    add_source,
    columns_of,
    read_data,
    source_of,
)
from memlab.cli.joined_columns import add_columns, joined_columns
from memlab.cli.options import Options, add_trust
from memlab.errors import DataError, MemlabError, did_you_mean
from memlab.outputs import require_apart, require_own_folder
from memlab.paths import same_path

if TYPE_CHECKING:
    import pandas as pd

    from memlab.analysis.run_record import DataRecord
    from memlab.data.table import Table

DESCRIPTION = """\
Which properties of images correlate with the score, the prediction and its error.

RUN is a run folder, of which the newest test is taken, or the folder of a test. Without RUN
memlab analyses the scores of --data.root alone: all images, no model.

Properties are the data set's own columns (category and the like), those of --columns, regions
(has_faces, area_faces) where there are masks, and thirteen numbers that memlab measures from the
images (contrast, colourfulness, file size, ...). A correlation is no proof of reliance: to test
reliance, ablate the property (memlab test --ablation NAME).

residual              prediction − score: above 0 the model predicts too much
calibrated_residual   the same after the best straight line from prediction to score: a property
                      that correlates with it explains what the prediction does not

  memlab attributes runs/NAME
  memlab attributes runs/NAME --columns labels.csv --data.masks masks/ --out attributes/
  memlab attributes runs/NAME --columns concepts.csv --columns.by folder
  memlab attributes --data.root lamem --data.split 1
"""
_SIZE = 224  # size for measurements if there is no model


@dataclass
class Subject:
    """Images to analyse.

    Args:
        rows: the images: `id`, `image`, `score`, `predicted`.
        table: their data set; None if it no longer exists.
        size: side in pixels at which the images are measured.
        about: description for the results.
        notes: notes for the reader.
        data: the test's description of its data.
    """

    rows: pd.DataFrame
    table: Table | None
    size: int
    about: dict[str, Any]
    notes: list[str]
    data: DataRecord | None = None


def run(arguments: list[str]) -> int:
    """Compute associations of columns with score, prediction and residual; return the exit code."""
    parser = Options("attributes", DESCRIPTION)
    parser.add_argument("run", metavar="RUN", nargs="?", type=Path)
    add_columns(parser)
    parser.add_argument(
        "--categories",
        metavar="NAME",
        nargs="+",
        default=[],
        help="columns whose numbers are names of levels",
    )
    add_masks(parser)
    add_empty_masks(parser)
    parser.add_argument("--data.root", dest="root", type=Path, help="where the images are now")
    add_source(parser)
    parser.add_argument("--seed", type=int, default=0, help="of the resampling (%(default)s)")
    parser.add_argument("--out", type=Path, help="write tables, attributes.json and .png here")
    add_trust(parser)
    options = parser.parse_args(arguments[1:])
    if options.run is None and options.root is None:
        raise MemlabError("give a RUN, or --data.root DIR for the scores alone")
    if options.out:
        require_own_folder(options.out, "attributes.json")
        require_apart(options.out, [options.run, options.columns, options.masks, options.root])

    from memlab.analysis.associations import associations
    from memlab.analysis.residuals import with_residuals
    from memlab.reading import content_of
    from memlab.reports.attributes import print_attributes, write_attributes
    from memlab.reports.terminal import plain_console

    if options.run is None:
        subject = _scores(options)
    else:
        with content_of(options.run):
            subject = _tested(options.run, options)
    if subject.table is not None:
        subject.table = _masked(subject, options)
    elif options.empty_masks:
        raise MemlabError("--data.empty_masks: there is no data set; give --data.root DIR, too")
    columns = _columns(subject, options)
    names = [str(name) for name in columns]
    for name in options.categories:
        if name not in names:
            raise MemlabError(
                f"--categories {name}: no such column{did_you_mean(name, names)} "
                f"(columns: {', '.join(names)})"
            )
    rows = subject.rows.merge(columns, left_on="id", right_index=True, how="left")
    associated = associations(rows, names, {"category", *options.categories}, options.seed)
    console = plain_console()
    print_attributes(associated, len(rows), console)
    for line in subject.notes:
        console.print(f"note: {line}", markup=False, soft_wrap=True)
    if options.out:
        about = {**subject.about, "n": len(rows), "seed": options.seed, "notes": subject.notes}
        figures = write_attributes(associated, with_residuals(rows), about, options.out)
        console.print(f"results   {options.out}/attributes.json, attributes.csv", soft_wrap=True)
        for figure in figures:
            console.print(f"figure    {options.out}/{figure}", soft_wrap=True)
    return 0


def _tested(path: Path, options: Namespace) -> Subject:
    from memlab.analysis.results import FILE
    from memlab.reports.tested import read_tested
    from memlab.spec import build

    test = read_tested(path)
    data = test.results.data
    rows = test.rows.reset_index()[["id", "score", "predicted"]]
    about = {
        "run": test.label,
        "folder": str(test.folder),
        "weights_id": test.results.model.weights_id,
        "fingerprint": data.fingerprint,
    }
    notes: list[str] = []
    root, split = options.root, options.split
    there = root or Path(data.root)
    table = None
    if root is not None or (data.root and there.exists()):
        given = root is not None or options.source or columns_of(options)
        recorded = str(test.folder / FILE)
        source = source_of(options, there) if given else build(data.source, "sources", recorded)
        own = data.split
        number = split if split is not None else own if isinstance(own, int) else None
        table = source.table(there, number).say()
        known = set(table.rows["id"])
        lost = [name for name in rows["id"] if name not in known]
        if len(lost) == len(rows):
            raise DataError(
                f"{there}: none of the {len(rows)} tested images is in it: tested {lost[0]!r}, "
                f"there {table.rows['id'].iloc[0]!r}; give --data.root DIR"
            )
        if lost:
            notes.append(f"{len(lost)} tested images are not in {there}, such as {lost[0]}")
    else:
        told = f"no images at {data.root}" if data.root else "no data set in its results"
        notes.append(f"{told}: nothing is measured; give --data.root DIR")
    images = {} if table is None else dict(zip(table.rows["id"], table.rows["image"], strict=True))
    rows["image"] = [images.get(name, name) for name in rows["id"]]
    size = int(data.geometry.get("size", _SIZE))
    return Subject(rows, table, size, about, notes, data)


def _masked(subject: Subject, options: Namespace) -> Table:
    """Return the data set with the masks given now, or else those that the test used."""
    from memlab.data.mask_summary import with_masks

    assert subject.table is not None
    recorded = subject.data
    masks, empty = options.masks, options.empty_masks
    moved = options.root is not None and not same_path(
        options.root, recorded.root if recorded else None
    )
    if not moved:
        empty = empty or (recorded.empty_masks if recorded else None)
    described = recorded.masks.values() if recorded else ()
    given = {str(one["origin"]) for one in described} - {recorded.origin if recorded else None}
    for origin in sorted(given) if masks is None else ():
        if moved:
            subject.notes.append(
                f"masks of {origin} were given with another --data.root; to use them "
                "give --data.masks PATH"
            )
        elif Path(origin).exists():
            masks = Path(origin)
        else:
            subject.notes.append(
                f"no masks at {origin}, where the test had them; give --data.masks STORE"
            )
    return with_masks(subject.table, masks, empty)


def _scores(options: Namespace) -> Subject:
    from memlab.data.reading import check_arguments

    root: Path = options.root
    source = source_of(options, root)
    table = read_data(options, root).validated(check_arguments(source, root, options.split))
    rows = table.rows[["id", "image", "score"]].assign(predicted=float("nan"))
    if rows["score"].isna().all():
        why = table.unscored or f"{table.origin}: no scores in it"
        raise DataError(f"{why}; without a RUN scores are needed")
    about = {"run": None, "folder": str(root), "fingerprint": table.fingerprint()}
    return Subject(rows.reset_index(drop=True), table, _SIZE, about, [])


def _columns(subject: Subject, options: Namespace) -> pd.DataFrame:
    """Return all columns of the images, by id; the joined file overrides equal names."""
    import pandas as pd

    from memlab.data import attributes as properties
    from memlab.data.image_statistics import measured
    from memlab.masks.open import open_masks
    from memlab.progress import progress

    rows, table, notes = subject.rows, subject.table, subject.notes
    masks = options.masks
    ids = [str(name) for name in rows["id"]]
    parts: dict[str, pd.DataFrame] = {}
    joined = joined_columns(rows, table, options, notes)
    if joined is not None:
        parts["file"] = joined
    sources = {} if table is None else dict(table.masks)
    if masks is not None and table is None:
        source = open_masks(masks, rows)
        sources |= dict.fromkeys(source.regions, source)
    if sources:
        with progress("Masks", len(ids) * len(sources)) as advance:
            parts["masks"] = properties.mask_columns(sources, ids, advance)
    else:
        parts["masks"] = pd.DataFrame({"has_faces": None}, index=ids, dtype=float)
        notes.append("no masks: give --data.masks STORE, made by memlab regions find")
    if table is not None:
        parts["table"] = properties.columns_of(table)
        known = set(table.rows["id"])
        here = rows[rows["id"].isin(known)]
        paths = [table.root / str(image) for image in here["image"]]
        with progress("Measuring", len(paths)) as advance:
            parts["images"], errors = measured(list(here["id"]), paths, subject.size, advance)
        if errors:
            notes.append(f"{len(errors)} images cannot be read: {errors[0]}")
    columns = pd.DataFrame(index=pd.Index(ids, name="id"))
    for part in parts.values():
        columns = columns.join(part[[name for name in part if name not in columns]])
    return columns
