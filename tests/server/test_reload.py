"""A configuration that changes while people are in the room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kit.clients import Client
from kit.instant_world import InstantWorld
from kit.password_hash import OTHER_SALT, quick_hash
from kit.server import OPTIONS
from kit.world import PASSWORD

from sockatuh.errors import ConfigurationError, Problem
from sockatuh.protocol.client import events as e
from sockatuh.protocol.server.limits import Limits
from sockatuh.server.reload import ConfigChange, Reloader, config_change

BEFORE = OPTIONS
NEW_PASSWORD = "rain-ladle-nine"

Reload = Callable[..., tuple[ConfigChange, str]]


@pytest.fixture
def world() -> InstantWorld:
    return InstantWorld()


@pytest.fixture(name="reload")
def _reload(world: InstantWorld) -> Reload:
    """Reload with some options changed."""

    def reload(**changed: Any) -> tuple[ConfigChange, str]:
        reloader = Reloader(world.parts, world.diary)
        return reloader.reload(BEFORE, replace(BEFORE, **changed))

    return reload


def change_password(world: InstantWorld, reload: Reload) -> str:
    world.bcrypt.right = NEW_PASSWORD.encode()
    return reload(password_hash=quick_hash(NEW_PASSWORD, OTHER_SALT))[1]


def ticket_of(person: Client) -> bytes:
    return person.last(e.Admitted).ticket


def test_a_reload_without_changes_reports_nothing(world: InstantWorld, reload: Reload) -> None:
    assert reload() == (ConfigChange(BEFORE, (), ()), "configuration reloaded")
    assert world.diary.of("configuration_reloaded") == [{"changed": "nothing"}]


def test_a_new_password_ends_the_tickets_and_not_the_sessions(world: InstantWorld, reload: Reload) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    old = ticket_of(ana)
    assert change_password(world, reload).endswith("password changed: 2 members stay, tickets are void")
    assert world.diary.of("password_changed") == [{"members_staying": 2, "tickets": "void"}]
    ana.say("still here")
    assert budi.story[-1] == "ana: still here"
    again = world.person(key=ana.key, ticket=old)
    assert not again.last(e.Connected).resumed
    again.join("ana", PASSWORD)
    assert again.refusals == ["password_wrong"]
    again.join("ana", NEW_PASSWORD)
    assert again.is_in
    assert world.person(key=ana.key, ticket=ticket_of(again)).is_in


def test_members_out_of_contact_are_not_counted_as_staying(world: InstantWorld, reload: Reload) -> None:
    ana = world.person("ana")
    world.person("budi").cut_off = True
    world.advance(Limits().idle_seconds + 2)
    assert "1 member stays" in change_password(world, reload)
    assert ana.is_in


def test_members_that_come_back_to_another_password_do_not_lock_their_router_out(
    world: InstantWorld, reload: Reload
) -> None:
    pupils = [world.person(f"pupil {number}", host="10.0.0.2") for number in range(12)]
    change_password(world, reload)
    world.begin(quick_hash(NEW_PASSWORD, OTHER_SALT))
    world.until(lambda: all(pupil.refusals for pupil in pupils))
    assert {code for pupil in pupils for code in pupil.refusals} == {"password_changed"}
    assert not world.diary.of("password_refused"), "nothing was tried"
    late = world.person(host="10.0.0.2")
    late.join("late", NEW_PASSWORD)
    assert late.is_in


def test_changed_limits_reach_every_part_and_disconnect_nobody(world: InstantWorld, reload: Reload) -> None:
    ana = world.person("ana")
    world.person("budi")
    change, _ = reload(limits=Limits(text_bytes=5, grace_seconds=1.0), max_members=1, history_on_join=0)
    assert change.taken == ("history_on_join", "max_members", "limits")
    number = ana.say("too long a line")
    assert [event.code for event in ana.all(e.LineRefused) if event.number == number] == ["text_too_long"]
    ana.say("short")
    assert world.person("cici").refusals == ["room_full"]
    world.clients.pop()
    ana.leave()
    world.clients[1].cut_off = True
    world.advance(Limits().idle_seconds + 4)
    assert world.kinds()[-2:] == ["left", "left"], "the grace is a second"
    dora = world.person("dora")
    assert dora.is_in
    assert "ana: short" not in dora.story


def test_a_larger_history_setting_takes_effect(world: InstantWorld, reload: Reload) -> None:
    reload(history_on_join=1)
    ana = world.person("ana")
    for text in ("one", "two", "three"):
        ana.say(text)
    assert said(world.person("budi")) == ["ana: three"]
    reload(history_on_join=2)
    assert said(world.person("cici")) == ["ana: two", "ana: three"]


def said(person: Client) -> list[str]:
    return [line for line in person.story if ": " in line]


def test_a_room_can_be_hidden_without_a_restart(world: InstantWorld, reload: Reload) -> None:
    assert world.parts.core.discoverable
    assert reload(discoverable=False)[0].taken == ("discoverable",)
    assert not world.parts.core.discoverable


def test_members_are_told_where_else_the_room_is_when_they_next_sign_in(world: InstantWorld, reload: Reload) -> None:
    assert world.person("ana").last(e.Admitted).nodes == ()
    change, said = reload(nodes=("192.168.1.21:7625", "box2.lan:7000"))
    assert (change.taken, said) == (("nodes",), "configuration reloaded")
    assert world.person("budi").last(e.Admitted).nodes == ("192.168.1.21:7625", "box2.lan:7000")


def test_disabling_the_classic_dialect_keeps_its_present_members(world: InstantWorld, reload: Reload) -> None:
    early, late = world.teletype(), world.teletype()
    early.join("early")
    ana = world.person("ana")
    reload(classic=False)
    assert world.diary.of("classic_dialect_off")[0]["members_staying"] == 1
    assert late.send(b"Username:late") == []
    ana.say("soup at one")
    assert early.received[-1] == b"ana: soup at one"
    early.send(b"two for me")
    assert ana.story[-1] == "early: two for me"


def test_an_invalid_configuration_is_reported_and_changes_nothing(world: InstantWorld) -> None:
    mistakes = ConfigurationError([Problem("port", "file x", "should be a number"), Problem("hots", "file x", "?")])
    reloader = Reloader(world.parts, world.diary)
    change, said = reloader.reload(BEFORE, mistakes)
    assert change == ConfigChange(BEFORE, (), ())
    assert said == "Configuration not taken: port (file x): should be a number; hots (file x): ?"
    [event] = world.diary.of("configuration_refused")
    assert "hots (file x)" in str(event["problems"])
    assert not world.diary.of("configuration_reloaded")


def test_settings_that_need_a_restart_are_reported_at_each_reload(world: InstantWorld, reload: Reload) -> None:
    wanted: dict[str, Any] = {
        "port": 1,
        "host": "127.0.0.1",
        "room": "cellar",
        "state_dir": Path("/x"),
        "synchronous": "normal",
    }
    change, said = reload(**wanted, log_format="json", max_members=7)
    assert set(change.left) == {*wanted, "log_format"}
    assert change.options == replace(BEFORE, max_members=7)
    assert "needs a restart: host, port, room" in said
    assert world.diary.of("restart_needed")
    assert config_change(change.options, replace(BEFORE, **wanted)).left == change.left[:-1]


@pytest.mark.parametrize(("before", "after", "is_taken"), [(60.0, 0.0, False), (0.0, 60.0, False), (60.0, 70.0, True)])
def test_turning_retention_on_or_off_needs_a_restart(before: float, after: float, is_taken: bool) -> None:
    change = config_change(replace(BEFORE, message_retention=before), replace(BEFORE, message_retention=after))
    assert (change.taken == ("message_retention",), change.left == ("message_retention",)) == (is_taken, not is_taken)
