"""The maths of the ablations: pure functions on pictures (B, 3, H, W), RGB in [0, 1]."""
