"""Style packs: everything that one way of drawing decides, and nothing of what is in an image.

What an audit is tuned on in one pack is tested on the other, so they share no glyph, pattern,
lettering, colour law, shading or mark; `Canvas`, skin tones and the rules of the masks they share.
"""

from memlab.synthetic.latents import Style
from memlab.synthetic.styles.a import PACK as A
from memlab.synthetic.styles.b import PACK as B
from memlab.synthetic.styles.pack import Pack

PACKS: dict[Style, Pack] = {"A": A, "B": B}
"""Style to its pack."""

__all__ = ["PACKS", "Pack"]
