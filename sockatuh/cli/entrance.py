"""Joining: the ticket if it holds, else the name and then the password, each asked again until it is right."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import math
import time
from dataclasses import dataclass
from typing import Final

from sockatuh.client.deadline import Patience
from sockatuh.client.session import NAME_CODES, Conversation
from sockatuh.errors import NameTaken, NotStored, Refused
from sockatuh.protocol.client.events import Admitted
from sockatuh.protocol.constants import MAX_NAME_BYTES, PUT_OFF
from sockatuh.room.password import MAX_PASSWORD_BYTES, password_size
from sockatuh.room.text import clean_line
from sockatuh.wording import client as phrases

from .errors import ExitCode, stop
from .questions import ask, ask_hidden, tell
from .roompassword import RoomPassword
from .whose import whose

JOINING: Final = 30.0
"""Seconds in which a join is answered; bcrypt takes a quarter of one, for each in the queue."""
VARIANTS: Final = 3
"""Names like the one that cannot be had that the room is asked about, before one is offered."""
MOST_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is known beforehand; what is not is asked for, if there is somebody to ask."""

    name: str | None
    password: RoomPassword
    may_ask: bool


class _NameAgain(Exception):
    """The person would rather give another name."""


class Entrance:
    """One way through the door. What the person typed is asked again when it is refused; what was given is not."""

    def __init__(self, conversation: Conversation, given: Credentials, patience: Patience) -> None:
        self._conversation, self._given, self._patience = conversation, given, patience
        self._name, self._password = given.name, given.password.given
        self._settled: str | None = None
        """The name that is not asked about any more: it can be had, or its person insists on it."""
        self.came_by_ticket = False
        self._refused_name = self._suggested = self._free = ""
        self._was_wrong = self._was_put_off = False
        self._began_at = self._next_try_at = time.monotonic()
        self._why_wait = phrases.waiting

    async def enter(self, *, resumed: bool) -> Admitted:
        """Join, with the ticket if it was taken; raises NameTaken, Refused, NoServer and NotStored."""
        while True:
            try:
                if resumed:
                    admitted = await self._admitted()
                    self.came_by_ticket = True
                    return admitted
                return await self._join()
            except _NameAgain:
                self._suggested, self._name = self._name or "", None
            except Refused as refused:
                if not resumed or refused.code != "ticket_refused":
                    await self._go_on_after(refused)
            resumed = False

    async def _join(self) -> Admitted:
        """Try once: the name, and as soon as that can be had the password."""
        name = _sendable(self._name or self._ask_name())
        self._name = name
        if self._password is None and self._given.may_ask and name != self._settled:
            self._name = self._settled = name = await self._ask_about(name)
        password = self._find_password()
        if password_size(password) > MAX_PASSWORD_BYTES:
            raise Refused("password_wrong")
        await self._wait_for_the_next_try()
        self._conversation.come_back(name, password)
        admitted = await self._admitted()
        if self._given.may_ask:
            tell(phrases.JOINED)
        return admitted

    async def _ask_about(self, name: str) -> str:
        """Ask whether a name can be had, and return it as it will be written."""
        try:
            shown = clean_line(await self._conversation.ask_name(name, self._patience.left(JOINING)))
        except Refused as refused:
            if refused.code != "name_wait":
                raise
            return name  # too many were asked about from here: with the password it is told all the same
        tell(phrases.NAME_VALID if shown == name else phrases.name_valid_as(shown))
        return shown

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
        if name in (self._refused_name, self._free):  # it is his, he says; or the room has said that it can be had
            self._settled = name
        return name

    def _find_password(self) -> str:
        if self._password is None:
            if not self._given.may_ask:
                raise Refused("password_missing")
            with self._patience.paused():
                while not (typed := ask_hidden(phrases.ASK_PASSWORD)):
                    if self._was_wrong:
                        raise _NameAgain
            self._password = typed
            self._given.password.note(typed)
        return self._password

    async def _go_on_after(self, refused: Refused) -> None:
        """Make ready for another try, or raise again what no other try would change."""
        if refused.code in PUT_OFF and (self._given.may_ask or self._may_wait(refused)):
            self._why_wait = phrases.many_guess if refused.code == "passwords_guessed" else phrases.waiting
            self._was_put_off = True
        elif not self._given.may_ask:
            raise refused
        elif refused.code in phrases.NAME_REFUSALS:
            await self._offer_another_name(refused)
        elif refused.code == "password_wrong" and self._given.password.given is None:
            tell(phrases.PASSWORD_WRONG)
            self._password, self._was_wrong = None, True
            self._why_wait = phrases.waiting
        else:
            raise refused
        self._next_try_at = time.monotonic() + refused.wait

    async def _offer_another_name(self, refused: Refused) -> None:
        """Say why the name cannot be had, and look for one like it that can."""
        wanted, self._name = self._name or "", None
        self._refused_name = wanted if refused.code == "name_unavailable" else ""
        self._suggested = clean_line(refused.suggestion)
        if refused.code in NAME_CODES:
            self._suggested = self._free = await self._find_free_variant(wanted)
        tell(phrases.name_refused(refused.code, whose(refused), clean_line(wanted)))

    async def _find_free_variant(self, wanted: str) -> str:
        """Return the first name like this one that can be had, "" if none of the first is, or nobody says."""
        try:
            for variant in variants(wanted):
                with contextlib.suppress(NameTaken):
                    return clean_line(await self._conversation.ask_name(variant, self._patience.left(JOINING)))
        except Refused:
            pass
        return ""

    async def _wait_for_the_next_try(self) -> None:
        """Wait as the server has asked; only now, so that nobody types a password while nothing hides it."""
        wait = self._next_try_at - time.monotonic()
        if wait <= 0:
            return
        if self._given.may_ask:
            tell(self._why_wait(wait))
        with self._patience.paused() if self._given.may_ask else contextlib.nullcontext():
            await asyncio.sleep(wait)

    def _may_wait(self, refused: Refused) -> bool:
        """Tell whether somebody who is not there to be told may be kept waiting, and has not been already."""
        if refused.code == "passwords_guessed" and self._was_put_off:
            return False
        left = self._patience.left()
        at_most = math.inf if refused.code == "passwords_guessed" else self._began_at + JOINING - time.monotonic()
        return refused.wait < min(at_most, math.inf if left is None else left)


def variants(name: str) -> list[str]:
    """Return names that somebody may like who cannot have this one: budi2, budi3, budi4."""
    stem = name.rstrip("0123456789") or name
    number = int(name[len(stem) :] or 1) if len(name) - len(stem) < MOST_DIGITS else 1
    return [f"{stem}{number + further}" for further in range(1, VARIANTS + 1)]


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
