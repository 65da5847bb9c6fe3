"""Records of what made a result: code and machine, model, data. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Plugin:
    """Plugin that took part in a command."""

    group: str
    name: str
    distribution: str
    version: str


@dataclass(frozen=True)
class Provenance:
    """Code and machine of a command.

    Args:
        commit: commit of memlab's checkout, with `+changes` if edited; None if installed.
        versions: versions of Python and of the packages that can change a number.
        plugins: plugins that took part.
        device: device of the computation.
        processes: number of processes.
    """

    commit: str | None
    versions: dict[str, str]
    plugins: list[Plugin]
    device: str
    processes: int


@dataclass(frozen=True)
class ModelRecord:
    """Tested model.

    Args:
        class_path: class of the model.
        init_args: arguments of the class, as plain data.
        weights_id: hash of the weights.
        checkpoint: file of the weights, if one was read.
        precision: precision of the predictions.
        card: description, licence and source that a published model states.
        seen_data: data sets that the model's weights were trained on, as far as known.
    """

    class_path: str
    init_args: dict[str, Any]
    weights_id: str | None
    checkpoint: str | None
    precision: str
    card: dict[str, Any]
    seen_data: list[str] | None


@dataclass(frozen=True)
class StrengthRecord:
    """Strength of a ridge head that cross-validation compared.

    Args:
        strength: strength of the penalty, `alpha` of scikit-learn; None for the constant model,
            which is the limit of infinite strength.
        mse: mean squared error of the predictions of held-out training images.
        spearman: Spearman correlation of these predictions with the scores; None if undefined.
    """

    strength: float | None
    mse: float
    spearman: float | None


@dataclass(frozen=True)
class RidgeRecord:
    """Ridge head that was solved before training; see `memlab.stats.ridge`.

    Args:
        n: number of training images.
        features: number of features.
        folds: number of folds of the cross-validation among the training images.
        seed: seed of the folds.
        chosen: the strength with the least mean squared error.
        candidates: all strengths, from the weakest to the constant model.
    """

    n: int
    features: int
    folds: int
    seed: int
    chosen: StrengthRecord
    candidates: list[StrengthRecord]


@dataclass(frozen=True)
class SkippedImage:
    """Image without a prediction."""

    id: str
    split: str | None
    reason: str


@dataclass(frozen=True)
class SplitRecord:
    """Rule that assigned the images to splits; see `memlab.data.split_use.SplitRule`."""

    rule: str
    evaluated: int
    of: int
    left_out: dict[str, int]
    sha256: str | None
    notes: list[str]


@dataclass(frozen=True)
class DataRecord:
    """Data of a command.

    Args:
        root: folder of the images.
        origin: file or folder that was read.
        source: class and arguments of the data source.
        split: split as given.
        split_seed: seed of a random split.
        images: split to number of images.
        split_rule: rule that assigned the images to splits.
        donors: where donors came from, if any were needed.
        fingerprint: hash of the table.
        decoder: name and version of the image decoder.
        geometry: how images were brought to the size of the model.
        empty_masks: what an empty mask means, if the user said so.
        masks: region to the origin of its masks, and their counts.
        skipped: images without a prediction.
    """

    root: str
    origin: str
    source: dict[str, Any]
    split: int | str | None
    split_seed: int
    images: dict[str, int]
    split_rule: SplitRecord | None
    donors: str | None
    fingerprint: str
    decoder: str
    geometry: dict[str, Any]
    empty_masks: str | None
    masks: dict[str, dict[str, Any]]
    skipped: list[SkippedImage]


def data_record(described: dict[str, Any]) -> DataRecord:
    """Return `MemorabilityData.describe()` as a record."""
    rule = described["split_rule"]
    records = {
        "split_rule": None if rule is None else SplitRecord(**rule),
        "skipped": [SkippedImage(**entry) for entry in described["skipped"]],
    }
    return DataRecord(**{**described, **records})
