from __future__ import annotations

import pytest

from sockatuh.room.word import is_word, one_word


@pytest.mark.parametrize(
    ("text", "word"),
    [("Ana Maria", "Ana_Maria"), ("  a \u3000 b\u00a0", "a_b"), ("a\tb", "a\tb"), (" ", ""), ("a_b", "a_b")],
)
def test_spaces_become_underscores(text: str, word: str) -> None:
    assert one_word(text) == word


@pytest.mark.parametrize("text", ["ana", "o'neill", "1.5-x_", "王伟", "रामः"])
def test_these_are_words(text: str) -> None:
    assert is_word(text)


@pytest.mark.parametrize("text", ["", "a b", "_a", "\u0301a", "a,", "a:", "a\u200d", "·a", "a…", "½"])
def test_other_texts_are_not_words(text: str) -> None:
    assert not is_word(text)
