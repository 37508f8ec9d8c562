from __future__ import annotations

from xml.etree import ElementTree

import pyte
from cli.pictures import CELL_WIDTH, MARGIN, picture, written_down
from hostile import TEXTS
from kit.emulator import Emulator

SVG = "{http://www.w3.org/2000/svg}"


def fed(text: str, columns: int = 12, rows: int = 2) -> Emulator:
    screen = Emulator(columns, rows)
    pyte.Stream(screen).feed(text)
    return screen


def test_rows_styles_invisible_characters_and_the_cursor_are_written_down() -> None:
    shown = written_down(fed("\x1b[1ma\x1b[0;2;38;5;167mbc\x1b[0m\u200ed", 6))
    assert shown.splitlines() == [
        "|abc<U+200E>d  |",
        "    1-1 bold",
        "    2-3 #d75f5f faint",
        "|      |",
        "cursor: row 1, column 5",
    ]


def test_every_run_of_a_style_is_drawn_in_its_column() -> None:
    drawn = ElementTree.fromstring(picture(fed("  今日 \x1b[1mb\x1b[7mc"), "t"))  # noqa: S314 (it is ours)
    texts = [(each.text, round((float(each.attrib["x"]) - MARGIN) / CELL_WIDTH)) for each in drawn.iter(f"{SVG}text")]
    assert texts == [("今日", 2), ("b", 7), ("c", 8)]
    assert [each.get("class") for each in drawn.iter(f"{SVG}text")] == [None, "bold", "bold reverse"]


def test_no_text_is_markup_in_a_picture() -> None:
    for text in TEXTS.values():
        row = "".join(char for char in text[:60] if char.isprintable())
        drawn = ElementTree.fromstring(picture(fed(f"<b>&{row}", 80), "<t>"))  # noqa: S314
        assert {each.tag for each in drawn.iter()} <= {SVG + name for name in ("svg", "title", "style", "rect", "text")}
