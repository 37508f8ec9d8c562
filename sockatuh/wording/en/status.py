"""Every sentence that `status` and `metrics` print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from sockatuh.wording.facts import fact

HELP_STATUS: Final = "Show how the room of this machine is: what is wrong, who is here, how it is reached."
HELP_STATUS_CHECK: Final = (
    "Print one line, and exit with 0 if lines are stored and all parts of the server answered within 3 s, else with 1; "
    "for HEALTHCHECK and monit."
)
HELP_METRICS: Final = "Print the room's numbers for Prometheus."
HELP_TO: Final = (
    "Write them to this file instead (0644, replaced whole), for node_exporter's textfile collector. If no server "
    "answers it says sockatuh_up 0."
)

LABELS: Final = {
    # the names of the facts, at most 10 columns
    "address": "address",
    "browsers": "browsers",
    "backup": "backup",
    "dropped": "dropped",
    "invite": "invite",
    "orders": "orders",
    "running": "running",
    "sessions": "sessions",
    "storing": "storing",
    "words": "words",
}
TROUBLES: Final = {
    # what is wrong, by the code of the control socket
    "backup_failed": "The last backup failed",
    "backup_overdue": "A backup is overdue",
    "control_unusable": "The control socket cannot be opened",
    "datagrams_unread": "Datagrams are lost",
    "guessing": "Many wrong passwords are being tried",
    "history_damaged": "A stretch of what was said is damaged",
    "loop_late": "The server is behind with its work",
    "not_storing": "Lines are not stored",
    "receive_buffer_small": "The receive buffer is small, so a burst of datagrams may be lost",
    "socket_overruled": "The room is not where its settings say",
    "writer_silent": "The part of the server that writes to the disk does not answer",
}
ORDERS: Final = {
    # one and several of each kind
    "kick": ("kick", "kicks"),
    "ban": ("ban", "bans"),
    "mute": ("mute", "mutes"),
}
COLUMNS: Final = ("NAME", "SINCE", "KEY")
NOBODY: Final = "nobody is here"
NONE: Final = "none"
NO_ORDERS: Final = "none in force"
NO_BACKUP: Final = "none was made here; sudo sockatuh install-service --backup DIR makes one a day"
WELL: Final = "ok"
UNWELL: Final = "not ok"


def head(room: str, members: int, seats: int, lost: int, guests: int) -> str:
    """Name the room, and say how many are in it; some of the members are out of contact."""
    told = f"{members:,} member{_s(members)} (at most {seats:,})" if members else NOBODY
    told += f", {lost:,} of them out of contact" if lost else ""
    return f"{room}: {told}" + (f"; {guests:,} guest{_s(guests)}" if guests else "")


def lost_since(moment: str) -> str:
    """Say since when contact with a member is lost."""
    return f"out of contact since {moment}"


def in_sessions(count: int) -> str:
    """Say that a member is here from several windows or machines."""
    return f"{count:,} sessions"


def more(count: int) -> str:
    """Say how many members are not listed."""
    return f"… and {count:,} more: sockatuh sessions"


def trouble(code: str, reason: str) -> str:
    """Say what is wrong."""
    what = TROUBLES.get(code) or fact(code)
    return f"{what}: {fact(reason)}" if reason else f"{what}."


def overdue(moment: str) -> str:
    """Say since when the next backup is overdue."""
    return f"{TROUBLES['backup_overdue']} since {moment}."


def address(addresses: Sequence[str], port: int) -> str:
    """Say where the room is reached."""
    return f"{', '.join(map(fact, addresses))}, UDP port {port}"


def running(version: str, moment: str, seconds: float) -> str:
    """Say which version runs, since when, and how long that is."""
    return f"SockAtuh {fact(version)}, since {moment} ({_span(seconds)})"


def storing(is_storing: bool, head: int, size: int, unwritten: int) -> str:
    """Say whether lines are stored, which number the last entry has, how large the database is, and what waits."""
    waits = f"; {unwritten:,} wait" if unwritten else ""
    return f"{'yes' if is_storing else 'NO'}{waits}; the last entry is {head:,}; {_size(size)} on disk"


def counted(counts: Mapping[str, int]) -> str:
    """List how many there are of each kind."""
    return ", ".join(f"{count:,} {fact(kind)}" for kind, count in counts.items()) or NONE


def orders(counts: Mapping[str, int], command: str) -> str:
    """Say how many orders of each kind are in force, and which command lists them."""
    told = [f"{count:,} {ORDERS.get(kind, (fact(kind),) * 2)[count != 1]}" for kind, count in counts.items()]
    return f"{', '.join(told)} in force; {command} lists them" if told else NO_ORDERS


def dropped(counts: Mapping[str, int], buffer: int) -> str:
    """Say how many datagrams were dropped and why, and how large the receive buffer is."""
    total = sum(counts.values())
    why = f": {counted(counts)}" if counts else ""
    return f"{total:,} datagram{_s(total)} since the start{why}; receive buffer {_size(buffer)}"


def last_failed(moment: str) -> str:
    """Say when a backup was tried last, and failed."""
    return f"failed {moment}"


def well(room: str, loop: float, writer: float) -> str:
    """Say in one line that the room is well; its loop and its writer answered so many seconds ago."""
    return f"{WELL}: {room} stores lines; loop {loop:.1f} s, writer {writer:.1f} s"


def unwell(reason: str) -> str:
    """Say in one line what is wrong."""
    return f"{UNWELL}: {fact(reason)}"


def late(seconds: float) -> str:
    """Say for how long something did not answer."""
    return f"{seconds:.0f} s"


def not_written(file: Path, reason: str) -> str:
    """Say that the numbers could not be written."""
    return f"{fact(file)} could not be written: {fact(reason)}."


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours = round(seconds / 3600)
    return f"{hours} h" if hours < 48 else f"{round(hours / 24):,} days"


def _size(count: int) -> str:
    return f"{count / 1024:,.0f} KiB" if count < 10 << 20 else f"{count / (1 << 20):,.0f} MiB"


def _s(count: int) -> str:
    return "" if count == 1 else "s"
