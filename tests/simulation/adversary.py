"""What people, the weather and the adversary may do in any order, as a state machine of hypothesis."""

from __future__ import annotations

import sys
from typing import Final

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from kit.clients import Client
from kit.server import SERVER
from kit.weather import Weather
from kit.world import PASSWORD

from sockatuh.protocol.constants import (
    COOKIE,
    COOKIE_SIZE,
    DATA,
    HELLO,
    HELLO_SIZE,
    INIT,
    INIT_SIZE,
    MAX_DATAGRAM,
    MIN_DATA,
    RESET,
    RESET_SIZE,
    RESP,
    RESP_SIZE,
)
from sockatuh.protocol.seam import Address

from .siege import MARK, ONE_NAME, STRANGERS, Siege

SIZES: Final = {
    HELLO: HELLO_SIZE,
    COOKIE: COOKIE_SIZE,
    INIT: INIT_SIZE,
    RESP: RESP_SIZE,
    DATA: MIN_DATA + 20,
    RESET: RESET_SIZE,
}
FROM_THE_SERVER: Final = (COOKIE, RESP, DATA, RESET)
NAMES: Final = (*ONE_NAME, f"{MARK} budi", f"{MARK} cici")
TELETYPE: Final[Address] = ("10.77.0.1", 7000)

which = st.integers(0, 10_000)
naps = st.one_of(st.floats(0.0, 5.0), st.sampled_from([30.0, 100.0]))
spans = st.one_of(
    st.floats(0.0, 0.05), st.floats(0.0, 2.0), st.floats(0.0, 40.0), st.sampled_from([130.0, 130.0, 130.0, 4_000.0])
)


class Adversary(RuleBasedStateMachine):
    """One story. Every rule is something that a person, the weather or the adversary does."""

    def __init__(self) -> None:
        super().__init__()
        self.siege: Siege

    @initialize(seed=st.integers(0, 2**32 - 1))
    def begin(self, seed: int) -> None:
        self.siege = Siege(seed)
        self.siege.arrive(NAMES[0])
        self.siege.arrive(NAMES[-1])
        self.siege.run(1.0)

    def node(self, number: int) -> Client:
        here = list(self.siege.people.values())
        return here[number % len(here)]

    def anybody(self, number: int) -> Address:
        places = [SERVER, *STRANGERS, TELETYPE, *(node.address for node in self.siege.people.values())]
        return places[number % len(places)]

    def datagram(self, number: int) -> tuple[bytes, Address, Address]:
        """Return one that was seen: of the newest more often than of old ones."""
        seen = self.siege.seen
        return seen[-1 - number % min(len(seen), 40 if number % 3 else len(seen))]

    # People.

    @rule(name=st.sampled_from(NAMES))
    def come(self, name: str) -> None:
        self.siege.arrive(name)

    @rule(number=which, size=st.sampled_from([1, 40, 1_500, 16_000]), times=st.sampled_from([1, 1, 3, 30]))
    def talk(self, number: int, size: int, times: int) -> None:
        for _ in range(times if size < 1_000 else 1):
            self.siege.talk(self.node(number), size)

    @rule(number=which, to=which, size=st.sampled_from([1, 1_120, 5_000]))
    def whisper(self, number: int, to: int, size: int) -> None:
        self.siege.talk(self.node(number), size, to=self.node(to).known_as)

    @rule(number=which, name=st.sampled_from((*NAMES, f"{MARK} enam", f"{MARK} ENAM")))
    def rename(self, number: int, name: str) -> None:
        self.node(number).rename(name)

    @rule(number=which, text=st.sampled_from([None, "", f"{MARK} lunch"]))
    def be_away_or_back(self, number: int, text: str | None) -> None:
        self.node(number).set_away(text)

    @rule(number=which)
    def leave(self, number: int) -> None:
        node = self.node(number)
        if len(self.siege.people) > 1 and not node.cut_off:
            node.leave()
            del self.siege.people[node.name]

    @rule(number=which, hop=st.booleans())
    def move(self, number: int, hop: bool) -> None:
        node = self.node(number)
        self.siege.move(node)
        if hop:
            node.peer.poke(node.now)

    @rule(number=which)
    def sleep_or_wake(self, number: int) -> None:
        node = self.node(number)
        node.cut_off = not node.cut_off

    @rule(text=st.sampled_from([f"Username:{MARK} dedi", f"Password:{PASSWORD}", "hello from a teletype", "Username:"]))
    def type_in_the_clear(self, text: str) -> None:
        self.siege.inject(text.encode(), TELETYPE, SERVER)

    @rule(name=st.sampled_from(NAMES))
    def guess(self, name: str) -> None:
        """Somebody comes with a wrong password, and goes again."""
        guesser = self.siege.add_client(name, password="guess")
        self.siege.run(1.0)
        self.siege.kill(guesser)

    # The weather.

    @rule(seconds=spans)
    def wait(self, seconds: float) -> None:
        self.siege.run(seconds)

    @rule(loss=st.sampled_from([0.0, 0.3, 1.0]), more=st.sampled_from([0.0, 0.5]), delay=st.sampled_from([0.002, 1.5]))
    def change_the_weather(self, loss: float, more: float, delay: float) -> None:
        self.siege.weather = Weather(loss=loss, duplication=more, corruption=more / 5, delay=(0.0002, delay))

    @rule(seconds=st.sampled_from([0.1, 3.0, 10.0]))
    def clear_up(self, seconds: float) -> None:
        """Let everything work for a while, so that there is something to break again."""
        self.siege.make_good()
        self.siege.run(seconds)

    @rule()
    def crash_or_start(self) -> None:
        if self.siege.server.is_up:
            self.siege.server.crash()
        else:
            self.siege.start_server()

    @rule()
    def fill_or_free_the_disk(self) -> None:
        self.siege.log.full = not self.siege.log.full

    @rule(number=which, seconds=naps)
    def suspend(self, number: int, seconds: float) -> None:
        """Somebody's machine sleeps, or the server's, and its monotonic clock stands still."""
        node = self.node(number)
        if number % 3 == 0:
            self.siege.suspend_server(seconds)
        elif not node.cut_off:
            self.siege.suspend_client(node, seconds)

    @rule(hours=st.sampled_from([-24.0, -1.0, 1.0]))
    def set_the_wall_clock(self, hours: float) -> None:
        self.siege.server.wall_ahead = int(hours * 3_600_000)

    # The adversary.

    @rule(directions=st.sampled_from([{"to"}, {"from"}, {"to", "from"}]))
    def hold(self, directions: set[str]) -> None:
        self.siege.holding = frozenset(directions)

    @rule(keep=st.sampled_from([0.0, 0.5, 1.0]))
    def release(self, keep: float) -> None:
        self.siege.release(keep)

    @rule(number=which, times=st.sampled_from([1, 1, 20]))
    def replay(self, number: int, times: int) -> None:
        for at in range(times):
            self.siege.inject(*self.datagram(number + at))

    @rule(number=which, source=which, to=which)
    def send_elsewhere(self, number: int, source: int, to: int) -> None:
        """Spoof the sender, swap the receiver, or reflect."""
        data, _, _ = self.datagram(number)
        self.siege.inject(data, self.anybody(source), self.anybody(to))

    @rule(number=which, alone=st.booleans())
    def race_from_another_address(self, number: int, alone: bool) -> None:
        """Take a member's newest datagram off the wire, and send it from elsewhere, before its own or alone."""
        siege = self.siege
        siege.holding = siege.holding | {"to"}
        siege.talk(self.node(number), 40)
        if siege.held:
            data, source, target = siege.held.pop()
            siege.inject(data, STRANGERS[number % 2], target)
            siege.run(0.3)
            if not alone:
                siege.inject(data, source, target)

    @rule(number=which, seconds=st.sampled_from([0.2, 3.0, 20.0]))
    def lose_the_answer(self, number: int, seconds: float) -> None:
        """Let a line through, and nothing that the server says to it."""
        self.siege.holding = frozenset({"from"})
        self.siege.talk(self.node(number), 40)
        self.siege.run(seconds)
        self.siege.release(0.0)

    @rule(number=which, seconds=st.floats(0.0, 0.01))
    def crash_in_the_middle(self, number: int, seconds: float) -> None:
        """Kill the server while it deals with a line."""
        self.siege.talk(self.node(number), 40)
        self.siege.run(seconds)
        self.siege.server.crash()
        self.siege.start_server()

    @rule(number=which, at=which, bit=st.integers(0, 7), how=st.integers(0, 2))
    def spoil(self, number: int, at: int, bit: int, how: int) -> None:
        data, source, target = self.datagram(number)
        at %= len(data)
        flipped = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
        longer = data + bytes(min(at, MAX_DATAGRAM - len(data)) + 1)
        self.siege.inject((flipped, data[:at], longer)[how], source, target)

    @rule(kind=st.sampled_from(list(SIZES)), number=which, body=st.binary(max_size=64), place=which)
    def craft(self, kind: int, number: int, body: bytes, place: int) -> None:
        """Make a datagram of a type, in its size, with the beginning of one that was seen and bytes of one's own."""
        seen, _, _ = self.datagram(number)
        data = (bytes([kind]) + seen[1:20] + body).ljust(SIZES[kind], b"\0")[: SIZES[kind]]
        if kind not in FROM_THE_SERVER or place % 5 == 0:
            self.siege.inject(data, self.anybody(place), SERVER)
        else:
            for node in self.siege.people.values():
                self.siege.inject(data, SERVER, node.address)

    @rule(data=st.binary(min_size=1, max_size=MAX_DATAGRAM + 1), source=which, to=which)
    def throw_junk(self, data: bytes, source: int, to: int) -> None:
        self.siege.inject(data, self.anybody(source), self.anybody(to))

    # What must hold.

    @invariant()
    @precondition(lambda self: hasattr(self, "siege"))
    def the_server_keeps_no_more_than_it_may(self) -> None:
        self.siege.bounded()

    @invariant()
    @precondition(lambda self: hasattr(self, "siege"))
    def what_is_known_already_is_right(self) -> None:
        self.siege.check()

    def teardown(self) -> None:
        if hasattr(self, "siege") and sys.exc_info()[0] is None:
            self.siege.rest()


def effort(examples: int, steps: int, *, same_each_time: bool = False) -> settings:
    """Return how hard to try; what is not the same each time is shown as it was: to shorten it can take minutes."""
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        derandomize=same_each_time,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink) if same_each_time else (Phase.generate,),
        report_multiple_bugs=False,
        print_blob=False,
    )
