"""An exception from a plugin's code, told in one line that names the plugin."""

from __future__ import annotations

import traceback
from pathlib import Path

from memlab.errors import MemlabError, PluginError
from memlab.registry import GROUPS, Plugin, plugin_of, plugins


def plugin_error(error: BaseException) -> PluginError | None:
    """The line for an exception that was raised in, or below, code of a third-party plugin.

    Args:
        error: what was raised; a MemlabError has its own line.

    Returns:
        It names the plugin, its distribution, the exception and the plugin's line; None where no
        third-party plugin took part.
    """
    if isinstance(error, MemlabError):
        return None
    modules = _third_party()
    chain = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) and cause not in chain:
        chain.append(cause)
    for each in chain:
        found = _in_plugin(each, modules)
        if found is not None:
            return found
    return None


def _in_plugin(error: BaseException, modules: dict[str, Plugin]) -> PluginError | None:
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        name = str(frame.f_globals.get("__name__", ""))
        found = modules.get(name) or modules.get(name.partition(".")[0])
        if found is None:
            continue
        # a module may hold several plugins: the one whose method it is
        plugin = plugin_of(type(frame.f_locals.get("self"))) or found
        said = " ".join(str(error).split())[:200]
        file = Path(frame.f_code.co_filename).name
        return PluginError(
            f"plugin {plugin.name!r} ({plugin.distribution} {plugin.version}) failed: "
            f"{type(error).__name__}: {said} ({file}, line {line})"
        )
    return None


def _third_party() -> dict[str, Plugin]:
    """Modules and packages of installed plugins that are not memlab's own."""
    found: dict[str, Plugin] = {}
    for group in GROUPS:
        for plugin in plugins(group):
            module = plugin.value.partition(":")[0]
            if module.partition(".")[0] != "memlab":
                found.setdefault(module.partition(".")[0], plugin)
                found[module] = plugin
    return found
