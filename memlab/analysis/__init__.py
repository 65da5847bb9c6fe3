"""Effects, quantities, tests and dose curves, computed from the rows of a test. No torch."""
