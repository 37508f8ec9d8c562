"""The way from the gateway to its room: how a browser's client connects, and what is known of the server."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from ipaddress import ip_address
from typing import Any, Final

import msgspec

from sockatuh.client.connect import connect
from sockatuh.client.items import NameFree, NameRefused, Notice
from sockatuh.client.profile import Profile
from sockatuh.client.room import Room
from sockatuh.client.server_address import ServerAddress
from sockatuh.client.sign_in import Reason
from sockatuh.errors import NameTaken, Refused

from .source_address import source_of

PROGRAM: Final = "sockatuh-web"
"""What the room is told of this client: it shows others `web` because of it."""
PATIENCE: Final = 30.0
"""Seconds that connecting may take, while a person waits."""
NAME_PATIENCE: Final = 10.0
"""The same for a question about a name, to a room that counts the handshakes of each browser for itself."""
EVERYWHERE: Final = "::"


def is_here(host: str) -> bool:
    """Tell whether a host is a loopback address, so that what answers there is on this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


Connect = Callable[..., AbstractAsyncContextManager[Room]]


class _Answered(Exception):
    """Ends a connection that was only to ask about a name."""


class _NameQuestions:
    """Asks nobody: what the room says about the name is the answer. `suggested` is one that can be had instead."""

    def __init__(self) -> None:
        self.suggested = ""

    async def name(self, suggested: str) -> str:
        self.suggested = suggested
        raise _Answered

    async def password(self, reason: Reason) -> str:  # noqa: ARG002 - the library asks with it
        raise _Answered

    def answered(self) -> None:
        """Nothing was asked."""


class Way(msgspec.Struct, frozen=True):
    """How to reach the room. `known` remembers its key for all browsers; `key` makes source addresses (32 bytes).

    `connect_to` is replaced in tests, by a room in memory.
    """

    server: ServerAddress
    known: Profile
    key: bytes
    connect_to: Connect = msgspec.field(default=connect)

    @property
    def tells_browsers_apart(self) -> bool:
        """Whether each browser comes from an address of its own, which needs a room on this machine, and Linux."""
        return sys.platform == "linux" and is_here(self.server.host) and ":" not in self.server.host

    @property
    def room(self) -> str | None:
        """The room's name, None before anybody has joined."""
        pin = self.known.find_pin(self.server.server)
        return (pin.room or None) if pin is not None else None

    def source(self, address: str) -> str:
        """Return the address to connect from for a browser at an address."""
        return source_of(address, self.key) if self.tells_browsers_apart else EVERYWHERE

    def connect(self, profile: Profile, address: str, **options: Any) -> AbstractAsyncContextManager[Room]:
        """Connect for a browser; see `sockatuh.connect`."""
        server = self.server.server
        if profile.find_pin(server) is None and (pin := self.known.find_pin(server)) is not None:
            profile.pin(server, pin.key, pin.room)
        return self.connect_to(
            self.server,
            profile=profile,
            source=self.source(address),
            program=PROGRAM,
            **{"patience": PATIENCE} | options,
        )

    def remember_server(self, profile: Profile) -> None:
        """Remember the key of the server that a browser was let in by, which has proved that it knows the password."""
        server = self.server.server
        if self.known.find_pin(server) is None and (pin := profile.find_pin(server)) is not None:
            self.known.pin(server, pin.key, pin.room)

    async def ask_name(self, name: str, profile: Profile, address: str) -> str:
        """Ask the room whether a name can be had, and return it as the room writes it.

        Raises NameTaken (perhaps with a suggestion) and Refused, and what connecting raises.
        """
        answers: list[Notice] = []
        questions = _NameQuestions()
        options: dict[str, Any] = {"patience": NAME_PATIENCE} if self.tells_browsers_apart else {}
        try:
            async with self.connect(
                profile, address, name=name, questions=questions, on_notice=answers.append, history=0, **options
            ) as room:
                return room.me  # by a ticket: it is this browser's own name
        except _Answered:
            pass
        for answer in reversed(answers):
            if isinstance(answer, NameFree):
                return answer.written
            if isinstance(answer, NameRefused):
                why = answer.why
                raise NameTaken(why.code, why.wait, why.detail, questions.suggested, why.tag, why.since)
        raise Refused("busy")
