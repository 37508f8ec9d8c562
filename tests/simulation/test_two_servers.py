"""Two servers follow one log: what is said at one is shown at both, and the log decides what both are asked for.

Nothing decides yet which server a member belongs to, so the other one sees it without contact; a story is shorter than
the grace. A failure names its seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial

import pytest
from kit.clients import Client
from kit.weather import Weather
from simulation.laws import Chronicle
from simulation.world import FAIR, SimulatedRoom

from sockatuh.protocol.client import events as e
from sockatuh.room.log import Append, Conflict, Outcome, Row

SEEDS = range(8)
MORE_SEEDS = range(8, 200)
STEP = 0.002
SETTLE = 60.0


class Pair:
    """Two servers on one log, each with its own clients; their clocks go in step.

    Each learns up to `lag` seconds late what the other has written. `conflicts` counts lost races, and `of_others` the
    rows each was given that it had not appended.
    """

    def __init__(self, seed: int, lag: float = 0.02) -> None:
        self.rooms = [SimulatedRoom(seed), SimulatedRoom(seed + 1_000_000)]
        self.log, self.dice, self._lag = self.rooms[0].log, random.Random(seed), lag
        self._due = [0.0, 0.0]
        self.conflicts = 0
        self.of_others = [0, 0]
        self._own: list[set[bytes]] = [set(), set()]
        for number, room in enumerate(self.rooms):
            room.log = room.server.log = self.log
            self._watch(number)
            room.start_server()

    def _watch(self, number: int) -> None:
        """Look at what passes between a server and its log."""
        server = self.rooms[number].server
        take, put = server._take_committed, server._append

        def taken(rows: Sequence[Row], outcomes: Sequence[Outcome]) -> None:
            self.conflicts += sum(isinstance(outcome, Conflict) for outcome in outcomes)
            self.of_others[number] += sum(row.id not in self._own[number] for row in rows)
            take(rows, outcomes)

        def appended(append: Append) -> None:
            self._own[number].add(append.id)
            put(append)

        server._take_committed, server._append = taken, appended  # type: ignore[method-assign]

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        end = self.rooms[0].now + seconds
        while not until() and self.rooms[0].now < end:
            for number, room in enumerate(self.rooms):
                room.run(STEP)
                if room.now >= self._due[number]:
                    self._due[number] = room.now + self.dice.uniform(0, self._lag)
                    room.server.follow()
        return until()

    @property
    def clients(self) -> list[Client]:
        return [client for room in self.rooms for client in room.members]

    def is_settled(self) -> bool:
        return all(room.everybody_is_up_to_date() for room in self.rooms)

    def check(self) -> None:
        """Hold both servers, and all their members, to one log."""
        for room in self.rooms:
            room.check()
        for client in self.clients:
            assert client.said.keys() == client.stored.keys() | client.refused.keys(), "a line was never answered"
            assert {*client.refused.values()} <= {"no_such_name"}
            here = Chronicle.of(self.log.rows).present.values()
            assert (client.known_as, client.fingerprint) in here, "somebody does not know what they are called"


class Story:
    """What happens in one seed."""

    def __init__(self, seed: int) -> None:
        self.pair = Pair(seed)
        self.dice = self.pair.dice
        self.counter = 0
        self.failures = [self.crash, self.lose_confirmations, self.fill]

    def live(self) -> None:
        pair, dice = self.pair, self.dice
        for number, room in enumerate(pair.rooms):
            room.weather = Weather(loss=dice.choice([0.0, 0.1]), delay=(0.0002, dice.choice([0.002, 0.03])))
            for each in range(dice.randint(1, 3)):
                room.add_client(f"member{number}{each}")
        for _ in range(dice.randint(5, 10)):
            pair.run(dice.uniform(0.0, 0.5))
            dice.choice([self.say] * 5 + [self.whisper] * 2 + [self.rename] * 2 + self.failures)()
        for room in pair.rooms:
            room.weather = FAIR

    def say(self) -> None:
        for room in self.pair.rooms:
            for _ in range(self.dice.randint(0, 4)):
                self.counter += 1
                self.dice.choice(room.members).say(f"line {self.counter}")

    def whisper(self) -> None:
        """Have somebody at each server say something to somebody at either."""
        for room in self.pair.rooms:
            self.counter += 1
            to = self.dice.choice([client.known_as for client in self.pair.clients])
            self.dice.choice(room.members).say(f"secret {self.counter}", to=to)

    def rename(self) -> None:
        """Have somebody at each server ask for a name at the same time, now and then for the same one."""
        if all(client.starts for client in self.pair.clients):
            for room in self.pair.rooms:
                self.counter += 1
                name = self.dice.choice(["salt", "Salt", "pepper", f"new{self.counter}"])
                self.dice.choice(room.members).rename(name)

    def crash(self) -> None:
        room = self.dice.choice(self.pair.rooms)
        self.say()
        self.pair.run(self.dice.uniform(0.0, 0.01))
        room.server.crash()
        self.pair.run(self.dice.uniform(0.0, 0.5))
        room.start_server()

    def lose_confirmations(self) -> None:
        """Have commits written and reported as failed for a moment."""
        self.pair.log.lying = True
        self.say()
        self.pair.run(self.dice.uniform(0.0, 0.3))
        self.pair.log.lying = False

    def fill(self) -> None:
        self.pair.log.full = True
        self.say()
        self.pair.run(self.dice.uniform(0.0, 0.3))
        self.pair.log.full = False


@pytest.mark.parametrize("seed", SEEDS)
def test_members_of_two_servers_see_one_room_whatever_fails(seed: int) -> None:
    story = Story(seed)
    story.live()
    assert story.pair.run(SETTLE, until=story.pair.is_settled), "not everybody was shown everything"
    story.pair.check()
    assert all(story.pair.of_others), "neither has written everything itself"


@pytest.mark.slow
@pytest.mark.parametrize("seed", MORE_SEEDS)
def test_it_holds_in_many_seeds_of_weather(seed: int) -> None:
    test_members_of_two_servers_see_one_room_whatever_fails(seed)


def test_the_log_decides_when_members_of_two_servers_ask_for_one_name() -> None:
    conflicts = 0
    for seed in range(4):
        pair = Pair(seed, lag=0.05)
        clients = [room.add_client(name) for room, name in zip(pair.rooms, ["ana", "budi"], strict=True)]
        assert pair.run(20.0, until=lambda clients=clients: all(client.starts for client in clients))  # type: ignore[misc]
        before = pair.conflicts
        for client in clients:
            client.rename("cici")
        assert pair.run(20.0, until=lambda clients=clients: not any(client.is_asking for client in clients))  # type: ignore[misc]
        assert pair.run(20.0, until=pair.is_settled)
        pair.check()
        winner, loser = sorted(clients, key=lambda client: client.known_as != "cici")
        assert loser.last(e.RequestRefused).why.code == "name_taken"
        assert loser.known_as == loser.name
        assert [row.kind for row in pair.log.rows] == ["joined", "joined", "renamed", "left"]
        assert winner.last(e.NameChanged).request is not None
        conflicts += pair.conflicts - before
    assert conflicts, "at least once, both were decided on before either was in the log"


def test_a_private_line_goes_to_whoever_has_the_name_at_the_other_server() -> None:
    pair = Pair(3)
    ana, eva = (pair.rooms[0].add_client(name) for name in ("ana", "eva"))
    budi = pair.rooms[1].add_client("budi")
    assert pair.run(20.0, until=lambda: pair.is_settled() and all(len(room.room.members) == 3 for room in pair.rooms))
    budi.rename("bodhi")
    assert pair.run(20.0, until=lambda: not budi.is_asking and pair.is_settled())
    pair.run(1.0)
    ana.say("psst", to="budi")
    assert pair.run(20.0, until=lambda: bool(ana.stored) and pair.is_settled())
    assert ana.whispers == budi.whispers == [("ana", "bodhi", "psst")]
    assert not eva.whispers
    pair.check()


def are_answered(clients: list[Client]) -> bool:
    return all(client.starts or client.refusals for client in clients)


def test_the_log_decides_when_two_servers_receive_a_request_for_one_name() -> None:
    conflicts = 0
    for seed in range(4):
        pair = Pair(seed, lag=0.05)
        clients = [room.add_client("ana") for room in pair.rooms]
        assert pair.run(20.0, until=partial(are_answered, clients))
        winner, loser = sorted(clients, key=lambda client: not client.starts)
        assert winner.is_in
        assert (loser.starts, loser.refusals) == ([], ["name_taken"])
        assert [row.kind for row in pair.log.rows] == ["joined"]
        conflicts += pair.conflicts
    assert conflicts, "at least once, both joins were decided on before either was in the log"


def test_a_line_is_one_entry_when_its_commit_was_called_failed_and_the_other_server_goes_on() -> None:
    pair = Pair(7)
    ana, budi = (room.add_client(name) for room, name in zip(pair.rooms, ["ana", "budi"], strict=True))
    assert pair.run(20.0, until=lambda: bool(ana.starts and budi.starts))
    pair.log.lying = True
    ana.say("is it there?")
    assert pair.run(5.0, until=lambda: pair.log.rows[-1].kind == "message")
    assert not budi.lines
    pair.log.lying = False
    budi.say("I have seen nothing")
    assert pair.run(SETTLE, until=lambda: len(ana.stored) == len(budi.stored) == 1 and pair.is_settled())
    assert [text for _, _, text in pair.rooms[0].messages()] == ["is it there?", "I have seen nothing"]
    assert ana.lines == budi.lines == [(3, "ana", "is it there?"), (4, "budi", "I have seen nothing")]


@pytest.mark.parametrize("seed", range(6))
def test_the_log_decides_between_a_rename_at_one_server_and_a_join_at_the_other(seed: int) -> None:
    pair = Pair(seed, lag=0.05)
    tom = pair.rooms[0].add_client("tom")
    assert pair.run(20.0, until=partial(are_answered, [tom]))
    phone = pair.rooms[1].add_client("tom", key=tom.key)
    assert pair.run(20.0, until=partial(are_answered, [phone]))
    ana = pair.rooms[1].add_client("ana")
    pair.run(seed * 0.004)
    tom.rename("ana")
    assert pair.run(20.0, until=lambda: are_answered([ana]) and not tom.is_asking)
    pair.run(1.0)
    assert pair.conflicts, "both were decided on before either was in the log"
    names = [[member.name for member in room.server.room.members] for room in pair.rooms]
    assert names[0] == names[1]
    phone.say("hello")
    assert pair.run(20.0, until=lambda: bool(phone.stored))
    kinds, author = [row.kind for row in pair.log.rows], pair.rooms[0].messages()[-1][1]
    if ana.is_in:
        assert (names[0], kinds, author) == (["ana", "tom"], ["joined", "joined", "message"], "tom")
    else:
        assert (names[0], kinds, author) == (["ana"], ["joined", "renamed", "left", "message"], "ana")
