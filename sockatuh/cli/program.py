"""The program that runs, and how a service would run it: by which command, from which places, and whether it may.

How a program was started says little about how it can be started again: a script may be a venv's or a package's, its
modules may be found by $PYTHONPATH only, or stand in an archive. So what could be the command is tried, in the clean
surroundings of a service.
"""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sockatuh
from sockatuh.protocol.constants import VERSION

HIDDEN: Final = tuple(map(Path, ("/home", "/root", "/run/user", "/tmp", "/var/tmp")))  # noqa: S108 - none of them is used
"""What ProtectHome= and PrivateTmp= take from a service's sight."""
SYSTEM: Final = tuple(map(Path, ("/usr", "/lib", "/lib64")))
"""Where a unit lets programs be run from anyway."""
LIBRARIES: Final = (
    "sockatuh", "bcrypt", "cryptography", "mnemonic", "msgspec", "platformdirs", "precis_i18n", "prompt_toolkit",
    "pydantic", "pydantic_settings", "structlog", "typer", "wcwidth",
)  # fmt: skip
NOBODY: Final = 65_534
ENVIRONMENT: Final = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
ANSWERS_WITHIN: Final = 60.0
"""Seconds after which a command that is tried does not answer."""


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
        above = {each for place in self.places for each in (place, *place.parents) if each.is_dir()}
        return next((each for each in sorted(above) if not each.stat().st_mode & stat.S_IXOTH), None)

    def executable_places(self) -> tuple[Path, ...]:
        """Return the directories beyond the system's that it is run from, none within another."""
        beyond = [place for place in self.places if not _is_within(place, SYSTEM)]
        return tuple(
            each for each in beyond if not any(each != above and each.is_relative_to(above) for above in beyond)
        )

    def fault(self) -> str:
        """Run it as a service would, as nobody and with nothing around it; return what goes wrong, "" if nothing."""
        others: dict[str, object] = {}
        if sys.platform != "win32" and os.geteuid() == 0:
            others = {"user": NOBODY, "group": NOBODY, "extra_groups": ()}
        try:
            done = subprocess.run(  # noqa: S603 - ourselves
                [*self.command, "version"],
                env=ENVIRONMENT, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=ANSWERS_WITHIN, check=False, **others,  # type: ignore[call-overload]
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError) as error:
            return str(error)
        if done.returncode == 0 and done.stdout.strip() == f"sockatuh {sockatuh.__version__} (protocol {VERSION})":
            return ""
        said = (done.stderr or done.stdout).strip().splitlines()
        return said[-1] if said else f"it ends with {done.returncode}"


def called_as() -> str:
    """Return how this program was called, for a person to call it again."""
    script = _linked(Path(sys.argv[0]))
    return str(script) if script.is_file() and os.access(script, os.X_OK) else f"{sys.executable} -m sockatuh"


def this_program() -> Program:
    """Return the program that runs by the first command that starts it as a service would, else by the likeliest."""
    places = [*_places()]
    candidates = [
        Program(command, tuple(dict.fromkeys([*places, *(Path(word).parent for word in command if word[0] == "/")])))
        for command in dict.fromkeys(_commands())
    ]
    if candidates[0].hidden_place():  # it is refused whatever starts it
        return candidates[0]
    return next((program for program in candidates if not program.fault()), candidates[0])


def typed_command() -> str:
    """Return what to type for the program that runs, in a shell that stands where it was started."""
    first, *rest = this_program().command
    found = shutil.which("sockatuh")
    if not rest and found is not None and os.path.samefile(found, first):
        return "sockatuh"
    below = os.path.relpath(first)
    return shlex.join([first if below.startswith(os.pardir) else below, *rest])


def named_program(path: Path) -> Program:
    """Return the program of another system: the script of an environment, at the place where that system has it."""
    return Program((str(path),), (path.parent.parent,))


def _commands() -> Iterator[tuple[str, ...]]:
    """Yield the commands that may start this program."""
    called, usual = Path(sys.argv[0]), Path(sysconfig.get_path("scripts"), "sockatuh")
    if called.name == usual.name and os.access(called, os.X_OK):
        yield (str(_linked(called)),)
    if os.access(usual, os.X_OK):
        yield (str(usual),)
    yield (sys.executable, "-m", "sockatuh")
    if zipfile.is_zipfile(called):
        yield (sys.executable, os.path.abspath(called))
    found = ":".join(map(str, _search_path()))
    yield ("/usr/bin/env", f"PYTHONPATH={found}", sys.executable, "-m", "sockatuh")


def _linked(path: Path) -> Path:
    """Return the file a link to a program leads to, by the name its directory is known by."""
    path = Path(os.path.abspath(path))
    while path.is_symlink():
        path = Path(os.path.normpath(path.parent / os.readlink(path)))
    return path


def _places() -> Iterator[Path]:
    yield Path(sys.prefix)
    yield Path(sys.base_prefix)
    yield Path(sys.executable).resolve().parent
    yield Path(sockatuh.__file__).resolve().parents[1]
    yield from _search_path()


def _search_path() -> Sequence[Path]:
    """Return the directories and archives this program's modules and libraries are found in."""
    places = [Path(os.path.abspath(each)) for each in sys.path]
    return [each for each in dict.fromkeys(places) if each.is_file() or any(_holds(each, name) for name in LIBRARIES)]


def _holds(directory: Path, name: str) -> bool:
    return (directory / name).is_dir() or (directory / f"{name}.py").is_file()


def _is_within(place: Path, directories: tuple[Path, ...]) -> bool:
    return any(path.is_relative_to(each) for path in (place, place.resolve()) for each in directories)
