"""Tensor functions on images (B, 3, H, W), RGB in [0, 1], shared by several packages."""
