"""The deadlines of a core: one table, with an entry for each of its timers.

Each core names its timers in an enum. Whatever needs to be woken sets its own entry, so the core's own deadline is the
soonest one in the table, and nothing has to be searched for it. An entry is removed when it falls due, so a timer that
has become meaningless by then is ignored once and does not fire again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import Enum
from typing import Generic, TypeVar

T = TypeVar("T", bound=Enum)


class TimerTable(Generic[T]):
    """When each timer is due, in monotonic seconds; a timer that is not set has no entry."""

    __slots__ = ("_due_at", "_timers")

    def __init__(self, timers: type[T]) -> None:
        self._timers = tuple(timers)
        self._due_at: dict[T, float] = {}

    def set(self, timer: T, at: float | None) -> None:
        """Set a timer, whatever it was set to before; None stops it."""
        if at is None:
            self._due_at.pop(timer, None)
        else:
            self._due_at[timer] = at

    def set_by(self, timer: T, at: float) -> None:
        """Set a timer unless it is set to an earlier time."""
        if at < self._due_at.get(timer, math.inf):
            self._due_at[timer] = at

    def get(self, timer: T) -> float | None:
        """Return when a timer is due, None if it is not set."""
        return self._due_at.get(timer)

    def stop(self, *timers: T) -> None:
        """Stop some timers."""
        for timer in timers:
            self._due_at.pop(timer, None)

    def next_at(self) -> float | None:
        """Return when the first timer is due, None if none is set."""
        return min(self._due_at.values(), default=None)

    def take_due(self, now: float) -> Iterator[T]:
        """Stop and yield every timer that is due, in the order of the enum.

        A timer set to be due meanwhile is yielded too if it comes later in the enum, else by the next call.
        """
        if min(self._due_at.values(), default=math.inf) > now:
            return
        for timer in self._timers:
            if self._due_at.get(timer, math.inf) <= now:
                del self._due_at[timer]
                yield timer
