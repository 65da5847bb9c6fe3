"""Functions of `import memlab` that do what the commands of the same names do."""

# ruff: noqa: PT028 - `test` is a function of memlab, not of pytest

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from memlab.ablations.base import Ablation
from memlab.ablations.plan import DRAWS, Doses
from memlab.analysis.results import Results, read
from memlab.attributions.base import Attribution
from memlab.audit.result import AuditResult
from memlab.cli.audit import Asked, conduct, prepare_audit
from memlab.cli.blame import plugin_error
from memlab.cli.trainer import Plan, carry_out, is_swept, settle
from memlab.data.sources.base import Source
from memlab.errors import MemlabError
from memlab.inference.ablate import ablate as ablate_images
from memlab.inference.explain import explain as explain_images
from memlab.inference.predict import predict as predict_images
from memlab.masks.base import EmptyMasks
from memlab.models.load import load
from memlab.registry import plugin_of
from memlab.scorer import Scorer
from memlab.spec import Specified
from memlab.trust import trusting

P = ParamSpec("P")
R = TypeVar("R")


def _with_references(
    function: Callable[Concatenate[Scorer, P], R],
) -> Callable[Concatenate[Scorer | str | Path, P], R]:
    """Return the same function for a loaded model or a reference that `memlab.load` accepts."""

    @functools.wraps(function)
    def call(model: Scorer | str | Path, *args: P.args, **kwargs: P.kwargs) -> R:
        loaded: Any = load(model) if isinstance(model, str | Path) else model
        if not isinstance(loaded, Scorer):
            older = "; maps of tensors are made by memlab.attributions.base.explain"
            raise MemlabError(
                f"{type(loaded).__name__} is no model: give a loaded model, or what memlab.load "
                f"accepts{older if isinstance(loaded, Attribution) else ''}"
            )
        return function(loaded, *args, **kwargs)

    signature = inspect.signature(function)
    first, *rest = signature.parameters.values()
    call.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[first.replace(annotation="Scorer | str | Path"), *rest]
    )
    return cast("Callable[Concatenate[Scorer | str | Path, P], R]", call)


predict = _with_references(predict_images)
explain = _with_references(explain_images)
ablate = _with_references(ablate_images)


def fit(config: str | Path, *, trust: Iterable[str] = (), **overrides: Any) -> Path:
    """Train a model and test its best checkpoint, as `memlab fit --config CONFIG` does.

    `memlab.fit("quickstart", out="runs/first", trainer={"max_epochs": 3})` is
    `memlab fit --config quickstart --out runs/first --trainer.max_epochs 3`.

    Args:
        config: a configuration file, or the name of one of memlab's own, such as `quickstart`.
        trust: additional classes, as `package.module:Class`, that files may name.
        overrides: options of `memlab fit`: nested, `trainer={"max_epochs": 3}`, or with dots,
            `**{"trainer.max_epochs": 3}`. `ablation` and `attribution` are names or objects, or
            lists of them.

    Returns:
        The run folder, which `memlab.load` accepts.

    Raises:
        MemlabError: as the command fails.
    """
    return _run("fit", [f"--config={config}", *_options(overrides)], trust).run


def test(
    model: str | Path,
    data: str | Path,
    *,
    ablations: str | Ablation | Sequence[str | Ablation] = (),
    doses: Doses = "primary",
    controls: int = DRAWS,
    trust: Iterable[str] = (),
    **overrides: Any,
) -> Results:
    """Test a model on a data set, with ablations, as `memlab test --model MODEL` does.

    Args:
        model: a run folder, a checkpoint, a plugin's name, a plugin's name with a file of weights,
            or `package.module:Class`.
        data: the data set: a folder or a table.
        ablations: ablations, or plugins' names; `all`, or a family, stands for its members.
        doses: `primary` for one dose each, `ladder` for the dose curve.
        controls: draws of each control per image; 0 for no controls and no nuisance baseline.
        trust: additional classes, as `package.module:Class`, that files may name.
        overrides: further options of `memlab test`, as in `memlab.fit`.

    Returns:
        The results, read from `results.json`.

    Raises:
        MemlabError: as the command fails.
    """
    asked: dict[str, Any] = {"model": str(model), "data.root": data}
    asked |= {"ablation": ablations, "doses": doses, "controls": controls}
    folder = _run("test", [*_options({**asked, **overrides})], trust).folder
    if folder is None:
        raise MemlabError("nothing was tested (a trial run?); leave that option out")
    return read(folder)


def audit(
    model: Scorer | str | Path,
    data: str | Path,
    *,
    masks: str | Path | None = None,
    empty_masks: EmptyMasks | None = None,
    split: int | str | None = None,
    source: Source | None = None,
    budget: str | None = None,
    protocol: str | Path | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    batch_size: int = 32,
    num_workers: int = 0,
    device: str | None = None,
    trust: Iterable[str] = (),
    progress: bool = True,
) -> AuditResult:
    """Find out what a model relies on, by a fixed protocol, as `memlab audit MODEL` does.

    A killed audit goes on when it is called again with the same arguments.

    Args:
        model: a loaded model, or a reference that `memlab.load` accepts.
        data: the data set: a folder or a table. Images need no scores.
        masks: masks of faces, people, objects and text: a mask store, a COCO file, or a folder
            REGION/IMAGE.png. By default those of the data set itself.
        empty_masks: meaning of an image without a mask, `none` (it lacks the region) or `unknown`
            (not annotated).
        split: number of the data set's split, shares such as 80/20, or `all`.
        source: layout of the data set; recognised by default.
        budget: time or number of forward passes, such as `30min` or `300k`; the number of images
            follows from it. By default at most 1,000 images are audited.
        protocol: file of a protocol; by default the built-in one.
        out: folder of the audit; by default a new one in the run, or under `runs/`.
        seed: seed of the sample, of random changes and of the intervals.
        batch_size: number of images per batch.
        num_workers: number of processes that decode.
        device: device; by default the model's.
        trust: additional classes, as `package.module:Class`, that files may name.
        progress: whether to show progress on stderr.

    Returns:
        The result, as in `audit.json`.

    Raises:
        MemlabError: if the data or the protocol cannot be used, the budget is too small, or `out`
            holds another audit.
    """
    with trusting(trust):
        loaded = model if isinstance(model, Scorer) else load(model)
        asked = Asked(
            name=loaded.title if isinstance(model, Scorer) else str(model),
            root=Path(data),
            source=source,
            split=split,
            masks=None if masks is None else Path(masks),
            empty_masks=empty_masks,
            budget=budget,
            protocol=None if protocol is None else Path(protocol),
            out=None if out is None else Path(out),
            seed=seed,
            batch_size=batch_size,
            num_workers=num_workers,
            device=device,
            shown=progress,
        )
        return conduct(prepare_audit(loaded, asked), asked)[0]


def _run(command: str, arguments: list[str], trust: Iterable[str]) -> Plan:
    """Run a command of the Trainer; return its plan, with the folders that it wrote."""
    with trusting(trust):
        plan = settle(command, arguments)
        plan.swept = is_swept(arguments)
        if plan.command == "nothing":
            return plan
        try:
            carry_out(plan)
        except MemlabError:
            raise
        except SystemExit as stop:
            if isinstance(stop.__context__, KeyboardInterrupt):  # Lightning turns it into exit(1)
                raise KeyboardInterrupt from stop
            raise
        except Exception as error:
            blamed = plugin_error(error)
            if blamed is None:
                raise
            raise blamed from error
    return plan


def _options(overrides: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield options of the command line for values given in Python."""
    for name, value in overrides.items():
        option = f"{prefix}{name}"
        if isinstance(value, Mapping) and "class_path" not in value:
            yield from _options(value, f"{option}.")
        elif option in ("ablation", "attribution"):
            several = [value] if isinstance(value, str | Mapping | Specified) else value
            for one in several:
                yield from _part(option, one)
        else:
            yield f"--{option}={_text(value)}"


def _part(option: str, part: Any) -> Iterator[str]:
    """Yield the options for one ablation or attribution."""
    if not isinstance(part, Specified):
        yield f"--{option}={_text(part)}"
        return
    plugin = plugin_of(type(part))
    yield f"--{option}={plugin.name if plugin else part.spec['class_path']}"
    yield from (f"--{option}.{name}={_text(each)}" for name, each in part.spec["init_args"].items())


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | Path) else json.dumps(value, default=str)
