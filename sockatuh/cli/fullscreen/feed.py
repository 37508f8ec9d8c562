"""Feeds the events of a room into the log of the full screen, which keeps entries and draws them itself."""

from __future__ import annotations

from sockatuh.cli.chat_state import ChatState
from sockatuh.cli.narrator import Narrator, View
from sockatuh.client.items import Came, EntryEvent, Event, Here, Said, Whispered
from sockatuh.client.room import Room

from .scrollback import Scrollback


class Feed(Narrator):
    """A narrator that puts entries into a log as they are, and everything else on its view."""

    def __init__(self, room: Room, state: ChatState, log: Scrollback, view: View) -> None:
        super().__init__(room, view, state)
        self._log = log
        self._is_idle = self._is_live = False

    def report(self, event: Event, *, is_idle: bool = False) -> None:
        """Take an event; `is_idle`: nobody is thought to be reading."""
        self._is_idle = is_idle
        super().report(event)
        self._is_live = self._is_live or isinstance(event, Here)

    def _show(self, event: EntryEvent, *, was_read: bool = False) -> None:
        is_mine = isinstance(event, Said | Whispered) and self._room.wrote(event)
        is_unread = self._is_idle and self._is_live
        self._log.add_entry(event, self._room.me, is_mine=is_mine, is_unread=is_unread, was_read=was_read)
        if isinstance(event, Came):
            self._warn_of_clear(event)
