"""Rendering styles: the appearance of synthetic images, independent of their content.

An audit tuned on one style is tested on the other. The styles therefore share no glyph, pattern,
lettering, colour law, shading or mark. They share `Canvas`, skin tones and the rules of the masks.
"""

from typing import Any

from memlab.synthetic.latents import Style
from memlab.synthetic.styles.a import RENDERING_STYLE as A
from memlab.synthetic.styles.b import RENDERING_STYLE as B
from memlab.synthetic.styles.rendering_style import RenderingStyle

RENDERING_STYLES: dict[Style, RenderingStyle[Any]] = {"A": A, "B": B}
"""Style name to its definition."""

__all__ = ["RENDERING_STYLES", "RenderingStyle"]
