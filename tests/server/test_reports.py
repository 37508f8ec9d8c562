"""What the admin is told of a room: of members, sessions, names, orders and numbers as they are."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from kit.clients import Client
from kit.instant_world import InstantWorld
from kit.world import PASSWORD
from kit.world_box import WorldBox
from msgspec.structs import replace

from sockatuh.protocol import messages as m
from sockatuh.room import orders as o
from sockatuh.server import box_report, reports
from sockatuh.server.box_report import Asked, LastBackup, Trouble
from sockatuh.server.control_lines import encode_item


@pytest.fixture
def world() -> InstantWorld:
    return InstantWorld()


@pytest.fixture
def box(world: InstantWorld) -> WorldBox:
    return WorldBox(world)


def asked(box: WorldBox, query: Asked) -> list[dict[str, Any]]:
    items = box.told(query)
    assert not isinstance(items, o.OrderDenied), items
    return [json.loads(encode_item(item)) for item in items]


def status(box: WorldBox) -> dict[str, Any]:
    [found] = asked(box, box_report.Status())
    return found


def metrics(box: WorldBox) -> dict[str, Any]:
    [found] = asked(box, box_report.Metrics())
    return found


def order(box: WorldBox, order: o.Order) -> o.Reply:
    replies: list[o.Reply] = []
    box.carry_out(order, o.Actor(0, "tom"), replies.append)
    return replies[0]


def lose(world: InstantWorld, person: Client) -> None:
    person.cut_off = True
    world.advance(100)


# Status.


def test_an_empty_room_has_nobody_and_nothing(box: WorldBox) -> None:
    found = status(box)
    nothing = {"members": 0, "lost": 0, "guests": 0, "here": [], "sessions": {"secure": 0, "classic": 0}, "head": 0}
    assert nothing.items() <= found.items()
    assert found["orders"] == {"kick": 0, "ban": 0, "mute": 0}
    assert (found["troubles"], found["backup"], found["dropped"]) == ([], None, {})


def test_members_are_told_by_when_they_came_and_how_they_are(world: InstantWorld, box: WorldBox) -> None:
    zoe = world.person("zoe")
    world.advance(0.01)
    ana = world.person("ana")
    world.advance(0.01)
    world.person("ana", key=ana.key)
    world.teletype().join("classico")
    ana.peer.set_away("lunch", world.now)
    world.settle()
    world.person("bot", role=m.SCRIPT)
    lose(world, zoe)
    found = status(box)
    assert (found["members"], found["lost"], found["guests"]) == (3, 1, 1)
    assert found["sessions"] == {"secure": 3, "classic": 1}
    first, second, third = found["here"]
    assert (first["name"], first["sessions"], first["away"]) == ("zoe", 0, None)
    assert first["since"] < first["lost"]
    assert (second["name"], second["sessions"], second["lost"], second["away"]) == ("ana", 2, None, "lunch")
    assert len(second["key"]) == 8
    assert (third["name"], third["key"], third["dialect"]) == ("classico", "", "classic")


def test_no_more_members_are_named_than_a_page_holds(
    world: InstantWorld, box: WorldBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "MAX_HERE", 2)
    for name in ("zoe", "budi", "ana"):
        world.person(name)
        world.advance(0.01)
    found = status(box)
    assert found["members"] == 3
    assert [each["name"] for each in found["here"]] == ["zoe", "budi"]


def test_what_the_process_knows_is_passed_on(box: WorldBox) -> None:
    trouble = Trouble(code="not_storing", reason="the disk is full", remedy="make room there")
    box.known = {"storing": False, "troubles": (trouble,), "dropped": {"receive_buffer": 3}, "loop": 0.12345}
    found = status(box)
    assert found["storing"] is False
    assert found["troubles"] == [msgspec.to_builtins(trouble)]
    assert found["dropped"] == {"receive_buffer": 3}
    assert found["loop"] == 0.123


def test_the_last_backup_is_told_to_people_and_as_a_number(box: WorldBox) -> None:
    assert (status(box)["backup"], metrics(box)["last_backup"]) == (None, None)
    last = LastBackup(at="2026-11-29T04:00:00.500Z", file="/srv/x", failed=None, reason="", due=None)
    box.known = {"backup": last}
    assert status(box)["backup"] == msgspec.to_builtins(last)
    assert metrics(box)["last_backup"] == 1_795_924_800.5
    box.known = {"backup": replace(last, at=None, failed="2026-11-29T04:00:00.500Z")}
    assert metrics(box)["last_backup"] is None


def test_datagrams_of_no_kind_are_counted(world: InstantWorld, box: WorldBox) -> None:
    world.core.receive_datagram(b"\x07rubbish", ("10.9.9.9", 1), world.now)
    assert status(box)["dropped"] == {"state": 1}


# Sessions.


def test_sessions_are_told_with_what_they_lack(world: InstantWorld, box: WorldBox) -> None:
    ana, budi = world.person("ana", host="10.0.0.20"), world.person("budi")
    budi.cut_off = True
    world.advance(2)
    ana.say("soup at one")
    world.advance(1)
    first, second = asked(box, box_report.Sessions())
    assert (first["name"], first["role"], first["dialect"], first["version"]) == ("ana", "member", "secure", "test 1")
    assert (first["address"], first["behind"]) == ("10.0.0.20:40000", 0)
    assert 0 <= first["silent"] < 1
    assert (second["name"], second["behind"]) == ("budi", 1)
    assert second["silent"] >= 3
    assert {first["since"]} == {each["since"] for each in status(box)["here"]}


def test_one_members_sessions_are_found_by_a_name_like_it(world: InstantWorld, box: WorldBox) -> None:
    ana = world.person("Ana")
    world.person("budi")
    world.person("Ana", key=ana.key)
    assert [each["name"] for each in asked(box, box_report.Sessions(name="ana"))] == ["Ana", "Ana"]
    denied = box.told(box_report.Sessions(name="buddy"))
    assert denied == o.OrderDenied(code="no_such_member", name="buddy", nearest=("budi",))
    assert isinstance(box.told(box_report.Sessions(name="x" * 10_000)), o.OrderDenied)


def test_guests_have_sessions_and_strangers_have_none(world: InstantWorld, box: WorldBox) -> None:
    world.person("bot", role=m.SCRIPT)
    world.person("reader", role=m.READER)
    world.person()  # has not joined
    assert [(each["name"], each["role"]) for each in asked(box, box_report.Sessions())] == [
        ("bot", "script"),
        ("reader", "reader"),
    ]


# Names.


def test_names_are_told_with_whose_they_are(world: InstantWorld, box: WorldBox) -> None:
    world.person("ana").leave()
    world.advance(10)
    world.person("budi")
    world.teletype().join("classico")
    here, gone = asked(box, box_report.Names())
    assert (here["name"], here["here"]) == ("budi", True)
    assert (gone["name"], gone["here"]) == ("ana", False)
    assert [each["name"] for each in asked(box, box_report.Names(unused=9.0))] == ["ana"]
    assert asked(box, box_report.Names(unused=1_000.0)) == []


def test_a_name_that_was_freed_or_that_nobody_owns_any_more_is_not_told() -> None:
    world = InstantWorld(ownership=30.0)
    box = WorldBox(world)
    for name in ("ana", "budi"):
        world.person(name).leave()
    assert isinstance(order(box, o.Release(name="ana")), o.NameReleased)
    assert [each["name"] for each in asked(box, box_report.Names())] == ["budi"]
    world.advance(31)
    assert asked(box, box_report.Names()) == []


# Orders.


def test_orders_in_force_are_told_with_who_gave_them_and_whom_they_refused(world: InstantWorld, box: WorldBox) -> None:
    budi, ana = world.person("budi"), world.person("ana")
    order(box, o.Kick(name="budi", reason="flooding", yes=True))
    order(box, o.Ban(target="10.77.0.0/16", for_=None, strangers=True))
    order(box, o.Mute(name="ana"))
    world.person(key=budi.key).join("budi", PASSWORD)
    ana.say("but")
    kick, ban, mute = asked(box, box_report.Bans())
    assert [each["order"] for each in (kick, ban, mute)] == ["kick", "ban", "mute"]
    assert (kick["name"], kick["reason"], kick["by"], kick["as"]) == ("budi", "flooding", 0, "tom")
    assert kick["what"] == f"key:{kick['key']}"
    assert kick["hits"] == 1
    assert kick["since"] <= kick["hit"] < kick["until"]
    assert (ban["what"], ban["until"], ban["strangers"], ban["hits"]) == ("10.77.0.0/16", None, True, 0)
    assert (mute["name"], mute["hits"]) == ("ana", 1)
    assert status(box)["orders"] == {"kick": 1, "ban": 1, "mute": 1}
    assert metrics(box)["bans"] == 1
    world.advance(61)
    assert [each["order"] for each in asked(box, box_report.Bans())] == ["ban", "mute"]


# Numbers.


def test_lines_joins_and_refusals_are_counted(world: InstantWorld, box: WorldBox) -> None:
    ana = world.person("ana")
    budi = world.person("budi")
    ana.say("one")
    ana.say("two")
    budi.say("only for you", to="ana")
    ana.say(" \n ")
    world.person().join("ana", PASSWORD)
    world.person().join("dora", "wrong")
    found = metrics(box)
    assert (found["members"], found["lines"], found["joins"]) == (2, 3, 2)
    assert found["refused"] == {"text_empty": 1, "name_taken": 1, "password_wrong": 1}
    assert found["log_head"] == 5
    assert (found["datagrams_received"], found["datagrams_sent"]) == (10, 20)


def test_whoever_lacks_many_entries_is_behind(
    world: InstantWorld, box: WorldBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "FAR_BEHIND", 10)
    ana, budi = world.person("ana"), world.person("budi")
    world.person("budi", key=budi.key).cut_off = True
    budi.cut_off = True
    world.advance(1)
    for number in range(11):
        assert metrics(box)["behind_members"] == 0
        ana.say(f"{number}")
        world.advance(0.5)
    assert metrics(box)["behind_members"] == 1, "a member, whatever number of its sessions"
