"""What is on its way to the log, and who waits for it.

An append the database refused is kept and tried again, with all that came after it, in order: whoever said it gets
no answer until it is stored, and nobody's lines change places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from sockatuh.store.roomlog import Append, Committed, Conflict, Failed, Outcome

from .visitors import Waiter

RETRY_INTERVAL = 1.0
"""Seconds between two tries at a database that refuses."""


class Appends:
    """Appends under way by id. `put` hands one to the log, `resume` has it take them again after one has failed."""

    def __init__(self, put: Callable[[Append], None], resume: Callable[[], None]) -> None:
        self._put, self._resume = put, resume
        self._unsettled: dict[bytes, tuple[Append, list[Waiter]]] = {}
        self._held: set[bytes] = set()
        self._retry_at = 0.0

    def __len__(self) -> int:
        return len(self._unsettled)

    @property
    def held(self) -> int:
        """How many the database has refused, or wait behind such a one."""
        return len(self._held)

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

    def settle(self, outcomes: Iterable[Outcome], now: float) -> Iterator[tuple[Committed | Conflict, list[Waiter]]]:
        """Yield each outcome that is final, with who waited for it; keep the rest."""
        for outcome in outcomes:
            if isinstance(outcome, Failed):
                self._held.add(outcome.append.id)
                self._retry_at = now + RETRY_INTERVAL
            else:
                yield outcome, self._unsettled.pop(outcome.append.id)[1]

    def retry(self, now: float) -> None:
        """Try again all that was refused, when it is time and nothing is under way that would come behind."""
        if self._held and len(self._held) == len(self._unsettled) and now >= self._retry_at:
            self._held.clear()
            self._resume()
            for append, _ in self._unsettled.values():
                self._put(append)
