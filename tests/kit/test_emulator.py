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


def test_a_terminal_that_joins_gives_what_belongs_together_the_width_of_one() -> None:
    screen = Emulator(12, 2, joins=True)
    pyte.Stream(screen).feed(f"a{FAMILY}b\U0001f1ee\U0001f1e9c\u2764\ufe0fd\u200e")
    cells = [screen.cell(0, column).data for column in range(10)]
    assert cells == ["a", FAMILY, "", "b", "\U0001f1ee\U0001f1e9", "", "c", "\u2764\ufe0f", "", "d\u200e"]
    assert screen.display[0].startswith(f"a{FAMILY}b")


def test_half_of_a_wide_character_is_never_left() -> None:
    assert fed("a界b\x1b[3G\x1b[K").display[0].rstrip() == "a"
    assert fed("a界b\x1b[3Gx").display[0].rstrip() == "a xb"
    assert fed("a界b\x1b[2Gx").display[0].rstrip() == "ax b"
    assert fed("a界b\x1b[2G今").display[0].rstrip() == "a今b"
