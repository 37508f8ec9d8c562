from __future__ import annotations

import pyte

from kit.emulator import Emulator

FAMILY = "\U0001f469\u200d\U0001f467"


def fed(text: str, columns: int = 10, rows: int = 3) -> Emulator:
    screen = Emulator(columns, rows)
    pyte.Stream(screen).feed(text)
    return screen


def test_the_normal_screen_is_back_when_the_alternate_one_is_left() -> None:
    screen = fed("one\r\ntwo\x1b[?1049h\x1b[Hother")
    assert screen.is_alternate
    assert screen.display[0].rstrip() == "other"
    pyte.Stream(screen).feed("\r\n" * 5 + "\x1b[?1049l!")
    assert not screen.is_alternate
    assert [row.rstrip() for row in screen.display] == ["one", "two!", ""]
    assert screen.scrollback == []


def test_what_leaves_the_normal_screen_at_its_top_is_kept() -> None:
    assert [row.rstrip() for row in fed("1\r\n2\r\n3\r\n4\r\n5").scrollback] == ["1", "2"]


def test_characters_without_a_width_stay_with_the_one_before() -> None:
    screen = fed(f"\u200ea\u200eb{FAMILY}e\u0301c")
    row = screen.buffer[0]
    assert [row[column].data for column in range(8)] == [
        "a\u200e",
        "b",
        "\U0001f469\u200d",
        "",
        "\U0001f467",
        "",
        "e\u0301",
        "c",
    ]
    assert screen.cursor.x == 8


def test_faint_ends_with_normal_intensity_and_is_no_part_of_a_colour() -> None:
    screen = fed("\x1b[2ma\x1b[22mb\x1b[38;5;2mc\x1b[48;2;2;2;2md\x1b[0;2me\x1b[0mf")
    assert [screen.cell(0, column).faint for column in range(6)] == [True, False, False, False, True, False]


def test_modes_bells_and_the_cursor_are_known() -> None:
    screen = fed("\x1b[?2004h\x1b[?25l\x07\x07")
    assert 2004 in screen.private_modes
    assert screen.cursor.hidden
    assert screen.bells == 2
