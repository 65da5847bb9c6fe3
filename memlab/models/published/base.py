"""What predictors with fixed weights share: they are loaded, proven, never trained."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

from torch import nn

from memlab.backbones.base import misfit
from memlab.errors import CheckpointError
from memlab.models.base import MemorabilityModel
from memlab.models.published.files import fitting, read_tensors, sha256_of


class FixedModel(MemorabilityModel):
    """A predictor that somebody else trained, with the weights of one file.

    A subclass makes its network and hands it to `take`. It may say which file is the right one
    (`prove`), and what the file calls the network's parts (`renamed`).
    """

    about: ClassVar[dict[str, str]] = {}
    """Of the card: output, trained_on, licence."""
    data: ClassVar[tuple[str, ...] | None] = None
    """Names of the data sets that it was trained on."""

    def take(self, network: nn.Module, path: Path) -> None:
        """Give a network the weights of a file.

        Raises:
            CheckpointError: if the file cannot be read, is not the right one, or does not fit;
                names the first keys.
        """
        self.file, self.sha256 = path, sha256_of(path)
        self.prove()
        wanted = network.state_dict()
        read = {self.renamed(key): value for key, value in read_tensors(path).items()}
        state = fitting(read, wanted)
        problem = misfit(wanted, state)
        if problem:
            raise CheckpointError(f"{path}: the weights do not fit {self.title}: {problem}")
        network.load_state_dict(state, strict=True, assign=True)
        network.requires_grad_(False)
        self.eval()

    def prove(self) -> None:
        """See that `file`, of the hash `sha256`, is the right one; it has not been read yet.

        Raises:
            CheckpointError: if it is not. Here any file will do.
        """

    @staticmethod
    def renamed(key: str) -> str:
        """A name in the file as the network calls it: the same, here."""
        return key

    @property
    def card(self) -> dict[str, str]:
        """What it predicts, what it was trained on, whose weights these are."""
        return {**self.about, "weights": f"{self.file.name}, SHA-256 {self.sha256}"}

    @property
    def seen_data(self) -> tuple[str, ...] | None:
        """Names of the data sets that it was trained on; None where that is not known."""
        return self.data

    def weights_id(self) -> str:
        """First 16 hex digits of the SHA-256 of the file."""
        return self.sha256[:16]

    def train(self, mode: bool = True) -> Self:
        """Evaluation mode, whatever is asked for: it is not trained here."""
        return super().train(False)
