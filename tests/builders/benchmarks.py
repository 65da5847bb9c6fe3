"""Modules of the folder `benchmarks`, which is no package."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = str(Path(__file__).parents[2] / "benchmarks")


def module(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import a module of the folder, which is on the path during the test."""
    monkeypatch.syspath_prepend(FOLDER)
    __import__(name)
    return sys.modules[name]
