"""Coming in again where the room has got a new password: the person is asked on the spot, and nothing said is lost.

A member whose contact was lost comes back by its ticket, or the password that was typed. When the room's password was
changed meanwhile neither is good any more, and only the person can help. The peer keeps the lines that wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from sockatuh.client.room_password import MENDED_BY_A_PASSWORD
from sockatuh.errors import Refused
from sockatuh.protocol.client.events import Admitted, PeerEvent
from sockatuh.room.password import MAX_PASSWORD_BYTES, password_size
from sockatuh.wording import client as phrases

from .membership import Membership
from .questions import may_ask


class Readmission:
    """What happens in a membership, with refusals mended that a person can mend; `ask` is told why it has to ask.

    `curtain` hides what is typed, from the first question until somebody is in again; to be left by `close`, too.
    """

    def __init__(
        self,
        membership: Membership,
        ask: Callable[[str], Awaitable[str]],
        curtain: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
    ) -> None:
        self._membership, self._ask, self._curtain = membership, ask, curtain
        self._is_offered = False
        self._hidden = contextlib.ExitStack()

    @property
    def is_waiting(self) -> bool:
        """Tell whether a password was typed that has no answer yet."""
        return self._is_offered

    def close(self) -> None:
        """Show again what is typed."""
        self._hidden.close()

    async def next_event(self) -> PeerEvent:
        """Wait for what happens next; raises what nobody here can change."""
        while True:
            try:
                event = await self._membership.next_event()
            except Refused as refused:
                # One more session that began before the password was typed.
                if not (self._is_offered and refused.code == "ticket_refused"):
                    await self._mend(refused)
                continue
            if isinstance(event, Admitted):
                self._is_offered = False
                self.close()
            return event

    async def _mend(self, refused: Refused) -> None:
        if refused.code not in MENDED_BY_A_PASSWORD or not may_ask():
            raise refused
        may_try_at = time.monotonic() + refused.wait
        if not self._is_offered:
            self._hidden.enter_context(self._curtain())
        why = phrases.PASSWORD_WRONG if self._is_offered else phrases.PASSWORD_CHANGED
        while not (password := await self._ask(why)) or password_size(password) > MAX_PASSWORD_BYTES:
            why = phrases.PASSWORD_WRONG if password else why
        self._is_offered = True
        await asyncio.sleep(max(0.0, may_try_at - time.monotonic()))
        self._membership.come_back(password)


class TypedPassword:
    """A password among lines that are typed: while it is wanted, the next line is it."""

    def __init__(self) -> None:
        self._wanted: asyncio.Future[str] | None = None

    async def ask(self) -> str:
        """Wait for the next line."""
        self._wanted = asyncio.get_running_loop().create_future()
        return await self._wanted

    def takes(self, line: str) -> bool:
        """Take a typed line, if it is the password."""
        if self._wanted is None or self._wanted.done():
            return False
        self._wanted.set_result(line)
        return True
