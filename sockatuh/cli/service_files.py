"""The files of the systemd service: units, settings, the hash of the password, and a shortcut to the program."""

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

import msgspec

from sockatuh.errors import ConfigurationError, Problem
from sockatuh.protocol.seam import bracketed
from sockatuh.settings.secret import SecretError, read_secret
from sockatuh.settings.values import checked_hash
from sockatuh.wording import config_file
from sockatuh.wording import install as wording

from .arguments import working_directory
from .program import Program

if TYPE_CHECKING:
    from sockatuh.settings.model import Settings

ROOT: Final = Path("/")
SERVICE_UNIT: Final = "sockatuh.service"
SOCKET_UNIT: Final = "sockatuh.socket"
UNITS: Final = (SOCKET_UNIT, SERVICE_UNIT)
UNIT_DIRECTORY: Final = "etc/systemd/system"
CONFIG: Final = "etc/sockatuh/sockatuh.toml"
CREDENTIAL: Final = "etc/sockatuh/password_hash"
STATE: Final = "var/lib/sockatuh"
PRIVATE_STATE: Final = "var/lib/private/sockatuh"
"""Where systemd keeps the state of a service with DynamicUser=; STATE is a link to it."""
SHORTCUT: Final = "usr/local/bin/sockatuh"
"""Where `sudo sockatuh` finds the program."""
ON_THE_PATH: Final = tuple(map(Path, ("/usr/local/bin", "/usr/bin", "/bin")))
PACKAGED_UNITS: Final = ("usr/lib/systemd/system", "lib/systemd/system", "usr/local/lib/systemd/system")
"""Where packages install their units; a unit of the same name in /etc would replace them."""
WRITTEN_BY_US: Final = "# Written by `sockatuh install-service`."
UNREADABLE: Final = "***"
OTHERS_READ: Final = 0o004


def at(place: str) -> Path:
    """Return the path of a place on this machine."""
    return ROOT / place


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file to be written, replacing what is there."""

    path: Path
    text: str = field(repr=False)
    mode: int

    @property
    def news(self) -> str:
        """One word on what writing it changes."""
        if not self.path.exists():
            return "new"
        same = self.path.read_text("utf-8") == self.text and self.path.stat().st_mode & 0o777 == self.mode
        return "unchanged" if same else "changed"


class PlannedShortcut(msgspec.Struct, frozen=True):
    """A link to the service's program, or a script if its command has several words; replaces no file of others.

    `ours` are the commands to which an earlier shortcut of ours may point.
    """

    path: Path
    command: tuple[str, ...]
    ours: tuple[tuple[str, ...], ...]

    @property
    def is_ours(self) -> bool:
        """Whether the path is free, or holds what an earlier installation wrote."""
        if self.path.is_symlink():
            return any(command == (os.readlink(self.path),) for command in self.ours)
        if not self.path.exists():
            return True
        return self.path.is_file() and WRITTEN_BY_US in self.path.read_text("utf-8", "replace")

    @property
    def news(self) -> str:
        """One word on what writing it changes."""
        if not os.path.lexists(self.path):
            return "new"
        if not self.is_ours:
            return "kept"
        if self.path.is_symlink():
            return "unchanged" if self.command == (os.readlink(self.path),) else "changed"
        return "unchanged" if self.path.read_text("utf-8", "replace") == self.script else "changed"

    @property
    def script(self) -> str:
        """The text of the script, or "" if a link is enough."""
        if len(self.command) == 1:
            return ""
        return f'#!/bin/sh\n{WRITTEN_BY_US}\nexec {shlex.join(self.command)} "$@"\n'


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """The settings of the service, their file, and the hash of its password ("" if there is none yet)."""

    settings: Settings
    config: PlannedFile
    password_hash: str = field(repr=False)


def service_settings(source: Path | None, room: str) -> ServiceSettings:
    """Return the settings in `source`, adapted to a service, or the few that a new room called `room` needs.

    A file that is already in its place is kept if the service can read it. Raises ConfigurationError for settings that
    do not suit a service.
    """
    from sockatuh.settings.sources import load, toml_text

    target = at(CONFIG)
    # Without a source the defaults apply, not a file in one of the usual places.
    flags = {"config": source or os.devnull, "room": room or None}
    settings = load(flags, {"STATE_DIRECTORY": f"/{STATE}"}, working_directory(), serving=False)
    is_kept = source == target and bool(target.stat().st_mode & OTHERS_READ)
    if problem := _problem_of(settings, is_kept=is_kept):
        raise ConfigurationError([problem])
    if source is None:
        name = json.dumps(settings.room, ensure_ascii=False)
        text = f'{config_file.SERVICE_HEAD}\nroom = {name}\nstate_dir = "/{STATE}"\n'
    elif is_kept:
        text = toml_text(source.read_bytes())
    else:
        text = _for_everybody(toml_text(source.read_bytes()), source)
    return ServiceSettings(settings, PlannedFile(target, text, 0o644), _kept_hash() or settings.password_hash)


def _kept_hash() -> str:
    """Return the hash in the credential's file, or "" if there is none; ConfigurationError if no room can have it."""
    try:
        return checked_hash(read_secret(at(CREDENTIAL)))
    except (FileNotFoundError, SecretError):
        return ""
    except PermissionError:  # only root can read it; with --print others see what would be done
        return UNREADABLE
    except ValueError as error:
        raise ConfigurationError([Problem("password_hash", f"file {at(CREDENTIAL)}", str(error))]) from None


def _problem_of(settings: Settings, *, is_kept: bool) -> Problem | None:
    if not settings.port:
        return Problem("port", settings.origins["port"], wording.PORT_UNSET)
    if is_kept and settings.state_dir != Path("/", STATE):
        return Problem("state_dir", settings.origins["state_dir"], wording.STATE_ELSEWHERE)
    return None


def _for_everybody(text: str, source: Path) -> str:
    """Return the text of the settings without the secret, and with the service's state directory."""
    text = re.sub(r"^password_hash\s*=.*$", config_file.SECRET_MOVED, text, flags=re.MULTILINE)
    text = re.sub(r"^state_dir\s*=.*$", f'state_dir = "/{STATE}"', text, flags=re.MULTILINE)
    try:
        is_left = "password_hash" in tomllib.loads(text)
    except ValueError:  # it spanned several lines
        is_left = True
    if is_left:
        raise ConfigurationError([Problem("password_hash", f"file {source}", wording.HASH_NOT_ALONE)])
    return text


def units(program: Program, settings: Settings) -> list[PlannedFile]:
    """Return the units for this program and these settings."""
    return [
        PlannedFile(at(UNIT_DIRECTORY) / name, unit(name, program, settings.host, settings.port), 0o644)
        for name in UNITS
    ]


def unit(name: str, program: Program, host: str, port: int) -> str:
    """Return one unit, made from the packaged template, which has the program in /opt/sockatuh and the default port."""
    listen = str(port) if host == "::" else f"{bracketed(host)}:{port}"
    return packaged_text(name, program).replace("ListenDatagram=7625\n", f"ListenDatagram={listen}\n")


def packaged_text(name: str, program: Program) -> str:
    """Return the packaged template of a unit, for this program."""
    text = files("sockatuh").joinpath("units", name).read_text("utf-8")
    command = " ".join(map(escaped, program.command))
    places = "".join(f" {escaped(str(place))}" for place in program.executable_places())
    return text.replace("=/opt/sockatuh/bin/sockatuh ", f"={command} ").replace(
        "-/lib64 /opt/sockatuh\n", f"-/lib64{places}\n"
    )


def installed_command() -> tuple[str, ...]:
    """Return the command that the installed service runs, or () if there is no service."""
    unit_file = at(UNIT_DIRECTORY) / SERVICE_UNIT
    text = unit_file.read_text("utf-8") if unit_file.is_file() else ""
    found = re.search(r"^ExecStart=(.+) serve --config .*$", text, re.MULTILINE)
    return tuple(map(unescaped, words_of(found[1]))) if found else ()


def words_of(command: str) -> list[str]:
    """Return the words of a command line in a unit file, still escaped."""
    return [quoted or plain for quoted, plain in re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', command)]


def find_packaged_unit() -> Path | None:
    """Return a unit of ours that a package installed."""
    places = [at(directory) / name for directory in PACKAGED_UNITS for name in UNITS]
    return next((place for place in places if place.exists()), None)


def find_shortcut(program: Program) -> PlannedShortcut | None:
    """Return the shortcut that puts the program on the PATH, or None if it is there already."""
    if len(program.command) == 1 and Path(program.command[0]).parent in ON_THE_PATH:
        return None
    return PlannedShortcut(at(SHORTCUT), program.command, (program.command, installed_command()))


def credential_file(password_hash: str) -> PlannedFile:
    """Return the file that holds the hash of the password, which only root can read."""
    return PlannedFile(at(CREDENTIAL), f"{password_hash}\n", 0o600)


def unescaped(word: str) -> str:
    """Undo `escaped`, but for the quotation marks around it."""
    return re.sub(r"\\(.)", r"\1", word.replace("$$", "$").replace("%%", "%"))


def escaped(word: str) -> str:
    """Return a word quoted for a unit file: systemd.syntax(7)."""
    word = word.replace("\\", "\\\\").replace("%", "%%").replace("$", "$$").replace('"', '\\"')
    return f'"{word}"' if any(char.isspace() or char == "'" for char in word) else word
