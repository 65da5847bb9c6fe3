"""Result files, figures drawn from them, and printed tables."""
