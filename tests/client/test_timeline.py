"""What a person is shown of a room's events, and how much of it counts as read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest

from sockatuh.client.items import (
    Back,
    Came,
    Day,
    Empty,
    Event,
    Gap,
    Here,
    Item,
    Lost,
    Missed,
    PresenceChanged,
    Read,
    Renamed,
    Said,
    Since,
    Struck,
    Went,
    Whispered,
)
from sockatuh.client.profile import Bookmark
from sockatuh.client.reading import Reading
from sockatuh.client.room import Room
from sockatuh.client.timeline import GATHERED, READ_BEFORE, Timeline
from sockatuh.protocol.client.events import Admitted

from .session_double import SessionDouble

NOON = int(datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp() * 1000)
TODAY = datetime.fromtimestamp(NOON / 1000).date()
DAY = 86_400_000
LEFT_AT = 1_000


def said(seq: int, *, own: bool = False, at: int = NOON) -> Said:
    return Said(seq, at, "tom" if own else "ana", "x", own=own)


def whispered(seq: int, *, own: bool = False) -> Whispered:
    return Whispered(seq, NOON, "ana", "tom", "x", own=own)


def room(*, read_to: int | None = None, begins: int = 0, start: int = 0) -> Room:
    """Return tom's room; `read_to` is the seq that was read in an earlier chat, None in the first one."""
    start = start if read_to is None else read_to
    admitted = Admitted("tom", bytes(16), start, 99, b"", again=False, rewound=False, begins=begins)
    bookmark = None if read_to is None else Bookmark("tom", bytes(16), read_to, LEFT_AT)
    return Room(SessionDouble(), "kitchen", admitted, reading=Noted(admitted, bookmark))


def shown(events: Sequence[Event], of: Room, *, tells_own: bool = True, today: date = TODAY) -> list[Item]:
    timeline = Timeline(of, tells_own=tells_own, today=today)
    return [item for event in events for item in timeline.take(event)]


class Noted(Reading):
    """Collects what counts as shown; no timer runs."""

    def __init__(self, admitted: Admitted, bookmark: Bookmark | None) -> None:
        super().__init__(admitted, bookmark, lambda *_: None)
        self.seqs: list[int] = []

    def note_shown(self, seq: int) -> None:
        self.seqs.append(seq)


# Since the last chat.


def test_what_was_read_comes_first_then_what_is_new_below_its_heading() -> None:
    events: list[Event] = [
        said(1),
        whispered(2),
        Came(3, NOON, "budi"),
        said(4),
        whispered(5),
        Went(6, NOON, "budi"),
        Here(),
    ]
    assert shown(events, room(read_to=3)) == [
        Read(said(1)),
        Read(whispered(2)),
        Since(2, LEFT_AT, 0, 3),
        said(4),
        whispered(5),
        Here(),
    ]


def test_of_what_was_read_only_the_last_lines_are_repeated() -> None:
    lines = [said(seq) for seq in range(1, 60)]
    assert shown([*lines, Here()], room(read_to=59)) == [*map(Read, lines[-READ_BEFORE:]), Here()]


def test_a_rename_while_one_was_away_is_news_and_joins_are_not() -> None:
    renamed = Renamed(5, NOON, "ana", "anna")
    assert shown([Came(4, NOON, "budi"), renamed, Here()], room(read_to=3, begins=1)) == [renamed, Here()]


def test_what_was_left_out_is_said_even_if_no_line_follows() -> None:
    items = shown([Came(900, NOON, "budi"), Here()], room(read_to=3, begins=890))
    assert items == [Since(0, LEFT_AT, 887, 3), Here()]


def test_entries_before_what_was_read_that_are_no_longer_kept_are_no_news() -> None:
    lost = Gap(3, 5, 2)
    assert shown([Gap(0, 2, 2), Gap(2, 3, 1), lost, said(6), Here()], room(read_to=3)) == [
        Since(1, LEFT_AT, 0, 3),
        lost,
        said(6),
        Here(),
    ]


def test_the_heading_is_shown_once_however_much_is_new() -> None:
    lines = [said(seq) for seq in range(1, GATHERED + 50)]
    items = shown([*lines, Here()], room(read_to=0))
    assert [item for item in items if not isinstance(item, Said)] == [Since(GATHERED + 1, LEFT_AT, 0, 0), Here()]
    assert items[0] == Since(GATHERED + 1, LEFT_AT, 0, 0)


def test_a_loss_of_contact_while_it_is_fetched_repeats_nothing() -> None:
    events: list[Event] = [said(1), Lost("silence"), Back(), said(2), said(3), said(4), Here()]
    assert shown(events, room(read_to=3)) == [
        Read(said(1)),
        Lost("silence"),
        Read(said(2)),
        Read(said(3)),
        Missed(1, again=True),
        said(4),
        Here(),
    ]


def test_in_a_log_that_was_set_back_low_places_are_news_again() -> None:
    events: list[Event] = [Here(), Lost("reset"), Back(rewound=True), said(2), Here()]
    assert shown(events, room(read_to=3, begins=1)) == [
        Here(),
        Lost("reset"),
        Back(rewound=True),
        Missed(1, again=True),
        said(2),
        Here(),
    ]


def test_a_first_chat_has_earlier_lines_and_no_since() -> None:
    assert shown([said(1), Here()], room()) == [Missed(1, again=False), said(1), Here()]


# An empty room.


@pytest.mark.parametrize(
    ("events", "is_empty"),
    [
        ([], True),
        ([Came(1, NOON, "ana"), Came(2, NOON, "tom")], True),
        ([said(1)], False),
        ([whispered(1)], False),
        ([Gap(0, 1, 1)], False),
    ],
)
@pytest.mark.parametrize("start", [0, 2])
def test_a_room_is_empty_if_its_whole_log_has_no_line(events: list[Event], is_empty: bool, start: int) -> None:
    items = shown([*events, Here()], room(start=start))
    assert (Empty() in items) is is_empty
    assert items[-1] == Here()


def test_a_room_whose_beginning_is_unknown_is_not_called_empty() -> None:
    assert shown([Came(3, NOON, "tom"), Here()], room(begins=2, start=2)) == [Here()]


def test_a_room_is_called_empty_once() -> None:
    assert shown([Here(), Lost("reset"), Back(), Here()], room()) == [Empty(), Here(), Lost("reset"), Back()]


# Live.


def test_private_lines_and_renames_are_passed_on_as_they_come() -> None:
    lively: list[Event] = [whispered(1), whispered(2, own=True), Renamed(3, NOON, "ana", "anna"), said(4)]
    lively.append(Renamed(5, NOON, "tom", "tomas"))
    assert shown([Here(), *lively], room(begins=1)) == [Here(), *lively]


def test_own_lines_are_left_to_a_screen_that_shows_them_already() -> None:
    events: list[Event] = [
        said(1, own=True),
        whispered(2, own=True),
        Here(),
        said(3, own=True),
        whispered(4, own=True),
        said(5),
    ]
    assert shown(events, room(), tells_own=False) == [Here(), said(5)]


def test_a_day_is_headed_once_also_among_what_was_read() -> None:
    yesterday = TODAY - (date(2026, 1, 2) - date(2026, 1, 1))
    old = [said(1, at=NOON - DAY), said(2, at=NOON - DAY)]
    assert shown([*old, said(3), said(4), Here()], room(read_to=2)) == [
        Day(yesterday),
        *map(Read, old),
        Since(2, LEFT_AT, 0, 2),
        Day(TODAY),
        said(3),
        said(4),
        Here(),
    ]


def test_presence_is_not_shown() -> None:
    assert shown([Here(), PresenceChanged(3)], room(begins=1)) == [Here()]


# What counts as shown.


def test_everything_up_to_the_newest_entry_shown_counts_also_what_is_no_news() -> None:
    of = room(read_to=3)
    noted, timeline = of.reading, Timeline(of, tells_own=False)
    assert isinstance(noted, Noted)
    gathered: list[Event] = [said(2), said(4), Came(5, NOON, "tom")]
    assert [item for event in gathered for item in timeline.take(event)] == []
    assert noted.seqs == [], "gathered, and on no screen yet"
    list(timeline.take(Here()))
    assert noted.seqs == [4, 5]
    live: list[Event] = [said(6, own=True), Gap(6, 9, 3), Renamed(10, NOON, "ana", "anna")]
    for event in live:
        list(timeline.take(event))
    assert noted.seqs == [4, 5, 6, 9, 10]


def test_what_was_struck_before_it_was_shown_is_not_shown_and_not_counted() -> None:
    events: list[Event] = [said(1), said(2), Struck(3, NOON, "ana", 2, NOON), whispered(4), Here()]
    assert shown(events, room()) == [
        Missed(2, again=False),
        said(1),
        Struck(3, NOON, "ana", 2, NOON),
        whispered(4),
        Here(),
    ]


def test_nor_is_it_what_was_read_before() -> None:
    events: list[Event] = [said(1), said(2), Struck(3, NOON, "ana", 1, NOON), said(6), Here()]
    items = shown(events, room(read_to=5))
    assert [item.line for item in items if isinstance(item, Read)] == [said(2)]
    assert Struck(3, NOON, "ana", 1, NOON) not in items, "that was read as well"
