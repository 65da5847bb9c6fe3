"""Scores, maps and effects of images without a data set and a Trainer."""
