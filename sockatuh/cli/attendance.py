"""Who was in the room during a span of time, as rows of bars: what the picture and the timeline of `history` show.

A bar is a session, or a stretch in which a member was in the room without any: contact was lost. All sessions of one
name, in any capitals, are one row; a member that was renamed is one row, under its last name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from sockatuh.store.history import SessionLine
    from sockatuh.store.memberships import Membership

MOST_ROWS: Final = 40
"""Names that are shown; the others are counted."""
SHORTEST_LOSS: Final = 1_000
"""Milliseconds without a session that count as lost contact; a client that signs in again takes less."""


class Bar(msgspec.Struct, frozen=True):
    """A stretch of time, in ms since 1970: a session, or lost contact.

    `began` and `ended` lie within the span that is shown; `since` and `until` are when it really began and ended (None:
    not yet).
    """

    began: int
    ended: int
    since: int
    until: int | None
    is_lost: bool = False
    reason: str = ""


class Row(msgspec.Struct):
    """What is known of one name: its bars in the order in which they began, and ms of contact in all."""

    name: str
    bars: list[Bar] = msgspec.field(default_factory=list)
    present: int = 0

    @property
    def is_here(self) -> bool:
        """Tell whether a session is open."""
        return any(bar.until is None and not bar.is_lost for bar in self.bars)


class Attendance(msgspec.Struct, frozen=True):
    """Who was in the room from `began` to `ended` (ms since 1970): the longest present first, and how many more.

    `counts` are the moments at which the number of names with contact changed, and that number from then on.
    """

    began: int
    ended: int
    rows: list[Row]
    others: int
    counts: list[tuple[int, int]]

    @property
    def busiest(self) -> tuple[int, int]:
        """The moment with most names in contact, and how many there were."""
        at, most = max(self.counts, key=lambda each: each[1], default=(self.began, 0))
        return at, most


def attendance(
    sessions: Sequence[SessionLine], memberships: Sequence[Membership], began: int | None, now: int
) -> Attendance:
    """Arrange what the history has; `began` None: from the first session on. Times are in ms since 1970."""
    if began is None:
        began = min((line.opened for line in sessions), default=now)
    ended = max(now, began + 1)
    rows: dict[str, Row] = {}
    for line in sorted(sessions, key=lambda each: each.opened):
        until = now if line.closed is None else line.closed
        if line.opened < ended and until >= began:
            row = rows.setdefault(line.name.casefold(), Row(line.name))
            row.name = line.name
            inside = max(began, line.opened), max(began, min(ended, until))
            row.bars.append(Bar(*inside, line.opened, line.closed, reason=line.reason or ""))
    contacts = {key: list(_united((bar.began, bar.ended) for bar in row.bars)) for key, row in rows.items()}
    for key, row in rows.items():
        row.present = sum(end - start for start, end in contacts[key])
    for member in memberships:
        if (found := rows.get(member.name.casefold())) is not None:
            found.bars += _losses(member, contacts[member.name.casefold()], began, ended)
    ordered = sorted(rows.values(), key=lambda row: (-row.present, row.name))
    counts = list(_count(contacts.values(), began, ended))
    return Attendance(began, ended, ordered[:MOST_ROWS], max(0, len(ordered) - MOST_ROWS), counts)


def _united(stretches: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the stretches without overlaps; they come in the order of their beginnings."""
    start, end = None, 0
    for began, ended in stretches:
        if start is None or began > end:
            if start is not None:
                yield start, end
            start, end = began, ended
        end = max(end, ended)
    if start is not None:
        yield start, end


def _losses(member: Membership, contacts: list[tuple[int, int]], began: int, ended: int) -> Iterator[Bar]:
    """Yield the stretches of a membership in which there was no session."""
    start, end = max(began, member.began), ended if member.ended is None else min(ended, member.ended)
    edges = [(start, start), *(each for each in contacts if each[1] > start and each[0] < end), (end, end)]
    for (_, since), (until, _) in pairwise(edges):
        if until - since >= SHORTEST_LOSS:
            yield Bar(since, until, since, None if until == ended and member.ended is None else until, is_lost=True)


def _count(contacts: Iterable[list[tuple[int, int]]], began: int, ended: int) -> Iterator[tuple[int, int]]:
    """Yield the moments at which the number of names in contact changes, and the number."""
    changes: dict[int, int] = {began: 0}
    for stretches in contacts:
        for start, end in stretches:
            changes[start] = changes.get(start, 0) + 1
            if end < ended:
                changes[end] = changes.get(end, 0) - 1
    count = 0
    for at in sorted(changes):
        count += changes[at]
        yield at, count
