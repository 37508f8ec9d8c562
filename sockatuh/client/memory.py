"""Reads from a profile what one connection needs, and writes to it what the connection learns.

Only choices made in a chat change the next chat: the server on the command line, the name typed at the prompt. An
option or a variable applies only to its own command. Tickets are kept per name, so no command deletes another's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from sockatuh.errors import IdentityChanged, KeyFileError
from sockatuh.net.address import format_address
from sockatuh.room.text import clean_line
from sockatuh.room.word import one_word

from .items import NotRemembered, Role
from .profile import Bookmark, Profile, SavedTicket
from .server_address import Node, ServerAddress, parse_nodes_untrusted


class Memory:
    """One server's part of a profile. `role`: a script renews its ticket once a day only.

    `name` is the name that was given, `login` the one to use where none is known. `tell` is called at most once, with
    the first error that kept something from being remembered.
    """

    def __init__(
        self,
        profile: Profile,
        address: ServerAddress,
        name: str | None,
        login: str | None,
        role: Role,
        tell: Callable[[NotRemembered], None],
    ) -> None:
        self._profile, self._address, self._role, self._tell = profile, address, role, tell
        given = name and (one_word(name) or name)  # the server refuses a name of spaces only
        self.name = given or profile.find_name(address.server) or login
        self._ticket = profile.find_ticket(address.server, self.name) if self.name else None
        self._has_told = False

    @property
    def ticket(self) -> bytes | None:
        """The ticket for this name, if there is one."""
        return self._ticket.sealed if self._ticket is not None else None

    @property
    def bookmark(self) -> Bookmark | None:
        """How far this person has read under this name, None if that is not known."""
        return self._profile.find_bookmark(self._address.server, self.name) if self.name else None

    def keep_bookmark(self, bookmark: Bookmark) -> None:
        """Remember how far this person has read; raises KeyFileError."""
        self._profile.keep_bookmark(self._address.server, bookmark)

    @property
    def salt(self) -> bytes | None:
        """The salt under which the room accepted the password last, None if that is not known."""
        return self._profile.find_salt(self._address.server)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The further addresses of the room that its server named last."""
        return parse_nodes_untrusted(self._profile.find_nodes(self._address.server))

    def move(self, address: ServerAddress) -> bool:
        """Give everything that is known about the server to another address of it; return whether that was possible."""
        try:
            from .following import move_server

            move_server(self._profile, self._address.server, address.server)
        except KeyFileError as error:
            self._report(error)
            return False
        self._address = address
        return True

    def keep_key(self, key: bytes, room: str) -> None:
        """Pin the server's key (32 bytes) if it is new; raises KeyFileError, unless an invite has named the key.

        Raises IdentityChanged if another client has pinned another key meanwhile: only a person removes a pin.
        """
        if (pin := self._profile.find_pin(self._address.server)) is not None:
            if pin.key != key:
                raise IdentityChanged(self._address.server, pin.key, key)
            return
        try:
            self._profile.pin(self._address.server, key, room)
        except KeyFileError as error:
            if self._address.key != key:  # otherwise the next connection would accept any key again
                raise
            self._report(error)

    def keep_server(self) -> None:
        """Remember that this person has chosen the server."""
        self._try(lambda: self._profile.set_last_server(self._address.server))

    def keep_name(self, name: str) -> None:
        """Remember the name that this person has chosen, as the server writes it."""
        self._try(lambda: self._profile.set_name(self._address.server, clean_line(name)))

    def keep_ticket(self, name: str, sealed: bytes, *, used_ticket: bool) -> None:
        """Store the newest ticket for a name."""
        if self._role is Role.SCRIPT and used_ticket and self._ticket is not None and _is_of_today(self._ticket):
            return
        self._try(lambda: self._profile.keep_ticket(self._address.server, clean_line(name), sealed))

    def keep_salt(self, salt: bytes | None) -> None:
        """Remember under which salt (16 bytes) the room accepted the password, if that is known."""
        if salt is not None:
            self._try(lambda: self._profile.set_salt(self._address.server, salt))

    def keep_nodes(self, nodes: Sequence[str]) -> None:
        """Replace the remembered further addresses by those that the server has named, or else the invite."""
        if parsed := parse_nodes_untrusted(nodes) or self._address.nodes:
            written = [format_address(node) for node in parsed]
            self._try(lambda: self._profile.set_nodes(self._address.server, written))

    def _try(self, write: Callable[[], None]) -> None:
        try:
            write()
        except KeyFileError as error:
            self._report(error)

    def _report(self, error: KeyFileError) -> None:
        if not self._has_told:
            self._has_told = True
            self._tell(NotRemembered(error))


def _is_of_today(ticket: SavedTicket) -> bool:
    return ticket.day == datetime.now(UTC).date().isoformat()
