"""memlab score MODEL PICTURES..."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from memlab.cli.options import Options, find_pictures
from memlab.errors import MemlabError
from memlab.files import replacing

if TYPE_CHECKING:
    import pandas as pd

DESCRIPTION = """\
Predict how memorable some pictures are, 0 to 1.

MODEL is a run folder, a checkpoint, a plugin's name, or package.module:Class.
A table on a terminal, CSV into a pipe or with --out. Exit code 1 if a picture could not be read;
the others are scored all the same.

  memlab score runs/quickstart photos/
  memlab score runs/quickstart a.jpg b.png --out scores.csv
"""


def run(arguments: list[str]) -> int:
    """Score pictures; returns the exit code."""
    parser = Options("score", DESCRIPTION)
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("pictures", metavar="PICTURES", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, help="write the table here, as CSV")
    parser.add_argument("--batch-size", type=int, default=32, help="pictures at once (%(default)s)")
    parser.add_argument("--num-workers", type=int, default=0, help="processes that decode (0)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, mps (%(default)s)")
    options = parser.parse_args(arguments[1:])
    if options.batch_size < 1 or options.num_workers < 0:
        raise MemlabError("--batch-size is at least 1, --num-workers at least 0")
    paths = find_pictures(options.pictures)

    from memlab.models.load import load
    from memlab.models.predict import predict_files
    from memlab.progress import progress

    model = load(options.model)
    with progress("Scoring", len(paths)) as advance:
        try:
            table = predict_files(
                model, paths, options.batch_size, options.num_workers, options.device, advance
            )
        except (RuntimeError, AssertionError) as error:
            if options.device == "cpu":
                raise
            first = str(error).splitlines()[0]
            raise MemlabError(f"--device {options.device}: {first}") from error

    bad = table[table["error"] != ""]
    for reason in bad["error"].head(2):
        print(f"memlab: {reason}", file=sys.stderr)  # noqa: T201
    if len(bad) > 2:
        print(f"memlab: and {len(bad) - 2} more cannot be read", file=sys.stderr)  # noqa: T201
    if options.out:
        with replacing(options.out) as temporary:
            table.to_csv(temporary, index=False)
        print(f"{len(table) - len(bad)} scores in {options.out}")  # noqa: T201
    elif sys.stdout.isatty():
        _print(table, str(options.model))
    else:
        table.to_csv(sys.stdout, index=False)
    return 1 if len(bad) else 0


def _print(table: pd.DataFrame, ref: str) -> None:
    from rich.table import Table

    from memlab.reports.terminal import plain_console

    shown = Table(title=f"memorability by {ref}", title_justify="left")
    shown.add_column("picture")
    shown.add_column("predicted", justify="right")
    for row in table.sort_values("predicted", ascending=False).itertuples():
        shown.add_row(str(row.image), "cannot be read" if row.error else f"{row.predicted:.4f}")
    plain_console().print(shown)
