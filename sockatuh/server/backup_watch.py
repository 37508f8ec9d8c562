"""What the admin is told of the last backup, by the stamp that it left beside the database (store/backup_stamp.py)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sockatuh.room.moments import find_rfc3339
from sockatuh.store.backup_stamp import Stamp

from .box_report import LastBackup, Trouble

_LOOK: Final = "see why: journalctl --unit=sockatuh-backup"
_START: Final = "see whether it is started: systemctl list-timers sockatuh-backup.timer"


def last_backup(stamp: Stamp) -> LastBackup | None:
    """Return what a stamp says, None if it says nothing."""
    if stamp.at is None and stamp.failed is None:
        return None
    return LastBackup(
        at=_rfc3339(stamp.at),
        file=stamp.file,
        failed=_rfc3339(stamp.failed),
        reason=stamp.reason,
        due=_rfc3339(stamp.due),
    )


def backup_troubles(stamp: Stamp, now: int) -> Iterator[Trouble]:
    """Yield what is wrong with the backups at `now` (ms since 1970)."""
    if stamp.failed is not None:
        yield Trouble(code="backup_failed", reason=stamp.reason, remedy=_LOOK)
    elif stamp.due is not None and stamp.due < now:
        yield Trouble(code="backup_overdue", reason=_rfc3339(stamp.due) or "", remedy=_START)


def _rfc3339(at: int | None) -> str | None:
    return None if at is None else find_rfc3339(at)
