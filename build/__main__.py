"""``python -m build VERB`` from the checkout: sets its environment up when it has to, then runs the verb in it."""

import sys

from build.bootstrap import run

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
