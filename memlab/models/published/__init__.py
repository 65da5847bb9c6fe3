"""Predictors that others trained, on files of weights that the user has."""
