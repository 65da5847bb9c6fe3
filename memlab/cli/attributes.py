"""memlab attributes RUN."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memlab.cli.options import Options, add_trust
from memlab.errors import DataError, MemlabError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

    from memlab.data.table import Table

DESCRIPTION = """\
Which properties of pictures go with their score, with the prediction, and with its error.

RUN is a run folder, of which the newest test is taken, or the folder of a test. Without RUN the
scores of --data.root alone are looked at: all of its pictures, no model needed.

Properties are the data set's own columns (category and the like), those of --columns, regions
(has_faces, area_faces) where there are masks, and thirteen numbers that memlab measures from the
pictures (contrast, colourfulness, file size, ...). An association is no reliance: for that, take
the property out (memlab test --ablation NAME).

residual              prediction − score: above 0 the model says too much
calibrated_residual   the same after the best straight line from prediction to score: what goes with
                      it tells of the score what the prediction does not

  memlab attributes runs/NAME
  memlab attributes runs/NAME --columns labels.csv --masks masks/ --out attributes/
  memlab attributes --data.root lamem --data.split 1
"""
_SIZE = 224  # at which pictures are measured where no model says


@dataclass
class Subject:
    """What is looked at.

    Args:
        rows: the pictures: `id`, `image`, `score`, `predicted`.
        table: their data set, None where it is no longer there.
        size: side in pixels at which they are measured.
        about: what it is, for the results.
        notes: what the reader must know.
    """

    rows: pd.DataFrame
    table: Table | None
    size: int
    about: dict[str, Any]
    notes: list[str]


def run(arguments: list[str]) -> int:
    """Associate columns with score, prediction and residual; returns the exit code."""
    parser = Options("attributes", DESCRIPTION)
    parser.add_argument("run", metavar="RUN", nargs="?", type=Path)
    parser.add_argument(
        "--columns",
        metavar="FILE.csv",
        type=Path,
        help="more columns; id, image, path or filename names the picture",
    )
    parser.add_argument(
        "--categories",
        metavar="NAME",
        nargs="+",
        default=[],
        help="columns whose numbers are names of levels",
    )
    parser.add_argument("--masks", type=Path, help="a mask store, a COCO file or a folder")
    parser.add_argument("--data.root", dest="root", type=Path, help="where the pictures are now")
    parser.add_argument("--data.split", dest="split", type=int, help="which of LaMem's 1 to 5")
    parser.add_argument("--seed", type=int, default=0, help="of the resampling (%(default)s)")
    parser.add_argument("--out", type=Path, help="write tables, attributes.json and .png here")
    add_trust(parser)
    options = parser.parse_args(arguments[1:])
    if options.run is None and options.root is None:
        raise MemlabError("give a RUN, or --data.root DIR for the scores alone")

    from memlab.audit.associations import associations, with_residuals
    from memlab.reading import content_of
    from memlab.reports.attributes import print_attributes, write_attributes
    from memlab.reports.terminal import plain_console

    if options.run is None:
        subject = _scores(options.root, options.split)
    else:
        with content_of(options.run):
            subject = _tested(options.run, options.root, options.split)
    columns = _columns(subject, options.columns, options.masks)
    names = [str(name) for name in columns]
    for name in options.categories:
        if name not in names:
            raise MemlabError(
                f"--categories {name}: no such column{did_you_mean(name, names)} "
                f"(columns: {', '.join(names)})"
            )
    rows = subject.rows.merge(columns, left_on="id", right_index=True, how="left")
    found = associations(rows, names, {"category", *options.categories}, options.seed)
    console = plain_console()
    print_attributes(found, len(rows), console)
    for note in subject.notes:
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    if options.out:
        about = {**subject.about, "n": len(rows), "seed": options.seed, "notes": subject.notes}
        figures = write_attributes(found, with_residuals(rows), about, options.out)
        console.print(f"results   {options.out}/attributes.json, attributes.csv", soft_wrap=True)
        for figure in figures:
            console.print(f"picture   {options.out}/{figure}", soft_wrap=True)
    return 0


def _tested(path: Path, root: Path | None, split: int | None) -> Subject:
    from memlab.data.sources.base import recognise
    from memlab.reports.results import FILE
    from memlab.reports.tested import read_tested
    from memlab.spec import build

    test = read_tested(path)
    data = test.results.data
    rows = test.rows.reset_index()[["id", "score", "predicted"]]
    about = {
        "run": test.label,
        "folder": str(test.folder),
        "weights_id": test.results.model["weights_id"],
        "fingerprint": data["fingerprint"],
    }
    notes: list[str] = []
    there = root or Path(str(data.get("root") or ""))
    table = None
    if root is not None or (data.get("root") and there.exists()):
        source = (
            recognise(there) if root else build(data["source"], "sources", str(test.folder / FILE))
        )
        own = data.get("split")
        number = split if split is not None else own if isinstance(own, int) else None
        table = _with_masks(source.table(there, number), data, notes)
        known = set(table.rows["id"])
        lost = [name for name in rows["id"] if name not in known]
        if len(lost) == len(rows):
            raise DataError(
                f"{there}: none of the {len(rows)} tested pictures is in it: tested {lost[0]!r}, "
                f"there {table.rows['id'].iloc[0]!r}; give --data.root DIR"
            )
        if lost:
            notes.append(f"{len(lost)} tested pictures are not in {there}, such as {lost[0]}")
    else:
        told = (
            f"no pictures at {data['root']}" if data.get("root") else "no data set in its results"
        )
        notes.append(f"{told}: nothing is measured; give --data.root DIR")
    images = {} if table is None else dict(zip(table.rows["id"], table.rows["image"], strict=True))
    rows["image"] = [images.get(name, name) for name in rows["id"]]
    size = int(data.get("geometry", {}).get("size", _SIZE))
    return Subject(rows, table, size, about, notes)


def _with_masks(table: Table, data: dict[str, Any], notes: list[str]) -> Table:
    """The data set with the masks that the test was given, where they still are."""
    origins = {str(one["origin"]) for one in data.get("masks", {}).values()}
    for origin in origins - {data.get("origin")}:
        if Path(origin).exists():
            return table.with_masks(Path(origin))
        notes.append(f"no masks at {origin}, where the test had them; give --masks STORE")
    return table


def _scores(root: Path, split: int | None) -> Subject:
    from memlab.data.sources.base import recognise

    table = recognise(root).table(root, split).validated(str(root))
    rows = table.rows[["id", "image", "score"]].assign(predicted=float("nan"))
    if rows["score"].isna().all():
        raise DataError(f"{table.origin}: no scores in it, and no RUN; give either")
    about = {"run": None, "folder": str(root), "fingerprint": table.fingerprint()}
    return Subject(rows.reset_index(drop=True), table, _SIZE, about, [])


def _columns(subject: Subject, file: Path | None, masks: Path | None) -> pd.DataFrame:
    """All columns of the pictures, by id; of two of one name the joined file's counts."""
    import pandas as pd

    from memlab.data.attributes import columns_of, joined_columns, mask_columns
    from memlab.data.picture_statistics import measured
    from memlab.progress import progress
    from memlab.regions.open import open_masks

    rows, table, notes = subject.rows, subject.table, subject.notes
    ids = [str(name) for name in rows["id"]]
    parts: dict[str, pd.DataFrame] = {}
    if file is not None:
        parts["file"], unknown = joined_columns(file, rows)
        if unknown:
            shown = ", ".join(unknown[:3])
            notes.append(f"{file}: {len(unknown)} rows are of no tested picture, such as {shown}")
    sources = {} if table is None else dict(table.masks)
    if masks is not None:
        given = open_masks(masks, rows)
        sources |= dict.fromkeys(given.regions, given)
    if sources:
        with progress("Masks", len(ids) * len(sources)) as advance:
            parts["masks"] = mask_columns(sources, ids, advance)
    else:
        parts["masks"] = pd.DataFrame({"has_faces": None}, index=ids, dtype=float)
        notes.append("no masks: give --masks STORE, made by memlab regions find")
    if table is not None:
        parts["table"] = columns_of(table)
        there = set(table.rows["id"])
        here = rows[rows["id"].isin(there)]
        paths = [table.root / str(image) for image in here["image"]]
        with progress("Measuring", len(paths)) as advance:
            parts["pictures"], errors = measured(list(here["id"]), paths, subject.size, advance)
        if errors:
            notes.append(f"{len(errors)} pictures cannot be read: {errors[0]}")
    joined = pd.DataFrame(index=pd.Index(ids, name="id"))
    for part in parts.values():
        joined = joined.join(part[[name for name in part if name not in joined]])
    return joined
