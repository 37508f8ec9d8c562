"""What the admin is told when something is wrong: in the log, and in what the service manager shows.

An outage of the database is reported when it begins, with its reason and a remedy, and when it is over, with how long
it took; a reason that changes meanwhile is reported too, each once.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sockatuh.errors import DatabaseUnusable, SockAtuhError
from sockatuh.log import Logger
from sockatuh.net.notify import Notifier
from sockatuh.net.sockets import unread_drops
from sockatuh.protocol.server.rate_limit import BucketTable

from .box_report import Trouble

_TOPIC: Final = "not_storing"
_SILENT: Final = "see whether the disk is overloaded or gone: dmesg"
CONTROL_TOPIC: Final = "control_unusable"
_CONTROL_REMEDY: Final = "see what is wrong with that directory; it is tried again every minute"
_OVERRULED_REMEDY: Final = "edit sockatuh.socket, or set host and port to the same"
_UNREAD_TOPIC: Final = "datagrams_unread"
_UNREAD_REMEDY: Final = "raise net.core.rmem_max, or ReceiveBuffer= in the socket unit; or the machine is too slow"
MANY_UNREAD: Final = 100
UNREAD_SHARE: Final = 0.01
"""Datagrams lost in a minute, and their share of those read, from which on it is a trouble."""
_WARNINGS_BURST: Final = 5
_WARNINGS_A_SECOND: Final = 1 / 60
"""Warnings of one kind at once, and a second: a broken disk must not fill the log."""
_KINDS: Final = 16


def well_line(room: str, members: int, lost: int, orders: int) -> str:
    """Return what `systemctl status` shows of a room that is well."""
    told = f"{room}: {members} member{'' if members == 1 else 's'}"
    told += f" ({lost} lost)" if lost else ""
    return told + (f", {orders} order{'' if orders == 1 else 's'} in force" if orders else "")


class Status:
    """What `systemctl status` shows of the room: a sentence for each topic in trouble, or else what `well` returns.

    `troubles` are the same for `sockatuh status`; a topic is the code of its trouble.
    """

    def __init__(self, notifier: Notifier, well: Callable[[], str]) -> None:
        self._notifier, self._well = notifier, well
        self._sentences: dict[str, str] = {}
        self._troubles: dict[str, Trouble] = {}
        self._told: str | None = None
        """What `well` returned when it was asked last."""

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What is wrong at present, the latest last."""
        return tuple(self._troubles.values())

    def say(self, topic: str, sentence: str, reason: str = "", remedy: str = "") -> bool:
        """Report the trouble of a topic, "" once it is over; the service manager is only told of changes.

        Return whether it was one.
        """
        if sentence == self._sentences.get(topic, ""):
            return False
        self._sentences.pop(topic, None)
        self._troubles.pop(topic, None)
        if sentence:
            self._sentences[topic] = sentence
            self._troubles[topic] = Trouble(code=topic, reason=reason, remedy=remedy)
        self._told = self._well()
        self._notifier.status(self._text or self._told)
        return True

    def look(self) -> None:
        """Report how the room is if that has changed and nothing is wrong. Call it every few seconds."""
        if self._notifier.address is None:
            return
        well = self._well()
        if well != self._told and not self._sentences:
            self._notifier.status(well)
        self._told = well

    def repeat(self) -> None:
        """Report all troubles again, if any: the service manager was told something else meanwhile."""
        if self._sentences:
            self._notifier.status(self._text)

    @property
    def _text(self) -> str:
        return "; ".join(self._sentences.values())


def unusable_control(reason: str) -> tuple[str, str, str, str]:
    """Return what `Status.say` is told while the control socket cannot be opened."""
    return CONTROL_TOPIC, f"The control socket cannot be opened: {reason}", reason, _CONTROL_REMEDY


def overruled_trouble(place: str, overruled: str) -> Trouble:
    """Return that the service manager's socket is elsewhere than the settings say."""
    reason = f"the service manager's socket is {place}, the settings say {overruled}"
    return Trouble(code="socket_overruled", reason=reason, remedy=_OVERRULED_REMEDY)


class UnreadWatch:
    """Watches how many datagrams the kernel drops because they do not fit into the receive buffer."""

    def __init__(self, sock: socket.socket, status: Status) -> None:
        self._socket, self._status = sock, status
        self._unread, self._received = unread_drops(sock) or 0, 0

    def look(self, received: int) -> None:
        """Report a change; `received` datagrams were read since the start. Call it about once a minute."""
        unread = unread_drops(self._socket) or 0
        lost, read = max(0, unread - self._unread), received - self._received
        self._unread, self._received = unread, received
        if lost < max(MANY_UNREAD, UNREAD_SHARE * read):
            self._status.say(_UNREAD_TOPIC, "")
            return
        reason = f"{lost} of {lost + read} datagrams of the last minute did not fit into the receive buffer"
        self._status.say(_UNREAD_TOPIC, f"Datagrams are lost: {reason}", reason, _UNREAD_REMEDY)


class StorageAlarm:
    """Watches one database."""

    def __init__(self, path: Path, log: Logger, status: Status) -> None:
        self._path, self._log, self._status = path, log, status
        self._began_at: float | None = None
        self._waited = 0
        self._told: set[str] = set()
        self.damage: Trouble | None = None
        """What is known of damage in the log."""
        self._warnings = BucketTable(_WARNINGS_A_SECOND, _WARNINGS_BURST, _KINDS)

    def look(self, obstacle: SockAtuhError | None, waiting: int, now: float) -> None:
        """Report changes: why nothing can be stored (None: it can), and how many entries wait; `now` is in seconds."""
        if obstacle is not None:
            self._begin(obstacle, now)
            self._waited = max(self._waited, waiting)
        elif self._began_at is not None:
            waited, seconds = max(self._waited, waiting), round(now - self._began_at, 1)
            self._log.warning("storage_recovered", seconds=seconds, waited=waited)
            self._began_at, self._waited = None, 0
            self._told.clear()
            self._status.say(_TOPIC, "")

    def note_damage(self, damage: SockAtuhError) -> None:
        """Log that a stretch of the log is damaged, once: the remedy is the same for every other."""
        if self.damage is None:
            fields = self._explain(damage)
            self.damage = Trouble(code="history_damaged", reason=fields["reason"], remedy=fields.get("remedy", ""))
            self._log.warning("history_damaged", **fields)

    def warn(self, event: str, error: Exception, now: float) -> None:
        """Report another fault of the database, but only a few times if it recurs."""
        if self._warnings.take(event, now):
            self._log.warning(event, **self._explain(error))

    def _begin(self, obstacle: SockAtuhError, now: float) -> None:
        fields = self._explain(obstacle)
        if self._began_at is None:
            self._began_at = now
        if fields["reason"] not in self._told:
            self._told.add(fields["reason"])
            self._log.warning("storage_failing", **fields)
        reason, remedy = fields["reason"], fields.get("remedy", "")
        self._status.say(_TOPIC, f"Lines are not stored: {reason}", reason, remedy)

    def _explain(self, error: Exception) -> dict[str, str]:
        if not isinstance(error, DatabaseUnusable):
            return {"reason": f"{self._path}: {error}", "remedy": _SILENT}
        return {"reason": str(error)} | ({"remedy": error.remedy} if error.remedy else {})
