"""The test double as a server of its own: ``python -m tests.double`` translates the embedded rows, and nothing else.

It knows the embedded rows in three languages and answers from them, with mistakes if it is told to. For demonstrations.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from build.sources import demo
from mmm_dataset import Record, load
from tests.double.server import Double, Faults
from tests.double.translator import Mistakes, Translator


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.double", description=__doc__)
    parser.add_argument("--port", type=int, default=8017, help="on loopback; 0 takes a free one (default: 8017)")
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS", help="that every reply takes")
    parser.add_argument(
        "--mistakes", action="store_true", help="one tag in ten lost, other mistakes in one reply of 50"
    )
    parser.add_argument("--faults", action="store_true", help="429, 500, lost connections in one request of 50 each")
    parser.add_argument("--seed", type=int, default=0, help="of mistakes and faults (default: 0)")
    options = parser.parse_args()
    registry = load()
    rows = [row for row in demo.read(demo.FOLDER, registry) if isinstance(row, Record)]
    mistakes = Mistakes.usual(options.seed) if options.mistakes else Mistakes()
    rates = dict.fromkeys(("too_many", "error", "dropped", "cut"), 0.02) if options.faults else {}
    double = Double(
        Translator(rows, registry, mistakes).answer,
        Faults(seed=options.seed, **rates),
        latency=options.latency,
        port=options.port,
        record=False,
    )
    asyncio.run(_serve(double))


async def _serve(double: Double) -> None:
    await double.start()
    print(f"test double: {double.url} (it knows the embedded rows and nothing else)", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
