"""The real server as a process of its own, so that it can be killed."""

import contextlib
import http.client
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "MMM_BUILD_IN_PLACE": "1"}


@dataclass
class Server:
    """A running server: its process, and the address that it printed."""

    process: subprocess.Popen
    url: str

    @property
    def port(self):
        return urlsplit(self.url).port

    @property
    def token(self):
        return urlsplit(self.url).fragment

    def request(self, method, path, body=None, **headers):
        """Status and JSON (or bytes) of an answer; a header None is left out."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = {"X-Review-Token": self.token, **{name.replace("_", "-"): value for name, value in headers.items()}}
        sent = {name: value for name, value in sent.items() if value is not None}
        connection.request(method, path, None if body is None else json.dumps(body), sent)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        kind = answer.getheader("content-type", "")
        return answer.status, json.loads(content) if kind.startswith("application/json") else content

    def call(self, name, body):
        """A call of the page that must go well."""
        status, answer = self.request("POST", f"/api/{name}", body)
        assert status == 200, answer
        return answer

    def first(self, reviewer="Ann", **filters):
        """The first row that passes a filter."""
        return self.call("step", {"reviewer": reviewer, "place": -1, "step": 1, "filter": filters})

    def decide(self, row, action, reviewer="Ann", **more):
        """Status and answer of a decision about a row that `step` gave."""
        name = {"config": f"{row['target']['language']}_{row['target']['task']}", "id": row["target"]["id"]}
        body = {"row": {**name, "sha256": row["sha256"]}, "action": action, "reviewer": reviewer, **more}
        return self.request("POST", "/api/decide", body)

    def kill(self):
        """As kill -9 and a power cut do."""
        self.process.kill()
        self.process.wait()


def start(file, *options):
    """Start a server on a file, and wait until it has printed its address."""
    command = [sys.executable, "-m", "build", "review", str(file), "--no-browser", *options]
    process = subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    found = re.search(r"http://\S+", line)
    if not found:
        process.kill()
        raise AssertionError(f"no address: {line!r}")
    return Server(process, found[0])


@contextlib.contextmanager
def serving(file, *options):
    """A server for the length of a block."""
    server = start(file, *options)
    try:
        yield server
    finally:
        server.kill()
        server.process.stdout.close()
