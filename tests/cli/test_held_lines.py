from __future__ import annotations

import pytest
from hostile import TEXTS, forbidden_in

from sockatuh.cli.folding import fold_letters
from sockatuh.cli.held_lines import HeldLines
from sockatuh.client.items import Came, Said, Whispered


def said(seq: int, text: str, name: str = "ana") -> Said:
    return Said(seq, 0, name, text)


def of(*texts: str) -> HeldLines:
    held = HeldLines()
    for seq, text in enumerate(texts, 1):
        held.add(said(seq, text))
    return held


@pytest.mark.parametrize(
    ("text", "folded"),
    [("Zoë", "zoe"), ("STRASSE", "straße"), ("ｆｕｌｌ", "full"), ("de\u0301ja\u0300", "déjà"), ("क\u093f", "क\u093f")],
)
def test_letters_are_equal_but_for_case_accents_and_width(text: str, folded: str) -> None:
    assert fold_letters(text) == fold_letters(folded)
    assert fold_letters("क\u093f") != fold_letters("क")


def test_a_search_finds_texts_and_authors_newest_first() -> None:
    held = of("Soup at one", "bread", "more soup, SÖUP")
    held.add(Whispered(7, 0, "budi", "tom", "the soup is off"))
    held.add(Came(8, 0, "soupa"))
    held.add(said(9, "hello", "Soup-bot"))
    assert held.search("soup") == [9, 7, 3, 1]
    assert held.search("tea") == []
    assert (len(held), held.lines) == (6, 5)


def test_the_oldest_are_evicted_by_number_and_by_size() -> None:
    held = HeldLines(most=3, most_bytes=1_000)
    for seq in range(1, 6):
        held.add(said(seq, "x"))
    assert [entry.seq for entry in held] == [3, 4, 5]
    held.add(said(6, "x" * 750))
    assert [entry.seq for entry in held] == [5, 6]
    held.add(said(7, "\U0001f30a" * 250))
    assert len(held) == 0


def test_a_seq_that_comes_again_is_the_newest_and_counts_once() -> None:
    held = HeldLines(most_bytes=2_000)
    for text in ("a" * 1_500, "b" * 1_500):
        held.add(said(1, text))
    held.add(said(2, "c" * 100))
    held.add(said(1, "d"))
    assert list(held) == [said(2, "c" * 100), said(1, "d")]
    assert held.find(1) == said(1, "d")
    assert held.find(3) is None


def test_the_newest_texts_come_in_order() -> None:
    held = of("one", "two", "three")
    held.add(Came(4, 0, "budi"))
    assert held.texts(2) == ["two", "three"]
    assert held.texts(99) == ["one", "two", "three"]
    assert [entry.seq for entry in held.newest(2)] == [3, 4]


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("see https://intern.example/a.", ["https://intern.example/a"]),
        ("(https://x.org/a_(b)) and HTTP://Y.org, ok", ["https://x.org/a_(b)", "HTTP://Y.org"]),
        ("two: ftp://a/b\nhttps://c/?q=1&r=%20#f!", ["ftp://a/b", "https://c/?q=1&r=%20#f"]),
        ("https://böse.example/ñ", ["https://böse.example/ñ"]),
        ("sockatuh://10.0.0.5:7625/#abc", ["sockatuh://10.0.0.5:7625/#abc"]),
        ("https:// http://... xhttps://no javascript:alert(1) file:///etc/passwd", []),
        ("https://a/\u280012:00\u2800zoe", ["https://a/"]),
        ("https://a/(b)).) and https://a/[({b}])}", ["https://a/(b)", "https://a/[({b}])"]),
        pytest.param("https://" + ")" * 300_000, [], id="many brackets, each looked at once"),
        ("https://a/\x1b]8;;file:///etc/passwd\x1b\\b", ["https://a/b"]),
    ],
)
def test_links_are_found_in_their_sentences(text: str, links: list[str]) -> None:
    assert list(of(text).links(10)) == links


def test_each_of_the_newest_links_comes_once() -> None:
    held = of("https://a https://b", "https://c", "again https://a")
    assert list(held.links(10)) == ["https://b", "https://c", "https://a"]
    assert list(held.links(2)) == ["https://c", "https://a"]
    assert HeldLines().links(10) == {}


def test_what_is_taken_off_is_found_no_more() -> None:
    held = of("https://a 4711", "soup")
    held.take_off(1)
    held.take_off(99)
    assert held.find(1) is None
    assert (held.search("4711"), held.texts(9), held.links(9), held.lines) == ([], ["soup"], {}, 1)
    assert held._size == of("soup")._size


def test_hostile_texts_make_clean_links() -> None:
    for text in TEXTS.values():
        for link in of(f"https://a/{text}").links(10):
            assert not forbidden_in(link)
            assert not any(char.isspace() for char in link)
