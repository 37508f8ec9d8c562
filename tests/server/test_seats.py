"""Seats at the server: who is admitted, who is evicted, and what each is told."""

from __future__ import annotations

from kit.clients import Client
from kit.instant_world import InstantWorld
from kit.world import PASSWORD

from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as e
from sockatuh.protocol.server.limits import Limits

VILLAINS = [f"10.9.0.{number}" for number in range(1, 5)]


def crowd(world: InstantWorld, count: int) -> None:
    """Let one person join with this many keys, from a few addresses."""
    for number in range(count):
        world.person(f"villain{number}", host=VILLAINS[number % len(VILLAINS)])


def test_one_person_with_many_keys_cannot_fill_the_room() -> None:
    world = InstantWorld(max_members=40)
    ana = world.person("ana")
    ana.cut_off = True
    crowd(world, 60)
    newcomers = [world.person(f"newcomer{number}") for number in range(3)]
    assert all(newcomer.is_in for newcomer in newcomers)
    refused = {code for person in world.clients if isinstance(person, Client) for code in person.refusals}
    assert refused == {"room_full"}


def test_a_refusal_states_the_actual_reason() -> None:
    world = InstantWorld(max_members=10)
    for number in range(10):
        last = world.person(f"user{number}", host="10.9.0.1")
    assert last.last(e.JoinRefused).detail == (
        "9 of 10 seats are taken, 9 of them from your address; the last ones are kept for others"
    )
    assert world.diary.of("seat_refused")[0]["reason"] == "room_full"
    assert world.person("ana").is_in
    assert world.person("budi").last(e.JoinRefused).detail == "10 of 10 seats are taken"


def test_a_ticket_within_the_grace_is_never_refused_for_a_full_room() -> None:
    world = InstantWorld(max_members=4, limits=Limits(idle_seconds=30, ping_seconds=10))
    people = [world.person(name, host="10.9.0.1") for name in ("ana", "budi", "citra")]
    people[1].cut_off = people[2].cut_off = True
    world.advance(40.0)
    crowd(world, 6)
    assert world.kinds().count("left") >= 1
    assert {body.reason for body in world.bodies() if hasattr(body, "reason")} == {"crowded"}
    for person in people[1:]:
        person.cut_off = False
    world.advance(60.0)
    assert all(person.is_in and not person.refusals for person in people)


def test_the_eleventh_script_of_an_address_is_asked_to_wait() -> None:
    world = InstantWorld(limits=Limits(handshakes_burst=100, guests_per_address=3))
    scripts = [world.person(f"robot{number}", transient=True, host="10.9.0.1") for number in range(4)]
    assert [script.is_in for script in scripts] == [True] * 3 + [False]
    assert scripts[3].peer.put_off == e.JoinRefused("guests_from_address", 5.0, "at most 3")
    assert world.person("robot9", transient=True).is_in, "others have seats of their own"
    scripts[0].leave()
    world.advance(10.0)
    assert scripts[3].is_in


def test_a_reader_receives_lines_cannot_speak_and_makes_no_join_line() -> None:
    world = InstantWorld(max_members=1)
    ana = world.person("ana")
    reader = world.person("listener", role=m.READER)
    assert reader.is_in, "a reader needs no seat of a member"
    ana.say("hello")
    assert reader.story[-1] == "ana: hello"
    number = reader.say("me too")
    assert reader.last(e.LineRefused) == e.LineRefused(number, "only_reading")
    assert world.kinds() == ["joined", "claimed", "message"]
    assert ana.who() == ["ana", "listener"]
    listed = ana.last(e.MembersListed).members
    assert [(info.name, info.role) for info in listed] == [("ana", m.MEMBER), ("listener", m.READER)]
    reader.leave()
    assert world.kinds() == ["joined", "claimed", "message"]
    assert ana.who() == ["ana"]


def test_a_reader_yields_its_seat_to_another_place_and_reconnects() -> None:
    world = InstantWorld(limits=Limits(guests=2))
    readers = [world.person(f"listener{number}", role=m.READER, host="10.9.0.1") for number in range(2)]
    script = world.person("robot", transient=True)
    assert script.is_in
    assert readers[1].last(e.ContactLost).reason == "crowded"
    assert [record.reason for record in world.ledger.records] == [None, "crowded", None]
    script.leave()
    world.advance(12.0)
    assert readers[1].is_in


def test_a_reader_needs_the_password_too() -> None:
    world = InstantWorld()
    reader = world.person(role=m.READER)
    reader.join("listener", PASSWORD + "!")
    assert reader.refusals == ["password_wrong"]
