"""Networks that turn pictures into features, each cut in two at a seam."""
