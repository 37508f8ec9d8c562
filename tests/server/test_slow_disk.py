"""A slow disk: what arrives meanwhile waits in bounded queues."""

from __future__ import annotations

import pytest
from kit.instant_world import InstantWorld

from sockatuh.protocol.server.limits import Limits
from sockatuh.room.entries import Message
from sockatuh.server.append_queue import MAX_WAITING_BYTES

SIZE = 16_000
PEOPLE, LINES = 12, 50


@pytest.mark.slow  # says ten megabytes
def test_a_slow_disk_neither_grows_memory_nor_loses_lines() -> None:
    """Excess lines wait in their sessions and nobody joins; in the end each member's lines are stored in order."""
    world = InstantWorld(limits=Limits(lines_per_second=100_000, lines_burst=100_000))
    people = [world.person(f"person{number}") for number in range(PEOPLE)]
    world.writer_busy = True
    texts = [f"{number} " + "x" * SIZE for number in range(LINES)]
    for person in people:
        for text in texts:
            person.say(text)
    world.advance(3.0)
    assert world.room_server.unwritten * SIZE < MAX_WAITING_BYTES < PEOPLE * LINES * SIZE
    late = world.person("late")
    world.advance(1.0)
    assert not late.is_in
    world.writer_busy = False
    world.until(lambda: not any(person.peer.unanswered for person in people), 120.0)
    world.until(lambda: late.is_in)
    bodies = [body for body in world.bodies() if isinstance(body, Message)]
    for number in range(PEOPLE):
        assert [body.text for body in bodies if body.name == f"person{number}"] == texts
