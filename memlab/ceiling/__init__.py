"""Noise ceiling: agreement between people, and the highest correlation a model can expect."""
