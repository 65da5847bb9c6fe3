"""Layouts of data sets: each turns a folder into the one table."""
