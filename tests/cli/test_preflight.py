"""Mistakes in the data, the device and the options are found before any weights are downloaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from memlab.data.sources.csv import CsvSource


@pytest.fixture
def table(make_image: Callable[..., Path]) -> pd.DataFrame:
    names = [f"{place:02d}.png" for place in range(20)]
    for place, name in enumerate(names):
        make_image(name, seed=place)
    return pd.DataFrame({"image": names, "score": [0.3 + place / 40 for place in range(20)]})


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backbone that is built would be downloaded; none may be."""

    def built(*_: object, **__: object) -> None:
        raise AssertionError("a network was built")

    monkeypatch.setattr("memlab.backbones.resnet.resnet50", built)
    monkeypatch.setattr("memlab.backbones.timm._create", built)


def edited(table: pd.DataFrame, name: str) -> str:
    """The table with a mistake in it."""
    if name == "missing image":
        table = table.replace({"03.png": "zz.png"})
    elif name == "percent":
        table = table.assign(score=table["score"] * 100)
    elif name == "one score":
        table = table.assign(score=0.5)
    if name == "empty":
        return ""
    if name == "not CSV":
        return 'image,score\n"00.png,0.4\nx,y,z\n'
    return table.head(0 if name == "no rows" else None).to_csv(index=False)


@pytest.mark.slow
@pytest.mark.parametrize("config", ["resnet50", "timm"])
@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        ("missing image", "zz.png: no such file"),
        ("percent", "in percent?"),
        ("empty", "is empty"),
        ("not CSV", "a quotation mark that is not closed"),
        ("no rows", "no images in it"),
        ("one score", "nothing to learn"),
    ],
)
def test_mistakes_in_the_table(
    config: str, mistake: str, said: str, table: pd.DataFrame, failing: Callable[..., str]
) -> None:
    Path("t.csv").write_text(edited(table, mistake))
    assert said in failing("fit", "--config", config, "--data.root=t.csv", "--data.source=csv")
    assert not Path("runs").exists() or not list(Path("runs").iterdir())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--data.batch_size=0"], "--data.batch_size 0: at least 1"),
        (["--data.batch_size=1"], "--data.batch_size 1: at least 2"),
        (["--data.num_workers=-1"], "--data.num_workers -1"),
        (["--data.image_size=4"], "--data.image_size 4"),
        (["--data.split=80/30"], "--data.split 80/30: the parts sum to 110"),
        (["--data.split=6"], "no numbered splits"),
        (["--data.split=100/0"], "the test split is empty"),
        (["--data.masks=nowhere"], "--data.masks nowhere"),
        (["--data.cache=00.png/cache"], "00.png/cache"),
        (["--ablation=remove_faces"], "no masks of region 'faces'"),
        (["--trainer.accelerator=gpuu"], "--trainer.accelerator gpuu"),
        (["--trainer.devices=0"], "--trainer.devices 0"),
        (["--trainer.devices=64"], "use fewer --trainer.devices"),
        (["--trainer.precision=16-true"], "--trainer.precision 16-true"),
        (["--trainer.strategy=nope"], "--trainer.strategy nope"),
        (["--trainer.max_epochs=0"], "--trainer.max_epochs 0"),
        (["--trainer.accumulate_grad_batches=0"], "--trainer.accumulate_grad_batches 0"),
        (["--trainer.val_check_interval=100"], "--trainer.val_check_interval 100: at most 1"),
        (["--model.hidden=0"], "--model.hidden 0"),
        (["--model.dropout=1"], "--model.dropout 1"),
        (["--model.unfrozen=-1"], "--model.unfrozen -1"),
        (["--model.optimizer.lr=-1"], "--model.optimizer.lr -1"),
        (["--model.optimizer=SGD", "--model.optimizer.momentum=-3"], "momentum value: -3"),
        (
            ["--model.lr_scheduler=StepLR", "--model.lr_scheduler.step_size=0"],
            "--model.lr_scheduler StepLR",
        ),
    ],
    ids=lambda value: value[-1].split(".")[-1] if isinstance(value, list) else "",
)
def test_mistakes_in_the_options(
    options: list[str], said: str, table: pd.DataFrame, failing: Callable[..., str]
) -> None:
    table.to_csv("t.csv", index=False)
    cpu = [] if "accelerator" in options[0] else ["--trainer.accelerator=cpu"]
    data = ["--data.root=t.csv", "--data.source=csv"]
    assert said in failing("fit", "--config=resnet50", *data, *cpu, *options)


def test_no_gpu(
    table: pd.DataFrame, failing: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    table.to_csv("t.csv", index=False)
    options = ["--data.root=t.csv", "--trainer.accelerator=cuda"]
    message = failing("fit", "--config=resnet50", *options)
    assert message.startswith("memlab: --trainer.accelerator: torch finds no such GPU")


@pytest.mark.slow
@pytest.mark.parametrize("command", ["test", "validate", "predict"])
def test_other_commands_read_the_table_before_a_plugins_weights(
    command: str, table: pd.DataFrame, failing: Callable[..., str]
) -> None:
    Path("t.csv").write_text(edited(table, "missing image"))
    options = ["--model=vitmem", "--data.root=t.csv", "--trainer.accelerator=cpu"]
    assert "zz.png: no such file" in failing(command, *options)


def test_the_table_is_read_once(
    table: pd.DataFrame, failing: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table.to_csv("t.csv", index=False)
    read: list[Path] = []
    original = CsvSource.table

    def counted(self: CsvSource, root: Path, split: int | None = None) -> object:
        read.append(root)
        return original(self, root, split)

    monkeypatch.setattr(CsvSource, "table", counted)
    options = ["--data.root=t.csv", "--trainer.accelerator=cpu", "--ablation=blur"]
    assert "AssertionError" in failing("fit", "--config=resnet50", *options)  # built at last
    assert len(read) == 1
