from __future__ import annotations

from msgspec.structs import replace

from sockatuh.server.backup_watch import backup_troubles, last_backup
from sockatuh.server.box_report import LastBackup, Trouble
from sockatuh.store.backup_stamp import Stamp

NOON = 1_796_731_200_000
MADE = Stamp(NOON, "/srv/room.backup", every=86_400.0)
DUE = NOON + 36 * 3_600_000


def test_a_room_that_was_never_copied_has_nothing_to_tell() -> None:
    assert last_backup(Stamp()) is None
    assert [*backup_troubles(Stamp(), NOON)] == []


def test_the_last_backup_is_told_with_when_the_next_is_overdue() -> None:
    assert last_backup(MADE) == LastBackup(
        at="2026-12-08T12:00:00.000Z",
        file="/srv/room.backup",
        failed=None,
        reason="",
        due="2026-12-10T00:00:00.000Z",
    )
    assert [*backup_troubles(MADE, DUE)] == []
    (late,) = backup_troubles(MADE, DUE + 1)
    assert (late.code, late.reason) == ("backup_overdue", "2026-12-10T00:00:00.000Z")
    assert [*backup_troubles(replace(MADE, every=None), DUE + 1)] == []


def test_a_failure_is_a_trouble_at_once_and_the_only_one() -> None:
    failed = replace(MADE, failed=NOON + 1, reason="/srv: No space left on device")
    told = last_backup(failed)
    assert told is not None
    assert (told.failed, told.reason) == ("2026-12-08T12:00:00.001Z", "/srv: No space left on device")
    remedy = "see why: journalctl --unit=sockatuh-backup"
    trouble = Trouble(code="backup_failed", reason="/srv: No space left on device", remedy=remedy)
    assert [*backup_troubles(failed, DUE + 1)] == [trouble]


def test_a_stamp_of_another_calendar_is_told_without_a_time() -> None:
    assert last_backup(Stamp(1 << 62)) == LastBackup(at=None, file="", failed=None, reason="", due=None)
