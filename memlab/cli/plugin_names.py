"""Class paths that plugin names refer to. Only all and families load plugins."""

from __future__ import annotations

import sys
from typing import Any

from memlab.ablations import FAMILIES, RENAMED_FAMILIES
from memlab.errors import MemlabError, PluginError
from memlab.registry import Plugin, current_path, find, load, plugins, say_renamed
from memlab.spec import import_typed, required_arguments, search_here
from memlab.trust import guard, is_path, trust

LISTS = {"--ablation": "ablations", "--attribution": "attributions"}
"""Repeatable options, and the plugin groups of their names."""


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
    members. `all` and families leave out classes that require an argument, such as `remove`.
    """
    if name == "none":
        return []
    if name == "all":
        return [plugin.path for plugin, _ in _sound(group)]
    if group == "ablations" and (family := RENAMED_FAMILIES.get(name)):
        say_renamed(name, family)
        name = family
    if group == "ablations" and name in FAMILIES:
        sound = _sound(group)
        members = [(plugin, cls) for plugin, cls in sound if getattr(cls, "family", None) == name]
        if not members:
            raise PluginError(f"no ablation of the family {name!r} is installed")
        return [plugin.path for plugin, _ in members]
    return [class_path(group, name)]


def _sound(group: str) -> list[tuple[Plugin, type[Any]]]:
    # A broken plugin, or a name registered twice, fails only runs that ask for it by name.
    working = []
    for plugin in plugins(group):
        try:
            cls = load(group, plugin.name)
            required = required_arguments(cls)
            if required:
                _say_left_out(plugin, group, required[0])
                continue
            if group == "ablations":
                _check_made(plugin, cls)
            working.append((plugin, cls))
        except PluginError as error:
            print(f"memlab: left out: {error}", file=sys.stderr)  # noqa: T201
    return working


def _say_left_out(plugin: Plugin, group: str, argument: str) -> None:
    """Say that a third-party class needs an argument; of memlab's own, `remove` documents it."""
    if plugin.distribution != "memlab":
        option = f"--{group.removesuffix('s')}"
        asked = f"{option} {plugin.name} {option}.{argument} VALUE"
        print(  # noqa: T201
            f"memlab: left out: {plugin.name!r} requires an argument; give {asked}", file=sys.stderr
        )


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


def is_foreign(name: str, path: str) -> bool:
    """Return whether `package.module:Class` is a plain torch module, which needs a wrapper.

    This requires importing it.
    """
    if ":" not in name or path != name.replace(":", "."):
        return False
    cls = import_typed(name)
    from memlab.models.base import MemorabilityModel

    return not issubclass(cls, MemorabilityModel)


def callback_path(name: str) -> str:
    """Return the class path of a callback; one that is always on is refused."""
    # Lightning's own callbacks are named by their class names.
    if name.isidentifier() and name[:1].isupper():
        return name
    path = class_path("callbacks", name)
    if path in (find("callbacks", reference).path for reference in ALWAYS_ON):
        raise MemlabError(
            f"callback {name!r} is always on; choose by --ablation, --doses, --scan, "
            "--attribution, --maps, --maps_of"
        )
    return path
