"""The imitated Hub as a server of its own, for demonstrations: it is empty when it starts, and forgets everything.

``python -m tests.hub`` serves until it is stopped; ``python -m tests.hub -- COMMAND ...`` serves while COMMAND runs, which then
finds the imitation where it would find the Hub, with a token and with empty caches.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from tests.hub.server import Hub


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hub", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="on loopback (default: a free one)")
    parser.add_argument("--token", default="hf_test_writes", help="that may write (default: %(default)s)")
    parser.add_argument("--org", default="org", help="the organisation it may write to (default: %(default)s)")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="to run while the imitation serves")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, Hub(options.token, options.org, port=options.port) as hub:
        if command := [part for part in options.command if part != "--"]:
            done = subprocess.run(command, env=hub.environment(Path(home)), check=False).returncode
            print(f"imitation of the Hub: {hub.count('*')} requests, {hub.count('commit')} commits", file=sys.stderr)
            return done
        print(f"imitation of the Hub (it is not the Hub): HF_ENDPOINT={hub.url}", flush=True)
        threading.Event().wait()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
