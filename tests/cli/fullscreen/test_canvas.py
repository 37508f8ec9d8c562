from __future__ import annotations

import pytest

from sockatuh.cli.fullscreen.canvas import Cells, is_uncertain
from sockatuh.cli.rendering import Line
from sockatuh.cli.wrapping import width_of


@pytest.mark.parametrize("cluster", ["👩\u200d👩\u200d👧", "👍🏽", "🇮🇩", "❤\ufe0f", "कि"])
def test_terminals_disagree_about_characters_that_are_joined(cluster: str) -> None:
    assert is_uncertain(cluster)


@pytest.mark.parametrize("cluster", ["a", "王", "é", "e\u0301", "z\u0335\u0335", "ש", "👩"])
def test_terminals_agree_about_the_others(cluster: str) -> None:
    assert not is_uncertain(cluster)


def texts_of(row: Cells) -> dict[int, tuple[str, str]]:
    return {column: (char.char, char.style) for column, char in row.cells.items() if char.char}


def test_text_of_one_style_is_one_cell_in_its_column() -> None:
    row = Cells((("class:time", "10:02 "), ("bold", "王e\u0301\u200eש"), ("", "x")), 1)
    assert texts_of(row) == {0: ("10:02 ", "class:time"), 6: ("王e\u0301\u200eש", "bold"), 10: ("x", "")}
    assert (row.anchors, row.columns) == ([], 11)


def test_the_column_after_an_uncertain_cluster_is_an_anchor() -> None:
    line: Line = (("", "a👍🏽b"),)
    row = Cells(line, 7)
    assert texts_of(row) == {0: ("a👍🏽", ""), 3: ("b", "")}
    assert row.anchors == [3]
    assert {char.style for char in row.whole.values() if char.char} == {" class:row7"}


@pytest.mark.parametrize(
    "text", ["👩\u200d👩\u200d👧 and 👍🏽", "ห้องครัว", "z\u0335\u0335o", "王伟 說", "한국어", "नमस्ते"]
)
def test_cells_take_the_columns_that_the_text_takes_on_most_terminals(text: str) -> None:
    row = Cells((("", text),), 1)
    assert row.columns == width_of(text)
    assert "".join(char for char, _ in texts_of(row).values()) == text
