"""Seats at the server: who is let in, who has to go, and what each is told."""

from __future__ import annotations

from kit.clients import Client
from kit.hall import Hall
from kit.world import PASSWORD

from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as e
from sockatuh.protocol.server.limits import Limits

VILLAINS = [f"10.9.0.{number}" for number in range(1, 5)]


def crowd(hall: Hall, count: int) -> None:
    """Let one person join with so many keys, from a few addresses."""
    for number in range(count):
        hall.person(f"villain{number}", host=VILLAINS[number % len(VILLAINS)])


def test_however_many_keys_one_person_makes_others_get_in() -> None:
    hall = Hall(max_members=40)
    ana = hall.person("ana")
    ana.cut_off = True
    crowd(hall, 60)
    newcomers = [hall.person(f"newcomer{number}") for number in range(3)]
    assert all(newcomer.is_in for newcomer in newcomers)
    refused = {code for person in hall.clients if isinstance(person, Client) for code in person.refusals}
    assert refused == {"room_full"}


def test_a_refusal_gives_the_true_reason() -> None:
    hall = Hall(max_members=10)
    for number in range(10):
        last = hall.person(f"user{number}", host="10.9.0.1")
    assert last.last(e.JoinRefused).detail == (
        "9 of 10 seats are taken, 9 of them from your address; the last ones are kept for others"
    )
    assert hall.diary.of("seat_refused")[0]["reason"] == "room_full"
    assert hall.person("ana").is_in
    assert hall.person("budi").last(e.JoinRefused).detail == "10 of 10 seats are taken"


def test_who_comes_back_with_a_ticket_within_the_grace_is_never_told_that_the_room_is_full() -> None:
    hall = Hall(max_members=4, limits=Limits(idle_seconds=30, ping_seconds=10))
    people = [hall.person(name, host="10.9.0.1") for name in ("ana", "budi", "citra")]
    people[1].cut_off = people[2].cut_off = True
    hall.advance(40.0)
    crowd(hall, 6)
    assert hall.kinds().count("left") >= 1
    assert {body.reason for body in hall.bodies() if hasattr(body, "reason")} == {"crowded"}
    for person in people[1:]:
        person.cut_off = False
    hall.advance(60.0)
    assert all(person.is_in and not person.refusals for person in people)


def test_an_eleventh_script_of_an_address_waits_and_is_told_why_when_it_asks() -> None:
    hall = Hall(limits=Limits(handshakes_burst=100, guests_per_address=3))
    scripts = [hall.person(f"robot{number}", transient=True, host="10.9.0.1") for number in range(4)]
    assert [script.is_in for script in scripts] == [True] * 3 + [False]
    assert scripts[3].peer.put_off == e.JoinRefused("guests_from_address", 5.0, "at most 3")
    assert hall.person("robot9", transient=True).is_in, "others have seats of their own"
    scripts[0].leave()
    hall.advance(10.0)
    assert scripts[3].is_in


def test_a_reader_receives_lines_cannot_speak_and_makes_no_join_line() -> None:
    hall = Hall(max_members=1)
    ana = hall.person("ana")
    reader = hall.person("listener", role=m.READER)
    assert reader.is_in, "a reader needs no seat of a member"
    ana.say("hello")
    assert reader.story[-1] == "ana: hello"
    number = reader.say("me too")
    assert reader.last(e.LineRefused) == e.LineRefused(number, "only_reading")
    assert hall.kinds() == ["joined", "claimed", "message"]
    assert ana.who() == ["ana", "listener"]
    listed = ana.last(e.MembersListed).members
    assert [(info.name, info.role) for info in listed] == [("ana", m.MEMBER), ("listener", m.READER)]
    reader.leave()
    assert hall.kinds() == ["joined", "claimed", "message"]
    assert ana.who() == ["ana"]


def test_a_readers_seat_goes_to_one_from_elsewhere_and_it_comes_back_by_itself() -> None:
    hall = Hall(limits=Limits(guests=2))
    readers = [hall.person(f"listener{number}", role=m.READER, host="10.9.0.1") for number in range(2)]
    script = hall.person("robot", transient=True)
    assert script.is_in
    assert readers[1].last(e.ContactLost).reason == "crowded"
    assert [record.reason for record in hall.ledger.records] == [None, "crowded", None]
    script.leave()
    hall.advance(12.0)
    assert readers[1].is_in


def test_the_password_is_still_wanted_of_everybody() -> None:
    hall = Hall()
    reader = hall.person(role=m.READER)
    reader.join("listener", PASSWORD + "!")
    assert reader.refusals == ["password_wrong"]
