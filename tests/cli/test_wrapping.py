from __future__ import annotations

from pathlib import Path

import pytest
from cli.people import Person
from hypothesis import given
from hypothesis import strategies as st

from sockatuh.cli.wrapping import fold

WORDS = st.lists(st.text("abcdefghij/-", min_size=1, max_size=30), min_size=1, max_size=30)


@given(WORDS, st.integers(20, 100))
def test_rows_break_between_words_and_only_a_word_alone_is_longer(words: list[str], columns: int) -> None:
    rows = fold("  " + " ".join(words), columns)
    assert [word for row in rows for word in row.split()] == words
    assert all(len(row) <= columns or len(row.split()) == 1 for row in rows)
    assert all(row.startswith("  ") for row in rows[1:])


def test_what_fits_stays_as_it_is_with_the_space_an_answer_stands_behind() -> None:
    assert fold("a  b\n\n   c ", 20) == ["a  b", "", "   c "]
    assert fold("Do you trust this server? [y/N] ", 20) == ["Do you trust this", "server? [y/N] "]


@pytest.mark.parametrize("columns", [40, 80])
def test_an_error_on_a_terminal_is_broken_between_words(person: Person, columns: int) -> None:
    client = person("ana")
    for args in (["send", "--server", "no server", "x"], ["tail"], ["tail", "-n", "many"]):
        terminal = client.terminal(*args, columns=columns)
        assert terminal.end() == 2
        words = client.call(*args).stderr.split()
        assert terminal.text.split() == words


def test_ctrl_c_at_a_question_leaves_the_next_row_to_the_shell(person: Person, tmp_path: Path) -> None:
    terminal = person("budi").terminal("init", "--dir", str(tmp_path / "room"))
    terminal.wait_for("Room name")
    terminal.type("\x03")
    assert terminal.end() == 130
    assert terminal.screen.cursor.x == 0
