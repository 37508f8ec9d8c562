"""Renames: the room decides, and one append frees the old name and takes the new one (docs/PROTOCOL.md §5).

If another entry of either name comes first, neither is written, and the room decides again. The member is renamed when
its rows arrive, for all of its sessions; the outcome only answers the one that asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from sockatuh.room.commands import Denied, NameGiven
from sockatuh.room.decisions import Intent, NameDenied, NewName, TooOften
from sockatuh.room.log import Committed, Conflict
from sockatuh.room.room import Room

from .dialects.base import Refusal, Visitor
from .entry_rate import EntryRate
from .gate import Gate
from .join import BUSY_SECONDS
from .refusal_log import RefusalLog


class RenameAttempt(msgspec.Struct, eq=False):
    """A member's request for another name; `given` is the name that the room has decided on."""

    visitor: Visitor
    number: int
    name: str
    given: str = ""


class CarryOut(Protocol):
    """Appends an intent."""

    def __call__(self, intent: Intent, *waiters: RenameAttempt) -> None:
        """Append it; `Renames.finish` is called for each waiter."""


class Renames:
    """All renames. `is_in` tells whether a visitor's session has not ended; `wall` is milliseconds since 1970.

    `would_tell_password` tells whether a name is to be refused because it is the room's password.
    """

    def __init__(
        self,
        room: Room,
        rate: EntryRate,
        refusals: RefusalLog,
        gate: Gate,
        *,
        carry_out: CarryOut,
        is_in: Callable[[Visitor], bool],
        would_tell_password: Callable[[Visitor, str], bool],
        wall: Callable[[], int],
    ) -> None:
        self._room, self._rate, self._refusals, self._gate = room, rate, refusals, gate
        self._carry_out, self._is_in, self._wall = carry_out, is_in, wall
        self._would_tell_password = would_tell_password

    def begin(self, visitor: Visitor, number: int, name: str, now: float) -> None:
        """Let the room decide about a request."""
        self._decide(RenameAttempt(visitor, number, name), now, counted=False)

    def finish(self, attempt: RenameAttempt, outcome: Committed | Conflict, now: float) -> None:
        """Answer a request whose entries are in the log, or decide again if another entry came first."""
        if isinstance(outcome, Conflict) and outcome.key is not None:
            self._room.note_last_seq(outcome.key, outcome.last)
        if not self._is_in(attempt.visitor):
            return
        if isinstance(outcome, Committed):
            attempt.visitor.dialect.answer(attempt.visitor, attempt.number, NameGiven(attempt.given, outcome.seq))
        else:
            self._decide(attempt, now, counted=True)

    def _decide(self, attempt: RenameAttempt, now: float, *, counted: bool) -> None:
        visitor, number = attempt.visitor, attempt.number
        if self._would_tell_password(visitor, attempt.name):
            self._refuse(visitor, number, Refusal("name_is_password"))
            return
        if (reserved := self._gate.reserved(visitor, attempt.name, now)) is not None:
            self._refuse(visitor, number, reserved)
            return
        wait = 0.0 if counted else self._rate.wait(visitor, now)
        decided = self._room.rename(visitor.session, attempt.name, self._wall(), may_write=not wait)
        match decided:
            case NewName(name, _, intent):
                attempt.given = name
                if intent is None:
                    visitor.dialect.answer(visitor, number, NameGiven(name))
                    return
                if not counted:
                    self._rate.count(visitor, now)
                self._carry_out(intent, attempt)
            case NameDenied(code, detail, suggestion, owner, since):
                self._refusals.note("name_refused", visitor, attempt.name, now, reason=code)
                self._refuse(visitor, number, Refusal(code, 0.0, detail, suggestion, owner, since))
            case TooOften():
                self._refuse(visitor, number, Refusal("busy", wait + 1e-3 if wait else BUSY_SECONDS))
            case None:
                self._refuse(visitor, number, Denied("only_members"))

    def _refuse(self, visitor: Visitor, number: int, refusal: Refusal | Denied) -> None:
        self._refusals.codes[refusal.code] += 1
        visitor.dialect.answer(visitor, number, refusal)
