"""People who press always, never or without attention: named, and left out on request."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from memlab.ceiling.responses import Responses
from memlab.errors import DataError

RULES = {
    "none": "nobody is left out",
    "constant": "people who pressed at no image or at every image are left out",
    "inattentive": "people who pressed at no image or at every image, whose hit rate at 15 or more "
    "vigilance repeats is below .5, or whose false-alarm rate is above .5, are left out",
}
"""Exclusion rules of `--exclude`, by name."""
HIT_RATE, FALSE_ALARM_RATE, LEAST = 0.5, 0.5, 15
"""Limits of the rule `inattentive`; vigilance counts from 15 repeats on."""
_REPEATS, _FIRST, _HITS = 5, 3, 30
"""Least number of repeats without a key, or of first showings (or else of repeats) with a key."""


def people_of(
    person: pd.Series, said: pd.Series, repeat: pd.Series, vigilance: pd.Series
) -> pd.DataFrame:
    """Return counts of each person's answers.

    Args:
        person: (answers,) names.
        said: (answers,) 1 if the person said to have seen the image, else 0.
        repeat: (answers,) whether the image was a repeat, of a target or for vigilance.
        vigilance: (answers,) whether it was a vigilance repeat.

    Returns:
        One row per person: `person`, `answers`, `pressed`, `hits`, `repeats` (of targets),
        `vigilance_hits`, `vigilance_repeats`, `false_alarms`, `first_showings`.
    """
    said = said.astype(int)
    rows = pd.DataFrame({"answers": 1, "pressed": said})
    target = repeat & ~vigilance
    parts = {"hits": (target, "repeats"), "vigilance_hits": (vigilance, "vigilance_repeats"),
             "false_alarms": (~repeat, "first_showings")}  # fmt: skip
    for count, (chosen, whole) in parts.items():
        rows[count], rows[whole] = said.where(chosen, 0), chosen.astype(int)
    sums = rows.groupby(person.to_numpy(), sort=False).sum()
    return sums.rename_axis("person").reset_index()


def reasons(people: pd.DataFrame, rule: str) -> pd.Series:
    """Return the reason why each person is left out by a rule, or ""."""
    why = pd.Series("", index=people.index)
    if rule == "none":
        return why
    if rule == "inattentive":
        with np.errstate(invalid="ignore", divide="ignore"):
            hits = people["vigilance_hits"] / people["vigilance_repeats"]
            alarms = people["false_alarms"] / people["first_showings"]
        slow = (people["vigilance_repeats"] >= LEAST) & (hits < HIT_RATE)
        why = why.mask(alarms > FALSE_ALARM_RATE, "false-alarm rate above .5")
        why = why.mask(slow, "vigilance hit rate below .5")
    repeats = people["repeats"] + people["vigilance_repeats"]
    many = (people["first_showings"] >= _FIRST) | (people["answers"] >= _HITS)
    why = why.mask(many & (people["pressed"] == people["answers"]), "pressed at every image")
    return why.mask((repeats >= _REPEATS) & (people["pressed"] == 0), "pressed at no image")


def exclude(responses: Responses, rule: str = "none") -> Responses:
    """Name people who pressed always or never, and leave people out by a rule.

    Args:
        responses: answers; `responses.persons` has the counts of each person, if they include
            other trials than the answers.
        rule: a name of `RULES`.

    Returns:
        The answers that are left. `persons` has counts of all people (see `people_of`), and the
        column `excluded`: the reason, or ""; `counting` also says what was found and done.

    Raises:
        DataError: if nobody is left.
    """
    people = responses.persons if responses.persons is not None else _counted(responses)
    constant, why = reasons(people, "constant"), reasons(people, rule)
    lines = []
    for reason in ("pressed at no image", "pressed at every image"):
        who = people["person"][constant == reason]
        if len(who) and rule == "none":
            lines.append(f"{_named(who)} {reason}: --exclude constant leaves such people out")
    if rule != "none":
        lines.append(f"exclusion rule {rule}: {RULES[rule]} (--exclude none keeps all)")
        counts = why[why != ""].value_counts()
        said = [f"{_named(people['person'][why == reason])} {reason}" for reason in counts.index]
        lines += [f"left out: {each}" for each in said or ["nobody"]]
    left = [name for name, reason in zip(people["person"], why, strict=True) if reason == ""]
    if not left:
        raise DataError(f"{responses.origin}: --exclude {rule} leaves nobody")
    people = people.assign(excluded=why)
    kept = _kept(replace(responses, persons=people), set(left))
    lost = len(responses.images) - len(kept.images)
    if lost:
        lines.append(f"{lost} images have no answer of the people who are left")
    return replace(kept, counting=(*kept.counting, *lines))


def _named(who: pd.Series) -> str:
    shown = ", ".join(map(str, who[:3])) + (", ..." if len(who) > 3 else "")
    return f"person {shown}" if len(who) == 1 else f"{len(who)} people ({shown})"


def _counted(responses: Responses) -> pd.DataFrame:
    rows = pd.concat([responses.repeats.assign(old=True), responses.first.assign(old=False)])
    rows = rows.reset_index(drop=True)
    who = pd.Series(np.array(responses.people, dtype=object)[rows["person"]])
    return people_of(who, rows["said"], rows["old"], pd.Series(False, index=rows.index))


def _kept(responses: Responses, left: set[str]) -> Responses:
    keep = np.array([name in left for name in responses.people])
    if keep.all():
        return responses
    repeats = responses.repeats[keep[responses.repeats["person"]]]
    seen = np.unique(repeats["image"])
    number = np.cumsum(keep) - 1
    index = np.full(len(responses.images), -1)
    index[seen] = np.arange(len(seen))

    def part(rows: pd.DataFrame) -> pd.DataFrame:
        rows = rows[keep[rows["person"]] & (index[rows["image"]] >= 0)]
        return rows.assign(person=number[rows["person"]], image=index[rows["image"]]).reset_index(
            drop=True
        )

    vigilance = responses.vigilance
    if vigilance is not None:
        vigilance = vigilance[keep[vigilance["person"]]]
        vigilance = vigilance.assign(person=number[vigilance["person"]]).reset_index(drop=True)
    return replace(
        responses,
        people=[name for name in responses.people if name in left],
        images=[responses.images[each] for each in seen],
        repeats=part(responses.repeats),
        first=part(responses.first),
        vigilance=vigilance,
    )
