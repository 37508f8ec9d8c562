"""A QR code in a terminal shows each of its modules, and is left out where it could not be read."""

from __future__ import annotations

import pytest
import segno

from sockatuh.web.code import AS_BEFORE, BLOCKS, LIGHT_ON_DARK, draw_code

URL = "https://192.168.1.20:7680/"
QUIET = 4


@pytest.mark.parametrize(
    ("url", "columns", "rows"),
    [
        (URL, 33, 17),
        ("http://10.0.0.1:7680/", 33, 17),
        ("https://[fd12:3456:789a:1::20]:7680/", 37, 19),
        (f"https://{'kitchen' * 4}.local:7680/", 37, 19),
    ],
)
def test_an_address_fits_an_ordinary_terminal(url: str, columns: int, rows: int) -> None:
    drawn = draw_code(url, 80, "utf-8")
    assert {len(row) for row in drawn} == {columns}
    assert len(drawn) == rows <= 20


def test_each_module_is_shown_with_a_quiet_zone_around_them() -> None:
    drawn = draw_code(URL, 80, "utf-8")
    shown = [[half(char, low=low) for char in row] for row in drawn for low in (False, True)]
    expected = segno.make(URL, micro=False).matrix
    inside = [row[QUIET:-QUIET] for row in shown[QUIET : QUIET + len(expected)]]
    assert inside == [[bool(module) for module in row] for row in expected]
    around = [*shown[:QUIET], *shown[QUIET + len(expected) : 2 * QUIET + len(expected)]]
    around += [row[:QUIET] + row[-QUIET:] for row in shown[QUIET : QUIET + len(expected)]]
    assert not any(map(any, around)), "a phone finds no code without a light edge"


def half(char: str, *, low: bool) -> bool:
    """Tell whether one half of a character is dark."""
    return not BLOCKS.index(char) & (2 if low else 1)


def test_where_it_does_not_fit_or_has_no_half_blocks_it_is_left_out() -> None:
    assert draw_code(URL, 33, "utf-8")
    assert draw_code(URL, 32, "utf-8") == []
    for encoding in ("ascii", "latin-1", "ANSI_X3.4-1968", "no such encoding", ""):
        assert draw_code(URL, 80, encoding) == [], encoding
    assert draw_code(URL, 80, "cp437"), "a console's own encoding has them"


def test_with_colours_it_is_light_on_dark_on_every_terminal() -> None:
    coloured = draw_code(URL, 80, "utf-8", colour=True)
    assert [row.removeprefix(LIGHT_ON_DARK).removesuffix(AS_BEFORE) for row in coloured] == draw_code(URL, 80, "utf-8")
    assert all(row.startswith(LIGHT_ON_DARK) and row.endswith(AS_BEFORE) for row in coloured)
