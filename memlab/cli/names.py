"""Short names to class paths, in argv and in configuration files. Standard library and YAML only.

`--ablation blur --ablation.sigma 4 --ablation grayscale` becomes the parser's own syntax: the first
name starts a list, and later names are appended. A name costs no import, and a mistyped name is
reported here. Only `all` and families load plugins, to find their members.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from memlab.ablations import FAMILIES, RENAMED_FAMILIES
from memlab.cli.configs import find_config
from memlab.cli.runs import is_recorded
from memlab.cli.worlds import read_world
from memlab.errors import MemlabError, PluginError
from memlab.reading import parse_yaml, read_config
from memlab.registry import (
    GROUPS,
    Plugin,
    current_path,
    find,
    find_with_file,
    load,
    plugins,
    say_renamed,
)
from memlab.spec import import_typed, search_here
from memlab.trust import guard, is_path, reading, trust

LISTS = {"--ablation": "ablations", "--attribution": "attributions"}
"""Repeatable options, and the plugin groups of their names."""

SINGLES = {
    "--model": "models",
    "--model.backbone": "backbones",
    "--data.source": "sources",
    "--trainer.callbacks": "callbacks",
}
"""Options that take one name, or, with `+=`, one more."""

_DECLARED = ("family", "unit", "target", "control", "ladder", "maximum")
"""Class variables that an ablation must declare to be planned."""

DEFAULT_MODEL = "regressor"

FOREIGN_MODEL = "memlab.models.foreign.ForeignModel"
"""Class that wraps any plain torch.nn.Module."""

ALWAYS_ON = (
    "memlab:ablation_evaluation",
    "memlab:attribution_maps",
    "memlab:blind_scan",
    "memlab:records",
)
"""Callbacks that the command line always adds."""


def class_path(group: str, name: str) -> str:
    """Return the dotted path of a name; a dotted path or module:Class is returned unchanged.

    Raises:
        PluginError: if there is no such plugin; suggests the closest name.
    """
    distribution = name.partition(":")[0].lower() if ":" in name else ""
    known = {plugin.distribution.lower() for plugin in plugins(group)}
    if "." in name or (distribution and distribution not in known):
        search_here()
        path = current_path(name.replace(":", "."))
        if guard() is None and is_path(name):  # the user's own code, named by the user
            trust(name)
        return path
    return find(group, name).path


def expand_list(group: str, name: str) -> list[str]:
    """Return the class paths that one value of a repeatable option refers to.

    `all` refers to every plugin of the group, `none` to no plugin, and a family of ablations to its
    members. Of ablations that make the same change, only one is returned.
    """
    if name == "none":
        return []
    if name == "all":
        return _distinct(_sound(group))
    if group == "ablations" and (family := RENAMED_FAMILIES.get(name)):
        say_renamed(name, family)
        name = family
    if group == "ablations" and name in FAMILIES:
        sound = _sound(group)
        members = [(plugin, cls) for plugin, cls in sound if getattr(cls, "family", None) == name]
        if not members:
            raise PluginError(f"no ablation of the family {name!r} is installed")
        return _distinct(members)
    return [class_path(group, name)]


def _distinct(members: list[tuple[Plugin, type[Any]]]) -> list[str]:
    """Return class paths, without classes declared (`same_as`) equal to another member."""
    names = {plugin.name for plugin, _ in members}
    return [
        plugin.path
        for plugin, cls in members
        if vars(cls).get("same_as") not in names  # declared by the class itself, not inherited
    ]


def _sound(group: str) -> list[tuple[Plugin, type[Any]]]:
    # A broken plugin, or a name registered twice, fails only runs that ask for it by name.
    working = []
    for plugin in plugins(group):
        try:
            cls = load(group, plugin.name)
            if group == "ablations":
                _check_made(plugin, cls)
            working.append((plugin, cls))
        except PluginError as error:
            print(f"memlab: left out: {error}", file=sys.stderr)  # noqa: T201
    return working


def _check_made(plugin: Plugin, cls: type[Any]) -> None:
    """Check that an ablation can be created with its defaults and declares what it must."""
    origin = f"plugin {plugin.name!r} ({plugin.distribution} {plugin.version}) is broken"
    try:
        made = cls()
    except Exception as error:  # third-party code may raise anything
        first = (str(error).strip().splitlines() or [""])[0]
        raise PluginError(f"{origin}: {type(error).__name__}: {first}") from error
    missing = [name for name in _DECLARED if not hasattr(made, name)]
    if missing:
        raise PluginError(f"{origin}: it declares no {', '.join(missing)}")


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
        items = _expand_items(LISTS[option], parse_yaml(value, option))
        added = [f"{option}+={json.dumps(item)}" for item in items]
    else:
        added = [f"{option}+={path}" for path in expand_list(LISTS[option], value)]
    # Empty the list first: if the class at an index stays the same, the parser keeps its arguments.
    return added if adding else [f"{option}=[]", *added]


def _single_option(option: str, value: str, _adding: bool) -> list[str]:
    if value.startswith(("[", "{")) or value in ("null", "true", "false"):
        return [f"{option}={value}"]
    if option == "--trainer.callbacks":
        return [f"{option}+={_callback_path(value)}"]
    plugin_and_file = find_with_file("models", value) if option == "--model" else None
    if plugin_and_file is not None:  # NAME:FILE
        return [f"{option}={plugin_and_file[0].path}", f"{option}.weights={plugin_and_file[1]}"]
    path = class_path(SINGLES[option], value)
    if option == "--model" and _foreign(value, path):
        return [f"{option}={FOREIGN_MODEL}", f"{option}.target={value}"]
    return [f"{option}={path}"]


def _foreign(name: str, path: str) -> bool:
    """Return whether `package.module:Class` is a plain torch module, which needs a wrapper.

    This requires importing it.
    """
    if ":" not in name or path != name.replace(":", "."):
        return False
    cls = import_typed(name)
    from memlab.models.base import MemorabilityModel

    return not issubclass(cls, MemorabilityModel)


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


def expand_tree(tree: Any) -> Any:
    """Rewrite a configuration file's content: names to class paths wherever a plugin may stand.

    A `model:` without `class_path` means the default model with these arguments.
    """
    if not isinstance(tree, dict):
        return tree
    tree = dict(tree)
    for key in list(tree):
        group = LISTS.get(f"--{str(key).removesuffix('+')}")
        if group:
            tree[key] = _expand_items(group, tree[key])
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
    plugin_and_file = find_with_file("models", model) if isinstance(model, str) else None
    if plugin_and_file is not None:  # NAME:FILE
        return {"class_path": plugin_and_file[0].path, "init_args": {"weights": plugin_and_file[1]}}
    expanded = _expand_one("models", model)
    name = model if isinstance(model, str) else str(model["class_path"])
    if _foreign(name, expanded["class_path"]):
        return {"class_path": FOREIGN_MODEL, "init_args": {"target": name}}
    arguments = expanded.get("init_args") or {}
    if isinstance(arguments, dict) and arguments.get("backbone") is not None:
        backbone = _expand_one("backbones", arguments["backbone"])
        expanded = {**expanded, "init_args": {**arguments, "backbone": backbone}}
    return expanded


def _expand_callbacks(value: Any) -> Any:
    expanded: list[Any] = []
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str):
            expanded.append({"class_path": _callback_path(item)})
        elif isinstance(item, dict) and isinstance(item.get("class_path"), str):
            expanded.append({**item, "class_path": _callback_path(item["class_path"])})
        else:
            expanded.append(item)
    return expanded


def _callback_path(name: str) -> str:
    # Lightning's own callbacks are named by their class names.
    if name.isidentifier() and name[:1].isupper():
        return name
    path = class_path("callbacks", name)
    if path in (find("callbacks", reference).path for reference in ALWAYS_ON):
        raise MemlabError(
            f"callback {name!r} is always on; choose by --ablation, --doses, --scan, "
            "--attribution, --maps"
        )
    return path
