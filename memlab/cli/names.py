"""Short names to class paths, in argv and in configuration files. Standard library and YAML only.

`--ablation blur --ablation.sigma 4 --ablation grayscale` becomes the parser's own syntax: the first
name starts a list, and later names are appended. A name costs no import, and a mistyped name is
reported here. Only `all` and families load plugins, to find their members.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import yaml

from memlab.cli.config_names import expand_items, expand_tree
from memlab.cli.configs import find_config
from memlab.cli.plugin_names import (
    FOREIGN_MODEL,
    LISTS,
    callback_path,
    class_path,
    expand_list,
    is_foreign,
)
from memlab.cli.runs import is_recorded
from memlab.cli.worlds import read_world
from memlab.errors import MemlabError, PluginError
from memlab.reading import parse_yaml, read_config
from memlab.registry import (
    GROUPS,
    find_with_file,
    plugins,
)
from memlab.trust import reading

SINGLES = {
    "--model": "models",
    "--model.backbone": "backbones",
    "--data.source": "sources",
    "--trainer.callbacks": "callbacks",
}
"""Options that take one name, or, with `+=`, one more."""


def expand_arguments(arguments: Sequence[str]) -> list[str]:
    """Rewrite the arguments of a command: names to class paths, `--config NAME` to a file."""
    rewritten: list[str] = []
    started: set[str] = set()
    rest = iter(_with_csv(arguments))
    for argument in rest:
        option, joined, value = argument.partition("=")
        adding = option.endswith("+")
        bare = option.removesuffix("+")
        change = _CHANGES.get(bare)
        group = {**LISTS, **SINGLES}.get(bare.removesuffix(".help"))
        if group and bare.endswith(".help"):
            value = value if joined else next(rest, "")
            rewritten.append(f"{bare}={class_path(group, value)}")
            continue
        if change is None:
            rewritten.append(argument)
            continue
        if not joined:
            value = next(rest, "")
        if not value or (not joined and value.startswith("--")):
            raise PluginError(f"{bare} needs a value")
        rewritten += change(bare, value, adding or bare in started)
        started.add(bare)
    return rewritten


_OF_CSV = frozenset(
    f"--data.source.{name}" for name in ("file", "image", "score", "separator", "encoding")
)
"""Options of the layout csv, which imply this layout if none is given."""


def _with_csv(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with `--data.source csv` before the first option of a CSV file.

    A third-party layout in a configuration may have options of the same names; then the arguments
    are returned unchanged.
    """
    names = [argument.partition("=")[0] for argument in arguments]
    first = next((index for index, name in enumerate(names) if name in _OF_CSV), None)
    if first is None or "--data.source" in names[:first] or _has_own_source(arguments):
        return list(arguments)
    if "--data.source" in names:  # the parser depends on their order
        index = names.index("--data.source")
        width = 1 if "=" in arguments[index] else 2
        layout = list(arguments[index : index + width])
        rest = [*arguments[:index], *arguments[index + width :]]
        return [*rest[:first], *layout, *rest[first:]]
    return [*arguments[:first], "--data.source", "csv", *arguments[first:]]


def _has_own_source(arguments: Sequence[str]) -> bool:
    known = {plugin.path for plugin in plugins("sources") if plugin.distribution == "memlab"}
    for option, value in pairwise([*arguments, ""]):
        name, joined, typed = option.partition("=")
        if name not in ("--config", "-c"):
            continue
        try:
            tree = yaml.safe_load(find_config(typed if joined else value).read_text("utf-8"))
            source = tree["data"]["source"]
            named = source if isinstance(source, str) else source["class_path"]
            if class_path("sources", named) not in known:
                return True
        except (MemlabError, OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
            continue  # the full parser reports the reason
    return False


def load_named(arguments: Sequence[str]) -> None:
    """Import the plugins named in rewritten arguments and in configurations among them.

    The parser would import them too, but its message for a broken plugin is less helpful.

    Raises:
        PluginError: if a plugin is broken; names the plugin and its distribution.
    """
    texts = list(arguments)
    for option, value in pairwise(arguments):
        if option == "--config":
            tree = expand_tree(read_config(Path(value)))
            texts.append(yaml.safe_dump(tree))
    for group in GROUPS:
        for plugin in plugins(group):
            if any(re.search(rf"{re.escape(plugin.path)}\b", text) for text in texts):
                plugin.load()


def _list_option(option: str, value: str, adding: bool) -> list[str]:
    if value.startswith(("[", "{")):  # a list or an object, spelled as in a file
        items = expand_items(LISTS[option], parse_yaml(value, option))
        added = [f"{option}+={json.dumps(item)}" for item in items]
    else:
        added = [f"{option}+={path}" for path in expand_list(LISTS[option], value)]
    # Empty the list first: if the class at an index stays the same, the parser keeps its arguments.
    return added if adding else [f"{option}=[]", *added]


def _single_option(option: str, value: str, _adding: bool) -> list[str]:
    if value.startswith(("[", "{")) or value in ("null", "true", "false"):
        return [f"{option}={value}"]
    if option == "--trainer.callbacks":
        return [f"{option}+={callback_path(value)}"]
    plugin_and_file = find_with_file("models", value) if option == "--model" else None
    if plugin_and_file is not None:  # NAME:FILE
        return [f"{option}={plugin_and_file[0].path}", f"{option}.weights={plugin_and_file[1]}"]
    path = class_path(SINGLES[option], value)
    if option == "--model" and is_foreign(value, path):
        return [f"{option}={FOREIGN_MODEL}", f"{option}.target={value}"]
    return [f"{option}={path}"]


def _world_option(option: str, value: str, _adding: bool) -> list[str]:
    if value == "null" or value.startswith("{"):
        return [f"{option}={value}"]
    from memlab.spec import plain

    # Replace the whole world, so that no field of the previous world remains.
    return [f"{option}=null", f"{option}={json.dumps(plain(read_world(value)[0]))}"]


def _fresh_option(option: str, value: str, _adding: bool) -> list[str]:
    # Empty the option first: another optimizer must not inherit the previous settings.
    return [f"{option}=null", f"{option}={value}"]


def _config_option(_option: str, value: str, _adding: bool) -> list[str]:
    path = find_config(value)
    tree = read_config(path)
    try:
        with reading(path, is_recorded(path)):
            expand_tree(tree)  # report mistyped names before heavy imports
    except PluginError as error:
        raise PluginError(f"{path}: {error}") from error
    # A list in a file replaces the previous list, arguments included.
    emptied = [f"{option}=[]" for option in LISTS if option.removeprefix("--") in tree]
    return [*emptied, "--config", str(path)]


_CHANGES: dict[str, Callable[[str, str, bool], list[str]]] = {
    **dict.fromkeys(LISTS, _list_option),
    **dict.fromkeys(SINGLES, _single_option),
    **dict.fromkeys(("--model.optimizer", "--model.lr_scheduler"), _fresh_option),
    "--data.source.world": _world_option,
    "--config": _config_option,
    "-c": _config_option,
}
