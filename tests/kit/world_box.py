"""The control socket's view of a room in an instant world."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgspec.structs import replace

from sockatuh.room.orders import Actor, Order, OrderDenied, Reply
from sockatuh.server.box_report import Asked, Reloaded, ReloadReply
from sockatuh.server.control_lines import Item
from sockatuh.server.options import Ready
from sockatuh.server.reports import Vitals, report
from sockatuh.server.timing import Timing

from .instant_world import InstantWorld
from .server import OPTIONS


class WorldBox:
    """Answers queries about a world and carries out orders in it; `known` replaces what its process knows."""

    def __init__(self, world: InstantWorld) -> None:
        self.world = world
        self.known: dict[str, Any] = {}

    def vitals(self) -> Vitals:
        world = self.world
        vitals = Vitals(
            now=world.now,
            wall=world.wall(),
            ready=Ready("kitchen", "::", ("10.0.0.1",), 7625, world.endpoint.public_key),
            started=world.wall() - 60_000,
            database=4_096,
            storing=True,
            loop=0.25,
            writer=0.5,
            receive_buffer=8_388_608,
            received=10,
            sent=20,
            dropped={},
            password_checks=1,
            commits=Timing().histogram(),
            turns=Timing().histogram(),
            troubles=(),
        )
        return replace(vitals, **self.known)

    async def report(self, query: Asked) -> Iterator[Item] | OrderDenied:
        """Answer a query of the control socket."""
        return self.told(query)

    def told(self, query: Asked) -> Iterator[Item] | OrderDenied:
        """Answer a query."""
        return report(query, self.world.parts, OPTIONS, self.vitals())

    def carry_out(self, order: Order, actor: Actor, answer: Callable[[Reply], None]) -> None:
        """Carry out an order, and have the world do what that leads to."""
        self.world.room_server.orders.carry_out(order, actor, answer, self.world.now)
        self.world.settle()

    def reload(self, answer: Callable[[ReloadReply], None]) -> None:
        """Take nothing: the world's settings do not change."""
        answer(Reloaded(taken=(), restart=()))
