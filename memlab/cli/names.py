"""Short names to class paths, in argv and in configuration files. Standard library and YAML only.

`--ablation blur --ablation.sigma 4 --ablation grayscale` becomes what the parser reads natively: a
list that the first name starts, and later ones join. Nothing is imported to do so, and a mistyped
name ends here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from memlab.ablations import FAMILIES
from memlab.cli.configs import find_config
from memlab.errors import MemlabError, PluginError, did_you_mean
from memlab.registry import GROUPS, find, load, plugins

LISTS = {"--ablation": "ablations", "--attribution": "attributions"}
"""Options that may be repeated, and the groups of their names."""

SINGLES = {
    "--model": "models",
    "--model.backbone": "backbones",
    "--data.source": "sources",
    "--trainer.callbacks": "callbacks",
}
"""Options that take one name, or, with `+=`, one more."""

DEFAULT_MODEL = "regressor"


def class_path(group: str, name: str) -> str:
    """The dotted path that a name means; a dotted path, or module:Class, stays what it is.

    Raises:
        PluginError: if there is no such plugin; with the closest name.
    """
    distribution = name.partition(":")[0].lower() if ":" in name else ""
    known = {plugin.distribution.lower() for plugin in plugins(group)}
    if "." in name or (distribution and distribution not in known):
        return name.replace(":", ".")
    return find(group, name).path


def expand_list(group: str, name: str) -> list[str]:
    """The class paths that one value of a repeatable option means.

    `all` means every plugin of the group, `none` none, and a family of ablations its members.
    """
    if name == "none":
        return []
    if name == "all":
        return [plugin.path for plugin in plugins(group) if not plugin.problem]
    if group == "ablations" and name in FAMILIES:
        members = []
        for plugin in plugins(group):
            try:
                member = load(group, plugin.name)
            except PluginError:  # broken ones only fail the run that asks for them by name
                continue
            if getattr(member, "family", None) == name:
                members.append(plugin.path)
        if not members:
            raise PluginError(f"no ablation of the family {name!r} is installed")
        return members
    return [class_path(group, name)]


def expand_arguments(arguments: Sequence[str]) -> list[str]:
    """Rewrite the arguments of a command: names to class paths, `--config NAME` to a file."""
    rewritten: list[str] = []
    started: set[str] = set()
    rest = iter(arguments)
    for argument in rest:
        option, joined, value = argument.partition("=")
        adding = option.endswith("+")
        bare = option.removesuffix("+")
        change = _CHANGES.get(bare)
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


def load_named(arguments: Sequence[str]) -> None:
    """Import the plugins that rewritten arguments, and the configurations among them, name.

    The parser would import them too, but a broken one would end in its own words there.

    Raises:
        PluginError: naming the broken plugin and its distribution.
    """
    texts = list(arguments)
    for option, value in pairwise(arguments):
        if option == "--config":
            tree = expand_tree(yaml.safe_load(Path(value).read_text(encoding="utf-8")))
            texts.append(yaml.safe_dump(tree))
    for group in GROUPS:
        for plugin in plugins(group):
            if any(re.search(rf"{re.escape(plugin.path)}\b", text) for text in texts):
                plugin.load()


def _list_option(option: str, value: str, adding: bool) -> list[str]:
    if value.startswith(("[", "{")):  # a list or an object as the parser spells it
        return [f"{option}{'+' if adding else ''}={value}"]
    paths = expand_list(LISTS[option], value)
    if not adding:
        return [f"{option}=[{', '.join(paths)}]"]
    return [f"{option}+={path}" for path in paths]


def _single_option(option: str, value: str, adding: bool) -> list[str]:
    if value.startswith(("[", "{")) or value in ("null", "true", "false"):
        return [f"{option}={value}"]
    path = class_path(SINGLES[option], value)
    return [f"{option}{'+' if option == '--trainer.callbacks' or adding else ''}={path}"]


def _config_option(_option: str, value: str, _adding: bool) -> list[str]:
    path = find_config(value)
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
        expand_tree(tree)  # a mistyped name ends here, before anything heavy is imported
    except yaml.YAMLError as error:
        raise MemlabError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    except PluginError as error:
        raise PluginError(f"{path}: {error}") from error
    if not isinstance(tree, dict):
        raise MemlabError(f"{path}: not a configuration (no keys in it)")
    return ["--config", str(path)]


_CHANGES: dict[str, Callable[[str, str, bool], list[str]]] = {
    **dict.fromkeys(LISTS, _list_option),
    **dict.fromkeys(SINGLES, _single_option),
    "--config": _config_option,
    "-c": _config_option,
}


def expand_tree(tree: Any) -> Any:
    """Rewrite a configuration file's content: names to class paths wherever a plugin may stand.

    A `model:` without `class_path` means the default model with these arguments.
    """
    if not isinstance(tree, dict):
        return tree
    tree = dict(tree)
    for key, option in (("ablation", "--ablation"), ("attribution", "--attribution")):
        if key in tree:
            tree[key] = _expand_items(LISTS[option], tree[key])
    if isinstance(tree.get("model"), dict | str):
        tree["model"] = _expand_model(tree["model"])
    data = tree.get("data")
    if isinstance(data, dict) and data.get("source") is not None:
        tree["data"] = {**data, "source": _expand_one("sources", data["source"])}
    trainer = tree.get("trainer")
    if isinstance(trainer, dict):
        tree["trainer"] = {
            key: _expand_callbacks(value) if key.removesuffix("+") == "callbacks" else value
            for key, value in trainer.items()
        }
    return tree


def _expand_items(group: str, value: Any) -> Any:
    items = value if isinstance(value, list) else [value]
    expanded: list[Any] = []
    for item in items:
        if isinstance(item, str):
            expanded += expand_list(group, item)
        elif item is not None:
            expanded.append(_expand_one(group, item))
    return [{"class_path": item} if isinstance(item, str) else item for item in expanded]


def _expand_one(group: str, value: Any) -> Any:
    if isinstance(value, str):
        return {"class_path": class_path(group, value)}
    if isinstance(value, dict) and isinstance(value.get("class_path"), str):
        return {**value, "class_path": class_path(group, value["class_path"])}
    return value


def _expand_model(model: dict[str, Any] | str) -> Any:
    if isinstance(model, dict) and "class_path" not in model:
        model = {"class_path": DEFAULT_MODEL, "init_args": model.get("init_args", model)}
    expanded = _expand_one("models", model)
    arguments = expanded.get("init_args") or {}
    if isinstance(arguments, dict) and arguments.get("backbone") is not None:
        backbone = _expand_one("backbones", arguments["backbone"])
        expanded = {**expanded, "init_args": {**arguments, "backbone": backbone}}
    return expanded


def _expand_callbacks(value: Any) -> Any:
    items = value if isinstance(value, list) else [value]
    known = {plugin.name for plugin in plugins("callbacks")}
    expanded = []
    for item in items:
        name = item.get("class_path") if isinstance(item, dict) else item
        # Lightning's own callbacks may go by their bare class names
        if isinstance(name, str) and "." not in name and name[:1].islower() and name not in known:
            raise PluginError(f"unknown callback {name!r}{did_you_mean(name, known)}")
        ours = isinstance(name, str) and (name in known or "." in name)
        expanded.append(_expand_one("callbacks", item) if ours else item)
    return expanded
