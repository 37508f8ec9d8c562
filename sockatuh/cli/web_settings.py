"""Reads the settings of the door for browsers in a process of its own.

What reads and checks settings takes 11 MiB of memory, which a door that is open for months would keep for nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from sockatuh.errors import ConfigurationError, Problem
from sockatuh.settings.web_door import WebDoor

from .arguments import working_directory
from .service_files import STATE, at

if TYPE_CHECKING:
    from sockatuh.settings.model import Settings

RUNTIME: Final = "run/sockatuh"
"""The directory of the room that is this machine's service, while it runs."""


class DoorHere(msgspec.Struct, frozen=True):
    """The settings of the door, and of the room on this machine: its port, and its file of banned addresses."""

    door: WebDoor
    port: int
    barred: Path


def read_door(config: Path | None) -> DoorHere:
    """Return the settings in force; raises ConfigurationError with everything that is wrong."""
    # -P, or a file in the working directory would be taken for a module of ours.
    words = [sys.executable, "-P", "-m", __name__, str(working_directory())]
    words += [str(config)] if config is not None else []
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - this very module
    try:
        told: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise RuntimeError(done.stderr.strip().splitlines()[-1:] or done.returncode) from None
    if problems := told.get("problems"):
        raise ConfigurationError([Problem(*each) for each in problems])
    door = WebDoor(**told["door"] | {"names": tuple(told["door"]["names"])})
    return DoorHere(door, told["port"], Path(told["barred"]))


def _print_door(directory: str, config: str | None = None) -> None:
    from dataclasses import asdict

    from sockatuh.settings.sources import load

    environ = dict(os.environ)
    if "STATE_DIRECTORY" in environ:  # the door's own, where a service manager starts it; the room's is beside it
        environ["STATE_DIRECTORY"] = str(at(STATE))
    try:
        settings = load({"config": config}, environ, Path(directory), serving=False)
        told: dict[str, Any] = {"door": asdict(settings.web), "port": settings.port}
        told["barred"] = str(barred_path(settings))
    except ConfigurationError as error:
        told = {"problems": [(each.key, each.origin, each.expected) for each in error.problems]}
    print(json.dumps(told))


def barred_path(settings: Settings) -> Path:
    """Return where the room with these settings writes which addresses are banned."""
    from sockatuh.store.barred import NAME

    is_service = settings.state_dir == at(STATE)
    return (at(RUNTIME) if is_service else settings.state_dir) / NAME


if __name__ == "__main__":
    _print_door(*sys.argv[1:])
