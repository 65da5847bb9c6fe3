"""Answers of people for memlab data ceiling: a table of answers, a trial table, or a folder."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from functools import cache
from pathlib import Path

from memlab.ceiling.responses import Responses, holds_responses, read_responses
from memlab.ceiling.trial_columns import PERSON, column_of
from memlab.ceiling.trial_counts import responses_of_trials
from memlab.ceiling.trial_events import TrialOptions
from memlab.ceiling.trial_reading import joined, read_trials
from memlab.ceiling.trial_table import Trials
from memlab.cli.data_options import note, root_of
from memlab.data.tables import TextTable, read_text_table, tables_in
from memlab.errors import DataError, MemlabError
from memlab.image_files import what_is

OF_TRIALS = ("blank", "key", "vigilance_lag", "window", "shown")
OF_ANSWERS = ("participant", "response", "lag", "at", "only", "min_responses", "exclude")


def answers_of(options: Namespace) -> Responses | None:
    """Return the answers of people that the data set holds, or None if it holds none.

    Args:
        options: options of `memlab data ceiling`.

    Raises:
        MemlabError: if an option does not apply, or the answers are invalid.
    """
    path: Path = root_of(options)
    tables = [path]
    if what_is(path) == "folder":
        inside = tables_in(path)
        path = path / "trials.csv" if path / "trials.csv" in inside else path
        path = path / options.file if options.file else path
        path = inside[0] if len(inside) == 1 else path
        tables = inside if what_is(path) == "folder" else [path]
    named = {name: getattr(options, name) for name in ("participant", "image", "response")}
    named["lag"] = options.lag or None
    text_of = cache(lambda table: _text(table, options))  # a table of answers is read once
    trials = _trials(tables, str(path), text_of, named, options)
    if trials is not None:
        _refuse_of_tables(options, path)
        return responses_of_trials(trials, options.blank or "counts")
    text = text_of(path)
    if text is not None and holds_responses(text, named):
        note(text.note)
        _refuse_of_tables(options, path)
        refuse(options, OF_TRIALS, f"{path} is a table of answers, not of trials")
        return read_responses(text, named, options.only)
    refuse(options, (*OF_TRIALS, *OF_ANSWERS), f"{path} is no CSV file of answers of people")
    return None


def refuse(options: Namespace, names: tuple[str, ...], why: str) -> None:
    """Raise a MemlabError if one of some options is given."""
    spelled = {"score": "data.source.score", "split": "data.split"}
    for name in names:
        if getattr(options, name) is not None:
            option = spelled.get(name, name).replace("_", "-")
            raise MemlabError(f"--{option} has nothing to do here: {why}")


def _refuse_of_tables(options: Namespace, path: Path) -> None:
    refuse(options, ("observers", "score", "split"), f"{path} holds answers of people")
    if options.at is not None and options.lag is None:
        raise MemlabError("--at is the lag that --lag corrects to: give --lag, too")


def _text(path: Path, options: Namespace) -> TextTable | None:
    if what_is(path) != "file" or options.source not in (None, "csv"):
        return None
    return read_text_table(path, options.separator, options.encoding)


def _trials(
    tables: list[Path],
    origin: str,
    text_of: Callable[[Path], TextTable | None],
    named: dict[str, str | None],
    options: Namespace,
) -> Trials | None:
    """Return the trials of a table, or of all tables of a folder: one file per person."""
    keys = tuple(key for key in (options.key or "").split(",") if key)
    asked = TrialOptions(named, keys, options.window, options.shown)
    found: list[Trials] = []
    for table in tables:
        text = text_of(table)
        if text is None:
            return None
        if len(tables) > 1 and not (
            named["participant"] or column_of(list(text.frame.columns), PERSON)
        ):
            text = TextTable(text.frame.assign(participant=table.stem), table, text.note)
        trials = read_trials(text, asked, options.only, options.vigilance_lag)
        if trials is None and not found:
            return None
        if trials is None:
            raise DataError(
                f"{table}: is no trial table, while {found[0].origin} is: move it to another folder"
            )
        if not found:
            note(text.note)
        found.append(trials)
    return joined(found, origin) if len(found) > 1 else next(iter(found), None)
