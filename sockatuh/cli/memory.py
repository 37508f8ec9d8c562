"""What a client remembers of a room for the next time, and what it leaves alone.

Only what somebody chose in a `chat` changes the next one: the server that was named on its command line, the name that
was typed. A flag and a variable are for the command they were given to, and `send`, `tail` and `who` choose nothing.
Tickets are kept for each name, so no command takes another's away.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sockatuh.client.profile import Profile, Ticket
from sockatuh.errors import KeyFileError
from sockatuh.protocol.messages import SCRIPT
from sockatuh.room.text import clean_line
from sockatuh.room.word import one_word
from sockatuh.wording import client as phrases

from .options import Wishes
from .place import Place
from .questions import tell


class Memory:
    """What is known of one server before coming in, and what is kept of it; what cannot be kept is told once.

    `login` is the name to come by where none is known and nobody can be asked.
    """

    def __init__(self, files: Profile, place: Place, wishes: Wishes, login: str) -> None:
        self._files, self._place, self._wishes = files, place, wishes
        wanted = one_word(wishes.name or "") or wishes.name  # one that is all spaces is the server's to refuse
        self.name = wanted or files.find_name(place.server) or (None if wishes.may_ask else login)
        self._held = files.find_ticket(place.server, self.name) if self.name else None
        self._is_told = False

    @property
    def ticket(self) -> bytes | None:
        """The ticket to come in with, if there is one for this name."""
        return self._held.sealed if self._held is not None else None

    def keep_key(self, key: bytes, room: str) -> None:
        """Pin the server's key (32 bytes) at the first meeting; KeyFileError, unless an invite has named it."""
        if (pin := self._files.find_pin(self._place.server)) is not None and pin.key == key:
            return
        try:
            self._files.pin(self._place.server, key, room)
        except KeyFileError as error:
            if self._place.key != key:  # then the next time would be a first meeting again, with anybody
                raise
            self._tell(error)

    def keep_choices(self, name: str) -> None:
        """Remember the server and the name that somebody has chosen; `name` is how the server writes it."""
        if not self._wishes.chooses:
            return
        if self._wishes.server:
            self._try(lambda: self._files.set_last_server(self._place.server))
        if not self._wishes.name and self._wishes.may_ask:
            self._try(lambda: self._files.set_name(self._place.server, clean_line(name)))

    def keep_ticket(self, name: str, sealed: bytes, *, came_by_ticket: bool) -> None:
        """Keep the newest ticket for a name; a command that only calls in renews it once a day."""
        if self._wishes.role == SCRIPT and came_by_ticket and self._held is not None and _is_of_today(self._held):
            return
        self._try(lambda: self._files.keep_ticket(self._place.server, clean_line(name), sealed))

    def _try(self, write: Callable[[], None]) -> None:
        try:
            write()
        except KeyFileError as error:
            self._tell(error)

    def _tell(self, error: KeyFileError) -> None:
        if not self._is_told:
            self._is_told = True
            tell(phrases.not_remembered(clean_line(error.path), error.reason))


def _is_of_today(ticket: Ticket) -> bool:
    return ticket.day == datetime.now(UTC).date().isoformat()
