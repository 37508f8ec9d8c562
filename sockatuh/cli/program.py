"""The program that runs, and how a service would run it: from which places, and whether it may go there."""

from __future__ import annotations

import os
import stat
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sockatuh

HIDDEN: Final = tuple(map(Path, ("/home", "/root", "/run/user", "/tmp", "/var/tmp")))  # noqa: S108 - none of them is used
"""What ProtectHome= and PrivateTmp= take from a service's sight."""
SYSTEM: Final = tuple(map(Path, ("/usr", "/lib", "/lib64")))
"""Where a unit lets programs be run from anyway."""


@dataclass(frozen=True, slots=True)
class Program:
    """How to run it, and the directories that belong to it."""

    command: tuple[str, ...]
    places: tuple[Path, ...]

    def hidden_place(self) -> Path | None:
        """Return a place of it that a service does not see."""
        return next((place for place in self.places if _is_within(place, HIDDEN)), None)

    def closed_place(self) -> Path | None:
        """Return a directory that keeps other users from it."""
        above = {each for place in self.places for each in (place, *place.parents) if each.exists()}
        return next((each for each in sorted(above) if not each.stat().st_mode & stat.S_IXOTH), None)

    def executable_places(self) -> tuple[Path, ...]:
        """Return the directories beyond the system's that it is run from."""
        return tuple(place for place in self.places if not _is_within(place, SYSTEM))


def this_program() -> Program:
    """Return the program that runs: the script of its environment, or its interpreter and the module's name."""
    script = Path(sysconfig.get_path("scripts"), "sockatuh")
    command = (str(script),) if os.access(script, os.X_OK) else (sys.executable, "-m", "sockatuh")
    return Program(command, tuple(dict.fromkeys(_places())))


def named_program(path: Path) -> Program:
    """Return the program of another system: the script of an environment, at the place where that system has it."""
    return Program((str(path),), (path.parent.parent,))


def _places() -> Iterator[Path]:
    yield Path(sys.prefix)
    yield Path(sys.base_prefix)
    yield Path(sys.executable).resolve().parent
    yield Path(sockatuh.__file__).resolve().parents[1]


def _is_within(place: Path, directories: tuple[Path, ...]) -> bool:
    return any(path.is_relative_to(each) for path in (place, place.resolve()) for each in directories)
