"""The parser's messages, cut to the line that a person needs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from memlab.errors import MemlabError, did_you_mean
from memlab.reading import read_yaml


class OneLineErrors:
    """Mixed into a parser of jsonargparse: errors become a MemlabError of one line."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Say what is wrong, with the closest option where one was mistyped."""
        known = known_error(ex) if ex else None
        if known:
            raise known
        options = self.get_defaults().keys(branches=True)  # type: ignore[attr-defined]
        raise MemlabError(one_line(message, options)) from ex


_UNKNOWN_KEY = re.compile(r"does not accept option '([\w.+-]+)'")


def one_line(message: str, known: Iterable[str]) -> str:
    """What jsonargparse says, in one line, with the closest option where one was mistyped.

    Args:
        message: the parser's message, several lines as a rule.
        known: names of the options that the parser which failed has.
    """
    names = [name.replace("init_args.", "") for name in known]
    mistyped = re.search(r"[Uu]nrecognized arguments?: (.*)", message)
    if mistyped:
        for word in mistyped.group(1).split():
            option = word.lstrip("-").partition("=")[0]
            if word.startswith("-"):
                return f"unknown option --{option}{did_you_mean(option, names)}"
    if "arguments are required: backbone" in message:
        return "which network? give --model.backbone NAME, or --config quickstart, resnet50 or timm"
    inner = re.search(r"Option '([\w.-]+)' is not accepted", message)
    if inner:
        option = inner.group(1)
        allowed = ", ".join(names)
        return f"unknown option {option!r}{did_you_mean(option, names)} (there are: {allowed})"
    where = re.search(r'Parser key "([\w.]+)"', message)
    wanted = [
        kind for kind in re.findall(r"Expected an? <class '(\w+)'>", message) if kind != "NoneType"
    ]
    got = re.search(r"(?:Got value|Given value): (.*)", message)
    if where and wanted and got:
        kinds = " or ".join(dict.fromkeys(wanted))
        return f"--{where.group(1)}: expected {kinds}, got {got.group(1).strip()!r}"
    choices = re.search(r"Expected a typing\.Literal\[(.*?)\]", message)
    if where and choices and got:
        return f"--{where.group(1)}: one of {choices.group(1)}; got {got.group(1).strip()!r}"
    words = " ".join(message.split())
    return words if len(words) <= 400 else f"{words[:400]} ..."


def unknown_key(error: MemlabError, known: Iterable[str], configs: Iterable[Path]) -> MemlabError:
    """The same error, or, for an unknown configuration key, one that names file and closest key."""
    found = _UNKNOWN_KEY.search(str(error))
    if not found:
        return error
    key = found.group(1)
    names = [name.replace("init_args.", "") for name in known]
    holder = next((f"{path}: " for path in configs if _holds(path, key.split("."))), "")
    return MemlabError(f"{holder}unknown key {key!r}{did_you_mean(key, names)}")


def in_file(error: MemlabError, arguments: Iterable[str], files: Iterable[Path]) -> MemlabError:
    """The same error, with the run's configuration before it where no option gave the value."""
    text = str(error)
    found = re.match(r'--([\w.]+): |Parser key "([\w.]+)"', text)
    path = next(iter(files), None)
    if not found or path is None:
        return error
    key = f"--{found[1] or found[2]}"
    given = any(word.partition("=")[0].removesuffix("+") == key for word in arguments)
    return error if given else MemlabError(f"{path}: {text}")


def known_error(error: BaseException) -> MemlabError | None:
    """The MemlabError that lies behind an exception, if there is one."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MemlabError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


def _holds(path: Path, keys: list[str]) -> bool:
    tree: Any = read_yaml(path)
    for key in keys:
        if not isinstance(tree, dict) or key not in tree:
            return False
        tree = tree[key]
    return True
