"""How the commands that are suggested to an admin are typed: with sudo if that was used, and for the same room."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import msgspec

from sockatuh.cli.control import AUTO, VARIABLE
from sockatuh.cli.which_room import choose_room
from sockatuh.room.text import clean_line


class Caller(msgspec.Struct, frozen=True):
    """Whoever runs a command; `socket` and `config` are the options of these names, which say what room is meant."""

    socket: str | None = None
    config: Path | None = None
    has_sudo: bool = False

    @classmethod
    def of(cls, socket: str | None, config: Path | None) -> Caller:
        """Return the caller of this process."""
        return cls(socket, config, "SUDO_USER" in os.environ)

    def command(self, verb: str, *arguments: str) -> str:
        """Return one of the commands that act on this room as it is typed, cleaned and quoted for a shell."""
        room = [] if self.socket is None else ["--socket", self.socket]
        room += [] if self.config is None else ["--config", str(self.config)]
        ended = ["--"] if any(each.startswith("-") for each in arguments) else []
        return self.about_machine(verb, *room, *ended, *arguments)

    def about_machine(self, *words: str) -> str:
        """Return one of our commands that does not take the options about a room, quoted for a shell."""
        return shlex.join([*(["sudo"] if self.has_sudo else []), "sockatuh", *map(clean_line, words)])

    def runs_service(self) -> bool:
        """Return whether the room is that of this machine's service, which has its password in a credential."""
        named = self.socket or (os.environ.get(VARIABLE) if self.config is None else None)
        return named in (None, "", AUTO) and choose_room(self.config).service is not None
