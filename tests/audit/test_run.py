"""Audits of small rendered worlds: the plan, the rows, and what goes on after a stop."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import memlab
from memlab.audit.conduct import Prepared, carry_out
from memlab.audit.plan import AuditPlan
from memlab.audit.result import AuditResult
from memlab.cli.audit import Asked, prepare_audit
from memlab.errors import MemlabError
from memlab.models.load import load
from memlab.shards import ShardWriter
from memlab.synthetic import write
from tests.builders.protocols import small, write_protocol

N = 24


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("world")
    write(root, n=N, seed=5, size=64)
    return root


@pytest.fixture
def protocol(tmp_path: Path) -> Path:
    return write_protocol(tmp_path / "protocol.yaml", small())


def prepared(world: Path, protocol: Path, **options: Any) -> Prepared:
    model = load("white_box_redness")
    asked = Asked("white_box_redness", world, split="all", protocol=protocol, shown=False)
    return prepare_audit(model, Asked(**{**vars(asked), **options}))


def audit(world: Path, protocol: Path, out: Path, **options: Any) -> AuditResult:
    given: dict[str, Any] = {"split": "all", "protocol": protocol, "progress": False}
    return memlab.audit("white_box_redness", world, out=out, **{**given, **options})


def rows_of(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    return tuple(pd.read_parquet(folder / f"{name}.parquet") for name in ("rows", "conditions"))  # type: ignore[return-value]


def counted(one: Prepared, plan: AuditPlan, folder: Path) -> tuple[int, int]:
    """Images that the model scored, and those that the tables say it scored."""
    seen = []
    hook = one.model.register_forward_pre_hook(lambda _, images: seen.append(len(images[0])))
    finished = carry_out(one, plan, folder)
    hook.remove()
    return sum(seen), finished.forwards


def test_the_planned_forward_passes_are_those_that_are_made(world: Path, tmp_path: Path) -> None:
    """Without matched controls, which may find no room, the numbers are equal."""
    content = small(("colour_anywhere", "colour_background", "layout"))
    path = write_protocol(tmp_path / "plain.yaml", content | {"display_share": 0.2})
    one = prepared(world, path)
    plan = one.plan()
    scored, told = counted(one, plan, tmp_path / "out")
    assert plan.forwards == scored == told == plan.expected_forwards
    assert plan.clean_forwards == N
    assert len(plan.displayed) == np.ceil(0.2 * N)


@pytest.mark.slow
def test_controls_without_room_make_fewer_passes_than_planned(world: Path, protocol: Path) -> None:
    one = prepared(world, protocol)
    plan = one.plan()
    scored, told = counted(one, plan, protocol.parent / "out")
    assert scored == told <= plan.forwards
    assert scored >= 0.6 * plan.forwards


@pytest.mark.slow
def test_rows_do_not_depend_on_the_batches(world: Path, protocol: Path, tmp_path: Path) -> None:
    plan = prepared(world, protocol).plan()
    one, other = (
        carry_out(prepared(world, protocol, batch_size=size), plan, tmp_path / f"out-{size}")
        for size in (5, 24)
    )
    pd.testing.assert_frame_equal(one.rows, other.rows, rtol=0, atol=1e-6)
    pd.testing.assert_frame_equal(one.conditions, other.conditions, rtol=0, atol=1e-4)


@pytest.mark.slow
def test_a_stopped_audit_goes_on_to_the_same_rows(
    world: Path, protocol: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = audit(world, protocol, tmp_path / "whole", batch_size=6)
    out, writes = tmp_path / "stopped", []
    write_shard = ShardWriter.write

    def stop(self: ShardWriter, rows: pd.DataFrame, batch: int) -> None:
        if self.folder.name == "conditions" and batch == 2:
            raise KeyboardInterrupt
        write_shard(self, rows, batch)

    def note(self: ShardWriter, rows: pd.DataFrame, batch: int) -> None:
        writes.append((self.folder.name, batch))
        write_shard(self, rows, batch)

    monkeypatch.setattr(ShardWriter, "write", stop)
    with pytest.raises(KeyboardInterrupt):
        audit(world, protocol, out, batch_size=6)
    with pytest.raises(MemlabError, match="holds an audit with seed 0, not 1; repeat its own"):
        audit(world, protocol, out, batch_size=6, seed=1)
    plan = json.loads((out / "plan.json").read_text())
    monkeypatch.setattr(ShardWriter, "write", note)
    resumed = audit(world, protocol, out, batch_size=6)
    assert writes == [("conditions", 2), ("conditions", 3)]
    assert json.loads((out / "plan.json").read_text()) == plan
    for one, other in zip(rows_of(tmp_path / "whole"), rows_of(out), strict=True):
        pd.testing.assert_frame_equal(one, other)
    assert resumed.features == whole.features
    assert not (out / "shards").exists()
    (out / "shards" / "rows").mkdir(parents=True)  # killed after the last file was written
    again = audit(world, protocol, out, batch_size=6)  # finished: it is read
    assert not (out / "shards").exists()
    assert len(writes) == 2
    assert again.verdict == resumed.verdict


def test_a_large_batch_is_kept_in_small_shards(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed audit loses at most a shard, whatever the batch size."""
    monkeypatch.setattr("memlab.audit.run.SHARD", 10)
    path = write_protocol(tmp_path / "plain.yaml", small(("colour_anywhere",)))
    one = prepared(world, path, batch_size=128)
    carry_out(one, one.plan(), tmp_path / "out")
    shards = sorted((tmp_path / "out" / "shards" / "conditions").glob("*.parquet"))
    assert [pd.read_parquet(shard)["id"].nunique() for shard in shards] == [10, 10, 4]


@pytest.mark.slow
def test_a_budget_sets_the_number_of_images_and_weights_say_so(
    world: Path, protocol: Path, tmp_path: Path
) -> None:
    one = prepared(world, protocol)
    everything = one.plan().forwards
    budget = str(everything - 30)
    out = tmp_path / "out"
    audit(world, protocol, out, budget=budget)
    rows, conditions = rows_of(out)
    chosen = rows[rows["audited"] == 1]
    assert 20 <= len(chosen) < N == len(rows)
    assert set(conditions["id"]) == set(chosen["id"])
    assert chosen["weight"].sum() == pytest.approx(N)
    assert dict(zip(rows["id"], rows["stratum"], strict=True)) == one.strata.to_dict()
    drawn = json.loads((out / "plan.json").read_text())["strata"]
    represents = {each["name"]: each["images"] / each["audited"] for each in drawn}
    assert len(represents) > 1
    assert chosen["weight"].tolist() == pytest.approx(chosen["stratum"].map(represents).tolist())
    assert rows.loc[rows["audited"] == 0, "weight"].isna().all()
    assert set(rows["face"]) == {0.0, 1.0}
    faces = set(rows.loc[rows["face"] == 1, "id"])
    removed = conditions[(conditions["ablation"] == "remove_faces") & conditions["eligible"]]
    assert set(removed["id"]) <= faces
    assert (out / "protocol.yaml").read_bytes() == protocol.read_bytes()
    assert one.protocol.sha256 == json.loads((out / "audit.json").read_text())["protocol"]["sha256"]


def test_a_budget_that_is_too_small_says_what_it_would_need(world: Path, protocol: Path) -> None:
    with pytest.raises(MemlabError) as error:
        prepared(world, protocol, budget="60").plan()
    assert str(error.value).startswith("--budget 60: too small to detect anything: 20 images")
    assert "forward passes" in str(error.value)


def test_images_without_masks_are_measured_anywhere(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = small(("face", "colour_background", "colour_anywhere"))
    content["features"][-1] |= {"stands_in_for": "colour_background"}
    path = write_protocol(tmp_path / "protocol.yaml", content)
    one = prepared(world / "images", path)
    assert set(one.work.features) == {"colour_anywhere"}
    assert one.work.left_out == {
        "face": "no masks of faces",
        "colour_background": "no masks of background",
    }
    notes = " ".join(one.notes(one.plan()))
    assert "There are no masks" in notes


@pytest.mark.slow
def test_a_model_that_gives_one_score_cannot_be_told(world: Path, protocol: Path) -> None:
    result = memlab.audit(
        "white_box_constant",
        world,
        split="all",
        protocol=protocol,
        out=protocol.parent / "out",
        progress=False,
    )
    assert result.verdict.verdict == "cannot tell"
    assert any("same score" in note for note in result.notes)
    conditions = rows_of(protocol.parent / "out")[1]
    eligible = conditions[conditions["eligible"]]
    assert eligible["predicted"].nunique() == 1


def test_a_family_that_no_image_has_is_left_out_with_the_reason(
    world: Path, protocol: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "faceless"
    shutil.copytree(world, copy)
    table = pd.read_csv(copy / "synthetic.csv")
    table[table["face"] + table["person"] == 0].to_csv(copy / "synthetic.csv", index=False)
    one = prepared(copy, protocol)
    assert one.work.left_out["face"].startswith("faces are in none of the ")


@pytest.mark.slow
def test_images_of_a_run_are_those_it_was_not_trained_on(run: Path, synthetic: Path) -> None:
    kept = pd.read_csv(run / "fit" / "split.csv").set_index("id")["split"]
    model = load(run)
    one = prepare_audit(model, Asked(str(run), synthetic, shown=False))
    assert set(one.population.rows["id"]) == set(kept.index[kept != "train"])
    assert set(one.population.others["id"]) == set(kept.index[kept == "train"])
    donors, notes = one.donors(one.plan())
    assert donors is not None
    assert not donors.among_themselves
    assert "training images" in notes[0]
