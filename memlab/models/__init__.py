"""Predictors of memorability, and the one function that loads them."""
