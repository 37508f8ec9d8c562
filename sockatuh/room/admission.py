"""Who gave the right password, and how long the others have to wait.

The room has one password, stored as a bcrypt hash that is expensive to check. So bcrypt is only used until it has said
yes once; from then on a keyed digest recognises the right password in microseconds, and any other is wrong. After that,
waits keep guessing slow: a few wrong tries are free, and each further one doubles the wait of its address and its key.
A try during the wait is not checked, so it reveals nothing.

A right password clears the wait of the key that gave it, but not that of its address: a guesser may share a router with
honest members, and must not start afresh with each of them. Only time clears an address.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, Literal

import msgspec

from .names import fold_spaces

FORGET_AFTER: Final = 3_600.0
"""Seconds without a wrong try after which the earlier ones are forgotten."""


class Right(msgspec.Struct, frozen=True):
    """The password is right."""


class Wrong(msgspec.Struct, frozen=True):
    """The password is wrong; the next try is checked after `wait` seconds."""

    wait: float


class Wait(msgspec.Struct, frozen=True):
    """The try came `seconds` too early and was not checked."""

    seconds: float


class Undecided(msgspec.Struct, frozen=True):
    """The right password is not known yet: let bcrypt check this one, and `record` the result."""


class _Penalty(msgspec.Struct, frozen=True):
    tries: int
    until: float
    forget_at: float


_Source = tuple[Literal["address", "owner"], Hashable]


class PasswordGate:
    """Recognises the right password, and slows down guessing.

    `secret` keys the digest and must be random. The first `free_tries` wrong ones have no wait; then it is `base`
    seconds, doubling up to `cap`. At most `max_entries` addresses and keys are remembered; the one with the oldest
    wrong try is evicted.
    """

    def __init__(
        self,
        secret: bytes,
        *,
        free_tries: int = 3,
        base: float = 5.0,
        cap: float = 600.0,
        max_entries: int = 65_536,
    ) -> None:
        self._secret = secret
        self._free_tries = free_tries
        self._base = base
        self._cap = cap
        self._max_entries = max_entries
        self._right_digest: bytes | None = None
        self._right_folded: bytes | None = None
        self._penalties: OrderedDict[_Source, _Penalty] = OrderedDict()

    def check(self, password: bytes, address: Hashable, owner: str, now: float) -> Right | Wrong | Wait | Undecided:
        """Judge a try without bcrypt, if possible; `owner` is a key's fingerprint, "" for a visitor without one."""
        # The wait comes first: during it a guesser must not learn whether a try was right.
        sources = _sources(address, owner)
        if (wait := self._wait(sources, now)) > 0:
            return Wait(wait)
        if self._right_digest is None:
            return Undecided()
        return self._judge(hmac.compare_digest(self._digest(password), self._right_digest), sources, now)

    def record(self, password: bytes, right: bool, address: Hashable, owner: str, now: float) -> Right | Wrong:
        """Record the result of a try that was judged elsewhere: by bcrypt, or because its proof failed."""
        if right:
            self._right_digest = self._digest(password)
            self._right_folded = self._digest(_folded(password.decode("utf-8", "replace")))
        return self._judge(right, _sources(address, owner), now)

    def seconds_to_wait(self, address: Hashable, owner: str, now: float) -> float:
        """Return for how many seconds no try of this address or key is checked."""
        return max(0.0, self._wait(_sources(address, owner), now))

    def is_like_name(self, name: str) -> bool:
        """Tell whether a name would give the right password away; False as long as nobody has given that.

        Whoever asks learns whether one guess is right, so this is only for those who know the password.
        """
        digest = self._right_folded
        return digest is not None and hmac.compare_digest(self._digest(_folded(name)), digest)

    def forget_password(self) -> None:
        """Let bcrypt check again: the hash was changed. Waits stay."""
        self._right_digest = self._right_folded = None

    def tries(self, address: Hashable, owner: str, now: float) -> int:
        """Return how many wrong tries of this address or this key are remembered, whichever has more."""
        found = (self._penalties.get(source) for source in _sources(address, owner))
        return max((penalty.tries for penalty in found if penalty and now < penalty.forget_at), default=0)

    def _judge(self, right: bool, sources: tuple[_Source, ...], now: float) -> Right | Wrong:
        if right:
            for source in sources:
                if source[0] == "owner":
                    self._penalties.pop(source, None)
            return Right()
        for source in sources:
            self._punish(source, now)
        return Wrong(self._wait(sources, now))

    def _punish(self, source: _Source, now: float) -> None:
        before = self._penalties.pop(source, None)
        tries = before.tries + 1 if before and now < before.forget_at else 1
        paid = tries - self._free_tries
        # Beyond 2^32 it is the cap in any case, and a float overflows.
        wait = min(self._cap, self._base * 2.0 ** min(paid - 1, 32)) if paid > 0 else 0.0
        self._penalties[source] = _Penalty(tries, now + wait, now + wait + FORGET_AFTER)
        if len(self._penalties) > self._max_entries:
            self._penalties.popitem(last=False)

    def _wait(self, sources: tuple[_Source, ...], now: float) -> float:
        penalties = (self._penalties.get(source) for source in sources)
        return max((penalty.until - now for penalty in penalties if penalty), default=0.0)

    def _digest(self, password: bytes) -> bytes:
        return hmac.digest(self._secret, password, hashlib.sha256)


def _folded(text: str) -> bytes:
    return fold_spaces(text).encode("utf-8", "replace")


def _sources(address: Hashable, owner: str) -> tuple[_Source, ...]:
    return (("address", address), ("owner", owner)) if owner else (("address", address),)
