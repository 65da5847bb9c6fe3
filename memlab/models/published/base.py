"""Base class of predictors with fixed weights: loaded, verified, never trained."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

from torch import nn

from memlab.backbones.base import misfit
from memlab.errors import CheckpointError
from memlab.models.base import MemorabilityModel
from memlab.models.published.files import fitting, read_tensors, sha256_of


class FixedModel(MemorabilityModel):
    """Third-party predictor with the weights of one file.

    A subclass builds its network and passes it to `take`. It may override `prove`, which checks
    that the file is the right one, and `renamed`, which maps the file's keys to the network's.
    """

    about: ClassVar[dict[str, str]] = {}
    """Entries of the card: output, trained_on, licence."""
    data: ClassVar[tuple[str, ...] | None] = None
    """Names of the data sets that the model was trained on; None if unknown."""

    def take(self, network: nn.Module, path: Path) -> None:
        """Load the weights of a file into a network.

        Raises:
            CheckpointError: if the file cannot be read, is not the right one, or does not fit; the
                message names the first keys.
        """
        self.file, self.sha256 = path, sha256_of(path)
        self.prove()
        expected = network.state_dict()
        read = {self.renamed(key): value for key, value in read_tensors(path).items()}
        state = fitting(read, expected)
        problem = misfit(expected, state)
        if problem:
            raise CheckpointError(f"{path}: the weights do not fit {self.title}: {problem}")
        network.load_state_dict(state, strict=True, assign=True)
        network.requires_grad_(False)
        self.eval()

    def prove(self) -> None:
        """Check that `file`, whose hash is `sha256`, is the right one, before its tensors are read.

        The base class accepts any file.

        Raises:
            CheckpointError: if the file is not the right one.
        """

    @staticmethod
    def renamed(key: str) -> str:
        """Return the network's name of a key in the file; unchanged in the base class."""
        return key

    @property
    def card(self) -> dict[str, str]:
        """Output, training data, licence and weights of the model."""
        return {**self.about, "weights": f"{self.file.name}, SHA-256 {self.sha256}"}

    @property
    def seen_data(self) -> tuple[str, ...] | None:
        """Names of the data sets that the model was trained on; None if unknown."""
        return self.data

    def weights_id(self) -> str:
        """Return the first 16 hex digits of the SHA-256 of the file."""
        return self.sha256[:16]

    def train(self, mode: bool = True) -> Self:
        """Set evaluation mode for any `mode`, because the model is never trained."""
        return super().train(False)
