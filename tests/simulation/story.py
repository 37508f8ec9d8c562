"""A story in a simulated room, made up from a seed: people talk, come and go, and now and then something fails."""

from __future__ import annotations

from kit.clients import Client
from kit.server import SERVER, name_rules
from kit.weather import Weather

from sockatuh.room.decisions import JOIN_LINES_UP_TO

from .laws import Chronicle
from .world import FAIR, NAME_OWNERSHIP, SimulatedRoom

HOUR = 3_600_000


class Story:
    """The story of one seed: people talk, and now and then something fails."""

    def __init__(self, seed: int) -> None:
        # In some rooms nobody is shown who comes and goes, in some it ends with the third member.
        # In some, nobody keeps a name when that member is called something else or gone.
        self.keeps_names = seed % 4 != 3
        self.world = self.open_room(seed)
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

    def open_room(self, seed: int) -> SimulatedRoom:
        return SimulatedRoom(
            seed,
            join_lines_up_to=(JOIN_LINES_UP_TO, 0, 2)[seed % 3],
            name_ownership=NAME_OWNERSHIP if self.keeps_names else 0.0,
        )

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
            self.do_something()
        world.weather = FAIR

    def do_something(self) -> None:
        """Let somebody, or the weather, do one thing, or now and then more."""
        dice = self.dice
        node = dice.choice(self.awake())
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
            dice.choice([self.suspend, self.suspend_server, self.turn_the_clock])(dice.choice(self.awake()))

    def awake(self) -> list[Client]:
        """Return those who can do something."""
        return [node for node in self.world.members if not node.has_left]

    def say(self, node: Client, more: int = 0) -> None:
        node.say(self.new_text("line", more))

    def new_text(self, word: str, more: int) -> str:
        """Return a text that nobody has said; with so many more bytes, it says the same over and over."""
        self.counter += 1
        text = f"{word} {self.counter};"
        return text if not more else f"{text * (2 + more // len(text)):.{len(text) + more - 1}}."

    def whisper(self, node: Client, more: int = 0) -> None:
        """Say something to somebody: here, gone, renamed, oneself, or nobody; the name may look different."""
        log = Chronicle.of(self.world.log.rows)
        names = [*self.names, *(name for had in log.names.values() for _, name in had)]
        to = self.dice.choice(names)
        to = self.dice.choice([to, to, to.upper(), f"nobody{self.counter}"])
        number = node.say(self.new_text("secret", more), to=to)
        if name_rules().key(to) in log.owners and self.keeps_names and not self.world.server.wall_ahead:
            self.owned.add((node, number))

    def whisper_at_length(self, node: Client) -> None:
        """Say something to somebody that takes several datagrams, or just one more because of the name."""
        self.whisper(node, self.dice.choice([1_100, 1_108, 1_112, 1_120, 5_000, 16_000]))

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
        self.say(node, self.dice.randint(1000, 16_000))

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
        if self.is_heard(script):
            script.leave()

    def return_later(self, node: Client) -> None:
        """Somebody leaves, and comes back with the same key from a new program."""
        if node.is_script or sum(not other.has_left for other in self.world.members) < 2:
            return
        self.absent_long = True
        if not self.is_heard(node) or not (name := self.name_of(node)):
            return
        node.leave()
        self.world.run(self.dice.uniform(0.0, 2.0))
        self.world.add_client(name, key=node.key, history=self.dice.choice([None, 0]))

    def is_heard(self, node: Client) -> bool:
        """Wait until all that somebody has said is answered."""
        assert self.world.run(60.0, until=lambda: node.peer.unanswered == 0)
        return True

    def sleep(self, node: Client) -> None:
        """A laptop sleeps for longer than the room waits."""
        self.absent_long = True
        node.cut_off = True
        self.world.run(self.dice.uniform(60.0, 300.0))
        node.cut_off = False
