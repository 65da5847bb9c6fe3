"""Conversion of `rows.csv` and `conditions.csv` to arrays, shared by all quantities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from memlab.errors import DataError
from memlab.roles import ROLES
from memlab.stats.measures import Array

SAME = 1e-4
"""Upper bound of the difference between two passes of one model, for any batches and device."""


@dataclass(frozen=True)
class Images:
    """Clean predictions for a table of images, of which some or all were audited.

    Args:
        table: one row per image, indexed by id; each feature has a column of 0 and 1.
        predicted: (n,) the model's scores of the unchanged images.
        score: (n,) scores measured from people; NaN if there is none.
        weight: (n,) number of images of the population that each image represents; used for the
            variance of the predictions and the prevalence of features.
        audited: (n,) weights of the audited images, 0 for other images; used for means of effects.
    """

    table: pd.DataFrame
    predicted: Array
    score: Array
    weight: Array
    audited: Array

    def present(self, feature: str) -> Array:
        """Return which images have a feature, (n,): 1, 0, or NaN for images without an annotation.

        Raises:
            DataError: if the feature has no column, or a value is neither 0, 1 nor missing.
        """
        if feature not in self.table:
            raise DataError(f"rows: no column {feature!r} says which images have the feature")
        values = _numbers(self.table[feature])
        wrong = ~np.isin(values, [0, 1]) & self.table[feature].notna().to_numpy()
        if wrong.any():
            first = self.table.index[int(wrong.argmax())]
            raise DataError(f"rows: {feature!r} of image {first} is neither 0 nor 1")
        return values


@dataclass(frozen=True)
class ImageEffects:
    """Effects of one ablation on each image, at one dose and with one fill, in all roles.

    Args:
        name: the condition, without its role: `remove@1(fill=mean)[face]`.
        dose: dose in the ablation's unit.
        images: the clean predictions of n images.
        by_role: effects per role, (n, draws), clean minus changed prediction; NaN if the image was
            not eligible or the draw is missing. `matched` has the draws of `control` that are
            matched controls, and NaN for random shapes; absent if all are matched.
        bound: whether the ablation changes a region, which some images may lack.
        present: (n,) whether each image has the region: 1, 0, or NaN if the image is not annotated
            for it. An image that has the region but could not be changed counts as 1. None if the
            rows do not contain this information.
    """

    name: str
    dose: float
    images: Images
    by_role: Mapping[str, Array]
    bound: bool = False
    present: Array | None = None

    def of(self, role: str) -> Array:
        """Return the effects in a role, (n, draws); (n, 0) if the role was not run."""
        return self.by_role.get(role, np.empty((len(self.images.predicted), 0)))

    @property
    def exchangeable(self) -> Array:
        """Effects of the controls that are exchangeable with the region, (n, draws).

        Random shapes differ from the region in shape, so that their effects may differ without any
        reliance on the region.
        """
        return self.by_role.get("matched", self.of("control"))


def read_images(clean: pd.DataFrame, whole_table: pd.DataFrame | None = None) -> Images:
    """Check the rows of unchanged images and convert them to arrays.

    Args:
        clean: the audited images: `id`, `predicted`, and optionally `score`, `weight` (inverse of
            the sampling probability; 1 if absent) and a column of 0 and 1 for each feature.
        whole_table: the clean predictions of the whole table that the audited images were sampled
            from, same columns; if absent, the weighted sample represents it.

    Raises:
        DataError: if a column is missing, an id is duplicated, a prediction is missing, a weight is
            not above 0, or an audited image is not in the whole table or has another prediction
            there.
    """
    _check_rows(clean, "rows")
    if whole_table is None:
        weight = _weights(clean)
        return Images(clean.set_index("id"), *_scores(clean), weight, weight)
    _check_rows(whole_table, "rows of the whole table")
    indices = pd.Index(whole_table["id"]).get_indexer(pd.Index(clean["id"]))
    if (indices < 0).any():
        lost = clean["id"].iloc[int((indices < 0).argmax())]
        raise DataError(f"rows: image {lost} is not in the whole table; give the clean pass of it")
    predicted, score = _scores(whole_table)
    clean_predicted = _scores(clean)[0]
    if (np.abs(predicted[indices] - clean_predicted) > SAME).any():
        raise DataError("rows: predictions differ from the whole table's; use one model for both")
    predicted[indices] = clean_predicted  # changed images were scored in the same pass
    audited = np.zeros(len(whole_table))
    audited[indices] = _weights(clean)
    return Images(whole_table.set_index("id"), predicted, score, _weights(whole_table), audited)


def read_effects(images: Images, conditions: pd.DataFrame) -> dict[str, ImageEffects]:
    """Convert the rows of changed images to arrays, by condition.

    Args:
        images: the clean predictions.
        conditions: the rows of `conditions.csv`: `condition`, `id`, `draw`, `eligible`,
            `predicted`, `dose`, `role`; optionally `region`, the region that the condition changes
            (without the column: none), and `reason`, why images were not changed (region absent, or
            image not annotated).

    Returns:
        Effects by the name of their condition without its role, in the rows' order.

    Raises:
        DataError: if a column is missing, a role or an id is unknown, a row is duplicated, or an
            eligible image has no prediction.
    """
    columns = ["condition", "id", "draw", "eligible", "predicted", "dose", "role"]
    _require(conditions, columns, "conditions")
    rows = conditions[columns]
    unknown = ~rows["role"].isin(ROLES)
    if unknown.any():
        raise DataError(
            f"conditions: unknown role {rows.loc[unknown, 'role'].iloc[0]!r}; "
            f"there are {', '.join(ROLES)}"
        )
    indices = images.table.index.get_indexer(pd.Index(rows["id"]))
    stray = (indices < 0) | (images.audited[indices] == 0)
    if stray.any():
        raise DataError(
            f"conditions: image {rows['id'].iloc[int(stray.argmax())]} is not among the audited "
            "rows; give rows and conditions of the same run"
        )
    twice = rows.duplicated(["condition", "role", "id", "draw"])
    if twice.any():
        row = rows[twice].iloc[0]
        raise DataError(
            f"conditions: {row['condition']} of image {row['id']}, draw {row['draw']}, comes "
            "twice; give the conditions of one run"
        )
    eligible = rows["eligible"].to_numpy(dtype=bool)
    effect = images.predicted[indices] - _numbers(rows["predicted"])
    failed = eligible & ~np.isfinite(effect)
    if failed.any():
        row = rows[failed].iloc[0]
        raise DataError(
            f"conditions: {row['condition']} of image {row['id']} is eligible but has no "
            "prediction; score it again"
        )
    effect = np.where(eligible, effect, np.nan)
    by_role: dict[str, dict[str, Array]] = {}
    doses: dict[str, float] = {}
    bound: dict[str, bool] = {}
    present: dict[str, Array] = {}
    label = np.ones(len(rows))
    if "reason" in conditions:
        label[(conditions["reason"] == "absent").fillna(False).to_numpy(dtype=bool)] = 0
        label[(conditions["reason"] == "not annotated").fillna(False).to_numpy(dtype=bool)] = np.nan
    grouped = rows.reset_index(drop=True).groupby(["condition", "role"], sort=False)
    for (condition, role), part in grouped:
        name = str(condition).removesuffix(f":{role}")
        at = part.index.to_numpy()
        draws, column = np.unique(part["draw"].to_numpy(), return_inverse=True)
        array = np.full((len(images.predicted), len(draws)), np.nan)
        array[indices[at], column] = effect[at]
        by_role.setdefault(name, {})[str(role)] = array
        if role == "control" and "position" in conditions:
            shaped = conditions["position"].iloc[at].isin(["random-shape"]).to_numpy(dtype=bool)
            if shaped.any():
                matched = array.copy()
                matched[indices[at[shaped]], column[shaped]] = np.nan
                by_role[name]["matched"] = matched
        doses.setdefault(name, float(part["dose"].iloc[0]))
        if "region" in conditions:
            bound.setdefault(name, conditions["region"].iloc[at[0]] != "all")
        if "reason" in conditions and role != "control":  # a control has its own reasons
            has_region = present.setdefault(name, np.full(len(images.predicted), np.nan))
            has_region[indices[at]] = label[at]
    return {
        name: ImageEffects(
            name, doses[name], images, roles, bound.get(name, False), present.get(name)
        )
        for name, roles in by_role.items()
    }


def _check_rows(rows: pd.DataFrame, name: str) -> None:
    _require(rows, ["id", "predicted"], name)
    twice = rows["id"].duplicated()
    if twice.any():
        raise DataError(f"{name}: image {rows.loc[twice, 'id'].iloc[0]} comes twice")
    lost = ~np.isfinite(_numbers(rows["predicted"]))
    if lost.any():
        raise DataError(f"{name}: image {rows['id'].iloc[int(lost.argmax())]} has no prediction")
    weight = _weights(rows)
    wrong = ~((weight > 0) & np.isfinite(weight))
    if wrong.any():
        at = int(wrong.argmax())
        raise DataError(f"{name}: weight {weight[at]:g} of image {rows['id'].iloc[at]} is not > 0")


def _require(rows: pd.DataFrame, columns: Sequence[str], name: str) -> None:
    missing = [column for column in columns if column not in rows]
    if missing:
        raise DataError(f"{name}: no column {', '.join(missing)}")


def _scores(rows: pd.DataFrame) -> tuple[Array, Array]:
    missing = np.full(len(rows), np.nan)
    score = _numbers(rows["score"]) if "score" in rows else missing
    return _numbers(rows["predicted"]), score


def _weights(rows: pd.DataFrame) -> Array:
    if "weight" not in rows:
        return np.ones(len(rows))
    return _numbers(rows["weight"])


def _numbers(values: pd.Series) -> Array:
    """Return a copy as floats; non-numeric values become NaN."""
    return np.array(pd.to_numeric(values, errors="coerce").to_numpy(float, na_value=np.nan))
