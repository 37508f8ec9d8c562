from __future__ import annotations

import pytest
from msgspec.structs import replace

from sockatuh.cli.direction import LEFT_TO_RIGHT
from sockatuh.cli.fullscreen.frame import Contact, Situation, beside, header, hint, people_rows
from sockatuh.cli.people_here import Person
from sockatuh.cli.rendering import plain
from sockatuh.cli.wrapping import reach, width_of

KITCHEN = Contact("kitchen", "kitchen-pi", here=8, answer_time=0.0031)


def test_the_header_fills_its_row() -> None:
    row = plain(header(KITCHEN, 80))
    assert row == " kitchen · kitchen-pi" + " " * 43 + "8 here · 3 ms ".rjust(16)
    assert len(row) == 80


@pytest.mark.parametrize(
    ("contact", "right"),
    [
        (replace(KITCHEN, answer_time=0.1999), "8 here · 200 ms "),
        (replace(KITCHEN, answer_time=0.2), "8 here · slow 200 ms "),
        (replace(KITCHEN, answer_time=0.00004), "8 here · 1 ms "),
        (replace(KITCHEN, answer_time=None), " 8 here "),
        (replace(KITCHEN, here=None), " 3 ms "),
        (replace(KITCHEN, in_contact=False), "8 here · no contact "),
    ],
)
def test_the_header_ends_in_how_many_are_here_and_how_fast_the_server_is(contact: Contact, right: str) -> None:
    assert plain(header(contact, 80)).endswith(right)


@pytest.mark.parametrize("columns", [20, 40, 41, 80])
@pytest.mark.parametrize(
    "room", ["k" * 200, "王伟" * 60, "\u05d0\u05d1" * 60, "\x1b[31mred\x1b]0;x\x07", "👩\u200d👩" * 40]
)
def test_a_room_of_any_name_leaves_the_facts_where_they_are(room: str, columns: int) -> None:
    row = plain(header(replace(KITCHEN, room=room), columns))
    assert row.endswith(" 8 here · 3 ms ")
    assert width_of(row) == columns
    assert "\x1b" not in row
    assert "\x07" not in row


def test_one_hint_is_shown_and_what_matters_most_comes_first() -> None:
    everything = Situation(
        leaving="leaving",
        since="10:04:31",
        kept=1,
        delayed=2.2,
        held=3,
        refused="no such command",
        pasted="200 lines",
        hit=(3, 17),
        unseen=2,
        is_scrolled=True,
        greeting="you are tom",
    )
    seen = [hint(everything)]
    for gone in (
        "leaving",
        "since",
        "delayed",
        "held",
        "refused",
        "pasted",
        "hit",
        "unseen",
        "is_scrolled",
        "greeting",
    ):
        empty = getattr(Situation(), gone)
        everything = replace(everything, **{gone: empty})
        seen.append(hint(everything))
    assert [text.partition(":")[0] if "stored" in text else text for text in seen] == [
        "leaving",
        "no contact since 10:04:31, 1 line kept",
        "too fast for this room; sending continues in 3 s",
        "not stored yet",
        "no such command",
        "200 lines",
        "3 of 17 · Enter older, Esc back",
        "2 not seen below · End",
        "scrolled back · End",
        "you are tom",
        "",
    ]


def test_the_oldest_hit_has_none_before_it() -> None:
    assert [hint(Situation(hit=(number, 1_111))) for number in (1_110, 1_111)] == [
        "1,110 of 1,111 · Enter older, Esc back",
        "1,111 of 1,111 · Esc back",
    ]


def test_people_have_marks_and_those_who_do_not_fit_are_counted() -> None:
    people = [
        Person("ana"),
        Person("budi", away=""),
        Person("eva", present=False, away="lunch"),
        Person("oldpi", encrypted=False),
        Person("אבי"),
    ]
    rows = [plain(row) for row in people_rows(people, 9)]
    assert rows == ["PEOPLE 5", "● ana", "● budi (away)", "○ eva (away)", "! oldpi", "● אבי\u200e"]
    assert [plain(row) for row in people_rows(people, 6)] == rows
    assert [plain(row) for row in people_rows(people, 5)] == [*rows[:4], "and 2 more"]
    assert [plain(row) for row in people_rows(people, 1)] == ["PEOPLE 5"]
    assert people_rows([], 9) == people_rows(people, 0) == []


@pytest.mark.parametrize("name", ["w" * 32, "王" * 32, "é" * 40, "two words", "א" * 32])
def test_a_long_name_is_cut_with_a_mark_that_is_in_no_name(name: str) -> None:
    row = plain(people_rows([Person(name, away="x")], 3)[1])
    assert reach(row) <= 20
    assert row.endswith("…") == (reach(name) > 8)


def test_people_stand_in_their_column_beside_any_text() -> None:
    log = [(("", text),) for text in ("ana  hi", "王伟  說", "\u200eאבי\u200e  שלום", "")]
    rows = [plain(row) for row in beside(log, [(("", "● ana"),)], 60)]
    assert {width_of(row.partition("│")[0]) for row in rows} == {40}
    assert [row.partition("│")[2] for row in rows] == [" ● ana", " ", " ", " "]
    assert rows[2].endswith(f"{LEFT_TO_RIGHT}│ ")
    assert not rows[0].partition("│")[0].endswith(LEFT_TO_RIGHT)
