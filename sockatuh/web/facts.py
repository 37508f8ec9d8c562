"""What happens in a room as the objects of the stream (docs/WEB.md): facts for the page, and the finished sentence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol, TypeAlias

from sockatuh.client.items import (
    IN_BROWSER,
    UNENCRYPTED,
    Back,
    Came,
    EntryEvent,
    Event,
    Gap,
    Here,
    Lost,
    Member,
    OtherKey,
    PresenceChanged,
    Rejected,
    Renamed,
    Role,
    Said,
    Stored,
    Struck,
    Waiting,
    Went,
    Whispered,
    local_moment,
)
from sockatuh.client.mentions import mentions
from sockatuh.client.room import Room
from sockatuh.room.moments import find_rfc3339

from .lines import Taken
from .speech import Speech, Trouble, shown

Facts: TypeAlias = dict[str, object]
VERSION: Final = 1


class Onlooker(Protocol):
    """The browser to which events are told: its name, and which lines are its own."""

    @property
    def me(self) -> str:
        """The name of its member."""

    @property
    def unanswered(self) -> Sequence[Taken]:
        """The lines that have no answer."""

    @property
    def lost_at(self) -> int | None:
        """Since when there is no contact, in ms since 1970."""

    def wrote(self, line: Said | Whispered) -> bool:
        """Tell whether this person said a line."""

    def find_stored(self, seq: int) -> tuple[str, int] | None:
        """Return the page and the number of an own line that is stored at `seq`."""


def tell(event: Event, to: Onlooker, speech: Speech) -> Facts | None:
    """Return the object of an event; None for what is told in another way, or not at all."""
    if isinstance(event, EntryEvent):
        return _entry(event, to, speech)
    match event:
        case PresenceChanged(here=here):
            return {"type": "here", "here": here, "sentence": speech.client.how_many_here(here)}
        case Stored() | Rejected():  # told with what the journal knows of the line
            return None
        case _:
            return _notice(event, to, speech)


def _entry(event: EntryEvent, to: Onlooker, speech: Speech) -> Facts | None:
    told: Facts = {"type": "", "seq": event.seq, "at": find_rfc3339(event.at)}
    match event:
        case Said():
            facts = {"from": event.name, "text": event.text, "action": event.action, "official": event.official}
            of_it = {"mention": mentions(event, to.me), **_whose(event, to)}
            return told | {"type": "message", **facts, **of_it}
        case Whispered():
            return told | {
                "type": "private",
                "from": event.name,
                "to": event.to,
                "text": event.text,
                **_whose(event, to),
            }
        case Renamed(name=name, new=new, tag=tag):
            sentence = speech.client.renamed(shown(name), shown(new))
            return told | {"type": "renamed", "name": name, "new": new, "key": tag or None, "sentence": sentence}
        case Struck(name=name, line=line, line_at=line_at, tag=tag):
            sentence = speech.client.struck(shown(name), local_moment(line_at), datetime.now().astimezone())
            of_line = {"name": name, "line": line, "line_at": find_rfc3339(line_at), "key": tag or None}
            return told | {"type": "struck", **of_line, "sentence": sentence}
        case Came(name=name) | Went(name=name) if name == to.me:
            return None
        case Came(name=name, dialect=dialect, tag=tag):
            sentence = speech.client.joined(shown(name))
            if dialect == UNENCRYPTED:
                sentence += f"; {speech.client.IN_CLEAR.format(name=shown(name))}"
            return told | {"type": "joined", "name": name, "dialect": dialect, "key": tag or None, "sentence": sentence}
        case Went(name=name, reason=reason):
            sentence = speech.client.left(shown(name), reason)
            return told | {"type": "left", "name": name, "reason": reason, "sentence": sentence}


def _whose(line: Said | Whispered, to: Onlooker) -> Facts:
    said_here = to.find_stored(line.seq)
    of_page = None if said_here is None else {"page": said_here[0], "n": said_here[1]}
    own = line.own or said_here is not None
    return {"own": own, "mine": own or to.wrote(line), "key": line.tag or None, "line": of_page}


def _notice(event: Event, to: Onlooker, speech: Speech) -> Facts | None:
    match event:
        case Gap(after, through, count):
            return notice("gone", speech.client.gone(count), after=after, through=through, count=count)
        case Here():
            return notice("caught_up", speech.client.HERE)
        case Back(rewound=True):
            return notice("rewound", speech.client.REWOUND)
        case Back():
            return notice("back", speech.client.BACK)
        case Waiting(None):
            return notice("not_stored_yet", speech.client.held(len(to.unanswered)), count=len(to.unanswered))
        case Waiting(float(seconds)):
            return notice("delayed", speech.client.delayed(seconds), wait=seconds)
        case Lost(reason):
            sentence = speech.client.LOSSES.get(reason) or speech.client.contact_lost(len(to.unanswered))
            since = find_rfc3339(to.lost_at) if to.lost_at is not None else None
            return notice("contact_lost", sentence, reason=reason, since=since)
        case OtherKey(name, tag, last_seen):
            return notice(
                "another_key", speech.client.another_key(shown(name), last_seen, has_key=bool(tag)), name=name
            )
        case _:
            return None


def notice(code: str, sentence: str, **fields: object) -> Facts:
    """Return an object about the connection."""
    return {"type": "notice", "code": code, **fields, "sentence": sentence}


def tell_hello(room: Room, log: str, to: Onlooker) -> Facts:
    """Return the object with which a stream begins."""
    return {
        "type": "hello",
        "v": VERSION,
        "room": room.name,
        "name": room.me,
        "key": room.tag,
        "log": log,
        "max_text": room.max_text,
        "here": room.here,
        "contact": room.in_contact,
        "since": find_rfc3339(to.lost_at) if to.lost_at is not None else None,
        "pending": [{**_facts_of(line), "at": find_rfc3339(line.at)} for line in to.unanswered],
    }


def tell_stored(line: Taken, seq: int) -> Facts:
    """Return the object that says that an own line is stored."""
    return {"type": "stored", "page": line.page, "n": line.n, "seq": seq}


def tell_refused(line: Taken, why: Trouble) -> Facts:
    """Return the object that says that an own line will not be stored."""
    return {"type": "refused", **_facts_of(line), **why.as_json()}


def tell_you(name: str) -> Facts:
    """Return the object that says which name this browser has from now on."""
    return {"type": "you", "name": name}


def tell_asked(name: str, why: Trouble) -> Facts:
    """Return the object that says that the password is wanted again."""
    return {"type": "asked", "name": name, "sentence": why.sentence}


def tell_ended(why: Trouble) -> Facts:
    """Return the object that says that this browser is out of the room."""
    return {"type": "ended", **why.as_json()}


def tell_members(members: Sequence[Member], me: str, speech: Speech) -> Facts:
    """Return who is here."""
    told = [_member(member, me, speech) for member in sorted(members, key=lambda each: each.name.casefold())]
    here = sum(member.role is Role.MEMBER for member in members)
    return {"members": told, "here": here, "sentence": speech.web.how_many(here)}


def _member(member: Member, me: str, speech: Speech) -> Facts:
    is_me = member.name == me and member.role is Role.MEMBER
    away = f"{speech.web.AWAY}: {member.away}" if member.away else speech.web.AWAY
    remarks = {
        speech.web.YOU: is_me,
        speech.web.WEB: member.dialect == IN_BROWSER,
        speech.web.UNENCRYPTED: member.dialect == UNENCRYPTED,
        speech.client.ROLES[member.role]: member.role is not Role.MEMBER,
        speech.web.NO_CONTACT: not member.present,
        away: member.away is not None,
    }
    return {
        "name": member.name,
        "dialect": member.dialect,
        "key": member.tag or None,
        "present": member.present,
        "since": find_rfc3339(member.since),
        "away": member.away,
        "as": str(member.role),
        "me": is_me,
        "sentence": speech.web.member(shown(member.name), [each for each, holds in remarks.items() if holds]),
    }


def _facts_of(line: Taken) -> Facts:
    return {"page": line.page, "n": line.n, "text": line.text, "action": line.action, "to": line.to}
