"""Joining: the ticket if it holds, else the name and then the password, each asked again until it is right."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import time
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sockatuh.client.conversation import Conversation
from sockatuh.errors import NotStored, Refused
from sockatuh.protocol.constants import MAX_NAME_BYTES, MAX_PASSWORD_BYTES
from sockatuh.protocol.peer_events import Admitted
from sockatuh.room.text import clean_line

from .errors import ExitCode, stop
from .given import password_in_file, password_in_variable
from .patience import Patience
from .questions import ask, ask_hidden, tell
from .wording import client as phrases

JOINING: Final = 30.0
"""Seconds in which a join is answered; bcrypt takes a quarter of one, for each in the queue."""
PUT_OFF: Final = "password_wait"
PASSWORD_VARIABLE: Final = "SOCKATUH_PASSWORD"  # noqa: S105 - a name


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is known beforehand; None is asked for, if there is somebody to ask."""

    name: str | None
    password: str | None
    may_ask: bool


class Entrance:
    """One way through the door. What the person typed is asked again when it is refused; what was given is not."""

    def __init__(self, conversation: Conversation, given: Credentials, patience: Patience) -> None:
        self._conversation, self._given, self._patience = conversation, given, patience
        self._name, self._password = given.name, given.password
        self._can_have: str | None = None
        self.came_by_ticket = False
        self._suggested = ""
        self._began_at = self._next_try_at = time.monotonic()

    async def enter(self, *, resumed: bool) -> Admitted:
        """Join, with the ticket if it was taken; raises NameTaken, Refused, NoServer and NotStored."""
        while True:
            try:
                if resumed:
                    admitted = await self._admitted()
                    self.came_by_ticket = True
                    return admitted
                return await self._join()
            except Refused as refused:
                if not resumed or refused.code != "ticket_refused":
                    self._go_on_after(refused)
            resumed = False

    async def _join(self) -> Admitted:
        """Try once: the name, and as soon as that can be had the password."""
        name = _sendable(self._name or self._ask_name())
        if self._password is None and self._given.may_ask and name != self._can_have:
            typed, name = name, clean_line(await self._conversation.ask_name(name, self._patience.left(JOINING)))
            self._name = self._can_have = name
            tell(phrases.NAME_VALID if name == typed else phrases.name_valid_as(name))
        password = self._find_password()
        if len(unicodedata.normalize("NFC", password).encode()) > MAX_PASSWORD_BYTES:
            raise Refused("password_wrong")
        await self._wait_for_the_next_try()
        self._conversation.come_back(name, password)
        admitted = await self._admitted()
        if self._given.may_ask:
            tell(phrases.JOINED)
        return admitted

    async def _admitted(self) -> Admitted:
        """Wait for the answer to a JOIN; somebody who was told that it may take long can also give up."""
        while True:
            try:
                return await self._conversation.admitted(self._patience.left(JOINING))
            except NotStored:
                if not self._given.may_ask or not self._patience.left(JOINING):
                    raise

    def _ask_name(self) -> str:
        default = self._suggested or login_name()
        if not self._given.may_ask:
            if not default:
                stop(phrases.ask_name(""), ExitCode.USAGE)
            return default
        with self._patience.paused():
            while not (name := ask(phrases.ask_name(default)) or default):
                pass
        self._name = name
        return name

    def _find_password(self) -> str:
        if self._password is None:
            if not self._given.may_ask:
                raise Refused("password_missing")
            with self._patience.paused():
                self._password = ask_hidden(phrases.ASK_PASSWORD)
        return self._password

    def _go_on_after(self, refused: Refused) -> None:
        """Make ready for another try, or raise again what no other try would change."""
        if refused.code == PUT_OFF and (self._given.may_ask or refused.wait < self._time_to_wait()):
            pass
        elif not self._given.may_ask:
            raise refused
        elif refused.code in phrases.NAME_REFUSALS:
            tell(phrases.name_refused(refused.code, clean_line(refused.detail)))
            self._name, self._suggested = None, clean_line(refused.suggestion)
        elif refused.code == "password_wrong" and self._given.password is None:
            tell(phrases.PASSWORD_WRONG)
            self._password = None
        else:
            raise refused
        self._next_try_at = time.monotonic() + refused.wait

    async def _wait_for_the_next_try(self) -> None:
        """Wait as the server has asked; only now, so that nobody types a password while nothing hides it."""
        wait = self._next_try_at - time.monotonic()
        if wait <= 0:
            return
        if self._given.may_ask:
            tell(phrases.waiting(wait))
        with self._patience.paused() if self._given.may_ask else contextlib.nullcontext():
            await asyncio.sleep(wait)

    def _time_to_wait(self) -> float:
        """Return the seconds that somebody who is not there to be told may be kept waiting."""
        return min(self._began_at + JOINING - time.monotonic(), self._patience.left(JOINING) or 0.0)


def _sendable(name: str) -> str:
    """Return a name that fits a datagram; whether it is a name is the server's to say."""
    sendable = name.encode(errors="replace").decode()
    if len(sendable.encode()) > MAX_NAME_BYTES:
        raise Refused("name_invalid", detail=phrases.NAME_TOO_LONG)
    return sendable


def login_name() -> str:
    """Return the name this person logged in with, "" when the system does not say."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def given_password(file: str | None, environ: Mapping[str, str]) -> str | None:
    """Return the password from the first line of a file (`-`: stdin), else from $SOCKATUH_PASSWORD."""
    if file:
        return password_in_file(file)
    value = environ.get(PASSWORD_VARIABLE)
    return password_in_variable(PASSWORD_VARIABLE, value) if value else None
