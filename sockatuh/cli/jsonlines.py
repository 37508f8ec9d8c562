"""What happens in a room as JSON, one object a line (docs/JSON.md): everything in ASCII, so nothing in it can act."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Final

from sockatuh.protocol.client.events import (
    Admitted,
    CaughtUp,
    ContactLost,
    EntriesGone,
    EntryArrived,
    LineRefused,
    LinesDelayed,
    LinesHeld,
    LineStored,
    PeerEvent,
)
from sockatuh.protocol.messages import ACTION, JOINED, LEFT, MESSAGE, Entry
from sockatuh.room.text import clean_line, clean_text
from sockatuh.wording import admin as wording
from sockatuh.wording import client as phrases

from .membership import Membership
from .rfc3339 import rfc3339

VERSION: Final = 1


def print_line(kind: str, **fields: object) -> None:
    """Print one object; whoever reads it has it at once."""
    print(json.dumps({"v": VERSION, "type": kind, **fields}), flush=True)


def read_line(line: str) -> tuple[str, bool]:
    """Return (text, action) of a line of JSON or of text; ValueError when it is neither."""
    if not line.lstrip().startswith("{"):
        return line, False
    try:
        fields = json.loads(line)
    except RecursionError:
        raise ValueError(phrases.NOT_A_LINE) from None
    text, action = fields.get("text"), fields.get("action", False)
    if not isinstance(text, str) or not isinstance(action, bool):
        raise ValueError(phrases.NOT_A_LINE)
    return text, action


class JsonLines:
    """Hears what happens and prints it; `refused` counts the lines that were not taken."""

    def __init__(self, membership: Membership, clock: Callable[[], float] = time.time) -> None:
        self.refused = 0
        self._membership, self._clock = membership, clock
        self._notice("admitted", phrases.JOINED, name=membership.name, room=membership.room)

    def hear(self, event: PeerEvent) -> None:
        """Print what is to be known of an event."""
        match event:
            case EntryArrived(entry, own):
                self._notice_key(entry)
                _print_entry(entry, own is not None)
            case LineStored(number, seq):
                print_line("stored", seq=seq, line=number)
            case LineRefused(number, code):
                self._membership.unplaced.pop(number, None)
                self.refuse(clean_line(code), wording.refused(clean_line(code), 0, ""), line=number)
            case _:
                self._notice_of(event)

    def _notice_of(self, event: PeerEvent) -> None:
        match event:
            case EntriesGone(gone):
                self._notice("gone", phrases.gone(gone.count), after=gone.after, through=gone.through, count=gone.count)
            case CaughtUp():
                self._notice("caught_up", phrases.HERE)
            case Admitted(rewound=rewound):
                self._notice("rewound", phrases.REWOUND) if rewound else self._notice("back", phrases.BACK)
            case LinesDelayed(wait):
                self._notice("delayed", phrases.delayed(wait), wait=wait)
            case LinesHeld():
                count = self._membership.unanswered
                self._notice("not_stored_yet", phrases.held(count), count=count)
            case ContactLost(reason):
                sentence = phrases.LOSSES.get(reason) or phrases.contact_lost(self._membership.unanswered)
                self._notice("contact_lost", sentence, reason=clean_line(reason))
            case _:
                pass

    def _notice_key(self, entry: Entry) -> None:
        if last := self._membership.notice_key(entry):
            name, key = clean_line(entry.name), clean_line(entry.tag) or None
            sentence = phrases.another_key(name, last, has_key=key is not None)
            self._notice("another_key", sentence, name=name, key=key, last_seen=last.isoformat())

    def inherit(self, texts: list[str]) -> None:
        """Print what a program that was killed has said without an answer."""
        if texts:
            self._notice("never_acknowledged", phrases.never_acknowledged(len(texts)), texts=texts)

    def refuse(self, code: str, reason: str, **fields: object) -> None:
        """Print why a line was not taken."""
        self.refused += 1
        print_line("error", code=code, message=reason, **fields)

    def _notice(self, code: str, text: str, **fields: object) -> None:
        print_line("notice", at=rfc3339(self._clock() * 1000), code=code, text=text, **fields)


def _print_entry(entry: Entry, own: bool) -> None:
    place = {"seq": entry.seq, "at": rfc3339(entry.at)}
    name, text = clean_line(entry.name), clean_text(entry.text)
    if entry.kind in (MESSAGE, ACTION):
        said = {"from": name, "text": text, "action": entry.kind == ACTION, "own": own}
        print_line("message", **place, **said)
    elif entry.kind == JOINED:
        print_line("joined", **place, name=name, dialect=text, key=clean_line(entry.tag) or None)
    elif entry.kind == LEFT:
        print_line("left", **place, name=name, reason=text)
