"""What is to be there when the room is a service: units, settings, the hash of its password."""

from __future__ import annotations

import json
import os
import re
import shlex
import tomllib
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sockatuh.errors import ConfigurationError, Problem
from sockatuh.settings.secret import SecretError, read_secret
from sockatuh.wording import install as wording

from .given import working_directory
from .program import Program

if TYPE_CHECKING:
    from sockatuh.settings.model import Settings

UNIT_DIRECTORY: Final = Path("etc/systemd/system")
UNITS: Final = ("sockatuh.socket", "sockatuh.service")
CONFIG: Final = Path("etc/sockatuh/sockatuh.toml")
CREDENTIAL: Final = Path("etc/sockatuh/password_hash")
STATE: Final = Path("var/lib/sockatuh")
PRIVATE_STATE: Final = Path("var/lib/private/sockatuh")
"""Where the state of a service is whose user exists only while it runs; the other one is a link to it."""
SHORTCUT: Final = Path("usr/local/bin/sockatuh")
"""Where `sudo sockatuh` is found."""
ON_THE_PATH: Final = tuple(map(Path, ("/usr/local/bin", "/usr/bin", "/bin")))
PACKAGED_UNITS: Final = ("usr/lib/systemd/system", "lib/systemd/system", "usr/local/lib/systemd/system")
"""Where a package has its units; one in /etc takes their place."""
WRITTEN_BY_US: Final = "# Written by `sockatuh install-service`."
UNREADABLE: Final = "***"
OTHERS_READ: Final = 0o004


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file as it is to be, whatever it is now."""

    path: Path
    text: str = field(repr=False)
    mode: int

    @property
    def news(self) -> str:
        """What writing it means, in a word."""
        if not self.path.exists():
            return "new"
        same = self.path.read_text("utf-8") == self.text and self.path.stat().st_mode & 0o777 == self.mode
        return "unchanged" if same else "changed"


@dataclass(frozen=True, slots=True)
class PlannedShortcut:
    """A link to the service's program, or a script where it takes more than a word to call it; over nothing of others'.

    `ours` are the commands it may have led to before.
    """

    path: Path
    command: tuple[str, ...]
    ours: tuple[tuple[str, ...], ...]

    @property
    def is_ours(self) -> bool:
        """Tell whether what is there, if anything is, was put there for the service."""
        if self.path.is_symlink():
            return any(command == (os.readlink(self.path),) for command in self.ours)
        if not self.path.exists():
            return True
        return self.path.is_file() and WRITTEN_BY_US in self.path.read_text("utf-8", "replace")

    @property
    def news(self) -> str:
        """What writing it means, in a word."""
        if not os.path.lexists(self.path):
            return "new"
        if not self.is_ours:
            return "kept"
        if self.path.is_symlink():
            return "unchanged" if self.command == (os.readlink(self.path),) else "changed"
        return "unchanged" if self.path.read_text("utf-8", "replace") == self.script else "changed"

    @property
    def script(self) -> str:
        """The script; "" where a link does."""
        if len(self.command) == 1:
            return ""
        return f'#!/bin/sh\n{WRITTEN_BY_US}\nexec {shlex.join(self.command)} "$@"\n'


@dataclass(frozen=True, slots=True)
class Settled:
    """The settings the service will have, their file, and the hash of its password ("" if there is none yet)."""

    settings: Settings
    config: PlannedFile
    password_hash: str = field(repr=False)


def settle(tree: Path, source: Path | None, room: str) -> Settled:
    """Settle the settings: those of `source` as a service can have them, or the little a new room needs.

    A file that is in its place already is left as it is if the service can read it. ConfigurationError says what a
    service cannot have.
    """
    from sockatuh.settings.sources import load, toml_text

    target, credential = tree / CONFIG, tree / CREDENTIAL
    # With no file the defaults hold, and not what this machine has in the usual places: it may be another's tree.
    flags = {"config": source or os.devnull, "room": room or None}
    settings = load(flags, {"STATE_DIRECTORY": f"/{STATE}"}, working_directory(), serving=False)
    is_kept = source == target and bool(target.stat().st_mode & OTHERS_READ)
    if problem := _problem_of(settings, is_kept=is_kept):
        raise ConfigurationError([problem])
    if source is None:
        name = json.dumps(settings.room, ensure_ascii=False)
        text = f'{wording.CONFIG_HEAD}\nroom = {name}\nstate_dir = "/{STATE}"\n'
    elif is_kept:
        text = toml_text(source.read_bytes())
    else:
        text = _for_everybody(toml_text(source.read_bytes()), source)
    return Settled(settings, PlannedFile(target, text, 0o644), _kept_hash(credential) or settings.password_hash)


def _kept_hash(credential: Path) -> str:
    """Return the hash that is there already, "" if there is none."""
    try:
        return read_secret(credential).strip()
    except (FileNotFoundError, SecretError):
        return ""
    except PermissionError:  # only root may read it, and only root needs it: others are shown what would be done
        return UNREADABLE


def _problem_of(settings: Settings, *, is_kept: bool) -> Problem | None:
    if not settings.port:
        return Problem("port", settings.origins["port"], wording.PORT_UNSET)
    if is_kept and settings.state_dir != Path("/") / STATE:
        return Problem("state_dir", settings.origins["state_dir"], wording.STATE_ELSEWHERE)
    return None


def _for_everybody(text: str, source: Path) -> str:
    """Return the settings without the secret in them, and with the service's place for the state."""
    text = re.sub(r"^password_hash\s*=.*$", wording.SECRET_MOVED, text, flags=re.MULTILINE)
    text = re.sub(r"^state_dir\s*=.*$", f'state_dir = "/{STATE}"', text, flags=re.MULTILINE)
    try:
        is_left = "password_hash" in tomllib.loads(text)
    except ValueError:  # it stood in several lines
        is_left = True
    if is_left:
        raise ConfigurationError([Problem("password_hash", f"file {source}", wording.HASH_NOT_ALONE)])
    return text


def units(tree: Path, program: Program, settings: Settings) -> list[PlannedFile]:
    """Return the units as they are for this program and these settings."""
    return [
        PlannedFile(tree / UNIT_DIRECTORY / name, unit(name, program, settings.host, settings.port), 0o644)
        for name in UNITS
    ]


def unit(name: str, program: Program, host: str, port: int) -> str:
    """Return one unit; the package has it for a program in /opt/sockatuh, and the usual port."""
    text = files(__package__).joinpath("units", name).read_text("utf-8")
    command = " ".join(map(_escaped, program.command))
    places = "".join(f" {_escaped(str(place))}" for place in program.executable_places())
    host = f"[{host}]" if ":" in host else host
    listen = str(port) if host == "[::]" else f"{host}:{port}"
    return (
        text.replace("=/opt/sockatuh/bin/sockatuh ", f"={command} ")
        .replace("-/lib64 /opt/sockatuh\n", f"-/lib64{places}\n")
        .replace("ListenDatagram=7625\n", f"ListenDatagram={listen}\n")
    )


def installed_command(tree: Path) -> tuple[str, ...]:
    """Return the command of the service that is installed in a tree, () if there is none."""
    unit_file = tree / UNIT_DIRECTORY / "sockatuh.service"
    text = unit_file.read_text("utf-8") if unit_file.is_file() else ""
    found = re.search(r"^ExecStart=(.+) serve --config .*$", text, re.MULTILINE)
    words = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', found[1]) if found else []
    return tuple(_unescaped(quoted or plain) for quoted, plain in words)


def find_packaged_unit(tree: Path) -> Path | None:
    """Return a unit of this name that belongs to a package."""
    places = [tree / directory / name for directory in PACKAGED_UNITS for name in UNITS]
    return next((place for place in places if place.exists()), None)


def find_shortcut(tree: Path, program: Program) -> PlannedShortcut | None:
    """Return what lets people call the program by its name; None where they can already."""
    if len(program.command) == 1 and Path(program.command[0]).parent in ON_THE_PATH:
        return None
    return PlannedShortcut(tree / SHORTCUT, program.command, (program.command, installed_command(tree)))


def credential_file(tree: Path, password_hash: str) -> PlannedFile:
    """Return the file that holds the hash of the password, for root alone."""
    return PlannedFile(tree / CREDENTIAL, f"{password_hash}\n", 0o600)


def _unescaped(word: str) -> str:
    """Read what `_escaped` has written."""
    return re.sub(r"\\(.)", r"\1", word.replace("$$", "$").replace("%%", "%"))


def _escaped(word: str) -> str:
    """Write a word as units have it: systemd.syntax(7)."""
    word = word.replace("\\", "\\\\").replace("%", "%%").replace("$", "$$").replace('"', '\\"')
    return f'"{word}"' if any(char.isspace() for char in word) else word
