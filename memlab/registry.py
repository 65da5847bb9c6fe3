"""Registry of plugins: entry points are found without imports and loaded one by one.

memlab's built-in parts register through the same groups as third-party packages. Finding plugins
imports nothing. Only the plugin that a run asks for is loaded, so a broken plugin cannot break
`memlab --help`. `MEMLAB_PLUGINS=none` leaves only memlab's own plugins;
`MEMLAB_PLUGINS=dist1,dist2` adds those of two distributions. This module imports only the standard
library.
"""

from __future__ import annotations

import functools
import importlib
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

from memlab.errors import PluginError, did_you_mean

GROUPS: dict[str, str] = {
    "backbones": "features for a trainable regressor",
    "models": "whole predictors of memorability",
    "ablations": "changes that remove a property of an image",
    "regions": "detectors of faces, people, objects, text",
    "attributions": "ways to explain a score",
    "sources": "layouts of data sets",
    "callbacks": "what runs after fitting and in test",
}
"""The plugin groups and what their plugins are; the entry-point group of x is `memlab.x`."""

_WHITE_BOX = (
    *("chroma", "constant", "face_chroma", "face_luminance"),
    *("high_frequency", "random_conv", "redness", "watermark"),
)

RENAMED: dict[str, dict[str, str]] = {
    "models": {f"oracle_{name}": f"white_box_{name}" for name in _WHITE_BOX},
    "ablations": {"foreground_only": "remove_background"},
    "sources": {"scenes": "synthetic"},
}
"""Old name to new name of memlab's own plugins, by group; old names are read for one version."""

MOVED: dict[str, str] = {
    "memlab.ablations.crops.ForegroundOnly": "memlab.ablations.removal.RemoveBackground",
    "memlab.ablations.swaps.SwapPalette": "memlab.ablations.colour_swaps.SwapPalette",
    "memlab.data.sources.scenes.ScenesSource": "memlab.data.sources.synthetic.SyntheticSource",
}
"""Old path to new path of memlab's own classes, as recorded in runs and checkpoints."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Plugin:
    """One entry point: a name in a group, and the distribution that registers it."""

    group: str
    name: str
    value: str
    distribution: str
    version: str

    @property
    def path(self) -> str:
        """Return the dotted path of the class, as configuration files spell it."""
        return self.value.replace(":", ".")

    @property
    def problem(self) -> str | None:
        """Return why the entry point itself is not usable, or `None`; nothing is imported."""
        if not _NAME.fullmatch(self.name):
            return f"the name {self.name!r} is not lower-case letters, digits and underscores"
        if not re.fullmatch(r"[\w.]+:\w+", self.value):
            return f"{self.value!r} is not of the form 'package.module:Class'"
        return None

    def load(self) -> type[Any]:
        """Import and return the class.

        Raises:
            PluginError: if the entry point or its module is broken; names the distribution.
        """
        origin = f"plugin {self.name!r} ({self.distribution} {self.version}, {self.value})"
        if self.problem:
            raise PluginError(f"{origin} is broken: {self.problem}")
        module, _, name = self.value.partition(":")
        try:
            loaded = getattr(importlib.import_module(module), name)
        except Exception as error:  # a third-party module may raise anything on import
            first = (str(error).strip().splitlines() or [""])[0]
            raise PluginError(
                f"{origin} cannot be imported: {type(error).__name__}: {first}; "
                "repair or uninstall it, or set MEMLAB_PLUGINS=none"
            ) from error
        if not isinstance(loaded, type):
            raise PluginError(f"{origin} is broken: it is not a class")
        return loaded


@functools.cache
def _discover(group: str, allowed: str | None) -> tuple[Plugin, ...]:
    wanted = None if allowed is None else {part.strip().lower() for part in allowed.split(",")}
    found = set()
    for point in entry_points(group=f"memlab.{group}"):
        distribution = point.dist.name if point.dist else "unknown"
        version = point.dist.version if point.dist else "0"
        if wanted is None or distribution.lower() in wanted | {"memlab"}:
            found.add(Plugin(group, point.name, point.value, distribution, version))
    return tuple(sorted(found, key=lambda plugin: (plugin.name, plugin.distribution)))


def plugins(group: str) -> tuple[Plugin, ...]:
    """Return all plugins of a group, by name, including memlab's own. Nothing is imported."""
    if group not in GROUPS:
        raise PluginError(f"unknown plugin group {group!r}{did_you_mean(group, GROUPS)}")
    return _discover(group, os.environ.get("MEMLAB_PLUGINS"))


def current(group: str, name: str) -> str:
    """Return the current name of a plugin; a note on stderr says once that an old name was used.

    A plugin that is registered under the old name keeps it.

    Args:
        group: the plugin group.
        name: a name, or `distribution:name`.
    """
    distribution, colon, bare = name.rpartition(":")
    new = RENAMED.get(group, {}).get(bare)
    if new is None or distribution.lower() not in ("", "memlab"):
        return name
    if any(plugin.name == bare for plugin in plugins(group)):
        return name
    say_renamed(bare, new)
    return f"{distribution}{colon}{new}"


def current_path(path: str) -> str:
    """Return the dotted path at which a class that a file names is now."""
    return MOVED.get(path, path)


@functools.cache
def say_renamed(old: str, new: str) -> None:
    """Say on stderr that something has a new name; once in a process for each old name."""
    print(  # noqa: T201
        f"memlab: {old!r} is now called {new!r}; the next version will not read the old name",
        file=sys.stderr,
    )


def find(group: str, name: str) -> Plugin:
    """Return the plugin that `name` (or `distribution:name`) refers to; old names are read, too.

    Raises:
        PluginError: if no distribution registers the name, or if several do and the reference names
            no distribution.
    """
    known = plugins(group)
    name = current(group, name)
    distribution, _, bare = name.rpartition(":")
    found = [
        plugin
        for plugin in known
        if plugin.name == bare and distribution.lower() in ("", plugin.distribution.lower())
    ]
    if len(found) > 1:
        choices = " or ".join(f"{plugin.distribution}:{plugin.name}" for plugin in found)
        raise PluginError(f"{group[:-1]} {name!r} is claimed by several packages; write {choices}")
    if not found:
        names = sorted({plugin.name for plugin in known})
        listed = ", ".join(names) or "none"
        raise PluginError(
            f"unknown {group[:-1]} {name!r}{did_you_mean(bare, names)} (installed: {listed})"
        )
    return found[0]


def load(group: str, name: str) -> type[Any]:
    """Import the class that `name` refers to in `group`; raises as `find` and `Plugin.load` do."""
    return find(group, name).load()


def find_with_file(group: str, ref: str) -> tuple[Plugin, str] | None:
    """Return the plugin and the file that `NAME:FILE` refers to, or `None` for other references.

    `distribution:name` refers to a plugin even if a distribution has the same name as a plugin. The
    plugin itself checks whether the file exists.

    Raises:
        PluginError: if several distributions register the name.
    """
    name, colon, file = ref.partition(":")
    known = plugins(group)
    if name in RENAMED.get(group, {}):
        name = current(group, name)
    if not colon or not file or name not in {plugin.name for plugin in known}:
        return None
    if any((plugin.distribution.lower(), plugin.name) == (name.lower(), file) for plugin in known):
        return None
    return find(group, name), file


def plugin_at(path: str, groups: Iterable[str] = GROUPS) -> Plugin | None:
    """Return the plugin whose class is at a dotted path, or `None`; the path is never imported.

    An entry point may name a package that re-exports the class, while `path` names the module that
    defines the class. In that case plugins of the same package are loaded and their classes
    compared.

    Args:
        path: dotted path of a class, as a file spells it.
        groups: the groups to search.
    """
    path = current_path(path)
    known = [plugin for group in groups for plugin in plugins(group) if plugin.problem is None]
    for plugin in known:
        if plugin.path == path:
            return plugin
    package = path.partition(".")[0]
    for plugin in known:
        if package == "memlab" or plugin.value.partition(":")[0].partition(".")[0] != package:
            continue  # memlab's own entry points name the modules that define the classes
        try:
            cls = plugin.load()
        except PluginError:  # a broken plugin fails only the run that asks for it
            continue
        if f"{cls.__module__}.{cls.__qualname__}" == path:
            return plugin
    return None


def plugin_of(cls: type[Any]) -> Plugin | None:
    """Return the entry point under which a class is registered, or `None` if there is none."""
    for group in GROUPS:
        for plugin in plugins(group):
            module, _, name = plugin.value.partition(":")
            # Compare by identity: the entry point may name a package that re-exports the class.
            if getattr(sys.modules.get(module), name, None) is cls:
                return plugin
    return None


def described(cls: type[Any]) -> str:
    """Return the name of a class for messages: plugin and distribution, or the dotted path."""
    plugin = plugin_of(cls)
    if plugin is None:
        return f"{cls.__module__}.{cls.__qualname__}"
    return f"plugin {plugin.name!r} ({plugin.distribution} {plugin.version})"
