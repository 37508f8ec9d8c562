"""Reads the settings of the door for browsers in a process of its own.

What reads and checks settings takes 11 MiB of memory, which a door that is open for months would keep for nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from sockatuh.errors import ConfigurationError, Problem
from sockatuh.settings.web_door import WebDoor

from .arguments import working_directory


def read_door(config: Path | None) -> WebDoor:
    """Return the settings in force; raises ConfigurationError with everything that is wrong."""
    words = [sys.executable, "-m", __name__, str(working_directory()), *([str(config)] if config is not None else [])]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - this very module
    try:
        told: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise RuntimeError(done.stderr.strip().splitlines()[-1:] or done.returncode) from None
    if problems := told.get("problems"):
        raise ConfigurationError([Problem(*each) for each in problems])
    return WebDoor(**told["door"] | {"names": tuple(told["door"]["names"])})


def _print_door(directory: str, config: str | None = None) -> None:
    from dataclasses import asdict

    from sockatuh.settings.sources import load

    try:
        settings = load({"config": config}, os.environ, Path(directory), serving=False)
        told: dict[str, Any] = {"door": asdict(settings.web)}
    except ConfigurationError as error:
        told = {"problems": [(each.key, each.origin, each.expected) for each in error.problems]}
    print(json.dumps(told))


if __name__ == "__main__":
    _print_door(*sys.argv[1:])
