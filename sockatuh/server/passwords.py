"""Who may try a password, and when bcrypt is asked: seldom, one at a time, never on the loop (docs/PROTOCOL.md §10)."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from sockatuh.net.address import pack_address
from sockatuh.protocol.ratelimit import place_of
from sockatuh.room.admission import PasswordGate, Right, Unknown, Wait, Wrong

from .visitors import JoinRequest

MAX_CHECKS: Final = 32
"""Passwords that wait for bcrypt; at 0.24 s each the last waits 8 s."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Too many wait already."""


@dataclass(frozen=True, slots=True)
class Check:
    """A password somebody joins with."""

    request: JoinRequest
    password: bytes

    @property
    def place(self) -> Hashable:
        """Where the password came from: a host, or an IPv6 network, whose addresses cost nothing.

        Each dialect counts for itself: classic addresses can be forged, and must not put off those that cannot.
        """
        visitor = self.request.visitor
        return visitor.dialect, place_of(pack_address(visitor.address))

    @property
    def owner(self) -> str:
        """The key it came with, "" in the classic dialect."""
        return self.request.visitor.owner


Verdict = Right | Wrong | Wait | Busy


class PasswordDesk:
    """Asks the gate first; queues what only bcrypt can tell, one for each address."""

    def __init__(self, gate: PasswordGate) -> None:
        self._gate = gate
        self._queue: deque[Check] = deque()
        self._checking: Check | None = None

    def ask(self, check: Check, now: float) -> Verdict | None:
        """Return the verdict, or None: it comes from `take_check` and `answer`."""
        verdict = self._gate.check(check.password, check.place, check.owner, now)
        if not isinstance(verdict, Unknown):
            return verdict
        waiting = [*self._queue, *([self._checking] if self._checking else [])]
        if len(waiting) >= MAX_CHECKS or any(other.place == check.place for other in waiting):
            return Busy()
        self._queue.append(check)
        return None

    def refuse(self, check: Check, now: float) -> Verdict:
        """Return the verdict on a password that cannot be anybody's."""
        verdict = self._gate.check(check.password, check.place, check.owner, now)
        return verdict if isinstance(verdict, Wait) else self._gate.record(b"", False, check.place, check.owner, now)

    def take_check(self, now: float) -> tuple[Check, Verdict | None] | None:
        """Return the next check: with its verdict, if that is known meanwhile, else for bcrypt; one at a time."""
        if self._checking is not None or not self._queue:
            return None
        check = self._queue.popleft()
        verdict = self._gate.check(check.password, check.place, check.owner, now)
        if not isinstance(verdict, Unknown):
            return check, verdict
        self._checking = check
        return check, None

    def answer(self, check: Check, right: bool, now: float) -> Verdict:
        """Take what bcrypt said."""
        self._checking = None
        return self._gate.record(check.password, right, check.place, check.owner, now)
