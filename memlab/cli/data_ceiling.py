"""Terminal output of memlab data ceiling."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table as Lines

from memlab.ceiling.counts import has_counts
from memlab.ceiling.estimate import (
    Ceiling,
    Entry,
    ceiling_of_counts,
    ceiling_of_responses,
    ceiling_of_scores,
)
from memlab.ceiling.lag_interval import LagEstimate
from memlab.ceiling.observers import least_mse, times_as_many
from memlab.ceiling.people_rules import exclude
from memlab.ceiling.reliability import over_images
from memlab.cli.data_answers import answers_of, refuse
from memlab.data.image_paths import paths_in
from memlab.data.table import Table
from memlab.errors import DataError
from memlab.numbers import number
from memlab.reports.terminal import plain_console
from memlab.stats.measures import Statistic

_NAMES = {"spearman": "Spearman", "pearson": "Pearson", "model": "model"}
HALVES, AT = 1000, 100
WANTED = (0.8, 0.9)
"""Reliabilities for which the required number of responses is printed."""


def ceiling_and_show(options: Namespace, read: Callable[[], Table]) -> int:
    """Compute and print the noise ceiling of a data set; write tables if a folder is given.

    Args:
        options: options of the command.
        read: function that reads the data set as a table, used if it holds no single responses.

    Returns:
        0; a ceiling that cannot be computed raises an error.
    """
    answers = answers_of(options)
    if answers is not None:
        answers = exclude(answers, options.exclude or "none")
        ceiling = ceiling_of_responses(
            answers,
            options.halves or HALVES,
            options.seed,
            options.min_responses or 1,
            options.lag is not None,
            AT if options.at is None else options.at,
        )
    else:
        ceiling = _of_table(read(), options)
    if options.images:
        ceiling = _with_paths(ceiling, options.images, options.out)
    console = plain_console()
    _show(ceiling, console)
    if options.out:
        from memlab.reports.ceiling import write_ceiling

        tables, image = write_ceiling(ceiling, options.out)
        console.print(f"results   {options.out}/{', '.join(tables)}", soft_wrap=True)
        console.print(f"figure    {options.out}/{image}", soft_wrap=True)
    return 0


def _with_paths(ceiling: Ceiling, folder: Path, out: Path) -> Ceiling:
    paths, missing = paths_in(list(ceiling.scores["image"]), folder, out)
    shown = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
    notes = [f"{folder}: no file of {len(missing)} images: {shown}"] if missing else []
    scores = ceiling.scores.assign(image=paths)
    return replace(ceiling, scores=scores, notes=[*ceiling.notes, *notes])


def _of_table(table: Table, options: Namespace) -> Ceiling:
    if has_counts(table):
        refuse(options, ("observers",), f"{table.origin} has counts")
        table.say(scores=False)
        return ceiling_of_counts(table, options.halves or HALVES, options.seed)
    if options.observers and table.rows["score"].notna().any():
        refuse(options, ("halves",), "the model of --observers has none")
        table.say()
        return ceiling_of_scores(table, options.observers)
    scores = "a score for each" if options.observers else "--observers N beside the scores"
    raise DataError(
        f"{table.origin}: nothing tells how noisy the scores are: it takes answers of people "
        "(columns participant, image, response; --participant and --response name others), counts "
        f"(hits, n), or {scores}"
    )


def _show(ceiling: Ceiling, console: Console) -> None:
    console.print(f"{ceiling.origin}: {ceiling.overview}", soft_wrap=True)
    for line in (*ceiling.counting, ceiling.how):
        console.print(line, soft_wrap=True)
    lines = Lines()
    for name in ("scores", ""):
        lines.add_column(name)
    intervals = ceiling.entries[0].reliability.half.low is not None
    titles = ("halves", *(("95 % of halves",) if intervals else ()), "Spearman–Brown")
    for name in (*titles, "best, all", "best, half"):
        lines.add_column(name, justify="right")
    why: list[str] = []
    for entry in ceiling.entries:
        known = entry.reliability
        row = [entry.scores, _NAMES[entry.correlation]]
        if known.half.value is None:
            lines.add_row(*row, "none")
            why.append(f"{' '.join(row)}: {known.half.reason}")
            continue
        numbers = (known.full, known.ceiling, known.half_ceiling)
        cells = [number(each.value, 3) for each in (known.half, *numbers)]
        if intervals:
            cells.insert(1, f"{number(known.half.low, 3)} to {number(known.half.high, 3)}")
        lines.add_row(*row, *cells)
    console.print(lines)
    for line in why:
        console.print(line, soft_wrap=True)
    _explain(ceiling, ceiling.entries[0], console)


def _over_images(ceiling: Ceiling) -> list[str]:
    known = ceiling.entries[1].reliability.full  # Pearson's
    if known.value is None or known.n < 3 or ceiling.responses <= 1:
        return []
    low, high = over_images(known.value, known.n, ceiling.responses)
    ends = [max(0.0, low) ** 0.5, max(0.0, high) ** 0.5]
    low_text, high_text, least, most = (number(end, 3) for end in (low, high, *ends))
    text = (
        f"{known.n} images leave room: the reliability (Pearson) lies between {low_text} and "
        f"{high_text}, the best ρ between {least} and {most} (95 % over images; Feldt 1965)."
    )
    if low <= 0:
        text += " 0 is among them: these images do not show that people agree."
    return [text]


def _explain(ceiling: Ceiling, main: Entry, console: Console) -> None:
    known = main.reliability
    best, half = known.ceiling.value or 0, known.half_ceiling.value or 0
    say: list[str] = [
        f"A perfect model can expect ρ = {number(best, 3)} with these scores, {number(half, 3)} "
        "with scores from half the answers.",
    ]
    if known.half.low is not None:
        say.append(
            "The interval holds 95 % of the random halves; how the numbers would vary over other "
            "images or people is not in it."
        )
        say += _over_images(ceiling)
    if main.left_out:
        images = f"{number(main.left_out, 1)} images"
        say.append(f"Left out for too few answers in a half: {images}, on average.")
    full = known.full.value or 0
    needs = [f"{ceiling.responses * times_as_many(full, want):.0f} for {want}" for want in WANTED]
    say.append(
        f"Answers an image for a reliability: {', '.join(needs)}; there are "
        f"{ceiling.responses:.0f}, for {number(full, 2)} (Spearman–Brown)."
    )
    at = min(1, len(ceiling.entries) - 1)  # Pearson's, or the model's
    linear = ceiling.entries[at].reliability
    variance = float(ceiling.scores["hit_rate"].var())
    least = least_mse(linear.ceiling.value or 0, variance)
    say.append(f"Least MSE: {number(least)} of a perfect model, {number(variance)} of a constant.")
    if ceiling.lag:
        say += _of_lag(ceiling.lag)
    for line in [*say, *(f"note: {each}" for each in ceiling.notes)]:
        console.print(line, soft_wrap=True)


def _of_lag(lag: LagEstimate) -> list[str]:
    model = lag.model
    alpha = f"{number(lag.alpha.value, signed=True)}{_ends(lag.alpha, 4, True)}"
    rate = f"{number(lag.hit_rate.value, 3)}{_ends(lag.hit_rate, 3)}"
    say = [
        f"Lag: α = {alpha} per unit of ln(lag), one for all images ({model.rounds} rounds); scores "
        f"are given at lag {model.at:g}.",
        f"Hit rate at lag {model.at:g}: {rate}, mean over images.",
    ]
    if lag.alpha.low is not None:
        say.append(
            "These 95 % intervals are over people and images (cluster-robust by both); they hold "
            "for other people and other images of the same kind."
        )
    if lag.vigilance:
        say.append(
            f"α is of {lag.targets} target repeats and {lag.vigilance} vigilance repeats; scores "
            "are of target repeats alone."
        )
    if lag.without_lag:
        say.append(f"{lag.without_lag} vigilance repeats without a lag are not used.")
    low, high = lag.lags
    if not low <= model.at <= high:
        say.append(
            f"Lag {model.at:g} lies outside the lags of these answers, {low:g} to {high:g}: scores "
            f"there are extrapolated. --at {high:g} stays inside."
        )
    return say


def _ends(statistic: Statistic, digits: int, signed: bool = False) -> str:
    if statistic.low is None or statistic.high is None:
        return ""
    low, high = (number(end, digits, signed=signed) for end in (statistic.low, statistic.high))
    return f" ({low} to {high})"
