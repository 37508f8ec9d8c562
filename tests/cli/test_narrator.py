from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cli.wall import Wall
from client.session_double import ADMITTED, SessionDouble
from msgspec.structs import replace

from sockatuh.cli.chat_state import ChatState
from sockatuh.cli.narrator import Narrator, describe
from sockatuh.cli.slash import CommandRunner, Done, NotDone
from sockatuh.client.items import Here, Member, Role
from sockatuh.client.name_tags import NameTags
from sockatuh.client.profile import Bookmark, Profile
from sockatuh.client.reading import Reading
from sockatuh.client.room import Room
from sockatuh.client.timeline import GATHERED_SIZE
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
from sockatuh.protocol.client.inbox import Gone
from sockatuh.protocol.messages import JOINED, LEFT, MESSAGE, Entry, MemberInfo
from sockatuh.wording import client as phrases

NOW = int(time.time() * 1000)
DAY = 86_400_000
BACK = Admitted("tom", bytes(16), 0, 9, b"", again=True, rewound=False)
REWOUND = Admitted("tom", bytes(16), 0, 9, b"", again=True, rewound=True)


def state_of(room: Room) -> ChatState:
    return ChatState(room, Profile(), lambda _: None, {})


def tell(
    *events: PeerEvent,
    marks: bool = True,
    tells_own: bool = True,
    says: Sequence[str] = (),
    then: Callable[[CommandRunner], object] = lambda _: None,
    present: Sequence[MemberInfo] = (),
    tags: NameTags | None = None,
    begins: int = 3,
) -> list[str]:
    """Return what a member called tom is shown of some events; `then` runs afterwards."""

    async def report() -> list[str]:
        session, wall = SessionDouble(), Wall()
        session.present = present
        room = Room(session, "room", replace(ADMITTED, begins=begins), tags=tags)
        for text in says:
            room.send(text)
        state = state_of(room)
        narrator = Narrator(room, wall, state if marks else None, tells_own=tells_own)
        commands, readers = CommandRunner(room, wall, state), aiter(room)
        for event in events:
            session.tell(event)
            while readers.is_behind:
                narrator.report(await anext(readers))
        then(commands)
        for _ in range(10):
            await asyncio.sleep(0)
        await commands.finish()
        state.close()
        return wall.seen

    return asyncio.run(report())


def said(seq: int, text: str, *, own: int | None = None, at: int = NOW) -> EntryArrived:
    return EntryArrived(Entry(seq, at, MESSAGE, "tom" if own else "ana", text), own)


def event_of(seq: int, kind: int, name: str, text: str) -> EntryArrived:
    return EntryArrived(Entry(seq, NOW, kind, name, text), None)


def test_history_is_shown_between_marks_without_joins_and_leaves() -> None:
    history: list[PeerEvent] = [
        said(1, "one"),
        event_of(2, JOINED, "budi", "secure"),
        said(3, "two"),
        CaughtUp(),
        said(4, "new"),
    ]
    assert tell(*history) == ["— 2 earlier lines", "ana  one", "ana  two", "— you are here", "ana  new"]


def test_who_returns_is_shown_what_is_new_below_what_was_read() -> None:
    admitted = Admitted("tom", bytes(16), 1, 9, b"", again=False, rewound=False, begins=0)
    last = datetime.now() - timedelta(minutes=1)
    bookmark = Bookmark("tom", bytes(16), 1, int(last.timestamp() * 1000))

    async def story() -> Wall:
        session, wall = SessionDouble(), Wall()
        room = Room(session, "room", admitted, reading=Reading(admitted, bookmark, lambda *_: None))
        narrator = Narrator(room, wall, state_of(room))
        session.tell(said(1, "one"), said(2, "two"), CaughtUp())
        async for event in room:
            narrator.report(event)
            if event == Here():
                break
        return wall

    wall = asyncio.run(story())
    since = phrases.since(1, last, datetime.now(), 0, 1)
    assert wall.seen == ["ana  one", f"— {since}", "ana  two", "— you are here"]
    assert [{style for style, _ in line} == {"class:read"} for line in wall.lines] == [True, False]


def test_a_room_in_which_nothing_was_said_says_so() -> None:
    assert tell(event_of(1, JOINED, "tom", "secure"), CaughtUp(), begins=0) == [
        "— nobody has said anything yet",
        "— you are here",
    ]


def test_an_empty_room_shows_where_one_is() -> None:
    assert tell(event_of(1, JOINED, "tom", "secure"), CaughtUp()) == ["— you are here"]


def test_missed_lines_are_shown_between_marks_with_joins_and_leaves() -> None:
    missed: list[PeerEvent] = [
        CaughtUp(),
        ContactLost("reset"),
        BACK,
        said(1, "one"),
        event_of(2, LEFT, "budi", "lost"),
        CaughtUp(),
    ]
    assert tell(*missed) == [
        "— you are here",
        "lost: reset",
        "— 1 line while you were out of contact",
        "ana  one",
        "· budi left (lost contact)",
        "— you are here",
    ]


def test_without_missed_lines_only_the_reconnection_is_shown() -> None:
    assert tell(CaughtUp(), ContactLost("silence"), BACK, CaughtUp())[1:] == ["lost: silence", "— back in contact"]


def test_losing_contact_during_catch_up_hides_nothing() -> None:
    assert tell(said(1, "one"), ContactLost("silence"), BACK, said(2, "two"), CaughtUp()) == [
        "— 1 earlier line",
        "ana  one",
        "lost: silence",
        "— 1 line while you were out of contact",
        "ana  two",
        "— you are here",
    ]


def test_many_missed_lines_are_shown_without_delay() -> None:
    flood = [said(seq, "x") for seq in range(1, 2_101)]
    assert len(tell(*flood)) > 2_000
    assert tell(*flood, CaughtUp())[-1] == "— you are here"


def test_long_missed_lines_are_not_buffered_in_memory() -> None:
    long = "x" * 10_000
    flood: list[PeerEvent] = [said(seq, long) for seq in range(1, GATHERED_SIZE // len(long) + 2)]
    shown = tell(BACK, *flood, marks=False)
    assert len(shown) == len(flood), "and shown before all is caught up"


def test_lost_lines_are_reported() -> None:
    assert tell(CaughtUp(), EntriesGone(Gone(1, 6, 5)), EntriesGone(Gone(6, 7, 1)))[1:] == [
        "— 5 lines are no longer kept",
        "— 1 line is no longer kept",
    ]


def test_a_rewound_log_is_reported() -> None:
    assert "set back" in tell(CaughtUp(), REWOUND, CaughtUp())[1]


def test_a_new_day_starts_with_its_date() -> None:
    yesterday = NOW - DAY
    shown = tell(said(1, "old", at=yesterday), said(2, "new"), CaughtUp())
    moments = [datetime.fromtimestamp(at / 1000) for at in (yesterday, NOW)]
    dates = [f"— {phrases.day(moment.date(), moments[1].date())}" for moment in moments]
    assert dates[1] == f"— {moments[1]:%A} {moments[1].day} {moments[1]:%B}"
    assert shown[1:-1] == [dates[0], "ana  old", dates[1], "ana  new"]


def test_a_member_without_encryption_is_announced() -> None:
    assert tell(CaughtUp(), event_of(1, JOINED, "budi", "classic"))[1:] == [
        "· budi joined",
        "— what is said from now on also leaves the server unencrypted, for budi",
    ]


def test_ones_own_join_and_leave_are_not_shown() -> None:
    assert tell(CaughtUp(), event_of(1, LEFT, "tom", "lost"), event_of(2, JOINED, "tom", "secure")) == [
        "— you are here"
    ]


def test_a_file_gets_everything_and_no_marks() -> None:
    events: list[PeerEvent] = [event_of(1, JOINED, "tom", "secure"), said(2, "one", own=1), CaughtUp(), said(3, "two")]
    assert tell(*events, marks=False) == ["· tom joined", "tom  one", "ana  two"]


def test_a_long_text_is_shown_in_part_to_a_person_and_whole_to_a_file() -> None:
    text = "\n".join(f"row {number}" for number in range(200))
    shown = tell(CaughtUp(), said(4321, text))[1:]
    assert shown[0] == "ana  row 0"
    assert len(shown) == 11
    assert shown[10] == "… 190 more lines; /show 4321"
    assert len(tell(CaughtUp(), said(4321, text), marks=False)) == 200


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("/show 4321", 200),
        ("/show 4322", "line 4322 is not here, or no longer"),
        ("/show", phrases.SHOW_WHAT),
        ("/show -1", phrases.SHOW_WHAT),
        ("/show " + "9" * 5000, phrases.SHOW_WHAT),
    ],
)
def test_the_rest_of_a_long_text_is_shown_on_request(line: str, answer: int | str) -> None:
    text = "\n".join(f"row {number}" for number in range(200))
    done = list[object]()

    shown = tell(CaughtUp(), said(4321, text), then=lambda commands: done.append(commands.run(line)))
    assert done == [Done.HANDLED if answer == 200 else NotDone(str(answer))]
    assert len(shown[12:]) == (200 if answer == 200 else 0)


def test_what_a_key_is_is_explained_to_a_person_once(tmp_path: Path) -> None:
    def of(seq: int, name: str, tag: str, days: int) -> EntryArrived:
        return EntryArrived(Entry(seq, NOW + days * DAY, MESSAGE, name, "hi", b"", tag), None)

    seen = tell(
        *(of(seq, name, "key1", 0) for seq, name in enumerate(("ana", "budi"), 1)),
        *(of(seq, name, "key2", 1) for seq, name in enumerate(("ana", "budi"), 3)),
        CaughtUp(),
        tags=NameTags(tmp_path, "127.0.0.1:9"),
    )
    assert [line.split()[1:5] for line in seen if "another key" in line] == [
        ["ana", "comes", "with", "another"],
        ["budi", "comes", "with", "another"],
    ]
    assert seen.count(f"— {phrases.KEYS_EXPLAINED}") == 1


def test_a_changed_key_is_reported_once_before_the_names_next_event(tmp_path: Path) -> None:
    def of(seq: int, kind: int, tag: str, days: int) -> EntryArrived:
        return EntryArrived(Entry(seq, 1_700_000_000_000 + days * DAY, kind, "ana", "hi", b"", tag), None)

    def shown(*events: PeerEvent) -> list[str]:
        return tell(*events, marks=False, tags=NameTags(tmp_path, "127.0.0.1:9"))

    assert shown(of(1, MESSAGE, "key1", 0), CaughtUp()) == ["ana  hi"]
    day = "14" if datetime.fromtimestamp(1_700_000_000).astimezone().day == 14 else "15"
    assert shown(of(2, JOINED, "key2", 3), CaughtUp(), of(3, MESSAGE, "key2", 3), of(4, MESSAGE, "key1", 3)) == [
        f"— ana comes with another key than before (last seen {day} November 2023)",
        "· ana joined",
        "ana  hi",
        "ana  hi",
    ]
    assert shown(of(5, MESSAGE, "key2", 4), CaughtUp()) == ["ana  hi"]


def test_a_line_typed_on_a_plain_terminal_is_not_echoed() -> None:
    assert tell(CaughtUp(), said(1, "one", own=1), said(2, "two"), tells_own=False) == ["— you are here", "ana  two"]


def test_commands_find_the_lines_that_a_plain_terminal_has_echoed() -> None:
    def look_back(commands: CommandRunner) -> None:
        commands.run("/search soup")

    shown = tell(CaughtUp(), said(1, "my soup", own=1), said(2, "two"), tells_own=False, then=look_back)
    assert shown[2:] == ["found soup: [1]"]


def test_a_refused_line_is_given_back_with_the_reason() -> None:
    shown = tell(CaughtUp(), LineRefused(1, "text_empty"), LineRefused(7, "text_empty"), says=["hello"])
    assert shown[1:] == ["'hello': There is nothing printable in that text."]


def test_a_mute_is_told_in_full_once_and_then_again_when_it_changes() -> None:
    said = ["one", "two", "three", "four", "five"]
    muted = [
        LineRefused(1, "muted", 600.0, "flooding"),
        LineRefused(2, "muted", 590.0, "flooding"),
        LineRefused(3, "muted", 6_000.0, "flooding"),
        LineRefused(4, "muted", 6_000.0, "still flooding"),
        LineRefused(5, "muted", 6_000.0, "still flooding"),
    ]
    told = [line.partition(": ")[2] for line in tell(CaughtUp(), *muted, says=said)[1:]]
    assert [sentence == "You are muted in this room." for sentence in told] == [False, True, False, False, True]
    assert re.fullmatch(r"You are muted in this room until .*\d\d:\d\d \(flooding\)\.", told[0])
    assert told[3].endswith(" (still flooding).")


def test_the_member_list_notes_what_is_special() -> None:
    members = (
        MemberInfo("ana", "", "secure", True, 0),
        MemberInfo("budi\x1b[31m", "", "classic", False, 0),
        MemberInfo("citra", "", "secure", True, 0, away="lunch), zoe (no contact\x1b[31m"),
        MemberInfo("dewi", "", "secure", False, 0, away=""),
    )
    assert tell(CaughtUp(), present=members, then=lambda commands: commands.run("/who"))[1:] == [
        "— 4 here: ana, budi (unencrypted, no contact), citra (away), dewi (no contact, away)"
    ]


def test_the_member_list_is_not_requested_without_contact() -> None:
    done = list[object]()
    tell(ContactLost("silence"), then=lambda commands: done.append(commands.run("/who")))
    assert done == [NotDone(phrases.OUT_OF_CONTACT)]


def test_a_storage_delay_is_reported_at_its_start_and_end() -> None:
    assert tell(LinesHeld(), LinesDelayed(1.5), LineStored(1, 3)) == ["waits: None", "waits: 1.5", "goes on"]
    assert tell(LinesHeld(), LineStored(1, 3), says=["one", "two"]) == ["waits: None"]


def test_who_is_here_with_a_browser_is_said() -> None:
    members = [
        Member(name, dialect, "", True, 0, Role.MEMBER) for name, dialect in (("ana", "secure"), ("phone", "web"))
    ]
    assert describe(members) == "2 here: ana, phone (web)"
