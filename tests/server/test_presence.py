"""Who is shown joins and leaves, and what PRESENCE reports besides the log."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from kit.clients import Client
from kit.instant_world import InstantWorld
from kit.world import PASSWORD

from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as e
from sockatuh.protocol.client.joining import PeerOptions
from sockatuh.protocol.client.peer import Peer
from sockatuh.protocol.seam import Address
from sockatuh.protocol.server.limits import Limits
from sockatuh.room.entries import Joined, Left


def changes(client: Client) -> list[tuple[str, int]]:
    """Return (name, state) of every presence change a client received."""
    return [(change.name, change.state) for event in client.all(e.PresenceChanged) for change in event.changed]


def test_joins_are_shown_up_to_a_limit_and_leaves_match_them() -> None:
    world = InstantWorld(join_lines_up_to=2)
    ana, budi, cem = (world.person(name) for name in ("ana", "budi", "cem"))
    world.advance(2.0)
    assert ana.story == ["budi joined"]
    cem.leave()
    budi.leave()
    world.person("dani")
    world.advance(2.0)
    assert ana.story == ["budi joined", "budi left", "dani joined"]
    assert not ana.gone


def test_the_leave_of_an_unshown_join_is_unshown_even_after_a_restart() -> None:
    world = InstantWorld(join_lines_up_to=1, limits=Limits(grace_seconds=5.0, idle_seconds=30, ping_seconds=10))
    ana, budi = world.person("ana"), world.person("budi")
    world.advance(1.0)
    world.begin()
    budi.cut_off = True
    world.advance(60.0)
    assert [type(body) for body in world.bodies()] == [Joined, Joined, Left]
    assert ana.story == []
    assert not ana.gone


def test_a_client_reading_from_the_database_is_shown_the_same_entries() -> None:
    world = InstantWorld(join_lines_up_to=1, limits=Limits(recent_entries=1, lines_burst=100))
    ana, budi = world.person("ana"), world.person("budi")
    for number in range(5):
        budi.say(f"line {number}")
    budi.leave()
    late = world.person("cem")
    world.advance(5.0)
    lines = [f"budi: line {number}" for number in range(5)]
    assert ana.story == lines
    assert late.story == lines
    assert not ana.gone + late.gone


def test_a_claim_leaves_no_gap() -> None:
    world = InstantWorld()
    ana = world.person("ana")
    world.person("bot", transient=True)
    ana.say("after the claim")
    assert world.kinds() == ["joined", "claimed", "message"]
    assert ana.story == ["ana: after the claim"]
    assert not ana.gone


def test_the_member_count_is_sent_at_most_once_a_second() -> None:
    world = InstantWorld(join_lines_up_to=0)
    ana, tail = world.person("ana"), world.person("tail", role=m.READER)
    world.advance(2.0)
    before = len(ana.all(e.PresenceChanged))
    for number in range(8):
        world.person(f"guest{number}")
        world.advance(0.25)
    world.advance(2.0)
    assert ana.last(e.PresenceChanged).here == tail.last(e.PresenceChanged).here == 9
    assert len(ana.all(e.PresenceChanged)) - before <= 4
    assert {name for name, state in changes(ana) if state == m.IN_CONTACT} >= {f"guest{n}" for n in range(8)}


def test_lost_and_regained_contact_is_reported_without_an_entry() -> None:
    world = InstantWorld(limits=Limits(idle_seconds=30, ping_seconds=10))
    ana, budi = world.person("ana"), world.person("budi")
    world.advance(2.0)
    budi.cut_off = True
    world.advance(40.0)
    assert changes(ana) == [("budi", m.CONTACT_LOST)]
    budi.cut_off = False
    world.advance(10.0)
    assert changes(ana) == [("budi", m.CONTACT_LOST), ("budi", m.IN_CONTACT)]
    assert world.kinds() == ["joined", "joined"]


def test_changes_shown_by_the_log_are_not_repeated_as_presence() -> None:
    world = InstantWorld()
    ana, budi = world.person("ana"), world.person("budi")
    world.advance(2.0)
    budi.leave()
    world.advance(2.0)
    assert changes(ana) == []
    assert ana.last(e.PresenceChanged).here == 1


def test_no_presence_is_sent_without_a_change() -> None:
    world = InstantWorld()
    ana = world.person("ana")
    world.advance(2.0)
    before = len(ana.all(e.PresenceChanged))
    world.advance(300.0)
    assert len(ana.all(e.PresenceChanged)) == before


# A crowd joins a crowd.


class Crowd(InstantWorld):
    """A world with a thousand clients, which counts delivered datagrams."""

    def __init__(self, room: int) -> None:
        super().__init__(max_members=2 * room + 500, join_lines_up_to=room // 5, classic=False)
        self.at: dict[Address, Client] = {}
        self.received: dict[Address, int] = {}
        self.presences = 0
        endpoint, tell = self.endpoint, self.endpoint.tell_presence

        def count(here: int, changed: Sequence[m.Change]) -> None:
            self.presences += 1
            tell(here, changed)

        endpoint.tell_presence = count  # type: ignore[method-assign, assignment]

    def come(self, number: int) -> Client:
        """Connect a client from a host of its own; it asks to join."""
        address = (f"10.{1 + number // 65_536}.{number // 256 % 256}.{number % 256}", 40_000)
        peer = Peer(PeerOptions(self.random(32), self.random(8), "test", pin=self.endpoint.public_key), self.random)
        client = self.at[address] = Client(address, world=self, peer=peer)
        self.clients.append(client)
        peer.connect([self.server.address], self.now)
        peer.join(f"member{number}", PASSWORD.encode(), self.now)
        self.attend(client)
        return client

    def _deliver(self, data: bytes, source: Address, target: Address) -> None:
        if (client := self.at.get(target)) is None:
            super()._deliver(data, source, target)
        else:
            self.received[target] = self.received.get(target, 0) + 1
            self._hand_over(client, data, source)


@pytest.mark.parametrize("room", [20, pytest.param(1_000, marks=pytest.mark.slow)])
def test_a_crowd_that_joins_a_crowd_costs_each_member_fewer_than_two_datagrams(room: int) -> None:
    crowd = Crowd(room)
    present = [crowd.come(number) for number in range(room)]
    assert crowd.run(120.0, until=lambda: crowd.room.in_contact == room)
    crowd.advance(5.0)
    before, presences = {client.address: crowd.received[client.address] for client in present}, crowd.presences
    newcomers = [crowd.come(room + number) for number in range(room)]
    assert crowd.run(120.0, until=lambda: crowd.room.in_contact == 2 * room)
    crowd.advance(1.0)
    beside = crowd.presences - presences
    received = [crowd.received[client.address] - before[client.address] - beside for client in present]
    assert sum(received) / room < 2
    crowd.advance(40.0)
    present[0].say("is this heard?")
    crowd.advance(2.0)
    for client in (*present, *newcomers):
        assert client.texts[-1] == "is this heard?"
        assert not client.gone
        assert client.peer.here == 2 * room
    shown = [body.unshown for body in crowd.bodies() if isinstance(body, Joined)]
    assert shown.count(False) == room // 5
