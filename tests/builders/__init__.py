"""Builders that several test modules share: commands, runs, tables, effects and summaries."""
