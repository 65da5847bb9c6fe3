"""Weights inside installed packages, read as files without importing the packages."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from memlab.errors import MissingWeightsError
from memlab.models.published.files import sha256_of


@dataclass(frozen=True)
class Carried:
    """File of weights, and its origin.

    Args:
        path: the file.
        origin: `distribution version`, or empty for a file of the user.
    """

    path: Path
    origin: str

    def id(self) -> str:
        """Return origin, name and SHA-256 of the weights in one line."""
        return f"{self.origin} {self.path.name} sha256:{sha256_of(self.path)}".lstrip()


def carried_by(package: str, name: str, install: str) -> Carried:
    """Return a file of an installed package.

    Args:
        package: name of the distribution.
        name: name of the file.
        install: command that installs the package, for the message.

    Raises:
        MissingWeightsError: if the package is not installed, or has no such file.
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
    """Return the error for a package that is not installed."""
    return MissingWeightsError(f"{package} is not installed; try: {install}")
