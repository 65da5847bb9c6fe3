"""Short names to class paths in configuration files."""

from __future__ import annotations

from typing import Any

from memlab.cli.plugin_names import (
    DEFAULT_MODEL,
    FOREIGN_MODEL,
    LISTS,
    callback_path,
    class_path,
    expand_list,
    is_foreign,
)
from memlab.registry import (
    find_with_file,
)


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
            tree[key] = expand_items(group, tree[key])
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


def expand_items(group: str, value: Any) -> Any:
    """Return the items of a list of plugins as class paths with their arguments."""
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
    if is_foreign(name, expanded["class_path"]):
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
            expanded.append({"class_path": callback_path(item)})
        elif isinstance(item, dict) and isinstance(item.get("class_path"), str):
            expanded.append({**item, "class_path": callback_path(item["class_path"])})
        else:
            expanded.append(item)
    return expanded
