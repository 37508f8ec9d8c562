"""The admin's orders in the whole server without network and disk: who is removed, kept out and silenced, and for how
long."""

from __future__ import annotations

from typing import TypeVar

import pytest
from kit.clients import Client
from kit.instant_world import InstantWorld

from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as e
from sockatuh.room import orders as o
from sockatuh.room.entries import Left

TOM = o.Actor(0, "tom")
R = TypeVar("R")


@pytest.fixture
def world() -> InstantWorld:
    return InstantWorld()


def order(world: InstantWorld, what: o.Order) -> list[o.Reply]:
    """Give an order; return the answers so far."""
    answers: list[o.Reply] = []
    world.room_server.orders.carry_out(what, TOM, answers.append, world.now)
    world.settle()
    return answers


def carry_out(world: InstantWorld, what: o.Order, kind: type[R]) -> R:
    """Give an order, and return its one answer."""
    answers = order(world, what)
    assert len(answers) == 1
    assert isinstance(answers[0], kind), answers
    return answers[0]


def denied(world: InstantWorld, what: o.Order) -> str:
    return carry_out(world, what, o.OrderDenied).code


def left(world: InstantWorld) -> list[tuple[str, str]]:
    return [(body.name, body.reason) for body in world.bodies() if isinstance(body, Left)]


def refusal(client: Client) -> e.JoinRefused:
    return client.last(e.JoinRefused)


# Kick.


def test_a_kick_removes_all_sessions_and_keeps_the_key_out_for_a_while(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    phone = world.person("budi", key=budi.key)
    reader = world.person("budi", key=budi.key, role=m.READER)
    reply = carry_out(world, o.Kick(name="BUDI", for_=300.0, reason="flooding\x1b[2J"), o.Kicked)
    assert (reply.name, reply.sessions, reply.members, reply.reason) == ("budi", 3, 2, "flooding")
    assert world.kinds()[-2:] == ["removed", "left"]
    assert left(world) == [("budi", "removed")]
    assert ana.story[-1] == "budi left"
    for client in (budi, phone, reader):
        assert client.last(e.ContactLost).reason == "kicked"
    world.advance(20.0)
    for again in (world.person("budi", key=budi.key), world.person("other", key=budi.key, transient=True)):
        assert again.refusals == ["kicked"]
        assert refusal(again).detail == "flooding"
        assert refusal(again).wait == pytest.approx(280.0, abs=0.1)
    assert ana.who() == ["ana"]
    world.advance(281.0)
    again = world.person("budi", key=budi.key)
    assert again.is_in


def test_a_ban_by_name_is_of_the_key_and_survives_a_restart(world: InstantWorld) -> None:
    world.person("ana")
    world.person("cici")
    budi = world.person("budi")
    reply = carry_out(world, o.Ban(target="budi", for_=None, reason="spam"), o.BanSet)
    assert reply.what == f"key:{budi.fingerprint[:8]}"
    assert (reply.id, reply.until, reply.removed) == (world.log.head - 1, None, ("budi",))
    assert budi.last(e.ContactLost).reason == "banned"
    assert left(world) == [("budi", "removed")]
    world.begin()
    other = world.person("someone", key=budi.key)
    assert other.refusals == ["banned"]
    assert (refusal(other).detail, refusal(other).wait) == ("spam", 0.0)
