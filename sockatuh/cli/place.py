"""Where the room is: what was written on the command line, in the environment, or used last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sockatuh.client.profile import Profile
from sockatuh.errors import IdentityChanged, ProtocolError
from sockatuh.net.address import parse_server
from sockatuh.protocol.constants import DEFAULT_PORT
from sockatuh.protocol.identity import Invite
from sockatuh.protocol.seam import bracketed
from sockatuh.wording import client as phrases

from .errors import ExitCode, stop

INVITE: Final = "sockatuh://"


@dataclass(frozen=True, slots=True)
class Place:
    """A server, and its key (32 bytes) when it is known."""

    host: str
    port: int
    key: bytes | None = None

    @property
    def server(self) -> str:
        """The server as people write it and the client's files name it."""
        return f"{bracketed(self.host)}:{self.port}"


def find_place(given: str | None, environ: Mapping[str, str], files: Profile) -> Place:
    """Return the place that was given, else $SOCKATUH_SERVER, else the last one, with the key it must have.

    Raises IdentityChanged when an invite and what is remembered name different keys.
    """
    text = given or environ.get("SOCKATUH_SERVER") or files.find_last_server()
    if not text:
        stop(phrases.NO_SERVER_KNOWN, ExitCode.USAGE)
    place = parse_place(text)
    pin = files.find_pin(place.server)
    if pin is not None and place.key is not None and pin.key != place.key:
        raise IdentityChanged(place.server, pin.key, place.key)
    return place if pin is None else Place(place.host, place.port, pin.key)


def parse_place(text: str) -> Place:
    """Return the place that `text` names; wrong usage when it names none."""
    try:
        if text.startswith(INVITE):
            invite = Invite.parse_untrusted(text)
            return Place(invite.host, invite.port, invite.key)
        return Place(*parse_server(text, DEFAULT_PORT))
    except (ProtocolError, ValueError) as error:
        stop(phrases.not_a_server(str(error)), ExitCode.USAGE)
