"""Coming in again where the room has got a new password: the person is asked on the spot, and nothing said is lost.

A member whose contact was lost comes back by its ticket, or the password that was typed. When the room's password was
changed meanwhile neither is good any more, and only the person can help. The peer keeps the lines that wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import unicodedata
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from sockatuh.errors import Refused
from sockatuh.protocol.constants import MAX_PASSWORD_BYTES
from sockatuh.protocol.peer_events import Admitted, PeerEvent

from .membership import Membership
from .questions import may_ask
from .wording import client as phrases

MENDED_BY_A_PASSWORD: Final = frozenset({"ticket_refused", "password_wrong"})


class Readmission:
    """What happens in a membership, with refusals mended that a person can mend; `ask` is told why it has to ask."""

    def __init__(self, membership: Membership, ask: Callable[[str], Awaitable[str]]) -> None:
        self._membership, self._ask = membership, ask
        self._is_offered = False

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
            return event

    async def _mend(self, refused: Refused) -> None:
        if refused.code not in MENDED_BY_A_PASSWORD or not may_ask():
            raise refused
        may_try_at = time.monotonic() + refused.wait
        password = await self._ask(phrases.PASSWORD_WRONG if self._is_offered else phrases.PASSWORD_CHANGED)
        while len(unicodedata.normalize("NFC", password).encode()) > MAX_PASSWORD_BYTES:
            password = await self._ask(phrases.PASSWORD_WRONG)
        self._is_offered = True
        await asyncio.sleep(max(0.0, may_try_at - time.monotonic()))
        self._membership.come_back(password)


class TypedPassword:
    """A password among lines that are typed: while it is wanted, the next line is it, and is not shown."""

    def __init__(self) -> None:
        self._wanted: asyncio.Future[str] | None = None

    async def ask(self) -> str:
        """Wait for the next line."""
        self._wanted = asyncio.get_running_loop().create_future()
        with _unseen():
            return await self._wanted

    def takes(self, line: str) -> bool:
        """Take a typed line, if it is the password."""
        if self._wanted is None or self._wanted.done():
            return False
        self._wanted.set_result(line)
        return True


@contextlib.contextmanager
def _unseen() -> Iterator[None]:
    """Let the terminal not show what is typed; Windows has no such switch for lines."""
    try:
        import termios

        before = termios.tcgetattr(0)
    except (ImportError, OSError):
        yield
        return
    unseen = [*before]
    unseen[3] &= ~termios.ECHO
    termios.tcsetattr(0, termios.TCSADRAIN, unseen)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
