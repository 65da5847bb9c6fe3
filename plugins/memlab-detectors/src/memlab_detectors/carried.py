"""Weights that installed packages carry: read from their files, nothing of theirs is imported."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from memlab.errors import MissingWeightsError
from memlab.models.published.files import sha256_of


@dataclass(frozen=True)
class Carried:
    """A file of weights, and what it came with.

    Args:
        path: the file.
        origin: `distribution version`, or where the user keeps it.
    """

    path: Path
    origin: str

    def id(self) -> str:
        """Which weights these are, in a line: their origin, name and SHA-256."""
        return f"{self.origin} {self.path.name} sha256:{sha256_of(self.path)}".lstrip()


def carried_by(package: str, name: str, install: str) -> Carried:
    """A file that an installed package carries.

    Args:
        package: name of the distribution.
        name: of the file.
        install: the command that installs the package, for the message.

    Raises:
        MissingWeightsError: if the package is not installed, or carries no such file.
    """
    try:
        found = distribution(package)
    except PackageNotFoundError as error:
        raise missing(package, install) from error
    for file in found.files or ():
        if file.name == name:
            return Carried(Path(str(found.locate_file(file))), f"{package} {found.version}")
    raise MissingWeightsError(f"{package} {found.version} carries no {name}; try: {install}")


def missing(package: str, install: str) -> MissingWeightsError:
    """What is said where a package is not installed."""
    return MissingWeightsError(f"{package} is not installed; try: {install}")
