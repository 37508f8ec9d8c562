"""The guests of a room: scripts and readers, who are not members and have few seats (docs/PROTOCOL.md §4, §6).

Each session takes one seat. At most `of_place` may come from one place and `in_all` altogether; when all seats are
taken, the newest guest of the most crowded place gives up its seat to somebody from a place with fewer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec.structs import replace

from sockatuh.seats import Seats, Standing

from .decisions import GUESTS, GUESTS_OF_PLACE, Admit, GuestsFull, Role

_GUEST_ROLES: Final[tuple[Role, ...]] = ("script", "reader")


class Guest(msgspec.Struct, frozen=True):
    """The guests of one owner under one name in one role; `since` is wall time in milliseconds."""

    name: str
    owner: str
    dialect: str
    role: Role
    since: int
    sessions: frozenset[int]


class Guests:
    """The guests by name key; all guests under one name have one owner."""

    def __init__(self, in_all: int = GUESTS, of_place: int = GUESTS_OF_PLACE) -> None:
        self._of_place = of_place
        self._seats: Seats[int] = Seats(in_all)
        self._guests: dict[str, dict[Role, Guest]] = {}
        self._keys: dict[int, tuple[str, Role]] = {}

    def replace_bounds(self, in_all: int, of_place: int) -> None:
        """Apply other bounds to those who come from now on."""
        self._seats.size, self._of_place = in_all, of_place

    def reserve(self, session: int, place: str, *, returns: bool) -> list[int] | GuestsFull:
        """Reserve a seat for a session; return the sessions that lose theirs to it, usually none."""
        if session in self._seats:
            return []
        if self._seats.held_by(place) >= self._of_place:
            return GuestsFull(of_place=True, bound=self._of_place)
        victims = self._seats.find_victims(place, returns=returns)
        if victims is None:
            return GuestsFull(of_place=False, bound=self._seats.size)
        for victim in victims:  # they stay listed until their sessions have ended
            self._seats.release(victim)
        self._seats.seat(session, place, Standing.GUEST)
        return victims

    def seat(self, session: int, admit: Admit, at: int) -> None:
        """List a session that has a seat under its name."""
        of_key = self._guests.setdefault(admit.key, {})
        guest = of_key.get(admit.role) or Guest(admit.name, admit.owner, admit.dialect, admit.role, at, frozenset())
        of_key[admit.role] = replace(guest, sessions=guest.sessions | {session})
        self._keys[session] = admit.key, admit.role

    def unseat(self, session: int) -> str | None:
        """Free a session's seat; return the name key it was listed under, if it was."""
        self._seats.release(session)
        found = self._keys.pop(session, None)
        if found is None:
            return None
        key, role = found
        of_key = self._guests[key]
        guest = of_key.pop(role)
        if rest := guest.sessions - {session}:
            of_key[role] = replace(guest, sessions=rest)
        if not of_key:
            del self._guests[key]
        return key

    def key_of(self, session: int) -> str | None:
        """Find the name key that a session is listed under."""
        found = self._keys.get(session)
        return found[0] if found is not None else None

    def __contains__(self, key: str) -> bool:
        return key in self._guests

    def of_key(self, key: str) -> Iterator[Guest]:
        """Yield the guests under a name key, scripts before readers."""
        of_key = self._guests.get(key, {})
        yield from (of_key[role] for role in _GUEST_ROLES if role in of_key)
