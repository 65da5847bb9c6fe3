"""Parser messages, shortened to one useful line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from memlab.ablations import INSTEAD
from memlab.cli.spelling import hint, unknown_option, values
from memlab.errors import MemlabError, did_you_mean
from memlab.reading import read_yaml
from memlab.registry import find


class OneLineErrors:
    """Mixin for parsers of jsonargparse that turns errors into a one-line MemlabError."""

    def parse_args(self, args: Any = None, *more: Any, **options: Any) -> Any:
        """Parse; messages name options as the user typed them, not as a nested parser does."""
        try:
            return super().parse_args(args, *more, **options)  # type: ignore[misc]
        except MemlabError as error:
            text = spelled_out(str(error), [str(argument) for argument in args or ()])
            if text == str(error):
                raise
            raise type(error)(text) from error

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise a MemlabError, with the closest option if an option was mistyped."""
        known = known_error(ex) if ex else None
        if known:
            raise known
        options = self.get_defaults().keys(branches=True)  # type: ignore[attr-defined]
        raise MemlabError(_one_line(message, options)) from ex


_UNKNOWN_KEY = re.compile(r"does not accept option '([\w.+-]+)'")


def _one_line(message: str, known: Iterable[str]) -> str:
    """Return jsonargparse's message in one line, with the closest option if one was mistyped.

    Args:
        message: the parser's message, usually several lines.
        known: names of the options of the parser that failed.
    """
    names = [name.replace("init_args.", "") for name in known]
    mistyped = re.search(r"[Uu]nrecognized arguments?: (.*)", message)
    if mistyped:
        for word in mistyped.group(1).split():
            option = word.lstrip("-").partition("=")[0]
            if word.startswith("-"):
                return unknown_option(option, names)
    if "arguments are required: backbone" in message:
        return (
            "which network? give --model.backbone NAME, or --config transfer, quickstart, resnet50 "
            "or timm"
        )
    inner = re.search(r"Option '([\w.-]+)' is not accepted", message)
    if inner:
        option = inner.group(1)
        allowed = ", ".join(names)
        return f"unknown option {option!r}{did_you_mean(option, names)} (there are: {allowed})"
    where = re.search(r'Parser key "([\w.]+)"', message)
    needed = [
        kind for kind in re.findall(r"Expected an? <class '(\w+)'>", message) if kind != "NoneType"
    ]
    got = re.search(r"(?:Got value|Given value): (.*)", message)
    if where and needed and got:
        kinds = " or ".join(dict.fromkeys(needed))
        return f"--{where.group(1)}: expected {kinds}, got {got.group(1).strip()!r}"
    choices = re.search(r"Expected a typing\.Literal\[(.*?)\]", message)
    if where and choices and got:
        return f"--{where.group(1)}: one of {choices.group(1)}; got {got.group(1).strip()!r}"
    inner_errors = re.search(r"\n *Errors:\n(.*)", message, re.DOTALL)
    reasons = re.findall(r"^ *- (.+)$", inner_errors.group(1), re.MULTILINE) if inner_errors else []
    reasons = [
        line
        for line in reasons
        if not line.startswith(("Expected", "Not a valid", "a class", "a dict"))
    ]
    if reasons:
        return f"--{where.group(1)}: {reasons[0]}" if where else reasons[0]
    not_loaded = re.search(r"Parser key \"(\w+)\": Unable to load config '(.*?)'", message)
    if not_loaded:
        key, value = not_loaded.groups()
        more = "; the data set is given by --data.root" if key == "data" else ""
        return f"--{key} {value}: not a configuration{more}"
    words = " ".join(message.split())
    return words if len(words) <= 400 else f"{words[:400]} ..."


_NESTED = re.compile(r"^(unknown option '?(?:--)?|--)([\w.+-]+)('?)")
_CLASSES = (
    *("--model", "--model.backbone", "--model.optimizer", "--model.lr_scheduler"),
    *("--data.source", "--trainer.callbacks", "--ablation", "--attribution"),
)
"""Options that name a class and are followed by the options of that class."""


def spelled_out(text: str, arguments: Sequence[str]) -> str:
    """Return a message with the full name of the option that it begins with.

    A nested parser calls `--model.loss` `--loss`. The full name is the option with that ending
    among the arguments, or in the configuration files among them.

    Args:
        text: the message.
        arguments: the parsed arguments.
    """
    typed = [word.partition("=")[0].rstrip("+") for word in arguments if word.startswith("--")]
    lacking = re.match(r"the following arguments are required: (\w+)$", text)
    if lacking:
        named = [
            word.partition("=")[0].rstrip("+") for word in arguments if not word.endswith("=[]")
        ]
        chosen = list(dict.fromkeys(word for word in named if word in _CLASSES)) or ["--model"]
        instead = _instead(arguments) if lacking.group(1) == "region" else ""
        needed = " or ".join(
            f"{word}.{lacking.group(1)}" for word in (["--ablation"] if instead else chosen)
        )
        return f"{needed} is needed{instead}"
    match = _NESTED.match(text)
    if not match:
        return text
    name = match.group(2)
    if f"--{name}" in typed:
        return text
    where = ""
    full = next((word for word in reversed(typed) if word.endswith(f".{name}")), None)
    if full is None:
        holders = [Path(word) for word in values(arguments, "--config")]
        paths = ((path, key) for path in reversed(holders) for key in _keys_of(path))
        holder = next(((path, key) for path, key in paths if key.endswith(f".{name}")), None)
        if holder is None:
            return text
        where, full = f"{holder[0]}: ", f"--{holder[1]}"
    if not text.startswith("unknown"):
        return f"{where}{full}{text[match.end() :]}"
    if "(there are: defaults)" in text:  # a factory without a class
        return f"{where}{full}: of which class? name it first, as in --model.optimizer Adam"
    better = hint(full)
    if better:
        return f"{where}unknown option {full}{better}"
    prefix = full.removesuffix(name.rpartition(".")[2])
    rest = re.sub(
        r"did you mean '(?:--)?[\w.]*?(\w+)'", rf"did you mean '{prefix}\1'", text[match.end() :]
    )
    return f"{where}unknown option {full}{rest}"


def _instead(arguments: Sequence[str]) -> str:
    """Return what to use instead of the ablations among the arguments that require a region."""
    chosen = [
        name
        for name in INSTEAD
        if any(word.partition("=")[2] == find("ablations", name).path for word in arguments)
    ]
    hints = "; ".join(f"{name}{INSTEAD[name]}" for name in chosen)
    return f", as in --ablation.region logo, for {hints}" if chosen else ""


def _keys_of(path: Path) -> list[str]:
    """Return the keys of a configuration file, as options spell them: `model.backbone.name`."""
    keys: list[str] = []

    def walk(tree: Any, before: str) -> None:
        for entry in tree if isinstance(tree, list) else [tree]:
            for key, value in entry.items() if isinstance(entry, dict) else ():
                name = before if key == "init_args" else f"{before}.{key}".lstrip(".")
                keys.append(name)
                walk(value, name)

    try:
        walk(read_yaml(path), "")
    except MemlabError:
        return []
    return keys


def unknown_key(error: MemlabError, known: Iterable[str], configs: Iterable[Path]) -> MemlabError:
    """Return the error; for an unknown configuration key, name the file and the closest key."""
    match = _UNKNOWN_KEY.search(str(error))
    if not match:
        return error
    key = match.group(1)
    names = [name.replace("init_args.", "") for name in known]
    holder = next((f"{path}: " for path in configs if _holds(path, key.split("."))), "")
    return MemlabError(f"{holder}unknown key {key!r}{did_you_mean(key, names)}")


def in_file(error: MemlabError, arguments: Iterable[str], files: Iterable[Path]) -> MemlabError:
    """Return the error, prefixed with the run's configuration if no option gave the value."""
    text = str(error)
    match = re.match(r'--([\w.]+): |Parser key "([\w.]+)"', text)
    path = next(iter(files), None)
    if not match or path is None:
        return error
    key = f"--{match[1] or match[2]}"
    typed = any(word.partition("=")[0].removesuffix("+") == key for word in arguments)
    return error if typed else MemlabError(f"{path}: {text}")


def known_error(error: BaseException) -> MemlabError | None:
    """Return the MemlabError that caused an exception, or None."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MemlabError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


_LIGHTNING = (
    (
        r"No supported gpu backend found|CUDAAccelerator. can not run|GPU.* not available|"
        r"MPSAccelerator. can not run",
        "--trainer.accelerator: torch finds no such GPU on this machine; use cpu or auto",
    ),
    (
        r"You requested gpu: (\[.*?\])\s+But your machine only has: (\[.*?\])",
        r"--trainer.devices: GPUs \1 were asked for; this machine has \2",
    ),
    (
        r"`Trainer\(devices='?(.*?)'?\)` value is not a valid input using (\w+) accelerator",
        r"--trainer.devices \1: at least 1, or auto",
    ),
    (
        r"`devices` selected with `CPUAccelerator` should be an int > 0",
        "--trainer.devices: on the CPU the number of processes, at least 1, or auto",
    ),
    (
        r"Requirement '(\w+)\S*' not met",
        r"--trainer.accelerator: this one needs the package \1; use cpu, gpu or auto",
    ),
    (
        r"You selected an invalid strategy name: `strategy='?(.*?)'?`",
        r"--trainer.strategy \1: unknown; auto or ddp",
    ),
    (
        r"You selected an invalid accelerator name: `accelerator='?(.*?)'?`",
        r"--trainer.accelerator \1: unknown; cpu, gpu or auto",
    ),
)
"""Messages of Lightning that name no option, and memlab's replacements."""


def readable(error: BaseException) -> MemlabError:
    """Return a constructor's error about its arguments as a MemlabError of one line.

    Args:
        error: the exception raised by Lightning, torch or a plugin.
    """
    words = " ".join(str(error).split())
    for pattern, better in _LIGHTNING:
        match = re.search(pattern, words)
        if match:
            return MemlabError(match.expand(better))
    return MemlabError(words[:400] or type(error).__name__)


def _holds(path: Path, keys: list[str]) -> bool:
    tree: Any = read_yaml(path)
    for key in keys:
        if not isinstance(tree, dict) or key not in tree:
            return False
        tree = tree[key]
    return True
