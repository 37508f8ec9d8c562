from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from sockatuh.errors import DatabaseUnusable
from sockatuh.room.entries import (
    ADMIN_OWNER,
    Banned,
    Body,
    Joined,
    Message,
    Muted,
    Released,
    Removed,
    Struck,
    Unbanned,
    Unmuted,
)
from sockatuh.room.log import Append
from sockatuh.room.moments import rfc3339
from sockatuh.store.audit import AuditReader, Ended, GivenOrder, ends_of
from sockatuh.store.database import open_writer
from sockatuh.store.log_table import append_all

START: Final = 1_769_853_120_000
MINUTE: Final = 60_000
KEY: Final = "k7Qm3xYz" + "A" * 35
BAN: Final = "\u0001ban:key:" + KEY
BY: Final = (0, "tom")


def end(minutes: int) -> str:
    """Return the time so many minutes after the first order."""
    return rfc3339(START + minutes * MINUTE)


class Log:
    """A database to which one entry is written a minute."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = open_writer(path, "normal")
        self._numbers = itertools.count()

    def write(self, *entries: tuple[Body, str | None]) -> None:
        for body, key in entries:
            number = next(self._numbers)
            entry = Append(number.to_bytes(16), body, key)
            append_all(self._connection, [entry], START + number * MINUTE, frozenset())

    def spoil(self, seq: int, body: str) -> None:
        self._connection.execute("UPDATE log SET body = ? WHERE seq = ?", (body, seq))

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log(tmp_path / "room.db")
    yield log
    log.close()


EVERYTHING: Final[list[tuple[Body, str | None]]] = [
    (Joined("budi", KEY, "secure", "10.0.0.7:5", "0.1.0"), "budi"),
    (Removed("budi", KEY, "", *BY, "flooding", end(6)), "\u0001kick:key:" + KEY),
    (Banned("", "", "10.0.0.0/24", *BY, "", None, strangers=True), "\u0001ban:address:10.0.0.0/24"),
    (Muted("rudi", "", "10.0.0.9", 1000, "", "", end(20)), "\u0001mute:classic:rudi@10.0.0.9"),
    (Message("ana", KEY, 'they said "owner":"server"', False), None),
    (Unmuted("rudi", "", "10.0.0.9", *BY, "", 4), "\u0001mute:classic:rudi@10.0.0.9"),
    (Released("tom", KEY, *BY, "new laptop"), "tom"),
    (Message("admin", ADMIN_OWNER, "lunch at one", False, by=0, as_="tom"), None),
    (Struck("ana", KEY, 5, START + 4 * MINUTE), None),
]


def test_every_order_is_read_with_who_gave_it_about_whom_until_when_and_why(log: Log) -> None:
    log.write(*EVERYTHING)
    given = AuditReader(log.path).orders()
    assert [(each.seq, each.order, each.what) for each in given] == [
        (2, "kick", "key:k7Qm3xYz"),
        (3, "ban", "10.0.0.0/24"),
        (4, "mute", "rudi@10.0.0.9"),
        (6, "unmute", "rudi@10.0.0.9"),
        (7, "release", "name:tom"),
        (8, "announce", ""),
        (9, "strike", ""),
    ]
    kick, ban, mute, unmute, release, announced, struck = given
    assert (kick.at, kick.by, kick.login, kick.name, kick.owner) == (START + MINUTE, 0, "tom", "budi", KEY)
    assert (kick.reason, kick.until) == ("flooding", end(6))
    assert (ban.until, ban.strangers) == (None, True)
    assert (mute.by, mute.login) == (1000, "")
    assert (unmute.lifted, release.reason, announced.text) == (4, "new laptop", "lunch at one")
    assert (struck.by, struck.name, struck.line, struck.line_at) == (None, "ana", 5, START + 4 * MINUTE)


def test_a_line_that_has_the_admins_mark_elsewhere_is_no_announcement(log: Log) -> None:
    log.write(*EVERYTHING)
    log.write((Message("ana", KEY, "soup", False), None))
    log.spoil(10, '{"name":"ana","owner":"k","text":"soup","action":false,"newer":{"owner":"server"}}')
    assert [each.text for each in AuditReader(log.path).orders() if each.order == "announce"] == ["lunch at one"]


def test_orders_are_read_from_a_moment_on(log: Log) -> None:
    log.write(*EVERYTHING)
    assert [each.seq for each in AuditReader(log.path).orders(START + 5 * MINUTE)] == [6, 7, 8, 9]


def test_orders_that_stay_have_ended_by_themselves_by_another_or_not(log: Log) -> None:
    ban = Banned("budi", KEY, "", *BY, "", end(3))
    log.write(
        (ban, BAN),  # 1, over when the next one is given
        (Joined("budi", KEY, "secure", "10.0.0.7:5", "0.1.0"), "budi"),
        (Joined("ana", "", "classic", "10.0.0.7:5", ""), "ana"),
        (Joined("siti", "", "classic", "10.0.0.7:5", ""), "siti"),
        (Banned("budi", KEY, "", *BY, "", None), BAN),  # 5, replaced
        (Banned("budi", KEY, "", 0, "ana", "", end(99)), BAN),  # 6, lifted
        (Unbanned("budi", KEY, "", 0, "siti", "", 6), BAN),  # 7
        (Muted("budi", KEY, "", *BY, "", end(30)), "\u0001mute:key:" + KEY),  # 8, over
        (Removed("budi", KEY, "", *BY, "", end(60)), "\u0001kick:key:" + KEY),  # 9, in force
        (Banned("", "", "10.0.0.0/24", *BY, "", None), "\u0001ban:address:10.0.0.0/24"),  # 10, in force
    )
    given = AuditReader(log.path).those_that_stay()
    assert ends_of(given, START + 40 * MINUTE) == {
        1: Ended("over", START + 3 * MINUTE),
        5: Ended("replaced", START + 5 * MINUTE, 6, "ana", 0),
        6: Ended("lifted", START + 6 * MINUTE, 7, "siti", 0),
        8: Ended("over", START + 30 * MINUTE),
    }
    assert [each.seq for each in given if each.stays] == [1, 5, 6, 8, 9, 10]


def test_an_order_that_was_over_before_it_was_lifted_is_over() -> None:
    ban = GivenOrder(1, START, "ban", 0, "tom", "name:budi", "budi", "", "", until=end(1), key="k")
    unban = GivenOrder(2, START + 5 * MINUTE, "unban", 0, "tom", "name:budi", "budi", "", "", lifted=1, key="k")
    assert ends_of([ban, unban], START + 9 * MINUTE) == {1: Ended("over", START + MINUTE)}


@pytest.mark.parametrize(
    "body", ["{", '{"name":"b","owner":"","address":"","by":0,"as":"","reason":"","until":"soon"}']
)
def test_a_damaged_order_is_an_error_of_the_database(log: Log, body: str) -> None:
    log.write(*EVERYTHING)
    log.spoil(2, body)
    with pytest.raises(DatabaseUnusable, match="damaged"):
        AuditReader(log.path).orders()


def test_a_database_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusable, match="no such file"):
        AuditReader(tmp_path / "room.db").orders()
