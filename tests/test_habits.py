"""What holds of the tests themselves: who imports what, how long files are, where they stand."""

from __future__ import annotations

import ast
from pathlib import Path

import memlab

TESTS = Path(__file__).parent
PLUGINS = TESTS.parent / "plugins"


def imported(path: Path) -> set[str]:
    """Names of modules that a file imports, also inside functions; `a.b` for `from a import b`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return found


def test_no_test_imports_another_test() -> None:
    """Shared builders are modules of `tests/builders`; fixtures come from conftest by name."""
    paths = [*TESTS.rglob("*.py"), *PLUGINS.glob("*/tests/**/*.py")]
    assert len([path for path in paths if path.name.startswith("test_")]) > 90
    wrong = [
        f"{path.relative_to(TESTS.parent)} imports {name}"
        for path in paths
        for name in sorted(imported(path))
        if any(part.startswith("test_") or part == "conftest" for part in name.split("."))
    ]
    assert not wrong


def test_no_file_of_tests_is_too_long_to_read() -> None:
    long = {
        str(path.relative_to(TESTS)): count
        for path in TESTS.rglob("*.py")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 300
    }
    assert not long


def test_every_room_with_tests_has_a_folder_of_its_own_name() -> None:
    rooms = {path.name for path in Path(memlab.__file__).parent.iterdir() if path.is_dir()}
    folders = {path.parent.name for path in TESTS.rglob("*/test_*.py") if path.parent != TESTS}
    assert folders <= rooms
