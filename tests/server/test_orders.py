"""The admin's orders in the whole server without network and disk: who is removed, kept out and silenced, and for how
long."""

from __future__ import annotations

from typing import TypeVar

import pytest
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


def hits(world: InstantWorld, number: int) -> int:
    order = world.room_server.orders.book.find_id(number, world.wall())
    assert order is not None
    return order.hits


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
        assert client.last(e.Removed) == e.Removed("kicked", 300.0, "flooding")
    world.advance(20.0)
    for again in (world.person("budi", key=budi.key), world.person("other", key=budi.key, transient=True)):
        assert again.last(e.Removed) == e.Removed("kicked", 280.0, "flooding")
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
    assert budi.last(e.Removed) == e.Removed("banned", 0.0, "spam")
    assert left(world) == [("budi", "removed")]
    world.begin()
    other = world.person("someone", key=budi.key)
    assert other.last(e.Removed) == e.Removed("banned", 0.0, "spam")


def test_an_unban_by_id_lets_the_key_back_in(world: InstantWorld) -> None:
    world.person("ana")
    budi = world.person("budi")
    ban = carry_out(world, o.Ban(target="budi"), o.BanSet)
    lifted = carry_out(world, o.Unban(target=str(ban.id)), o.Lifted)
    assert (lifted.id, lifted.order, lifted.what, lifted.seq) == (ban.id, "ban", ban.what, world.log.head)
    assert world.person("budi", key=budi.key).is_in
    assert denied(world, o.Unban(target=str(ban.id))) == "no_such_order"
    again = carry_out(world, o.Ban(target="budi"), o.BanSet)
    assert again.replaced == 0


# Mute.


def test_a_muted_member_stays_and_says_nothing(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    mute = carry_out(world, o.Mute(name="budi", for_=60.0, reason="spam"), o.MuteSet)
    ana_saw = len(ana.story)
    number = budi.say("hello")
    whisper = budi.say("psst", to="ana")
    assert [(refused.number, refused.code) for refused in budi.all(e.LineRefused)] == [
        (number, "muted"), (whisper, "muted")]  # fmt: skip
    assert len(ana.story) == ana_saw
    assert hits(world, mute.id) == 2
    world.advance(60.0)
    assert budi.say("hello again") in budi.stored


# Names.


def test_a_released_name_is_free_for_another_key(world: InstantWorld) -> None:
    old = world.person("tom")
    old.leave()
    new = world.person("tom")
    assert new.refusals == ["name_owned"]
    reply = carry_out(world, o.Release(name="TOM"), o.NameReleased)
    assert (reply.name, reply.key) == ("tom", old.fingerprint[:8])
    assert world.person("tom", key=new.key).is_in
    assert denied(world, o.Release(name="tom")) == "present"
    assert denied(world, o.Release(name="zoe")) == "name_free"


# Announcements.


def test_an_announcement_is_told_to_everybody_in_the_admins_name(world: InstantWorld) -> None:
    ana = world.person("ana")
    reply = carry_out(world, o.Announce(text="lunch\x1b[2J at noon"), o.Announced)
    assert (reply.name, reply.text, reply.members) == ("admin", "lunch at noon", 1)
    entry = ana.entries[-1]
    assert (entry.seq, entry.name, entry.text, entry.official, entry.tag) == (
        reply.seq,
        "admin",
        "lunch at noon",
        True,
        "",
    )
    assert world.person("Admin").refusals == ["name_reserved"]
    assert world.diary.of("announcement_made")[0]["by"] == 0
