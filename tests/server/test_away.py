"""Being away at the whole server: who is told, and what ends it."""

from __future__ import annotations

import pytest
from kit.clients import Client
from kit.instant_world import InstantWorld

from sockatuh.protocol import constants
from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as e
from sockatuh.protocol.server.limits import Limits
from sockatuh.room import commands

IDLE = Limits().idle_seconds
GRACE = Limits().grace_seconds


@pytest.fixture
def world() -> InstantWorld:
    return InstantWorld()


def told(client: Client) -> list[tuple[str, int, str]]:
    """Return what PRESENCE has said of others."""
    return [
        (change.name, change.state, change.text) for each in client.all(e.PresenceChanged) for change in each.changed
    ]


def away_of(client: Client) -> dict[str, str | None]:
    """Return what the list of members says, page by page."""
    found: dict[str, str | None] = {}
    after, more = "", True
    while more:
        client.peer.ask_who(after, client.now)
        client.world.settle()
        page = client.last(e.MembersListed)
        found |= {member.name: member.away for member in page.members}
        after, more = page.members[-1].name, page.more
    return found


def test_who_is_away_is_told_to_everybody_and_listed_so(world: InstantWorld) -> None:
    tom, budi = world.person("tom"), world.person("budi")
    head = world.log.head
    request = tom.set_away("lunch")
    assert tom.last(e.RequestDone).request == request
    world.advance(1.5)
    assert told(budi) == [("tom", m.AWAY, "lunch")]
    assert away_of(budi) == {"budi": None, "tom": "lunch"}
    assert world.log.head == head, "it is not logged"


@pytest.mark.parametrize("text", ["", None])
def test_an_empty_text_is_away_and_none_is_back(world: InstantWorld, text: str | None) -> None:
    tom, budi = world.person("tom"), world.person("budi")
    tom.set_away("lunch")
    world.advance(1.5)
    tom.set_away(text)
    world.advance(1.5)
    assert told(budi)[-1] == ("tom", m.IN_CONTACT if text is None else m.AWAY, "")
    assert away_of(budi)["tom"] == text


@pytest.mark.parametrize("how", ["says a line", "says a private line"])
def test_whoever_speaks_is_back(world: InstantWorld, how: str) -> None:
    tom, budi = world.person("tom"), world.person("budi")
    tom.set_away("lunch")
    world.advance(1.5)
    if how == "says a line":
        tom.say("back")
    else:
        tom.whisper("budi", "back")
    world.advance(1.5)
    assert told(budi)[-1] == ("tom", m.IN_CONTACT, "")
    assert away_of(budi)["tom"] is None


def test_a_line_that_is_refused_is_not_speaking(world: InstantWorld) -> None:
    tom, budi = world.person("tom"), world.person("budi")
    tom.set_away("lunch")
    tom.whisper("nobody", "hello")
    tom.say("")
    assert away_of(budi)["tom"] == "lunch"


def test_it_belongs_to_the_member_whichever_session_says_it(world: InstantWorld) -> None:
    tom, budi = world.person("tom"), world.person("budi")
    phone = world.person("tom", key=tom.key)
    phone.set_away("out")
    phone.leave()
    assert away_of(budi)["tom"] == "out"
    tom.say("I am still here")
    assert away_of(budi)["tom"] is None


def test_it_outlasts_lost_contact_and_a_rename(world: InstantWorld) -> None:
    tom, budi = world.person("tom"), world.person("budi")
    tom.set_away("lunch")
    tom.rename("tomas")
    world.advance(1.5)
    assert told(budi) == [("tomas", m.AWAY, "lunch")]
    tom.cut_off = True
    world.advance(IDLE + 2)
    assert told(budi)[-1] == ("tomas", m.CONTACT_LOST, "")
    tom.cut_off = False
    world.until(lambda: told(budi)[-1] == ("tomas", m.AWAY, "lunch"))
    assert away_of(budi)["tomas"] == "lunch"


def test_it_ends_with_the_membership_and_with_the_server(world: InstantWorld) -> None:
    tom, budi = world.person("tom"), world.person("budi")
    tom.set_away("lunch")
    world.begin()
    world.until(lambda: len(budi.all(e.Admitted)) == 2 and len(tom.all(e.Admitted)) == 2)
    assert away_of(budi)["tom"] is None
    tom.set_away("lunch")
    tom.leave()
    world.person("tom", key=tom.key)
    assert away_of(budi)["tom"] is None


@pytest.mark.parametrize(("said", "shown"), [
    ("  lunch\x1b[31m\u202e ", "lunch"), ("a\nb\tc", "a ⏎ b    c"), ("x" * 80 + "\x00 ", "x" * 80), ("\x1b[2J", ""),
])  # fmt: skip
def test_its_text_is_cleaned(world: InstantWorld, said: str, shown: str) -> None:
    outlaw, budi = world.outlaw(), world.person("budi")
    outlaw.join("mallory")
    outlaw.send(m.Call(3, m.Away(said)))
    assert outlaw.answers()[-1] == m.Noted()
    assert away_of(budi)["mallory"] == shown


def test_too_long_a_text_is_refused_and_changes_nothing(world: InstantWorld) -> None:
    outlaw, budi = world.outlaw(), world.person("budi")
    outlaw.join("mallory")
    outlaw.send(m.Call(3, m.Away("x" * 81)))
    assert outlaw.answers()[-1] == m.Refused("text_too_long")
    assert away_of(budi)["mallory"] is None


@pytest.mark.parametrize("role", [m.SCRIPT, m.READER])
def test_guests_are_never_away(world: InstantWorld, role: int) -> None:
    guest = world.person("robot", role=role)
    guest.set_away("lunch")
    assert guest.last(e.RequestRefused).why.code == "only_members"


def test_everybody_with_the_longest_names_may_be_away_at_once(world: InstantWorld) -> None:
    budi = world.person("budi")
    people = [world.person(f"{number:02}" + "\N{GOTHIC LETTER AHSA}" * 30) for number in range(20)]
    world.advance(2)
    for person in people:
        person.set_away("\N{STEAMING BOWL}" * 80)
    world.advance(2)
    assert len([change for change in told(budi) if change[1] == m.AWAY]) == 20
    assert list(away_of(budi).values()).count("\N{STEAMING BOWL}" * 80) == 20


def test_saying_the_same_again_tells_nobody(world: InstantWorld) -> None:
    tom, budi = world.person("tom"), world.person("budi")
    for _ in range(3):
        tom.set_away("lunch")
        world.advance(1.5)
    assert len(told(budi)) == 1


def test_the_room_and_the_protocol_agree_on_the_longest_text() -> None:
    assert commands.MAX_AWAY == constants.MAX_AWAY
