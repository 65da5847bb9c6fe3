"""Networks that turn images into features; each is split in two at a feature layer."""
