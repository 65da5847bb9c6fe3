"""Validation of memlab on models and synthetic images whose ground truth is known."""
