"""Prints what happens in a room as JSON, one object per line, in ASCII only (docs/JSON.md)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Final

from sockatuh.client.items import (
    Back,
    Came,
    Event,
    Gap,
    Here,
    Lost,
    OtherKey,
    OwnText,
    PresenceChanged,
    Rejected,
    Renamed,
    Said,
    Stored,
    Struck,
    Waiting,
    Went,
    Whispered,
)
from sockatuh.client.room import Room
from sockatuh.errors import Refused
from sockatuh.room.moments import find_rfc3339
from sockatuh.wording import client as phrases

from .errors import explain
from .ordered import MUTED, facts_of

VERSION: Final = 1


def print_line(kind: str, **fields: object) -> None:
    """Print one object and flush it."""
    print(json.dumps({"v": VERSION, "type": kind, **fields}), flush=True)


def own_texts(texts: Sequence[OwnText]) -> dict[str, object]:
    """Return the fields that list own lines: private ones apart from those for the room, and only if there are any."""
    private = [{"to": own.to, "text": own.text} for own in texts if own.to]
    public = [own.text for own in texts if not own.to]
    return {"texts": public, "private": private} if private else {"texts": public}


def read_line(line: str) -> tuple[str, bool, str]:
    """Return (text, action, addressee) from a line of JSON or plain text; raise ValueError if it is invalid JSON.

    The addressee is "" if the object has no `to`. An empty one is invalid, so that it is not said to everybody.
    """
    if not line.lstrip().startswith("{"):
        return line, False, ""
    try:
        fields = json.loads(line)
    except RecursionError:
        raise ValueError(phrases.NOT_A_LINE) from None
    match fields:
        case {"text": str(text), "to": str(to)} if to and isinstance(action := fields.get("action", False), bool):
            return text, action, to
        case {"text": str(text)} if "to" not in fields and isinstance(action := fields.get("action", False), bool):
            return text, action, ""
        case _:
            raise ValueError(phrases.NOT_A_LINE)


def read_strike(line: str) -> int | None:
    """Return the seq of the line that a line of JSON asks to be removed, None if it asks for nothing like that.

    Raises ValueError if it asks for more than that, or for no place in a log.
    """
    if not line.lstrip().startswith("{"):
        return None
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    match fields:
        case {"strike": int(seq), **others} if seq > 0 and not isinstance(seq, bool) and "text" not in others:
            return seq
        case {"strike": _}:
            raise ValueError(phrases.NOT_A_LINE)
        case _:
            return None


class JsonLines:
    """Prints events; `refused` counts the lines that were rejected."""

    def __init__(self, room: Room, clock: Callable[[], float] = time.time) -> None:
        self.refused = 0
        self._room, self._clock = room, clock
        self._notice("admitted", phrases.JOINED, name=room.me, room=room.name)

    def report(self, event: Event) -> None:
        """Print an event."""
        match event:
            case Said():
                said = {"from": event.name, "text": event.text, "action": event.action, "own": event.own}
                print_line("message", seq=event.seq, at=find_rfc3339(event.at), **said, official=event.official)
            case Whispered(seq, at, name, to, text, own):
                print_line("private", seq=seq, at=find_rfc3339(at), **{"from": name}, to=to, text=text, own=own)
            case Renamed(seq, at, name, new, tag):
                print_line("renamed", seq=seq, at=find_rfc3339(at), name=name, new=new, key=tag or None)
            case Struck(seq, at, name, line, line_at, tag):
                fields = {"name": name, "line": line, "line_at": find_rfc3339(line_at), "key": tag or None}
                print_line("struck", seq=seq, at=find_rfc3339(at), **fields)
            case Came(seq, at, name, dialect, tag):
                print_line("joined", seq=seq, at=find_rfc3339(at), name=name, dialect=dialect, key=tag or None)
            case Went(seq, at, name, reason):
                print_line("left", seq=seq, at=find_rfc3339(at), name=name, reason=reason)
            case Stored(number, seq):
                print_line("stored", seq=seq, line=number)
            case Rejected():
                self._reject(event)
            case PresenceChanged():  # `who` says who is here
                pass
            case _:
                self._notice_of(event)

    def _reject(self, rejected: Rejected) -> None:
        detail = rejected.detail if rejected.code == MUTED else rejected.to
        why = Refused(rejected.code, rejected.wait, detail)
        fields = {"to": rejected.to} if rejected.to else {}
        self.refuse(rejected.code, explain(why).message, line=rejected.number, **fields, **facts_of(why))

    def inherit(self, texts: Sequence[OwnText]) -> None:
        """Print the lines that a killed program had sent and that were never acknowledged."""
        if texts:
            self._notice("never_acknowledged", phrases.never_acknowledged(len(texts)), **own_texts(texts))

    def refuse(self, code: str, sentence: str, **fields: object) -> None:
        """Print why a line was rejected."""
        self.refused += 1
        print_line("error", code=code, message=sentence, **fields)

    def _notice_of(self, event: Gap | Here | Back | Lost | Waiting | OtherKey) -> None:
        match event:
            case Gap(after, through, count):
                self._notice("gone", phrases.gone(count), after=after, through=through, count=count)
            case Here():
                self._notice("caught_up", phrases.HERE)
            case Back(rewound=True):
                self._notice("rewound", phrases.REWOUND)
            case Back():
                self._notice("back", phrases.BACK)
            case Waiting(None):
                count = self._room.unanswered
                self._notice("not_stored_yet", phrases.held(count), count=count)
            case Waiting(float(seconds)):
                self._notice("delayed", phrases.delayed(seconds), wait=seconds)
            case Lost(reason):
                sentence = phrases.LOSSES.get(reason) or phrases.contact_lost(self._room.unanswered)
                self._notice("contact_lost", sentence, reason=reason)
            case OtherKey(name, tag, last_seen):
                sentence = phrases.another_key(name, last_seen, has_key=bool(tag))
                self._notice("another_key", sentence, name=name, key=tag or None, last_seen=last_seen.isoformat())
            case _:
                pass

    def _notice(self, code: str, text: str, **fields: object) -> None:
        print_line("notice", at=find_rfc3339(self._clock() * 1000), code=code, text=text, **fields)
