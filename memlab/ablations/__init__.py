"""Ways to take something out of an image, and the one engine that scores changed images."""

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
