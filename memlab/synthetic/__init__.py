"""Synthetic images whose causes of memorability are known.

``sample`` draws the independent causes of an image, ``render`` turns them into the image and
exact masks of its regions, ``score`` returns its memorability, and ``write`` makes a data set::

    latents = sample(seed=0, index=7)
    rendered = render(latents, size=64)
    without = render(dataclasses.replace(latents, face=None), size=64)

A `World` defines the frequency of each cause, their correlations, and the score.

Needs NumPy and Pillow only, and SciPy if features are correlated.
"""

from memlab.synthetic.latents import FEATURES, PRESENCE, STYLES, VALUES, Latents, Style
from memlab.synthetic.render import REGIONS, SyntheticImage, render
from memlab.synthetic.sampling import removed, resampled, sample
from memlab.synthetic.scoring import noise_ceiling, score, signal
from memlab.synthetic.watermark import watermark_mask, watermark_template
from memlab.synthetic.worlds import QUICKSTART, World
from memlab.synthetic.write import Declaration, read_declaration, write

__all__ = [
    "FEATURES",
    "PRESENCE",
    "QUICKSTART",
    "REGIONS",
    "STYLES",
    "VALUES",
    "Declaration",
    "Latents",
    "Style",
    "SyntheticImage",
    "World",
    "noise_ceiling",
    "read_declaration",
    "removed",
    "render",
    "resampled",
    "sample",
    "score",
    "signal",
    "watermark_mask",
    "watermark_template",
    "write",
]
