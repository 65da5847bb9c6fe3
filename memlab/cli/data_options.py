"""Data options of memlab's own commands, with the same spelling as in fit and test."""

from __future__ import annotations

import argparse
import sys
from argparse import SUPPRESS, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memlab.cli.options import at_least
from memlab.cli.plugin_names import class_path
from memlab.errors import MemlabError

if TYPE_CHECKING:
    from memlab.data.sources.base import Source
    from memlab.data.table import Table

COLUMNS = {
    "image": "column of images",
    "score": "column of scores",
    "file": "its name, where a folder has several",
    "separator": "what separates the columns: comma, semicolon, tab",
    "encoding": "encoding of the text, such as cp1252",
}
"""Options of a CSV file, `--data.source.NAME`, and their help texts."""

MASKS = "a mask store, a COCO file, or a folder REGION/IMAGE.png"


def _add_option(parser: argparse.ArgumentParser, name: str, *older: str, **settings: Any) -> None:
    """Add an option and its older spellings, which the help omits.

    Args:
        parser: parser of a command.
        name: the spelling of fit and test.
        older: other accepted spellings.
        settings: arguments of `add_argument`; `dest` is the last part of the name by default.
    """
    settings = {"dest": name.rpartition(".")[2].lstrip("-").replace("-", "_"), **settings}
    parser.add_argument(name, **settings)
    if older:
        parser.add_argument(*older, **{**settings, "help": SUPPRESS, "default": SUPPRESS})


def add_source(parser: argparse.ArgumentParser, split: bool = True) -> None:
    """Add the options for the data set's layout and split."""
    _add_option(
        parser, "--data.source", "--source", help="its layout: csv, folder, lamem, synthetic"
        " (recognised)",
    )  # fmt: skip
    for name, help_text in COLUMNS.items():
        older = (f"--{name}",) if name in ("image", "score") else ()
        _add_option(parser, f"--data.source.{name}", *older, help=f"of a CSV file: {help_text}")
    if split:
        _add_option(
            parser, "--data.split", "--split", type=int, help="number of the split (LaMem: 1 to 5)"
        )


def add_root(parser: argparse.ArgumentParser, told: str, split: bool = True) -> None:
    """Add the data set, DIR or --data.root DIR, and the options for its layout."""
    parser.add_argument("root", metavar="DIR", type=Path, nargs="?", action=_Once, help=told)
    parser.add_argument(
        "--data.root",
        dest="root",
        type=Path,
        metavar="DIR",
        action=_Once,
        help="the same, as fit has it",
    )
    add_source(parser, split)


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add the data set, --data.root DIR, its layout, and its split, for commands with a MODEL."""
    parser.add_argument(
        "--data.root",
        dest="root",
        type=Path,
        metavar="DIR",
        help="the data set: a folder or a table of images",
    )
    add_source(parser, split=False)
    _add_option(
        parser,
        "--data.split",
        "--split",
        help="number of its split (LaMem: 1 to 5), shares (80/20), or all",
    )


def add_masks(
    parser: argparse.ArgumentParser, told: str = f"masks of faces, text, ...: {MASKS}"
) -> None:
    """Add the option for the region masks of the images."""
    _add_option(parser, "--data.masks", "--masks", type=Path, help=told)


def add_empty_masks(parser: argparse.ArgumentParser) -> None:
    """Add the option, named as in fit and test, for the meaning of a missing mask."""
    parser.add_argument(
        "--data.empty_masks",
        "--empty-masks",
        dest="empty_masks",
        choices=("none", "unknown"),
        help="meaning of a missing mask (an empty cell, no file, not listed): the image does not "
        "have the region (none), or is not annotated for it (unknown); by default none for the "
        "columns of a table, else unknown",
    )


def add_loading(parser: argparse.ArgumentParser) -> None:
    """Add the options for reading images and for the model's device."""
    _add_option(
        parser, "--data.batch_size", "--batch-size", "--batch_size", type=at_least(1), default=32,
        help="images at once (%(default)s)",
    )  # fmt: skip
    add_workers(parser, 0, "processes that decode (%(default)s)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, mps (%(default)s)")


def add_workers(parser: argparse.ArgumentParser, default: int | None, told: str) -> None:
    """Add the option for the number of decoding processes."""
    older = ("--num-workers", "--num_workers")
    _add_option(parser, "--data.num_workers", *older, type=at_least(0), default=default, help=told)


class _Once(argparse.Action):
    """Action that accepts a data set as DIR or as --data.root, but not both."""

    def __call__(
        self, parser: Any, namespace: Namespace, values: Any, option: str | None = None
    ) -> None:
        if values is None:  # no DIR among the arguments
            return
        before = getattr(namespace, self.dest, None)
        if before is not None:
            parser.error(f"two data sets, {before} and {values}: give one")
        setattr(namespace, self.dest, values)


def root_of(options: Namespace) -> Path:
    """Return the data set given to a command as DIR or as --data.root.

    Raises:
        MemlabError: if none is given.
    """
    if options.root is None:
        raise MemlabError("which data set? give DIR, or --data.root DIR")
    root: Path = options.root
    return root


def columns_of(options: Namespace) -> dict[str, str]:
    """Return the given options for a CSV file's columns and text."""
    columns = {name: getattr(options, name, None) for name in COLUMNS}
    return {name: value for name, value in columns.items() if value is not None}


def source_of(options: Namespace, root: Path) -> Source:
    """Return the given or recognised layout of the data set; `--data.source.image` implies csv.

    Raises:
        MemlabError: if the layout does not exist, or columns are given for another layout.
    """
    columns = columns_of(options)
    path = class_path("sources", options.source) if options.source else None

    from memlab.data.sources import base
    from memlab.data.sources.csv import CsvSource
    from memlab.spec import import_class

    layout = None if path is None else import_class(path)
    if columns and layout in (None, CsvSource):
        return CsvSource(**columns)
    if columns:
        name = next(iter(columns))
        raise MemlabError(
            f"--data.source.{name} is for CSV files, not for {options.source}; give "
            "--data.source csv, or leave it out"
        )
    if layout is None:
        return base.recognise(root)
    if not issubclass(layout, base.Source):
        raise MemlabError(f"--data.source {options.source}: {path} is no layout of a data set")
    made: Source = layout()
    return made


def read_data(options: Namespace, root: Path | None = None, say: bool = True) -> Table:
    """Read the table of the data set given to a command.

    Args:
        options: options of the command.
        root: path of the data set; DIR or --data.root by default.
        say: whether to print the decisions made while reading.
    """
    where = root_of(options) if root is None else root
    table = source_of(options, where).table(where, getattr(options, "split", None))
    return table.say() if say else table


def images_given(options: Namespace) -> list[Path]:
    """Return the images given to a command: files, and the content of folders and tables.

    The tables are kept in `options.tables`, by path.

    Raises:
        MemlabError: if a path does not exist, or columns are named and there is no table.
    """
    from memlab.image_files import find_images

    paths: dict[Path, None] = {}
    tables = options.tables = {
        path: read_data(options, path, say=False)
        for path in options.images
        if _is_table(path, options)
    }
    if not tables and (columns_of(options) or options.source == "csv"):
        name = next(iter(columns_of(options)), "")
        option = f"--data.source.{name}" if name else "--data.source csv"
        raise MemlabError(f"{option} is for a CSV file of images; none is given")
    for path in options.images:
        table = tables.get(path)
        if table is not None:
            table.say(scores=False)  # scores are not needed here
            paths |= dict.fromkeys(table.root / str(image) for image in table.rows["image"])
        else:
            paths |= dict.fromkeys(find_images([path]))
    if not paths:
        raise MemlabError("no images: nothing that was given can be read")
    return list(paths)


def _is_table(path: Path, options: Namespace) -> bool:
    """Return whether a path is a table of images, by its extension or by the user's options."""
    from memlab.data.tables import ENDINGS
    from memlab.image_files import what_is

    kind = what_is(path)
    if kind == "file":
        return path.suffix.lower() in (*ENDINGS, ".xlsx", ".xls", ".ods")  # explained when read
    return kind == "folder" and (options.source == "csv" or bool(columns_of(options)))


def note(text: str) -> None:
    """Print a decision to stderr."""
    if text:
        print(f"memlab: {text}", file=sys.stderr)  # noqa: T201
