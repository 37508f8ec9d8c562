from __future__ import annotations

from typing import Final

from sockatuh.cli.box.tables import table
from sockatuh.cli.wrapping import reach

HEADS: Final = ("ID", "ORDER", "WHAT", "UNTIL", "BY", "REASON")
ROWS: Final = [
    ("812", "ban", "budi key:k7Qm3xYz", "2026-11-30 09:47", "tom", "flooding the room with soup"),
    ("813", "mute", "key:aaaaaaaa", "forever", "-", "-"),
]


def test_in_a_file_and_on_a_wide_terminal_all_columns_stand_side_by_side() -> None:
    wide = table(HEADS, ROWS, 3, None)
    assert wide == table(HEADS, ROWS, 3, 200)
    assert wide[0].split() == [*HEADS]
    assert len(wide) == 3
    assert wide[1].index("tom") == wide[0].index("BY")


def test_columns_without_room_stand_below_with_their_headings_and_empty_ones_nowhere() -> None:
    assert table(HEADS, ROWS, 3, 80) == [
        "ID   ORDER  WHAT               UNTIL             BY",
        "812  ban    budi key:k7Qm3xYz  2026-11-30 09:47  tom",
        "  REASON flooding the room with soup",
        "813  mute   key:aaaaaaaa       forever           -",
    ]
    narrow = table(HEADS, ROWS, 3, 40)
    assert narrow == [
        "ID   ORDER  WHAT",
        "812  ban    budi key:k7Qm3xYz",
        "  UNTIL 2026-11-30 09:47  BY tom",
        "  REASON flooding the room with soup",
        "813  mute   key:aaaaaaaa",
        "  UNTIL forever",
    ]
    assert max(map(reach, narrow)) <= 40


def test_the_columns_that_say_who_it_is_never_stand_below() -> None:
    assert table(HEADS, ROWS, 3, 20)[:2] == ["ID   ORDER  WHAT", "812  ban    budi key:k7Qm3xYz"]


def test_wide_characters_take_the_columns_they_reach() -> None:
    rows = [("1", "ban", "你好世界", "forever", "tom", "說話太多")]
    for columns in (30, 40, 60):
        lines = table(HEADS, rows, 3, columns)
        assert max(map(reach, lines)) <= columns
