"""Every sentence that installing the service, and removing it, says."""
# ruff: noqa: S105 - sentences about passwords are no passwords

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from sockatuh.protocol.constants import DEFAULT_PORT

from . import fact

HELP_INSTALL: Final = "Install the room as a systemd service."
HELP_UNINSTALL: Final = "Remove the service; the settings and what was said stay."
HELP_PRINT: Final = "Print every file and every command, and do nothing."
HELP_FROM: Final = "Begin with the settings of this file, as `sockatuh init` writes it."
HELP_ROOT: Final = "Install into the tree of another system, for example of a mounted SD card; nothing is started."
HELP_PROGRAM: Final = "Run this one, as it is called where the service runs; without it the one that installs."
HELP_PURGE: Final = "Remove the settings, the password, the keys and all that was said, too."

CONFIG_HEAD: Final = (
    "# The room's settings, readable by all: no secret in it. After a change: systemctl reload sockatuh\n"
    "# `sockatuh check --show-origin` prints every other one, with its default.\n"
)
SECRET_MOVED: Final = "# password_hash is in a file of its own, which only root can read"
SHOWN_AS_SECRET: Final = "(the hash of the room's password)\n"
NO_SYSTEMD: Final = (
    "This system was not started by systemd, so there is no service to install. Start the room with `sockatuh serve`; "
    "for another system's tree give --root DIR."
)
NOT_LINUX: Final = "systemd is Linux's. Start the room with `sockatuh serve`."
RUNNING: Final = "It runs now, and after each start of this machine. Look at it: systemctl status sockatuh"
PORT_UNSET: Final = "should be a port: a service that takes any is not found again"
NOTHING_INSTALLED: Final = "There is no SockAtuh service here; nothing was done."
HASH_NOT_ALONE: Final = "the password_hash in it cannot be moved away; write it in one line, as `sockatuh init` does"
STATE_ELSEWHERE: Final = "should be /var/lib/sockatuh, where the service keeps its state; move there what is to be kept"


def not_root(command: str, program: str) -> str:
    """Say that this is for root."""
    return f"Only root may do that. Try: sudo {program} {command}"


def hidden_program(place: Path) -> str:
    """Say that a service would not find this program."""
    return (
        f"This SockAtuh is in {fact(place)}, which a service does not see. "
        "Install it where it does, and run that one:\n"
        "  sudo /usr/bin/python3 -m venv /opt/sockatuh\n"
        "  sudo /opt/sockatuh/bin/pip install sockatuh\n"
        "  sudo /opt/sockatuh/bin/sockatuh install-service"
    )


def closed_program(place: Path) -> str:
    """Say that the service's user would not get to this program."""
    return (
        f"The service runs as a user of its own, who may not look into {fact(place)}. Try: sudo chmod o+x {fact(place)}"
    )


def config_in_the_way(path: Path) -> str:
    """Say that there are settings already."""
    return f"{fact(path)} is there already and is kept. Leave out --config, or move it away first."


def room_is_set(path: Path) -> str:
    """Say that the room has its name already."""
    return f"The room's name stands in {fact(path)}. Leave out --room, or change it there."


def password_is_set(path: Path) -> str:
    """Say that the room has its password already, and how another is given."""
    return (
        "The room has a password, which is kept. Leave out --password-file; to change it:\n"
        f"  sockatuh hash-password | sudo tee {fact(path)} >/dev/null\n"
        "  sudo systemctl reload sockatuh"
    )


def will_write(path: Path, mode: int, news: str) -> str:
    """Say what becomes of a file."""
    return f"  {news:<9} {fact(path)} ({mode:04o})"


def will_run(command: Sequence[str]) -> str:
    """Say which command is run."""
    return f"  run       {' '.join(command)}"


def file_shown(path: Path, mode: int, text: str) -> str:
    """Show a file whole."""
    return f"==> {fact(path)} ({mode:04o}) <==\n{text}"


def command_shown(command: Sequence[str]) -> str:
    """Show a command."""
    return f"==> {' '.join(command)}"


def command_failed(command: Sequence[str], said: str) -> str:
    """Say that a command of systemd did not do what it should."""
    told = f": {said}" if said else ""
    return f"`{' '.join(command)}` failed{told}\nThe files are written. Try `journalctl -u sockatuh` for the reason."


def installed_into(root: Path, port: int) -> str:
    """Say what becomes of a tree that was installed into."""
    at = "" if port == DEFAULT_PORT else f":{port}"
    return f"Installed into {root}. The room opens when that system starts; people then type: sockatuh chat ADDRESS{at}"


def removed(paths: Iterable[Path]) -> str:
    """Say what is gone."""
    return "\n".join(f"  removed   {fact(path)}" for path in paths)


def kept(paths: Iterable[Path]) -> str:
    """Say what is still there."""
    return "\n".join([*(f"  kept      {fact(path)}" for path in paths), "Remove that too: uninstall-service --purge"])
