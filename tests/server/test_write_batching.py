from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from sockatuh.protocol.server.packing import ITEM_BYTES, pack
from sockatuh.room.entries import Message, size_of
from sockatuh.room.log import Append, Row
from sockatuh.server.entry_encoding import encode_entry
from sockatuh.server.write_batching import MAX_WAIT, SURPLUS, WriteBatcher

FULL = 8
"""How many entries of SIZE fit into a datagram."""
SIZE = ITEM_BYTES // FULL - 3


def message_of(size: int) -> Message:
    """Return a message that takes about this many bytes in a datagram."""
    least = size_of(Message("ana", "", "", action=False)) - SURPLUS
    return Message("ana", "", "x" * (size - least), action=False)


class Loop:
    """Timers, a clock, and a log that records each batch."""

    def __init__(self) -> None:
        self.now = 100.0
        self.written: list[list[int]] = [[]]
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self.batcher = WriteBatcher(
            lambda append: self.written[-1].append(int.from_bytes(append.id)), self._wake, self._call_later, self._clock
        )

    def put(self, *numbers: int, size: int = SIZE) -> None:
        for number in numbers:
            self.batcher.put(Append(number.to_bytes(16), message_of(size)))
        self.batcher.flush()

    def note_fanout_of(self, seconds: float) -> None:
        began_at = self.now
        self.now += seconds
        self.batcher.note_fanout(began_at, self.now)

    def pass_time(self, seconds: float) -> None:
        until = self.now + seconds
        while self._timers and self._timers[0][0] <= until:
            at, _, call = heapq.heappop(self._timers)
            self.now = max(self.now, at)
            call()
        self.now = until

    @property
    def batches(self) -> list[list[int]]:
        return self.written[:-1]

    def _wake(self) -> None:
        self.written.append([])

    def _clock(self) -> float:
        return self.now

    def _call_later(self, delay: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (self.now + delay, next(self._numbers), call))


def test_in_a_quiet_room_everything_is_written_at_once() -> None:
    loop = Loop()
    loop.put(1)
    loop.note_fanout_of(0.010)
    loop.pass_time(1)
    loop.put(2, 3)
    assert loop.batches == [[1], [2, 3]]


def test_a_line_right_after_a_fanout_waits_to_be_batched() -> None:
    loop = Loop()
    loop.note_fanout_of(0.010)
    loop.put(1)
    loop.put(2)
    assert loop.batches == []
    loop.pass_time(0.011)
    assert loop.batches == [[1, 2]]


def test_the_batching_delay_has_a_maximum() -> None:
    loop = Loop()
    loop.note_fanout_of(5.0)
    loop.put(1)
    loop.pass_time(MAX_WAIT + 0.001)
    assert loop.batches == [[1]]


def test_a_small_room_does_not_batch() -> None:
    loop = Loop()
    loop.note_fanout_of(0.0005)
    loop.put(1)
    assert loop.batches == [[1]]


def test_full_datagrams_are_written_and_the_remainder_waits() -> None:
    loop = Loop()
    loop.note_fanout_of(0.010)
    loop.put(*range(FULL - 1))
    assert loop.batches == []
    loop.put(*range(FULL - 1, 2 * FULL + 3))
    assert loop.batches == [[*range(2 * FULL)]]
    loop.note_fanout_of(0.010)
    loop.pass_time(0.006)
    loop.put(100)
    assert loop.batches == [[*range(2 * FULL)]]
    loop.pass_time(0.006)
    assert loop.batches[1:] == [[2 * FULL, 2 * FULL + 1, 2 * FULL + 2, 100]]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 3 * ITEM_BYTES), st.floats(0, 0.03), st.floats(0, 0.03))))
def test_every_line_is_written_once_and_in_order(
    turns: list[tuple[int, int, float, float]],
) -> None:
    loop = Loop()
    numbers = count()
    put = 0
    for lines, size, telling, pause in turns:
        loop.put(*(next(numbers) for _ in range(lines)), size=size)
        put += lines
        loop.note_fanout_of(telling)
        loop.pass_time(pause)
    loop.pass_time(MAX_WAIT + 0.001)
    assert [number for batch in loop.batches for number in batch] == [*range(put)]
    assert all(loop.batches)


@given(size=st.integers(1, 500), first=st.sampled_from((1, 60_000, 2_000_000)))
def test_lines_that_fill_a_datagram_travel_in_one(size: int, first: int) -> None:
    loop = Loop()
    loop.note_fanout_of(1.0)
    body = Message("ana", "k" * 43, "x" * size, action=False)
    for number in range(300):
        loop.batcher.put(Append(number.to_bytes(16), body))
        loop.batcher.flush()
        if loop.batches:
            break
    rows = [Row(first + at, at.to_bytes(16), 1_800_000_000_000, body) for at in loop.batches[0]]
    assert len(pack(first - 1, first + len(rows) - 1, [encode_entry(row) for row in rows])) == 1
