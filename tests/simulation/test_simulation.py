"""Whatever the network does, everybody sees the same room: 40 seeds of weather in virtual time.

A failure names its seed; `pytest tests/simulation -k 'seed and 17'` runs it again.
"""

from __future__ import annotations

import pytest
from kit.clients import Client
from kit.weather import Weather
from simulation.laws import Chronicle
from simulation.story import Story
from simulation.world import SimulatedRoom

from sockatuh.protocol.client.events import MembersListed
from sockatuh.room.entries import Left

SEEDS = range(12)
MORE_SEEDS = range(12, 2150)
SETTLE = 60.0


@pytest.mark.slow
@pytest.mark.parametrize("seed", MORE_SEEDS)
def test_a_room_survives_many_weathers(seed: int) -> None:
    test_a_room_survives_its_weather(seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_room_survives_its_weather(seed: int) -> None:
    story = Story(seed)
    world = story.world
    story.live()
    assert world.run(SETTLE, until=world.everybody_is_up_to_date), "not everybody came back"
    world.check()
    for node in world.members:
        assert node.said.keys() == node.stored.keys() | node.refused.keys(), "a line was never answered"
        for number, code in node.refused.items():
            assert code == "no_such_name", f"a line was refused with {code}"
            assert (node, number) not in story.owned, f"nobody is called {node.said_to[number]}"
        away = {member.away for listed in node.all(MembersListed) for member in listed.members}
        assert away <= story.said_away, "somebody is away with a text that nobody said"
    present = [*Chronicle.of(world.log.rows).present.values()]
    assert len({owner for _, owner in present}) == len(present), "somebody is here under two names"
    for node in world.members:
        if not (node.has_left or node.is_script or node.refusals):
            assert (node.known_as, node.fingerprint) in present, f"{node.known_as} does not know what it is called"
    if not story.absent_long:
        left = [row.body for row in world.log.rows if isinstance(row.body, Left) and row.body.reason != "renamed"]
        assert not left, "a short absence left a line"


@pytest.mark.parametrize("seed", range(8))
def test_members_are_reset_by_the_next_server_after_a_crash_at_any_moment(
    seed: int,
) -> None:
    world = SimulatedRoom(seed)
    nodes = [world.add_client(f"member{number}") for number in range(5)]
    assert world.run(5.0, until=lambda: any(node.starts for node in nodes))
    for _ in range(4):  # nobody says a word: a client alone would find out after 25 s
        welcomes = sum(len(node.starts) for node in nodes)
        world.run(3.0, until=lambda before=welcomes: sum(len(node.starts) for node in nodes) > before)  # type: ignore[misc]
        world.run(world.dice.choice([0.0, 0.001, 0.01, 1.0]) * world.dice.random())
        world.server.crash()
        world.run(world.dice.uniform(0.0, 2.0))
        world.start_server()
    assert world.run(3.0, until=lambda: world.room.in_contact == 5), "not everybody was back within 3 s"
    assert world.run(5.0, until=world.everybody_is_up_to_date)
    world.check()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8, 200))
def test_members_are_reset_after_crashes_at_many_more_moments(seed: int) -> None:
    test_members_are_reset_by_the_next_server_after_a_crash_at_any_moment(seed)


def test_suspending_the_servers_machine_expires_no_session() -> None:
    world = SimulatedRoom(1)
    nodes = [world.add_client(f"member{number}") for number in range(3)]
    assert world.run(5.0, until=world.everybody_is_up_to_date)
    world.suspend_server(6.0)
    assert world.run(5.0, until=world.everybody_is_up_to_date)
    assert [len(node.starts) for node in nodes] == [1, 1, 1]
    world.suspend_server(3_600.0)
    assert world.run(30.0, until=world.everybody_is_up_to_date)
    assert [row.kind for row in world.log.rows] == ["joined"] * 3


def test_a_briefly_suspended_client_stays_in_the_room() -> None:
    world = SimulatedRoom(2)
    ana, budi = world.add_client("ana"), world.add_client("budi")
    assert world.run(5.0, until=world.everybody_is_up_to_date)
    for seconds in (5.0, 60.0):
        budi.say(f"while ana sleeps {seconds}")
        world.suspend_client(ana, seconds)
        assert world.run(3.0, until=world.everybody_is_up_to_date)
    assert len(ana.starts) == 1, "the session held"
    assert [row.kind for row in world.log.rows] == ["joined", "joined", "message", "message"]


@pytest.mark.parametrize("seed", range(6))
def test_who_is_away_stays_so_through_the_weather_until_something_is_said_or_the_server_restarts(seed: int) -> None:
    world = SimulatedRoom(seed, Weather(loss=0.1, duplication=0.1, delay=(0.0002, 0.02)))
    ana, budi, _ = (world.add_client(name) for name in ("ana", "budi", "cici"))
    assert world.run(20.0, until=world.everybody_is_up_to_date)
    window = world.add_client("ana", key=ana.key)
    assert world.run(20.0, until=world.everybody_is_up_to_date)

    def away(asks: Client) -> dict[str, str | None]:
        asks.peer.ask_who("", asks.now)
        assert world.run(20.0, until=lambda: not asks.is_asking)
        return {member.name: member.away for member in asks.last(MembersListed).members}

    ana.set_away("lunch")
    assert world.run(20.0, until=lambda: not ana.is_asking)
    world.move(ana)
    world.suspend_client(ana, world.dice.uniform(1.0, 60.0))
    ana.rename("anna")
    assert world.run(20.0, until=lambda: not ana.is_asking and world.everybody_is_up_to_date())
    assert away(budi) == {"anna": "lunch", "budi": None, "cici": None}
    if seed % 2:
        window.say("psst", to="budi")  # from the other window
        assert world.run(20.0, until=world.everybody_is_up_to_date)
    else:
        world.server.crash()
        world.start_server()
        assert world.run(20.0, until=lambda: world.everybody_is_up_to_date() and world.room.in_contact == 3)
    assert away(budi) == {"anna": None, "budi": None, "cici": None}
    world.check()


def test_who_was_away_for_long_is_shown_what_was_said_privately_meanwhile() -> None:
    world = SimulatedRoom(4)
    ana, budi, cici = (world.add_client(name) for name in ("ana", "budi", "cici"))
    assert world.run(5.0, until=world.everybody_is_up_to_date)
    budi.cut_off = True
    world.run(300.0)
    assert isinstance(world.log.rows[-1].body, Left)
    ana.say("first", to="budi")
    ana.rename("anna")
    assert world.run(5.0, until=lambda: not ana.is_asking)
    ana.say("second", to="BUDI")
    assert world.run(5.0, until=lambda: len(ana.stored) == 2)
    world.server.crash()
    world.start_server()
    budi.cut_off = False
    assert world.run(60.0, until=world.everybody_is_up_to_date)
    assert budi.whispers == [("ana", "budi", "first"), ("anna", "budi", "second")]
    assert not cici.whispers
    world.check()
