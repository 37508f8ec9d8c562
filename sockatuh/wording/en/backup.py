"""Every sentence that `backup` and `restore` print."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from sockatuh.wording.facts import fact

HELP_BACKUP: Final = "Copy the room to one file, while it runs."
HELP_RESTORE: Final = "Restore a room from a backup."
HELP_BACKUP_FILE: Final = (
    "The backup to write; in a directory it is named by date. It contains the history and the server's keys, so keep "
    "it as safe as this machine. The configuration is a separate file: keep a copy of that too."
)
HELP_KEEP: Final = "FILE is a directory; delete the oldest of this room's backups there, so that N are left."
HELP_EVERY: Final = (
    "FILE is a directory; the next backup is expected within this span, such as 1d. `sockatuh status` says when one "
    "has failed or is overdue."
)
HELP_RESTORE_FILE: Final = "A file that `sockatuh backup` wrote, or a room.db. The current room is kept beside it."
HELP_FORCE: Final = "Replace an existing file."

WITH_KEYS: Final = ", and the server's keys"
WITHOUT_KEYS: Final = "; the server's keys are not in it"


SERVE: Final = "sockatuh serve"
START_SERVICE: Final = "sudo systemctl start sockatuh.socket sockatuh.service"


def install_service(program: str) -> str:
    """Return the command that makes a restored room a service."""
    return f"sudo {program} install-service"


def no_room_yet(state_dir: Path) -> str:
    """Say that nothing says where to restore the room."""
    return (
        f"There is no room here, and no configuration says where one should be; {fact(state_dir)} would be a guess. "
        "Nothing was done.\nMake one with `sockatuh init` first, or name its place with --config FILE or in "
        "$SOCKATUH_STATE_DIR; as a service, with sudo."
    )


def no_room(database: Path) -> str:
    """Say that there is no room to back up."""
    return f"There is no {fact(database)}. Name the room's state_dir with --config FILE, or in $SOCKATUH_STATE_DIR."


def belongs_to_room(file: Path) -> str:
    """Say that a backup must not overwrite the room's own files."""
    return f"{fact(file)} belongs to the room itself. Choose another name."


def not_written(file: Path, reason: str) -> str:
    """Say why the backup could not be written."""
    advice = f"Is there room, and may you write there? Try: df -h {fact(file.parent)}"
    return f"{fact(file)} could not be written: {reason}. {advice}"


def is_there(file: Path) -> str:
    """Say that an existing file was not replaced."""
    return f"{fact(file)} is there already and was left as it is. Choose another name, or replace it with --force."


def not_an_interval(text: str) -> str:
    """Say that a text is no span in which a next backup could be expected."""
    return f"--every takes a span such as 12h or 1d, not {fact(text)}."


def deleted(files: Iterable[Path]) -> str:
    """Say which older backups were deleted."""
    return "\n".join(f"Deleted {fact(file)}." for file in files)


def not_noted(why: str) -> str:
    """Say that the room could not be told of a backup."""
    return f"The room's status will not know of this: {why}"


def backed_up(file: Path, entries: int, last: int, moment: str | None, *, keys: bool) -> str:
    """Say what a backup holds, and what to do with it."""
    return (
        f"Wrote {fact(file)}: {_held(entries, last, moment)}{WITH_KEYS if keys else WITHOUT_KEYS}.\n"
        "Keep it elsewhere, and as safe as this machine. "
        f"The room comes back with: sockatuh restore {fact(file)}"
    )


def restored(database: Path, entries: int, last: int, moment: str | None, kept: Iterable[Path], start: str) -> str:
    """Say what was restored, where the previous files are, and how to start the room."""
    before = "".join(f"  {fact(path)}\n" for path in kept)
    return (
        f"Restored {fact(database)}: {_held(entries, last, moment)}.\n"
        + (f"What was there before is kept as:\n{before}" if before else "")
        + f"Members will be told that the log was set back. Start the room: {start}"
    )


def unreadable(reason: str) -> str:
    """Say what it means that the replaced room cannot be read."""
    return (
        f"What was there before could not be read: {reason}. So members who joined since the backup are not woken; "
        "their programs notice by themselves within 25 s."
    )


def not_restored(file: Path, reason: str) -> str:
    """Say why a file cannot be put in the room's place."""
    return f"{fact(file)} cannot be restored: {reason}. Nothing was changed. Is there an older backup?"


def _held(entries: int, last: int, moment: str | None) -> str:
    if moment is None:
        return "no entries"
    return f"{entries} {'entry' if entries == 1 else 'entries'} up to number {last} of {moment}"
