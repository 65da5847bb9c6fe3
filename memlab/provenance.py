"""Provenance of a result: code, versions and device."""

from __future__ import annotations

import functools
import platform
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from memlab.files import fingerprint, state_of
from memlab.registry import plugin_of

_VERSIONED = {"builtins", "abc", "typing", "torch", "lightning"}
"""Packages whose version identifies their source code."""

PACKAGES = (
    "memlab",
    "torch",
    "torchvision",
    "lightning",
    "timm",
    "kornia",
    "numpy",
    "scipy",
    "pandas",
    "pillow",
    "torchmetrics",
)


def now() -> str:
    """Return the time in UTC, ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@functools.cache
def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that can change a number."""
    by_package = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            by_package[name] = version(name)
        except PackageNotFoundError:  # vendored or renamed
            by_package[name] = "unknown"
    return by_package


@functools.cache
def commit() -> str | None:
    """Return the commit of memlab's checkout, with `+changes` if edited; None elsewhere."""
    folder = Path(__file__).parents[1]
    if not (folder / ".git").exists():
        return None

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changes = "+changes" if git("status", "--porcelain", "--untracked-files=no") else ""
        return git("rev-parse", "HEAD") + changes
    except (OSError, subprocess.CalledProcessError):
        return None


def plugins_used(classes: Iterable[type[Any]]) -> list[dict[str, str]]:
    """Return name, group, distribution and version of the plugins that define the given classes."""
    used = {plugin_of(cls) for cls in classes}
    return [
        {
            "group": plugin.group,
            "name": plugin.name,
            "distribution": plugin.distribution,
            "version": plugin.version,
        }
        for plugin in sorted(
            (plugin for plugin in used if plugin), key=lambda plugin: (plugin.group, plugin.name)
        )
    ]


def states_of(paths: Iterable[Path]) -> str:
    """Return a fingerprint of files' names, sizes and dates, which shows that one has changed."""
    return fingerprint("\n".join(map(_state, paths)))


def sources_of(classes: Iterable[type[Any]]) -> list[str]:
    """Return the state of all source files in the packages of classes and their base classes."""
    modules = {one.__module__ for cls in classes for one in cls.__mro__}
    found: set[str] = set()
    for name in {module.partition(".")[0] for module in modules} - _VERSIONED:
        module = sys.modules.get(name)
        file = getattr(module, "__file__", None)
        if file is not None:
            found.add(_state(Path(file)))
        for folder in getattr(module, "__path__", ()):
            found.update(map(_state, Path(folder).rglob("*.py")))
    return sorted(found)


def _state(path: Path) -> str:
    return f"{path}\0{state_of(path)}"
