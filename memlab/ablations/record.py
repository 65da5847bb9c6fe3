"""Record of a condition: what result files and tables say about it. No torch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from memlab.roles import Control, Role


@dataclass(frozen=True, kw_only=True)
class ConditionRecord:
    """Ablation at one dose, in one role, as plain data.

    Args:
        condition: unique key: `blur@2`, `blur@2[faces]`, `remove_faces@1:control`.
        ablation: plugin name of the ablation.
        class_path: class of the ablation.
        parameters: arguments of the class, including the dose.
        family: key of `memlab.ablations.FAMILIES`.
        region: region that is changed; `all` for the whole image.
        fill: what a removed region is filled with, if the ablation has such a parameter.
        dose: in `unit`.
        unit: unit of the dose, printed after the number.
        dose_name: symbol of the dose (`σ`), or empty.
        primary: whether this is the tested dose.
        role: the ablation itself, or a kind of control.
        in_baseline: whether the condition belongs to the nuisance baseline.
        compared_with: kind of control of the effect; None for a nuisance change.
    """

    condition: str
    ablation: str
    class_path: str = ""
    parameters: dict[str, Any]
    family: str
    region: str
    fill: str | None
    dose: float
    unit: str
    dose_name: str = ""
    primary: bool
    role: Role
    in_baseline: bool
    compared_with: Control | None

    @property
    def change(self) -> str:
        """Key without the role: `blur@2[faces]`."""
        return self.condition.removesuffix(f":{self.role}")

    @property
    def curve(self) -> str:
        """Key without role and dose, which all doses of a ladder share: `blur[faces]`."""
        return self.ablation + self._others

    @property
    def label(self) -> str:
        """Name for figures: `Grayscale`, `Blur, σ = 2 % of width`, `Remove faces (fill mean)`."""
        return f"{self.title}{self._dose_text}{self._other_text}"

    @property
    def curve_label(self) -> str:
        """The same without the dose: `Blur`, `Remove faces (fill mean)`."""
        return f"{self.title}{self._other_text}"

    @property
    def title(self) -> str:
        """Name of the ablation in words: `Swap palette`."""
        words = self.ablation.replace("_", " ")
        return words.upper() if words == "jpeg" else words[:1].upper() + words[1:]

    @property
    def _others(self) -> str:
        return self.change.removeprefix(f"{self.ablation}@{self.dose:.6g}")

    @property
    def _other_text(self) -> str:
        brackets = re.fullmatch(r"(?:\((.*?)\))?(?:\[(.*)\])?", self._others)
        texts = [text for text in brackets.groups() if text] if brackets else []
        if not texts:
            return ""
        return f" ({', '.join(texts).replace(',', ', ').replace(',  ', ', ').replace('=', ' ')})"

    @property
    def _dose_text(self) -> str:
        if self.unit == self.ablation:  # either done or not
            return ""
        if self.unit.startswith("of "):  # a share
            return "" if self.dose == 1 else f", {100 * self.dose:g} % {self.unit}"
        symbol = f"{self.dose_name} = " if self.dose_name else ""
        return f", {symbol}{self.dose:g} {self.unit}"
