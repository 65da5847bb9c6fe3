"""Audits of several models and seeds: paired by image, hierarchical over seeds."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from memlab.analysis.run_record import ModelRecord
from memlab.audit.assessment import audit_result
from memlab.audit.compared import compare_audits, models_of
from memlab.audit.finished import FinishedAudit, again, read_audit
from memlab.audit.protocol import Protocol, read_protocol
from memlab.audit.result_file import write_result
from memlab.cli import main
from memlab.errors import DataError
from memlab.shards import write_table
from tests.builders.audit_tables import audit_tables

pytestmark = pytest.mark.slow


def model(name: str, weights: str) -> ModelRecord:
    return ModelRecord(name, {}, weights, None, "32", {}, None)


def write(folder: Path, strength: dict[str, float], record: ModelRecord, seed: int = 0) -> Path:
    """The folder of an audit of 90 of 150 images, as memlab audit writes it."""
    protocol: Protocol = read_protocol()
    few = replace(protocol, resamples=200)
    rows, conditions, records = audit_tables(
        few, strength, 90, seed, table=150, fills=1, draws=3, noise=0.03
    )
    result = replace(audit_result(rows, conditions, records, few, 0), model=record)
    folder.mkdir(parents=True)
    write_table(rows, folder, "rows")
    write_table(conditions, folder, "conditions")
    write_result(result, folder)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two seeds of a model of faces, and one network that relies on colour."""
    root = tmp_path_factory.mktemp("audits")
    return {
        "face-0": write(root / "face-0", {"face": 0.9}, model("net.Face", "a"), 1),
        "face-1": write(root / "face-1", {"face": 0.8}, model("net.Face", "b"), 2),
        "colour": write(root / "colour", {"colour_background": 0.9}, model("net.Colour", "c"), 1),
    }


@pytest.fixture(scope="module")
def audits(folders: dict[str, Path]) -> list[FinishedAudit]:
    def few(audit: FinishedAudit) -> FinishedAudit:
        return replace(audit, protocol=replace(audit.protocol, resamples=400))

    return [few(read_audit(path)) for path in folders.values()]


def test_models_that_differ_are_told_apart_on_the_same_images(
    audits: list[FinishedAudit],
) -> None:
    found = compare_audits(models_of(audits))
    assert [len(model.audits) for model in found.models] == [2, 1]
    assert found.images == 90
    decided = {one.feature: one.difference.value for one in found.differences if one.decided}
    assert decided["face"] is not None
    assert decided["face"] < 0
    assert decided["colour_background"] is not None
    assert decided["colour_background"] > 0
    assert "text" not in decided
    face = next(one for one in found.features if one.name == "face")
    assert len(face.networks["A"]) == 2
    assert face.shares["A"].method is not None
    assert "training seeds" in face.shares["A"].method
    assert any("are decided" in line for line in found.sentences)


def test_a_model_does_not_differ_from_itself(audits: list[FinishedAudit]) -> None:
    found = compare_audits([[audits[0]], [audits[0]]])
    assert {one.difference.value for one in found.differences} == {0.0}
    assert any("None of the" in line for line in found.sentences)


def test_audits_are_compared_over_their_common_images(audits: list[FinishedAudit]) -> None:
    first = audits[0]
    rows = first.rows.assign(audited=(np.arange(150) < 60).astype(int))
    changed = first.conditions[first.conditions["id"].isin(rows.loc[rows["audited"] > 0, "id"])]
    fewer = replace(first, rows=rows, conditions=changed)
    found = compare_audits([[fewer], [audits[2]]])
    assert found.images == 60
    assert "60 of up to 90 audited images are common" in found.notes[0]
    nothing = replace(first, rows=first.rows.assign(id=lambda table: "x" + table["id"]))
    with pytest.raises(DataError, match="0 audited images in common"):
        compare_audits([[nothing], [audits[2]]])


def test_a_half_of_the_images_is_analysed_again(audits: list[FinishedAudit]) -> None:
    audit = audits[0]
    whole = again(audit)
    assert whole.feature("face").compared == audit.result.feature("face").compared
    ids = audit.rows.loc[audit.rows["audited"] > 0, "id"]
    halves = [again(audit, set(ids[start::2])) for start in (0, 1)]
    assert sum(half.sample.audited for half in halves) == 90
    assert all(half.feature("face").claim.claim == "relies" for half in halves)


def test_the_command_writes_table_and_figure(
    folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "comparison"
    given = [str(path) for path in (folders["face-0"], folders["colour"])]
    assert main(["compare", *given, "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "differences, paired by image" in text
    assert (out / "compared-audits.png").is_file()
    table = pd.read_csv(out / "compare.csv")
    assert set(table["kind"]) == {"T", "difference"}


def test_bad_input_is_one_line(
    folders: dict[str, Path], tmp_path: Path, failing: Callable[..., str]
) -> None:
    first = str(folders["face-0"])
    assert "give two audits" in failing("compare", first)
    assert "given twice" in failing("compare", first, first)
    assert "no audit.json in it" in failing("compare", first, str(tmp_path))
    assert "leave it out" in failing("compare", first, first, "--people", first)


@pytest.mark.parametrize(("table", "column"), [("rows", "audited"), ("conditions", "id")])
def test_a_table_without_a_column_is_one_line(
    folders: dict[str, Path], tmp_path: Path, failing: Callable[..., str], table: str, column: str
) -> None:
    copy = Path(shutil.copytree(folders["colour"], tmp_path / "copy"))
    path = copy / f"{table}.parquet"
    pd.read_parquet(path).drop(columns=column).to_parquet(path, write_page_checksum=True)
    message = failing("compare", str(folders["face-0"]), str(copy))
    assert f"{path}: damaged: no column {column}; audit the model again" in message


def test_more_models_than_letters_are_refused(
    folders: dict[str, Path], failing: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memlab.audit.compared.LETTERS", "A")
    message = failing("compare", *map(str, folders.values()))
    assert "2 models: at most 1 are compared at once; give fewer audits" in message
