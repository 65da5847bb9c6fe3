"""Sources: each reads one layout of data sets into a table."""
