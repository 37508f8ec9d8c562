"""Finds the room that an admin's command is about: the one that is named, or that of this machine's service."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sockatuh.net.address import split_address
from sockatuh.wording import install as wording

from .arguments import working_directory
from .errors import stop
from .service_files import CONFIG, CREDENTIAL, SERVICE_UNIT, SOCKET_UNIT, STATE, at

if TYPE_CHECKING:
    from sockatuh.settings.model import Settings

BOOTED: Final = Path("/run/systemd/system")
"""This directory exists where systemd runs: sd_booted(3)."""
ACTIVE: Final = ("active", "reloading", "activating")
ASKED: Final = "LoadState,FragmentPath,ActiveState,MainPID,Environment,Listen"
NAMES_A_ROOM: Final = ("SOCKATUH_CONFIG", "SOCKATUH_STATE_DIR", "STATE_DIRECTORY")
"""Variables that name a room; systemd sets the last one for a service."""


@dataclass(frozen=True, slots=True)
class Installed:
    """The service of this machine, as systemd describes it.

    `environ` holds the SOCKATUH_ variables of its process or unit, `listens` the host and port of its socket, if known.
    """

    unit: Path
    is_active: bool
    is_listening: bool
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    listens: tuple[str, int] | None = None


def is_booted() -> bool:
    """Return whether systemd runs this machine."""
    return sys.platform == "linux" and BOOTED.is_dir()


def is_root() -> bool:
    """Return whether this user is root."""
    return sys.platform != "win32" and os.geteuid() == 0


def find_installed() -> Installed | None:
    """Return the installed service, or None without one or without systemd."""
    if not is_booted():
        return None
    service, sock = _ask(SERVICE_UNIT), _ask(SOCKET_UNIT)
    if service.get("LoadState") != "loaded":
        return None
    return Installed(
        Path(service.get("FragmentPath", "")),
        service.get("ActiveState") in ACTIVE,
        sock.get("ActiveState") in ACTIVE,
        _variables(service),
        _listens(sock.get("Listen", "")),
    )


def _ask(unit: str) -> dict[str, str]:
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            ["systemctl", "show", f"--property={ASKED}", unit],  # noqa: S607 - wherever the system has it
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except OSError:
        return {}
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def _variables(service: Mapping[str, str]) -> dict[str, str]:
    """Return the SOCKATUH_ variables of the running process, else those in the unit."""
    pairs = shlex.split(service.get("Environment", ""))
    if (pid := service.get("MainPID", "0")) != "0":
        with contextlib.suppress(OSError):
            pairs = Path(f"/proc/{pid}/environ").read_text("utf-8", "replace").split("\0")
    return dict(pair.split("=", 1) for pair in pairs if pair.startswith("SOCKATUH_") and "=" in pair)


def _listens(text: str) -> tuple[str, int] | None:
    """Return host and port from systemd's `[::]:7625 (Datagram)`."""
    host, port = split_address(text.split(" ")[0])
    return (host, int(port)) if port.isdecimal() else None


@dataclass(frozen=True, slots=True)
class ChosenRoom:
    """The room that a command is about: where its settings are read from, and the service if that runs it."""

    service: Installed | None
    config: Path | None
    environ: Mapping[str, str] = field(repr=False)
    credential: Path | None

    @property
    def is_named(self) -> bool:
        """Whether the command line or the environment names the room."""
        return self.config is not None or any(self.environ.get(name) for name in NAMES_A_ROOM)

    def load(self, *, serving: bool) -> Settings:
        """Return the settings, or raise ConfigurationError."""
        from sockatuh.settings.sources import load

        options = {"serving": serving, "credential": self.credential}
        return load({"config": self.config}, self.environ, working_directory(), **options)  # type: ignore[arg-type]


def require_access(room: ChosenRoom) -> None:
    """Stop unless this user may read the room: only root may read the service's."""
    if room.service is not None and not is_root():
        stop(wording.ONLY_ROOT)


def choose_room(config: Path | None) -> ChosenRoom:
    """Return the room that is named, else the one of this machine's service.

    For users other than root, ./config/sockatuh.toml names a room too, because they are likely to mean that one.
    """
    from sockatuh.settings.sources import LOCAL_FILE

    mine = ChosenRoom(None, config, os.environ, None)
    is_named = any(os.environ.get(name) for name in NAMES_A_ROOM)
    service_config = at(CONFIG)
    if config is not None:
        is_named = not (config.exists() and service_config.exists() and config.samefile(service_config))
    elif not is_root() and os.path.isfile(working_directory() / LOCAL_FILE):
        is_named = True
    service = None if is_named else find_installed()
    if service is None:
        return mine
    environ = {**os.environ, **service.environ, "STATE_DIRECTORY": str(at(STATE))}
    return ChosenRoom(service, service_config if service_config.exists() else config, environ, at(CREDENTIAL))
