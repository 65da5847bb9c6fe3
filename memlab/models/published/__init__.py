"""Published predictors, loaded from files of weights that the user provides."""
