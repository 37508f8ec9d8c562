"""Joins a room: by a ticket if there is one, else with a name and the password.

An application may pass `Questions`, which ask a person. A refused name or password that was typed is asked for again;
a refused password that was given beforehand is an error, and without questions every refusal is.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable
from enum import StrEnum
from typing import Final, Protocol

from sockatuh.errors import NameTaken, NotStored, Refused
from sockatuh.protocol.client.events import Admitted
from sockatuh.protocol.constants import PUT_OFF
from sockatuh.protocol.identity import words
from sockatuh.room.password import is_usable
from sockatuh.room.text import clean_line
from sockatuh.room.word import is_word

from .deadline import Patience, loop_time
from .items import NameFree, NameRefused, Notice, PasswordWrong, SignedIn, TryLater
from .room_password import MENDED_BY_A_PASSWORD, RoomPassword
from .session import NAME_CODES, Conversation, sendable_name

JOINING: Final = 60.0
"""Seconds to wait for the answer to a join: on small machines bcrypt takes 15 s at either end."""
VARIANTS: Final = 3
"""How many similar names to try in order to suggest a free one."""
MOST_DIGITS: Final = 6
NAME_REFUSALS: Final = frozenset({"name_invalid", "name_is_password", *NAME_CODES})
"""Refusals for which another name is asked."""


class Trust(StrEnum):
    """What to do about an unknown server.

    ASK and ACCEPT_NEW: it is pinned once it has proved that it knows the password. STRICT: it is refused; only a pin
    or an invite will do.
    """

    ASK = "ask"
    ACCEPT_NEW = "accept-new"
    STRICT = "strict"


class Reason(StrEnum):
    """Why a password is asked for."""

    JOINING = "joining"
    WRONG = "wrong"
    CHANGED = "changed"


class Questions(Protocol):
    """How to ask a person; each method may take as long as the person does."""

    async def name(self, suggested: str) -> str:
        """Return a name; `suggested`, if not "", is the default."""

    async def password(self, reason: Reason) -> str:
        """Return the room's password. "" means: choose another name (after a wrong one), or do not rejoin the room."""

    def answered(self) -> None:
        """Note that the client is in the room (again), so nothing is asked for now."""


class _AnotherName(Exception):
    """The person wants to choose another name."""


class SignIn:
    """One client's way into a room; `login` is the name to suggest where none is known.

    `tell` is called with what a person should know apart from the questions.
    """

    def __init__(
        self,
        conversation: Conversation,
        name: str | None,
        password: RoomPassword,
        questions: Questions | None,
        tell: Callable[[Notice], None],
        patience: Patience,
        login: str = "",
    ) -> None:
        self._conversation, self._questions, self._patience = conversation, questions, patience
        self._tell = tell
        self._given, self._login = password, login
        self._name, self._password = name, password.given
        self._own_name = name
        """The name as it was given or typed; None for one that the server has suggested."""
        self._decided: str | None = None
        """A name that the room need not be asked about: it is free, or the person insists on it."""
        self.used_ticket = False
        self._refused_name = self._suggested = self._free = ""
        self._was_wrong = self._was_put_off = self._many_guess = False
        self._began_at = self._next_try_at = loop_time()

    async def enter(self, *, resumed: bool) -> Admitted:
        """Join, by the ticket if the server accepted it (`resumed`).

        Raises NameTaken, Refused, ServerUnproven, ClientOutdated, NoServer, NotPrepared and NotStored.
        """
        while True:
            try:
                if resumed:
                    admitted = await self._admitted()
                    self.used_ticket = True
                    return admitted
                return await self._join()
            except _AnotherName:
                self._suggested, self._name = self._name or "", None
            except Refused as refused:
                if not resumed or refused.code != "ticket_refused":
                    await self._prepare_another_try(refused)
            resumed = False

    async def _join(self) -> Admitted:
        """Try once: choose a name, then send it with the password."""
        name = sendable_name(self._name or await self._ask_name())
        self._name = name
        self._refuse_password_as_name()
        if self._password is None and self._questions is not None and name != self._decided:
            self._name = self._decided = name = await self._ask_room_about(name)
        password = await self._find_password()
        self._refuse_password_as_name()
        await self._wait_for_the_next_try()
        self._conversation.come_back(name, password)
        admitted = await self._admitted()
        self._tell(SignedIn())
        return admitted

    def _refuse_password_as_name(self) -> None:
        """Raise Refused for a name that is a password: everybody would read it.

        The server's suggestions and spellings are not compared with the password: with each of them a false server
        could try a guess, as a proof that does not come would say that it was right.
        """
        if self._own_name is not None and self._given.occurs_in(self._own_name):
            raise Refused("name_is_password")

    async def _ask_room_about(self, name: str) -> str:
        """Ask the room whether a name is available, and return it as the room writes it."""
        try:
            written = _name_in(await self._conversation.ask_name(name, self._patience.left(JOINING)), name)
        except Refused as refused:
            if refused.code != "name_wait":
                raise
            return name  # too many questions from this address; the join itself will give the answer
        self._tell(NameFree(name, written))
        return written

    async def _admitted(self) -> Admitted:
        """Wait for the answer to JOIN, as long as a person waits while the server can store nothing."""
        while True:
            try:
                return await self._conversation.admitted(self._patience.left(JOINING))
            except NotStored:
                if self._questions is None or not self._patience.left(JOINING):
                    raise

    async def _ask_name(self) -> str:
        default = self._suggested or self._login
        if self._questions is None:
            if not default:
                raise Refused("name_missing")
            self._own_name = default
            return default
        with self._patience.paused():
            name = await self._questions.name(default)
        self._own_name = None if name == self._suggested else name
        if name in (self._refused_name, self._free):  # the person insists on it, or the room said it is free
            self._decided = name
        return name

    async def _find_password(self) -> str:
        if self._password is None:
            if self._questions is None:
                raise Refused("password_missing")
            with self._patience.paused():
                while not (typed := await self._questions.password(Reason.JOINING)):
                    if self._was_wrong:
                        raise _AnotherName
            self._password = typed
            self._given.note(typed)
        return self._password

    async def _prepare_another_try(self, refused: Refused) -> None:
        """Prepare another attempt, or raise the refusal if no other attempt can help."""
        if refused.code == "password_wrong":
            # A server that has proved nothing may be any: then the words of its key are all there is to go by.
            may_be_right = is_usable(self._password or "") and not self._conversation.is_proven
            shown = " ".join(words(self._conversation.server_key)) if may_be_right else ""
            refused = Refused(refused.code, refused.wait, shown)
        if refused.code in PUT_OFF and (self._questions is not None or self._may_wait(refused)):
            self._many_guess = refused.code == "passwords_guessed"
            self._was_put_off = True
        elif self._questions is None:
            raise refused
        elif refused.code in NAME_REFUSALS:
            await self._suggest_another_name(refused)
        elif refused.code == "password_wrong" and self._given.given is None:
            self._tell(PasswordWrong(refused.detail))
            self._password, self._was_wrong, self._many_guess = None, True, False
        else:
            raise refused
        self._next_try_at = loop_time() + refused.wait

    async def _suggest_another_name(self, refused: Refused) -> None:
        """Report why the name is not available, and find a similar one that is."""
        wanted, self._name = self._name or "", None
        self._refused_name = wanted if refused.code == "name_unavailable" else ""
        self._suggested = _name_in(refused.suggestion, "")
        if refused.code in NAME_CODES:
            self._suggested = self._free = await self._find_free_variant(wanted)
        self._tell(NameRefused(clean_line(wanted), refused))

    async def _find_free_variant(self, wanted: str) -> str:
        """Return the first similar name that the room says is available, "" if it says so of none."""
        try:
            for variant in variants(wanted):
                with contextlib.suppress(NameTaken):
                    written = await self._conversation.ask_name(variant, self._patience.left(JOINING))
                    return _name_in(written, variant)
        except Refused:
            pass
        return ""

    async def _wait_for_the_next_try(self) -> None:
        """Wait as long as the server demanded; done after the prompts, so that nothing is typed with echo on."""
        wait = self._next_try_at - loop_time()
        if wait <= 0:
            return
        self._tell(TryLater(wait, self._many_guess))
        with self._patience.paused() if self._questions is not None else contextlib.nullcontext():
            await asyncio.sleep(wait)

    def _may_wait(self, refused: Refused) -> bool:
        """Tell whether a script should wait: within its patience, and only once while many passwords are guessed."""
        if refused.code == "passwords_guessed" and self._was_put_off:
            return False
        left = self._patience.left()
        at_most = math.inf if refused.code == "passwords_guessed" else self._began_at + JOINING - loop_time()
        return refused.wait < min(at_most, math.inf if left is None else left)


class PasswordAgain:
    """Asks a person for the room's new password after a change; lines said meanwhile are kept."""

    def __init__(self, questions: Questions | None, password: RoomPassword, come_back: Callable[[str], None]) -> None:
        self._questions, self._password, self._come_back = questions, password, come_back
        self._asking: asyncio.Task[None] | None = None
        self._is_offered = False
        """Whether a typed password has not been answered yet."""

    def mend(self, refused: Refused, fail: Callable[[Exception], None]) -> bool:
        """Ask for the password if that can cure the refusal; return whether it can. Errors go to `fail`."""
        if refused.code not in MENDED_BY_A_PASSWORD or self._questions is None:
            return False
        if self._asking is not None or (self._is_offered and refused.code == "ticket_refused"):
            return True  # a refusal of an earlier session, from before the password was typed
        self._asking = asyncio.create_task(self._ask(self._questions, refused))
        self._asking.add_done_callback(lambda task: self._end(task, fail))
        return True

    def admitted(self) -> None:
        """Note that the client has rejoined."""
        self._is_offered = False
        if self._questions is not None:
            self._questions.answered()

    def close(self) -> None:
        """Stop asking."""
        if self._asking is not None:
            self._asking.cancel()
        if self._questions is not None:
            self._questions.answered()

    async def _ask(self, questions: Questions, refused: Refused) -> None:
        may_try_at = loop_time() + refused.wait
        reason = Reason.WRONG if self._is_offered else Reason.CHANGED
        while (password := await questions.password(reason)) and not is_usable(password):
            reason = Reason.WRONG
        if not password:
            raise refused
        self._is_offered = True
        await asyncio.sleep(max(0.0, may_try_at - loop_time()))
        self._password.note(password)
        self._come_back(password)

    def _end(self, task: asyncio.Task[None], fail: Callable[[Exception], None]) -> None:
        self._asking = None
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            fail(error)


def variants(name: str) -> list[str]:
    """Return similar names to suggest: budi2, budi3, budi4."""
    stem = name.rstrip("0123456789") or name
    number = int(name[len(stem) :] or 1) if len(name) - len(stem) < MOST_DIGITS else 1
    return [f"{stem}{number + further}" for further in range(1, VARIANTS + 1)]


def _name_in(text: str, otherwise: str) -> str:
    """Return a name that a server sent, or `otherwise` if no room has such names: it may be any text."""
    cleaned = clean_line(text)
    return cleaned if is_word(cleaned) else otherwise
