"""Finds the command with which a service can start this program again.

How a program was started says little about how to start it again: its script may belong to a virtual environment or a
package, and its modules may be in an archive or be found only by $PYTHONPATH. So each possible command is tried without
this process's environment, and the first that works is used.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

import sockatuh
from sockatuh.protocol.constants import VERSION
from sockatuh.wording import install as wording

SYSTEM: Final = tuple(map(Path, ("/usr", "/lib", "/lib64")))
"""Directories from which our units allow programs to run in any case."""
LIBRARIES: Final = (
    "sockatuh", "bcrypt", "cryptography", "mnemonic", "msgspec", "platformdirs", "precis_i18n", "prometheus_client",
    "prompt_toolkit", "pydantic", "pydantic_settings", "structlog", "typer", "wcwidth",
)  # fmt: skip
NOBODY: Final = 65_534
ENVIRONMENT: Final = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
ANSWERS_WITHIN: Final = 60.0
"""Seconds after which a trial of a command counts as failed."""


class Program(msgspec.Struct, frozen=True):
    """A command that runs this program, and the directories it is loaded from."""

    command: tuple[str, ...]
    places: tuple[Path, ...]

    def executable_places(self) -> tuple[Path, ...]:
        """Return the directories outside SYSTEM that it is loaded from, without nested ones."""
        beyond = [place for place in self.places if not _is_within(place, SYSTEM)]
        return tuple(
            each for each in beyond if not any(each != above and each.is_relative_to(above) for above in beyond)
        )

    def fault(self) -> str:
        """Run it as nobody, without an environment; return the error, or "" if it works."""
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
        return said[-1] if said else wording.ended_with(done.returncode)


def called_as() -> str:
    """Return the command that a person types to run this program again, for example with sudo."""
    script = _linked(Path(sys.argv[0]))
    return str(script) if script.is_file() and os.access(script, os.X_OK) else f"{sys.executable} -m sockatuh"


def this_program() -> Program:
    """Return this program with the first command that works without our environment, else with the likeliest one."""
    places = [*_places()]
    candidates = [
        Program(command, tuple(dict.fromkeys([*places, *(Path(word).parent for word in command if word[0] == "/")])))
        for command in dict.fromkeys(_commands())
    ]
    return next((program for program in candidates if not program.fault()), candidates[0])


def typed_command() -> str:
    """Return what to type to run this program from the directory in which it was started."""
    first, *rest = this_program().command
    found = shutil.which("sockatuh")
    if not rest and found is not None and os.path.samefile(found, first):
        return "sockatuh"
    below = os.path.relpath(first)
    return shlex.join([first if below.startswith(os.pardir) else below, *rest])


def _commands() -> Iterator[tuple[str, ...]]:
    """Yield the commands that may start this program, the likeliest first."""
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
    """Follow symlinks of the file itself, but not of the directories it is in."""
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
    """Return the directories and archives in which the modules of this program and its libraries are found."""
    places = [Path(os.path.abspath(each)) for each in sys.path]
    return [each for each in dict.fromkeys(places) if each.is_file() or any(_holds(each, name) for name in LIBRARIES)]


def _holds(directory: Path, name: str) -> bool:
    return (directory / name).is_dir() or (directory / f"{name}.py").is_file()


def _is_within(place: Path, directories: tuple[Path, ...]) -> bool:
    return any(path.is_relative_to(each) for path in (place, place.resolve()) for each in directories)
