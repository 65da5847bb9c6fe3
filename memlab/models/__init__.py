"""Predictors of memorability, and the function that loads them."""
