"""Who may try a password, and when bcrypt is needed: seldom, one at a time, off the loop (docs/PROTOCOL.md §10)."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from sockatuh.net.address import pack_address
from sockatuh.protocol.server.rate_limit import TokenBucket, place_of
from sockatuh.room.admission import PasswordGate, Right, Undecided, Wait, Wrong

from .guessing import GuessBound

if TYPE_CHECKING:
    from .join import JoinAttempt

MAX_CHECKS: Final = 32
"""Passwords in the queue for bcrypt; at 0.24 s each the last one waits 8 s."""
ANONYMOUS_TRIES_PER_SECOND: Final = 0.1
ANONYMOUS_TRIES: Final = 60
"""Wrong passwords of visitors without keys that are checked a second, and at once, from all addresses together."""

T = TypeVar("T")


class Busy(msgspec.Struct, frozen=True):
    """The queue is full, or holds another password from the same place."""


class PutOff(msgspec.Struct, frozen=True):
    """Too many wrong passwords are being tried in the room; this place may try again in `seconds`."""

    seconds: float


@dataclass(slots=True, eq=False)
class Check:
    """A password to be checked, b"" until it may be looked at, and if what was given cannot be one.

    `is_known`: it came with a key that has been in this room before. `shows_hash`: whoever gave it has proved to know
    the hash of the room's password.
    """

    join: JoinAttempt
    is_known: bool
    password: bytes = field(default=b"", repr=False)
    shows_hash: bool = False

    @property
    def place(self) -> Hashable:
        """Where the password came from: a host, or an IPv6 network, whose addresses cost nothing.

        Each dialect has places of its own: addresses that can be forged must not delay those that cannot.
        """
        visitor = self.join.visitor
        return visitor.dialect.name, place_of(pack_address(visitor.address))

    @property
    def is_anonymous(self) -> bool:
        """Tell whether it came without a key: then even its address may be forged."""
        return not self.join.visitor.dialect.owns_names

    @property
    def owner(self) -> str:
        """The key it came with, "" if it came without one."""
        return self.join.visitor.owner


Verdict = Right | Wrong | Wait | PutOff | Busy


class PasswordDesk:
    """Decides who may try a password now, asks the gate, and queues what only bcrypt can tell, one for each place.

    That is so until bcrypt has said yes once, and in the secure dialect only for somebody who knows the hash: whoever
    just guesses is refused before. So those who wait for bcrypt have the right password, and the first of them answers
    for all, unless the hash was stolen. Against thieves the queue is sorted by earlier wrong guesses, and a full queue
    evicts the worst guesser: from however many addresses they come, they delay the others no longer than it takes each
    of them to be wrong once. Visitors without a key show nothing before bcrypt and can forge any number of addresses,
    so they come last and share one low rate.

    Keys that have been in before do not wait for others' guesses: there are few of them, and each has waits of its own.
    """

    def __init__(self, gate: PasswordGate) -> None:
        self._gate = gate
        self.bound = GuessBound()
        """The bound of the whole room."""
        self._queue: list[Check] = []
        self._displaced: deque[Check] = deque()
        self._checking: Check | None = None
        self._anonymous_tries = TokenBucket(ANONYMOUS_TRIES_PER_SECOND, ANONYMOUS_TRIES)
        self.passwords = 0
        """How often the password was changed."""

    def ask(self, check: Check, now: float) -> Verdict | None:
        """Return the verdict, or None if `take_check` and `answer` will give it; `put_off` was asked before."""
        verdict = self._judge(check, now)
        if not isinstance(verdict, Undecided):
            return verdict
        if len(self._waiting()) >= MAX_CHECKS:
            last = max(range(len(self._queue)), key=lambda at: (self._rank(self._queue[at], now), at))
            if self._rank(check, now) >= self._rank(self._queue[last], now):
                self.bound.record(check.place, now, wrong=False)
                return Busy()
            displaced = self._queue.pop(last)
            self.bound.record(displaced.place, now, wrong=False)
            self._displaced.append(displaced)
        self._queue.append(check)
        return None

    def count_wrong(self, check: Check, now: float) -> Verdict:
        """Return the verdict on a proof that failed or a password that no room can have; `put_off` was asked before."""
        return self._record(check, b"", right=False, now=now)

    def forget_password(self) -> None:
        """Let bcrypt check all passwords again: the hash was changed. Waits and the queue stay."""
        self.passwords += 1
        self._gate.forget_password()
        for check in self._waiting():
            check.shows_hash = False  # it was another hash that they showed

    def is_like_name(self, name: str) -> bool:
        """Tell somebody who knows the password whether a name would give it away."""
        return self._gate.is_like_name(name)

    def take_check(self, now: float) -> tuple[Check, Verdict | None] | None:
        """Return the next check, with its verdict if that is known by now, or with None: then it is for bcrypt."""
        if self._displaced:
            return self._displaced.popleft(), Busy()
        if self._checking is not None or not self._queue:
            return None
        check = self._queue.pop(min(range(len(self._queue)), key=lambda at: (self._rank(self._queue[at], now), at)))
        verdict = self._judge(check, now)
        if not isinstance(verdict, Undecided):
            return check, verdict
        self._checking = check
        return check, None

    def answer(self, check: Check, right: bool, now: float) -> Verdict:
        """Process what bcrypt found."""
        self._checking = None
        return self._record(check, check.password, right=right, now=now)

    def _waiting(self) -> list[Check]:
        return [*self._queue, *([self._checking] if self._checking else [])]

    def _rank(self, check: Check, now: float) -> tuple[bool, int]:
        """Return the place in the queue: the lowest rank is checked first."""
        return check.is_anonymous, self._gate.tries(check.place, check.owner, now)

    def put_off(self, check: Check, now: float) -> Wait | PutOff | Busy | None:
        """Return why a try is not looked at now, or None: then it has taken its share of the bound."""
        # Cheapest first: its own waits, one at a time, the bound of the room; then the proof, the digest, bcrypt.
        if wait := self._gate.seconds_to_wait(check.place, check.owner, now):
            return Wait(wait)
        if check.is_anonymous and (wait := self._anonymous_tries.delay(now)):
            return Wait(wait)
        if any(other.place == check.place for other in self._waiting()):
            return Busy()
        if check.is_known:
            return None
        # Addresses that may be forged cost nothing, so they get nothing of what is reserved for new places.
        is_fresh = not check.is_anonymous and not self._gate.tries(check.place, "", now)
        wait = self.bound.take(check.place, is_fresh=is_fresh, now=now)
        return PutOff(wait) if wait else None

    def _judge(self, check: Check, now: float) -> Right | Wrong | Wait | Undecided:
        verdict = self._gate.check(check.password, check.place, check.owner, now)
        return verdict if isinstance(verdict, Undecided) else self._counted(check, verdict, now)

    def _record(self, check: Check, password: bytes, *, right: bool, now: float) -> Right | Wrong:
        verdict = self._gate.record(password, right, check.place, check.owner, now)
        return self._counted(check, verdict, now)

    def _counted(self, check: Check, verdict: T, now: float) -> T:
        is_wrong = isinstance(verdict, Wrong)
        if is_wrong and check.is_anonymous:
            self._anonymous_tries.take(now)
        self.bound.record(check.place, now, wrong=is_wrong)
        return verdict
