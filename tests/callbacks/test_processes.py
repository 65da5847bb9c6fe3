"""memlab as a process of its own: trackers, and several processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from memlab import load
from memlab.cli import main
from memlab.synthetic import write
from tests.builders.commands import PLAIN, QUIET, TINY, results
from tests.builders.processes import TWO, program, two_processes

pytestmark = pytest.mark.slow


@pytest.mark.slow
def test_wandb_offline_gets_metrics_config_table_and_images(
    synthetic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    arguments = [f"--data.root={synthetic}", "--data.image_size=64", "--run=runs/w", *TINY]
    arguments += ["--config=tracking/wandb", "--ablation=blur", "--figures=pdf"]
    found = program("fit", *arguments)
    assert found.returncode == 0, found.stderr
    same = Path("runs/w/fit/wandb-id.txt").read_text()
    assert (Path("runs/w/fit/metrics.csv")).is_file()
    (offline,) = Path("runs/w/fit/wandb").glob("offline-run-*")
    assert offline.name.endswith(f"-{same}")  # so that a run that goes on joins it
    media = {path.name.split("_")[0] for path in (offline / "files" / "media").rglob("*.*")}
    assert {"ablations", "ablation-effects", "predicted-against-true", "grad"} <= media
    maps = list((offline / "files" / "media" / "images" / "maps").glob("grad_cam_*.png"))
    assert len(maps) == 12


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "skipped", "ablations"),
    [(21, 2, ["all"]), (20, 1, ["blur", "remove_faces"])],
    ids=["odd, all ablations", "even"],
)
def test_two_processes_give_the_rows_of_one(
    finished: Path, count: int, skipped: int, ablations: list[str]
) -> None:
    # others than it was trained on: those are never tested
    root = write(Path("data"), n=20, seed=5, size=64).parent
    table = pd.read_csv(root / "synthetic.csv").drop(columns="split", errors="ignore")
    table = pd.concat([table, table.assign(image="again.png").head(1)]).head(count)
    shutil.copy(root / table["image"].iloc[1], root / "again.png")
    for name in table["image"].iloc[[7, 15][:skipped]]:
        (root / name).write_bytes(b"not an image")
    table.assign(split="test").to_csv(root / "synthetic.csv", index=False)
    more = [f"--ablation={name}" for name in ablations]
    more += ["--controls=1", "--maps=0", "--data.batch_size=4", "--data.on_error=skip", *QUIET]
    more += [f"--data.root={root / 'synthetic.csv'}", "--data.source=csv"]
    assert main(["test", "--run", str(finished), *more]) == 0
    found = two_processes("test", "--run", str(finished), *more)
    assert set(found.codes) == {0}, found.stderr
    one, two = sorted(finished.glob("test-*"))
    assert results(two)["provenance"]["processes"] == 2
    assert results(one)["n"] == results(two)["n"] == count - skipped
    assert results(one)["data"]["skipped"] == results(two)["data"]["skipped"]
    assert len(results(one)["data"]["skipped"]) == skipped
    for table in ("rows.csv", "conditions.csv"):
        ours, theirs = pd.read_csv(one / table), pd.read_csv(two / table)
        derived = ["predicted", "percentile"]  # rounding may carry a score past a label
        kept = [other.drop(columns=derived, errors="ignore") for other in (ours, theirs)]
        assert kept[0].equals(kept[1])
        assert np.abs(ours["predicted"] - theirs["predicted"]).max() < 1e-5
    for name, statistic in results(one)["metrics"].items():
        # relative, too: a slope over predictions that hardly differ is large
        expected = pytest.approx(statistic["value"], abs=1e-5, rel=1e-5)
        assert results(two)["metrics"][name]["value"] == expected


@pytest.mark.slow
def test_controls_and_donors_do_not_depend_on_batches_workers_or_processes(
    run: Path, tmp_path: Path
) -> None:
    """With masks, donors from the other splits, and an odd number of images."""
    finished = Path(shutil.copytree(run, "runs/tiny"))
    root = write(Path("data"), n=65, seed=4, size=64).parent
    asked = ["--ablation=remove_faces", "--ablation=blur", "--ablation.region=faces"]
    asked += ["--ablation=swap_palette", "--ablation=swap_background", "--ablation=center_crop"]
    asked += ["--controls=2", "--maps=0", f"--data.root={root}", "--data.split=70/10/20", *QUIET]
    batches = [(7, 0), (1, 0), (3, 2)]
    for size, workers in batches:
        more = [f"--data.batch_size={size}", f"--data.num_workers={workers}"]
        assert main(["test", "--run", str(finished), *asked, *more]) == 0
    found = two_processes("test", "--run", str(finished), *asked, "--data.batch_size=4")
    assert set(found.codes) == {0}, found.stderr
    folders = sorted(finished.glob("test-*"))
    assert results(folders[-1])["provenance"]["processes"] == 2
    first = pd.read_csv(folders[0] / "conditions.csv")
    count = results(folders[0])["n"]
    assert count == 13
    assert not first.duplicated(["condition", "draw", "id"]).any()
    assert (first.groupby(["condition", "draw"])["id"].nunique() == count).all()
    assert {"own", "matched"} <= set(first["position"].dropna())
    donor_ids = set(first["donor"].dropna())
    assert len(donor_ids) > count
    assert donor_ids.isdisjoint(first["id"])
    for folder in folders[1:]:
        assert results(folder)["n"] == count
        pd.testing.assert_frame_equal(
            pd.read_csv(folder / "conditions.csv"), first, check_exact=False, rtol=0, atol=1e-5
        )


@pytest.mark.slow
def test_a_image_that_one_process_cannot_read_ends_both_in_a_line(
    finished: Path, synthetic: Path
) -> None:
    root = Path(shutil.copytree(synthetic, "data"))
    bad = pd.read_csv(finished / "fit" / "rows.csv")["id"].iloc[1]
    (root / bad).write_bytes(b"not an image")
    data = [f"--data.root={root / 'synthetic.csv'}", "--data.source=csv"]
    found = two_processes("test", "--run", str(finished), *data, *PLAIN, *QUIET)
    assert set(found.codes) == {2}, found.stderr
    assert f"{bad}: cannot be read: not an image" in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.slow
def test_processes_of_torchrun_share_a_folder(synthetic: Path) -> None:
    found = subprocess.run(
        [
            *[sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"],
            *[
                "-m",
                "memlab",
                "fit",
                f"--data.root={synthetic}",
                "--data.image_size=64",
                *TINY,
                *TWO,
                *PLAIN,
            ],
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert found.returncode == 0, found.stderr
    (run,) = Path("runs").iterdir()
    assert results(run / "fit")["provenance"]["processes"] == 2
    assert len(pd.read_csv(run / "fit" / "rows.csv")) == 12
    residuals = load(run).calibration.residuals
    assert residuals is not None
    assert len(residuals) == 6  # those of both processes
