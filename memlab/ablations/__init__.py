"""Ways to take something out of a picture, and the one engine that scores changed pictures."""

from typing import Literal

Role = Literal["target", "control", "floor", "swap", "there-and-back"]
"""What a condition is: the ablation itself (`target`, or `swap` where a donor's value goes in), or
what it is compared with: the same change elsewhere (`control`), a donor's value in and the
picture's own back (`there-and-back`), a change that should not matter (`floor`)."""

FAMILIES: dict[str, str] = {
    "frequency": "spatial frequency: blur and sharpening",
    "colour": "hue, saturation, palette",
    "contrast": "contrast and light",
    "texture": "texture and layout",
    "context": "crop, background, what surrounds",
    "region": "faces, people, objects, text taken out",
    "insertion": "something pasted in",
    "floor": "changes that should not matter",
}
"""The families of ablations. They are fixed, so that installing a plugin never makes a new one."""
