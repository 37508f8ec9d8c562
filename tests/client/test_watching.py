"""What a client does when its machine has slept or moved, and while its server may have moved."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from sockatuh import Lost, Room
from sockatuh.client.carrier import Carrier, Watch
from sockatuh.client.session import LOOK_INTERVAL, RESOLVE_INTERVAL
from sockatuh.protocol.client.events import PeerEvent
from sockatuh.protocol.client.peer import Peer
from sockatuh.protocol.seam import Address
from sockatuh.testing import MemoryRoom, run

NOTICED_WITHIN = 9.0
"""Seconds from a question to a server that is away until contact counts as lost."""


@dataclass
class Seeing(Watch):
    """A watch that sees what the test says."""

    sees_network: bool
    sees_sleep: bool
    is_closed: bool = False

    def close(self) -> None:
        self.is_closed = True


@dataclass
class Machine:
    """A client's machine, which sleeps and moves as the test says."""

    kitchen: MemoryRoom
    watch: Seeing | None = None
    source: str | None = "10.1.0.1"
    changed: Callable[[bool], None] = lambda _: None
    look_ups: list[float] = field(default_factory=list)

    def carry(self, peer: Peer, on_event: Callable[[PeerEvent], None]) -> Carrier:
        return Carried(self, self.kitchen._carry(peer, on_event))


class Carried:
    """A carrier on that machine."""

    def __init__(self, machine: Machine, below: Carrier) -> None:
        self._machine = machine
        self.start, self.flush, self.close = below.start, below.flush, below.close
        self.look_up, self.run_slow = below.look_up, below.run_slow

    async def look_up_again(self, *_: object) -> list[Address]:
        self._machine.look_ups.append(asyncio.get_running_loop().time())
        return []

    def find_source(self, server: Address) -> str | None:
        assert server
        return self._machine.source

    def watch_machine(self, on_change: Callable[[bool], None]) -> Seeing | None:
        self._machine.changed = on_change
        return self._machine.watch


async def lost_after(room: Room) -> float:
    """Return after how many seconds contact is lost."""
    began = asyncio.get_running_loop().time()
    async for event in room:
        if isinstance(event, Lost):
            break
    return asyncio.get_running_loop().time() - began


def test_after_a_sleep_or_a_move_the_server_is_asked_at_once() -> None:
    async def story() -> None:
        for slept, source in [(True, "10.1.0.1"), (False, "10.9.0.1")]:
            async with MemoryRoom() as kitchen:
                machine = Machine(kitchen)
                async with kitchen.connect(name="ana", carry=machine.carry) as ana:
                    kitchen.cut_network()
                    machine.source = source
                    machine.changed(slept)
                    assert await lost_after(ana) < NOTICED_WITHIN

    run(story())


def test_other_changes_of_the_network_are_no_reason_to_ask() -> None:
    async def story() -> None:
        async with MemoryRoom() as kitchen:
            machine = Machine(kitchen)
            async with kitchen.connect(name="ana", carry=machine.carry) as ana:
                kitchen.cut_network()
                for source in ("10.1.0.1", None):  # None: no route at present, so there is nothing to ask
                    machine.source = source
                    machine.changed(False)
                assert await lost_after(ana) > 2 * NOTICED_WITHIN

    run(story())


def test_a_route_that_comes_back_is_a_reason_to_ask() -> None:
    async def story() -> None:
        async with MemoryRoom() as kitchen:
            machine = Machine(kitchen)
            async with kitchen.connect(name="ana", carry=machine.carry) as ana:
                kitchen.cut_network()
                for source in (None, "10.1.0.1"):
                    machine.source = source
                    machine.changed(False)
                assert await lost_after(ana) < NOTICED_WITHIN

    run(story())


@pytest.mark.parametrize("watch", [Seeing(False, True), Seeing(True, False)])
def test_what_nobody_reports_is_looked_for(watch: Seeing) -> None:
    async def story() -> None:
        async with MemoryRoom() as kitchen:
            machine = Machine(kitchen, watch)
            async with kitchen.connect(name="ana", carry=machine.carry) as ana:
                kitchen.cut_network()
                machine.source = "10.9.0.1"
                assert await lost_after(ana) < LOOK_INTERVAL + NOTICED_WITHIN
        assert watch.is_closed

    run(story())


def test_the_name_is_looked_up_while_there_is_no_contact_and_at_no_other_time() -> None:
    async def story() -> None:
        async with MemoryRoom() as kitchen:
            machine = Machine(kitchen, Seeing(True, True))
            async with kitchen.connect(name="ana", carry=machine.carry) as ana:
                await asyncio.sleep(10 * RESOLVE_INTERVAL)
                assert machine.look_ups == []
                kitchen.cut_network()
                machine.changed(True)
                lost = asyncio.get_running_loop().time() + await lost_after(ana)
                await asyncio.sleep(3.5 * RESOLVE_INTERVAL)
                assert machine.look_ups == pytest.approx([lost + RESOLVE_INTERVAL * each for each in (1, 2, 3)])
                kitchen.mend_network()
                await ana.say("back")
                several = len(machine.look_ups)
                await asyncio.sleep(10 * RESOLVE_INTERVAL)
                assert len(machine.look_ups) == several

    run(story())
