"""Records of what an audit was made with: model, data, code and machine."""

from __future__ import annotations

from collections.abc import Mapping

from memlab.analysis.run_record import (
    DataRecord,
    ModelRecord,
    Plugin,
    Provenance,
    data_record,
)
from memlab.audit.population import Population
from memlab.audit.work import Work
from memlab.provenance import commit, plugins_used, versions
from memlab.scorer import Scorer


def model_record(model: Scorer, checkpoint: str | None) -> ModelRecord:
    """Return the record of a model.

    Args:
        model: the model.
        checkpoint: its file or run folder; None for a model by name.
    """
    return ModelRecord(
        **model.spec,
        weights_id=model.weights_id(),
        checkpoint=checkpoint,
        precision="32 in evaluation",
        card=model.card,
        seen_data=None if model.seen_data is None else list(model.seen_data),
    )


def population_record(
    population: Population, donors: str | None, errors: Mapping[str, str]
) -> DataRecord:
    """Return the record of the images.

    Args:
        population: the images.
        donors: where donors come from; None if none were needed.
        errors: reason for each image without a prediction, by id.
    """
    splits = dict(zip(population.rows["id"], population.rows["split"], strict=True))
    described = population.data.describe()
    skipped = [
        {"id": name, "split": _text(splits.get(name)), "reason": reason}
        for name, reason in errors.items()
    ]
    return data_record(
        {
            **described,
            "geometry": population.geometry.describe(),
            "donors": donors,
            "skipped": [*described["skipped"], *skipped],
        }
    )


def provenance(model: Scorer, work: Work) -> Provenance:
    """Return the record of code and machine."""
    classes = {type(model), *(type(one.ablation) for one in work.main)}
    ordered = sorted(classes, key=lambda cls: f"{cls.__module__}.{cls.__qualname__}")
    plugins = [Plugin(**one) for one in plugins_used(ordered)]
    return Provenance(commit(), versions(), plugins, str(model.device), 1)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
