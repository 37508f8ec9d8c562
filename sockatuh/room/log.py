"""The seam between a room and its log: what is appended, what is followed, and how an append is answered.

A room's server appends entries and follows the log. Two streams come back, and they are not the same thing.

* **Rows** are the log itself: ascending, contiguous, *whichever server wrote them*. Only rows are shown to
  members, and the room's state follows from rows alone.
* **Outcomes** answer whoever is waiting for an append. They change nothing in the room. One may concern an append that
  this process did not make, so an outcome that nobody is waiting for is not an error.

The rule that connects them: every row up to the one an outcome names is delivered before that outcome. So a client that
is told that its line is stored has been shown it, and one that loses a race for a name knows who won.

An append that failed may still be in the log: a commit can be reported as failed after it was written. It is
repeated with the same id, which gives it the same seq, and its row is delivered once. After a failure all further
appends fail until `resume`, so that nothing overtakes what is repeated.

Contiguous means that no row that is still kept is left out. A row whose body is not kept (by the admin's choice, or
pruned, or overwritten) is never delivered or read; its seq is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol, TypeAlias

import msgspec

from sockatuh.errors import SockAtuhError

from .entries import Body, Kind, kind_of

MAX_SEQ: Final = 2**63 - 1


class Append(msgspec.Struct, frozen=True):
    """An entry to be written; the same `id` (16 bytes) again is the same entry.

    With `expect`, it is written only if the last entry of `key` has that seq (0: there is none). `also` is written with
    it, as the next entry: if either does not find what it expects, neither is written. They have different keys, and
    their outcome is that of this entry.

    With `strikes`, the text of the line with that seq is removed from the log together with writing this entry
    (`room.entries.Message.struck`); Conflict if no such line is kept, or its text was removed already.
    """

    id: bytes
    body: Body
    key: str | None = None
    expect: int | None = None
    also: Append | None = None
    strikes: int | None = None

    @property
    def kind(self) -> Kind:
        """The kind under which the entry is stored."""
        return kind_of(self.body)

    @property
    def entries(self) -> tuple[Append, ...]:
        """All entries that are written together, in order; usually it is the only one."""
        return (self,) if self.also is None else (self, *self.also.entries)


class Row(msgspec.Struct, frozen=True):
    """An entry of the log; `at` is in milliseconds since 1970 UTC."""

    seq: int
    id: bytes
    at: int
    body: Body
    key: str | None = None

    @property
    def kind(self) -> Kind:
        """The kind under which the entry is stored."""
        return kind_of(self.body)


class Committed(msgspec.Struct, frozen=True):
    """The append is durable as the entry `seq`."""

    id: bytes
    seq: int


class Conflict(msgspec.Struct, frozen=True):
    """The append was not written: the last entry of a key in it is `last` (0: none), not the one it expected.

    `key` is that of the first such entry.
    """

    id: bytes
    last: int
    key: str | None = None


class Failed(msgspec.Struct, frozen=True):
    """Whether the append was written is not known; repeat it after `resume`."""

    id: bytes
    error: SockAtuhError


Outcome: TypeAlias = Committed | Conflict | Failed

Deliver: TypeAlias = Callable[[Sequence[Row], Sequence[Outcome]], None]
"""Takes rows and then outcomes; either may be empty."""


class Stretch(msgspec.Struct, frozen=True):
    """What was read of the log: all rows that are kept from where the reader asked, up to and including `through`.

    With `damage`, the rows from the first damaged one to the last are missing like rows that are not kept.
    """

    rows: list[Row]
    through: int
    damage: SockAtuhError | None = None


class Span(msgspec.Struct, frozen=True):
    """Which log this is (16 bytes), the lowest seq that is kept (last + 1 when empty), and the highest ever given."""

    log_id: bytes
    first: int
    last: int


class Lineage(msgspec.Struct, frozen=True):
    """Which logs this one continues: its id, the seq after which that began, and the seq at which former ids ended.

    A log that was set back gives numbers to other entries that it had given before. So a place in a log is (log_id,
    seq), and a log that may have been set back gets a new id. What was read under a former id is the same as this log
    up to the seq at which that id *ended*; about an id that this log never had nothing is known.
    """

    log_id: bytes
    began: int = 0
    former: Mapping[bytes, int] = msgspec.field(default_factory=dict)

    def agreed(self, log_id: bytes, seq: int) -> int:
        """Return the last seq up to which the log `log_id`, read as far as `seq`, is the same as this one."""
        if log_id == self.log_id:
            return seq
        ended = self.former.get(log_id)
        return self.began if ended is None else min(seq, ended)

    def renewed(self, log_id: bytes, ended: int) -> Lineage:
        """Return the lineage after the present id has ended at `ended` and `log_id` has replaced it."""
        return Lineage(log_id, ended, {**self.former, self.log_id: ended})

    def inherited(self, replaced: Lineage, head: int, replaced_head: int) -> Lineage:
        """Return the lineage of a log that reaches to `head` after it has replaced another log of the same room.

        It then knows the ids of the other log too, each up to where both logs are the same. Both have what was written
        under an id up to the seq at which it ended in both; logs without a common id share nothing.
        """
        ours, theirs = self._ends(head), replaced._ends(replaced_head)
        shared = max((min(ours[each], theirs[each]) for each in ours.keys() & theirs.keys()), default=None)
        if shared is None:
            return self
        former = {log_id: min(ended, shared) for log_id, ended in theirs.items() if log_id not in ours}
        return Lineage(self.log_id, self.began, {**self.former, **former})

    def _ends(self, head: int) -> dict[bytes, int]:
        return {**self.former, self.log_id: head}


class Log(Protocol):
    """A room's log, as one of its servers sees it."""

    def append(self, append: Append) -> None:
        """Queue an entry and return at once; its outcome comes to the follower."""

    def resume(self) -> None:
        """Accept appends again after one has failed."""

    def follow(self, after: int, deliver: Deliver) -> None:
        """Deliver every row with a seq above `after`, and the outcomes of appends; called once, before any append."""

    def read(self, after: int, through: int, limit: int, max_bytes: int = MAX_SEQ) -> Stretch:
        """Read (after, through] up to the `limit`th row, or the one with which their bodies reach `max_bytes`.

        Raises StoreError if a later attempt may succeed.
        """

    def span(self) -> Span:
        """Return which log this is and how far it reaches."""
