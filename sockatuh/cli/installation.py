"""What is to be there when the room is a service: units, settings, the hash of its password."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tomllib
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sockatuh.errors import ConfigurationError, Problem
from sockatuh.secret import SecretError, read_secret

from .program import Program
from .wording import install as wording

if TYPE_CHECKING:
    from sockatuh.settings import Settings

UNIT_DIRECTORY: Final = Path("etc/systemd/system")
UNITS: Final = ("sockatuh.socket", "sockatuh.service")
CONFIG: Final = Path("etc/sockatuh/sockatuh.toml")
CREDENTIAL: Final = Path("etc/sockatuh/password_hash")
STATE: Final = Path("var/lib/sockatuh")
PRIVATE_STATE: Final = Path("var/lib/private/sockatuh")
"""Where the state of a service is whose user exists only while it runs; the other one is a link to it."""
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
    from sockatuh.settings import load, toml_text

    target, credential = tree / CONFIG, tree / CREDENTIAL
    # With no file the defaults hold, and not what this machine has in the usual places: it may be another's tree.
    flags = {"config": source or os.devnull, "room": room or None}
    settings = load(flags, {"STATE_DIRECTORY": f"/{STATE}"}, Path.cwd(), serving=False)
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
    with contextlib.suppress(FileNotFoundError, SecretError):
        return read_secret(credential).strip()
    return ""


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
        text.replace("ExecStart=/opt/sockatuh/bin/sockatuh ", f"ExecStart={command} ")
        .replace("-/lib64 /opt/sockatuh\n", f"-/lib64{places}\n")
        .replace("ListenDatagram=7625\n", f"ListenDatagram={listen}\n")
    )


def credential_file(tree: Path, password_hash: str) -> PlannedFile:
    """Return the file that holds the hash of the password, for root alone."""
    return PlannedFile(tree / CREDENTIAL, f"{password_hash}\n", 0o600)


def _escaped(word: str) -> str:
    """Write a word as units have it: systemd.syntax(7)."""
    word = word.replace("\\", "\\\\").replace("%", "%%").replace("$", "$$").replace('"', '\\"')
    return f'"{word}"' if any(char.isspace() for char in word) else word
