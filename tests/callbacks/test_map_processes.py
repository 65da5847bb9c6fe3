"""Maps of a test do not depend on the number of processes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from memlab.cli import main
from memlab.synthetic import write
from tests.builders.commands import QUIET, results
from tests.builders.processes import two_processes


@pytest.mark.slow
def test_two_processes_give_the_maps_of_one(finished: Path) -> None:
    root = write(Path("data"), n=20, seed=5, size=64).parent
    methods = ["grad_cam", "contrast_cam", "integrated_gradients"]
    more = [f"--attribution={name}" for name in methods]
    more += ["--ablation=none", "--maps=5", "--data.batch_size=4", *QUIET]
    more += [f"--data.root={root}", "--data.split=0/0/100"]
    assert main(["test", "--run", str(finished), *more]) == 0
    found = two_processes("test", "--run", str(finished), *more)
    assert set(found.codes) == {0}, found.stderr
    one, two = sorted(finished.glob("test-*"))
    assert results(two)["provenance"]["processes"] == 2
    for name in methods:
        ours, theirs = (np.load(folder / "maps" / f"{name}.npz") for folder in (one, two))
        assert ours["id"].tolist() == theirs["id"].tolist()
        assert len(ours["id"]) == 5
        assert np.abs(ours["maps"]).max() > 0
        for figure in ("maps", "predicted"):
            assert np.allclose(ours[figure], theirs[figure], atol=1e-5)
