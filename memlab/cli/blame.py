"""One-line errors for exceptions raised by a plugin's code."""

from __future__ import annotations

import traceback
from pathlib import Path

from memlab.errors import MemlabError, PluginError
from memlab.registry import GROUPS, Plugin, plugin_of, plugins


def plugin_error(error: BaseException) -> PluginError | None:
    """Return a one-line error for an exception raised in, or below, a third-party plugin's code.

    Args:
        error: the exception; a MemlabError has its own line.

    Returns:
        An error that names the plugin, its distribution, the exception and the line of code; None
        if no third-party plugin was involved.
    """
    if isinstance(error, MemlabError):
        return None
    modules = _third_party()
    chain = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) and cause not in chain:
        chain.append(cause)
    for each in chain:
        plugin = _in_plugin(each, modules)
        if plugin is not None:
            return plugin
    return None


def _in_plugin(error: BaseException, modules: dict[str, Plugin]) -> PluginError | None:
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        name = str(frame.f_globals.get("__name__", ""))
        match = modules.get(name) or modules.get(name.partition(".")[0])
        if match is None:
            continue
        # A module may hold several plugins: choose the plugin whose method is running.
        plugin = plugin_of(type(frame.f_locals.get("self"))) or match
        said = " ".join(str(error).split())[:200]
        file = Path(frame.f_code.co_filename).name
        return PluginError(
            f"plugin {plugin.name!r} ({plugin.distribution} {plugin.version}) failed: "
            f"{type(error).__name__}: {said} ({file}, line {line})"
        )
    return None


def _third_party() -> dict[str, Plugin]:
    """Return modules and packages of installed plugins other than memlab's own."""
    by_module: dict[str, Plugin] = {}
    for group in GROUPS:
        for plugin in plugins(group):
            module = plugin.value.partition(":")[0]
            if module.partition(".")[0] != "memlab":
                by_module.setdefault(module.partition(".")[0], plugin)
                by_module[module] = plugin
    return by_module
