from __future__ import annotations

import io

import pytest

from sockatuh.cli.direction import LEFT_TO_RIGHT, apart
from sockatuh.cli.rows import aligned, note_rows, print_own_texts, print_row, print_wrapped
from sockatuh.cli.safe_output import ShownText
from sockatuh.client.items import OwnText


class Shown(ShownText):
    """A stream of the program's, on a terminal or not."""

    def __init__(self, *, is_terminal: bool, encoding: str = "utf-8") -> None:
        self.raw_bytes = io.BytesIO()
        super().__init__(self.raw_bytes, encoding, "backslashreplace")
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    @property
    def written(self) -> str:
        self.flush()
        return self.raw_bytes.getvalue().decode(self.encoding)


def printed(row: str, *, is_terminal: bool, encoding: str = "utf-8") -> str:
    stream = Shown(is_terminal=is_terminal, encoding=encoding)
    print_row(row, stream)
    return stream.written


def test_a_terminal_gets_our_marks_and_a_file_none() -> None:
    row = f"12:00 {apart('אבי')}  שלום"
    assert printed(row, is_terminal=True) == f"{LEFT_TO_RIGHT}12:00 אבי{LEFT_TO_RIGHT}  שלום\n"
    assert printed(row, is_terminal=False) == "12:00 אבי  שלום\n"
    assert printed("12:00 ana  hi", is_terminal=True) == "12:00 ana  hi\n"


@pytest.mark.parametrize("is_terminal", [True, False])
def test_whatever_else_a_terminal_would_obey_is_escaped(is_terminal: bool) -> None:
    assert printed("a\x1b[2J\u202e", is_terminal=is_terminal) == "a\\u001b[2J\\u202e\n"


def test_an_encoding_without_the_mark_does_without_it() -> None:
    assert printed(apart("אבי"), is_terminal=True, encoding="latin-1") == "\\u05d0\\u05d1\\u05d9\n"
    assert printed("caf\u00e9", is_terminal=True, encoding="latin-1") == "caf\u00e9\n"


def test_a_stream_that_is_none_of_ours_gets_the_bare_row() -> None:
    stream = io.StringIO()
    print_row(apart("אבי"), stream)
    assert stream.getvalue() == "אבי\n"


def test_on_a_terminal_long_lines_go_on_indented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sockatuh.cli.rows.columns_of", lambda _: 20)
    stream = Shown(is_terminal=True)
    print_wrapped(["one two three four five six", "x" * 30], 4, stream)
    assert stream.written.splitlines() == [
        "one two three four",
        "    five six",
        "x" * 18 + "…",
        "    " + "x" * 12,
    ]


def test_a_remark_goes_on_indented() -> None:
    assert note_rows("three words here, and more", 20) == ["— three words here,", "  and more —"]


def test_texts_that_are_given_back_stand_where_no_line_of_a_room_begins(capsys: pytest.CaptureFixture[str]) -> None:
    print_own_texts([OwnText("one\n12:00 zoe  I quit"), OwnText("the key\nis under the mat", "budi")])
    assert capsys.readouterr().err.splitlines() == [
        "      one",
        "      12:00 zoe  I quit",
        "      /msg budi the key",
        "      is under the mat",
    ]


def test_columns_stand_under_each_other_however_wide_the_characters_are() -> None:
    assert aligned([("NAME", "KEY"), ("王さん", "x"), ("ana", "y", "(no contact)")]) == [
        "NAME    KEY",
        "王さん  x",
        "ana     y    (no contact)",
    ]
