"""Self-contained HTML pages: filled templates with embedded figures."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from memlab.numbers import number, p_value, statistic


def fill(template: str, **values: Any) -> str:
    """Return a page made from one of memlab's templates; text is escaped, missing values raise.

    Args:
        template: name of the template file.
        values: the values to show.
    """
    environment = Environment(
        loader=PackageLoader("memlab.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Pages print numbers with the same functions as the terminal.
    environment.globals.update(number=number, statistic=statistic, p_value=p_value)
    return environment.get_template(template).render(**values)


def data_url(path: Path) -> str:
    """Return a figure as a data URL for embedding in a page."""
    kind = "jpeg" if path.suffix == ".jpg" else "png"
    return f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
