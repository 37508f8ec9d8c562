"""Whatever the network does, everybody sees the same room: 40 seeds of weather in virtual time.

A failure names its seed; `pytest tests/simulation -k 'seed and 17'` runs it again.
"""

from __future__ import annotations

import pytest
from kit.clients import Client
from kit.server import SERVER, name_rules
from kit.weather import Weather
from simulation.laws import Chronicle
from simulation.world import FAIR, NAME_OWNERSHIP, SimulatedRoom

from sockatuh.protocol.client.events import MembersListed
from sockatuh.room.decisions import JOIN_LINES_UP_TO
from sockatuh.room.entries import Left

SEEDS = range(40)
MORE_SEEDS = range(40, 2150)
SETTLE = 60.0
HOUR = 3_600_000


class Story:
    """The story of one seed: people talk, and now and then something fails."""

    def __init__(self, seed: int) -> None:
        # In some rooms nobody is shown who comes and goes, in some it ends with the third member.
        # In some, nobody keeps a name when that member is called something else or gone.
        self.keeps_names = seed % 4 != 3
        self.world = SimulatedRoom(
            seed,
            join_lines_up_to=(JOIN_LINES_UP_TO, 0, 2)[seed % 3],
            name_ownership=NAME_OWNERSHIP if self.keeps_names else 0.0,
        )
        self.dice = self.world.dice
        self.keys = [
            self.world.dice.randbytes(32) for _ in range(self.dice.choice([2, 3, 4, 5, 8, 30 if seed % 10 == 0 else 2]))
        ]
        self.names = [f"member{number}" for number in range(len(self.keys))]
        self.counter = 0
        self.absent_long = False

        self.said_away: set[str | None] = {None}
        self.owned: set[tuple[Client, int]] = set()
        """The private lines whose addressee's name belonged to somebody."""

    def live(self) -> None:
        world, dice = self.world, self.dice
        world.weather = Weather(
            loss=dice.choice([0.0, 0.05, 0.2]),
            duplication=dice.choice([0.0, 0.1]),
            corruption=dice.choice([0.0, 0.02]),
            delay=(0.0002, dice.choice([0.002, 0.04])),
        )
        for name, key in zip(self.names, self.keys, strict=True):
            world.add_client(name, key=key, history=dice.choice([None, 0, 3]))
        for _ in range(dice.randint(5, 30)):
            world.run(dice.uniform(0.0, 1.5))
            node = dice.choice([node for node in world.members if not node.has_left])
            dice.choice(
                [self.say] * 8
                + [self.whisper] * 4
                + [self.burst, self.paste, self.move, self.cut, self.crash, self.fill, self.meddle]
                + [self.rename] * 3
                + [self.go_away, self.whisper_at_length]
            )(node)
            if dice.random() < 0.1:
                dice.choice([self.send, self.return_later, self.sleep, self.open_another])(node)
            if dice.random() < 0.05:
                awake = dice.choice([node for node in world.members if not node.has_left])
                dice.choice([self.suspend, self.suspend_server, self.turn_the_clock])(awake)
        world.weather = FAIR

    def say(self, node: Client, extra: str = "") -> None:
        self.counter += 1
        node.say(f"line {self.counter}{extra}")

    def whisper(self, node: Client, extra: str = "") -> None:
        """Say something to somebody: here, gone, renamed, oneself, or nobody; the name may look different."""
        log = Chronicle.of(self.world.log.rows)
        names = [*self.names, *(name for had in log.names.values() for _, name in had)]
        to = self.dice.choice(names)
        self.counter += 1
        to = self.dice.choice([to, to, to.upper(), f"nobody{self.counter}"])
        number = node.say(f"secret {self.counter}{extra}", to=to)
        if name_rules().key(to) in log.owners and self.keeps_names and not self.world.server.wall_ahead:
            self.owned.add((node, number))

    def whisper_at_length(self, node: Client) -> None:
        """Say something to somebody that takes several datagrams, or just one more because of the name."""
        self.whisper(node, " " + "x" * self.dice.choice([1_100, 1_108, 1_112, 1_120, 5_000, 16_000]))

    def rename(self, node: Client) -> None:
        """Ask for another name: a new one, the same in other letters, one that somebody has or had, or one like it."""
        if not all(each.starts for each in self.world.members):
            return  # somebody is still on the way in, whose name is to be free
        name = self.dice.choice([*self.names, f"nick{self.dice.randint(0, 3)}", f"new{self.counter}", node.known_as])
        like = [name, name, name.upper(), name.replace("e", "\N{CYRILLIC SMALL LETTER IE}")]
        for each in (node, self.dice.choice(self.world.members))[: self.dice.choice([1, 1, 2])]:  # at the same moment
            each.rename(self.dice.choice(like))
        if self.dice.random() < 0.5:
            self.say(node)

    def go_away(self, node: Client) -> None:
        """Be away, or back."""
        text = self.dice.choice([None, "", "lunch", f"until {self.counter}"])
        self.said_away.add(text)
        node.set_away(text)

    def open_another(self, node: Client) -> None:
        """Somebody opens a second window, under the name they have."""
        if name := self.name_of(node):
            self.world.add_client(name, key=node.key, history=0)

    def name_of(self, node: Client) -> str:
        """Return what somebody is called; "" while another name is asked for."""
        if any(each.is_asking for each in self.world.members if each.key == node.key and not each.has_left):
            return ""
        called = Chronicle.of(self.world.log.rows).present.values()
        return next((name for name, owner in called if owner == node.fingerprint), node.known_as)

    def burst(self, node: Client) -> None:
        for _ in range(self.dice.randint(2, 40)):
            self.say(node)

    def paste(self, node: Client) -> None:
        self.say(node, " " + "x" * self.dice.randint(1000, 16_000))

    def move(self, node: Client) -> None:
        self.world.move(node)

    def cut(self, node: Client) -> None:
        node.cut_off = True
        self.world.run(self.dice.uniform(0.1, 12.0))
        node.cut_off = False

    def crash(self, node: Client) -> None:
        del node
        self.world.server.crash()
        self.world.run(self.dice.uniform(0.0, 3.0))
        self.world.start_server()

    def suspend(self, node: Client) -> None:
        """A laptop is closed: it receives nothing, and for its programs no time passes."""
        self.world.suspend_client(node, self.dice.uniform(0.5, 70.0))

    def suspend_server(self, node: Client) -> None:
        """The same with the server's machine; how long it takes makes no difference, for it does not pass there."""
        self.say(node)
        self.world.suspend_server(self.dice.choice([self.dice.uniform(0.1, 10.0), self.dice.uniform(60.0, 400.0)]))

    def turn_the_clock(self, node: Client) -> None:
        """The server's wall clock jumps; names may be free from then on."""
        self.owned.clear()
        self.world.server.wall_ahead += self.dice.choice(
            [HOUR, -HOUR, -24 * HOUR, 400 * 24 * HOUR, -50 * 365 * 24 * HOUR]
        )
        self.say(node)

    def fill(self, node: Client) -> None:
        """The server's disk is full for a while, and somebody goes on talking."""
        self.world.log.full = True
        self.say(node)
        self.world.run(self.dice.uniform(0.1, 4.0))
        self.world.log.full = False

    def meddle(self, node: Client) -> None:
        """A stranger throws old and invented datagrams, also in the name of a member."""
        self.world.keep_wire = True
        self.say(node)
        self.world.run(0.1)
        self.world.keep_wire = False
        for data in self.world.wire[-20:]:
            self.world.send(data, ("10.9.9.9", 99), SERVER)
            self.world.send(self.world.dice.randbytes(len(data)), node.address, SERVER)

    def send(self, node: Client) -> None:
        """A script of a member says a line, under the member's name."""
        script = self.world.add_client(self.name_of(node) or node.known_as, key=node.key, is_script=True)
        self.say(script)
        assert self.world.run(60.0, until=lambda: script.peer.unanswered == 0)
        script.leave()

    def return_later(self, node: Client) -> None:
        """Somebody leaves, and comes back with the same key from a new program."""
        if node.is_script or sum(not other.has_left for other in self.world.members) < 2:
            return
        self.absent_long = True
        assert self.world.run(60.0, until=lambda: node.peer.unanswered == 0)
        if not (name := self.name_of(node)):
            return
        node.leave()
        self.world.run(self.dice.uniform(0.0, 2.0))
        self.world.add_client(name, key=node.key, history=self.dice.choice([None, 0]))

    def sleep(self, node: Client) -> None:
        """A laptop sleeps for longer than the room waits."""
        self.absent_long = True
        node.cut_off = True
        self.world.run(self.dice.uniform(60.0, 300.0))
        node.cut_off = False


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


@pytest.mark.parametrize("seed", range(20))
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
@pytest.mark.parametrize("seed", range(20, 200))
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
