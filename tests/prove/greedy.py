"""A server that asks too much: no intervals, members and entries without an end, and no line is ever stored."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Final

from prove.attack import Attack, Found, Run, require
from prove.villain import NEVER, Lair, Villain, _client

from sockatuh.protocol import messages as m
from sockatuh.protocol.seam import Address
from sockatuh.protocol.server import events as ev
from sockatuh.protocol.server.limits import Limits

MOST_A_SECOND: Final = 600
"""Datagrams of one client in any second."""
LISTENS_FOR: Final = 5.0
TIMEOUT: Final = 3.0
ENDS_WITHIN: Final = 3.0
"""Seconds after its time is over in which a program has ended, with what Python takes to start."""
LISTED_WITHIN: Final = 25.0
IN_A_PAGE: Final = 20


class Greedy(Villain):
    """Answers everything at once, and demands more with each answer."""

    def __init__(self, seed: int) -> None:
        self.heard_at: dict[Address, list[float]] = {}
        super().__init__(seed)
        self.pages = 0

    def restart(self) -> None:
        self.limits = Limits(ping_seconds=0, ack_milliseconds=0, text_bytes=1 << 40)
        super().restart()

    def receive(self, data: bytes, address: Address, now: float) -> list[tuple[bytes, Address]]:
        self.heard_at.setdefault(address, []).append(now)
        for session in self.endpoint._table:
            if session.address == address and session.joined:
                for demand in (m.Head(NEVER), m.PathChallenge(bytes(8)), m.Entries(0, 0, True, ())):
                    self.endpoint._out.send(session, demand)
        return super().receive(data, address, now)

    def _answer(self, event: ev.ServerEvent, now: float) -> None:
        if not isinstance(event, ev.LineReceived):  # a line is never stored
            super()._answer(event, now)

    def _page(self, cid: int) -> m.Members:  # noqa: ARG002 (everybody gets another page)
        self.pages += 1
        names = [f"member-{self.pages}-{number}" for number in range(IN_A_PAGE)]
        return m.Members(tuple(m.MemberInfo(name, "", "secure", True, 1) for name in names), True)

    def busiest(self) -> int:
        """Return how many datagrams one client has sent in a second, at most."""
        return max(
            sum(1 for at in moments if first <= at < first + 1.0)
            for moments in self.heard_at.values()
            for first in moments[:: max(1, len(moments) // 200)]
        )


async def greedy_server(run: Run) -> Found:
    villain = Greedy(run.seed)
    lair = Lair(villain)
    try:
        return await asyncio.to_thread(_visit, run.directory, lair.port, villain)
    finally:
        lair.close()


def _visit(directory: Path, port: int, villain: Greedy) -> Found:
    client = _client(directory / "guest", port)
    try:
        tail = client.start("tail", "--json")
        time.sleep(LISTENS_FOR)
        tail.terminate()
        tail.communicate()
        began = time.monotonic()
        sent = client.run("send", "--timeout", str(TIMEOUT), "hello")
        took = time.monotonic() - began
        require(sent.returncode == 3, f"send ended with {sent.returncode}: {sent.stderr}")
        require(took <= TIMEOUT + ENDS_WITHIN, f"send --timeout {TIMEOUT:.0f} took {took:.1f} s")
        began = time.monotonic()
        who = client.run("who")
        listed = time.monotonic() - began
        require(listed <= LISTED_WITHIN, f"who took {listed:.1f} s")
    finally:
        client.close()
    busiest = villain.busiest()
    require(busiest <= MOST_A_SECOND, f"a client has sent {busiest} datagrams in a second")
    ended = "with what it had" if who.returncode == 0 else f"with exit code {who.returncode}"
    return Found(
        f"{sum(map(len, villain.heard_at.values())):,} datagrams of tail, send and who, {villain.pages} pages",
        f"at most {busiest} datagrams a second; send --timeout {TIMEOUT:.0f} ended after {took:.1f} s, who {ended} "
        f"after {listed:.1f} s",
    )


ATTACKS: Final = (
    Attack(
        "greedy-server",
        "Whatever a server asks, a client sends at most 600 datagrams a second, and stops at its deadline",
        "a server that names no intervals, never stores a line, and answers each datagram with challenges, heads of "
        "2⁶³, empty answers and ever more members",
        greedy_server,
    ),
)
