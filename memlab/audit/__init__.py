"""What a model relies on: quantities, statistics, worlds' truth."""
