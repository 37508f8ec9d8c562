"""The rows of the tables: nothing of a stranger's gets through them, and they fit the terminals that people have."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any, Final

import pytest
from hostile import TEXTS, faults_of_text

from sockatuh.cli.box.rows import audit_row, name_row, order_row, past_row, session_row
from sockatuh.cli.box.tables import table
from sockatuh.cli.direction import without_marks
from sockatuh.cli.wrapping import reach
from sockatuh.server.box_report import NameItem, OrderItem, SessionItem
from sockatuh.store.audit import Ended, GivenOrder

KEY: Final = "k7Qm3xYz" + "A" * 35
AT: Final = "2026-11-29T09:00:00.000Z"
LONG: Final = 4_096
"""Longer texts have nothing in them that shorter ones have not."""
VERBS: Final = ("kick", "unban", "release", "announce", "strike")


def given(said: str, **fields: Any) -> GivenOrder:
    """Return an order in which every text is the same."""
    order: dict[str, Any] = {"seq": 9, "at": 0, "order": "ban", "by": 0, "until": None}
    order |= dict.fromkeys(("login", "what", "name", "owner", "reason", "text"), said)
    return GivenOrder(**order | fields)


def in_force(said: str, **fields: Any) -> OrderItem:
    """Return an order in force in which every text is the same."""
    order: dict[str, Any] = {"id": 812, "by": 0, "until": AT, "since": AT, "strangers": True, "hits": 3, "hit": AT}
    order |= dict.fromkeys(("order", "what", "name", "key", "as_", "reason"), said)
    return OrderItem(**order | fields)


def session(said: str, **fields: Any) -> SessionItem:
    """Return a session in which every text is the same."""
    items: dict[str, Any] = dict.fromkeys(("name", "key", "role", "address", "dialect", "version"), said)
    return SessionItem(**items | {"since": AT, "silent": 61.2, "behind": 7} | fields)


def rows_about(text: str) -> Iterator[tuple[str, ...]]:
    """Yield a row of every kind in which every text is a stranger's."""
    for verb in VERBS:
        yield audit_row(given(text, order=verb))
    yield past_row(given(text), Ended("lifted", 0, 5, text, 0))
    yield order_row(in_force(text))
    yield order_row(in_force(text, until=text, since=text, hit=text))
    yield name_row(NameItem(name=text, key=text, used=text, here=True))
    yield session_row(session(text))


def test_no_text_of_a_strangers_gets_through() -> None:
    faults = {
        (name, cell): found
        for name, text in TEXTS.items()
        if len(text) < LONG
        for row in rows_about(text)
        for cell in row
        if (found := faults_of_text(without_marks(cell))) or "\n" in cell
    }
    assert faults == {}


def test_a_name_that_is_no_word_is_one_cell_that_cannot_be_taken_for_others() -> None:
    assert name_row(NameItem(name="budi  k7Qm3xYz", key="", used=AT, here=False))[:2] == ('"budi  k7Qm3xYz"', "-")
    assert order_row(in_force("x", what="name:a  b", name=""))[2] == '"name:a  b" --strangers'


def test_a_key_is_not_put_in_quotes() -> None:
    for tag in ("7+yjqC0S", "+/yjqC0/", "7//jqC0S"):
        assert order_row(in_force("x", what=f"key:{tag}", name="budi", strangers=False))[2] == f"budi key:{tag}"


@pytest.mark.parametrize("columns", [40, 80])
def test_no_row_is_wider_than_the_terminal(columns: int, spoken: ModuleType) -> None:
    order = {"order": "kick", "what": "key:k7Qm3xYz", "key": "k7Qm3xYz", "reason": "flooding", "as_": "tom"}
    tables = [
        table(spoken.BANS_COLUMNS, [order_row(in_force("budi", **order, strangers=False))], 3, columns),
        table(spoken.NAMES_COLUMNS, [name_row(NameItem(name="budi", key="k7Qm3xYz", used=AT, here=True))], 2, columns),
        table(spoken.SESSIONS_COLUMNS, [session_row(session("budi", address="192.168.1.20:65535"))], 2, columns),
        table(spoken.AUDIT_COLUMNS, [audit_row(given("budi", order="release", owner=KEY, text=""))], 4, columns),
        table(spoken.ALL_BANS_COLUMNS, [past_row(given("budi"), Ended("replaced", 0, 812))], 3, columns),
    ]
    assert max(reach(line) for each in tables for line in each) <= columns
