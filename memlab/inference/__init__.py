"""Scores, maps and effects of loose images, without a data set or a Trainer."""
