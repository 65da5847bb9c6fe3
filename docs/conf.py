"""How the site is made: sphinx-build -W --keep-going -b html docs docs/_build/html."""

from __future__ import annotations

import inspect
from importlib.metadata import version as installed
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.inspect import stringify_signature

from memlab.spec import Specified

project = "memlab"
author = "The memlab developers"
project_copyright = author
release = version = installed("memlab")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]

# notebooks run in the tests; the site shows them as they are stored, without results
nb_execution_mode = "off"
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# docstrings write code in single backticks, as Markdown does: links where there is such an object
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
python_use_unqualified_type_names = True
maximum_signature_line_length = 88
add_module_names = False
# a bare name in a docstring may be that of several objects: no link then
suppress_warnings = ["ref.python"]
highlight_language = "none"

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["memlab.css"]
html_title = f"memlab {release}"
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False


def _signature(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str, returned: str
) -> tuple[str, str] | None:
    """The constructor's own arguments: `Specified` notes them in a `__new__` that takes any."""
    if what != "class" or not issubclass(obj, Specified):
        return None
    arguments = list(inspect.signature(obj.__init__).parameters.values())[1:]
    return stringify_signature(inspect.Signature(arguments), show_annotation=False), ""


_written: dict[str, list[str]] = {}


def _keep(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Before napoleon: keep the text of an attribute, of which it takes `Kind: text` for a type."""
    if what in ("attribute", "data", "property"):
        _written[name] = lines[:]


def _restore(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """After napoleon: put it back."""
    lines[:] = _written.pop(name, lines)


def setup(app: Sphinx) -> None:
    """Sphinx calls it."""
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-process-docstring", _keep, priority=400)
    app.connect("autodoc-process-docstring", _restore, priority=600)
