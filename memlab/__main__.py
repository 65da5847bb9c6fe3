"""Entry point of `python -m memlab`."""

import sys

from memlab.cli import main

if __name__ == "__main__":  # spawned processes import this module too
    sys.exit(main())
