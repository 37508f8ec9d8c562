"""What the admin is told when the database accepts no writes."""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from kit.disk import Diary

from sockatuh.errors import DatabaseUnusable, StoreError
from sockatuh.net.notify import Notifier
from sockatuh.net.sockets import SO_MEMINFO
from sockatuh.server.alarms import Status, StorageAlarm, UnreadWatch, overruled_trouble, well_line
from sockatuh.server.box_report import Trouble

PATH = Path("/var/lib/sockatuh/room.db")
FULL = DatabaseUnusable(str(PATH), "the disk is full", "make room there: df -h /var/lib/sockatuh")
FULL_FIELDS = {"reason": f"{PATH}: the disk is full", "remedy": "make room there: df -h /var/lib/sockatuh"}


class Desk:
    """The storage alarm with its log and the service manager it notifies."""

    def __init__(self, manager: socket.socket) -> None:
        self.diary, self._manager = Diary(), manager
        self.well = "kitchen: 3 members"
        self.status = Status(Notifier(manager.getsockname()), lambda: self.well)
        self.storing = StorageAlarm(PATH, self.diary, self.status)

    @property
    def statuses(self) -> list[str]:
        """What the manager has received since the last call."""
        received: list[str] = []
        while True:
            try:
                received.append(self._manager.recv(1000).decode())
            except BlockingIOError:
                return received


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        yield Desk(manager)


def test_an_outage_is_reported_once_at_its_start_and_once_at_its_end(desk: Desk) -> None:
    for second in range(60):
        desk.storing.look(FULL, 1 + second // 2, 100.0 + second)
    assert desk.diary.of("storage_failing") == [FULL_FIELDS]
    assert desk.statuses == [f"STATUS=Lines are not stored: {PATH}: the disk is full"]
    desk.storing.look(None, 31, 160.5)
    desk.storing.look(None, 0, 161.5)
    assert desk.diary.of("storage_recovered") == [{"seconds": 60.5, "waited": 31}]
    assert desk.statuses == ["STATUS=kitchen: 3 members"]


def test_nothing_is_reported_without_an_outage(desk: Desk) -> None:
    for second in range(5):
        desk.storing.look(None, second, float(second))
    desk.status.repeat()
    assert desk.diary.logged == []
    assert desk.statuses == []


def test_each_new_reason_is_reported_once(desk: Desk) -> None:
    other = DatabaseUnusable(str(PATH), "another program has locked it")
    for second, error in enumerate([FULL, other, FULL, other]):
        desk.storing.look(error, 1, float(second))
    assert desk.diary.of("storage_failing") == [FULL_FIELDS, {"reason": f"{PATH}: another program has locked it"}]
    assert [status.rpartition(": ")[2] for status in desk.statuses] == [
        "the disk is full", "another program has locked it", "the disk is full", "another program has locked it",
    ]  # fmt: skip
    desk.storing.look(None, 1, 9.0)
    desk.storing.look(FULL, 1, 10.0)
    assert len(desk.diary.of("storage_failing")) == 3, "the next outage is another one"


def test_an_unresponsive_disk_counts_as_an_outage(desk: Desk) -> None:
    desk.storing.look(StoreError("the disk does not answer"), 1, 0.0)
    [event] = desk.diary.of("storage_failing")
    assert event["reason"] == f"{PATH}: the disk does not answer"
    assert "dmesg" in str(event["remedy"])


def test_the_outage_status_is_sent_again_after_another_status(desk: Desk) -> None:
    desk.storing.look(FULL, 1, 0.0)
    before = desk.statuses
    desk.status.repeat()
    assert desk.statuses == before


def test_other_errors_are_logged_with_a_rate_limit(desk: Desk) -> None:
    for second in range(600):
        desk.storing.warn("history_unreadable", FULL, float(second))
    desk.storing.warn("storage_failed", FULL, 600.0)
    assert len(desk.diary.of("history_unreadable")) == 14
    assert desk.diary.of("storage_failed") == [FULL_FIELDS]


def test_a_room_that_is_well_is_told_when_it_changes(desk: Desk) -> None:
    desk.status.look()
    desk.status.look()
    assert desk.statuses == ["STATUS=kitchen: 3 members"]
    desk.well = "kitchen: 4 members"
    desk.status.look()
    assert desk.statuses == ["STATUS=kitchen: 4 members"]


def test_while_something_is_wrong_nothing_else_is_told(desk: Desk) -> None:
    desk.storing.look(FULL, 1, 0.0)
    desk.well = "kitchen: 4 members"
    desk.status.look()
    desk.storing.look(None, 0, 1.0)
    desk.status.look()
    assert desk.statuses == [f"STATUS=Lines are not stored: {PATH}: the disk is full", "STATUS=kitchen: 4 members"]


def test_a_trouble_has_its_reason_and_its_remedy_for_the_admin_who_asks(desk: Desk) -> None:
    assert [*desk.status.troubles] == []
    desk.storing.look(FULL, 1, 0.0)
    trouble = Trouble(code="not_storing", reason=f"{PATH}: the disk is full", remedy=FULL.remedy)
    assert [*desk.status.troubles] == [trouble]
    desk.storing.look(None, 0, 1.0)
    assert [*desk.status.troubles] == []


@pytest.mark.parametrize(
    ("members", "lost", "orders", "line"),
    [
        (0, 0, 0, "kitchen: 0 members"),
        (1, 0, 1, "kitchen: 1 member, 1 order in force"),
        (12, 2, 3, "kitchen: 12 members (2 lost), 3 orders in force"),
        (12, 12, 0, "kitchen: 12 members (12 lost)"),
    ],
)
def test_what_systemd_shows_of_a_room(members: int, lost: int, orders: int, line: str) -> None:
    assert well_line("kitchen", members, lost, orders) == line


class FakeCounter:
    """A socket whose kernel says how many datagrams nobody read in time."""

    unread = 0

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        assert (level, option, size) == (socket.SOL_SOCKET, SO_MEMINFO, 36)
        return struct.pack("9I", *[0] * 8, self.unread)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells it")
def test_datagrams_that_nobody_read_in_time_are_a_trouble_for_as_long_as_they_are_many(desk: Desk) -> None:
    kernel = FakeCounter()
    kernel.unread = 5_000  # lost before this process
    watch = UnreadWatch(cast(socket.socket, kernel), desk.status)
    watch.look(1_000)
    assert [*desk.status.troubles] == []
    kernel.unread += 99  # few, though of few
    watch.look(1_100)
    assert [*desk.status.troubles] == []
    kernel.unread += 150
    watch.look(11_100)
    [trouble] = desk.status.troubles
    assert trouble.code == "datagrams_unread"
    assert trouble.reason.startswith("150 of 10150 datagrams of the last minute ")
    kernel.unread += 150  # few of many
    watch.look(111_100)
    assert [*desk.status.troubles] == []


def test_damage_of_the_log_is_kept_for_the_admin_who_asks(desk: Desk) -> None:
    desk.storing.note_damage(DatabaseUnusable(str(PATH), "a page is torn", "restore a backup"))
    desk.storing.note_damage(DatabaseUnusable(str(PATH), "another one"))
    assert desk.storing.damage == Trouble(
        code="history_damaged", reason=f"{PATH}: a page is torn", remedy="restore a backup"
    )


def test_a_socket_that_listens_elsewhere_is_said_with_both_places() -> None:
    trouble = overruled_trouble(":: port 7625", "127.0.0.1 port 7000")
    assert trouble.code == "socket_overruled"
    assert trouble.reason == "the service manager's socket is :: port 7625, the settings say 127.0.0.1 port 7000"
