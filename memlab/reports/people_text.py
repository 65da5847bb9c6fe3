"""Sentences and terminal tables of people and models side by side."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from memlab.analysis.differing import Strip
from memlab.analysis.people_and_models import ModelPair, PeopleComparison, ladder
from memlab.analysis.same_images import LeftOut
from memlab.numbers import number, statistic
from memlab.reports.terminal import interval_text, value_text

_REMEMBERED = {
    "people_above": "People remember these; {model} does not expect it",
    "model_above": "{model} expects people to remember these; they do not",
    "people_above_all": "People remember these; no model expects it",
    "models_above_all": "All models expect people to remember these; they do not",
}
_PLAIN = {
    "people_above": "People's score is high, that of {model} is low",
    "model_above": "The score of {model} is high, people's is low",
    "both_high": "People and {model} agree: high",
    "both_low": "People and {model} agree: low",
    "people_above_all": "People's score is high, that of every model is low",
    "models_above_all": "The score of every model is high, people's is low",
}


def print_people(comparison: PeopleComparison, console: Console) -> None:
    """Print each model's agreement with people, the differences, and the models' agreement."""
    console.print(images_line(comparison), markup=False, soft_wrap=True)
    people = comparison.people
    table = Table(title=f"people: {escape(people.column)}", title_justify="left")
    for name in ("model", "n", "ρ with people", "95 % interval", "mean", "SD"):
        is_text = name == "model"
        table.add_column(name, justify="left" if is_text else "right", no_wrap=not is_text)
    for model in comparison.models:
        rho = model.spearman
        table.add_row(
            escape(model.model), str(rho.n), value_text(rho), interval_text(rho),
            number(model.mean), number(model.sd),
        )  # fmt: skip
    console.print(table)
    _print_differences(comparison, console)
    for pair in comparison.pairs:
        console.print(
            f"predictions of {pair.second} and {pair.first}: ρ = {statistic(pair.agreement)}",
            markup=False,
            soft_wrap=True,
        )
    console.print(ceiling_line(comparison), markup=False, soft_wrap=True)
    console.print(sentence(comparison), markup=False, soft_wrap=True)
    for note in comparison.notes:
        console.print(f"note: {note}", markup=False, soft_wrap=True)


def _print_differences(comparison: PeopleComparison, console: Console) -> None:
    compared = [(pair, pair.difference) for pair in comparison.pairs if pair.difference]
    if not compared:
        return
    several = any(difference.for_all for _, difference in compared)
    table = Table(title="differences of ρ with people, same images", title_justify="left")
    table.add_column("", overflow="fold")
    for name in ("diff.", "95 % interval", *(["for all"] if several else [])):
        table.add_column(name, justify="right", no_wrap=True)
    for pair, difference in compared:
        cells = [value_text(difference.difference, signed=True)]
        cells.append(interval_text(difference.difference, signed=True))
        if several:
            wide = difference.for_all
            cells.append(interval_text(wide, signed=True) if wide else "")
        table.add_row(escape(pair_text(pair)), *cells)
    console.print(table)


def sentence(comparison: PeopleComparison) -> str:
    """Return the result in plain words."""
    by_label = {model.model: model for model in comparison.models}
    images = f"{comparison.n} images"
    if comparison.closest is None:
        return f"No model's agreement with people can be told on {images}."
    rho = by_label[comparison.closest].spearman
    value = f"ρ = {statistic(rho, 2)}"
    if len(comparison.models) == 1:
        text = f"{comparison.closest} ranks {images} like people with {value}"
    else:
        text = (
            f"Of {len(comparison.models)} models, {comparison.closest} ranks {images} most like "
            f"people: {value}"
        )
    if rho.low is not None and rho.high is not None and rho.low <= 0 <= rho.high:
        text += ", which may be chance"
    best = comparison.people.ceiling.value
    if best is not None:
        text += f"; a perfect model can expect {number(best, 2)}"
    return f"{text}.{_lead(comparison)}"


def _lead(comparison: PeopleComparison) -> str:
    """Return whether the closest model is distinguished from the next, if that is computed."""
    names = [model.model for model in ladder(comparison)[:2]]
    for pair in comparison.pairs:
        if {pair.first, pair.second} != set(names) or pair.difference is None:
            continue
        found = pair.difference.for_all or pair.difference.difference
        if found.low is None or found.high is None:
            return ""
        if found.low <= 0 <= found.high:
            return f" Its lead over {names[1]} may be chance."
        return f" Its lead over {names[1]} is beyond chance (95 %)."
    return ""


def ceiling_line(comparison: PeopleComparison) -> str:
    """Return the noise ceiling in words, or why there is none."""
    ceiling = comparison.people.ceiling
    if ceiling.value is None:
        return f"noise ceiling: none: {ceiling.reason}"
    return (
        f"noise ceiling: a perfect model can expect ρ = {number(ceiling.value, 2)}; 95 % of random "
        f"halves of the answers give {number(ceiling.low, 2)} to {number(ceiling.high, 2)}"
    )


def images_line(comparison: PeopleComparison) -> str:
    """Return how many images are common to all, and how many are left out."""
    text = f"{comparison.n} images in common"
    left = "; ".join(_left_out(each) for each in comparison.left_out)
    return f"{text}; left out: {left}" if left else f"{text}; none is left out"


def _left_out(each: LeftOut) -> str:
    example = f", such as {each.example}" if each.example else ""
    return f"{each.count} of {each.source} {each.why}{example}"


def pair_text(pair: ModelPair) -> str:
    """Return the name of a difference: the second model minus the first."""
    return f"{pair.second} − {pair.first}"


def title(strip: Strip, remembered: bool) -> str:
    """Return what the images of a strip have in common."""
    words = _PLAIN | (_REMEMBERED if remembered else {})
    return words[strip.kind].format(model=strip.model)
