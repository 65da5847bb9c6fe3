"""Ways to take something out of a picture, and the one engine that scores changed pictures."""

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
