"""What is on its way to the log, and who waits for it.

An append the database refused is kept and tried again, with all that came after it, in order: whoever said it gets
no answer until it is stored, and nobody's lines change places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from sockatuh.errors import StoreError
from sockatuh.store.roomlog import Append, Committed, Conflict, Failed, Outcome

from .visitors import LineWaiter, Waiter

RETRY_INTERVAL = 1.0
"""Seconds between two tries at a database that refuses."""
SILENCE: Final = 3.0
"""Seconds without an outcome after which those who wait are told."""


class Appends:
    """Appends under way by id. `put` hands one to the log, `resume` has it take them again after one has failed."""

    def __init__(self, put: Callable[[Append], None], resume: Callable[[], None]) -> None:
        self._put, self._resume = put, resume
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
        if self._held:
            self._held.add(append.id)
        else:
            self._put(append)

    def forget(self, session: int) -> None:
        """Answer a session no more, as far as it waits for lines; what it said is stored all the same."""
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
                yield outcome, self._unsettled.pop(outcome.append.id)[1]

    def retry(self, now: float) -> None:
        """Try again all that was refused, if it is time and nothing is under way; to be called about once a second."""
        if not self._unsettled or self._moved_at is None:
            self._moved_at = now
        if self._held and len(self._held) == len(self._unsettled) and now >= self._retry_at:
            self._held.clear()
            self._resume()
            for append, _ in self._unsettled.values():
                self._put(append)
