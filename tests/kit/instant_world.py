"""A room's server and its clients, where neither network, disk nor bcrypt takes any time.

`settle` does everything that needs no time; `advance` lets time pass.
"""

from __future__ import annotations

import random
from dataclasses import replace

from sockatuh.log import Logger
from sockatuh.protocol import messages as m
from sockatuh.protocol.client.joining import PeerOptions
from sockatuh.protocol.client.peer import Peer
from sockatuh.protocol.server.limits import Limits
from sockatuh.room.decisions import JOIN_LINES_UP_TO
from sockatuh.room.entries import Body

from .clients import ClassicClient, Client, LawlessClient
from .server import OPTIONS, RoomServer
from .world import PASSWORD, World


class InstantWorld(World):
    """The server and its clients. Without a `logger`, events go to the diary."""

    server: RoomServer

    def __init__(
        self,
        *,
        history_on_join: int = 200,
        max_members: int = 100,
        join_lines_up_to: int = JOIN_LINES_UP_TO,
        ownership: float = 90 * 86_400.0,
        log_texts: bool = False,
        limits: Limits | None = None,
        classic: bool = True,
        logger: Logger | None = None,
    ) -> None:
        options = replace(
            OPTIONS,
            history_on_join=history_on_join,
            max_members=max_members,
            join_lines_up_to=join_lines_up_to,
            name_ownership=ownership,
            log_texts=log_texts,
            limits=limits or OPTIONS.limits,
            classic=classic,
        )
        dice = random.Random(7625)
        super().__init__(RoomServer(dice, options, logger=logger))
        self.dice = dice
        server = self.server
        self.diary, self.ledger, self.bcrypt, self.log = server.diary, server.ledger, server.bcrypt, server.log
        self._hosts = iter(range(2, 250))
        self.begin()

    def random(self, count: int) -> bytes:
        return self.dice.randbytes(count)

    def wall(self) -> int:
        return self.server.wall()

    # The process.

    @property
    def writer_busy(self) -> bool:
        """Whether the disk is stuck."""
        return self.server.disk_is_stuck

    @writer_busy.setter
    def writer_busy(self, is_busy: bool) -> None:
        self.server.disk_is_stuck = is_busy

    def begin(self, hashed: str | None = None) -> None:
        """Start a server on the present log; a running one is lost, with everything uncommitted."""
        self.server.start(self.now, hashed)
        parts = self.parts = self.server.parts
        self.endpoint, self.classic, self.room, self.room_server = (
            parts.endpoint,
            parts.classic,
            parts.room,
            parts.room_server,
        )
        self.core = parts.core

    def stop(self, code: str) -> None:
        """Stop the server as the service does."""
        if code == "closing":
            self.room_server.empty_room()
        self.settle()
        self.room_server.close_sessions(code)
        self.settle()

    # Who is there.

    def host(self) -> str:
        return f"10.0.0.{next(self._hosts)}"

    def person(
        self,
        name: str | None = None,
        *,
        key: bytes | None = None,
        host: str | None = None,
        ticket: bytes | None = None,
        transient: bool = False,
        role: int = m.MEMBER,
        cursor: int = 0,
        history: int | None = None,
        earlier: int = 0,
        newest: int | None = None,
        log_id: bytes | None = None,
    ) -> Client:
        """Connect a client; with a name, join at once."""
        key = key or self.random(32)
        options = PeerOptions(
            key,
            self.random(8),
            "test 1",
            role=role or int(transient),
            pin=self.endpoint.public_key,
            ticket=ticket,
            cursor=cursor,
            history=history,
            earlier=earlier,
            newest=newest,
            log_id=log_id,
        )
        address = (host or self.host(), 40_000 + len(self.clients))
        person = Client(address, world=self, peer=Peer(options, self.random), key=key)
        self.clients.append(person)
        person.connect()
        if name is not None:
            person.peer.join(name, PASSWORD.encode(), self.now)
        self.settle()
        return person

    def teletype(self) -> ClassicClient:
        """Connect a client of the classic dialect."""
        teletype = ClassicClient((self.host(), 50_000), world=self, password=PASSWORD)
        self.clients.append(teletype)
        return teletype

    def outlaw(
        self,
        key: bytes | None = None,
        *,
        log_id: bytes | None = None,
        cursor: int = 0,
        ticket: bytes | None = None,
        host: str | None = None,
        stream: bytes | None = None,
    ) -> LawlessClient:
        """Connect a client that claims to have read up to `cursor` of the log `log_id`; `stream` is its lines'."""
        payload = m.InitPayload("outlaw", stream or self.random(8), 0, log_id, cursor, ticket)
        address = (host or self.host(), 60_000 + len(self.clients))
        outlaw = LawlessClient(self, address, key or self.random(32), payload)
        self.clients.append(outlaw)
        self.settle()
        return outlaw

    # The log.

    def bodies(self) -> list[Body]:
        """Return the bodies in the log."""
        return [row.body for row in self.log.rows]

    def kinds(self) -> list[str]:
        return [row.kind for row in self.log.rows]
