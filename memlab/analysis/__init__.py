"""From the rows of a test to effects, quantities, tests and curves. No torch."""
