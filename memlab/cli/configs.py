"""Configuration files by name: the user's files, and those that ship with memlab."""

from __future__ import annotations

from pathlib import Path

from memlab.errors import MemlabError, did_you_mean
from memlab.registry import say_renamed

RENAMED = {"study/prototype": "study/student-study"}
"""Old name to new name of memlab's own configurations; old names are read for one version."""


def shipped() -> Path:
    """Return the folder of memlab's own configurations, in an installed wheel or a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


def shipped_names() -> list[str]:
    """Return the names of memlab's own configurations: `quickstart`, `data/lamem`, ..."""
    folder = shipped()
    return sorted(
        path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml")
    )


def is_shipped(path: Path) -> bool:
    """Return whether a configuration is one of memlab's own."""
    return path.resolve().is_relative_to(shipped().resolve())


def find_config(name: str) -> Path:
    """Return the file that `--config NAME` refers to: a path, or else one of memlab's own.

    Raises:
        MemlabError: if neither exists; suggests the closest name.
    """
    path = Path(name)
    if path.is_file():
        return path
    stem = name.removesuffix(".yaml")
    if stem in RENAMED:
        say_renamed(stem, RENAMED[stem])
        stem = RENAMED[stem]
    shipped_file = shipped() / f"{stem}.yaml"
    if shipped_file.is_file():
        return shipped_file
    names = shipped_names()
    raise MemlabError(
        f"no configuration {name!r}{did_you_mean(name, names)} (a file, or one of: "
        f"{', '.join(names)})"
    )
