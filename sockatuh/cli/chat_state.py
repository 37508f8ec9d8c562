"""What a chat knows apart from its room, the same for every screen: lines held, people here, whom and what to hide.

A screen passes each event of the room to `hear`, and asks `admits` about each item of its timeline before showing it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sockatuh.client.items import Came, Event, Here, Item, Read, Renamed, Said, Struck, Went, Whispered
from sockatuh.client.profile import Ignored, Profile
from sockatuh.client.room import Room
from sockatuh.errors import ClientError, KeyFileError
from sockatuh.room.namekeys import fold
from sockatuh.room.text import clean_line
from sockatuh.wording import client as phrases

from .held_lines import HeldLines
from .notifications import Bell, Notifier
from .people_here import PeopleHere

ON: Final = "on"
OFF: Final = "off"
QUIET: Final = "quiet"
BELL: Final = "bell"


class ChatState:
    """Lines, people and choices of one chat. Choices are remembered in the profile, for each server.

    `write` puts characters on the terminal as they are; `changed` is called when more is known about who is here.
    """

    def __init__(
        self,
        room: Room,
        profile: Profile,
        write: Callable[[str], None],
        environ: Mapping[str, str],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.held = HeldLines()
        self.people = PeopleHere()
        self.last_private = ""
        """Who sent the last private line to this person, "" if nobody has."""
        self.has_whispered = False
        """Whether this person was told who can read private lines."""
        self._room, self._profile, self._changed = room, profile, changed
        self.is_quiet = self.choice(QUIET) == ON
        bell = self.choice(BELL)
        self.notifier = Notifier(room, write, environ, Bell(bell) if bell in list(Bell) else Bell.MINE)
        self.ignored = self._find_ignored()
        self._loading: asyncio.Task[None] | None = None

    @property
    def own_lines(self) -> Sequence[int]:
        """The seqs of the last lines that this person said, oldest first."""
        return self._room.own_lines

    def hear(self, event: Event) -> None:
        """Follow an event of the room, whether or not it is shown."""
        self.people.take(event)
        if isinstance(event, Struck):
            self.held.take_off(event.line)
        if isinstance(event, Here) and (self._loading is None or self._loading.done()):
            self._loading = asyncio.create_task(self._load())

    def admits(self, item: Item) -> bool:
        """Tell whether an item is to be shown; what is shown is held, and called for if it concerns this person."""
        entry = item.line if isinstance(item, Read) else item
        match entry:
            case Said() | Whispered() | Struck() if self._ignores(entry):
                return False
            case Came() | Went() if self.is_quiet:
                return False
            case Said() | Whispered() | Came() | Went() | Renamed() | Struck():
                self.held.add(entry)
            case _:
                pass
        match entry:
            case Whispered() if not self._room.wrote(entry):
                self.last_private = entry.name
            case Renamed(name=name, new=new) if name == self.last_private:
                self.last_private = new
            case _:
                pass
        self.notifier.report(item)
        return True

    def choice(self, what: str) -> str | None:
        """Return what was chosen for this server; None if nothing was, or it cannot be read."""
        with contextlib.suppress(KeyFileError):
            return self._profile.find_choice(self._room.server, what)
        return None

    def choose(self, what: str, value: str) -> str | None:
        """Remember a choice for this server; return a sentence if that fails."""
        return self._remember(lambda: self._profile.set_choice(self._room.server, what, value))

    def ignore(self, whom: Ignored) -> str | None:
        """Ignore somebody from now on; return a sentence if it cannot be remembered."""
        self.ignored = [*(each for each in self.ignored if not is_same(each, whom)), whom]
        return self._remember(lambda: self._profile.ignore(self._room.server, whom))

    def unignore(self, whom: Ignored) -> str | None:
        """Ignore somebody no longer; return a sentence if that cannot be remembered."""
        self.ignored = [each for each in self.ignored if not is_same(each, whom)]
        return self._remember(lambda: self._profile.unignore(self._room.server, whom))

    def close(self) -> None:
        """Cancel what is under way."""
        if self._loading is not None:
            self._loading.cancel()

    async def _load(self) -> None:
        with contextlib.suppress(ClientError):  # the loop over the room raises the same error
            self.people.load(await self._room.members())
            self._changed()

    def _ignores(self, said: Said | Whispered | Struck) -> bool:
        """Tell whether a line is of somebody ignored: by key; by name only a line of somebody without one.

        The same goes for the news that such a line was removed.

        Nobody ignores the room's admin by that, whose lines have no key.
        """
        if not self.ignored or self._is_exempt(said):
            return False
        return any(
            each.tag == said.tag if each.tag or said.tag else fold(each.name) == fold(said.name)
            for each in self.ignored
        )

    @staticmethod
    def _is_exempt(said: Said | Whispered | Struck) -> bool:
        return (isinstance(said, Said | Whispered) and said.own) or (isinstance(said, Said) and said.official)

    def _find_ignored(self) -> list[Ignored]:
        with contextlib.suppress(KeyFileError):
            return self._profile.ignored(self._room.server)
        return []

    def _remember(self, write: Callable[[], object]) -> str | None:
        try:
            write()
        except KeyFileError as error:
            return phrases.not_remembered(clean_line(error.path), error.reason)
        return None


def is_same(one: Ignored, other: Ignored) -> bool:
    """Tell whether two entries ignore the same key, or without a key the same name."""
    return one.tag == other.tag and (bool(one.tag) or fold(one.name) == fold(other.name))
