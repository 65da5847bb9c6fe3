"""memlab audit from the command line: what it prints, writes and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from memlab.cli import main
from tests.builders.protocols import built_in, small, write_protocol

MODEL = ["audit", "white_box_redness"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["audit"], "required: MODEL"),
        ([*MODEL], "which images? give --data.root DIR"),
        ([*MODEL, "--data.root=nowhere"], "--data.root nowhere: no such file or folder"),
        ([*MODEL, "--data.root=ROOT", "--budget=soon"], "--budget soon: write a time (90s, 30min"),
        ([*MODEL, "--data.root=ROOT", "--budget=0"], "--budget 0: write a time"),
        ([*MODEL, "--data.root=ROOT", "--fail-on=shortcuts"], "did you mean 'shortcut'?"),
        ([*MODEL, "--data.root=ROOT", "--protocol=no.yaml"], "no.yaml: cannot be read"),
        ([*MODEL, "--data.root=ROOT", "--device=moon"], "device moon: "),
        ([*MODEL, "--data.root=ROOT", "--out=ROOT/images/out"], "lies in"),
        ([*MODEL, "--data.root=ROOT", "--data.masks=none"], "none: no such file or folder"),
        ([*MODEL, "--data.root=ROOT", "--bugdet=3"], "did you mean '--budget'?"),
    ],
)
def test_what_cannot_be_audited_is_one_line(
    synthetic: Path, failing: Callable[..., str], arguments: list[str], said: str
) -> None:
    given = [one.replace("ROOT", str(synthetic)) for one in arguments]
    message = failing(*given)
    assert said in message
    assert len(message.strip().splitlines()[-1]) < 400


def test_the_help_names_what_fail_on_takes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "with commas: shortcut, mixed, cannot-tell, human-interpretable" in text
    assert "effects.csv" in text
    assert "default: at most 1,000" not in text


def test_an_empty_folder_has_no_images(tmp_path: Path, failing: Callable[..., str]) -> None:
    (tmp_path / "empty").mkdir()
    assert "empty" in failing(*MODEL, "--data.root=empty")


def test_a_protocol_of_another_version_is_refused_with_the_remedy(
    synthetic: Path, tmp_path: Path, failing: Callable[..., str]
) -> None:
    path = write_protocol(tmp_path / "next.yaml", built_in() | {"version": 2})
    message = failing(*MODEL, f"--data.root={synthetic}", f"--protocol={path}")
    assert f"{path}: version is 2, and this memlab runs protocol 1; use the memlab" in message


def test_a_folder_of_other_files_is_not_taken(
    synthetic: Path, tmp_path: Path, failing: Callable[..., str]
) -> None:
    protocol = write_protocol(tmp_path / "protocol.yaml", small(("colour_anywhere",)))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("")
    given = [*MODEL, f"--data.root={synthetic}", f"--protocol={protocol}", "--out=out"]
    assert "out holds other files, and no request.json of an earlier time" in failing(*given)


@pytest.mark.slow
def test_a_plan_is_printed_and_nothing_is_written(
    synthetic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    protocol = write_protocol(tmp_path / "protocol.yaml", small(("face", "action")))
    given = [f"--data.root={synthetic}", "--data.split=all", f"--protocol={protocol}"]
    assert main([*MODEL, *given, "--plan", "--budget=2k"]) == 0
    out = capsys.readouterr().out
    assert "of the 60 images that did not train it here; memlab-audit 1 (" in out
    assert "cost      at most " in out
    assert "left out: what people do: no masks of action" in out
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_the_verdict_is_the_exit_code_for_pipelines(
    synthetic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    protocol = write_protocol(tmp_path / "protocol.yaml", small(("colour_anywhere",)))
    given = [f"--data.root={synthetic}", "--data.split=all", f"--protocol={protocol}"]
    given += ["--budget=400"]
    code = main([*MODEL, *given, "--fail-on=shortcut,cannot-tell,mixed"])
    assert code == 1
    out, err = capsys.readouterr()
    assert "verdict: " in out
    folders = list(tmp_path.glob("runs/*-audit-white_box_redness/audit-001"))
    assert len(folders) == 1
    assert f"repeat the command with --out {folders[0].relative_to(tmp_path)}" in err
    result = json.loads((folders[0] / "audit.json").read_text())
    assert result["verdict"]["verdict"] in ("shortcut", "cannot tell", "mixed")
    assert result["data"]["donors"].startswith("Donors: ")
    assert (folders[0] / "audit.html").is_file()
    (folders[0] / "shards" / "rows").mkdir(parents=True)  # killed after the last file
    assert main([*MODEL, *given]) == 0
    assert f"memlab: {folders[0].relative_to(tmp_path)} is finished" in capsys.readouterr().err
    assert not (folders[0] / "shards").exists()
    again = main([*MODEL, *given, f"--out={folders[0]}"])
    assert again == 0
    out, err = capsys.readouterr()
    assert "is finished" in err
    assert "verdict: " in out
