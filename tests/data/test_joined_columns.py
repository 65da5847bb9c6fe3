"""--columns: tables in the layouts of public sets, keyed by image and by concept."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from memlab.cli import main
from tests.builders.numbered_images import image

N = 24
CONCEPTS = ("aardvark", "air_conditioner", "bat1", "bat2")


@pytest.fixture
def things() -> pd.DataFrame:
    """Images in folders of concepts, as THINGS has them, and their scores."""
    rng = np.random.default_rng(0)
    rows = []
    for place in range(N):
        concept = CONCEPTS[place % 4]
        name = f"object_images/{concept}/{concept}_{place:02d}s.jpg"
        image(Path(name), place)
        rows.append({"image": name, "score": round(rng.uniform(0.3, 0.9), 3), "kind": concept})
    table = pd.DataFrame(rows)
    table.to_csv("scores.csv", index=False)
    return table


def associated(*arguments: str) -> pd.DataFrame:
    command = ["attributes", "--data.root", "scores.csv", "--out", "out", *arguments]
    assert main(command) == 0
    return pd.read_csv("out/attributes.csv").query("outcome == 'score'").set_index("column")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layout", "more", "column"),
    [
        ("memcat", (), "subcategory"),
        ("oasis", ("--columns.image", "Theme"), "Valence_mean"),
        ("naturalness", (), "naturalness"),
        ("memorability", (), "typicality"),
    ],
)
def test_public_layouts_join_by_image(
    things: pd.DataFrame, layout: str, more: tuple[str, ...], column: str
) -> None:
    files = [Path(name) for name in things["image"]]
    values = np.random.default_rng(1).permutation(N) / N
    tables = {
        "memcat": pd.DataFrame(
            {
                "image_file": [file.name for file in files],
                "category": "animal",
                "subcategory": things["kind"],
                "current_height": 300,
                "H": 40,
                "n_resp": 99,
            }
        ),
        "oasis": pd.DataFrame(
            {
                "": [f"I{place + 1}" for place in range(N)],
                "Theme": [file.stem for file in files],
                "Category": "Object",
                "Valence_mean": values,
            }
        ),
        "naturalness": pd.DataFrame(
            {"image_name": [file.name for file in files], "naturalness": values, "count": 27}
        ),
        "memorability": pd.DataFrame(
            {
                "file_path": [name.replace("object_images", "images") for name in things["image"]],
                "image_nr": range(N),
                "typicality": values,
            }
        ),
    }
    tables[layout].to_csv("public.csv", index=layout == "memcat", quoting=csv.QUOTE_MINIMAL)
    found = associated("--columns", "public.csv", *more)
    assert found.loc[column, "n"] == N
    if column != "subcategory":
        rho = pd.Series(values).corr(things["score"], method="spearman")
        assert found.loc[column, "value"] == pytest.approx(rho)


@pytest.mark.slow
@pytest.mark.parametrize("by", ["folder", "kind"])
def test_a_table_of_concepts_joins_every_image_of_the_concept(
    things: pd.DataFrame, by: str, capsys: pytest.CaptureFixture[str]
) -> None:
    concepts = pd.DataFrame(
        {
            "uniqueID": ["aardvark", "air conditioner", "bat1", "bat2", "zebra"],
            "manmade_mean": ["1.2632", "6.8158", "1.05", "6.7", "1.1"],
            "lives_mean": ["6.8", "1.3", "6.9", "1.1", "6.9"],
        }
    )
    concepts.to_csv("animacy.tsv", sep="\t", index=False, quoting=csv.QUOTE_ALL)
    found = associated("--columns", "animacy.tsv", "--columns.by", by)
    manmade = dict(zip(CONCEPTS, [1.2632, 6.8158, 1.05, 6.7], strict=True))
    rho = things["kind"].map(manmade).corr(things["score"], method="spearman")
    assert found.loc["manmade_mean", "value"] == pytest.approx(rho)
    shown = capsys.readouterr()
    assert f"one value per {by}, 4 for {N} images: images of one {by} are not" in shown.err
    notes = json.loads(Path("out/attributes.json").read_text())["notes"]
    assert any("1 rows are of no tested image, such as zebra" in note for note in notes)


@pytest.mark.slow
def test_what_cannot_be_joined_by_level_is_one_line(
    things: pd.DataFrame, failing: Callable[..., str]
) -> None:
    def fails(*more: str) -> str:
        return failing("attributes", "--data.root", "scores.csv", *more)

    pd.DataFrame({"uniqueID": ["bat1", "Bat1"], "lives": [1, 2]}).to_csv("twice.csv", index=False)
    pd.DataFrame({"uniqueID": ["x"], "lives": [1]}).to_csv("none.csv", index=False)
    pd.DataFrame({"thing": ["bat1"], "lives": [1]}).to_csv("thing.csv", index=False)
    by = ("--columns.by", "folder")
    assert "Bat1 is there twice (uniqueID); one row per folder" in fails(
        "--columns", "twice.csv", *by
    )
    assert "no folder of the images is in it: there 'x', of the images 'aardvark'" in fails(
        "--columns", "none.csv", *by
    )
    assert "which column holds the folder? give --columns.image NAME" in fails(
        "--columns", "thing.csv", *by
    )
    message = fails("--columns", "none.csv", "--columns.by", "kidn")
    assert "no such column; did you mean 'kind'?" in message
    assert "give it, too" in fails(*by)
