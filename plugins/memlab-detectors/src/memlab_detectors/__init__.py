"""Finders of regions for memlab. Each loads what it runs with when it is made, not before."""
