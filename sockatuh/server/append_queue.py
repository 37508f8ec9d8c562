"""What is on its way to the log, and who waits for it.

An append the database refused is kept and tried again, with all that came after it, in order: whoever said it gets
no answer until it is stored, and nobody's lines change places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from sockatuh.errors import StoreError
from sockatuh.store.roomlog import Append, Committed, Conflict, Failed, Outcome

from .join import Join

RETRY_INTERVAL = 1.0
"""Seconds between two tries at a database that refuses."""
MAX_WAITING_BYTES: Final = 8_388_608
"""Memory for what waits to be stored above which lines wait at their sessions, until half of it is stored."""
APPEND_MEMORY: Final = 1_024
"""Memory that an append and who waits for it take besides the body, about."""
SILENCE: Final = 3.0
"""Seconds without an outcome after which those who wait are told."""


@dataclass(frozen=True, slots=True)
class LineWaiter:
    """A session that waits for the place of its line in the log."""

    session: int
    number: int


Waiter: TypeAlias = LineWaiter | Join


class Appends:
    """Appends under way by id. `put` hands one to the log, `resume` has it take them again after one has failed."""

    def __init__(
        self, put: Callable[[Append], None], resume: Callable[[], None], max_bytes: int = MAX_WAITING_BYTES
    ) -> None:
        self._put, self._resume, self._max_bytes = put, resume, max_bytes
        self._bytes = 0
        self.is_full = False
        """Whether so much waits that no more may: from `max_bytes` of memory on, until it is half of that."""
        self._unsettled: dict[bytes, tuple[Append, list[Waiter]]] = {}
        self._held: set[bytes] = set()
        self._refusal: StoreError | None = None
        self._retry_at = 0.0
        self._moved_at: float | None = None

    def __len__(self) -> int:
        return len(self._unsettled)

    @property
    def held(self) -> int:
        """How many wait because the database refuses, also while it is tried again."""
        return len(self._unsettled) if self._refusal is not None else 0

    def obstacle(self, now: float) -> StoreError | None:
        """Say why nothing is stored; None while it is, or nothing is to be."""
        if not self._unsettled:
            return None
        is_silent = self._moved_at is not None and now - self._moved_at >= SILENCE
        return self._refusal or (StoreError("the disk does not answer") if is_silent else None)

    def add(self, append: Append, *waiters: Waiter) -> None:
        """Append; the same id again only adds who waits for it."""
        if append.id in self._unsettled:
            self._unsettled[append.id][1].extend(waiters)
            return
        self._unsettled[append.id] = append, list(waiters)
        self._count(_memory_of(append))
        if self._held:
            self._held.add(append.id)
        else:
            self._put(append)

    def forget(self, session: int) -> None:
        """Answer no more lines of a session; they are stored all the same."""
        for _, waiters in self._unsettled.values():
            waiters[:] = [each for each in waiters if not isinstance(each, LineWaiter) or each.session != session]

    def settle(self, outcomes: Iterable[Outcome], now: float) -> Iterator[tuple[Committed | Conflict, list[Waiter]]]:
        """Yield each outcome that is final, with who waited for it; keep the rest."""
        for outcome in outcomes:
            self._moved_at = now
            if isinstance(outcome, Failed):
                self._held.add(outcome.append.id)
                self._refusal, self._retry_at = outcome.error, now + RETRY_INTERVAL
            else:
                self._refusal = None
                append, waiters = self._unsettled.pop(outcome.append.id)
                self._count(-_memory_of(append))
                yield outcome, waiters

    def _count(self, size: int) -> None:
        self._bytes += size
        self.is_full = self._bytes >= (self._max_bytes // 2 if self.is_full else self._max_bytes)

    def retry(self, now: float) -> None:
        """Try again all that was refused, if it is time and nothing is under way; to be called about once a second."""
        if not self._unsettled or self._moved_at is None:
            self._moved_at = now
        if self._held and len(self._held) == len(self._unsettled) and now >= self._retry_at:
            self._held.clear()
            self._resume()
            for append, _ in self._unsettled.values():
                self._put(append)


def _memory_of(append: Append) -> int:
    return APPEND_MEMORY + 3 * len(append.body or b"") // 2  # what msgspec has encoded has room for half as much again
