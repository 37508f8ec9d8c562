"""Which logs this one continues: the ids it had before, and how far each of those logs is the same as this one.

Entries are numbered, and a log that was set back gives the same numbers again to other entries. So a place in the log
is (log_id, seq), and each time the log may have been set back it gets another id. A client that comes with a former id
has read something that was the same as this log up to the seq at which that id *ended*; from there on it must read
again. Of an id this log never had nothing is known, so it reads from where the present id began.

Two logs with an ancestor in common, as a room and an older backup of it, are the same up to a seq that their lineages
tell (`inherited`): so a log that was restored knows what it shares with the one it has replaced.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

MAX_FORMER: Final = 1_024
"""Former ids that are kept, the newest; a machine that loses its power every day has made so many in three years."""
LOG_ID: Final = "log_id"
LOG_BEGAN: Final = "log_began"
"""The mark that says after which seq the present id began; without it, at the beginning."""

_HEAD: Final = "coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'log'), 0)"


@dataclass(frozen=True, slots=True)
class Lineage:
    """The log's present id, the seq after which it began, and the seq at which each former id ended."""

    log_id: bytes
    began: int = 0
    former: Mapping[bytes, int] = field(default_factory=dict)

    def agreed(self, log_id: bytes, seq: int) -> int:
        """Return up to which seq of this log somebody has read who has read up to `seq` under `log_id`."""
        if log_id == self.log_id:
            return seq
        ended = self.former.get(log_id)
        return self.began if ended is None else min(seq, ended)

    def renewed(self, log_id: bytes, ended: int) -> Lineage:
        """Return the lineage when the present id has ended at `ended` and `log_id` takes its place."""
        return Lineage(log_id, ended, {**self.former, self.log_id: ended})

    def inherited(self, replaced: Lineage, head: int, replaced_head: int) -> Lineage:
        """Return the lineage of a log, which reaches to `head`, when it takes the place of another.

        The ids of that one are known from then on, each as far as both logs are the same. Up to the seq at which an id
        ended in both of them both have what was written under it; of logs that have no id in common nothing is known.
        """
        ours, theirs = self._ends(head), replaced._ends(replaced_head)
        shared = max((min(ours[each], theirs[each]) for each in ours.keys() & theirs.keys()), default=None)
        if shared is None:
            return self
        former = {log_id: min(ended, shared) for log_id, ended in theirs.items() if log_id not in ours}
        return Lineage(self.log_id, self.began, {**self.former, **former})

    def _ends(self, head: int) -> dict[bytes, int]:
        return {**self.former, self.log_id: head}


def read_lineage(connection: sqlite3.Connection) -> Lineage:
    """Read the lineage of a log; a log of the first schema knows of no former ids."""
    marks = dict(connection.execute("SELECT name, value FROM meta WHERE name IN (?, ?)", (LOG_ID, LOG_BEGAN)))
    has_former = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'former_logs'").fetchone()
    former = connection.execute("SELECT log_id, ended FROM former_logs").fetchall() if has_former else []
    return Lineage(bytes(marks[LOG_ID]), int(marks.get(LOG_BEGAN, 0)), dict(former))


def read_head(connection: sqlite3.Connection) -> int:
    """Read the highest seq the log ever gave."""
    head: int = connection.execute(f"SELECT {_HEAD}").fetchone()[0]
    return head


def renew_log_id(connection: sqlite3.Connection, log_id: bytes | None = None, ended: int | None = None) -> None:
    """Give the log another id (16 bytes, or random ones), and note that the present one ended at `ended` (the head)."""
    at = read_head(connection) if ended is None else ended
    query = "INSERT OR REPLACE INTO former_logs (log_id, ended) SELECT value, ? FROM meta WHERE name = ?"
    connection.execute(query, (at, LOG_ID))
    connection.execute("UPDATE meta SET value = coalesce(?, randomblob(16)) WHERE name = ?", (log_id, LOG_ID))
    connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (LOG_BEGAN, at))
    _forget_oldest(connection)


def inherit(connection: sqlite3.Connection, replaced: Lineage, replaced_head: int) -> None:
    """Note for a log that takes the place of another the ids of that one, each as far as it is the same as this one."""
    lineage = read_lineage(connection).inherited(replaced, read_head(connection), replaced_head)
    query = "INSERT OR IGNORE INTO former_logs (log_id, ended) VALUES (?, ?)"
    connection.executemany(query, lineage.former.items())
    _forget_oldest(connection)


def _forget_oldest(connection: sqlite3.Connection) -> None:
    query = "DELETE FROM former_logs WHERE number <= (SELECT max(number) FROM former_logs) - ?"
    connection.execute(query, (MAX_FORMER,))
