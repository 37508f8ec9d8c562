"""The appends that have no outcome yet, and who is waiting for each.

An append that failed is kept and repeated, in order with all that came after it. Its sender is not answered until it is
stored, and lines are never reordered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

import msgspec

from sockatuh.errors import SockAtuhError, StoreError
from sockatuh.room.entries import size_of
from sockatuh.room.log import Append, Committed, Conflict, Failed, Outcome

from .join import JoinAttempt
from .orders import OrderAttempt
from .rename import RenameAttempt
from .strikes import StrikeAttempt

RETRY_INTERVAL = 1.0
"""Seconds between two retries at a database that refuses."""
MAX_WAITING_BYTES: Final = 8_388_608
"""Above this much memory for queued appends, lines wait at their sessions until half of it is stored."""
MAX_HELD: Final = 256
"""From this many appends on that the database has refused, lines wait at their sessions."""
APPEND_MEMORY: Final = 1_024
"""About how much memory an append and its waiters take in addition to the body."""
SILENCE: Final = 3.0
"""Seconds without an outcome after which the log counts as silent."""


class LineWaiter(msgspec.Struct, frozen=True):
    """A session that waits for the place of its line in the log."""

    session: int
    number: int


Waiter: TypeAlias = LineWaiter | JoinAttempt | RenameAttempt | OrderAttempt | StrikeAttempt


class _Pending(msgspec.Struct):
    """An append that has no outcome yet, about how many bytes of memory it takes, and who waits for it."""

    append: Append
    memory: int
    waiters: list[Waiter]


class AppendQueue:
    """The appends under way, by id. `put` passes one to the log; `resume` makes the log accept them after a failure."""

    def __init__(
        self, put: Callable[[Append], None], resume: Callable[[], None], max_bytes: int = MAX_WAITING_BYTES
    ) -> None:
        self._put, self._resume, self._max_bytes = put, resume, max_bytes
        self._bytes = 0
        self._is_heavy = False
        """Whether so much is queued that nothing more may be: from `max_bytes` on, until half of that is left."""
        self._pending: dict[bytes, _Pending] = {}
        self._failed: set[bytes] = set()
        self._refusal: SockAtuhError | None = None
        self._retry_at = 0.0
        self._moved_at: float | None = None

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def held(self) -> int:
        """How many appends the database has refused, or are queued behind one, until a retry succeeds."""
        return len(self._pending) if self._refusal is not None else 0

    @property
    def is_full(self) -> bool:
        """Whether so much waits for the database that nothing more is accepted."""
        return self._is_heavy or (self._refusal is not None and len(self._pending) >= MAX_HELD)

    def obstacle(self, now: float) -> SockAtuhError | None:
        """Return why nothing is being stored; None while something is, or nothing is queued."""
        if not self._pending:
            return None
        is_silent = self._moved_at is not None and now - self._moved_at >= SILENCE
        return self._refusal or (StoreError("the disk does not answer") if is_silent else None)

    def add(self, append: Append, *waiters: Waiter) -> None:
        """Queue an append; if its id is queued already, only add the waiters."""
        if append.id in self._pending:
            self._pending[append.id].waiters.extend(waiters)
            return
        pending = self._pending[append.id] = _Pending(append, _memory_of(append), list(waiters))
        self._count(pending.memory)
        if self._failed:
            self._failed.add(append.id)
        else:
            self._put(append)

    def forget(self, session: int) -> None:
        """Stop answering a session for its lines; they are still stored."""
        for pending in self._pending.values():
            pending.waiters = [
                each for each in pending.waiters if not isinstance(each, LineWaiter) or each.session != session
            ]

    def resolve(
        self, outcomes: Iterable[Outcome], now: float
    ) -> Iterator[tuple[Append, Committed | Conflict, list[Waiter]]]:
        """Yield each queued append that has its final outcome, with its waiters; keep those that failed.

        Outcomes of appends that are not queued here are skipped.
        """
        for outcome in outcomes:
            self._moved_at = now
            if outcome.id not in self._pending:
                continue
            if isinstance(outcome, Failed):
                self._failed.add(outcome.id)
                self._refusal, self._retry_at = outcome.error, now + RETRY_INTERVAL
            else:
                self._refusal = None
                pending = self._pending.pop(outcome.id)
                self._failed.discard(outcome.id)
                self._count(-pending.memory)
                yield pending.append, outcome, pending.waiters

    def _count(self, size: int) -> None:
        self._bytes += size
        self._is_heavy = self._bytes >= (self._max_bytes // 2 if self._is_heavy else self._max_bytes)

    def retry(self, now: float) -> None:
        """Repeat all appends once every one of them has failed and it is time to; called about once a second."""
        if not self._pending or self._moved_at is None:
            self._moved_at = now
        if self._failed and len(self._failed) == len(self._pending) and now >= self._retry_at:
            self._failed.clear()
            self._resume()
            for pending in self._pending.values():
                self._put(pending.append)


def _memory_of(append: Append) -> int:
    memory = APPEND_MEMORY + 4 * size_of(append.body)  # a str takes up to four bytes a character
    return memory if append.also is None else memory + _memory_of(append.also)
