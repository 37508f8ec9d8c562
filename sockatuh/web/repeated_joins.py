"""Joins whose answer may have been lost: a page that asks again is answered as the first time.

The cookie comes with the answer to a join, and by then the name is its key's. A browser that never got the answer has
neither, and would find its own name taken.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")

KEPT_FOR: Final = 60.0
"""Seconds for which an answer is repeated."""
MOST: Final = 256
"""Answers that are remembered, the last ones."""


class RepeatedJoins(Generic[T]):
    """Joins by what names them, which nobody else can guess; `clock` is monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._joins: OrderedDict[str, tuple[float, asyncio.Task[T]]] = OrderedDict()

    async def once(self, of: str, join: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Join, unless the same was asked for lately: return, or raise, what becomes of the first one.

        One that has failed is tried again. The join goes on when whoever asked for it has gone.
        """
        self._tidy()
        if of not in self._joins:
            task = asyncio.create_task(join())
            task.add_done_callback(lambda done: self._finish(of, done))
            self._joins[of] = self._clock(), task
        return await asyncio.shield(self._joins[of][1])

    def _finish(self, of: str, done: asyncio.Task[T]) -> None:
        if done.cancelled() or done.exception() is not None:
            self._joins.pop(of, None)
        else:
            self._joins[of] = self._clock(), done

    def find(self, of: str) -> T | None:
        """Return what became of a join lately, None for one that is still under way, or unknown."""
        self._tidy()
        return self._joins[of][1].result() if of in self._joins and self._joins[of][1].done() else None

    def forget(self, of: str) -> None:
        """Join anew when the same is asked for."""
        self._joins.pop(of, None)

    def _tidy(self) -> None:
        before = self._clock() - KEPT_FOR
        for of, (at, task) in list(self._joins.items()):
            if task.done() and (at <= before or len(self._joins) > MOST):
                del self._joins[of]
