"""What tests of interrupted runs compare with."""

from __future__ import annotations

from pathlib import Path

import pytest

from memlab.cli import main
from tests.builders.interrupted_runs import FIT


@pytest.fixture
def data(synthetic: Path) -> list[str]:
    """The command of a run that may be cut off."""
    return [*FIT, f"--data.root={synthetic}", "--data.source=csv"]


@pytest.fixture(scope="session")
def whole(synthetic: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of this command that was not cut off."""
    run = tmp_path_factory.mktemp("whole") / "run"
    assert main([*FIT, f"--data.root={synthetic}", "--data.source=csv", f"--run={run}"]) == 0
    return run
