"""Distributes events to any number of readers, each of which gets every event once, in order; bounded without loss.

Memory is bounded by pausing the source: when the slowest reader is `MOST_EVENTS` or `MOST_SIZE` behind, the
stream calls `pause`, and when it has caught up to half of that, `resume`. A room's source is its server's log, which
keeps what is not read meanwhile.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

MOST_EVENTS: Final = 1_024
MOST_SIZE: Final = 1_048_576
"""The same, in characters of texts."""


class Stream(Generic[T]):
    """A queue of events; `put` adds one, and `reader` returns another reader."""

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self.is_paused = False
        self._pause, self._resume = pause, resume
        self._events: deque[tuple[T, int]] = deque()
        self._first = 0
        """The position of the first event in the queue; events are counted from 0."""
        self._size = 0
        self._readers: weakref.WeakSet[Reader[T]] = weakref.WeakSet()
        self._error: BaseException | None = None
        self._is_closed = False

    @property
    def end(self) -> int:
        """The position of the next event that will be put."""
        return self._first + len(self._events)

    @property
    def last(self) -> T | None:
        """The newest event that some reader has not taken."""
        return self._events[-1][0] if self._events else None

    def put(self, event: T, size: int = 0) -> None:
        """Add an event; `size` is its text's length in characters."""
        self._events.append((event, size))
        self._size += size
        self._wake()
        if not self.is_paused and (len(self._events) > MOST_EVENTS or self._size > MOST_SIZE):
            self.is_paused = True
            self._pause()

    def replace_last(self, event: T) -> None:
        """Replace the newest event, which no reader has taken, by one of size 0."""
        self._size -= self._events[-1][1]
        self._events[-1] = event, 0

    def close(self, error: BaseException | None = None) -> None:
        """End the stream: readers take what is queued, then raise `error` or stop."""
        if not self._is_closed:
            self._is_closed, self._error = True, error
            self._wake()

    def reader(self) -> Reader[T]:
        """Return a reader of all further events; without other readers it begins with the queued ones."""
        reader = Reader(self, self.end if self._readers else self._first)
        self._readers.add(reader)
        return reader

    def take(self, position: int) -> T | None:
        """Return the event at a position, None if there is none yet; raises once the stream has ended."""
        at = position - self._first
        if at < len(self._events):
            return self._events[at][0]
        if self._error is not None:
            raise self._error
        if self._is_closed:
            raise StopAsyncIteration
        return None

    def trim(self) -> None:
        """Drop events that every reader has taken."""
        slowest = min(reader.position for reader in self._readers)
        while self._first < slowest:
            self._size -= self._events.popleft()[1]
            self._first += 1
        if self.is_paused and len(self._events) <= MOST_EVENTS // 2 and self._size <= MOST_SIZE // 2:
            self.is_paused = False
            self._resume()

    def _wake(self) -> None:
        for reader in self._readers:
            reader.news.set()


class Reader(Generic[T]):
    """An iterator over a stream's events. Several tasks may share one; then each event goes to one of them."""

    def __init__(self, stream: Stream[T], position: int) -> None:
        self.position = position
        self.news = asyncio.Event()
        self._stream = stream

    @property
    def is_behind(self) -> bool:
        """Tell whether there is an event to take without waiting."""
        return self._stream.end > self.position

    def __aiter__(self) -> Reader[T]:
        return self

    async def __anext__(self) -> T:
        """Wait for the next event; a cancelled wait takes none."""
        while (event := self._stream.take(self.position)) is None:
            self.news.clear()
            await self.news.wait()
        self.position += 1
        self._stream.trim()
        return event
