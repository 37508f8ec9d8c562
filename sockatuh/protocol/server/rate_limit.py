"""Limits on how often something may happen, each in bounded memory.

A TokenBucket serves one known party, a BucketTable the parties that were active last, and a SketchLimiter strangers,
for whom nothing may be kept but a constant array of counters (docs/PROTOCOL.md §3).
"""

from __future__ import annotations

import hashlib
import math
from array import array
from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

_IPV4_MAPPED: Final = bytes(10) + b"\xff\xff"
# A party that waits exactly as long as it was told must not be refused because of a rounding error.
_ROUNDING: Final = 1e-6
PLACE_SHARE: Final = 20
"""A place has this many times the rate of a key: twenty people at their limit, or a classroom at an ordinary pace."""


class TokenBucket:
    """A bucket of at most `burst` tokens, full at first, that gains `rate` tokens a second."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = 0.0

    def take(self, now: float, tokens: float = 1.0) -> bool:
        """Take `tokens` and return True, or take nothing and return False when there are fewer."""
        self._fill(now)
        if self._tokens < tokens - _ROUNDING:
            return False
        self._tokens -= tokens
        return True

    def charge(self, tokens: float) -> None:
        """Take tokens, even more than there are; the next `take` has to wait until they are back."""
        self._tokens -= max(0.0, tokens)

    def delay(self, now: float, tokens: float = 1.0) -> float:
        """Return in how many seconds `tokens` are available, 0 if they are now."""
        self._fill(now)
        missing = tokens - self._tokens
        return missing / self._rate if missing > _ROUNDING else 0.0

    def borrow(self, now: float, tokens: float = 1.0) -> None:
        """Take `tokens` that are not there yet, for a party that waits for them."""
        self._fill(now)
        self._tokens -= tokens

    def give_back(self, tokens: float = 1.0) -> None:
        """Put back tokens that were taken without need."""
        self._tokens = min(self._burst, self._tokens + tokens)

    def replace_rate(self, rate: float, burst: float) -> None:
        """Fill at another rate from now on, up to another burst."""
        self._rate, self._burst = rate, burst
        self._tokens = min(self._tokens, burst)

    @property
    def asked_at(self) -> float:
        """When the bucket was last used, in monotonic seconds."""
        return self._at

    def _fill(self, now: float) -> None:
        if now > self._at:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
            self._at = now


class BucketTable:
    """A TokenBucket for each key; beyond `max_entries` the least recently used one is evicted."""

    __slots__ = ("_buckets", "_burst", "_max_entries", "_rate")

    def __init__(self, rate: float, burst: float, max_entries: int) -> None:
        self._rate = rate
        self._burst = burst
        self._max_entries = max_entries
        self._buckets: OrderedDict[Hashable, TokenBucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: Hashable, now: float, tokens: float = 1.0) -> bool:
        """Take tokens from the bucket of `key` and return True, or take nothing and return False."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(self._rate, self._burst)
            while len(self._buckets) > self._max_entries:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        return bucket.take(now, tokens)

    def charge(self, key: Hashable, tokens: float) -> None:
        """Take tokens from the bucket of `key`, if it has one, even more than there are."""
        bucket = self._buckets.get(key)
        if bucket is not None:
            bucket.charge(tokens)

    def delay(self, key: Hashable, now: float, tokens: float = 1.0) -> float:
        """Return how many seconds it takes until `key` has so many tokens, 0 when it has."""
        bucket = self._buckets.get(key)
        return bucket.delay(now, tokens) if bucket is not None else 0.0

    def give_back(self, key: Hashable, tokens: float = 1.0) -> None:
        """Put back tokens that were taken without need."""
        if (bucket := self._buckets.get(key)) is not None:
            bucket.give_back(tokens)

    def idle(self, key: Hashable, now: float) -> float:
        """Return for how many seconds the bucket of `key` was not used, infinity if it has none."""
        bucket = self._buckets.get(key)
        return now - bucket.asked_at if bucket is not None else math.inf

    def replace_rate(self, rate: float, burst: float, max_entries: int) -> None:
        """Fill every bucket at another rate from now on; those beyond `max_entries` are evicted as others come."""
        self._rate, self._burst, self._max_entries = rate, burst, max_entries
        for bucket in self._buckets.values():
            bucket.replace_rate(rate, burst)


class KeysOfPlaces:
    """A TokenBucket for each key and, since keys cost nothing, one for each place, with PLACE_SHARE times the rate."""

    __slots__ = ("_keys", "_places")

    def __init__(self, rate: float, burst: float, max_entries: int) -> None:
        self._keys = BucketTable(rate, burst, max_entries)
        self._places = BucketTable(PLACE_SHARE * rate, PLACE_SHARE * burst, max_entries)

    def take(self, key: Hashable, place: Hashable, now: float, tokens: float = 1.0) -> bool:
        """Take tokens from both buckets and return True, or take nothing and return False."""
        # The place first: when it is exhausted, new keys from it must not evict those of others.
        if self._places.delay(place, now, tokens) or not self._keys.take(key, now, tokens):
            return False
        return self._places.take(place, now, tokens)

    def charge(self, key: Hashable, place: Hashable, tokens: float) -> None:
        """Take tokens from both buckets, even more than there are."""
        self._keys.charge(key, tokens)
        self._places.charge(place, tokens)

    def delay(self, key: Hashable, place: Hashable, now: float, tokens: float = 1.0) -> float:
        """Return how many seconds it takes until both have so many tokens, 0 when they have."""
        return max(self._keys.delay(key, now, tokens), self._places.delay(place, now, tokens))

    def replace_rate(self, rate: float, burst: float, max_entries: int) -> None:
        """Fill every bucket at another rate from now on."""
        self._keys.replace_rate(rate, burst, max_entries)
        self._places.replace_rate(PLACE_SHARE * rate, PLACE_SHARE * burst, max_entries)


class SketchLimiter:
    """Counters shared by all strangers, `size` in all, halved every second.

    A prefix is mapped to a counter by a hash keyed with `secret` (at most 32 bytes), so that nobody can aim at the
    counter of another. A prefix is allowed `limit` requests at once, and limit/2 a second in the long run. Requests
    that are refused are not counted: a flood from forged addresses costs their owners a share only while it lasts.
    """

    __slots__ = ("_counters", "_halved_at", "_limit", "_secret")

    def __init__(self, secret: bytes, limit: int, size: int = 4096) -> None:
        self._secret = secret
        self._limit = limit
        self._counters = array("Q", bytes(8 * size))
        self._halved_at = 0.0

    def allow(self, prefix: bytes, now: float) -> bool:
        """Tell whether one more request from `prefix` is within the limit, and count it if so."""
        self._halve(now)
        digest = hashlib.blake2s(prefix, key=self._secret, digest_size=8).digest()
        index = int.from_bytes(digest, "little") % len(self._counters)
        if self._counters[index] >= self._limit:
            return False
        self._counters[index] += 1
        return True

    def replace_limit(self, limit: int) -> None:
        """Apply another limit from now on."""
        self._limit = limit

    def _halve(self, now: float) -> None:
        seconds = int(now - self._halved_at)
        if seconds <= 0:
            return
        shift = min(seconds, 64)
        self._counters = array("Q", [count >> shift for count in self._counters])
        self._halved_at += seconds


def place_of(packed_address: bytes) -> bytes:
    """Return what counts as one host: a whole IPv4 address, or the /64 in which an IPv6 host chooses its addresses."""
    return packed_address[:16] if packed_address.startswith(_IPV4_MAPPED) else packed_address[:8]


def prefix_of(packed_address: bytes) -> bytes:
    """Return the network an address is counted under: the /24 of an IPv4-mapped one, else the /64."""
    return packed_address[:15] if packed_address.startswith(_IPV4_MAPPED) else packed_address[:8]
