"""What is read from the disk and the interfaces is read in one thread, and what was read last is kept."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from e2e.running import eventually

from sockatuh.server import surroundings
from sockatuh.server.surroundings import Surroundings, SurroundingsReader, read_surroundings
from sockatuh.store.backup_stamp import Stamp, note_made
from sockatuh.store.files import DATABASE

BEFORE, AFTER = Surroundings(("10.0.0.1",), 10, Stamp()), Surroundings(("10.0.0.2",), 20, Stamp())


def first_then(then: Callable[[], Surroundings]) -> Callable[[], Surroundings]:
    reads = iter([lambda: BEFORE])
    return lambda: next(reads, then)()


def test_they_are_the_sizes_the_stamp_and_the_addresses(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"x" * 30)
    (tmp_path / f"{DATABASE}-wal").write_bytes(b"x" * 12)
    note_made(tmp_path, 1_000, tmp_path / "a.backup", None)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        found = read_surroundings(tmp_path, sock)
    assert found == Surroundings(("127.0.0.1",), 42, Stamp(1_000, str(tmp_path / "a.backup")))


def test_whoever_asks_waits_for_a_disk_that_answers() -> None:
    async def story() -> None:
        reader = SurroundingsReader(first_then(lambda: AFTER))
        assert reader.last == BEFORE
        await reader.refresh()
        assert reader.last == AFTER

    asyncio.run(story())


def test_what_hangs_is_read_once_and_kept_when_it_comes_after_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "READ_WITHIN", 0.01)
    released, reads = threading.Event(), []

    def hang() -> Surroundings:
        reads.append(1)
        released.wait()
        return AFTER

    async def story() -> None:
        reader = SurroundingsReader(first_then(hang))
        for _ in range(3):
            await reader.refresh()
        assert (reader.last, len(reads)) == (BEFORE, 1)
        released.set()
        await eventually(lambda: reader.last == AFTER)

    try:
        asyncio.run(story())
    finally:
        released.set()


def test_interfaces_that_cannot_be_read_leave_what_was_read_last() -> None:
    def refuse() -> Surroundings:
        raise OSError(12, "Cannot allocate memory")

    async def story() -> None:
        reader = SurroundingsReader(first_then(refuse))
        await reader.refresh()
        assert reader.last == BEFORE

    asyncio.run(story())
