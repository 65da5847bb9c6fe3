"""Source code that the rows of an audit depend on. No torch.

An unfinished audit goes on only with the code that began it. Other parts of memlab may change
meanwhile: rows are analysed, drawn and printed once all of them are there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from sys import modules

from memlab.provenance import PACKAGES

ROOT = Path(__file__).parents[1]
ROOMS = ("ablations", "backbones", "data", "imaging", "inference", "masks", "models")
"""Rooms of memlab whose modules make rows; so do the modules that lie in no room."""
OF_AUDIT = (
    "conditions",
    "conduct",
    "population",
    "protocol",
    "protocol_fields",
    "run",
    "sample",
    "work",
)
"""Modules of the audit that make rows; its plan is kept in its folder."""
_WITH_VERSION = {"builtins", "abc", "typing", *PACKAGES}


def row_code(model: type) -> str:
    """Return the SHA-256 of the contents of all source files that make rows.

    These are the modules of `ROOMS`, those of `OF_AUDIT`, and those of memlab in no room; the
    modules of a model of memlab; the whole packages of another model and of its base classes. A
    package whose version is recorded (torch, timm and others) counts by its version alone. Dates
    and commits do not count.

    Args:
        model: class of the model.
    """
    digest = sha256()
    for path in sorted({*_of_memlab(), *_of(model)}):
        digest.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _of_memlab() -> Iterator[Path]:
    yield from ROOT.glob("*.py")
    for room in ROOMS:
        yield from (ROOT / room).rglob("*.py")
    yield from (ROOT / "audit" / f"{name}.py" for name in OF_AUDIT)


def _of(model: type) -> Iterator[Path]:
    names = {one.__module__ for one in model.__mro__}
    for name in sorted(names):
        package = name.partition(".")[0]
        if package in _WITH_VERSION - {"memlab"}:
            continue
        yield from _files(modules.get(name))
        if package != "memlab":
            yield from _files(modules.get(package))


def _files(module: object) -> Iterable[Path]:
    """Return the source files of a module, or of a package and all that it holds."""
    file = getattr(module, "__file__", None)
    folders = [Path(one) for one in getattr(module, "__path__", ())]
    inside = [path for folder in folders for path in folder.rglob("*.py")]
    return [*inside, *([] if file is None or Path(file).suffix != ".py" else [Path(file)])]
