"""A line that is in the log is never refused when it is said again."""

from __future__ import annotations

import pytest
from kit.clients import LawlessClient
from kit.instant_world import InstantWorld

from sockatuh.protocol import messages as m
from sockatuh.room import orders as o
from sockatuh.room.entries import Left, Message
from sockatuh.room.log import Row
from sockatuh.server.stored_lines import StoredLines

STREAM = bytes(8)
KEY = bytes(range(32))


@pytest.fixture
def world() -> InstantWorld:
    world = InstantWorld()
    world.person("ana")
    return world


def mute(world: InstantWorld) -> list[o.Reply]:
    replies: list[o.Reply] = []
    world.room_server.orders.carry_out(o.Mute(name="budi", for_=3_600.0), o.Actor(0), replies.append, world.now)
    world.settle()
    return replies


def come_in(world: InstantWorld) -> LawlessClient:
    """Begin another session of the one program."""
    budi = world.outlaw(KEY, stream=STREAM)
    budi.join("budi")
    return budi


def say(budi: LawlessClient, number: int) -> LawlessClient:
    budi.send(m.Say(number, number, False, 0, 1, b"hello %d" % number))
    return budi


def answers(client: LawlessClient) -> list[m.Stored | m.Unsaid]:
    return [each for each in client.received if isinstance(each, m.Stored | m.Unsaid)]


@pytest.mark.parametrize("restarts", [False, True], ids=["another-session", "another-server"])
def test_a_stored_line_is_answered_as_stored_though_its_author_is_muted_since(
    world: InstantWorld, restarts: bool
) -> None:
    say(come_in(world), 1)
    assert isinstance(mute(world)[0], o.MuteSet)
    if restarts:
        world.begin()
    seq = len(world.log.rows) - 1
    assert answers(say(come_in(world), 1)) == [m.Stored(((1, seq),))]
    assert answers(say(come_in(world), 2)) == [m.Unsaid(2, "muted", 3_600_000)]
    assert [body.text for body in world.bodies() if isinstance(body, Message)] == ["hello 1"]


def test_the_oldest_line_is_forgotten_first_and_nothing_but_lines_is_remembered() -> None:
    lines = StoredLines(capacity=2)
    for seq in range(1, 5):
        lines.note(Row(seq, bytes([seq]), 0, Message("ana", "", "hi", action=False)))
        lines.note(Row(seq, bytes([seq, 0]), 0, Left("ana", "", "left", 1.0)))
    assert [lines.find(bytes([seq])) for seq in range(1, 5)] == [None, None, 3, 4]
    assert lines.find(bytes([4, 0])) is None
    assert len(lines) == 2
