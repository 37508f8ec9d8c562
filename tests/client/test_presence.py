"""Who is here, beside the log: PRESENCE as the library reports it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta

from client.session_double import ADMITTED, SessionDouble

from sockatuh.client.items import Event, OtherKey, PresenceChanged, Said
from sockatuh.client.name_tags import NameTags
from sockatuh.client.room import Room
from sockatuh.client.stream import MOST_EVENTS
from sockatuh.client.timeline import Timeline
from sockatuh.protocol.client import events as e
from sockatuh.protocol.constants import MAX_AWAY
from sockatuh.protocol.messages import (
    AWAY,
    CONTACT_LOST,
    GONE,
    IN_CONTACT,
    MEMBER,
    MESSAGE,
    READER,
    Change,
    Entry,
    MemberInfo,
)
from sockatuh.testing import MemoryRoom, run

BEFORE = date.today() - timedelta(days=9)


def in_a_room(story: Callable[[Room, SessionDouble], Awaitable[None]]) -> None:
    """Run a story in a room that has seen ana with another key."""

    async def begin() -> None:
        session, tags = SessionDouble(), NameTags(None, "box:1")
        tags.see("ana", "old key.", BEFORE, 0.0)
        await story(Room(session, "kitchen", ADMITTED, tags=tags), session)

    run(begin())


async def take(room: Room, count: int) -> list[Event]:
    events = aiter(room)
    return [await anext(events) for _ in range(count)]


def test_a_change_names_who_came_into_contact_who_lost_it_and_who_is_gone() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        assert room.here is None
        changes = Change("budi", "", IN_CONTACT), Change("ci\x1bti", "", CONTACT_LOST), Change("dewi", "", GONE)
        session.tell(e.PresenceChanged(7, changes))
        assert await take(room, 1) == [PresenceChanged(7, ("budi",), ("citi",), ("dewi",))]
        assert room.here == 7

    in_a_room(story)


def test_the_members_listed_are_counted_if_nothing_has_changed_since_this_one_came_in() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        session.present = tuple(
            MemberInfo(name, "", "secure", True, 0, role)
            for name, role in (("ana", MEMBER), ("tail", READER), ("budi", MEMBER))
        )
        await room.members()
        assert room.here == 2
        session.tell(e.PresenceChanged(3, ()))
        await room.members()
        assert room.here == 3

    in_a_room(story)


def test_unknown_presence_states_are_ignored() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        unknown = (Change("budi", "", 4, "a text"),)
        session.tell(e.PresenceChanged(7, unknown), e.PresenceChanged(7, unknown), e.PresenceChanged(8, ()))
        assert await take(room, 2) == [PresenceChanged(7), PresenceChanged(8)]

    in_a_room(story)


def test_who_is_away_is_reported_with_a_clean_text_of_bounded_length() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        changed = Change("bu\x1b[2Jdi", "", AWAY, "lunch\n\x1b]0;title\x07"), Change("eva", "", AWAY, "x" * 99)
        session.tell(e.PresenceChanged(7, changed))
        assert await take(room, 1) == [PresenceChanged(7, away=(("budi", "lunch"), ("eva", "x" * MAX_AWAY)))]

    in_a_room(story)


def test_a_loop_far_behind_skips_presence_but_the_count_is_current() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        for seq in range(4, 5 + MOST_EVENTS):
            session.tell(e.EntryArrived(Entry(seq, 0, MESSAGE, "budi", "x"), None))
        for here in range(9, 100):
            session.tell(e.PresenceChanged(here, (Change("budi", "", CONTACT_LOST),)))
        assert room.here == 99
        assert all(isinstance(event, Said) for event in await take(room, MOST_EVENTS + 1))
        session.tell(e.PresenceChanged(99, (Change("budi", "", IN_CONTACT),)))
        assert await take(room, 1) == [PresenceChanged(99, ("budi",))]

    in_a_room(story)


def test_a_key_that_only_presence_shows_is_compared_with_what_the_name_had() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        session.tell(e.PresenceChanged(2, (Change("ana", "new key.", IN_CONTACT), Change("budi", "", IN_CONTACT))))
        assert await take(room, 2) == [OtherKey("ana", "new key.", BEFORE), PresenceChanged(2, ("ana", "budi"))]
        session.tell(e.PresenceChanged(2, (Change("ana", "new key.", CONTACT_LOST),)))
        assert await take(room, 1) == [PresenceChanged(2, lost=("ana",))]

    in_a_room(story)


def test_a_key_that_only_the_list_of_members_shows_is_compared_too() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        session.present = [MemberInfo("ana", "", "classic", True, 0), MemberInfo("budi", "his key.", "secure", True, 0)]
        assert len(await room.members()) == 2
        assert await take(room, 1) == [OtherKey("ana", "", BEFORE)]
        session.present = [MemberInfo("budi", "another.", "secure", True, 0)]
        await room.members()
        assert await take(room, 1) == [OtherKey("budi", "another.", date.today())]

    in_a_room(story)


def test_a_timeline_ignores_presence() -> None:
    async def story(room: Room, _: SessionDouble) -> None:
        assert list(Timeline(room).take(PresenceChanged(3, ("budi",)))) == []

    in_a_room(story)


def test_every_member_soon_knows_how_many_are_here() -> None:
    async def story() -> None:
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana") as ana:
            async with kitchen.connect(name="budi") as budi:
                await asyncio.sleep(2)
                assert (ana.here, budi.here) == (2, 2)
            await asyncio.sleep(2)
            assert ana.here == 1

    run(story())
