"""Talking to models against the scripted double: rows a second, what a row costs outside waiting, a cached rerun, memory.

    python benchmarks/llm.py [--rows 10000] [--cached 187528] [--repeat 3] [--latency 0.3] [--concurrency 256] [--data ner.json]

"translate" is the whole of `build translate`: tags, cache, checks and files written, Japanese rows to English: those of a
stockmark ner.json (with --data) or made-up ones, again and again, each with a number at its end and the same text-level label.
"client" is its way of talking alone.

The server is a process of its own and answers after ``--latency`` seconds, without limits or faults. The ideal is
concurrency / latency. The plain client is the same library and transport without cache, jobs or ledger: bare
``chat.completions.create`` in as many workers; at latency 0 it is the ceiling. Every figure comes from a process of its own.
The double is no model: what is measured is the kit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

RULES = "Translate the tagged text into English. Keep every tag once and in its place; write nothing else. " * 6
TEXT = "<1>渡辺</1>は1983年に<2>東京</2>で映画を撮り、翌年<3>大阪</3>で公開した。"


_TAGGED = re.compile(r"<(\d+)>([^<]*)</\1>")


class _Letters(dict[int, str]):
    def __missing__(self, code: int) -> str:
        self[code] = chr(code) if code < 0x800 else "." if code == ord("。") else chr(97 + code % 26)
        return self[code]


_LETTERS = _Letters()


def _call(number: int) -> Any:
    from oiellm.llm.calls import Call

    return Call("double", (("system", RULES), ("user", f"{TEXT}{number}")), 256, purpose="tagged")


def _made_up() -> Iterator[Any]:
    """Japanese rows of 35 to 90 characters with two to four names."""
    from mmm_dataset import Item, Record

    names, kinds = ("渡辺美咲", "東京都", "青葉製作所", "春の祭典"), ("人名", "地名", "法人名", "イベント名")
    for number in range(42):
        text, items = "記録によると、", []
        for name, kind in list(zip(names, kinds))[: 2 + number % 3]:
            text += "その年の" + "秋" * (number % 7 + 1) + "に"
            items.append(Item.pair(kind, name, len(text), len(text) + len(name)))
            text += name + "が話題になった。"
        about = ("ja", "scnm", "NER", text, "社会", tuple(items), "own", "user", str(number), "CC0-1.0")
        yield Record(f"ja_scnm-{number}", *about)


def _write_rows(path: Path, rows: int, data: str) -> None:
    """So many rows as records, each with a text of its own."""
    from build.readers import READERS
    from mmm_dataset import Record, load, to_dict
    from mmm_dataset.files import dump

    given = READERS["scnm"].read(Path(data), load()) if data else _made_up()
    found = [row for row in given if isinstance(row, Record)]
    with path.open("w", encoding="utf-8") as file:
        for number, row in zip(range(rows), cycle(found)):
            own = {"id": f"ja_scnm-{number}", "text": f"{row.text}{number}", "source_id": str(number), "label": "社会"}
            file.write(dump({**to_dict(row), **own}) + "\n")


def _english(messages: list[dict[str, str]], model: str, attempt: int) -> str:
    """Letters for characters: no translation, but one that all checks let pass."""
    text = _TAGGED.sub(r" <\1>\2</\1> ", json.loads(messages[-1]["content"])["text"])
    return json.dumps({"translation": text.translate(_LETTERS)})


def _serve(latency: float) -> None:
    from tests.double.server import Double, echo, serve

    def answer(messages: list[dict[str, str]], model: str, attempt: int) -> str:
        return (_english if messages[-1]["content"].startswith("{") else echo)(messages, model, attempt)

    async def main() -> None:
        double = Double(answer, latency=latency, record=False)
        task = asyncio.create_task(serve(double))
        while not double.port:
            await asyncio.sleep(0.01)
        print(double.url, flush=True)
        await task

    asyncio.run(main())


def _run(url: str, folder: str, rows: int, concurrency: int) -> None:
    import openai  # noqa: F401  (half a second that is none of a row's)

    from oiellm.llm.calls import ask
    from oiellm.llm.options import Settings
    from oiellm.llm.session import Session

    settings = Settings("double", url, concurrency=concurrency, cache=Path(folder), price=(("", 0.0, 0.0),))
    started, cpu = time.perf_counter(), time.process_time()
    with Session(settings) as session:
        results = session.run(lambda: range(rows), lambda number: ask(_call(number)), total=rows)
        done = sum(reply is not None for _, reply in results)
    _report(done, started, cpu)


def _translate(url: str, folder: str, rows: int, concurrency: int, data: str) -> None:
    import openai  # noqa: F401

    from build.cli import main

    path = Path(folder) / "rows.jsonl"
    if not path.is_file():
        _write_rows(path, rows, data)
    options = ["--out", f"{folder}/out", "--cache", folder, "--base-url", url, "--model", "double", "--price", "0,0"]
    started, cpu = time.perf_counter(), time.process_time()
    command = ["translate", "--source", str(path), "--to", "en", *options, "--concurrency", str(concurrency)]
    assert main(command) == 0
    manifest = json.loads((Path(folder) / "out" / "ja_scnm-en" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["yield"]["kept_whole"] == rows, manifest["yield"]
    _report(rows, started, cpu)


def _ceiling(url: str, rows: int, concurrency: int) -> None:
    from openai import AsyncOpenAI, DefaultAioHttpClient

    async def main() -> None:
        numbers = iter(range(rows))
        async with AsyncOpenAI(base_url=url, api_key="none", http_client=DefaultAioHttpClient()) as client:

            async def worker() -> None:
                for number in numbers:
                    call = _call(number)
                    messages: Any = [{"role": role, "content": content} for role, content in call.messages]
                    await client.chat.completions.create(
                        model="double", messages=messages, max_tokens=256, temperature=0.0
                    )

            await asyncio.gather(*(worker() for _ in range(concurrency)))

    started, cpu = time.perf_counter(), time.process_time()
    asyncio.run(main())
    _report(rows, started, cpu)


def _report(rows: int, started: float, cpu: float) -> None:
    wall, busy = time.perf_counter() - started, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows": rows, "rate": rows / wall, "busy_us": busy / rows * 1e6, "peak_mib": peak}))


@contextmanager
def _server(latency: float) -> Iterator[str]:
    command = [sys.executable, __file__, "serve", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def _child(*arguments: object) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, *map(str, arguments)], stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--cached", type=int, default=187_528)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--latency", type=float, default=0.3)
    parser.add_argument("--concurrency", type=int, default=256)
    parser.add_argument("--data", default="", help="a stockmark ner.json")
    options = parser.parse_args()
    found: dict[str, list[dict[str, float]]] = {}
    for _ in range(options.repeat):
        with tempfile.TemporaryDirectory() as folder, _server(options.latency) as url:
            what = ("translate", url, folder, options.rows, options.concurrency, options.data)
            found.setdefault("translate", []).append(_child(*what))
            found.setdefault("translate, all cached", []).append(_child(*what))
        with tempfile.TemporaryDirectory() as folder, _server(options.latency) as url:
            found.setdefault("client", []).append(_child("run", url, folder, options.rows, options.concurrency))
            found.setdefault("plain client", []).append(_child("ceiling", url, options.rows, options.concurrency))
        with tempfile.TemporaryDirectory() as folder, _server(0) as url:
            found.setdefault("client at 0 ms", []).append(_child("run", url, folder, options.rows, options.concurrency))
            found.setdefault("plain client at 0 ms", []).append(
                _child("ceiling", url, options.rows, options.concurrency)
            )
    if options.cached:
        with tempfile.TemporaryDirectory() as folder, _server(0) as url:
            what = ("translate", url, folder, options.cached, options.concurrency, options.data)
            found[f"translate at 0 ms, {options.cached:,} rows"] = [_child(*what)]
            found[f"translate, all of {options.cached:,} cached"] = [_child(*what)]
    print(f"ideal: {options.concurrency / options.latency:.0f} rows/s\n")
    print("| | rows/s (median) | each | CPU per row, us | peak MiB |\n|---|--:|---|--:|--:|")
    for name, runs in found.items():
        median = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        each = " ".join(f"{run['rate']:.0f}" for run in runs)
        print(f"| {name} | {median['rate']:.0f} | {each} | {median['busy_us']:.0f} | {median['peak_mib']:.0f} |")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", latency]:
            _serve(float(latency))
        case ["run", url, folder, rows, concurrency]:
            _run(url, folder, int(rows), int(concurrency))
        case ["translate", url, folder, rows, concurrency, data]:
            _translate(url, folder, int(rows), int(concurrency), data)
        case ["ceiling", url, rows, concurrency]:
            _ceiling(url, int(rows), int(concurrency))
        case _:
            main()
