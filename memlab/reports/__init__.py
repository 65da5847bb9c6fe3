"""Result files, the figures drawn from them, and the tables printed."""
