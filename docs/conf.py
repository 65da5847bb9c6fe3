"""How the site is made: sphinx-build -W --keep-going -b html docs docs/_build/html."""

from importlib.metadata import version as installed

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
html_title = f"memlab {release}"
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
