"""Who is in the room, and whose each name is: a fold over the log.

It is fed with entries in the order of the log, all of them or only the last one of each name key, and comes to the
same. A name that is present is held by who is there. Any other stays with the key that used it last (joined, left or
claimed), for as long as `ownership` says; a classic member, which has no key, leaves no trace of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from sockatuh.seats import place_of_text

from .entries import Body, Claimed, Joined, Left, Message

NAMES_PER_OWNER: Final = 32
"""Names a key may own: a person has a few, and scripts some more."""
MAX_NAMES: Final = 65_536
"""Names of people who are not here that are remembered, some 30 MiB; many years of a room's visitors."""
KEYLESS: Final = "keyless"
"""The place of everybody without a key, since nothing proves their addresses."""
_SWEEP_FROM: Final = 1_024
"""Name keys remembered before expired ones are looked for."""


@dataclass(frozen=True, slots=True)
class Present:
    """Somebody who is in the room: joined, and not left. `joined_at` is wall time in milliseconds."""

    name: str
    key: str
    owner: str
    dialect: str
    joined_at: int
    joined_seq: int


@dataclass(frozen=True, slots=True)
class Use:
    """The last entry by which a key used a name, `since` which entry, and from where; `at` is wall time in ms."""

    owner: str
    seq: int
    at: int
    since: int
    place: str


@dataclass(frozen=True, slots=True)
class _Known:
    """What the log says last of one name key, and who with a key of its own used it last."""

    last_seq: int
    use: Use | None


def place_of_entry(body: Joined | Left | Claimed) -> str:
    """Return the place that a name or a seat counts for."""
    return place_of(body.address, body.owner) if isinstance(body, Joined) else body.place


def place_of(address: str, owner: str) -> str:
    """Return the place of an address as written in the log; `owner` is the key seen there, "" if none."""
    return place_of_text(address) if owner else KEYLESS


class Presence:
    """The fold. `ownership`: seconds for which a name stays with a key; 0 none, infinity for ever.

    An owner has at most `names_per_owner`: the one it used longest ago is free again when it takes another. About
    `max_names` are remembered in all, and an eighth more until the next look. As keys are free, the names that are too
    many are the newest of the places that have most of them.
    """

    def __init__(self, ownership: float, *, names_per_owner: int = NAMES_PER_OWNER, max_names: int = MAX_NAMES) -> None:
        self.ownership = ownership
        self._names_per_owner, self._max_names = names_per_owner, max_names
        self._known: dict[str, _Known] = {}
        self._owned: dict[str, dict[str, None]] = {}
        self._present: dict[str, Present] = {}
        self._newest_at = 0
        self._sweep_at = _SWEEP_FROM

    @property
    def present(self) -> Mapping[str, Present]:
        """Who is in the room, by name key."""
        return MappingProxyType(self._present)

    def apply(self, seq: int, at: int, body: Body, key: str | None) -> None:
        """Take in one entry; `at` is its wall time in milliseconds, `key` its name key (lines have none)."""
        if key is None or isinstance(body, Message):
            return
        before = self._known.get(key)
        # A clock that was wrong may have stamped it with a year long gone: it is no older than what stands before it.
        self._newest_at = max(self._newest_at, at)
        since, place = body.since or seq, place_of_entry(body)
        use = Use(body.owner, seq, self._newest_at, since, place) if body.owner else before.use if before else None
        self._known[key] = _Known(seq, use)
        if body.owner:
            self._own(key, body.owner, before.use.owner if before and before.use else "")
        match body:
            case Joined():
                self._present[key] = Present(body.name, key, body.owner, body.dialect, at, seq)
            case Left():
                self._present.pop(key, None)
            case Claimed():
                pass
        if len(self._known) >= self._sweep_at:
            self.forget_expired(at)
            known = len(self._known)
            self._sweep_at = max(_SWEEP_FROM, min(2 * known, known + self._max_names // 8))

    def last_seq(self, key: str) -> int:
        """Give the seq of the last entry of this name key, 0 when none is known."""
        known = self._known.get(key)
        return known.last_seq if known else 0

    def note_last_seq(self, key: str, seq: int) -> None:
        """Take note that the log has an entry of this name key which was forgotten here."""
        known = self._known.get(key, _Known(0, None))
        self._known[key] = replace(known, last_seq=max(seq, known.last_seq))

    def owner_of(self, key: str, at: int) -> str:
        """Give whose name this is at wall time `at` (milliseconds), "" when it is nobody's or a classic member's."""
        if present := self._present.get(key):
            return present.owner
        use = self._find_use(key)
        return use.owner if use and self._holds(use, at) else ""

    def knows(self, owner: str) -> bool:
        """Tell whether this key has used a name here that nobody else has taken since."""
        return owner in self._owned

    def use_of(self, key: str) -> Use | None:
        """Find by whom and when this name was used last, if that was a key of its own."""
        return self._find_use(key)

    def find_use(self, key: str, owner: str) -> Use | None:
        """Find the last use of this name, if it was this owner's."""
        use = self._find_use(key)
        return use if use and use.owner == owner else None

    def is_used_since(self, since: int, key: str, owner: str, at: int) -> bool:
        """Tell whether at wall time `at` the name is this owner's by a use not older than `since` (milliseconds)."""
        use = self.find_use(key, owner)
        return use is not None and use.at >= since and self.owner_of(key, at) == owner

    def forget_expired(self, at: int) -> None:
        """Forget the names that are neither present nor owned any more at wall time `at` (milliseconds)."""
        kept = {key for key, known in self._known.items() if known.use and self._holds(known.use, at)}
        absent = kept - self._present.keys()
        if len(absent) > self._max_names:
            kept -= self._find_crowded_out(absent)
        for key in self._known.keys() - kept - self._present.keys():
            known = self._known.pop(key)
            if known.use is not None:
                self._disown(key, known.use.owner)

    def _find_crowded_out(self, absent: Iterable[str]) -> set[str]:
        """Find the names that are too many: the newest ones of the places that have most of them."""
        uses = ((self._known[key].use, key) for key in absent)
        by_place: dict[str, list[tuple[int, str]]] = {}
        for use, key in uses:
            if use is not None:
                by_place.setdefault(use.place, []).append((use.since, key))
        room, share = self._max_names, 0
        counts = sorted(len(names) for names in by_place.values())
        for at, count in enumerate(counts):
            share = room // (len(counts) - at)
            if count > share:
                break
            room -= count
        return {key for names in by_place.values() for _, key in sorted(names)[share:]}

    def _own(self, key: str, owner: str, before: str) -> None:
        if before != owner:
            self._disown(key, before)
        names = self._owned.setdefault(owner, {})
        names.pop(key, None)
        names[key] = None
        if len(names) > self._names_per_owner:
            oldest = next(iter(names))
            del names[oldest]
            self._known[oldest] = replace(self._known[oldest], use=None)

    def _disown(self, key: str, owner: str) -> None:
        if names := self._owned.get(owner):
            names.pop(key, None)
            if not names:
                del self._owned[owner]

    def _find_use(self, key: str) -> Use | None:
        known = self._known.get(key)
        return known.use if known else None

    def _holds(self, use: Use, at: int) -> bool:
        # A wall clock that was set back makes a use seem to be of the future: that is no age.
        return max(0, at - use.at) < self.ownership * 1_000
