"""What holds of the tests themselves: no test module needs another one."""

from __future__ import annotations

import ast
from pathlib import Path

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
