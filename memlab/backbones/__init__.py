"""Networks that turn images into features, each cut in two at a seam."""
