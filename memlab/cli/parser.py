"""Parser of the Trainer's commands."""

from __future__ import annotations

from typing import Any

import yaml
from lightning.pytorch.cli import LightningArgumentParser

from memlab.cli.config_names import expand_tree
from memlab.cli.messages import OneLineErrors
from memlab.reading import parse_yaml


class Parser(OneLineErrors, LightningArgumentParser):
    """Parser with short names in files and one-line errors."""

    def parse_string(self, content: str, *args: Any, **kwargs: Any) -> Any:
        """Parse a configuration after expanding short names to class paths."""
        tree = expand_tree(parse_yaml(content, str(kwargs.get("path") or "the configuration")))
        return super().parse_string(yaml.safe_dump(tree), *args, **kwargs)
