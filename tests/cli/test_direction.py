"""Rows on a terminal that reorders right-to-left text: time, author and text stay in place."""

from __future__ import annotations

from itertools import pairwise

import pytest
from bidi import columns_of
from client.session_double import happened
from forgers import FORMER, NAMES, SAID

from sockatuh.cli.direction import LEFT_TO_RIGHT, anchored, apart, turns, without_marks
from sockatuh.cli.history import _message, _session
from sockatuh.cli.naming import shown_name
from sockatuh.cli.rendering import draw, plain
from sockatuh.cli.rows import aligned, member_row, note_rows
from sockatuh.client.items import member_of
from sockatuh.protocol.messages import ACTION, JOINED, LEFT, MESSAGE, Entry, MemberInfo
from sockatuh.store.history import LogLine, SessionLine
from sockatuh.wording import client as phrases
from sockatuh.wording.en.client import WHO_COLUMNS

NOON = 1_700_000_000_000
TURNED = (
    "שלום",
    "שלום 12:00 ana  hi",
    "12:00 שלום",
    "5 אבי 7",
    "علي: 3",
    "(אבי)",
    "hi אבי",
    "אבי - 12:00 * ana",
    "- אבי",
    "٣٤ hi",
)
LEFT_OR_AUTOMATIC = pytest.mark.parametrize("base", [0, None], ids=["left to right", "as the first letter is"])


def laid_out(row: str, base: int | None, *parts: str) -> list[tuple[int, int]]:
    """Return the columns from and to which each of some parts of a row stands, in their order in the row."""
    shown = anchored(row)
    places, spans, start = columns_of(shown, base=base), list[tuple[int, int]](), 0
    for part in parts:
        at = shown.index(part, start)
        start = at + len(part)
        mine = places[at:start]
        assert max(mine) - min(mine) == len(part) - 1, f"{part!r} is torn apart in {row!r}"
        spans.append((min(mine), max(mine)))
    return spans


def in_order(spans: list[tuple[int, int]]) -> bool:
    return all(one[1] < other[0] for one, other in pairwise(spans))


def test_without_marks_a_reordering_terminal_could_confuse_text_and_author() -> None:
    row = "12:00 אבי  שלום"
    places = columns_of(row)
    assert places[row.index("שלום")] < places[row.index("אבי")]
    assert in_order(laid_out(f"12:00 {apart('אבי')}  שלום", 0, "12:00", "אבי", "שלום"))


@LEFT_OR_AUTOMATIC
@pytest.mark.parametrize("kind", [MESSAGE, ACTION])
def test_time_author_and_text_keep_their_places(kind: int, base: int | None) -> None:
    for name in (*NAMES, *FORMER):
        for text in (*TURNED, *SAID[::4]):
            lines = draw(happened(Entry(1, NOON, kind, name, text)), "me")
            row, bare = plain(lines[0]), without_marks(shown_name(name))
            said = row.rpartition(bare)[2].lstrip(LEFT_TO_RIGHT).strip()
            if not turns(row) or not said:
                continue
            mark = ["*"] if kind == ACTION else []
            head = laid_out(row, base, row[:5], *mark, bare)
            rest = columns_of(anchored(row), base=base)[len(anchored(row)) - len(said) :]
            assert in_order(head)
            assert head[-1][1] < min(rest), (name, text)
            for line in lines[1:]:
                shown = anchored(plain(line))
                indent = len(plain(line)) - len(plain(line).lstrip(" "))
                offset = len(shown) - len(plain(line))
                places = columns_of(shown, base=base)[offset : offset + indent]
                assert places == list(range(offset, offset + indent)) or not plain(line).strip()


@LEFT_OR_AUTOMATIC
def test_the_name_precedes_its_event_on_a_reordering_terminal(base: int | None) -> None:
    for name in (*NAMES, *FORMER):
        bare = without_marks(shown_name(name))
        for kind, reason, verb in ((JOINED, "secure", " joined"), (LEFT, "lost", " left (lost contact)")):
            row = plain(draw(happened(Entry(1, NOON, kind, name, reason)), "me")[0])
            if turns(row):
                assert in_order(laid_out(row, base, row[:5], "·", bare, verb))


@LEFT_OR_AUTOMATIC
def test_a_list_of_names_is_read_in_its_order(base: int | None) -> None:
    names = ["אבי", "12", "علي", "ana", "רות5", "שרה"]
    [row] = note_rows(phrases.here([shown_name(name) for name in names]), None)
    assert in_order(laid_out(row, base, *names))


@LEFT_OR_AUTOMATIC
def test_the_history_the_table_of_members_and_the_log_keep_their_order(base: int | None) -> None:
    line = _message(LogLine(1, NOON, "אבי", "שלום 12:00 ana", False))
    session = _session(SessionLine(NOON, None, "אבי", "k", "10.0.0.9", "secure", "sockatuh 0.1", False, None))
    assert in_order(laid_out(f"12:00 {line}", base, "12:00", "אבי", "שלום"))
    assert in_order(laid_out(f"12:00 {session}", base, "12:00", "·", "אבי", "joined", "10.0.0.9"))
    _, row = aligned([WHO_COLUMNS, member_row(member_of(MemberInfo("אבי", "a1b2c3d4", "secure", True, NOON)))])
    assert in_order(laid_out(row, base, "אבי", "2023", "secure", "a1b2c3d4"))
    logged = '12:00:00 info    message_posted author=אבי seq=7 text="שלום 12 name=רות" logger=x'
    assert in_order(laid_out(logged, base, "author=", "אבי", "seq=7", "text=", "name=", "logger=x"))


def test_marks_are_for_terminals_alone() -> None:
    assert without_marks(anchored(apart("אבי"))) == "אבי"
    assert anchored("ana  hi") == apart("ana") + "  hi"
