"""The maths of the ablations: pure functions on images (B, 3, H, W), RGB in [0, 1]."""
