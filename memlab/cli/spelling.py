"""Spelling of options: names used by other programs, and options for input and output folders.

The standard library only, so that a mistyped option is reported at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from memlab.errors import CheckpointError, MemlabError, did_you_mean
from memlab.registry import plugins
from memlab.run_folder import CHECKPOINTS

_OUT = ("--out DIR",)
_GPU = ("--trainer.accelerator gpu", "--device cuda")
_GPUS = ("--trainer.accelerator gpu --trainer.devices N", "--device cuda")
_EPOCHS = ("--trainer.max_epochs N",)
_RATE = ("--model.optimizer.lr X",)
_ROOT = ("--data.root DIR",)
_WORKERS = ("--data.num_workers N",)
_BATCH = ("--data.batch_size N",)
_RESUME = ("--ckpt_path last, with --out RUN",)
_SIZE = ("--data.image_size N", "--size N")
_TRACKER = ("--config tracking/wandb",)
_HALF = ("--trainer.precision bf16-mixed",)
_STOP = ("--trainer.callbacks EarlyStopping --trainer.callbacks.monitor val/mse",)
_AVERAGE = ("--trainer.callbacks ema",)

ALIASES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("lr", "learning_rate", "learningrate"), _RATE),
    **dict.fromkeys(("epochs", "epoch", "max_epochs", "num_epochs", "n_epochs"), _EPOCHS),
    **dict.fromkeys(("steps", "max_steps"), ("--trainer.max_steps N",)),
    **dict.fromkeys(("batch_size", "batch", "bs", "batchsize"), _BATCH),
    **dict.fromkeys(("seed", "random_seed", "seed_all"), ("--seed_everything N", "--seed N")),
    **dict.fromkeys(("gpus", "num_gpus", "ngpus", "n_gpus", "nproc"), _GPUS),
    **dict.fromkeys(("gpu", "cuda", "use_gpu", "device", "mps"), _GPU),
    "cpu": ("--trainer.accelerator cpu", "--device cpu"),
    "devices": ("--trainer.devices N", "--device cuda"),
    "accelerator": ("--trainer.accelerator gpu", "--device cuda"),
    "strategy": ("--trainer.strategy ddp",),
    "nodes": ("--trainer.num_nodes N",),
    "num_nodes": ("--trainer.num_nodes N",),
    **dict.fromkeys(("workers", "num_workers", "n_workers", "jobs", "threads", "j"), _WORKERS),
    **dict.fromkeys(("name", "run_name", "exp_name", "experiment", "output", "output_dir"), _OUT),
    **dict.fromkeys(("outdir", "out_dir", "output_folder", "output_path", "results"), _OUT),
    **dict.fromkeys(("save_dir", "save", "save_path", "log_dir", "logdir", "folder", "o"), _OUT),
    **dict.fromkeys(("run_dir", "run_folder", "work_dir", "workdir", "default_root_dir"), _OUT),
    **dict.fromkeys(("resume", "resume_from", "continue", "restart", "resume_training"), _RESUME),
    **dict.fromkeys(("checkpoint", "ckpt", "ckpt_file", "checkpoint_path"), ("--ckpt_path FILE",)),
    "weights": ("--model.backbone.weights FILE",),
    "pretrained": ("--model.backbone.pretrained true",),
    **dict.fromkeys(("optimizer", "optim", "opt"), ("--model.optimizer NAME",)),
    **dict.fromkeys(("weight_decay", "wd", "decay"), ("--model.optimizer.weight_decay X",)),
    "momentum": ("--model.optimizer.momentum X",),
    **dict.fromkeys(("lr_scheduler", "scheduler", "sched"), ("--model.lr_scheduler NAME",)),
    "warmup": ("--model.lr_scheduler memlab.models.schedules.WarmupCosine",),
    **dict.fromkeys(("loss", "criterion", "loss_fn"), ("--model.loss NAME",)),
    "dropout": ("--model.dropout X",),
    "head": ("--model.head NAME",),
    "hidden": ("--model.hidden N",),
    "unfrozen": ("--model.unfrozen N",),
    **dict.fromkeys(("freeze", "freeze_backbone", "frozen"), ("--model.unfrozen 0",)),
    "layer_decay": ("--model.layer_decay X",),
    "compile": ("--model.compile true",),
    **dict.fromkeys(("backbone", "arch", "architecture", "network"), ("--model.backbone NAME",)),
    **dict.fromkeys(("root", "data_root", "data_dir", "datadir", "dataset", "dir"), _ROOT),
    **dict.fromkeys(("data_path", "images", "image_dir", "images_dir", "input", "path"), _ROOT),
    **dict.fromkeys(("csv", "table", "annotations", "labels"), ("--data.root FILE.csv",)),
    "source": ("--data.source NAME",),
    **dict.fromkeys(("split", "splits_ratio", "train_split", "val_split"), ("--data.split 80/20",)),
    "split_seed": ("--data.split_seed N",),
    **dict.fromkeys(("masks", "mask", "mask_dir"), ("--data.masks PATH",)),
    **dict.fromkeys(("image_size", "img_size", "imgsz", "size", "resolution"), _SIZE),
    **dict.fromkeys(("input_size", "crop_size", "img"), _SIZE),
    "cache": ("--data.cache DIR",),
    "on_error": ("--data.on_error skip",),
    **dict.fromkeys(("augmentation", "augment", "aug"), ("--data.augmentation NAME",)),
    **dict.fromkeys(("image_column", "image_col", "image"), ("--data.source.image COLUMN",)),
    **dict.fromkeys(("score_column", "score_col", "score"), ("--data.source.score COLUMN",)),
    **dict.fromkeys(("label_column", "target", "label"), ("--data.source.score COLUMN",)),
    **dict.fromkeys(("patience", "early_stopping", "early_stop"), _STOP),
    **dict.fromkeys(("ema", "average_weights"), _AVERAGE),
    "callbacks": ("--trainer.callbacks NAME",),
    **dict.fromkeys(("wandb", "logger", "project", "tracking", "use_wandb"), _TRACKER),
    **dict.fromkeys(("amp", "fp16", "bf16", "half", "mixed_precision", "precision"), _HALF),
    **dict.fromkeys(("fast_dev_run", "dry_run", "debug"), ("--trainer.fast_dev_run true",)),
    **dict.fromkeys(
        ("accumulate", "grad_accum", "accumulate_grad_batches", "gradient_accumulation_steps"),
        ("--trainer.accumulate_grad_batches N",),
    ),
    **dict.fromkeys(
        ("clip", "grad_clip", "gradient_clip_val", "clip_grad", "max_grad_norm"),
        ("--trainer.gradient_clip_val X",),
    ),
    "deterministic": ("--trainer.deterministic true",),
    **dict.fromkeys(
        ("no_progress_bar", "progress_bar", "no_progress", "enable_progress_bar"),
        ("--trainer.enable_progress_bar false",),
    ),
    **dict.fromkeys(("cfg", "conf", "config_file", "preset"), ("--config NAME",)),
    "print_config": ("--print_config",),
    **dict.fromkeys(("ablations", "ablate"), ("--ablation NAME, once for each",)),
    **dict.fromkeys(("attributions", "explain", "gradcam"), ("--attribution NAME",)),
    **dict.fromkeys(("dose", "ladder"), ("--doses ladder",)),
    **dict.fromkeys(("sigma", "region"), ("--ablation.{} X, after --ablation NAME",)),
    **dict.fromkeys(("save_every", "checkpoint_every"), ("--checkpoint_every N",)),
}
"""Option names of other programs, lower case with underscores, and memlab's spelling.

If there are several spellings, the first is that of fit, test, validate and predict.
"""


def hint(name: str, known: Iterable[str] | None = None) -> str:
    """Return a hint with the correct spelling of an unknown option, or an empty string.

    Args:
        name: the option as typed, with or without dashes and value.
        known: the options of the command; None for those of fit.
    """
    bare = name.lstrip("-").partition("=")[0]
    key = bare.lower().replace("-", "_").rpartition(".")[2]
    names = None if known is None else {option.lstrip("-") for option in known}
    for spelling in ALIASES.get(key, ()):
        written = spelling.format(key)
        first = written.split()[0].rstrip(",").lstrip("-")
        if first != bare and (names is None or first in names):
            return f"; write {written}"
    ends = [option for option in names or () if option.endswith((f".{key}", f"-{bare}"))]
    return f"; write --{ends[0]}" if len(ends) == 1 else ""


def unknown_option(name: str, known: Iterable[str], of_trainer: bool = True) -> str:
    """Return the message for an option that no parser knows.

    Args:
        name: the option as typed, without a value.
        known: the existing options.
        of_trainer: whether the command is fit, test, validate or predict.
    """
    options = list(known)
    typed = f"--{name.lstrip('-')}" if len(name.lstrip("-")) > 1 else f"-{name.lstrip('-')}"
    better = hint(name, None if of_trainer else options) or hint(name, options)
    spelt = [f"--{option.lstrip('-')}" for option in options]
    return f"unknown option {typed}{better or did_you_mean(typed, spelt)}"


def refuse_other_names(arguments: Iterable[str]) -> None:
    """Raise a MemlabError for options of fit or test under the names that other programs use."""
    names = {
        "out",
        "run",
        "config",
        "ckpt_path",
        "print_config",
        "seed_everything",
        "model",
        "data",
    }
    names |= {"trainer", "ablation", "attribution", "doses", "controls", "scan", "maps", "verbose"}
    names |= {"maps_of", "checkpoint_every", "help", "c", "h", "weights_only", "return_predictions"}
    for argument in arguments:
        name, _, value = argument.lstrip("-").partition("=")
        if not argument.startswith("-") or "." in name or name.removesuffix("+") in names:
            continue
        better = hint(name)
        if better and not name[:1].isdigit():
            typed = argument[: len(argument) - len(value)].rstrip("=")
            raise MemlabError(f"unknown option {typed}{better}")


@dataclass(frozen=True)
class Places:
    """Input and output of a command, as given by its options.

    Args:
        run: the run that is trained or tested; None if no run was named.
        out: folder of the results; None for the run's own folder.
        checkpoint: value of `--ckpt_path`, or the file given as `--model`.
        arguments: all other arguments.
    """

    run: str | None
    out: str | None
    checkpoint: str | None
    arguments: list[str]


def places(command: str, arguments: Sequence[str]) -> Places:
    """Read `--out`, `--run`, `--ckpt_path`, and `--model` if it names a run or a checkpoint.

    `--out` names the output folder. For `fit` it is the run folder, and `--run` means the same. For
    the other commands the results go into a numbered folder in it. `--run` then names the run that
    is tested; together with a `--model` that is no run, it means the same as `--out`.

    Raises:
        MemlabError: if two of them contradict each other.
    """
    out, rest = take(arguments, "--out")
    run, rest = take(rest, "--run")
    checkpoint, rest = take(rest, "--ckpt_path")
    if command == "fit":
        if out and run and Path(out).resolve() != Path(run).resolve():
            raise MemlabError(
                f"--out {out} and --run {run}: fit writes into one folder; give --out"
            )
        return Places(out or run, None, checkpoint, rest)
    if out and Path(out).suffix.lower() in (".csv", ".json", ".parquet", ".html"):
        raise MemlabError(f"--out {out}: give a folder; the scores are in rows.csv in it")
    typed = Places(run, out, checkpoint, rest)
    model = next(reversed(values(rest, "--model")), None)
    if model is None:
        return typed
    trained = trained_run(model)
    if trained is not None:
        return _of_run(typed, model, str(trained))
    if Path(model).is_file():
        return _of_file(typed, model)
    if Path(model).is_dir() and model not in {plugin.name for plugin in plugins("models")}:
        raise CheckpointError(f"--model {model}: this folder holds no run of memlab fit")
    if run and not is_run(Path(run)):
        if out and Path(out).resolve() != Path(run).resolve():
            raise MemlabError(
                f"--run {run}: not a run folder, and --out {out} is given; leave out one"
            )
        return replace(typed, run=None, out=out or run)
    return typed


def _of_run(found: Places, model: str, trained: str) -> Places:
    """Return the places if `--model` names a run; `--run` then names the output folder."""
    _, rest = take(found.arguments, "--model")
    out = found.out
    if found.run and Path(found.run).resolve() != Path(trained).resolve():
        if is_run(Path(found.run)) or out:
            raise MemlabError(
                f"--model {model} and --run {found.run}: give one of them, and --out DIR for where "
                "to write"
            )
        out = found.run
    return replace(found, run=trained, out=out, arguments=rest)


def _of_file(found: Places, model: str) -> Places:
    """Return the places if `--model` names a checkpoint."""
    _, rest = take(found.arguments, "--model")
    if found.checkpoint and found.checkpoint != model:
        raise MemlabError(f"--model {model} and --ckpt_path {found.checkpoint}: give one of them")
    run, out = found.run, found.out
    if run and not is_run(Path(run)):
        run, out = None, out or run
    return replace(found, run=run, out=out, checkpoint=model, arguments=rest)


def is_run(folder: Path) -> bool:
    """Return whether a folder holds a training run."""
    return (folder / "fit" / "config.yaml").is_file() or (folder / CHECKPOINTS).is_dir()


def trained_run(model: str) -> Path | None:
    """Return the run folder that `--model` names, or the run of the test folder that it names."""
    path = Path(model)
    if not path.is_dir():
        return None
    return next((folder for folder in (path, path.parent) if is_run(folder)), None)


def values(arguments: Sequence[str], option: str) -> list[str]:
    """Return the values that an option was given, in order."""
    typed = []
    for index, argument in enumerate(arguments):
        name, joined, value = argument.partition("=")
        if name == option:
            typed.append(value if joined else "".join(arguments[index + 1 : index + 2]))
    return typed


def take(arguments: Sequence[str], option: str) -> tuple[str | None, list[str]]:
    """Remove an option from the arguments; return its last value, and the rest.

    Raises:
        MemlabError: if it has no value.
    """
    kept: list[str] = []
    value: str | None = None
    rest = iter(arguments)
    for argument in rest:
        name, joined, typed = argument.partition("=")
        if name != option:
            kept.append(argument)
            continue
        value = typed if joined else next(rest, "")
        if not value or (not joined and value.startswith("--")):
            raise MemlabError(f"{option} needs a value")
    return value, kept
