"""Lets in so many at a time, and of one address only a part of them, so that one address does not take all turns."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator


class TooManyWait(Exception):
    """As many of one place wait as may."""


class Turns:
    """`total` turns at a time, `each` of one place; who has to wait comes next in order, `waiting` of one place."""

    def __init__(self, total: int, each: int, waiting: int) -> None:
        self._all, self._each, self._most = asyncio.Semaphore(total), each, each + waiting
        self._places: dict[str, asyncio.Semaphore] = {}
        self._interested: Counter[str] = Counter()

    @contextlib.asynccontextmanager
    async def turn(self, place: str) -> AsyncIterator[None]:
        """Wait for a turn, and have it; raises TooManyWait at once."""
        if self._interested[place] >= self._most:
            raise TooManyWait
        of_place = self._places.setdefault(place, asyncio.Semaphore(self._each))
        self._interested[place] += 1
        try:
            async with of_place, self._all:
                yield
        finally:
            self._interested[place] -= 1
            if not self._interested[place]:
                del self._interested[place], self._places[place]
