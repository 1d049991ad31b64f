"""``python -m oiellm``: the command where no script is installed, and under launchers."""

import sys

from oiellm.cli import main

if __name__ == "__main__":
    sys.exit(main())
