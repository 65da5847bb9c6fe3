"""A ridge head is solved before training, from features that are computed once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.linear_model import Ridge

from memlab import load
from memlab.callbacks import ridge_head
from memlab.cli import main
from memlab.data import features
from memlab.data.geometry import Geometry
from memlab.errors import CheckpointError
from memlab.imaging.decode import decode
from memlab.stats.ridge import RidgeFit
from tests.builders.commands import PLAIN, TINY, results
from tests.builders.processes import two_processes

SOLVED = [
    *TINY,
    *PLAIN,
    "--model.head=ridge",
    "--model.unfrozen=0",
    "--data.augmentation=none",
    "--data.image_size=64",
]


@pytest.fixture(scope="module")
def bright(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 images, the brighter the more memorable."""
    root = tmp_path_factory.mktemp("bright")
    rng = np.random.default_rng(0)
    lines = ["image,score"]
    for place in range(60):
        score = rng.uniform(0.4, 0.9)
        coarse = rng.uniform(0, 255 * score, size=(6, 8, 3)).astype(np.uint8)
        Image.fromarray(coarse).resize((64, 64)).save(root / f"{place:02d}.png")
        lines.append(f"{place:02d}.png,{score:.4f}")
    (root / "scores.csv").write_text("\n".join(lines))
    return root / "scores.csv"


@pytest.fixture(scope="module")
def solved(bright: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a solved head, and its features in the folder `kept` beside it."""
    folder = tmp_path_factory.mktemp("solved")
    kept = f"--data.feature_cache={folder / 'kept'}"
    assert main(["fit", *SOLVED, f"--data.root={bright}", kept, f"--run={folder / 'run'}"]) == 0
    return folder / "run"


def head_of(run: Path) -> tuple[torch.Tensor, torch.Tensor]:
    state = torch.load(run / "fit/checkpoints/last.ckpt", weights_only=True)["state_dict"]
    return state["head.0.weight"], state["head.0.bias"]


@pytest.mark.slow
def test_predictions_are_those_of_ridge_regression(solved: Path, bright: Path) -> None:
    model = load(solved)
    table = pd.read_csv(solved / "fit/split.csv")
    train = table[table["split"] == "train"]
    images = [bright.parent / path for path in train["image"]]
    shown = model.predict(images, progress=False)
    assert shown["predicted"].between(0, 1, inclusive="neither").all()
    known = dict(np.load(next((solved.parent / "kept").glob("*.features"))))
    assert known["features"].shape == (42 + 6, model.backbone.feature_dim)  # type: ignore[union-attr]

    record = results(solved / "fit")["ridge"]
    assert (record["n"], record["folds"], record["seed"]) == (42, 10, 0)
    assert record["chosen"] in record["candidates"]
    assert record["chosen"]["mse"] == min(one["mse"] for one in record["candidates"])
    assert record["candidates"][-1]["strength"] is None

    with torch.inference_mode():
        pixels = torch.stack([Geometry(64).image(decode(path)) for path in images])
        x = model.embed(pixels.float() / 255).numpy()  # type: ignore[operator]
    y = train["score"].to_numpy()
    expected = Ridge(alpha=record["chosen"]["strength"]).fit(x, y).predict(x)
    m = y.mean()
    logit = np.log(m / (1 - m)) + (expected - m) / (m * (1 - m))
    assert shown["predicted"].to_numpy() == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-4)


@pytest.mark.slow
def test_nothing_is_trained_and_one_epoch_is_enough(
    solved: Path, bright: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = pd.read_csv(solved / "fit/metrics.csv")
    assert metrics["epoch"].tolist() == [0]
    assert metrics["lr"].tolist() == [0]
    more = [f"--data.root={bright}", "--trainer.max_epochs=7", "--run=seven"]
    assert main(["fit", *SOLVED, *more]) == 0
    said = capsys.readouterr().err
    assert "trains nothing by gradient: 1 epoch instead of 7" in said
    assert "ridge head on " in said
    assert "none is trained by gradient" in said
    assert all(map(torch.equal, head_of(Path("seven")), head_of(solved)))
    assert len(pd.read_csv("seven/fit/metrics.csv")) == 1
    assert results(Path("seven/fit"))["metrics"] == results(solved / "fit")["metrics"]
    assert main(["test", "--run=seven", *PLAIN]) == 0


@pytest.mark.slow
def test_a_second_run_computes_the_features_of_new_images_only(
    solved: Path,
    bright: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept = shutil.copytree(solved.parent / "kept", "kept")
    seen: list[str] = []
    original = features.to_float
    monkeypatch.setattr(
        features, "to_float", lambda batch: (seen.extend(batch["ids"]), original(batch))[1]
    )
    command = ["fit", *SOLVED, f"--data.root={bright}", f"--data.feature_cache={kept}"]
    assert main([*command, "--run=again"]) == 0
    assert not seen
    assert "read the features of 42 images from kept/" in capsys.readouterr().err
    assert all(map(torch.equal, head_of(Path("again")), head_of(solved)))
    assert main([*command, "--run=other", "--data.split_seed=5"]) == 0
    before = pd.read_csv(solved / "fit/split.csv").set_index("id")["split"]
    now = pd.read_csv("other/fit/split.csv").set_index("id")["split"]
    assert sorted(seen) == sorted(now.index[(now != "test") & (before == "test")].astype(str))
    assert len(list(Path(kept).glob("*.features"))) == 1


@pytest.mark.slow
def test_the_last_blocks_start_from_the_solved_head(
    solved: Path, bright: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = [*SOLVED[:-3], "--data.augmentation=flip", SOLVED[-1], f"--data.root={bright}"]
    still = ["--model.optimizer=SGD", "--model.optimizer.lr=0.0"]
    command = ["fit", *begin, "--model.unfrozen=1", "--run=blocks", *still]
    assert main(command) == 0
    assert all(
        torch.allclose(ours, theirs, atol=1e-5)
        for ours, theirs in zip(head_of(Path("blocks")), head_of(solved), strict=True)
    )
    record = results(Path("blocks/fit"))["ridge"]
    assert record["n"] == 42

    def again(*_: object) -> None:
        raise AssertionError("solved a second time")

    monkeypatch.setattr(ridge_head, "cross_validated_ridge", again)
    more = ["--ckpt_path=last", "--trainer.max_epochs=2"]
    assert main(["fit", "--run=blocks", *PLAIN, *more]) == 0
    assert len(pd.read_csv("blocks/fit/metrics.csv")) == 2
    assert results(Path("blocks/fit"))["ridge"] == record


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model.optimizer=Adam"], "--model.optimizer would do nothing"),
        (["--model.lr_scheduler=StepLR", "--model.lr_scheduler.step_size=1"], "lr_scheduler would"),
        (["--model.loss=rank"], "--model.loss would do nothing"),
        (["--model.compile=true"], "--model.compile would do nothing"),
        (["--model.hidden=8"], "--model.hidden 8: --model.head ridge has no hidden layer"),
        (["--data.augmentation=flip"], "--data.augmentation flip (not none) would do nothing"),
        (["--trainer.gradient_clip_val=1.0"], "--trainer.gradient_clip_val would do nothing"),
        (["--trainer.callbacks=ema"], "--trainer.callbacks ema would do nothing"),
        (["--trainer.callbacks=lr_finder"], "leave one of them out"),
        (["--trainer.overfit_batches=1"], "--trainer.overfit_batches would do nothing"),
        (["--trainer.limit_train_batches=1"], "--trainer.limit_train_batches would do nothing"),
        (["--trainer.limit_train_batches=0.5"], "--trainer.limit_train_batches would do nothing"),
    ],
)
def test_options_without_effect_are_refused(
    options: list[str], message: str, bright: Path, failing: Callable[..., str]
) -> None:
    said = failing("fit", *SOLVED, f"--data.root={bright}", *options, "--run=refused")
    assert message in said


@pytest.mark.slow
def test_a_mean_that_no_score_can_have_is_refused(
    bright: Path, failing: Callable[..., str]
) -> None:
    """Hit rates minus false-alarm rates, of people who recognise nothing."""
    table = pd.read_csv(bright)
    table = table.rename(columns={"score": "hit_minus_false_alarm"})
    table["hit_minus_false_alarm"] -= 0.8
    table["image"] = [str(bright.parent / name) for name in table["image"]]
    table.to_csv("below.csv", index=False)
    said = failing("fit", *SOLVED, "--data.root=below.csv", "--run=below")
    assert "below.csv: the mean score of the 42 training images is -0.1" in said
    assert "shift or rescale the scores" in said


@pytest.mark.slow
@pytest.mark.parametrize("count", [12, 30])
def test_small_tables_are_enough(count: int, make_image: Callable[..., Path]) -> None:
    lines = ["image,score"]
    for place in range(count):
        make_image(f"p/{place}.png", seed=place)
        lines.append(f"{place}.png,{0.4 + place / 60:.3f}")
    Path("p/scores.csv").write_text("\n".join(lines))
    assert main(["fit", *SOLVED, "--data.root=p/scores.csv", "--run=small"]) == 0
    record = results(Path("small/fit"))["ridge"]
    assert record["folds"] == min(10, record["n"])


@pytest.mark.slow
def test_an_image_that_cannot_be_read_is_said_or_left_out(
    bright: Path, failing: Callable[..., str]
) -> None:
    root = Path(shutil.copytree(bright.parent, "broken"))
    table = pd.read_csv(root / "scores.csv").assign(split=["train"] * 40 + ["val", "test"] * 10)
    table.to_csv(root / "scores.csv", index=False)
    (root / "03.png").write_bytes(b"no image")
    command = ["fit", *SOLVED, f"--data.root={root}/scores.csv"]
    said = failing(*command, "--run=fails")
    assert "03.png: cannot be read" in said
    assert said.endswith("--data.on_error skip")
    assert main([*command, "--run=skips", "--data.on_error=skip"]) == 0
    found = results(Path("skips/fit"))
    assert found["ridge"]["n"] == 39
    assert [entry["id"] for entry in found["data"]["skipped"]] == ["03.png"]


@pytest.mark.slow
def test_features_that_say_nothing_give_the_mean(
    make_image: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["image,score,split"]
    for place in range(20):
        make_image(f"p/{place}.png", seed=0)
        split = "train" if place < 12 else "val" if place < 16 else "test"
        lines.append(f"{place}.png,{0.4 + place / 60:.3f},{split}")
    Path("p/scores.csv").write_text("\n".join(lines))
    assert main(["fit", *SOLVED, "--data.root=p/scores.csv", "--run=flat"]) == 0
    assert "no strength predicts better than the mean; every image gets 0.49" in (
        capsys.readouterr().err
    )
    assert results(Path("flat/fit"))["ridge"]["chosen"]["strength"] is None
    predicted = pd.read_csv("flat/fit/rows.csv")["predicted"]
    assert predicted.to_numpy() == pytest.approx(0.4 + 5.5 / 60, abs=1e-5)


@pytest.mark.slow
def test_copies_of_an_image_are_held_out_together(
    bright: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(shutil.copytree(bright.parent, "copies"))
    table = pd.read_csv(root / "scores.csv").assign(split=["train"] * 40 + ["val", "test"] * 10)
    shutil.copy(root / "00.png", root / "01.png")
    table.to_csv(root / "scores.csv", index=False)
    given: list[np.ndarray] = []
    solve = ridge_head.cross_validated_ridge

    def noted(*values: Any, groups: np.ndarray) -> RidgeFit:
        given.append(groups)
        return solve(*values, groups=groups)

    monkeypatch.setattr(ridge_head, "cross_validated_ridge", noted)
    assert main(["fit", *SOLVED, f"--data.root={root}/scores.csv", "--run=copied"]) == 0
    (groups,) = given
    assert groups[0] == groups[1]
    assert len(groups) == 40
    assert len(set(groups)) == 39


@pytest.mark.slow
def test_a_solved_head_is_not_solved_again(
    solved: Path, bright: Path, failing: Callable[..., str]
) -> None:
    other = ["--run=new", f"--ckpt_path={solved}/fit/checkpoints/last.ckpt"]
    said = failing("fit", *SOLVED, f"--data.root={bright}", *other)
    assert "nothing was trained: a ridge head is not solved again after --ckpt_path" in said


@pytest.mark.slow
def test_two_processes_solve_the_same_head(solved: Path, bright: Path) -> None:
    ended = two_processes("fit", *SOLVED, f"--data.root={bright}", "--run=two")
    assert ended.codes == [0, 0], ended.stderr
    assert all(
        torch.allclose(ours, theirs, atol=1e-4)
        for ours, theirs in zip(head_of(Path("two")), head_of(solved), strict=True)
    )


def test_a_damaged_record_in_a_checkpoint_is_named() -> None:
    with pytest.raises(CheckpointError, match="record of the ridge head is damaged: n: "):
        ridge_head.RidgeHead().load_state_dict({"n": "many"})
