"""Modules of the folder `benchmarks`, imported for tests."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = str(Path(__file__).parents[2] / "benchmarks")


def module(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return a module of `benchmarks` by name."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    __import__(name)
    return sys.modules[name]
