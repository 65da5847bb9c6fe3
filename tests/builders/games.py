"""A simulated continuous recognition game, in the layouts that laboratories have."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd

CODES = {"target": 1, "target repeat": 2, "filler": 3, "vigilance repeat": 4}
BIDS = {"target": "TARGET", "target repeat": "REPEAT", "filler": "FILLER",
        "vigilance repeat": "VIGILANCE"}  # fmt: skip
FIXATION = '<p style="font-size:60px">+</p>'


def game(people: int = 12, images: int = 24, seed: int = 3) -> pd.DataFrame:
    """Every trial: `person`, `trial`, `image`, `kind`, `pressed` (1 during the image), `in_blank`.

    Half of each person's images are targets that come back after 20 or more images, a sixth are
    fillers that come back after two, and the rest are fillers.
    """
    rng = np.random.default_rng(seed)
    names = [f"img/food_{place:02d}.jpg" for place in range(images)]
    memory, alarms = rng.normal(0.65, 0.15, images), rng.uniform(0.05, 0.3, images)
    half, sixth = images // 2, images // 6
    rows = []
    for person in range(people):
        order = rng.permutation(images)
        targets, caught, fillers = order[:half], order[half : half + sixth], order[half + sixth :]
        sequence = [(image, "target") for image in targets]
        for image, between in zip(caught, fillers, strict=False):
            sequence += [(image, "filler"), (between, "filler"), (image, "vigilance repeat")]
        sequence += [(image, "filler") for image in fillers[sixth:]]
        sequence += [(image, "target repeat") for image in rng.permutation(targets)]
        for trial, (image, kind) in enumerate(sequence):
            chance = memory[image] if "repeat" in kind else alarms[image]
            chance += 0.2 if kind == "vigilance repeat" else 0
            said, late = rng.random() < chance, rng.random() < 0.25
            both = rng.random() < 0.1
            rows.append(
                (f"p{person:02d}", trial, names[image], kind, int(said and (both or not late)),
                 int(said and late))
            )  # fmt: skip
    return pd.DataFrame(rows, columns=["person", "trial", "image", "kind", "pressed", "in_blank"])


def coded(trials: pd.DataFrame) -> pd.DataFrame:
    """Codes type and perf, where perf includes the blank; pressed_in_blank says where."""
    said = trials["pressed"] | trials["in_blank"]
    table = trials[["person", "trial", "image"]].assign(type=trials["kind"].map(CODES))
    table["perf"] = [_perf(kind, key) for kind, key in zip(trials["kind"], said, strict=True)]
    return table.assign(pressed_in_blank=trials["in_blank"])


def sequences(trials: pd.DataFrame) -> pd.DataFrame:
    """One row per person, with sequences of images, types and outcomes; a fixation after each."""
    rows = []
    for person, rows_of in trials.groupby("person", sort=False):
        images, types, perfs = [], [], []
        for row in rows_of.itertuples():
            images += [row.image, "fixation.jpg"]
            types += [CODES[row.kind], 0]
            blank = _perf(row.kind, True) if row.in_blank else 0
            perfs += [_perf(row.kind, bool(row.pressed)), blank]
        cells = [",".join(map(str, each)) for each in (images, types, perfs)]
        rows.append((person, *cells))
    return pd.DataFrame(
        rows, columns=["WorkerId", "Answer.imseq", "Answer.imtypeseq", "Answer.perfseq"]
    )


def jspsych(trials: pd.DataFrame, properties: bool = True) -> pd.DataFrame:
    """Data of jsPsych: a fixation of its own after each image, null without a key."""
    tables = []
    for person, rows_of in trials.groupby("person", sort=False):
        rows = [
            {"trial_type": "preload", "stimulus": ""},
            {"stimulus": "<p>Press <b>space</b> to begin.</p>", "rt": 1520, "response": " "},
        ]
        for row in rows_of.itertuples():
            key = {"rt": 512, "response": "j"} if row.pressed else {}
            image = {"trial_type": "image-keyboard-response", "stimulus": row.image}
            rows.append(image | {"task": row.kind.replace(" ", "_")} | key)
            key = {"rt": 203, "response": "j"} if row.in_blank else {}
            rows.append({"stimulus": FIXATION, "task": "fixation"} | key)
        table = pd.DataFrame(rows).assign(subject_id=person)
        table["trial_type"] = table["trial_type"].fillna("html-keyboard-response")
        table["task"] = table["task"].fillna("")
        table[["rt", "response"]] = table[["rt", "response"]].astype(object).fillna("null")
        table.insert(0, "trial_index", range(len(table)))
        tables.append(table)
    table = pd.concat(tables)
    return table if properties else table.drop(columns=["task", "subject_id"])


def bids(trials: pd.DataFrame, folder: Path) -> None:
    """Write a TSV file per person: rows of images and of fixations, n/a without a key."""
    folder.mkdir()
    for person, rows_of in trials.groupby("person"):
        rows = []
        for place, row in enumerate(rows_of.itertuples()):
            keys = ["r" if key else "n/a" for key in (row.pressed, row.in_blank)]
            rows.append((place * 1.5, BIDS[row.kind], keys[0], row.image))
            rows.append((place * 1.5 + 0.7, "FIXATION", keys[1], "fixation.jpg"))
        table = pd.DataFrame(rows, columns=["onset", "trial_type", "response", "stim_file"])
        table.to_csv(folder / f"sub-{person}_beh.tsv", sep="\t", index=False)


def write(table: pd.DataFrame, path: str = "a.csv") -> None:
    """Write a table as jsPsych does, every cell in quotation marks."""
    table.to_csv(path, index=False, quoting=csv.QUOTE_ALL)


def _perf(kind: str, key: bool) -> int:
    if "repeat" in kind:
        return 11 if key else 12
    return 13 if key else 14
