"""Backups are made and put back under members in any weather: returning members are shown every kept line.

Most of the members ask for no history, some are away meanwhile. A failure names its seed.
"""

from __future__ import annotations

import pytest
from kit.clients import Client
from kit.disk import Backup
from kit.weather import Weather
from simulation.world import FAIR, SimulatedRoom

from sockatuh.protocol.client import events as e
from sockatuh.protocol.client.state import PeerState
from sockatuh.protocol.messages import MESSAGE

SEEDS = range(12)
MORE_SEEDS = range(12, 600)
SETTLE = 90.0


class Story:
    """What happens in one seed."""

    def __init__(self, seed: int) -> None:
        self.world = SimulatedRoom(seed)
        self.dice = self.world.dice
        self.nodes: list[Client] = []
        self.backups: list[Backup] = []
        self.counter = 0
        self.known: dict[str, set[bytes]] = {}
        """By name, the entries there were when a member first came, that it did not ask for."""

    def live(self) -> None:
        world, dice = self.world, self.dice
        world.weather = Weather(loss=dice.choice([0.0, 0.1]), delay=(0.0002, dice.choice([0.002, 0.03])))
        self.join()
        self.back_up()
        self.join()
        for _ in range(dice.randint(6, 14)):
            world.run(dice.uniform(0.0, 2.0))
            do = [self.say] * 5 + [self.join, self.cut, self.mend, self.crash] + [self.back_up] * 2 + [self.restore] * 2
            dice.choice(do)()
        self.restore()
        self.say()
        for node in self.nodes:
            node.cut_off = False
        world.weather = FAIR

    def join(self) -> None:
        world = self.world
        node = world.add_client(f"member{len(self.nodes)}", history=self.dice.choice([0, 0, None]))
        self.nodes.append(node)
        assert world.run(20.0, until=lambda: bool(node.starts)), "it did not get in"
        self.known[node.name] = {row.id for row in world.log.rows[: node.starts[0]]}

    def say(self) -> None:
        node = self.dice.choice(self.nodes)
        for _ in range(self.dice.randint(1, 12)):
            self.counter += 1
            node.say(f"line {self.counter}")

    def cut(self) -> None:
        self.dice.choice(self.nodes).cut_off = True

    def mend(self) -> None:
        self.dice.choice(self.nodes).cut_off = False

    def crash(self) -> None:
        self.world.server.crash()
        self.world.run(self.dice.uniform(0.0, 3.0))
        self.world.start_server()

    def back_up(self) -> None:
        self.backups.append(self.world.log.back_up())

    def restore(self) -> None:
        self.world.restore(self.dice.choice(self.backups[-3:]))

    def is_settled(self) -> bool:
        return all(self.is_up_to_date(node) for node in self.nodes)

    def is_up_to_date(self, node: Client) -> bool:
        """Tell whether a member has been let into the present log and has read all of it since."""
        came = max(place for place, event in enumerate(node.events) if isinstance(event, e.Admitted))
        admitted, *since = node.events[came:]
        assert isinstance(admitted, e.Admitted)
        read_to = max((event.entry.seq for event in since if isinstance(event, e.EntryArrived)), default=admitted.start)
        is_in = node.peer.state is PeerState.JOINED and admitted.log_id == self.world.log.log_id
        return is_in and not node.peer.unanswered and read_to == self.world.log.head


def check(story: Story, node: Client) -> None:
    """Hold what a member was shown against the log: each line since it came that is kept, and since it was last told
    that the log was set back nothing that is not in the log.
    """
    log = {seq: (name, text) for seq, name, text in story.world.messages()}
    shown: set[tuple[int, tuple[str, str]]] = set()
    believed: dict[int, tuple[str, str]] = {}
    for event in node.events:
        if isinstance(event, e.Admitted) and event.rewound:
            believed = {seq: said for seq, said in believed.items() if seq <= event.start}
        elif isinstance(event, e.EntryArrived) and event.entry.kind == MESSAGE:
            believed[event.entry.seq] = event.entry.name, event.entry.text
            shown.add((event.entry.seq, believed[event.entry.seq]))
    known = story.known[node.name]
    kept = {(seq, said) for seq, said in log.items() if story.world.log.rows[seq - 1].id not in known}
    assert kept <= shown, f"{node.name} was never shown {sorted(kept - shown)[:3]}"
    wrong = {seq: said for seq, said in believed.items() if log.get(seq) != said}
    assert not wrong, f"{node.name} believes {wrong}"
    assert not node.gone, "entries were called gone that are in the log"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_member_returning_to_a_restored_log_is_shown_every_kept_line(
    seed: int,
) -> None:
    story = Story(seed)
    story.live()
    assert story.world.run(SETTLE, until=story.is_settled), "not everybody came back"
    for node in story.nodes:
        check(story, node)


@pytest.mark.slow
@pytest.mark.parametrize("seed", MORE_SEEDS)
def test_it_holds_in_many_seeds_of_weather(seed: int) -> None:
    test_a_member_returning_to_a_restored_log_is_shown_every_kept_line(seed)
