"""Who was in the room from when to when, as the log tells it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sockatuh.room.entries import Body, Joined, Left, Renamed
from sockatuh.room.log import Append
from sockatuh.store.log_table import append_all
from sockatuh.store.memberships import Membership, read_memberships
from sockatuh.store.migrations import migrate

START = 1_769_853_120_000
HOUR = 3_600_000


class Past:
    """A log to which things happen, an hour apart."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection, self.now, self.count = connection, START, 0

    def append(self, *entries: tuple[Body, str]) -> None:
        for body, key in entries:
            self.count += 1
            append_all(self.connection, [Append(self.count.to_bytes(16, "big"), body, key)], self.now, frozenset())
        self.now += HOUR

    def joins(self, name: str) -> None:
        self.append((Joined(name, "k", "secure", "10.0.0.1:1", "1"), name.casefold()))

    def leaves(self, name: str, reason: str = "left") -> None:
        self.append((Left(name, "k", reason, 1.0), name.casefold()))

    def renames(self, name: str, new: str) -> None:
        renamed = Renamed(name, "k", new, "secure", 1), new.casefold()
        gone = renamed_away(name, new), name.casefold()
        self.append(renamed, *([gone] if name.casefold() != new.casefold() else []))

    def read(self, since: int) -> list[tuple[str, float, float | None]]:
        """Return the memberships, in hours after the start."""
        found = read_memberships(self.connection, START + since * HOUR)
        return [(each.name, (each.began - START) / HOUR, _hours(each)) for each in found]


def _hours(each: Membership) -> float | None:
    return None if each.ended is None else (each.ended - START) / HOUR


def renamed_away(name: str, new: str) -> Left:
    return Left(name, "k", "renamed", 1.0, renamed_to=new)


@pytest.fixture(name="past")
def _past() -> Iterator[Past]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, Path(":memory:"))
        yield Past(connection)


def test_a_membership_lasts_from_the_join_to_the_leave(past: Past) -> None:
    past.joins("Ana")
    past.joins("budi")
    past.leaves("Ana")
    past.joins("Ana")
    assert past.read(0) == [("Ana", 0, 2), ("budi", 1, None), ("Ana", 3, None)]


def test_what_ended_before_is_left_out_and_what_began_before_is_not(past: Past) -> None:
    for name in ("ana", "budi"):
        past.joins(name)
    past.leaves("ana")
    past.leaves("budi")
    assert past.read(3) == [("budi", 1, 3)]
    assert past.read(4) == []


@pytest.mark.parametrize("since", [0, 1, 2])
@pytest.mark.parametrize("new", ["anna", "ANA"])
def test_a_rename_goes_on_with_the_membership_under_the_new_name(past: Past, since: int, new: str) -> None:
    past.joins("ana")
    past.renames("ana", new)
    past.leaves(new)
    began = 0 if since < 2 else 1  # of what was before, the last entry of the name is known
    assert past.read(since) == [(new, began, 2)]


def test_a_name_that_was_given_up_and_taken_by_another_is_two_memberships(past: Past) -> None:
    past.joins("ana")
    past.renames("ana", "anna")
    past.joins("ana")
    past.leaves("ana")
    assert past.read(0) == [("ana", 2, 3), ("anna", 0, None)]


def test_a_damaged_entry_is_an_error(past: Past) -> None:
    past.joins("ana")
    past.connection.execute("UPDATE log SET body = '{'")
    with pytest.raises(ValueError, match="truncated"):
        past.read(0)
