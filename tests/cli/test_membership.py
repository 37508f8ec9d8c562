from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sockatuh.cli.membership import Membership
from sockatuh.cli.patience import Patience
from sockatuh.client.conversation import Conversation, ConversationOptions
from sockatuh.protocol.inbox import Gone
from sockatuh.protocol.messages import MESSAGE, Entry, MemberInfo
from sockatuh.protocol.peer_events import (
    Admitted,
    ContactLost,
    EntriesGone,
    EntryArrived,
    LineRefused,
    LineStored,
    MembersListed,
    PeerEvent,
)

ADMITTED = Admitted("tom", bytes(16), 3, 9, b"ticket", again=False, rewound=False)


class Told(Conversation):
    """A conversation whose events are known beforehand."""

    told: tuple[PeerEvent, ...] = ()

    async def next_event(self) -> PeerEvent:
        event, *rest = self.told
        self.told = tuple(rest)
        return event


def live(*events: PeerEvent, then: Callable[[Membership], Awaitable[None]], says: int = 2) -> list[bytes]:
    """Say some lines, hear some events, look; return the tickets that were kept."""
    tickets: list[bytes] = []

    async def run() -> None:
        async def trust(_: bytes) -> bool:
            return True

        conversation = Told(ConversationOptions("127.0.0.1", 9, b"k" * 32), trust)
        conversation.told = events
        async with conversation:
            membership = Membership(conversation, "room", ADMITTED, tickets.append, Patience(None))
            for number in range(says):
                membership.say(f"line {number}")
            while conversation.told:
                await membership.next_event()
            await then(membership)

    asyncio.run(run())
    return tickets


def entry(seq: int, own: int | None = None) -> EntryArrived:
    return EntryArrived(Entry(seq, 0, MESSAGE, "tom", "x"), own)


def test_a_line_waits_until_it_has_its_answer_and_its_place() -> None:
    async def nothing_waits(membership: Membership) -> None:
        assert (membership.unplaced, membership.unanswered, membership.unstored()) == ({}, 0, [])
        await membership.drained(0)

    live(entry(4, 1), entry(5, 2), LineStored(1, 4), LineStored(2, 5), then=nothing_waits)
    live(LineStored(1, 4), LineStored(2, 5), entry(4, 1), entry(5, 2), then=nothing_waits)


def test_a_line_whose_mark_was_lost_is_placed_by_its_seq() -> None:
    async def nothing_waits(membership: Membership) -> None:
        assert membership.unplaced == {}

    live(LineStored(1, 4), LineStored(2, 6), entry(4), EntriesGone(Gone(4, 6, 2)), then=nothing_waits)
    live(entry(4), entry(5), LineStored(1, 4), LineStored(2, 5), then=nothing_waits)


def test_what_may_not_be_stored_can_be_given_back() -> None:
    async def one_is_left(membership: Membership) -> None:
        assert (membership.unstored(), membership.unanswered) == (["line 1"], 1)
        await membership.drained(0)

    live(LineStored(1, 4), ContactLost("silence"), then=one_is_left)


def test_a_refused_line_is_left_for_whoever_tells_it() -> None:
    async def both_are_there(membership: Membership) -> None:
        assert (len(membership.unplaced), membership.unanswered) == (2, 1)

    live(LineRefused(2, "text_empty"), then=both_are_there)


def test_pages_of_members_come_as_one_list() -> None:
    async def ask(membership: Membership) -> None:
        ana, budi = (MemberInfo(name, "", "secure", present=True, since=0) for name in ("ana", "budi"))
        assert membership.ask_who()
        assert isinstance(membership.conversation, Told)
        membership.conversation.told = (MembersListed((ana,), more=True), MembersListed((budi,), more=False))
        assert await membership.next_event() == MembersListed((ana, budi), more=False)

    live(then=ask)


def test_without_contact_nobody_is_asked_and_with_a_new_ticket_it_is_kept() -> None:
    async def ask(membership: Membership) -> None:
        assert not membership.ask_who()

    assert live(ContactLost("reset"), then=ask) == [b"ticket"]
    back = Admitted("tom", bytes(16), 3, 9, b"newer", again=True, rewound=False)

    async def nothing(membership: Membership) -> None:
        assert membership.in_contact

    assert live(ContactLost("reset"), back, then=nothing) == [b"ticket", b"newer"]


def test_faults_of_a_text_are_known_beforehand() -> None:
    async def look(membership: Membership) -> None:
        membership.conversation.max_text = 6
        assert membership.fault_of("\u202e\x1b ") == ("text_empty", 0)
        assert membership.fault_of("ééé\u202e") is None
        assert membership.fault_of("éééé") == ("text_too_long", 8)

    live(then=look)
