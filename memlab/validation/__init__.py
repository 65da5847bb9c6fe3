"""Models and synthetic images whose truth is known, and what memlab finds on them."""
