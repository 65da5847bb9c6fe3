"""The source code that rows depend on: an audit goes on after any other change."""

from __future__ import annotations

from pathlib import Path

import pytest

from memlab.audit import row_code as module
from memlab.audit.row_code import OF_AUDIT, ROOMS, row_code


class Model:
    """A model of no package."""


@pytest.fixture
def memlab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small copy of the package's folders."""
    names = [*(f"{room}/deep/one.py" for room in ROOMS), "seeds.py", "reports/page.py"]
    names += [f"audit/{name}.py" for name in (*OF_AUDIT, "verdict")]
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["ablations/deep/one.py", "seeds.py", "audit/run.py"])
def test_a_change_of_what_makes_rows_is_seen(memlab: Path, name: str) -> None:
    before = row_code(Model)
    (memlab / name).write_text("x = 2\n")
    assert row_code(Model) != before


def test_reports_verdicts_dates_and_commits_do_not_count(memlab: Path) -> None:
    before = row_code(Model)
    for name in ("reports/page.py", "audit/verdict.py"):
        (memlab / name).write_text("x = 2\n")
    (memlab / "seeds.py").touch()
    assert row_code(Model) == before


def test_the_named_modules_exist() -> None:
    root = Path(module.__file__).parents[1]
    assert all((root / room).is_dir() for room in ROOMS)
    assert all((root / "audit" / f"{name}.py").is_file() for name in OF_AUDIT)
