"""memlab score MODEL IMAGES..."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

from memlab.cli.data_options import add_loading, add_source, images_given
from memlab.cli.model_option import MODEL, add_model, load_model, model_files
from memlab.cli.options import Options, add_trust, report_unreadable
from memlab.files import replacing
from memlab.outputs import require_apart, require_own_table

if TYPE_CHECKING:
    import pandas as pd

DESCRIPTION = f"""\
Predict how memorable some images are, 0 to 1. IMAGES are files, folders, and tables of images.

{MODEL}

A table on a terminal, CSV into a pipe or with --out, which is a new file or the table of an earlier
memlab score. Exit code 1 if an image could not be read; the others are scored all the same.

low and high    the score lies between with a probability of --level, for images like those that
                the model was validated on
percentile      share of the training labels below, 0 to 100

  memlab score runs/quickstart photos/
  memlab score runs/quickstart a.jpg b.png --out scores.csv
  memlab score runs/quickstart images.csv --data.source.image pic
"""

TABLE = ("image", "predicted")
"""The first columns of the table that --out writes."""


def run(arguments: list[str]) -> int:
    """Score images; return the exit code."""
    parser = Options("score", DESCRIPTION)
    add_model(parser)
    parser.add_argument("images", metavar="IMAGES", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, help="write the table here, as CSV")
    parser.add_argument("--level", type=float, default=0.9, help="of the intervals (%(default)s)")
    add_source(parser, split=False)
    add_loading(parser)
    add_trust(parser)
    options = parser.parse_args(arguments[1:])
    paths = images_given(options)  # check paths before loading the model
    if options.out:
        require_own_table(options.out, TABLE)
        require_apart(options.out, [*paths, *options.images, *model_files(options.model)])
    table = load_model(options.model).predict(
        paths,
        batch_size=options.batch_size,
        num_workers=options.num_workers,
        device=options.device,
        level=options.level,
    )
    bad = report_unreadable(dict(zip(table["image"], table["error"], strict=True)))
    for note in table.attrs["notes"]:
        print(f"memlab: {note}", file=sys.stderr)  # noqa: T201
    if options.out:
        with replacing(options.out) as temporary:
            table.to_csv(temporary, index=False)
        print(f"{len(table) - bad} scores in {options.out}")  # noqa: T201
    elif sys.stdout.isatty():
        _print(table, str(options.model))
    else:
        table.to_csv(sys.stdout, index=False)
    return 1 if bad else 0


def _print(table: pd.DataFrame, ref: str) -> None:
    from rich.markup import escape
    from rich.table import Table

    from memlab.numbers import interval, number
    from memlab.reports.terminal import plain_console

    printed = Table(title=f"memorability by {ref}", title_justify="left")
    printed.add_column("image", overflow="fold")
    with_interval, with_percentile = table["low"].notna().any(), table["percentile"].notna().any()
    printed.add_column("predicted", justify="right")
    if with_interval:
        printed.add_column(f"{100 * table.attrs['level']:g} % interval", justify="right")
    if with_percentile:
        printed.add_column("percentile", justify="right")
    for row in table.sort_values("predicted", ascending=False).itertuples():
        cells = ["no score" if row.error else number(cast("float", row.predicted))]
        if with_interval:
            cells.append(
                ""
                if row.error
                else escape(interval(*cast("tuple[float, float]", (row.low, row.high)), 2))
            )
        if with_percentile:
            cells.append("" if row.error else f"{row.percentile:.0f}")
        printed.add_row(escape(str(row.image)), *cells)
    plain_console().print(printed)
