"""Whole commands on rendered pictures: fit, test, validate, predict, score, and their files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from lightning.pytorch import Callback, Trainer
from PIL import Image
from scipy import stats
from torch import Tensor

from memlab import MemorabilityModel, load
from memlab.cli import configs, main
from memlab.metrics.functional import spearman
from memlab.reports.results import read
from tests.conftest import TINY


@pytest.fixture
def finished(run: Path, tmp_path: Path) -> Path:
    """A copy of the finished run under ./runs, where commands look for it."""
    return Path(shutil.copytree(run, tmp_path / "runs" / "tiny"))


QUIET = ["--trainer.enable_progress_bar=false", "--trainer.accelerator=cpu"]


def results(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return found


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
    assert found["schema"] == 1
    assert found["status"] == "finished"
    assert found["seed"] == 0
    assert found["model"]["weights_id"] == load(run).weights_id()
    assert found["provenance"]["versions"]["torch"] == torch.__version__.partition("+")[0]
    used = {(plugin["group"], plugin["name"]) for plugin in found["provenance"]["plugins"]}
    assert {("models", "regressor"), ("backbones", "timm"), ("ablations", "blur")} <= used
    assert {("attributions", "grad_cam"), ("sources", "scenes")} <= used
    data = found["data"]
    assert data["pictures"] == {"train": 42, "val": 6, "test": 12}
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
    assert list(rows) == ["index", "id", "split", "score", "predicted"]
    assert rows["index"].tolist() == list(range(12))
    assert set(rows["split"]) == {"test"}
    rho = found["metrics"]["spearman"]
    assert rho["value"] == pytest.approx(
        stats.spearmanr(rows["score"], rows["predicted"]).statistic
    )
    assert rho["low"] <= rho["value"] <= rho["high"]
    logged = pd.read_csv(folder / "metrics.csv")["test/spearman"].dropna().iloc[-1]
    assert logged == pytest.approx(rho["value"], abs=1e-6)
    for entry in found["conditions"]:
        own = conditions[conditions["condition"] == entry["condition"]].set_index("index")
        drop = rows["predicted"] - own["predicted"]
        assert entry["drop"]["value"] == pytest.approx(drop.mean(), abs=1e-7)
        assert entry["drop"]["low"] <= drop.mean() <= entry["drop"]["high"]
        ablated = spearman(own["predicted"].to_numpy(), rows["score"].to_numpy()).value
        assert entry["spearman"]["value"] == pytest.approx(ablated)
        assert entry["control"] is None
        assert entry["p_corrected"] is None
    assert [entry["condition"] for entry in found["conditions"]] == ["blur@2", "grayscale@1"]
    assert pd.read_parquet(folder / "rows.parquet")["predicted"].to_numpy() == pytest.approx(
        rows["predicted"].to_numpy(), abs=1e-7
    )


def test_conditions_are_what_the_model_says_of_the_changed_pictures(
    run: Path, scenes: Path
) -> None:
    from memlab import Context
    from memlab.ablations.blur import Blur
    from memlab.data.decode import decode

    conditions = pd.read_csv(run / "fit" / "conditions.csv")
    row = conditions[conditions["condition"] == "blur@2"].iloc[3]
    image = decode(scenes / row["id"])[None].float() / 255
    with torch.no_grad():
        predicted = load(run)(Blur()(image, Context([row["id"]])))
    assert float(predicted) == pytest.approx(row["predicted"], abs=1e-5)


def test_maps_are_raw_and_named(run: Path) -> None:
    found = np.load(run / "fit" / "maps" / "grad_cam.npz")
    assert found["maps"].shape == (4, 2, 2)
    assert found["pictures"].shape == (4, 3, 64, 64)
    assert str(found["unit"]) == "score per grid cell, linearised"
    rows = pd.read_csv(run / "fit" / "rows.csv").set_index("id")
    for name, predicted in zip(found["id"], found["predicted"], strict=True):
        assert rows.loc[str(name), "predicted"] == pytest.approx(float(predicted), abs=1e-6)
    assert (found["maps"] != 0).any()


def test_figures_are_pictures(run: Path) -> None:
    for name in results(run / "fit")["figures"]:
        with Image.open(run / "fit" / name) as figure:
            assert min(figure.size) > 200


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
    assert [entry["condition"] for entry in found["conditions"]] == ["blur@4"]
    assert found["maps"] == []
    before, after = results(finished / "fit"), found
    assert after["metrics"] == before["metrics"]
    assert after["model"]["weights_id"] == before["model"]["weights_id"]


def test_the_command_line_replaces_what_the_config_lists_and_ladders_run(finished: Path) -> None:
    config = str(finished / "fit" / "config.yaml")
    arguments = ["--config", config, "--ckpt_path", "best", "--ablation", "grayscale"]
    more = ["--doses", "ladder", "--attribution=none", *QUIET]
    assert main(["test", *arguments, *more]) == 0
    found = results(finished / "test-001-grayscale")
    assert [entry["dose"] for entry in found["conditions"]] == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert [entry["primary"] for entry in found["conditions"]] == [False] * 4 + [True]


def test_batch_size_and_workers_do_not_change_rows(finished: Path) -> None:
    for size, workers in (("1", "0"), ("5", "2")):
        sizes = [f"--data.batch_size={size}", f"--data.num_workers={workers}"]
        assert main(["test", "--run", str(finished), "--ablation", "all", *sizes, *QUIET]) == 0
    one, other = (
        pd.read_csv(finished / f"test-{n}-all" / "conditions.csv") for n in ("001", "002")
    )
    assert one.drop(columns="predicted").equals(other.drop(columns="predicted"))
    assert np.abs(one["predicted"] - other["predicted"]).max() < 1e-5


def test_a_region_makes_pictures_without_it_ineligible(finished: Path, scenes: Path) -> None:
    arguments = ["--ablation", "grayscale", "--ablation.region", "faces", "--attribution", "none"]
    assert main(["test", "--run", str(finished), *arguments, *QUIET]) == 0
    folder = finished / "test-001-grayscale"
    (entry,) = results(folder)["conditions"]
    rows = pd.read_csv(folder / "rows.csv")
    there = [(scenes / "masks" / "faces" / Path(name).name).is_file() for name in rows["id"]]
    assert entry["condition"] == "grayscale@1[faces]"
    assert entry["n"] == 12
    assert entry["eligible"] == sum(there)
    assert 0 < sum(there) < 12


def test_validate_and_predict_write_rows(finished: Path, scenes: Path) -> None:
    assert main(["validate", "--run", str(finished), *QUIET]) == 0
    assert results(finished / "validate-001")["n"] == 6
    images = scenes / "images"
    assert main(["predict", "--run", str(finished), f"--data.root={images}", *QUIET]) == 1 - 1
    rows = pd.read_csv(finished / "predict-001" / "rows.csv")
    assert len(rows) == 60
    assert rows["score"].isna().all()


def test_score_and_predict_agree(
    finished: Path, scenes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = scenes / "images"
    assert main(["predict", "--run", str(finished), f"--data.root={images}", *QUIET]) == 0
    assert main(["score", str(finished), str(images), "--out", "scores.csv"]) == 0
    predicted = pd.read_csv(finished / "predict-001" / "rows.csv").set_index("id")["predicted"]
    scored = pd.read_csv("scores.csv")
    names = scored["image"].map(lambda name: Path(name).name)
    assert np.abs(scored["predicted"].to_numpy() - predicted[names].to_numpy()).max() < 1e-6


def test_score_goes_on_past_a_bad_picture(
    finished: Path, picture: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    picture("in/a.png")
    Path("in/b.jpg").write_bytes(b"junk")
    capsys.readouterr()
    assert main(["score", str(finished), "in"]) == 1
    printed = capsys.readouterr()
    lines = printed.out.strip().splitlines()
    assert lines[0] == "image,predicted,error"
    assert lines[1].startswith("in/a.png,0.")
    assert lines[2].startswith("in/b.jpg,,")
    assert printed.err.strip() == "memlab: in/b.jpg: cannot be read: not a picture"


def test_skipped_pictures_are_counted_and_listed(scenes: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(scenes, tmp_path / "scenes"))
    rows = pd.read_csv(root / "scenes.csv")
    (root / "scenes.json").unlink()  # read as CSV from here on
    rows["split"] = ["train"] * 36 + ["val"] * 12 + ["test"] * 12
    rows.to_csv(root / "scenes.csv", index=False)
    bad = [rows["image"][place] for place in (3, 40, 50, 55)]
    for name in bad[:3]:
        (root / name).write_bytes((root / name).read_bytes()[:300])
    (root / bad[3]).unlink()
    fit = [f"--data.root={root}", "--data.image_size=64", "--run=runs/skip", *TINY]
    assert main(["fit", *fit, "--data.on_error=skip", "--ablation", "blur"]) == 0
    found = results(Path("runs/skip/fit"))
    assert {entry["id"] for entry in found["data"]["skipped"]} == set(bad)
    assert found["n"] == 10
    assert found["conditions"][0]["n"] == 10
    assert set(bad).isdisjoint(pd.read_csv("runs/skip/fit/rows.csv")["id"])


def test_a_truncated_picture_fails_a_run_by_default(
    scenes: Path, tmp_path: Path, failing: Callable[..., str]
) -> None:
    root = Path(shutil.copytree(scenes, tmp_path / "scenes"))
    name = root / "images" / "000007.png"
    name.write_bytes(name.read_bytes()[:300])
    message = failing("fit", f"--data.root={root}", "--data.image_size=64", *TINY)
    assert "000007.png" in message
    assert "--data.on_error skip" in message


def test_training_is_reproducible(run: Path, scenes: Path) -> None:
    again = [f"--data.root={scenes}", "--data.image_size=64", "--run=runs/again", *TINY]
    assert main(["fit", *again, "--data.num_workers=1"]) == 0
    assert load("runs/again").weights_id() == load(run).weights_id()
    assert main(["fit", *again, "--run=runs/other", "--seed_everything=1"]) == 0
    assert load("runs/other").weights_id() != load(run).weights_id()


def test_a_vision_transformer_runs_the_whole_path(scenes: Path) -> None:
    network = ["--model.backbone.name=test_vit", "--model.backbone.image_size=64"]
    arguments = [f"--data.root={scenes}", "--run=runs/vit", *TINY, *network]
    assert main(["fit", *arguments, "--maps=3", "--ablation", "center_crop"]) == 0
    found = np.load("runs/vit/fit/maps/grad_cam.npz")
    assert found["maps"].shape == (3, 4, 4)
    assert (found["maps"] != 0).all()


def test_a_size_the_backbone_cannot_take_is_named(
    scenes: Path, failing: Callable[..., str]
) -> None:
    network = ["--model.backbone.name=test_vit", "--data.image_size=64"]
    message = failing("fit", f"--data.root={scenes}", *TINY, *network)
    assert "--model.backbone.image_size 64" in message


def test_scheduler_huber_and_linear_head_from_the_command_line(scenes: Path) -> None:
    options = [
        "--model.head=linear",
        "--model.loss=huber",
        "--model.optimizer=SGD",
        "--model.optimizer.lr=0.01",
        "--model.lr_scheduler=StepLR",
        "--model.lr_scheduler.step_size=1",
    ]
    arguments = [f"--data.root={scenes}", "--data.image_size=64", "--run=runs/sgd", *TINY, *options]
    assert main(["fit", *arguments, "--attribution=none"]) == 0
    saved = torch.load("runs/sgd/fit/checkpoints/last.ckpt", weights_only=True)
    (group,) = saved["optimizer_states"][0]["param_groups"]
    assert group["initial_lr"] == 0.01
    assert group["lr"] == pytest.approx(0.001)
    assert group["weight_decay"] == 0  # Adam's or AdamW's defaults do not leak
    assert load("runs/sgd").head[0].out_features == 1


class Constant(MemorabilityModel):
    """A model that cannot rank, to prove what becomes of undefined statistics."""

    input_size = 32

    def __init__(self) -> None:
        super().__init__()
        self.level = torch.nn.Parameter(torch.tensor(0.5))
        self.loaded = False

    def weights_id(self) -> str | None:
        return "constant" if self.loaded else None

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.loaded = True

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["memlab"] = {"schema": 1, "model": self.spec, "input_size": 32}

    def forward(self, images: Tensor) -> Tensor:
        return self.level.expand(len(images))

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return (self(batch["images"]) - batch["scores"]).square().mean()

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def test_nan_is_never_best_and_never_ends_a_run(
    scenes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [f"--data.root={scenes}", "--run=runs/constant", "--trainer.max_epochs=3", *QUIET]
    model = "--model=tests.test_pipeline.Constant"
    assert main(["fit", *arguments, model, "--ablation", "blur", "--attribution", "none"]) == 0
    folder = Path("runs/constant/fit")
    assert pd.read_csv(folder / "metrics.csv")["epoch"].max() >= 2
    assert not (folder / "checkpoints" / "best.ckpt").exists()
    found = results(folder)
    assert found["metrics"]["spearman"]["value"] is None
    assert found["metrics"]["spearman"]["reason"] == "predictions are constant"
    assert found["metrics"]["mse"]["value"] > 0
    assert found["conditions"][0]["drop"]["value"] == 0
    assert "last weights were tested" in found["notes"][0]
    assert "none: predictions are constant" in capsys.readouterr().out


def test_a_model_with_weights_of_its_own_is_tested_without_a_run(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "brightness.py").write_text(
        "from memlab import MemorabilityModel\n"
        "class Bright(MemorabilityModel):\n"
        "    input_size = 32\n"
        "    def weights_id(self): return 'closed-form'\n"
        "    def forward(self, images): return images.mean(dim=(1, 2, 3))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    arguments = ["--model", "brightness:Bright", f"--data.root={scenes}", "--ablation", "all"]
    assert main(["test", *arguments, "--attribution", "none", *QUIET]) == 0
    (folder,) = Path("runs").glob("*/test-001-all")
    found = results(folder)
    assert found["model"]["weights_id"] == "closed-form"
    drops = {entry["ablation"]: entry["drop"]["value"] for entry in found["conditions"]}
    assert abs(drops["blur"]) < 0.01  # blur keeps the mean but at the edges


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ckpt_path", "last.ckpt"], "no such checkpoint"),
        (["--model.backbone.name", "test_vit"], "'test_resnet' there, 'test_vit' was asked for"),
        (["--ablation", "blur", "--ablation.sigma", "70"], "ladder: 0.5, 1, 2, 4, 8"),
        (["--ablation", "blur", "--ablation.region", "hats"], "no masks of region 'hats'"),
        (["--data.root", "nowhere"], "nowhere: no such file or folder"),
    ],
)
def test_bad_options_of_test_are_one_line(
    arguments: list[str], message: str, finished: Path, failing: Callable[..., str]
) -> None:
    assert message in failing("test", "--run", str(finished), *arguments, *QUIET)


def test_a_half_matching_checkpoint_is_refused(finished: Path, failing: Callable[..., str]) -> None:
    path = finished / "fit" / "checkpoints" / "best.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["state_dict"].pop("head.0.weight")
    torch.save(checkpoint, path)
    message = failing("test", "--run", str(finished), *QUIET)
    assert "1 missing (first: head.0.weight)" in message


def test_no_weights_no_test(scenes: Path, failing: Callable[..., str]) -> None:
    assert "no finished run" in failing("test", "--ablation", "blur")
    model = ["--model=regressor", *TINY[:3]]
    message = failing("test", *model, f"--data.root={scenes}", "--data.image_size=64", *QUIET)
    assert "no weights were loaded" in message
    Path("runs/half/fit").mkdir(parents=True)
    Path("runs/half/fit/config.yaml").write_text("{}")
    assert "best.ckpt, which does not exist" in failing("test", "--run", "runs/half")


def test_a_finished_run_is_not_overwritten(finished: Path, failing: Callable[..., str]) -> None:
    before = (finished / "fit" / "results.json").read_bytes()
    assert "choose another --run" in failing("fit", "--run", str(finished), *TINY)
    assert (finished / "fit" / "results.json").read_bytes() == before


def test_a_folder_that_cannot_be_written_is_named(
    scenes: Path, failing: Callable[..., str]
) -> None:
    Path("file").write_text("in the way")
    message = failing("fit", f"--data.root={scenes}", "--run=file/run", *TINY)
    assert "cannot make the folder file/run/fit" in message


def test_unknown_keys_name_file_and_closest_key(failing: Callable[..., str]) -> None:
    Path("mine.yaml").write_text("trainer:\n  max_epoch: 3\n")
    message = failing("fit", "--config", "mine.yaml")
    assert message == (
        "memlab: mine.yaml: unknown key 'trainer.max_epoch'; did you mean 'trainer.max_epochs'?"
    )
    Path("mine.yaml").write_text("ablation: [blurr]\n")
    assert "mine.yaml: unknown ablation 'blurr'" in failing("fit", "--config", "mine.yaml")
    Path("mine.yaml").write_text("a: [b\n")
    assert "mine.yaml: not YAML" in failing("fit", "--config", "mine.yaml")


@pytest.mark.parametrize("name", configs.shipped_names())
def test_every_shipped_config_parses(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--config", name, "--print_config"]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    given = yaml.safe_load(configs.find_config(name).read_text())
    for group in given:
        assert printed[group.removesuffix("+")]


def test_configs_compose(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["resnet50", "data/lamem", "trainer/gpu", "tracking/wandb"]
    arguments = [part for name in names for part in ("--config", name)]
    assert main(["fit", *arguments, "--data.split", "3", "--print_config"]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    assert printed["model"]["init_args"]["backbone"]["class_path"].endswith("ResNet50")
    assert printed["data"]["split"] == 3
    assert printed["trainer"]["precision"] == "bf16-mixed"
    assert printed["trainer"]["logger"][0]["class_path"].endswith("WandbLogger")


def test_yaml_takes_short_names(scenes: Path) -> None:
    Path("mine.yaml").write_text(
        "model:\n  backbone:\n    class_path: timm\n"
        "    init_args: {name: test_resnet, pretrained: false}\n"
        f"data: {{root: {scenes}, source: scenes, image_size: 64, num_workers: 0}}\n"
        "ablation: [grayscale, {class_path: blur, init_args: {sigma: 1}}]\n"
        "attribution: none\n"
        "trainer: {max_epochs: 1, accelerator: cpu, enable_progress_bar: false}\n"
    )
    assert main(["fit", "--config", "mine.yaml", "--run", "runs/yaml"]) == 0
    entries = results(Path("runs/yaml/fit"))["conditions"]
    assert [entry["condition"] for entry in entries] == ["grayscale@1", "blur@1"]
    saved = yaml.safe_load(Path("runs/yaml/fit/config.yaml").read_text())
    assert saved["ablation"][0]["class_path"] == "memlab.ablations.grayscale.Grayscale"


def test_families_are_expanded(finished: Path) -> None:
    assert main(["test", "--run", str(finished), "--ablation", "colour", *QUIET]) == 0
    entries = results(finished / "test-001-colour")["conditions"]
    assert [entry["ablation"] for entry in entries] == ["grayscale"]


class Counting(Callback):
    """A stranger's callback, given by its path."""

    batches = 0

    def on_test_batch_end(self, trainer: Trainer, *_: Any) -> None:
        Counting.batches += 1

    def contribute(self, results_: Any, rows: pd.DataFrame, folder: Path) -> None:
        results_.notes.append(f"{Counting.batches} batches, {len(rows)} rows")


def test_a_strangers_callback_joins_the_results(finished: Path) -> None:
    option = "--trainer.callbacks+=tests.test_pipeline.Counting"
    assert main(["test", "--run", str(finished), option, "--data.batch_size=4", *QUIET]) == 0
    assert results(finished / "test-001")["notes"] == ["3 batches, 12 rows"]


def program(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run memlab as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "memlab", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_wandb_offline_gets_metrics_config_table_and_pictures(
    scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    arguments = [f"--data.root={scenes}", "--data.image_size=64", "--run=runs/w", *TINY]
    found = program("fit", "--config=tracking/wandb", *arguments, "--ablation=blur")
    assert found.returncode == 0, found.stderr
    assert (Path("runs/w/fit/metrics.csv")).is_file()
    (offline,) = Path("runs/w/fit/wandb").glob("offline-run-*")
    media = {path.name.split("_")[0] for path in (offline / "files" / "media").rglob("*.*")}
    assert {"ablations", "ablation-effects", "predicted-against-true", "grad"} <= media


def test_two_processes_give_the_rows_of_one(finished: Path) -> None:
    more = ["--ablation=all", "--data.batch_size=4", *QUIET]
    assert main(["test", "--run", str(finished), *more]) == 0
    processes = ["--trainer.strategy=ddp", "--trainer.devices=2"]
    found = program("test", "--run", str(finished), *more, *processes)
    assert found.returncode == 0, found.stderr
    one, two = finished / "test-001-all", finished / "test-002-all"
    assert results(two)["provenance"]["processes"] == 2
    for table in ("rows.csv", "conditions.csv"):
        ours, theirs = pd.read_csv(one / table), pd.read_csv(two / table)
        assert ours.drop(columns="predicted").equals(theirs.drop(columns="predicted"))
        assert np.abs(ours["predicted"] - theirs["predicted"]).max() < 1e-5
    for name, statistic in results(one)["metrics"].items():
        assert results(two)["metrics"][name]["value"] == pytest.approx(statistic["value"], abs=1e-5)


def test_results_of_a_newer_memlab_are_refused(finished: Path) -> None:
    path = finished / "fit" / "results.json"
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 2'))
    with pytest.raises(Exception, match="schema 2, this memlab reads 1"):
        read(finished / "fit")
