"""Data options: spelled alike in every command, and every hint is an option of that command."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from memlab.cli import main
from memlab.cli.names import expand_arguments
from memlab.cli.new_data import recognised_anew
from tests.builders.commands import QUIET

TEST = [*QUIET, "--data.num_workers=0", "--controls=0", "--maps=0"]


@pytest.fixture(scope="module")
def album(synthetic: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 of the rendered images, as loose files, with tables of unusual columns."""
    root = tmp_path_factory.mktemp("album")
    rows = pd.read_csv(synthetic / "synthetic.csv").head(24)
    (root / "pics").mkdir()
    for name in rows["image"]:
        shutil.copy(synthetic / name, root / "pics" / Path(name).name)
    odd = pd.DataFrame({"pic": "pics/" + rows["image"].map(lambda name: Path(name).name)})
    odd.assign(how=rows["score"], people=40).to_csv(root / "odd.csv", index=False)
    odd.assign(seen=rows["score"]).to_csv(root / "columns.csv", index=False)
    lines = [f"p{person},{name},{(place % 3 > 0) != (place % 6 == person):d}" for person in range(6)
             for place, name in enumerate(odd["pic"])]  # fmt: skip
    (root / "answers.csv").write_text("\n".join(["who,pic,response", *lines]))
    for name in odd["pic"]:
        mask = root / "masks" / "faces" / f"{Path(name).stem}.png"
        mask.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, mask)
    return root


COMMANDS = {
    "check": ["data", "check", "odd.csv"],
    "check, by --data.root": ["data", "check", "--data.root", "odd.csv"],
    "ceiling": ["data", "ceiling", "odd.csv", "--observers", "40"],
    "ceiling of answers": ["data", "ceiling", "answers.csv", "--participant", "who"],
    "subset": ["data", "subset", "odd.csv", "-n", "4", "--out", "out"],
    "cache": ["data", "cache", "odd.csv", "--size", "32", "--out", "out", "--data.num_workers=0"],
    "score": ["score", "RUN", "odd.csv"],
    "explain": ["explain", "RUN", "odd.csv", "--out", "out"],
    "ablate": ["ablate", "RUN", "odd.csv", "--ablation", "grayscale", "--controls", "0"],
    "apply": ["apply", "odd.csv", "--ablation", "grayscale", "--out", "out"],
    "import": ["regions", "import", "masks", "odd.csv", "--out", "out"],
    "find": ["regions", "find", "odd.csv", "--with", "tests.finished:Nothing", "--out", "out"],
    "attributes": ["attributes", "--data.root", "odd.csv"],
    "attributes of a run": ["attributes", "RUN", "--data.root", "odd.csv"],
    "more attributes": ["attributes", "RUN", "--columns", "columns.csv"],
    "test": ["test", "--run", "RUN", "--data.root", "odd.csv", *TEST],
    "predict": ["predict", "--run", "RUN", "--data.root", "odd.csv", *QUIET],
    "study": ["study", "--data.root", "odd.csv", "--model", "RUN", "--out", "out"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_hint_is_taken_by_the_command_that_gives_it(
    name: str,
    album: Path,
    run: Path,
    monkeypatch: pytest.MonkeyPatch,
    failing: Callable[..., str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("memlab.cli.study.carry_out", _carried_out)
    for path in album.iterdir():
        Path(path.name).symlink_to(path)
    finished = Path(shutil.copytree(run, tmp_path / "run"))
    arguments = [str(finished) if word == "RUN" else word for word in COMMANDS[name]]
    if name == "find":
        Path("nothing.py").write_text(DETECTOR)
        arguments[arguments.index("tests.finished:Nothing")] = "nothing:Nothing"
    message = failing(*arguments)
    hint = re.search(r"give (--\S+) NAME \(columns: .*pic", message)
    assert hint, message
    shutil.rmtree("out", ignore_errors=True)
    given = [hint[1], "pic", "--data.source.score", "how"]
    if "odd.csv" not in arguments:
        given = given[:2]
    capsys.readouterr()
    try:
        code = main([*arguments, *given])
    except _CarriedOut:
        code = 0  # the study has copied its images
    said = capsys.readouterr().err
    if name == "attributes of a run":  # its images are others; the table was read
        assert "tested images" in said or "tested images" in said
    else:
        assert code == 0, said


class _CarriedOut(Exception):  # noqa: N818
    """The study would test now."""


def _carried_out(plan: object) -> int:
    raise _CarriedOut


DETECTOR = """
import torch

class Nothing:
    def __call__(self, images):
        return {"faces": torch.zeros_like(images[:, :1])}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("older", "name"),
    [
        (["data", "check", "odd.csv", "--image", "pic", "--score", "how"], "image"),
        (
            ["data", "check", "odd.csv", "--source", "csv", "--image=pic", "--masks", "masks"],
            "masks",
        ),
        (["score", "RUN", "pics", "--batch-size", "8", "--num-workers", "0"], "batch"),
        (["apply", "pics", "--masks", "masks", "--ablation", "blur", "--out", "out"], "masks"),
    ],
)
def test_older_spellings_still_work(
    older: list[str], name: str, album: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in album.iterdir():
        Path(path.name).symlink_to(path)
    assert main([str(run) if word == "RUN" else word for word in older]) == 0


@pytest.mark.parametrize("command", ["check", "ceiling", "subset", "cache"])
def test_help_shows_one_spelling(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", command, "--help"]) == 0
    text = capsys.readouterr().out
    assert "--data.source.image" in text
    assert not re.search(r"--(image|source|masks|batch-size|num-workers)\b", text)


def test_columns_imply_csv() -> None:
    path = "memlab.data.sources.csv.CsvSource"
    assert expand_arguments(["--data.source.image", "pic"]) == [
        f"--data.source={path}", "--data.source.image", "pic",
    ]  # fmt: skip
    given = expand_arguments(["--data.source.image=pic", "--data.source", "csv"])
    assert given == [f"--data.source={path}", "--data.source.image=pic"]
    assert expand_arguments(["--data.source.n=8"]) == ["--data.source.n=8"]


def test_columns_of_another_layout_are_refused(
    synthetic: Path, failing: Callable[..., str]
) -> None:
    message = failing(
        "data", "check", str(synthetic), "--data.source=synthetic", "--data.source.image=x"
    )
    assert "--data.source.image is for CSV files, not for synthetic" in message
    assert "two data sets" in failing("data", "check", "a", "--data.root", "b")
    assert "give DIR, or --data.root DIR" in failing("data", "check")


@pytest.mark.slow
def test_another_root_beside_a_run_is_recognised_anew(
    album: Path, finished: Path, synthetic: Path
) -> None:
    path = finished / "fit" / "config.yaml"
    config = str(path)
    tree = yaml.safe_load(path.read_text())
    tree["data"]["source"] = {
        "class_path": "memlab.data.sources.synthetic.SyntheticSource",
        "init_args": {"n": 60},
    }
    path.write_text(yaml.safe_dump(tree))
    start = ["--config", config]
    other = [*start, "--data.root", str(album)]
    assert recognised_anew(other) == [*start, "--data.source=null", *other[2:]]
    assert recognised_anew(start) == start
    own = [*start, f"--data.root={synthetic}"]
    assert recognised_anew(own) == own
    altered = [*other, "--data.source.n=8"]
    assert recognised_anew(altered) == altered
    # the run itself: a folder of images, and a table of another layout
    assert main(["predict", "--run", str(finished), f"--data.root={album / 'pics'}", *QUIET]) == 0
    assert len(pd.read_csv(finished / "predict-001" / "rows.csv")) == 24
    table = [
        f"--data.root={album / 'odd.csv'}",
        "--data.source.image=pic",
        "--data.source.score=how",
    ]
    assert main(["test", "--run", str(finished), *table, *TEST]) == 0


def test_check_is_named_with_the_options_that_read_the_table(
    album: Path, failing: Callable[..., str]
) -> None:
    rows = pd.read_csv(album / "odd.csv")
    rows.assign(how=7).to_csv("my table.csv", index=False)
    given = ["--data.source.image", "pic", "--data.source.score", "how"]
    message = failing("attributes", "--data.root", "my table.csv", *given)
    command = message.partition("see them all with: memlab ")[2]
    assert command == "data check 'my table.csv' " + " ".join(given)
