from __future__ import annotations

import time
import unicodedata

import pytest
from hostile import TEXTS, faults_of_text
from hypothesis import example, given
from hypothesis import strategies as st

from sockatuh.room.text import LINE_MARK, MAX_MARKS, clean_line, clean_text, judge, lines_of

FORBIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
FAMILY = "👩‍👩‍👧‍👦"
NASTY = st.text(
    alphabet=st.one_of(
        st.characters(),
        st.characters(categories=["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs", "Mn", "Me", "Mc", "So", "Sk"]),
        st.sampled_from("\u200d\ufe0f\u2194\U0001f3fd👩❤ae\r\n\t \u0301\u0cbf\u0cd5"),
    ),
    max_size=40,
)


def forbidden_in(text: str) -> list[str]:
    return [char for char in text if unicodedata.category(char) in FORBIDDEN and char not in "\n\t\u200d"]


def longest_tower(text: str) -> int:
    longest = marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.category(char) in {"Mn", "Mc", "Me"} else 0
        longest = max(longest, marks)
    return longest


@given(NASTY)
@example("a" + "\u0cbf" * 8 + "\u0301" + "\u0cd5")
@example("e\u200b\u0301")
@example("👩\u200d\u200d👩")
def test_forbidden_characters_are_removed_from_any_text(text: str) -> None:
    cleaned = clean_text(text)
    assert forbidden_in(cleaned) == []
    assert longest_tower(cleaned) <= MAX_MARKS
    assert cleaned == cleaned.rstrip()
    assert unicodedata.is_normalized("NFC", cleaned)
    assert clean_text(cleaned) == cleaned


@given(NASTY)
def test_a_line_has_no_line_breaks_whatever_the_input(text: str) -> None:
    line = clean_line(text)
    assert "\n" not in line
    assert "\t" not in line
    assert forbidden_in(line) == []
    assert len(line.splitlines()) <= 1
    assert clean_line(line) == line


@given(NASTY)
def test_the_lines_of_a_text_are_its_cleaned_lines(text: str) -> None:
    lines = lines_of(text)
    assert all(clean_line(line) == line for line in lines)
    assert len(lines) == (clean_text(text).count("\n") + 1 if clean_text(text) else 0)


@given(st.text(alphabet=st.characters(min_codepoint=0, max_codepoint=127, exclude_characters="\x1b")))
def test_ascii_keeps_what_can_be_printed(text: str) -> None:
    kept = "".join(
        char for char in text.replace("\r\n", "\n").replace("\r", "\n") if char in "\n\t" or char.isprintable()
    )
    assert clean_text(text) == kept.rstrip()


@pytest.mark.parametrize(
    ("attack", "shown"),
    [
        ("\x1b[2Jboo", "boo"),
        ("\x1b]0;title\x07boo", "boo"),
        ("\x1b]8;;file:///etc/passwd\x1b\\link", "link"),
        ("\x1b]52;c;aGk=\x07", ""),
        ("\x9b31mred", "red"),
        ("\x1b[01;34mdir\x1b[0m \x1b(B\x1b[m\x9b1Kok\x1b[3", "dir ok"),
        ("\x1b]0;never ended", "]0;never ended"),
        ("\x1bHello", "Hello"),
        ("a\x00b", "ab"),
        ("a\x08b\x7f", "ab"),
        ("a\x0bb\x0cc\x85d", "abcd"),
        ("\u202eevil\u202c", "evil"),
        ("\u2066x\u2069", "x"),
        ("a\u200bb\u2060c\ufeff", "abc"),
        ("x\U000e0041\U000e007f", "x"),
        ("a\ud800b", "ab"),
        ("a\ue000b\U000f0000", "ab"),
        ("a\u0378b", "ab"),
        ("a\u2028b\u2029c", "abc"),
        ("a\u200db", "ab"),
        ("z" + "\u0335" * 50, "z" + "\u0335" * 8),
        ("\u0301ana", "ana"),
    ],
)
def test_a_terminal_attack_becomes_plain_text(attack: str, shown: str) -> None:
    assert clean_text(attack) == shown
    assert clean_line(attack) == shown


@pytest.mark.parametrize(
    "text",
    ["soup at one", "  indented", "a\n\tb\n\nc", "Grüße, 你好, שלום, สวัสดี", FAMILY, "❤️", "👩🏽‍🚀", "🏳️‍🌈", "[bold]x[/]"],
)
def test_ordinary_text_is_kept_unchanged(text: str) -> None:
    assert clean_text(text) == text


@pytest.mark.parametrize(
    "text", ["", " ", "\n\n", "\x1b", "\u200b\u200d", "\u0301", "\u3164\u2800", "\ufe0f", "\u00a0\u3000"]
)
def test_a_text_without_visible_characters_is_empty(text: str) -> None:
    assert clean_text(text) == ""
    assert clean_line(text) == ""
    assert lines_of(text) == []


def test_nothing_hostile_is_left_of_a_text() -> None:
    for name, text in TEXTS.items():
        assert faults_of_text(clean_text(text).replace("\t", "")) == [], name
        assert faults_of_text(clean_line(text)) == [], name
        assert len(clean_line(text).splitlines()) <= 1, name
        assert all(faults_of_text(line) == [] for line in lines_of(text)), name


def test_spacing_marks_are_bounded_like_others_for_many_terminals_give_them_no_width() -> None:
    assert clean_text("\u0915" + "\u093e" * 50) == "\u0915" + "\u093e" * MAX_MARKS


def seconds_for(text: str) -> float:
    spans = []
    for _ in range(3):
        began = time.perf_counter()
        clean_text(text)
        spans.append(time.perf_counter() - began)
    return min(spans)


@pytest.mark.parametrize("marks", ["\u0301" * 4_000 + "\u0316" * 4_000, "\u0301\u0316" * 4_000, "\u0f73" * 5_400])
def test_marks_that_want_sorting_cost_no_more_than_other_characters(marks: str) -> None:
    marks = "a" + marks
    assert seconds_for(marks) < 20 * seconds_for("\u00e9" * len(marks))


@given(NASTY)
def test_each_character_of_a_text_is_judged_where_it_stands(text: str) -> None:
    judged = list(judge(text))
    assert "".join(char for char, _ in judged) == text
    kept = "".join(char for char, is_kept in judged if is_kept)
    assert forbidden_in(kept) == []
    assert longest_tower(kept) <= MAX_MARKS
    assert all(is_kept for _, is_kept in judge(clean_text(text)))


def test_line_ends_become_newlines_and_the_last_ones_go() -> None:
    assert clean_text("a\r\nb\rc\n\r\n ") == "a\nb\nc"


def test_letters_are_composed() -> None:
    assert clean_text("Cafe\u0301") == "Caf\u00e9"


def test_a_forged_second_line_stays_on_the_first() -> None:
    assert clean_line("hi\n09:52 ana  I quit\t!") == f"hi{LINE_MARK}09:52 ana  I quit    !"


def test_lines_can_be_indented_one_by_one() -> None:
    assert lines_of("one \r\n\ttwo\n\nthree") == ["one", "    two", "", "three"]
