"""The blind scan finds a mark that no catalogue lists, and only that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from memlab import Context, evaluate
from memlab.ablations.scan import OccludeCell, scan_conditions
from memlab.analysis.blind_scan import like_cells, scan, strongest
from memlab.cli import main
from memlab.imaging.cells import CELL, SIDE, cell_weights, ends, fill_cell
from memlab.shards import ShardWriter
from memlab.stats.measures import Array
from memlab.synthetic import World, write
from memlab.synthetic.watermark import watermark_mask
from memlab.testing import sample_images
from memlab.validation.white_box import Watermark
from tests.builders.commands import QUIET, results


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 images, half of them with a mark at the bottom right; no mask of it."""
    root = tmp_path_factory.mktemp("marked")
    world = World(
        "marked", weights={"watermark": 1}, r2=0.6, prevalence={"watermark": 0.5}, ranges={}
    )
    write(root, n=60, seed=5, size=64, world=world)
    return root


def asked(model: str, root: Path, *more: str) -> list[str]:
    arguments = ["--model", model, "--data.root", str(root), "--attribution", "none", "--scan"]
    return [*arguments, "--data.num_workers=0", "--data.split=10/10/80", *QUIET, *more]


def scanned(model: str, root: Path, run: str, *more: str) -> Path:
    before = set(Path("runs").glob("*/test-*"))
    assert main(["test", *asked(model, root, *more)]) == 0
    (folder,) = set(Path("runs").glob("*/test-*")) - before
    return folder


@pytest.mark.slow
def test_a_mark_without_a_mask_is_found(marked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = scanned("white_box_watermark", marked, "mark")
    found = results(folder)
    place = found["scan"]["positions"][found["scan"]["strongest"]]
    covered = watermark_mask("A", 100)
    left, top = round(place["left"]), round(place["top"])
    cell = covered[top : top + round(CELL), left : left + round(CELL)]
    assert cell.sum() > covered.sum() / 2
    assert place["stands_out"]
    assert place["p_corrected"] < 0.05
    assert place["specific_effect"]["low"] > 0
    assert place["alike"] > 0.9
    # what does not touch the mark does nothing at all, and nothing else stands out
    for other in found["scan"]["positions"]:
        if other["left"] + CELL < 78 or other["top"] + CELL < 78:
            assert other["effect"]["value"] == pytest.approx(0, abs=1e-6)
            assert not other["stands_out"]
    assert "watermark" not in found["scan"]["outside"]
    assert "faces" in found["scan"]["outside"]
    assert "scan.png" in found["figures"]
    assert (folder / "scan.png").stat().st_size > 10_000
    printed = capsys.readouterr().out
    assert "scan of 48 images, outside faces" in printed
    assert "it stands out, and the images share a pattern there" in printed
    # the rows are all there is to know: one an image and cell, and they give the means
    table = pd.read_parquet(folder / "scan.parquet")
    assert len(table) == 48 * SIDE * SIDE
    clean = pd.read_parquet(folder / "rows.parquet").set_index("index")["predicted"]
    own = table[(table["row"] == 7) & (table["column"] == 7) & table["eligible"]]
    last = found["scan"]["positions"][-1]
    drops = clean.loc[own["index"]].to_numpy() - own["predicted"].to_numpy()
    assert last["eligible"] == len(own)
    if last["n"] == len(own):
        assert last["effect"]["value"] == pytest.approx(drops.mean(), abs=1e-6)


@pytest.mark.slow
def test_what_relies_on_nothing_has_no_p(marked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = results(scanned("white_box_constant", marked, "constant"))["scan"]
    assert found["strongest"] is None
    for place in found["positions"]:
        assert place["effect"]["value"] in (0, None)
        assert place["p"] is None
        assert place["p_corrected"] is None
        assert place["reason"]
    assert "no position stands out" in capsys.readouterr().out


@pytest.mark.slow
def test_a_scan_that_was_cut_off_goes_on(
    marked: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ["--data.batch_size=10"]
    whole = scanned("white_box_watermark", marked, "whole", *more)
    written: list[int] = []
    write_rows = ShardWriter.write

    def write(self: ShardWriter, rows: pd.DataFrame, batch: int) -> None:
        if self.folder.name == "scan":
            written.append(batch)
            if len(written) == 3:  # its images are in the sums, its rows are not
                raise RuntimeError("cut off")
        write_rows(self, rows, batch)

    monkeypatch.setattr(ShardWriter, "write", write)
    with pytest.raises(RuntimeError, match="cut off"):
        scanned("white_box_watermark", marked, "half", *more)
    (half,) = set(Path("runs").glob("*/test-*")) - {whole}
    (half / "shards" / "scan" / ".left.npz").write_bytes(b"half")
    capsys.readouterr()
    assert main(["test", *asked("white_box_watermark", marked, *more)]) == 0
    assert written == [0, 1, 2, 2, 3, 4]
    assert "2 batches of the scan are there" in capsys.readouterr().err
    assert (half / "scan.csv").read_text() == (whole / "scan.csv").read_text()
    assert results(half)["scan"] == results(whole)["scan"]


@pytest.mark.slow
def test_without_the_option_there_is_no_scan(marked: Path) -> None:
    folder = scanned("white_box_constant", marked, "none", "--no_scan")
    assert results(folder)["scan"] is None
    assert not (folder / "scan.parquet").exists()


@pytest.mark.slow
def test_images_without_masks_are_scanned_all_over(
    make_image: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["image,score"]
    for place in range(30):
        make_image(f"in/{place}.png", size=(64, 64), seed=place)
        lines.append(f"{place}.png,{0.5 + place / 100}")
    Path("in/table.csv").write_text("\n".join(lines) + "\n")
    found = results(scanned("white_box_random_conv", Path("in/table.csv"), "bare"))["scan"]
    assert found["outside"] == []
    assert {place["n"] for place in found["positions"]} == {24}
    assert "no masks: all of it" in capsys.readouterr().out


def test_labelled_pixels_never_change() -> None:
    images = sample_images(3, 64)
    mask = torch.zeros(3, 1, 64, 64, dtype=torch.uint8)
    mask[0, :, 40:64, 2:4] = 1
    mask[1, :, :32] = 1
    context = Context(list("abc"), masks={"faces": mask, "background": torch.ones_like(mask)})
    for condition in scan_conditions():
        changed = condition.ablation(images, context)
        untouched = (mask > 0).expand_as(images)
        assert torch.equal(changed[untouched], images[untouched])
        assert (
            (changed != images).any(dim=1).flatten(1).any(dim=1) | untouched[:, 0, 20, 20]
        ).all()
    assert OccludeCell(row=0, column=3).eligible(context).tolist() == [True, False, True]
    assert OccludeCell(row=7, column=3).eligible(context).tolist() == [True, True, True]


def test_cells_cover_the_image_and_mirror_each_other() -> None:
    total = torch.zeros(1, 1, 60, 60)
    for row in range(SIDE):
        for column in range(SIDE):
            weights = cell_weights(row, column, 60, 60)
            assert torch.equal(weights.transpose(2, 3), cell_weights(column, row, 60, 60))
            mirrored = cell_weights(row, SIDE - 1 - column, 60, 60)
            assert torch.allclose(weights.flip(3), mirrored, atol=1e-6)
            total += weights
    assert total.min() >= 1 - 1e-6
    assert ends(0)[0] == 0
    assert ends(SIDE - 1)[1] == pytest.approx(100)


def test_the_fill_continues_what_surrounds_it() -> None:
    flat = torch.full((1, 3, 64, 64), 0.3)
    assert torch.allclose(fill_cell(flat, 3, 4), flat, atol=1e-6)
    marked = flat.clone()
    marked[..., 32:36, 40:44] = 1  # wholly inside the cell of row 4 and column 5
    changed = OccludeCell(row=4, column=5)(marked, Context(["a"]))
    assert (changed - flat).abs().max() < 0.02
    ramp = torch.linspace(0, 1, 64).expand(1, 3, 64, 64)
    filled = fill_cell(ramp, 3, 3)
    assert ((filled - ramp).abs() < 0.06).all()


@pytest.mark.slow
def test_a_image_does_not_depend_on_its_batch() -> None:
    images, context = sample_images(5, 64), Context(list("abcde"))
    model = Watermark()
    together, alone = [
        [
            one.predicted
            for one in evaluate(model.scores, images, context, scan_conditions(), micro_batch)
        ]
        for micro_batch in (64, 1)
    ]
    assert torch.allclose(torch.stack(together), torch.stack(alone), atol=1e-6)


def test_like_cells_are_the_eight_images_of_a_cell() -> None:
    like = like_cells(3)
    assert like[:, 0].tolist() == list(range(9))
    assert set(like[0]) == {0, 2, 6, 8}
    assert set(like[1]) == {1, 3, 5, 7}
    assert set(like[4]) == {4}
    # each column is one mirroring or turning of the whole grid: neighbours stay neighbours
    for moved in like.T:
        for one, other in ((0, 1), (4, 5), (7, 8)):
            rows = abs(int(moved[one]) // 3 - int(moved[other]) // 3)
            assert rows + abs(int(moved[one]) % 3 - int(moved[other]) % 3) == 1


def drawn(rng: np.random.Generator, n: int, cells: int = 6) -> Array:
    """Drops as of photographs without a mark: skewed, larger near the middle, some not eligible."""
    side = np.abs(np.arange(cells) - (cells - 1) / 2)
    middle = np.exp(-np.hypot(*np.meshgrid(side, side)).ravel())
    drops: Array = middle * rng.gamma(1, 1, (n, 1)) + rng.gamma(0.3, 1, (n, cells**2))
    drops[rng.random(drops.shape) < 0.02] = np.nan
    return drops


@pytest.mark.slow
def test_alarms_are_as_rare_as_promised() -> None:
    corrected = []
    for trial in range(120):
        places = scan(drawn(np.random.default_rng(trial), 30, 4), 4, 0.0, trial, permutations=99)
        corrected.append(min(place.p_corrected or 1 for place in places))
    # binomial with 120 trials at .05: 6 expected, 13 or more once in 200; of 99 permutations p is
    # k / 100, so that .05 is a level they can have
    assert sum(p <= 0.05 for p in corrected) < 13


@pytest.mark.parametrize("cancels", [False, True])
def test_a_planted_mark_is_found(cancels: bool) -> None:
    rng = np.random.default_rng(1)
    drops = drawn(rng, 120)
    sign = rng.choice([-1, 1], 120) if cancels else 1
    drops[:, 33] += 2.5 * sign  # the bottom row
    places = scan(drops, 6, 0.1, 0, permutations=999)
    first = strongest(places)
    assert first is not None
    assert (first.row, first.column) == (5, 3)
    assert first.stands_out
    # those it is compared with do not stand out for being less than it
    like = [places[cell] for cell in set(like_cells(6)[33].tolist()) - {33}]
    assert len(like) == 7
    assert not any(place.stands_out for place in like)
    if not cancels:
        assert first.specific_effect.low is not None
        assert first.specific_effect.high is not None
        assert first.specific_effect.low < 2.5 < first.specific_effect.high + 0.2


def test_too_few_images_are_a_reason() -> None:
    drops = np.zeros((2, 4))
    assert {place.reason for place in scan(drops, 2, 0.0, 0)} == {"only 2 images bear on it"}
    drops[:] = np.nan
    assert {place.reason for place in scan(drops, 2, 0.0, 0)} == {"no eligible image"}
