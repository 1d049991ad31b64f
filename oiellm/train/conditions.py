"""What a run ran under: versions, hardware, threads, processes. Equal bytes are promised only under equal conditions."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from mmm_dataset import __version__

_PACKAGES: Final = ("torch", "transformers", "trl", "accelerate", "peft", "tokenizers", "numpy")


def conditions(processes: int) -> dict[str, Any]:
    """Versions, device, threads and number of processes, by name. No name of the machine or its user."""
    import torch

    found: dict[str, Any] = {"kit": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    if torch.cuda.is_available():
        device = torch.cuda.get_device_name()
    else:
        device = f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
    return {**found, "device": device, "threads": torch.get_num_threads(), "processes": processes}
