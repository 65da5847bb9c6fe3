"""memlab plugins: installed plugins, their distributions, and their problems."""

from __future__ import annotations

from collections import Counter
from importlib.metadata import metadata

from memlab.cli.options import Options
from memlab.errors import MemlabError, MissingWeightsError
from memlab.registry import GROUPS, Plugin, plugins

DESCRIPTION = """\
List the installed plugins of each group: name, distribution, version, class; then what each
distribution other than memlab says of itself.

--check imports each and holds it to its contract (memlab.testing); exit code 1 if one fails.
What wants weights that are not on this machine cannot be checked, and does not fail.
MEMLAB_PLUGINS=none leaves memlab's own; MEMLAB_PLUGINS=dist1,dist2 adds those distributions.
"""


def run(arguments: list[str]) -> int:
    """List plugins; return the exit code."""
    parser = Options("plugins", DESCRIPTION)
    parser.add_argument("--check", action="store_true", help="import each and check its contract")
    options = parser.parse_args(arguments[1:])
    installed = [plugin for group in GROUPS for plugin in plugins(group)]
    states = {plugin: _state(plugin, options.check) for plugin in installed}
    for group, meaning in GROUPS.items():
        print(f"{group}: {meaning}")  # noqa: T201
        for plugin in plugins(group):
            origin = f"{plugin.distribution} {plugin.version}"
            line = f"  {plugin.name:<22} {origin:<28} {plugin.value:<58} {states[plugin]}"
            print(line.rstrip())  # noqa: T201
        if not plugins(group):
            print("  (none)")  # noqa: T201
    for name in sorted({plugin.distribution for plugin in installed} - {"memlab", "unknown"}):
        summary = metadata(name)["Summary"]
        print(f"{name}: {summary}" if summary else name)  # noqa: T201
    return 1 if any(state.startswith(_WRONG) for state in states.values()) else 0


_WRONG = ("broken", "claimed twice")


def _state(plugin: Plugin, check: bool) -> str:
    if plugin.problem:
        return f"broken: {plugin.problem}"
    names = Counter(other.name for other in plugins(plugin.group))
    if names[plugin.name] > 1:
        return f"claimed twice: write {plugin.distribution}:{plugin.name}"
    if not check:
        return ""
    from memlab.testing import check_plugin

    try:
        check_plugin(plugin.group, plugin.load())
    except MissingWeightsError as error:
        return f"cannot run here: {error}"
    except MemlabError as error:
        return f"broken: {error}"
    return "sound"
