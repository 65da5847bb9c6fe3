"""The rooms of the package: imports go down only, and no two rooms import each other."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

import memlab

PACKAGE = Path(memlab.__file__).parent

FLOORS = (
    "errors registry spec trust files paths outputs image_files reading values checksums numbers "
    "seeds progress stop_signals heap drawing roles types precision run_folder repeat_folder "
    "shards provenance",
    "imaging stats",
    "metrics masks",
    "data synthetic ceiling",
    "scorer backbones ablations attributions",
    "analysis",
    "inference",
    "models",
    "audit validation detection",
    "reports",
    "callbacks tracking testing",
    "export",
    "cli api __main__",
)
"""Rooms and modules of the package, from the bottom to the top."""


@cache
def imports() -> set[tuple[str, str]]:
    """Pairs of rooms of which the first imports the second, also inside functions."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room == "__init__":  # the public names come from everywhere
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.ImportFrom) and node.module == "memlab":
                names = [f"memlab.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            for name in names:
                parts = name.split(".")
                if parts[0] == "memlab" and len(parts) > 1 and parts[1] != room:
                    found.add((room, parts[1]))
    return found


def test_no_import_runs_up() -> None:
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms.split()}
    up = [f"{a} -> {b}" for a, b in sorted(imports()) if floor[b] > floor[a]]
    assert not up


def test_no_two_rooms_import_each_other() -> None:
    below: dict[str, set[str]] = {}
    for room, other in imports():
        below.setdefault(room, set()).add(other)
    for room in below:
        reached, waiting = set(), list(below[room])
        while waiting:
            other = waiting.pop()
            if other not in reached:
                reached.add(other)
                waiting += below.get(other, ())
        assert room not in reached, f"{room} imports itself by way of others"


@pytest.mark.slow
def test_statistics_need_no_torch() -> None:
    for room in ("stats", "analysis", "reports", "audit"):
        for path in (PACKAGE / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                names += [a.name for a in node.names] if isinstance(node, ast.Import) else []
                assert not any(n.split(".")[0] in ("torch", "lightning") for n in names), path


def test_no_module_is_longer_than_300_lines() -> None:
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    long = {str(path.relative_to(PACKAGE)): n for path, n in lengths.items() if n > 300}
    assert not long
