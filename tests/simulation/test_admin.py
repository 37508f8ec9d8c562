"""An admin kicks, bans, mutes, releases, strikes and announces in any weather: 12 seeds of it in virtual time.

What must hold of the orders is in `admin.py`; what must hold of any room is asserted as well. A failure names its seed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest
from kit.clients import Client
from simulation.admin import AdminRoom, name_key
from simulation.laws import Chronicle
from simulation.story import Story
from simulation.world import NAME_OWNERSHIP

from sockatuh.protocol.client import events as e
from sockatuh.protocol.client.state import PeerState
from sockatuh.room.decisions import JOIN_LINES_UP_TO
from sockatuh.room.entries import ADMIN_OWNER, Message, Whispered
from sockatuh.room.orders import (
    Announce,
    Ban,
    Kick,
    Mute,
    OrderDenied,
    Release,
    Strike,
    Unban,
    Unmute,
)

SEEDS = range(12)
MORE_SEEDS = range(12, 600)
SETTLE = 60.0
SPANS: Final = (1.0, 5.0, 30.0, 120.0, 3_600.0)
REASONS: Final = ("", "flooding", "be nice, please")
NAME_GONE: Final = (["name_reserved"], ["name_owned"], ["name_taken"], ["name_unavailable"])
"""Refusals after which a person asks for another name."""
WHILE_ORDERED: Final = frozenset({"muted", "kicked", "banned", "name_reserved"})
"""Codes with which a line may be refused because of an order."""


class AdminStory(Story):
    """The story of one seed, in which somebody has a hand on the room."""

    world: AdminRoom

    def open_room(self, seed: int) -> AdminRoom:
        return AdminRoom(
            seed,
            join_lines_up_to=(JOIN_LINES_UP_TO, 0, 2)[seed % 3],
            name_ownership=NAME_OWNERSHIP if self.keeps_names else 0.0,
        )

    def do_something(self) -> None:
        if self.dice.random() < 0.4 or not self.awake():
            self.rule()
        else:
            super().do_something()
        for node in self.shut_out():
            if self.dice.random() < 0.3:
                self.dice.choice([self.give_up, self.try_again, self.try_again])(node)

    def is_heard(self, node: Client) -> bool:
        return self.world.run(60.0, until=lambda: node.peer.unanswered == 0)

    def awake(self) -> list[Client]:
        shut_out = self.shut_out()
        return [node for node in super().awake() if node not in shut_out]

    def shut_out(self) -> list[Client]:
        """Return those who were removed or refused, and wait for their person to do something."""
        idle, waits = PeerState.IDLE, PeerState.OPEN
        here = [node for node in self.world.members if not node.has_left]
        return [node for node in here if node.peer.state is idle or (node.refusals and node.peer.state is waits)]

    def give_up(self, node: Client) -> None:
        """Somebody closes the program, whatever it has not delivered, and may open another."""
        node.peer.stop()
        node.has_left = node.cut_off = True
        if self.dice.random() < 0.7:
            self.return_as(node, self.own_name(node))

    def return_as(self, node: Client, name: str) -> None:
        """Somebody opens the program again, which knows the server, and may have a ticket."""
        tickets = [event.ticket for event in node.all(e.Admitted)]
        ticket = self.dice.choice([tickets[-1], None]) if tickets and not node.refusals else None
        history = self.dice.choice([None, 0])
        self.world.add_client(name, key=node.key, pin=node.peer.pin, ticket=ticket, history=history)

    def try_again(self, node: Client) -> None:
        """Somebody asks to come in once more, with the same name or another; who was removed has to start anew."""
        if node.peer.state is PeerState.IDLE:
            self.give_up(node)
        else:
            node.join(self.own_name(node))

    def own_name(self, node: Client) -> str:
        """Return a name under which somebody can hope to come in: one for all windows of a key."""
        had = Chronicle.of(self.world.log.rows).names.get(node.fingerprint)
        name = had[-1][1] if had else node.known_as
        return name if node.refusals[-1:] not in NAME_GONE else f"{node.key.hex()[:6]}{len(had or ())}"

    # The admin.

    def rule(self) -> None:
        """Let the admin give an order, or two at the same moment."""
        orders: list[Callable[[], None]] = [
            self.kick, self.kick, self.ban, self.ban, self.lift, self.lift,
            self.mute, self.mute, self.release, self.announce, self.strike, self.strike_at_once, self.take_back,
        ]  # fmt: skip
        if self.dice.random() < 0.2:
            self.meet()
        for _ in range(self.dice.choice([1, 1, 1, 2])):
            self.dice.choice(orders)()
        if self.dice.random() < 0.15:
            self.world.run(self.dice.uniform(0.0, 0.01))  # about as long as a commit takes
            self.crash(self.world.members[0])

    def meet(self) -> None:
        """Let somebody come in, who is at the door when the order is given."""
        node = self.dice.choice(self.world.members)
        if name := self.name_of(node):
            self.world.add_client(name, key=node.key, history=0)
            self.world.run(self.dice.choice([0.0, 0.05]) + self.dice.uniform(0.0, 0.05))

    def somebody(self) -> str:
        """Return a name: of somebody here, gone, or unheard of, and perhaps written otherwise."""
        known = [name for had in Chronicle.of(self.world.log.rows).names.values() for _, name in had]
        here = [name for name, _ in Chronicle.of(self.world.log.rows).present.values()]
        name = self.dice.choice([*here * 3, *known, "nobody"])
        return self.dice.choice([name, name, name.upper()])

    def kick(self) -> None:
        span, reason = self.dice.choice(SPANS[:4]), self.dice.choice(REASONS)
        self.world.order(Kick(name=self.somebody(), for_=span, reason=reason, yes=True))

    def ban(self) -> None:
        """Ban a name's key, a key by its tag, an address, a network, or a name."""
        node = self.dice.choice(self.world.members)
        host = node.address[0]
        network = host.rpartition(".")[0] + ".0/30"
        targets = [
            self.somebody(), f"key:{node.fingerprint[:8]}", host, network, f"name:{self.somebody()}", "no/such", "",
        ]  # fmt: skip
        target = self.dice.choice(targets)
        strangers = target in (host, network) and self.dice.random() < 0.5
        span = self.dice.choice([*SPANS, None])
        reason, dry = self.dice.choice(REASONS), self.dice.random() < 0.1
        yes = self.dice.random() < 0.8
        self.world.order(Ban(target=target, for_=span, reason=reason, strangers=strangers, yes=yes, dry_run=dry))

    def lift(self) -> None:
        standing = self.world.standing()
        if not standing:
            return
        order = self.dice.choice(standing)
        if order.verb == "mute":
            self.world.order(Unmute(name=self.dice.choice([str(order.seq), order.body.name])))
        else:
            self.world.order(Unban(target=self.dice.choice([str(order.seq), order.body.address or order.body.name])))

    def mute(self) -> None:
        span = self.dice.choice([*SPANS, None])
        self.world.order(Mute(name=self.somebody(), for_=span, reason=self.dice.choice(REASONS)))

    def release(self) -> None:
        self.owned.clear()
        self.world.order(Release(name=self.somebody()))

    def announce(self) -> None:
        self.counter += 1
        self.world.order(Announce(text=f"announcement {self.counter};"))

    def strike(self) -> None:
        """Strike a line, one that is gone already, or something that is none."""
        rows = self.world.log.rows
        lines = [row.seq for row in rows if isinstance(row.body, Message | Whispered)]
        seq = self.dice.choice([*lines * 10, len(rows) + 7, 1])
        self.world.order(self.dice.choice([Strike(seq=seq), Strike(seq=seq), Strike(last=self.somebody())]))

    def strike_at_once(self) -> None:
        """Strike long lines that are still on their way to everybody."""
        if awake := self.awake():
            node = self.dice.choice(awake)
            for _ in range(self.dice.choice([1, 1, 5])):
                self.paste(node)
            self.world.run(self.dice.uniform(0.0, 0.1))
            self.world.order(Strike(last=self.name_of(node) or node.known_as))

    def take_back(self) -> None:
        """Let a member strike a line: its own, or another's."""
        node = self.dice.choice(self.world.members)
        seqs = [*node.stored.values(), *(entry.seq for entry in node.entries)]
        if seqs and node.peer.state is PeerState.JOINED:
            node.strike(self.dice.choice(seqs))

    # In the end.

    def forgive(self) -> None:
        """Lift every order, and let everybody come back whom one has kept out."""
        world = self.world
        assert world.run(SETTLE, until=lambda: not world.server.room_server.unwritten)
        for order in world.standing():
            lift = Unmute(name=str(order.seq)) if order.verb == "mute" else Unban(target=str(order.seq))
            world.order(lift)
        assert world.run(SETTLE, until=lambda: not world.server.room_server.unwritten)
        at = world.server.believed_wall()
        assert not [order for order in world.standing() if order.is_in_force(at)], "an order could not be lifted"
        for node in [node for node in world.members if not node.has_left]:
            if node.peer.state is not PeerState.JOINED:
                self.give_up(node)
        for _ in range(10):
            world.run(10.0)
            for node in self.shut_out():
                self.try_again(node)


@pytest.mark.slow
@pytest.mark.parametrize("seed", MORE_SEEDS)
def test_a_room_survives_its_admin_in_many_weathers(seed: int) -> None:
    test_a_room_survives_its_admin(seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_room_survives_its_admin(seed: int) -> None:
    story = AdminStory(seed)
    world = story.world
    story.live()
    story.forgive()
    assert world.run(SETTLE, until=world.everybody_is_up_to_date), "not everybody came back"
    world.check()
    for node in world.members:
        if not node.has_left:
            assert node.said.keys() == node.stored.keys() | node.refused.keys(), "a line was never answered"
        for number, code in node.refused.items():
            assert code in WHILE_ORDERED | {"no_such_name"}, f"a line was refused with {code}"
            assert code != "no_such_name" or (node, number) not in story.owned, (
                f"nobody is called {node.said_to[number]}"
            )
    announced = {row.body.name for row in world.log.rows if row.body.owner == ADMIN_OWNER}
    assert announced <= {"admin"}
    assert name_key("admin") not in Chronicle.of(world.log.rows).present


def test_the_stories_give_every_order_and_hear_every_answer() -> None:
    """What is never done is never tested: every kind of order is carried out, and most are denied too."""
    done, denied, searched = set[str](), set[str](), 0
    for seed in SEEDS:
        story = AdminStory(seed)
        story.live()
        for given in story.world.given:
            for reply in given.replies:
                (denied if isinstance(reply, OrderDenied) else done).add(type(given.order).__name__)
        searched += story.world.searched
        if len(done) == 8 and {"Ban", "Release", "Strike"} <= denied and searched > 100:
            return
    raise AssertionError(f"carried out: {sorted(done)}, denied: {sorted(denied)}, datagrams searched: {searched}")
