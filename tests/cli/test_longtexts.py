from __future__ import annotations

from sockatuh.cli.longtexts import LongTexts
from sockatuh.protocol.messages import MESSAGE, Entry


def entry(seq: int, size: int) -> Entry:
    return Entry(seq, 0, MESSAGE, "ana", "é" * (size // 2))


def test_the_newest_texts_are_kept_by_their_bytes() -> None:
    texts = LongTexts(most=100)
    for seq in range(1, 8):
        texts.keep(entry(seq, 30))
    assert [seq for seq in range(10) if texts.find(seq)] == [5, 6, 7]
    texts.keep(entry(8, 100))
    assert [seq for seq in range(10) if texts.find(seq)] == [8]
    texts.keep(entry(9, 102))
    assert texts.find(9) is None


def test_a_text_that_comes_again_counts_once() -> None:
    texts = LongTexts(most=100)
    for _ in range(9):
        texts.keep(entry(1, 60))
    texts.keep(entry(2, 40))
    assert texts.find(1)
    assert texts.find(2)
