from __future__ import annotations

from datetime import datetime

import pyte
import pytest
import wcwidth
from client.session_double import happened
from hostile import LIE, TEXTS, faults_of_text
from hypothesis import given
from hypothesis import strategies as st

from sockatuh.cli.direction import LEFT_TO_RIGHT
from sockatuh.cli.rendering import author_style, draw, draw_shortened, plain
from sockatuh.client.items import Renamed, Said, Struck, Whispered
from sockatuh.protocol.messages import ACTION, JOINED, LEFT, MESSAGE, Entry

NOON = 1_700_000_000_000


def shown(kind: int, text: str = "", name: str = "ana", columns: int | None = None) -> list[str]:
    """Return the lines of an entry without their times."""
    first, *others = [plain(line) for line in draw(happened(Entry(1, NOON, kind, name, text)), "tom", columns)]
    return [first[6:], *others]


def test_a_text_follows_its_author_after_two_spaces() -> None:
    assert shown(MESSAGE, "soup at one") == ["ana  soup at one"]
    assert shown(ACTION, "waves") == ["* ana waves"]


def test_a_private_line_has_author_and_addressee_underlined() -> None:
    to_me = draw(Whispered(1, NOON, "budi", "tom", "the key is under the mat"), "tom")[0]
    assert plain(to_me)[6:] == "» budi → you  the key is under the mat"
    assert [text for style, text in to_me if "class:private" in style] == ["budi → you"]
    by_me = [plain(draw(Whispered(1, NOON, "tom", to, "yes"), "tom")[0])[6:] for to in ("budi", "tom", "you")]
    assert by_me == ["» tom → budi  yes", "» tom → tom  yes", '» tom → "you"  yes']


def test_a_line_of_the_admin_has_a_mark_and_is_bold() -> None:
    said = draw(Said(1, NOON, "admin", "closing\nat five", official=True), "tom")
    assert [plain(line) for line in said] == ["".join([plain(said[0])[:6], "# admin  closing"]), " " * 15 + "at five"]
    assert [text for style, text in said[0] if "class:official" in style] == ["admin"]
    assert [text for line in said for style, text in line if style == "class:mention"] == ["closing", "at five"]
    assert plain(draw(Said(1, NOON, "admin", "waves", True, official=True), "tom")[0])[6:] == "# * admin waves"


def test_a_rename_is_a_sentence() -> None:
    assert plain(draw(Renamed(1, NOON, "tom", "tomas"), "ana")[0])[6:] == "· tom is now tomas"


@pytest.mark.parametrize(
    ("line_at", "when"),
    [
        (NOON, f" of {datetime.fromtimestamp(NOON / 1000):%H:%M}"),
        (NOON - 86_400_000, f" of 13 November, {datetime.fromtimestamp(NOON / 1000):%H:%M}"),
        (NOON - 400 * 86_400_000, f" of 10 October 2022, {datetime.fromtimestamp(NOON / 1000 - 400 * 86_400):%H:%M}"),
        (2**62, ""),
    ],
)
def test_a_removed_line_is_named_by_when_it_was_said(line_at: int, when: str) -> None:
    (row,) = draw(Struck(9, NOON, "ana", 3, line_at), "tom")
    assert plain(row)[6:] == f"· a line of ana's{when} was removed"


@pytest.mark.parametrize(
    ("reason", "line"),
    [("left", "· ana left"), ("lost", "· ana left (lost contact)"), ("a new one", "· ana left")],
)
def test_coming_and_going_are_sentences(reason: str, line: str) -> None:
    assert shown(JOINED, "secure") == ["· ana joined"]
    assert shown(LEFT, reason) == [line]


def test_the_lines_of_a_text_are_indented_under_the_first() -> None:
    assert shown(MESSAGE, "one\n12:00 bob  two\n\n  three") == [
        "ana  one",
        "           12:00 bob  two",
        "           ",
        "             three",
    ]


def test_long_lines_are_wrapped_at_spaces_of_every_kind_and_indented() -> None:
    text = "soup " * 12 + "12:00\u00a0bob\u00a0\u00a0more"
    assert shown(MESSAGE, text, columns=50)[1:] == ["           soup soup soup soup 12:00\u00a0bob\u00a0\u00a0more"]


def test_a_word_that_fits_no_row_is_cut_so_that_nothing_of_it_stands_at_the_margin() -> None:
    address = "https://example.org/" + "x" * 40
    assert shown(MESSAGE, f"see {address}", columns=50) == [
        "ana  see https://example.org/" + "x" * 15,
        " " * 11 + "x" * 25,
    ]


def test_letters_that_some_terminals_show_wide_count_twice_and_are_aligned_as_on_the_others() -> None:
    """Ambiguous in UAX 11: Greek, Cyrillic, é, …"""
    assert shown(MESSAGE, "суп в час", name="аня", columns=24) == ["аня  суп в", " " * 11 + "час"]


def test_a_name_that_fits_no_row_is_cut_with_a_mark_that_is_in_no_name() -> None:
    assert shown(MESSAGE, "hi", name="abcdefghijklmnopqr", columns=20) == ["abcdefghijkl…", "      mnopqr  hi"]
    assert shown(ACTION, "hi", name="abcdefghijklmnopqr", columns=20) == ["* abcdefghij…", "      klmnopqr hi"]
    assert shown(JOINED, "secure", name="abcdefghijklmnopqr", columns=20) == [
        "· abcdefghi…",
        "         jklmnopqr",
        "         joined",
    ]


def test_a_name_that_is_no_word_is_quoted() -> None:
    assert shown(MESSAGE, "budi", name="ana kicks") == ['"ana kicks"  budi']
    assert shown(LEFT, "left", name="budi joined; ana") == ['· "budi joined; ana" left']
    assert shown(LEFT, "left", name='a"b\\') == ['· "a\\"b\\\\" left']


def test_a_long_text_is_abbreviated_on_a_screen() -> None:
    entry = Said(4321, NOON, "ana", "\n".join(map(str, range(200))))
    rows = [plain(line) for line in draw_shortened(entry, "tom", 80)]
    assert [row.strip() for row in rows[1:10]] == [str(number) for number in range(1, 10)]
    assert rows[10:] == ["      … 190 more lines; /show 4321"]
    assert len(draw(entry, "tom", 80)) == len(draw(entry, "tom")) == 200


def test_wide_characters_count_twice() -> None:
    assert shown(MESSAGE, "王さん " * 9, columns=40) == [
        "ana  王さん 王さん 王さん 王さん",
        "           王さん 王さん 王さん 王さん",
        "           王さん",
    ]


def on_a_terminal(text: str, columns: int) -> list[str]:
    """Return the rows of a terminal that shows an entry; it is one that joins no characters into one."""
    lines = [plain(line) for line in draw(Said(1, NOON, "ana", text), "tom", columns)]
    screen = pyte.Screen(columns, sum(1 + 2 * len(line) // columns for line in lines) + 1)
    pyte.Stream(screen).feed("\r\n".join(lines))
    return [row.rstrip() for row in screen.display if row.strip()]


@pytest.mark.parametrize("columns", [30, 40, 66, 80])
def test_no_text_puts_a_line_of_its_own_at_the_margin_of_a_terminal(columns: int) -> None:
    for name, text in TEXTS.items():
        rows = on_a_terminal(text, columns)
        at_the_margin = [row for row in rows[1:] if not row.startswith("      ")]
        assert at_the_margin == [], name


@pytest.mark.parametrize("columns", [36, 79, 80])
def test_a_text_cannot_count_the_columns_to_where_a_terminal_wraps(columns: int) -> None:
    family, flag = "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\U0001f1ee\U0001f1e9"
    for char in (family, flag, "\u0915\u093e", "\u3164", "\u2764\ufe0f", "\u2800"):
        for count in range(45):
            rows = on_a_terminal(char * count + " " + LIE.replace(" ", "\u2800") + " " + LIE, columns)
            assert not any(row.startswith("12:00") for row in rows)


def test_a_long_word_of_letters_beyond_ascii_is_cut_and_indented_for_some_scripts_write_no_spaces() -> None:
    assert shown(MESSAGE, "\u738b" * 40, columns=40) == [
        "ana  " + "\u738b" * 14,
        " " * 11 + "\u738b" * 14,
        " " * 11 + "\u738b" * 12,
    ]


def test_letters_without_ink_are_no_way_around_the_wrapping() -> None:
    assert shown(MESSAGE, "x" * 30 + "\u280012:00\u2800zoe", columns=40) == [
        "ana  " + "x" * 29,
        " " * 11 + "x\u280012:00\u2800zoe",
    ]


@pytest.mark.parametrize("columns", [None, 80])
@pytest.mark.parametrize("kind", [MESSAGE, ACTION, JOINED, LEFT])
def test_whatever_is_hostile_is_drawn_as_harmless_pieces(kind: int, columns: int | None) -> None:
    for name, text in TEXTS.items():
        lines = [plain(line) for line in draw(happened(Entry(1, NOON, kind, text, text)), "tom", columns)]
        lines = [line.replace(LEFT_TO_RIGHT, "") for line in lines]
        assert all(faults_of_text(line) == [] and "\n" not in line for line in lines), name


def test_a_mention_is_highlighted() -> None:
    def style(text: str, me: str = "tom") -> str:
        return draw(Said(1, NOON, "ana", text), me)[0][-1][0]

    assert style("hi Tom!") == style("one\ntom: two") == style("ask @tom") == "class:mention"
    assert style("tomorrow") == style("atom") == style("ana", "ana") == ""


def test_an_author_has_the_same_colour_everywhere() -> None:
    assert author_style("ana") == author_style("Ana") == "class:author4"


def test_a_colour_survives_a_rename_where_the_key_is_known() -> None:
    assert author_style("tom", "abcdefgh") == author_style("tomas", "abcdefgh") != author_style("tom", "hgfedcba")


@pytest.mark.parametrize("at", [(1 << 63) - 1, 300_000_000_000_000])
def test_a_time_outside_the_calendar_is_no_time(at: int) -> None:
    assert plain(draw(Said(1, at, "ana", "hello"), "tom")[0]) == "--:-- ana  hello"


@given(
    st.sampled_from([MESSAGE, ACTION, JOINED, LEFT]),
    st.text(st.characters(categories=("C", "L", "Z", "M", "S")), max_size=60),
    st.text(max_size=200),
    st.none() | st.integers(1, 100),
)
def test_whatever_comes_only_the_first_line_begins_at_the_margin(
    kind: int, name: str, text: str, columns: int | None
) -> None:
    lines = [plain(line) for line in draw(happened(Entry(1, NOON, kind, name, text)), "tom", columns)]
    assert all(line.startswith("      ") for line in lines[1:])
    assert all(wcwidth.wcswidth(line) >= 0 and "\n" not in line for line in lines)
