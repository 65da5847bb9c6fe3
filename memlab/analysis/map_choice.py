"""Which tested images get attribution maps, and why these."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from memlab.errors import MemlabError
from memlab.seeds import seed_of

RULES = ("sample", "most", "least", "worst")
"""Rules by which images are chosen; anything else names images."""
REMEDY = f"give {', '.join(RULES)}, ids with commas between, or a .txt file with one id a line"
_NAMED = 5  # largest number of unknown ids in a message


@dataclass(frozen=True)
class MapChoice:
    """Images that are explained, and how they were chosen.

    Args:
        rule: `sample` (by seed), `most` or `least` memorable, `worst` (largest errors), or `ids`.
        by: what orders the images: `score` (of people), `predicted`, `error` (the absolute
            difference of both), or `seed`; None for given ids.
        seed: seed of a sample.
        of: number of tested images with a prediction.
        ids: the chosen images, the first choice first.
        missing: number of given ids that have no prediction.
    """

    rule: str
    by: str | None
    seed: int | None
    of: int
    ids: list[str]
    missing: int = 0


def named(asked: str | Sequence[str], known: Collection[str]) -> list[str] | None:
    """Return the ids that are asked for; None if a rule is.

    Args:
        asked: one of `RULES`, an id, ids with commas between, the path of a `.txt` file with one
            id a line, or a list of ids.
        known: ids of the test images.

    Raises:
        MemlabError: if the file cannot be read, or an id is not known; names it.
    """
    if isinstance(asked, str):
        if asked in RULES:
            return None
        asked = [asked] if asked in known else _listed(asked)
    ids = list(dict.fromkeys(str(name) for name in asked))
    unknown = [name for name in ids if name not in known]
    if unknown or not ids:
        shown = ", ".join(unknown[:_NAMED]) + ", …" * (len(unknown) > _NAMED)
        few = f"{len(unknown)} of {len(ids)} ids are" if len(ids) > 1 else "it is"
        such = f" such as {min(known)}" if known else ""
        raise MemlabError(
            f"--maps_of {shown or 'no ids'}: {few} not among the {len(known)} test images{such}; "
            f"{REMEDY}"
        )
    return ids


def require_scores(asked: str | Sequence[str], scores: pd.Series) -> None:
    """Raise a MemlabError if the worst errors are asked for, and no image has a score."""
    if asked == "worst" and scores.isna().all():
        raise MemlabError(
            "--maps_of worst: the test images have no scores, and an error needs one; give sample, "
            "most, least or ids"
        )


def choose(rows: pd.DataFrame, asked: str | Sequence[str], count: int, seed: int) -> MapChoice:
    """Choose the images to explain; ties are broken by id and seed.

    Args:
        rows: `id`, `score` and `predicted` of the tested images that have a prediction.
        asked: a rule, or ids of test images, of which all are taken.
        count: number of images.
        seed: seed of a sample; its choice depends only on the ids.

    >>> rows = pd.DataFrame({"id": ["a", "b", "c"], "score": [0.9, 0.5, 0.7], "predicted": 0.6})
    >>> choose(rows, "most", 2, 0).ids, choose(rows, "worst", 1, 0).ids
    (['a', 'c'], ['a'])
    """
    ids = [str(name) for name in rows["id"]]
    if not isinstance(asked, str):
        there = set(ids)
        kept = [name for name in asked if name in there]
        return MapChoice("ids", None, None, len(ids), kept, len(asked) - len(kept))
    drawn = [seed_of(seed, name) for name in ids]
    if asked == "sample":
        values, by = pd.Series(0.0, rows.index), "seed"
    elif asked == "worst":
        values, by = -(rows["predicted"] - rows["score"]).abs(), "error"
    else:
        by = "predicted" if rows["score"].isna().all() else "score"
        values = rows[by] * (-1 if asked == "most" else 1)
    table = pd.DataFrame({"id": ids, "value": values.to_numpy(dtype=float), "drawn": drawn})
    table = table.dropna(subset="value").sort_values(["value", "drawn"], kind="stable")
    chosen = table["id"].tolist()[:count]
    return MapChoice(asked, by, seed if asked == "sample" else None, len(ids), chosen)


def choice_text(choice: MapChoice) -> str:
    """Return how the explained images were chosen, as a note.

    >>> choice_text(MapChoice("sample", "seed", 0, 480, ["a", "b"]))
    'Maps of 2 of 480 tested images: a sample (seed 0).'
    """
    of = f"Maps of {len(choice.ids)} of {choice.of} tested images"
    if choice.rule == "sample":
        return f"{of}: a sample (seed {choice.seed})."
    how = {
        "score": f"the {choice.rule} memorable by people's scores",
        "predicted": f"the {choice.rule} memorable by prediction, because they have no scores",
        "error": "those with the largest errors of the prediction",
        None: "those named by --maps_of",
    }[choice.by]
    lacking = f" {choice.missing} more are named and have no prediction." * (choice.missing > 0)
    return f"{of}: {how}.{lacking} Means over them do not speak for the other images."


def _listed(asked: str) -> list[str]:
    """Return the ids of a .txt file, or those between commas."""
    if not asked.endswith(".txt"):
        return [name.strip() for name in asked.split(",") if name.strip()]
    try:
        text = Path(asked).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8 text"
        raise MemlabError(f"--maps_of {asked}: cannot be read: {why}; {REMEDY}") from error
    return [line.strip() for line in text.splitlines() if line.strip()]
