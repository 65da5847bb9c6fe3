"""How many images are annotated, and in how many a region is present: one answer everywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image

from memlab.cli import main
from memlab.data.mask_summary import told
from memlab.data.module import MemorabilityData
from memlab.data.table import Table
from memlab.errors import DataError
from memlab.masks.given import GivenMasks
from tests.builders.commands import QUIET, results

COUNT = 12
PRESENT = (0, 1, 6)  # drawn
BLACK = (2, 7)  # annotated, and nothing there


@pytest.fixture
def album(make_image: Callable[..., Path]) -> Path:
    """Twelve images, half of them to test on; masks of faces in folders and columns."""
    lines = ["image,score,split,mask_faces"]
    Path("masks/faces").mkdir(parents=True)
    Path("masks/text").mkdir(parents=True)
    for place in range(COUNT):
        make_image(f"album/{place}.png", size=(48, 36), seed=place)
        split = "train" if place < COUNT // 2 else "test"
        mask = ""
        if place in (*PRESENT, *BLACK):
            drawn = np.zeros((36, 48), dtype=np.uint8)
            drawn[8:20, 8:20] = 255 * (place in PRESENT)
            Image.fromarray(drawn).save(f"album/mask-{place}.bmp")
            Image.fromarray(drawn).save(f"masks/faces/{place}.png")
            mask = f"mask-{place}.bmp"
        lines.append(f"{place}.png,{0.3 + place / 20},{split},{mask}")
    Image.fromarray(np.full((36, 48), 255, np.uint8)).save("masks/text/11.png")
    Path("album/table.csv").write_text("\n".join(lines))
    Path("bare.csv").write_text(
        "\n".join("album/" + line.rpartition(",")[0] for line in lines).replace("album/im", "im")
    )
    return Path("album")


def evaluated(finished: Path, *arguments: str) -> dict[str, Any]:
    before = set(finished.glob("test-*"))
    small = ["--data.num_workers=0", "--maps=0", "--controls=1", *QUIET]
    blur = ["--ablation", "blur", "--ablation.region", "faces"]
    assert main(["test", "--run", str(finished), *arguments, *blur, *small]) == 0
    (made,) = set(finished.glob("test-*")) - before
    return results(made)


def faces(found: dict[str, Any]) -> tuple[int, int, int]:
    """Of the test images: annotated, present, and what the ablation could be made in."""
    masks = found["data"]["masks"]["faces"]
    eligible = next(one["eligible"] for one in found["conditions"] if one["role"] == "target")
    return masks["annotated"]["test"], masks["found"]["test"], eligible


@pytest.mark.slow
def test_the_first_line_counts_each_region(
    album: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = evaluated(finished, "--data.root=bare.csv", "--data.masks=masks")
    err = capsys.readouterr().err
    assert (
        "memlab: masks masks: faces: annotated in 5 of 12 images, present in 3; "
        "text: annotated in 1 of 12 images, present in 1\n"
    ) in err
    assert (
        "memlab: masks: 7 of 12 images have no file of faces and count as not annotated; if that "
        'means "no faces", add --data.empty_masks none\n'
    ) in err
    assert faces(found) == (2, 1, 1)  # of 6, 7 is black
    assert found["data"]["masks"]["faces"]["empty"] == "unknown"


def test_a_black_mask_is_annotated_and_absent_wherever_it_is_kept(album: Path) -> None:
    """Folder, store, COCO, columns and arrays agree with what the masks hold."""
    table = MemorabilityData(root=Path("bare.csv")).table
    assert main(["regions", "import", "masks", "bare.csv", "--out", "store"]) == 0
    listed = [{"id": i, "file_name": f"{i}.png"} for i in (*PRESENT, *BLACK)]
    drawn = [{"image_id": i, "category_id": 1, "bbox": [8, 8, 12, 12]} for i in PRESENT]
    empty = {"size": [36, 48], "counts": [36 * 48]}
    drawn.append({"image_id": 2, "category_id": 1, "segmentation": empty})
    thin = [[5.1, 5.1, 5.2, 5.1, 5.2, 5.2]]  # encloses the middle of no pixel
    drawn.append({"image_id": 7, "category_id": 1, "segmentation": thin})
    tree = {"images": listed, "categories": [{"id": 1, "name": "face"}], "annotations": drawn}
    Path("coco.json").write_text(json.dumps(tree))
    for masks in ("masks", "store", "coco.json"):
        source = table.with_masks(Path(masks)).masks["faces"]
        assert {Path(name).name for name in source.annotated("faces")} == {
            f"{place}.png" for place in (*PRESENT, *BLACK)
        }, masks
        read = {
            name
            for name in table.rows["id"]
            for mask in source.read(name, ["faces"]).values()
            if mask.inside.any()
        }
        assert set(source.having("faces")) == read, masks
        assert len(read) == len(PRESENT)
    arrays = [torch.zeros(4, 4), torch.ones(4, 4), None]
    given = GivenMasks({"faces": arrays}, ["a", "b", "c"])
    assert set(given.having("faces")) == {"b"}
    assert set(given.annotated("faces")) == {"a", "b"}


@pytest.mark.slow
def test_empty_cells_mean_what_the_user_says(
    album: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = evaluated(finished, f"--data.root={album}")
    err = capsys.readouterr().err
    assert (
        'album/table.csv: mask_faces: 7 of 12 cells are empty and count as "no faces"; if those '
        "images are not annotated, add --data.empty_masks unknown"
    ) in err
    assert faces(usual) == (6, 1, 1)
    unknown = evaluated(finished, f"--data.root={album}", "--data.empty_masks=unknown")
    assert "--data.empty_masks" not in capsys.readouterr().err
    assert faces(unknown) == (2, 1, 1)
    assert unknown["data"]["empty_masks"] == "unknown"
    none = ["--data.root=bare.csv", "--data.masks=masks", "--data.empty_masks=none"]
    assert faces(evaluated(finished, *none)) == (6, 1, 1)
    config = next(finished.glob("test-003*/config.yaml"))
    assert yaml.safe_load(config.read_text())["data"]["empty_masks"] == "none"


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["data", "check", "bare.csv", "--masks", "masks"],
        ["attributes", "--data.root", "bare.csv", "--masks", "masks"],
        ["regions", "import", "masks", "bare.csv", "--out", "store"],
        ["apply", "album/1.png", "album/3.png", "--masks", "masks", "--ablation", "blur"],
    ],
)
def test_every_command_that_reads_masks_is_told(
    album: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    if command[0] == "apply":
        command = [*command, "--out", "changed"]
    assert main([*command, "--data.empty_masks", "none"]) == 0
    err = capsys.readouterr().err
    count = 2 if command[0] == "apply" else COUNT
    assert f"faces: annotated in {count} of {count} images" in err
    if command[0] == "regions":
        packed = MemorabilityData(root=Path("bare.csv"), masks=Path("store")).table
        assert len(list(packed.masks["faces"].annotated("faces"))) == COUNT


def test_a_store_knows_by_itself(album: Path, failing: Any) -> None:
    assert main(["regions", "import", "masks", "bare.csv", "--out", "store"]) == 0
    given = ["data", "check", "bare.csv", "--data.empty_masks", "none"]
    assert "a mask store says itself" in failing(*given, "--masks", "store")
    assert "bare.csv: has no masks; leave --data.empty_masks out" in failing(*given)


def test_a_study_is_told_too(album: Path, synthetic: Path) -> None:
    from argparse import Namespace

    from memlab.cli.data_options import COLUMNS
    from memlab.cli.study import _plan, _settle

    none = dict.fromkeys(("split", "n", "seed", "model", "source", "budget", "protocol", *COLUMNS))
    options = Namespace(root="bare.csv", masks="masks", out=Path("s"), **none)
    folder, asked, _ = _settle(options, ["--data.empty_masks", "none"])
    assert "--data.empty_masks" in _plan(folder, asked, []).arguments


def test_given_masks_over_a_tables_own_are_said(
    album: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "check", str(album), "--masks", "masks"]) == 0
    assert (
        "memlab: masks of faces come from masks; album/table.csv has them, too (mask_faces), which "
        "are not used\n"
    ) in capsys.readouterr().err


@pytest.mark.slow
def test_a_runs_masks_are_not_laid_over_another_table(
    album: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = finished / "fit" / "config.yaml"
    tree = yaml.safe_load(config.read_text())
    Path("old/faces").mkdir(parents=True)
    Image.fromarray(np.full((36, 48), 255, np.uint8)).save("old/faces/9.png")
    tree["data"] |= {"masks": str(Path("old").resolve()), "empty_masks": "none"}
    config.write_text(yaml.safe_dump(tree))
    found = evaluated(finished, f"--data.root={album}")
    err = capsys.readouterr().err
    assert "memlab: the run's --data.masks " in err
    assert "are not used for album; to use them, or others, give --data.masks" in err
    assert faces(found) == (6, 1, 1)
    assert found["data"]["masks"]["faces"]["origin"] == "album/table.csv"
    assert found["data"]["empty_masks"] is None
    given = evaluated(finished, "--data.root=bare.csv", "--data.masks=masks")
    assert given["data"]["masks"]["faces"]["origin"] == "masks"
    assert "the run's --data.masks" not in capsys.readouterr().err


def test_a_tables_columns_name_regions(album: Path) -> None:
    def table(*columns: str) -> Table:
        rows = pd.DataFrame({"id": ["0.png"], "image": ["0.png"], "score": 0.5, "split": "test"})
        return Table(rows.assign(**dict.fromkeys(columns)), album, "t.csv")

    assert table("mask_Face", "mask_Traffic light").regions == ("faces", "traffic_light")
    with pytest.raises(DataError, match="columns mask_face and mask_faces are both masks of faces"):
        table("mask_face", "mask_faces").masks  # noqa: B018
    with pytest.raises(DataError, match="column mask_not: a region cannot be named 'not'"):
        table("mask_not").masks  # noqa: B018
    assert table("mask_../../x").regions == ("x",)


def test_many_regions_have_a_line_each(album: Path) -> None:
    for number in range(8):
        folder = Path("masks") / f"part{number}"
        folder.mkdir()
        Image.new("L", (48, 36), 255).save(folder / "0.png")
    table = MemorabilityData(root=Path("bare.csv")).table.with_masks(Path("masks"))
    lines = [line for line in told(table) if "annotated in" in line]
    assert len(lines) == 10
    assert "masks masks: part3: annotated in 1 of 12 images, present in 1" in lines
