"""The test double as a server of its own: it translates and annotates the embedded rows, and nothing else.

It knows the embedded rows in three languages and answers from them, with mistakes if it is told to. For demonstrations:
``python -m tests.double`` serves until it is stopped; ``python -m tests.double -- COMMAND ...`` serves while COMMAND runs, and
tells it the address by OPENAI_BASE_URL. It answers to any name of a model: as replies are cached by it, use another for each
setting, such as ``--model double-mistakes``, or the mistakes hide behind the replies of an earlier run.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys

from build.readers import demo
from mmm_dataset import Record, load
from tests.double.annotator import Annotator
from tests.double.server import Double, Faults
from tests.double.translator import Mistakes, Translator


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.double", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="on loopback (default: a free one)")
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS", help="that every reply takes")
    parser.add_argument(
        "--mistakes",
        action="store_true",
        help="one tag in ten lost, other mistakes in one translation of 50; one annotation in three out of format",
    )
    parser.add_argument("--faults", action="store_true", help="429, 500, lost connections in one request of 50 each")
    parser.add_argument("--seed", type=int, default=0, help="of mistakes and faults (default: 0)")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="to run while the double serves")
    options = parser.parse_args()
    registry = load()
    rows = [row for row in demo.read(demo.FOLDER, registry) if isinstance(row, Record)]
    mistakes = Mistakes.usual(options.seed) if options.mistakes else Mistakes()
    rates = dict.fromkeys(("too_many", "error", "dropped", "cut"), 0.02) if options.faults else {}
    translator = Translator(rows, registry, mistakes)
    annotator = Annotator(rows, registry, 1 / 3 if options.mistakes else 0.0, options.seed)
    double = Double(
        lambda asked, *about: (annotator if annotator.knows(asked) else translator).answer(asked, *about),
        Faults(seed=options.seed, **rates),
        latency=options.latency,
        port=options.port,
        record=False,
    )
    if command := [part for part in options.command if part != "--"]:
        with double:
            environment = {**os.environ, "OPENAI_BASE_URL": double.url}
            return subprocess.run(command, env=environment, check=False).returncode
    asyncio.run(_serve(double))
    return 0


async def _serve(double: Double) -> None:
    await double.start()
    print(f"test double: {double.url} (it knows the embedded rows and nothing else)", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
