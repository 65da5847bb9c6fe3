"""People's scores in memlab compare: options, inputs and page."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from memlab.cli.data_options import COLUMNS, note
from memlab.errors import MemlabError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memlab.analysis.comparison import Comparison
    from memlab.analysis.people_and_models import PeopleComparison
    from memlab.analysis.results import Results
    from memlab.analysis.same_images import Matched
    from memlab.analysis.tested import Tested
    from memlab.data.predictions import Predictions

_COLUMNS = ("image", "score", "file", "separator", "encoding")
"""Options of the table of people's scores."""


@dataclass(frozen=True)
class SideBySide:
    """People and models side by side, and what the page needs.

    Args:
        comparison: the comparison.
        matched: the common images.
        roots: folders that the images may be in.
        folder: folder of the images, given by the user; or None.
    """

    comparison: PeopleComparison
    matched: Matched
    roots: list[Path]
    folder: Path | None


def add_people(parser: ArgumentParser) -> None:
    """Add the options for people's scores and for the images of the page."""
    parser.add_argument(
        "--people",
        metavar="TABLE",
        type=Path,
        help="people's scores of the images, or their single answers; by default the scores that "
        "the tests have",
    )
    parser.add_argument(
        "--people.image", dest="people_image", metavar="NAME", help=f"its {COLUMNS['image']}"
    )
    parser.add_argument(
        "--people.score", dest="people_score", metavar="NAME", help=f"its {COLUMNS['score']}"
    )
    parser.add_argument("--people.file", dest="people_file", metavar="NAME", help=COLUMNS["file"])
    parser.add_argument(
        "--people.separator", dest="people_separator", metavar="NAME", help=COLUMNS["separator"]
    )
    parser.add_argument(
        "--people.encoding", dest="people_encoding", metavar="NAME", help=COLUMNS["encoding"]
    )
    parser.add_argument(
        "--images", metavar="DIR", type=Path, help="folder of the images, for the page"
    )


def check_people(options: Namespace) -> None:
    """Raise a MemlabError if an option is given without the table or folder that it is for."""
    if options.images is not None and options.out is None:
        raise MemlabError("--images is for the page that --out writes: give --out DIR, too")
    for name in _COLUMNS:
        if options.people is None and getattr(options, f"people_{name}") is not None:
            raise MemlabError(f"--people.{name} is for the table of people's scores: give --people")


def as_predictions(test: Tested) -> Predictions:
    """Return the predictions of a test, with the scores of its images."""
    from memlab.data.predictions import Predictions

    rows = test.rows.reset_index()[["id", "predicted", "score"]]
    rows = rows.assign(id=rows["id"].astype(str), image=rows["id"].astype(str))
    known = rows["predicted"].notna()
    return Predictions(
        test.label,
        test.folder,
        rows[known].reset_index(drop=True),
        _data_folder(test.results),
        int((~known).sum()),
    )


def side_by_side(models: Sequence[Predictions], options: Namespace) -> SideBySide:
    """Compare people's scores with the predictions of the models.

    Args:
        models: the models.
        options: options of the command.
    """
    from memlab.analysis.people_and_models import compare_with_people
    from memlab.analysis.same_images import match_images, people_of, with_distinct_names
    from memlab.ceiling.people import read_people

    models = with_distinct_names(models)
    for model in models:
        note(model.note)
    notes: list[str] = []
    if options.people is None:
        people, notes = people_of(models)
    else:
        named = {name: getattr(options, f"people_{name}") for name in _COLUMNS}
        columns = {name: value for name, value in named.items() if value is not None}
        people = read_people(options.people, columns)
    matched = match_images(people, models)
    compared = compare_with_people(
        people, matched, {model.label: str(model.path) for model in models}
    )
    compared.notes.extend(notes)
    roots = [people.root, *(root for model in models for root in _roots(model)), Path()]
    roots = [each for root in roots for each in (root, root / "images")]
    return SideBySide(compared, matched, roots, options.images)


def _roots(model: Predictions) -> list[Path]:
    """Return the folders that the images of a model may be in; for folds, their data set's, too."""
    from memlab.analysis.results import FILE, read
    from memlab.data.predictions import is_folds

    roots = [model.root]
    file = next(model.path.glob(f"*/fit/{FILE}"), None) if is_folds(model.path) else None
    if file is not None:
        roots.append(_data_folder(read(file.parent)))
    return roots


def _data_folder(results: Results) -> Path:
    """Return the folder of a test's data set, which may be a table in it."""
    root = Path(results.data.root or ".")
    return root if root.is_dir() else root.parent


def write_page(comparison: Comparison, found: SideBySide, folder: Path) -> Path:
    """Write the files of the comparison, and the page; return the path of the page."""
    from memlab.analysis.people_and_models import per_image
    from memlab.data.image_paths import image_paths
    from memlab.image_files import leaves
    from memlab.reports.comparison import write_comparison
    from memlab.reports.people_page import PAGE, write_people_page

    names = found.matched.names
    paths = dict(
        zip(names, image_paths(list(names.values()), found.roots, found.folder), strict=True)
    )
    own = [*found.roots, *([found.folder] if found.folder else [])]
    outside = [
        path for path in paths.values()
        if path and all(leaves(root, str(path.absolute())) for root in own)
    ]  # fmt: skip
    if outside:
        note(
            f"{len(outside)} of {len(paths)} images lie outside the folders of the tables, such as "
            f"{outside[0]}; {PAGE} may show them"
        )
    comparison.people = found.comparison
    write_comparison(comparison, folder, per_image(found.matched))
    return write_people_page(found.comparison, paths, folder)
