"""Keeps account of who is here and who spoke last, for the people column, for completion and for names in commands."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec.structs import replace

from sockatuh.client.items import (
    UNENCRYPTED,
    Came,
    Event,
    Member,
    PresenceChanged,
    Renamed,
    Role,
    Said,
    Went,
    Whispered,
)
from sockatuh.room.namekeys import fold

from .folding import fold_letters

PEOPLE: Final = 4_096
"""Members and guests kept, the latest, whatever a server reports."""
SPEAKERS: Final = 1_024
"""Speakers remembered, the latest."""
NEAR: Final = 0.6
"""How alike two names have to be (0 to 1) for one to be suggested in place of the other."""


class Person(msgspec.Struct, frozen=True):
    """Somebody in the room; see Member. `spoke`: the seq of the last line held of this person, 0 if there is none."""

    name: str
    tag: str = ""
    present: bool = True
    away: str | None = None
    encrypted: bool = True
    role: Role = Role.MEMBER
    spoke: int = 0


class PeopleHere:
    """Who is here: `load` what the server lists, then `take` each event."""

    def __init__(self) -> None:
        self._here: dict[str, Person] = {}
        self._guests: dict[str, Person] = {}
        self._spoke: dict[str, tuple[int, str]] = {}
        """The last line of each speaker, also of those who have left: its seq, and the speaker's key tag."""
        self._listed: list[Person] | None = None
        """What `people` returns, until something changes."""

    def load(self, members: Iterable[Member]) -> None:
        """Replace everybody by those whom the server lists."""
        self._here.clear()
        self._guests.clear()
        self._listed = None
        for member in members:
            is_encrypted = member.dialect != UNENCRYPTED
            person = Person(member.name, member.tag, member.present, member.away, is_encrypted, member.role)
            _put(self._here if member.role is Role.MEMBER else self._guests, person)

    def take(self, event: Event) -> None:
        """Follow an event of the room."""
        if isinstance(event, Said | Whispered | Came | Went | Renamed | PresenceChanged):
            self._listed = None
        match event:
            case Said(official=True):  # who speaks for the room is not in it
                pass
            case Said() | Whispered():
                self._hear(event)
            case Came(name=name, dialect=dialect, tag=tag):
                _put(self._here, Person(name, tag, encrypted=dialect != UNENCRYPTED))
            case Went(name=name):
                self._here.pop(name, None)
            case Renamed():
                self._rename(event)
            case PresenceChanged():
                self._follow(event)
            case _:
                pass

    @property
    def people(self) -> list[Person]:
        """The members, sorted by who spoke last, then by name; guests are seen by nobody, so they are not listed."""
        if self._listed is None:
            self._listed = sorted(map(self._with_speech, self._here.values()), key=_order)
        return self._listed

    def names(self) -> list[str]:
        """Return the names of everybody here, and of speakers who have left; who spoke last comes first."""
        everybody = {**{name: Person(name) for name in self._spoke}, **self._guests, **self._here}
        return [person.name for person in sorted(map(self._with_speech, everybody.values()), key=_order)]

    def find(self, name: str) -> Person | None:
        """Return who has a name, in any case and width: somebody here, else a speaker who has left."""
        wanted = fold(name)
        for people in (self._here, self._guests):
            for each in people:
                if fold(each) == wanted:
                    return self._with_speech(people[each])
        return next((Person(each, tag, False) for each, (_, tag) in self._spoke.items() if fold(each) == wanted), None)

    def nearest(self, name: str) -> str:
        """Return the name here that is most like a name, "" if none is like it."""
        folded = {fold_letters(each): each for each in reversed(self.names())}
        found = difflib.get_close_matches(fold_letters(name), folded, 1, NEAR)
        return folded[found[0]] if found else ""

    def _hear(self, said: Said | Whispered) -> None:
        self._spoke.pop(said.name, None)
        self._spoke[said.name] = said.seq, said.tag
        if len(self._spoke) > SPEAKERS:
            del self._spoke[next(iter(self._spoke))]
        if (person := self._here.get(said.name)) is not None and person.away is not None:
            self._here[said.name] = replace(person, away=None)

    def _rename(self, event: Renamed) -> None:
        before = self._here.pop(event.name, None)
        _put(self._here, replace(before or Person(event.name, event.tag), name=event.new))
        if (spoke := self._spoke.pop(event.name, None)) is not None:
            self._spoke[event.new] = spoke

    def _follow(self, event: PresenceChanged) -> None:
        for name in event.gone:
            self._here.pop(name, None)
        for name in event.present:
            _put(self._here, replace(self._here.get(name, Person(name)), present=True, away=None))
        for name in event.lost:
            if (person := self._here.get(name)) is not None:
                self._here[name] = replace(person, present=False)
        for name, text in event.away:
            _put(self._here, replace(self._here.get(name, Person(name)), present=True, away=text))

    def _with_speech(self, person: Person) -> Person:
        return replace(person, spoke=self._spoke.get(person.name, (0, ""))[0])


def _put(people: dict[str, Person], person: Person) -> None:
    """Keep somebody, in place of the one kept longest if there are too many."""
    people[person.name] = person
    if len(people) > PEOPLE:
        del people[next(iter(people))]


def _order(person: Person) -> tuple[int, str, str]:
    return -person.spoke, fold_letters(person.name), person.name
