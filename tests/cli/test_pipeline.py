"""Whole commands on rendered images: fit, test, validate, predict, score, and their files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from lightning.pytorch import Callback, Trainer
from PIL import Image
from scipy import stats

from memlab import load
from memlab.analysis.results import read
from memlab.cli import main
from memlab.metrics.metric import SPEARMAN
from memlab.synthetic import write
from tests.builders.commands import QUIET, results


def test_fit_leaves_everything_in_one_folder(run: Path) -> None:
    names = {path.relative_to(run / "fit").as_posix() for path in (run / "fit").rglob("*")}
    assert {
        "config.yaml",
        "metrics.csv",
        "results.json",
        "rows.csv",
        "rows.parquet",
        "conditions.csv",
        "conditions.parquet",
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
        "maps/grad_cam.npz",
        "maps/grad_cam.png",
        "predicted-against-true.png",
        "ablation-effects.png",
    } <= names
    assert not any(name.startswith("shards") or "/." in f"/{name}" for name in names)


def test_results_say_what_made_them(run: Path) -> None:
    found = results(run / "fit")
    assert found["schema"] == 2
    assert found["status"] == "finished"
    assert found["seed"] == 0
    assert found["model"]["weights_id"] == load(run).weights_id()
    assert found["provenance"]["versions"]["torch"] == torch.__version__.partition("+")[0]
    used = {(plugin["group"], plugin["name"]) for plugin in found["provenance"]["plugins"]}
    assert {("models", "regressor"), ("backbones", "timm"), ("ablations", "blur")} <= used
    assert {("attributions", "grad_cam"), ("sources", "synthetic")} <= used
    data = found["data"]
    assert data["images"] == {"train": 42, "val": 6, "test": 12}
    assert data["geometry"] == {
        "mode": "squash",
        "size": 64,
        "interpolation": "bilinear, antialiased",
    }
    assert data["decoder"].startswith("Pillow ")
    assert len(data["fingerprint"]) == 16
    assert data["skipped"] == []


def test_rows_metrics_and_conditions_agree(run: Path) -> None:
    found, folder = results(run / "fit"), run / "fit"
    rows, conditions = pd.read_csv(folder / "rows.csv"), pd.read_csv(folder / "conditions.csv")
    columns = ["index", "id", "split", "score", "predicted", "low", "high", "percentile"]
    assert list(rows) == columns
    assert rows["index"].tolist() == list(range(12))
    assert set(rows["split"]) == {"test"}
    rho = found["metrics"]["spearman"]
    assert rho["value"] == pytest.approx(
        stats.spearmanr(rows["score"], rows["predicted"]).statistic
    )
    assert rho["low"] <= rho["value"] <= rho["high"]
    for entry in found["conditions"]:
        if entry["role"] == "nuisance":
            continue
        own = conditions[conditions["condition"] == entry["condition"]].set_index("index")
        drop = rows["predicted"] - own["predicted"]
        assert entry["effect"]["value"] == pytest.approx(drop.mean(), abs=1e-7)
        assert entry["effect"]["low"] <= drop.mean() <= entry["effect"]["high"]
        ablated = SPEARMAN(own["predicted"].to_numpy(), rows["score"].to_numpy()).value
        assert entry["spearman_ablated"]["value"] == pytest.approx(ablated)
        assert entry["control"]["kind"] == "nuisance-baseline"
        assert entry["tests"]["either"]["p"] <= entry["tests"]["either"]["p_corrected"] <= 1
    shown = [entry["condition"] for entry in found["conditions"] if entry["role"] == "target"]
    assert shown == ["blur@2", "grayscale@1"]
    assert pd.read_parquet(folder / "rows.parquet")["predicted"].to_numpy() == pytest.approx(
        rows["predicted"].to_numpy(), abs=1e-7
    )


def test_conditions_are_what_the_model_says_of_the_changed_images(
    run: Path, synthetic: Path
) -> None:
    from memlab import Context
    from memlab.ablations.frequency import Blur
    from memlab.imaging.decode import decode

    conditions = pd.read_csv(run / "fit" / "conditions.csv")
    row = conditions[conditions["condition"] == "blur@2"].iloc[3]
    image = decode(synthetic / row["id"])[None].float() / 255
    with torch.no_grad():
        predicted = load(run)(Blur()(image, Context([row["id"]])))
    assert float(predicted) == pytest.approx(row["predicted"], abs=1e-5)


def test_maps_are_raw_and_named(run: Path) -> None:
    found = np.load(run / "fit" / "maps" / "grad_cam.npz")
    assert found["maps"].shape == (1, 2, 2)
    assert found["images"].shape == (1, 3, 64, 64)
    assert str(found["unit"]) == "score per grid cell, linearised"
    rows = pd.read_csv(run / "fit" / "rows.csv").set_index("id")
    for name, predicted in zip(found["id"], found["predicted"], strict=True):
        assert rows.loc[str(name), "predicted"] == pytest.approx(float(predicted), abs=1e-6)
    assert (found["maps"] != 0).any()


def test_figures_are_images(run: Path) -> None:
    for name in results(run / "fit")["figures"]:
        with Image.open(run / "fit" / name) as figure:
            assert min(figure.size) > 200


@pytest.mark.slow
def test_test_alone_takes_the_newest_finished_run(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--ablation", "blur", "--ablation.sigma", "4", "--attribution", "none", *QUIET]
    assert main(["test", *arguments]) == 0
    printed = capsys.readouterr()
    assert "runs/tiny, the newest finished run" in printed.err
    assert "blur@4" in printed.out
    folder = finished / "test-001-blur"
    found = results(folder)
    targets = [entry for entry in found["conditions"] if entry["role"] == "target"]
    assert [entry["condition"] for entry in targets] == ["blur@4"]
    assert found["maps"] == []
    before, after = results(finished / "fit"), found
    assert after["metrics"] == before["metrics"]
    assert after["model"]["weights_id"] == before["model"]["weights_id"]


@pytest.mark.slow
def test_the_command_line_replaces_what_the_config_lists_and_ladders_run(finished: Path) -> None:
    config = str(finished / "fit" / "config.yaml")
    arguments = ["--config", config, "--ckpt_path", "best", "--ablation", "grayscale"]
    more = ["--doses", "ladder", "--attribution=none", *QUIET]
    assert main(["test", *arguments, *more]) == 0
    found = results(finished / "test-001-grayscale")
    targets = [entry for entry in found["conditions"] if entry["role"] == "target"]
    assert [entry["dose"] for entry in targets] == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert [entry["primary"] for entry in targets] == [False] * 4 + [True]


@pytest.mark.slow
def test_batch_size_and_workers_do_not_change_rows(finished: Path) -> None:
    root = write(Path("data"), n=24, seed=5, size=64).parent
    data = [f"--data.root={root}", "--data.split=50/25/25", "--maps=0"]  # six to test, and donors
    for size, workers in (("1", "0"), ("5", "2")):
        sizes = [f"--data.batch_size={size}", f"--data.num_workers={workers}"]
        more = ["--ablation", "all", "--controls=1", *data, *sizes, *QUIET]
        assert main(["test", "--run", str(finished), *more]) == 0
    one, other = (
        pd.read_csv(finished / f"test-{n}-all" / "conditions.csv") for n in ("001", "002")
    )
    pd.testing.assert_frame_equal(one, other, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_a_region_makes_images_without_it_ineligible(finished: Path, synthetic: Path) -> None:
    arguments = ["--ablation", "grayscale", "--ablation.region", "faces", "--attribution", "none"]
    assert main(["test", "--run", str(finished), *arguments, *QUIET]) == 0
    folder = finished / "test-001-grayscale"
    (entry,) = results(folder)["conditions"]
    rows = pd.read_csv(folder / "rows.csv")
    there = [(synthetic / "masks" / "faces" / Path(name).name).is_file() for name in rows["id"]]
    assert entry["condition"] == "grayscale@1[faces]"
    assert entry["n"] == 12
    assert entry["eligible"] == sum(there)
    assert 0 < sum(there) < 12


@pytest.mark.slow
def test_validate_and_predict_write_rows(finished: Path, synthetic: Path) -> None:
    assert main(["validate", "--run", str(finished), *QUIET]) == 0
    assert results(finished / "validate-001")["n"] == 6
    images = synthetic / "images"
    assert main(["predict", "--run", str(finished), f"--data.root={images}", *QUIET]) == 1 - 1
    rows = pd.read_csv(finished / "predict-001" / "rows.csv")
    assert len(rows) == 60
    assert rows["score"].isna().all()


@pytest.mark.slow
def test_score_and_predict_agree(
    finished: Path, synthetic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = synthetic / "images"
    assert main(["predict", "--run", str(finished), f"--data.root={images}", *QUIET]) == 0
    assert main(["score", str(finished), str(images), "--out", "scores.csv"]) == 0
    predicted = pd.read_csv(finished / "predict-001" / "rows.csv").set_index("id")["predicted"]
    scored = pd.read_csv("scores.csv")
    names = scored["image"].map(lambda name: Path(name).name)
    assert np.abs(scored["predicted"].to_numpy() - predicted[names].to_numpy()).max() < 1e-6


@pytest.mark.slow
def test_score_goes_on_past_a_bad_image(
    finished: Path, make_image: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    make_image("in/a.png")
    Path("in/b.jpg").write_bytes(b"junk")
    capsys.readouterr()
    assert main(["score", str(finished), "in"]) == 1
    printed = capsys.readouterr()
    lines = printed.out.strip().splitlines()
    assert lines[0] == "image,predicted,low,high,percentile,error"
    assert lines[1].startswith("in/a.png,0.")
    assert lines[2].startswith("in/b.jpg,,,,,")
    bad, note = printed.err.strip().splitlines()
    assert bad == "memlab: in/b.jpg: cannot be read: not an image"
    assert note.startswith("memlab: no interval: 6 validation images are too few for a 90 %")


@pytest.mark.slow
def test_a_model_with_weights_of_its_own_is_tested_without_a_run(
    synthetic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "brightness.py").write_text(
        "from memlab import MemorabilityModel\n"
        "class Bright(MemorabilityModel):\n"
        "    input_size = 32\n"
        "    def weights_id(self): return 'closed-form'\n"
        "    def forward(self, images): return images.mean(dim=(1, 2, 3))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    arguments = ["--model", "brightness:Bright", f"--data.root={synthetic}", "--ablation", "all"]
    arguments += ["--data.split=60/20/20", "--controls=1", "--attribution=none", *QUIET]
    assert main(["test", *arguments]) == 0
    (folder,) = Path("runs").glob("*/test-001-all")
    found = results(folder)
    assert found["model"]["weights_id"] == "closed-form"
    drops = {entry["ablation"]: entry["effect"]["value"] for entry in found["conditions"]}
    assert abs(drops["blur"]) < 0.01  # blur keeps the mean but at the edges


class Counting(Callback):
    """A third-party callback, given by its path."""

    batches = 0

    def on_test_batch_end(self, trainer: Trainer, *_: Any) -> None:
        Counting.batches += 1

    def contribute(self, results_: Any, rows: pd.DataFrame, folder: Path) -> None:
        results_.notes.append(f"{Counting.batches} batches, {len(rows)} rows")


@pytest.mark.slow
def test_a_third_party_callback_joins_the_results(finished: Path) -> None:
    option = f"--trainer.callbacks+={__name__}.Counting"
    assert (
        main(["test", "--run", str(finished), option, "--data.batch_size=4", "--maps=0", *QUIET])
        == 0
    )
    assert "3 batches, 12 rows" in results(finished / "test-001")["notes"]


def test_results_of_a_newer_memlab_are_refused(finished: Path) -> None:
    path = finished / "fit" / "results.json"
    path.write_text(path.read_text().replace('"schema": 2', '"schema": 3'))
    with pytest.raises(Exception, match="schema 3, this memlab reads 1 and 2"):
        read(finished / "fit")
