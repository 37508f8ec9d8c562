from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from sockatuh.cli.membership import Membership
from sockatuh.cli.roompassword import RoomPassword
from sockatuh.client.deadline import Patience
from sockatuh.client.session import Conversation, ConversationOptions
from sockatuh.client.unsent import Unsent
from sockatuh.protocol.client.events import (
    Admitted,
    ContactLost,
    EntriesGone,
    EntryArrived,
    LineRefused,
    LineStored,
    MembersListed,
    PeerEvent,
)
from sockatuh.protocol.client.inbox import Gone
from sockatuh.protocol.messages import MESSAGE, Entry, MemberInfo

NO_KEY = RoomPassword(None, {})
NO_NOTES = Unsent(Path(os.devnull), "127.0.0.1:9")
ADMITTED = Admitted("tom", bytes(16), 3, 9, b"ticket", again=False, rewound=False)


class Told(Conversation):
    """A conversation whose events are known beforehand."""

    told: tuple[PeerEvent, ...] = ()

    async def next_event(self) -> PeerEvent:
        event, *rest = self.told
        self.told = tuple(rest)
        return event


def live(*events: PeerEvent, then: Callable[[Membership], Awaitable[None]], says: int = 2) -> list[bytes]:
    """Say some lines, hear some events, look; return the tickets that were to be kept."""
    tickets: list[bytes] = []

    def keep(admitted: Admitted) -> None:
        tickets.append(admitted.ticket)

    async def run() -> None:
        async def trust(_: bytes) -> bool:
            return True

        conversation = Told(ConversationOptions("127.0.0.1", 9, b"k" * 32), trust)
        conversation.told = events
        async with conversation:
            membership = Membership(conversation, "room", ADMITTED, keep, Patience(None), NO_NOTES, NO_KEY)
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


def test_places_in_a_log_that_was_set_back_mean_nothing_in_the_new_one() -> None:
    back = Admitted("tom", b"another log, now", 3, 9, b"ticket", again=True, rewound=True)

    async def the_lost_one_is_left(membership: Membership) -> None:
        assert (membership.unstored(), membership.unanswered) == (["line 0", "line 1"], 1)

    live(entry(50), LineStored(1, 51), back, entry(60), then=the_lost_one_is_left, says=2)

    async def it_waits_for_its_place(membership: Membership) -> None:
        assert [(line.text, line.seq) for line in membership.unplaced.values()] == [("line 0", 10)]

    live(entry(50), back, LineStored(1, 10), then=it_waits_for_its_place, says=1)


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


def test_the_answers_that_come_when_one_leaves_are_heard_and_struck_out_of_the_notes(tmp_path: Path) -> None:
    heard: list[PeerEvent] = []

    async def run() -> None:
        async def trust(_: bytes) -> bool:
            return True

        conversation = Told(ConversationOptions("127.0.0.1", 9, b"k" * 32), trust)
        async with conversation:
            notes = Unsent(tmp_path, "127.0.0.1:9")
            membership = Membership(conversation, "room", ADMITTED, lambda _: None, Patience(None), notes, NO_KEY)
            for number in range(3):
                membership.say(f"line {number}")
            conversation.told = (LineStored(1, 10), LineRefused(2, "text_empty"), LineStored(3, 11))
            await membership.settle(heard.append)
            [file] = (tmp_path / "unsent").iterdir()
            assert file.stat().st_size == 0
            await membership.settle(heard.append)  # nothing to wait for
            notes.close()

    asyncio.run(run())
    assert heard == [LineStored(1, 10), LineRefused(2, "text_empty"), LineStored(3, 11)]


def test_nobody_is_waited_for_who_is_not_there(tmp_path: Path) -> None:
    async def run() -> None:
        async def trust(_: bytes) -> bool:
            return True

        async with Told(ConversationOptions("127.0.0.1", 9, b"k" * 32), trust) as conversation:
            notes = Unsent(tmp_path, "127.0.0.1:9")
            membership = Membership(conversation, "room", ADMITTED, lambda _: None, Patience(None), notes, NO_KEY)
            membership.say("soup at one")
            membership.in_contact = False
            heard: list[PeerEvent] = []
            await membership.settle(heard.append)
            assert not heard
            assert membership.unstored() == ["soup at one"]
            notes.close()

    asyncio.run(run())
