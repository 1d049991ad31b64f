"""A real ``transformers serve`` process for a test."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def transformers_serve(folder: Path, log_path: Path) -> Iterator[str]:
    """Serve a model folder on loopback; gives the base address."""
    # The server takes decoding options from the model's files, and the tiny model brings a penalty for repetitions.
    options = json.loads((folder / "generation_config.json").read_text())
    options = {name: value for name, value in options.items() if name not in ("repetition_penalty", "do_sample")}
    (folder / "generation_config.json").write_text(json.dumps(options))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [shutil.which("transformers", path=os.path.dirname(sys.executable)) or "transformers", "serve"]
    command += [str(folder), "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    with log_path.open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    try:
        until = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).read()
                break
            except OSError:
                assert server.poll() is None and time.monotonic() < until, log_path.read_text()[-2000:]
                time.sleep(0.3)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(20)
