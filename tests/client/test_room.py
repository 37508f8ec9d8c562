from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from pathlib import Path

import pytest
from client.session_double import ADMITTED, SessionDouble, entry, gone, joined, left, room_of

from sockatuh.client.items import (
    Back,
    Came,
    Event,
    Gap,
    Here,
    Lost,
    Member,
    OtherKey,
    OwnText,
    Rejected,
    Renamed,
    Role,
    Said,
    Stored,
    Struck,
    Waiting,
    Went,
    Whispered,
)
from sockatuh.client.name_tags import NameTags
from sockatuh.client.room import LINES_AHEAD, Room
from sockatuh.client.room_password import RoomPassword
from sockatuh.client.stream import MOST_EVENTS
from sockatuh.client.unsent import Unsent
from sockatuh.errors import IdentityChanged, NotInRoom, Refused, Removed
from sockatuh.protocol.client import events as e
from sockatuh.protocol.constants import MAX_PARTS, MAX_PIECE
from sockatuh.protocol.messages import MESSAGE, PRIVATE, READER, RENAMED, STRUCK, Entry, MemberInfo

TODAY = int(datetime.now().timestamp() * 1000)
BACK = e.Admitted("tom", bytes(16), 3, 9, b"ticket", again=True, rewound=False)
REWOUND = e.Admitted("tom", b"another log, now", 3, 9, b"ticket", again=True, rewound=True)


def in_a_room(story: Callable[[Room, SessionDouble], Awaitable[None]], *, says: int = 0) -> None:
    async def run() -> None:
        session = SessionDouble()
        async with asyncio.timeout(10):
            await story(room_of(session, says=says), session)

    asyncio.run(run())


async def take(room: Room, count: int) -> list[Event]:
    events = aiter(room)
    async with asyncio.timeout(5):
        return [await anext(events) for _ in range(count)]


def test_every_occurrence_is_an_event_with_clean_text() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        session.tell(joined(4, "ana"), entry(5, text="hi\x1b[31m!"), left(6, "ana", "lost"), gone(6, 9), e.CaughtUp())
        session.tell(e.ContactLost("silence"), BACK, REWOUND, e.LinesDelayed(1.5), e.LinesHeld())
        assert await take(room, 10) == [
            Came(4, 0, "ana"),
            Said(5, 0, "ana", "hi!"),
            Went(6, 0, "ana", "lost"),
            Gap(6, 9, 3),
            Here(),
            Lost("silence"),
            Back(),
            Back(rewound=True),
            Waiting(1.5),
            Waiting(None),
        ]

    in_a_room(story)


def test_an_entry_of_an_unknown_kind_is_no_event() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        session.tell(entry(4, kind=77), entry(5))
        assert await take(room, 1) == [Said(5, 0, "ana", "x")]

    in_a_room(story)


def test_concurrent_says_each_wait_for_their_own_answer() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        sayings = [asyncio.create_task(room.say(f"line {number}")) for number in range(3)]
        seen = asyncio.create_task(take(room, 4))
        await asyncio.sleep(0)
        session.tell(e.LineStored(3, 6), entry(4, 1), e.LineStored(1, 4), entry(5), e.LineStored(2, 7), entry(6, 3))
        session.tell(entry(7, 2))
        assert await asyncio.gather(*sayings) == [4, 7, 6]
        assert [event.seq for event in await seen if isinstance(event, Said)] == [4, 5, 6, 7]
        assert not room.unplaced

    in_a_room(story)


def test_cancelling_a_say_affects_neither_its_line_nor_others() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        given_up, other = (asyncio.create_task(room.say(text)) for text in ("one", "two"))
        await asyncio.sleep(0)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        session.tell(e.LineStored(1, 4), e.LineStored(2, 5))
        assert await other == 5
        assert [text for text, _ in session.said] == ["one", "two"]
        assert room.unanswered == 0
        with pytest.raises(TimeoutError):
            await room.say("three", timeout=0)

    in_a_room(story)


def test_an_invalid_text_is_refused_before_it_is_sent() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        for text, code in (("\x1b", "text_empty"), ("x" * 101, "text_too_long")):
            with pytest.raises(Refused, match=code):
                await room.say(text)
        careful = room_of(session, password=RoomPassword("tulip harbor"))
        with pytest.raises(Refused, match="text_is_password"):
            await careful.say("Tulip Harbor")
        with pytest.raises(Refused, match="text_is_password"):
            await careful.away(" tulip harbor")
        assert not session.said
        assert not session.away

    in_a_room(story)


def test_private_lines_to_several_addressees_are_numbered_with_the_others(tmp_path: Path) -> None:
    async def story(_: Room, session: SessionDouble) -> None:
        room = Room(session, "kitchen", ADMITTED, unsent=Unsent(tmp_path, session.server))
        numbers = [room.send("the key", to="budi"), room.send("soup at one"), room.send("or two", to="eva")]
        assert numbers == [1, 2, 3]
        assert session.whispered == [("budi", "the key"), ("eva", "or two")]
        assert [line.to for line in room.unplaced.values()] == ["budi", "", "eva"]
        assert room.unstored() == [OwnText("the key", "budi"), OwnText("soup at one"), OwnText("or two", "eva")]
        session.tell(whisper(4, 1), e.LineStored(2, 5), e.LineRefused(3, "no_such_name"))
        assert await take(room, 3) == [
            Whispered(4, 0, "tom", "budi", "the key", own=True),
            Stored(2, 5),
            Rejected(3, "or two", False, "no_such_name", "eva"),
        ]
        assert room.unstored() == []
        room.forget_unsent()

    in_a_room(story)


def whisper(seq: int, own: int | None = None, *, name: str = "tom", text: str = "the key") -> e.EntryArrived:
    return e.EntryArrived(Entry(seq, 0, PRIVATE, name, text, to="bu\x1b[1mdi\u202e"), own)


@pytest.mark.parametrize("to", [" ", "\x1b[31m", "\u202e", "\n", "x" * 129, "é" * 65])
def test_what_is_meant_for_somebody_is_said_to_nobody_if_nothing_is_left_of_the_name(to: str) -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        with pytest.raises(Refused, match="no_such_name"):
            await room.say("the key", to=to)
        with pytest.raises(Refused, match="no_such_name"):
            room.send("the key", to=to)
        assert room.fault_of("the key", to) == ("no_such_name", 7)
        assert (session.said, session.whispered, room.unanswered, room.unplaced) == ([], [], 0, {})

    in_a_room(story)


@pytest.mark.parametrize(("code", "detail"), [("no_such_name", "bud"), ("reads_in_clear", "bud"), ("text_empty", "")])
def test_a_refusal_of_a_private_line_names_its_addressee(code: str, detail: str) -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        saying = asyncio.create_task(room.say("the key", to="bud\u202e"))
        await asyncio.sleep(0)
        session.refuse(1, Refused(code))
        with pytest.raises(Refused, match=code) as refused:
            await saying
        assert refused.value.detail == detail

    in_a_room(story)


def test_the_addressee_takes_its_bytes_from_the_longest_text_a_line_can_carry() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        session.max_text = most = MAX_PARTS * MAX_PIECE
        assert room.fault_of("x" * most) is None
        assert room.fault_of("x" * (most - 4), "budi") is None
        assert room.fault_of("x" * (most - 3), "budi") == ("text_too_long", most - 3)

    in_a_room(story)


def test_the_own_name_follows_a_rename_and_is_remembered_with_its_ticket() -> None:
    async def story(_: Room, session: SessionDouble) -> None:
        remembered: list[e.NameChanged] = []
        room = Room(session, "kitchen", ADMITTED, password=RoomPassword("tulip"), remember_rename=remembered.append)
        assert await room.rename("tomas") == room.me == "tomas"
        by_another = e.NameChanged("to\x1b[2Jby", None, None)
        session.tell(by_another)
        assert room.me == "toby"
        assert remembered == [e.NameChanged("tomas", b"new ticket", 1), by_another]
        with pytest.raises(Refused, match="name_is_password"):
            await room.rename("TULIP")
        assert session.renames == ["tomas"]
        assert not room.mend(Refused("password_changed"))

    in_a_room(story)


def test_a_rename_in_the_log_is_an_event_and_its_key_is_known_under_the_new_name() -> None:
    async def story(_: Room, session: SessionDouble) -> None:
        tags = NameTags(None, session.server)
        room = Room(session, "kitchen", ADMITTED, tags=tags)
        for name in ("ana", "budi"):
            tags.see(name, "key of " + name, date(2026, 1, 1), 0.0)
        renames = [
            Entry(4, TODAY, RENAMED, "ana", "an\x1b[1mna\n", tag="key of ana"),
            Entry(5, TODAY, MESSAGE, "anna", "hello", tag="key of ana"),
            Entry(6, TODAY, RENAMED, "anna", "budi", tag="key of ana"),
            Entry(7, TODAY, MESSAGE, "eva", "hello", tag="key of eva"),
            Entry(8, TODAY, RENAMED, "eva", "evi", tag="another key"),
        ]
        session.tell(*(e.EntryArrived(each, None) for each in renames))
        assert await take(room, 6) == [
            Renamed(4, TODAY, "ana", "anna", "key of ana"),
            Said(5, TODAY, "anna", "hello", tag="key of ana"),
            OtherKey("budi", "key of ana", date(2026, 1, 1)),
            Renamed(6, TODAY, "anna", "budi", "key of ana"),
            Said(7, TODAY, "eva", "hello", tag="key of eva"),
            OtherKey("eva", "another key", date.today()),
        ]

    in_a_room(story)


def test_being_away_is_told_with_a_clean_text_of_at_most_80_characters() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        await room.away(" lunch\n\x1b[1muntil two ")
        await room.away()
        await room.back()
        assert session.away == ["lunch ⏎ until two", "", None]
        with pytest.raises(Refused, match="text_too_long"):
            await room.away("x" * 81)
        assert len(session.away) == 3

    in_a_room(story)


@pytest.mark.parametrize("seq", [0, -1, 1 << 63])
def test_what_can_be_no_place_in_a_log_is_no_line_to_be_struck(seq: int) -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        with pytest.raises(Refused, match="no_such_line"):
            await room.strike(seq)
        assert session.struck == []

    in_a_room(story)


def test_the_own_lines_are_those_of_this_person_that_are_not_struck() -> None:
    async def story(_: Room, session: SessionDouble) -> None:
        room = Room(session, "kitchen", ADMITTED, tag="our key")
        said = [
            Entry(4, TODAY, MESSAGE, "tom", "here", tag="our key"),
            Entry(5, TODAY, MESSAGE, "tomas", "under an earlier name", tag="our key"),
            Entry(6, TODAY, MESSAGE, "ana", "hello", tag="her key"),
            Entry(7, TODAY, PRIVATE, "tom", "psst", tag="our key", to="ana"),
            Entry(8, TODAY, MESSAGE, "tom", "the admin as tom", official=True),
            Entry(9, TODAY, MESSAGE, "tom", "last", tag="our key"),
        ]
        session.tell(*(e.EntryArrived(each, None) for each in said))
        assert list(room.own_lines) == [4, 5, 7, 9]
        await room.strike(9)
        session.tell(e.EntryArrived(Entry(10, TODAY, STRUCK, "tomas", tag="our key", line=5, line_at=TODAY), None))
        assert list(room.own_lines) == [4, 7]
        session.refusal = Refused("too_late")
        with pytest.raises(Refused, match="too_late"):
            await room.strike(4)
        assert list(room.own_lines) == [4, 7]
        session.tell(e.Admitted("tom", bytes(16), 3, 9, b"", again=True, rewound=True, begins=3))
        assert list(room.own_lines) == [], "those numbers mean other entries now"

    in_a_room(story)


def test_a_struck_line_tells_nothing_about_who_has_its_authors_name_now() -> None:
    async def story(_: Room, session: SessionDouble) -> None:
        tags = NameTags(None, session.server)
        room = Room(session, "kitchen", ADMITTED, tags=tags)
        tags.see("budi", "key of budi", date(2026, 1, 1), 0.0)
        session.tell(e.EntryArrived(Entry(4, TODAY, STRUCK, "budi", tag="former key", line=3, line_at=1), None))
        assert await take(room, 1) == [Struck(4, TODAY, "budi", 3, 1, "former key")]

    in_a_room(story)


def test_calls_end_with_the_conversation() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        await room.leave()
        for call in (room.rename("tomas"), room.away(), room.back(), room.strike(4), room.say("x", to="ana")):
            with pytest.raises(NotInRoom):
                await call
        assert (session.renames, session.away, session.whispered) == ([], [], [])

    in_a_room(story)


def test_a_text_is_measured_in_bytes_of_utf_8_after_it_was_cleaned() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        session.max_text = 6
        assert room.fault_of("\u202e\x1b ") == ("text_empty", 0)
        assert room.fault_of("ééé\u202e") is None
        assert room.fault_of("éééé") == ("text_too_long", 8)

    in_a_room(story)


def test_a_sent_line_is_answered_by_an_event() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        session.tell(e.LineStored(1, 4), e.LineRefused(2, "text_empty"))
        assert await take(room, 2) == [Stored(1, 4), Rejected(2, "line 1", False, "text_empty")]
        assert (room.unanswered, room.unstored()) == (0, [])

    in_a_room(story, says=2)


def test_each_loop_sees_all_events_since_it_began() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        session.tell(entry(4))
        first = aiter(room)
        session.tell(entry(5))
        second = aiter(room)
        session.tell(entry(6))
        for reader, seqs in ((first, [4, 5, 6]), (second, [6])):
            events = [await anext(reader) for _ in seqs]
            assert [event.seq for event in events if isinstance(event, Said)] == seqs

    in_a_room(story)


def test_a_loop_continues_where_the_previous_one_stopped() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        session.tell(*(entry(seq) for seq in range(4, 8)))
        seqs: list[int] = []
        while len(seqs) < 4:
            async for event in room:
                assert isinstance(event, Said)
                seqs.append(event.seq)
                break
        assert seqs == [4, 5, 6, 7]

    in_a_room(story)


def test_cancelling_a_loop_loses_no_event() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        events = aiter(room)
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        session.tell(entry(4))
        waiting.cancel()
        await asyncio.wait([waiting])
        assert await anext(events) == Said(4, 0, "ana", "x")

    in_a_room(story)


def test_a_slow_loop_applies_backpressure() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        events = aiter(room)
        seqs = iter(range(4, 100_000))
        while not session.is_paused:
            session.tell(entry(next(seqs)))
        for _ in range(1_000):
            session.tell(e.ContactLost("silence"), BACK)
        seen: list[Event] = []
        while session.is_paused:
            seen.append(await anext(events))
        assert MOST_EVENTS // 2 < len(seen) < MOST_EVENTS
        rest = [await anext(events) for _ in range(MOST_EVENTS + 2 - len(seen))]
        assert [event.seq for event in seen + rest if isinstance(event, Said)] == list(range(4, MOST_EVENTS + 5))
        assert rest[-1] == Back(), "of all that became of the contact meanwhile, the end"

    in_a_room(story)


def test_backpressure_counts_bytes_as_well_as_events() -> None:
    async def story(_: Room, session: SessionDouble) -> None:
        for seq in range(4, 80):
            session.tell(entry(seq, text="x" * 16_000))
        assert session.is_paused

    in_a_room(story)


def test_leaving_ends_loops_after_pending_events_and_refuses_lines() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        session.tell(entry(4))
        await room.leave()
        assert session.has_left
        assert [event async for event in room] == [Said(4, 0, "ana", "x")]
        with pytest.raises(NotInRoom):
            await room.say("too late")

    in_a_room(story)


def test_letting_go_ends_loops_and_refuses_lines_and_does_not_leave() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        session.tell(entry(4))
        room.let_go()
        assert (session.is_let_go, session.has_left) == (True, False)
        assert [event async for event in room] == [Said(4, 0, "ana", "x")]
        with pytest.raises(NotInRoom):
            await room.say("too late")

    in_a_room(story)


def test_a_fatal_error_is_raised_by_every_loop_and_call() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        session.tell(entry(4))
        room.fail(IdentityChanged("127.0.0.1:9", b"a", b"b"))
        assert await take(room, 1)
        for call in (anext(aiter(room)), room.say("x"), room.members()):
            with pytest.raises(IdentityChanged):
                await call

    in_a_room(story)


def test_a_muted_client_is_told_how_long_and_why() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        room.send("hi")
        session.tell(e.LineRefused(1, "muted", 60.0, "flooding\x1b[31m\n"))
        assert await take(room, 1) == [Rejected(1, "hi", False, "muted", wait=60.0, detail="flooding")]
        saying = asyncio.create_task(room.say("hello"))
        await asyncio.sleep(0)
        session.refuse(2, Refused("muted", 60.0, "flooding"))
        with pytest.raises(Refused) as refused:
            await saying
        assert (refused.value.code, refused.value.wait, refused.value.detail) == ("muted", 60.0, "flooding")

    in_a_room(story)


def test_nobody_is_the_author_of_what_the_admin_says() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        official = Entry(4, TODAY, MESSAGE, "tom", "closing at five", b"", room.tag, official=True)
        session.tell(e.EntryArrived(official, 1))
        (said,) = await take(room, 1)
        assert isinstance(said, Said)
        assert (said.official, said.own, room.wrote(said)) == (True, False, False)

    in_a_room(story)


def test_whoever_waits_to_say_more_is_told_that_the_conversation_has_ended() -> None:
    async def story(room: Room, _: SessionDouble) -> None:
        waiting = asyncio.create_task(room.room_for_more())
        await asyncio.sleep(0)
        room.fail(Removed("kicked", 60.0))
        with pytest.raises(Removed):
            await waiting
        assert len(room.unstored()) == LINES_AHEAD

    in_a_room(story, says=LINES_AHEAD)


def test_members_are_values_without_numbers() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        session.present = [
            MemberInfo("ana\x07", "key1", "secure", True, 5, READER),
            MemberInfo("b", "", "x", False, 6, 99),
        ]
        assert await room.members() == [
            Member("ana", "secure", "key1", True, 5, Role.READER),
            Member("b", "x", "", False, 6, Role.MEMBER),
        ]

    in_a_room(story)


# The path of a line.


def test_a_line_waits_until_it_has_its_answer_and_its_place() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        session.tell(entry(4, 1), e.LineStored(2, 5), e.LineStored(1, 4), entry(5, 2))
        assert (room.unplaced, room.unanswered, room.unstored()) == ({}, 0, [])
        await room.drained(0)

    in_a_room(story, says=2)


def test_a_line_whose_mark_was_lost_is_placed_by_its_seq() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        session.tell(e.LineStored(1, 4), e.LineStored(2, 6), entry(4), gone(4, 6))
        assert room.unplaced == {}

    in_a_room(story, says=2)

    async def entries_first(room: Room, session: SessionDouble) -> None:
        session.tell(entry(4), entry(5), e.LineStored(1, 4), e.LineStored(2, 5))
        assert room.unplaced == {}

    in_a_room(entries_first, says=2)


def test_places_in_a_rewound_log_are_discarded() -> None:
    async def story(room: Room, session: SessionDouble) -> None:
        session.tell(e.LineStored(1, 5), REWOUND, entry(5), entry(6, 2))
        assert room.unstored() == [OwnText("line 0")]

    in_a_room(story, says=2)

    async def stored_afterwards(room: Room, session: SessionDouble) -> None:
        session.tell(entry(50), REWOUND, e.LineStored(1, 10))
        assert [(line.text, line.seq) for line in room.unplaced.values()] == [("line 0", 10)]

    in_a_room(stored_afterwards, says=1)


def test_each_admission_keeps_its_ticket_and_may_bring_another_name() -> None:
    async def story(_: Room, session: SessionDouble) -> None:
        kept: list[bytes] = []
        other = Room(session, "kitchen", ADMITTED, remember=lambda admitted: kept.append(admitted.ticket))
        session.tell(e.ContactLost("reset"))
        assert not other.in_contact
        session.tell(e.Admitted("tom2", bytes(16), 3, 9, b"newer", again=True, rewound=False))
        assert (other.in_contact, other.me, kept) == (True, "tom2", [b"ticket", b"newer"])

    in_a_room(story)


def test_entries_older_than_requested_are_skipped() -> None:
    async def story(_: Room, session: SessionDouble) -> None:
        room = Room(session, "kitchen", ADMITTED, since=1_000)
        session.tell(entry(4), e.EntryArrived(Entry(5, 1_000, MESSAGE, "ana", "new"), None), e.CaughtUp(), entry(6))
        assert [event.seq for event in await take(room, 3) if isinstance(event, Said)] == [5, 6]

    in_a_room(story)


def test_a_refused_ticket_is_retried_once_with_the_current_password() -> None:
    async def story(_: Room, session: SessionDouble) -> None:
        room = room_of(session, password=RoomPassword("old", lambda: "new"))
        assert room.mend(Refused("ticket_refused"))
        assert session.came_back == [("tom", "new")]
        assert not room.mend(Refused("password_wrong"))
        assert not room_of(session).mend(Refused("ticket_refused"))
        assert not room_of(session, password=RoomPassword("old", lambda: "new")).mend(Refused("banned"))

    in_a_room(story)


def test_only_unawaited_lines_are_noted_on_disk(tmp_path: Path) -> None:
    async def story(_: Room, session: SessionDouble) -> None:
        room = Room(session, "kitchen", ADMITTED, unsent=Unsent(tmp_path, session.server))
        saying = asyncio.create_task(room.say("awaited"))
        await asyncio.sleep(0)
        assert not list(tmp_path.rglob("*.unsent"))
        room.send("sent")
        assert len(list(tmp_path.rglob("*.unsent"))) == 1
        session.tell(e.LineStored(1, 4), e.LineStored(2, 5))
        assert await saying == 4
        room.forget_unsent()
        assert not list(tmp_path.rglob("*.unsent"))

    in_a_room(story)


def test_answers_received_while_leaving_clear_the_note_on_disk(tmp_path: Path) -> None:
    class Answers(SessionDouble):
        async def leave(self) -> None:
            self.tell(e.LineStored(1, 10), e.LineRefused(2, "text_empty"), e.LineStored(3, 11))

    async def story(_: Room, __: SessionDouble) -> None:
        session = Answers()
        unsent = Unsent(tmp_path, session.server)
        room = Room(session, "kitchen", ADMITTED, unsent=unsent)
        for number in range(3):
            room.send(f"line {number}")
        (note,) = tmp_path.rglob("*.unsent")
        await room.leave()
        answers = [event async for event in room]
        assert answers == [Stored(1, 10), Rejected(2, "line 1", False, "text_empty"), Stored(3, 11)]
        assert (room.unstored(), note.read_bytes()) == ([], b"")
        room.forget_unsent()

    in_a_room(story)
