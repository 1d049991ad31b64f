"""Dialogues for the tests, and a program that drives them: ``python talk.py URL CACHE ROWS [NAME=JSON ...]``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from oiellm.llm.calls import Call, ask
from oiellm.llm.options import Settings
from oiellm.llm.session import Session

MODEL = "m"


def call(text, purpose="first", **about):
    return Call(MODEL, (("system", "echo"), ("user", text)), about.pop("max_tokens", 20), purpose=purpose, **about)


def single(number):
    """One call; gives the reply's text."""
    reply = yield from ask(call(f"row {number}"))
    return reply.text


def chain(number):
    """A call, and two at a time that depend on its reply; gives the texts of all."""
    first = yield from ask(call(f"row {number}"))
    others = yield [call(f"{first.text}, part {part}", "second") for part in "ab"]
    return [first.text, *(other.text for other in others)]


def settings(url, cache, **about):
    about = {"price": (("", 1.0, 1.0),), "concurrency": 16, "backoff": 0.01, "poll": 0.02, **about}
    return Settings(MODEL, url, cache=cache, **about)


def run(asked, rows, start=single, **about):
    """Results in order, and the session, closed."""
    with Session(asked) as session:
        return list(session.run(lambda: range(rows), start, **about)), session


if __name__ == "__main__":
    from oiellm.errors import OiellmError

    url, cache, rows, *more = sys.argv[1:]
    about = {name: json.loads(value) for name, _, value in (one.partition("=") for one in more)}
    code = 0
    try:
        with Session(settings(url, Path(cache), **about)) as session:
            print("ready", flush=True)
            for job, texts in session.run(lambda: range(int(rows)), chain):
                print(json.dumps([job, texts]), flush=True)
            print(json.dumps(session.usage()), flush=True)
    except OiellmError as error:
        print(f"error: {error}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
