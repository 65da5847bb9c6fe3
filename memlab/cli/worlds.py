"""Worlds by name or file, for `memlab data synthetic --world`. Standard library and YAML only."""

from __future__ import annotations

from argparse import ArgumentTypeError
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memlab.cli.configs import shipped
from memlab.errors import MemlabError, did_you_mean
from memlab.reading import read_yaml

if TYPE_CHECKING:
    from memlab.synthetic import World


def worlds() -> dict[str, str]:
    """Return the built-in worlds, in order, each with the first line of its file as description."""
    files = (shipped() / "worlds").glob("*.yaml")
    ordered = sorted(files, key=lambda path: (len(path.stem), path.stem))
    return {
        path.stem: path.read_text(encoding="utf-8").partition("\n")[0].partition(": ")[2]
        for path in ordered
    }


def read_world(name: str, **changed: Any) -> tuple[World, dict[str, Any]]:
    """Return a world, and the image count, seed, size and style that its file gives.

    Args:
        name: a built-in name or a file: a configuration for fit whose source is synthetic, or a
            bare declaration.
        changed: fields of the world to change; None keeps a field.

    Raises:
        MemlabError: if the world does not exist or is invalid; names the file and the problem.
    """
    path = _find(name)
    tree = read_yaml(path)
    try:
        arguments = dict(tree["data"]["source"]["init_args"]) if "data" in tree else {"world": tree}
        declared = {"name": path.stem, **arguments.pop("world")}
    except (TypeError, KeyError, ValueError):
        example = shipped() / "worlds" / "W2.yaml"
        raise MemlabError(f"{path}: no world in it; declare one as {example} does") from None

    from memlab.synthetic import STYLES, Declaration, World

    allowed = [name for name in Declaration._fields if name != "world"]
    for key, value in arguments.items():
        if key not in allowed:
            close = did_you_mean(str(key), allowed)
            raise MemlabError(
                f"{path}: unknown key {key!r}{close} (there are: world, {', '.join(allowed)})"
            )
        kinds = {"style": STYLES, "masks": ("exact", "degraded")}.get(key)
        if kinds and value not in (None, *kinds):
            raise MemlabError(f"{path}: {key} {value!r}: {' or '.join(kinds)}")
        if key in ("n", "seed", "size") and value is not None and type(value) is not int:
            raise MemlabError(f"{path}: {key} {value!r}: a whole number")
    known = [field.name for field in fields(World)]
    for key in declared:
        if key not in known:
            close = did_you_mean(str(key), known)
            raise MemlabError(f"{path}: unknown key {key!r}{close} (there are: {', '.join(known)})")
    declared |= {name: value for name, value in changed.items() if value is not None}
    try:
        return World(**declared), arguments
    except MemlabError as error:
        raise error if any(changed.values()) else MemlabError(f"{path}: {error}") from error


def weights(text: str) -> dict[str, float]:
    """Parse an option's value such as `face=1,face*text=.5`."""
    by_term = {}
    for part in text.split(","):
        term, _, weight = part.partition("=")
        try:
            by_term[term.strip()] = float(weight)
        except ValueError:
            raise ArgumentTypeError(f"{part!r}: write face=1,text=.5") from None
    return by_term


def _find(name: str) -> Path:
    path = Path(name)
    if path.is_file():
        return path
    shipped_file = shipped() / "worlds" / f"{name}.yaml"
    if shipped_file.is_file():
        return shipped_file
    names = list(worlds())
    raise MemlabError(
        f"no world {name!r}{did_you_mean(name, names)} (a file, or one of: {', '.join(names)})"
    )
