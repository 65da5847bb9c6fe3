"""Function that loads every kind of model, and checks of checkpoints."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from memlab.backbones.base import misfit
from memlab.checksums import damage
from memlab.data.kept_split import split_of
from memlab.errors import CheckpointError, MemlabError, PluginError
from memlab.models.base import MemorabilityModel
from memlab.models.foreign import model_from
from memlab.registry import find, find_with_file, plugins
from memlab.run_folder import LAST, PREVIOUS, tested_checkpoint
from memlab.spec import Spec, build, plain
from memlab.trust import trusting
from memlab.values import check_bounded, shown

_CALIBRATION = {"residuals", "labels", "reason"}


def load(ref: str | Path, trust: Iterable[str] = ()) -> MemorabilityModel:
    """Load a model for evaluation, with verified weights.

    Only registered or trusted classes are built from a checkpoint, whatever the checkpoint names.

    Args:
        ref: a run folder, a checkpoint, a plugin's name (`resmem`, `distribution:resmem`), a
            plugin's name with a file of weights (`vitmem:FILE`), or `package.module:Class`.
        trust: additional classes, as `package.module:Class`, that a checkpoint may name.

    Returns:
        The model in evaluation mode, on the CPU.

    Raises:
        MemlabError: if `ref` matches nothing (the message says what was searched), if a checkpoint
            does not fit, or if the weights cannot be verified.
    """
    path = Path(ref)
    named = any(plugin.name == str(ref) for plugin in plugins("models"))
    with trusting(trust):
        if path.is_dir() and not (named and _checkpoint(path) is None):
            model = _from_checkpoint(checkpoint_in(path))
        elif path.is_file():
            model = _from_checkpoint(path)
        else:
            model = _from_name(str(ref))
    return _proven(model, str(ref))


def _proven(model: MemorabilityModel, ref: str) -> MemorabilityModel:
    """Return the model in evaluation mode.

    Raises:
        CheckpointError: if the model has no weights id.
    """
    if model.weights_id() is None:
        raise CheckpointError(
            f"{ref}: nothing proves that its weights were loaded (weights_id() is None)"
        )
    return model.eval()


def checkpoint_in(folder: Path) -> Path:
    """Return the checkpoint that a run was tested on, given the run's folder or a subfolder.

    Raises:
        CheckpointError: if there is none; the message says which path was searched.
    """
    path = _checkpoint(folder)
    if path is not None:
        return path
    raise CheckpointError(
        f"{folder}: no finished training there (looked for {tested_checkpoint(folder)}); give a "
        "run folder, a checkpoint, a plugin's name or package.module:Class"
    )


def _checkpoint(folder: Path) -> Path | None:
    paths = map(tested_checkpoint, (folder, folder.parent))
    return next((path for path in paths if path.is_file()), None)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint that memlab wrote; checksums are verified and no pickled code is run.

    Raises:
        CheckpointError: if the file is missing, damaged, or not written by memlab; the message
            names it.
    """
    _check_whole(path)
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:  # torch's message recommends running the code
        raise CheckpointError(
            f"{path}: not a checkpoint that loads without running code"
        ) from error
    except Exception as error:  # a damaged file raises many types
        raise CheckpointError(
            f"{path}: damaged or not a checkpoint{_previous_hint(path)}"
        ) from error
    ours = checkpoint.get("memlab") if isinstance(checkpoint, dict) else None
    if not isinstance(ours, dict) or not {"schema", "model", "input_size"} <= ours.keys():
        raise CheckpointError(f"{path}: not a checkpoint of memlab")
    if ours["schema"] != 1:
        newer = isinstance(ours["schema"], int) and ours["schema"] > 1
        problem = (
            "written by a newer memlab; update memlab" if newer else "not a checkpoint of memlab"
        )
        raise CheckpointError(f"{path}: {problem}")
    check_bounded(ours, str(path))
    _check_types(checkpoint, path)
    valid: dict[str, Any] = checkpoint
    return valid


def _check_whole(path: Path) -> None:
    """Check that a checkpoint exists and that its checksums match.

    Raises:
        CheckpointError: if not; the message names the file, and the previous checkpoint if that is
            intact.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint")
    wrong = damage(path)
    if wrong:
        raise CheckpointError(f"{path}: damaged or not a checkpoint: {wrong}{_previous_hint(path)}")


def _previous_hint(path: Path) -> str:
    previous = path.with_name(PREVIOUS)
    has_previous = path.name == LAST and previous.is_file() and not damage(previous)
    return "; the one before is whole: --ckpt_path previous" if has_previous else ""


def _check_types(checkpoint: dict[str, Any], path: Path) -> None:
    """Check the types of the fields that every loader reads."""
    ours, state = checkpoint["memlab"], checkpoint.get("state_dict")
    size, spec, calibration = ours["input_size"], ours["model"], ours.get("calibration", {})
    named = isinstance(spec, dict) and isinstance(spec.get("class_path"), str)
    weights = isinstance(state, dict) and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    )
    errors = isinstance(calibration, dict) and all(
        isinstance(value, str)
        if name == "reason"
        else isinstance(value, Tensor) and value.ndim == 1 and value.is_floating_point()
        for name, value in calibration.items()
        if name in ("reason", "residuals", "labels")
    )
    for fine, field, value in (
        (named, "memlab.model", spec),
        (type(size) is int and 1 <= size <= 100_000, "memlab.input_size", size),
        (weights, "state_dict", state),
        (errors and set(calibration) <= _CALIBRATION, "memlab.calibration", calibration),
    ):
        if not fine:
            raise CheckpointError(f"{path}: damaged: {field} is {shown(value)}")


def _from_checkpoint(path: Path) -> MemorabilityModel:
    """Build the model that a checkpoint describes, and load its weights.

    Raises:
        CheckpointError: if the checkpoint names a class that is neither registered nor trusted, or
            if the weights do not fit the description.
    """
    checkpoint = read_checkpoint(path)
    try:
        spec = without_downloads(checkpoint["memlab"]["model"])
        model: MemorabilityModel = build(spec, "models", str(path))
    except CheckpointError:
        raise
    except MemlabError as error:
        raise CheckpointError(str(error)) from error
    check_fits(model, path, checkpoint)
    model.kept_split = split_of(path, checkpoint, beside=False)
    model.on_load_checkpoint(checkpoint)
    model.load_state_dict(checkpoint["state_dict"])
    return model


def check_resumable(path: Path, checkpoint: dict[str, Any]) -> None:
    """Raise a CheckpointError, naming the field, if training cannot resume from a checkpoint."""
    kinds: dict[str, type[Any]] = {
        **dict.fromkeys(("epoch", "global_step"), int),
        **dict.fromkeys(("loops", "callbacks", "MemorabilityData"), dict),
        **dict.fromkeys(("optimizer_states", "lr_schedulers"), list),
    }
    for name, kind in kinds.items():
        value = checkpoint.get(name)
        lacks = name == "loops" and isinstance(value, dict) and "fit_loop" not in value
        if type(value) is not kind or lacks:
            problem = f"{name} is {shown(value)}"
            raise CheckpointError(f"{path}: training cannot go on from it: {problem}")


def check_fits(
    model: MemorabilityModel, path: Path, checkpoint: dict[str, Any] | None = None
) -> None:
    """Raise a CheckpointError, naming the first keys, if a checkpoint does not fit a model."""
    state = (checkpoint or read_checkpoint(path))["state_dict"]
    problem = misfit(model.state_dict(), state)
    if problem:
        raise CheckpointError(f"{path}: the weights do not fit the model: {problem}")


def without_downloads(spec: Spec) -> Spec:
    """Return a spec whose backbone starts without weights, because a checkpoint provides them."""

    def emptied(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        empty = {"pretrained": False, "weights": None}
        return {
            name: empty[name] if name in empty else emptied(entry) for name, entry in value.items()
        }

    emptied_spec: Spec = emptied(spec)
    return emptied_spec


def contradiction(requested: Spec, trained: Spec) -> str:
    """Return how a requested model differs from a checkpoint's, in one line; empty if equal.

    The source of a backbone's initial weights is ignored, because the checkpoint provides weights.
    """
    requested_flat = _flat(without_downloads(plain(requested)))
    trained_flat = _flat(without_downloads(trained))
    for name, theirs in trained_flat.items():
        ours = requested_flat.get(name)
        if ours != theirs:
            return f"{name} is {theirs!r} there, {ours!r} was asked for"
    return ""


def _flat(spec: Any, prefix: str = "model") -> dict[str, Any]:
    if not isinstance(spec, dict):
        return {prefix: spec}
    flat: dict[str, Any] = {}
    for name, value in spec.items():
        inner = prefix if name in ("class_path", "init_args") else f"{prefix}.{name}"
        flat |= _flat(value, inner)
    return flat


def _with_weights(cls: type[Any], name: str, file: str) -> MemorabilityModel:
    """Instantiate a plugin's model with a file of weights.

    Raises:
        MemlabError: if the model needs more arguments than the file.
        CheckpointError: as raised by the plugin.
    """
    try:
        inspect.signature(cls).bind(weights=file)
    except TypeError as error:
        raise MemlabError(
            f"{name}:{file}: the model {name} is not made from a file of weights alone ({error}): "
            "set the rest by --model. in memlab test, or in a class of your own"
        ) from error
    model: MemorabilityModel = cls(weights=file)
    return model


def _from_name(ref: str) -> MemorabilityModel:
    plugin_and_file = find_with_file("models", ref)
    if plugin_and_file is not None:
        plugin, file = plugin_and_file
        return _with_weights(plugin.load(), plugin.name, file)
    names = [plugin.name for plugin in plugins("models")]
    try:
        plugin = find("models", ref)
        plugin.load()
    except PluginError:
        if ref.rpartition(":")[2] in names or ":" not in ref:
            if "/" in ref or "." in ref:
                raise CheckpointError(f"{ref}: no such run folder, checkpoint or model") from None
            raise
        return model_from(ref)
    return model_from(plugin.value)
