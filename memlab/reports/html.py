"""Pages that are one file: a template filled in, figures inside."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from memlab.numbers import number, p_value, statistic


def fill(template: str, **values: Any) -> str:
    """A page from one of memlab's templates; text is escaped, a value that is missing an error.

    Args:
        template: its file's name.
        values: what it shows.
    """
    environment = Environment(
        loader=PackageLoader("memlab.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # the one way in which numbers are printed, also on pages
    environment.globals.update(number=number, statistic=statistic, p_value=p_value)
    return environment.get_template(template).render(**values)


def data_url(path: Path) -> str:
    """A figure as text that stands inside the page."""
    kind = "jpeg" if path.suffix == ".jpg" else "png"
    return f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
