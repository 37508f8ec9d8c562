"""Who is in the room, and who owns each name: a fold over the log.

It takes entries in the order of the log, either all of them or only the last one of each name key; the result is the
same. The name of somebody present is theirs. Any other name belongs to the key that used it last (joined, left or
claimed), for as long as `ownership` says. A member without a key owns nothing once it has left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec.structs import replace

from sockatuh.seats import place_of_text

from .entries import Body, Claimed, Joined, Left, Released, Renamed

NAMES_PER_OWNER: Final = 32
"""Names that one key may own: a person uses a few, and scripts some more."""
MAX_NAMES: Final = 65_536
"""Names of absent people that are remembered: some 40 MiB, many years of a room's visitors."""
KEYLESS: Final = "keyless"
"""The place of everybody without a key, since nothing proves their addresses."""
_SWEEP_FROM: Final = 1_024
"""Name keys remembered before the first search for expired ones."""


class Present(msgspec.Struct, frozen=True):
    """Somebody who has joined and not left. `joined_at` is wall time in milliseconds."""

    name: str
    key: str
    owner: str
    dialect: str
    joined_at: int
    joined_seq: int
    unshown: bool


class Use(msgspec.Struct, frozen=True):
    """The last entry by which a key used a name, and its place. `since`: the first one. `at` is wall time in ms.

    `name` is the name as it was written. `renamed_to`: by that entry the member got another name, this one.
    """

    name: str
    owner: str
    seq: int
    at: int
    since: int
    place: str
    renamed_to: str = ""


class _Known(msgspec.Struct, frozen=True):
    """The last entry of a name key, and the last use by somebody with a key of their own."""

    last_seq: int
    use: Use | None


def place_of_entry(body: Joined | Left | Claimed | Renamed) -> str:
    """Return the place that a name or a seat counts for."""
    return place_of(body.address, body.owner) if isinstance(body, Joined) else body.place


def place_of(address: str, owner: str) -> str:
    """Return the place of an address as written in the log; `owner` is the key seen there, "" if none."""
    return place_of_text(address) if owner else KEYLESS


def _use_by(body: Joined | Left | Claimed | Renamed, key: str, seq: int, at: int) -> Use:
    name = body.new if isinstance(body, Renamed) else body.name
    name = key if name == key else name  # one string instead of two, for tens of thousands of names
    renamed_to = body.renamed_to if isinstance(body, Left) else ""
    return Use(name, body.owner, seq, at, body.since or seq, place_of_entry(body), renamed_to)


class PresenceFold:
    """The fold over the entries. `ownership`: seconds for which a key owns a name; 0: not at all, infinity: for ever.

    An owner has at most `names_per_owner`; taking one more frees the one it used longest ago. About `max_names` are
    remembered in all, and up to an eighth more between two sweeps. Because keys cost nothing, a sweep forgets the
    newest names of the places that have the most.
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
        """Apply one entry; `at` is its wall time in milliseconds, `key` its name key (lines have none)."""
        if key is None or not isinstance(body, Joined | Left | Claimed | Renamed | Released):
            return
        before = self._known.get(key)
        if isinstance(body, Released):
            self._known[key] = _Known(seq, None)
            # At a start it may be the last that is known of this key: as a name of its, it had crowded out another one.
            # If its key has used a name again since, that one comes too late to crowd out: then the start gives the key
            # back a name that it had lost, and that nobody has used since.
            self._own(key, body.owner, before.use.owner if before and before.use else "")
            self._disown(key, body.owner)
            return
        # A wrong clock may have stamped it with a year long past; it cannot be older than the entries before it.
        self._newest_at = max(self._newest_at, at)
        use = _use_by(body, key, seq, self._newest_at) if body.owner else before.use if before else None
        self._known[key] = _Known(seq, use)
        if body.owner:
            self._own(key, body.owner, before.use.owner if before and before.use else "")
        match body:
            case Joined():
                self._present[key] = Present(body.name, key, body.owner, body.dialect, at, seq, body.unshown)
            case Renamed():
                joined = body.joined_at
                self._present[key] = Present(body.new, key, body.owner, body.dialect, joined, seq, body.unshown)
            case Left():
                self._present.pop(key, None)
            case Claimed():
                pass
        if len(self._known) >= self._sweep_at:
            self.forget_expired(at)
            known = len(self._known)
            self._sweep_at = max(_SWEEP_FROM, min(2 * known, known + self._max_names // 8))

    def last_seq(self, key: str) -> int:
        """Return the seq of the last entry of this name key, 0 if none is known."""
        known = self._known.get(key)
        return known.last_seq if known else 0

    def note_last_seq(self, key: str, seq: int) -> None:
        """Note the seq of an entry of this name key that is in the log but was evicted from memory."""
        known = self._known.get(key, _Known(0, None))
        self._known[key] = replace(known, last_seq=max(seq, known.last_seq))

    def owner_of(self, key: str, at: int) -> str:
        """Return who owns this name at wall time `at` (milliseconds), "" if nobody with a key does."""
        if present := self._present.get(key):
            return present.owner
        use = self._find_use(key)
        return use.owner if use and self._holds(use, at) else ""

    def knows(self, owner: str) -> bool:
        """Tell whether this key has used a name that nobody else has taken since."""
        return owner in self._owned

    def knew(self, owner: str, seq: int) -> bool:
        """Tell whether this key had used a name before the entry `seq` that nobody else has taken since."""
        uses = (self._find_use(key) for key in self._owned.get(owner, ()))
        return any(use is not None and use.since < seq for use in uses)

    def uses(self) -> list[Use]:
        """Return the last use of each name that somebody with a key used last."""
        return [known.use for known in self._known.values() if known.use is not None]

    def use_of(self, key: str) -> Use | None:
        """Find the last use of this name by somebody with a key."""
        return self._find_use(key)

    def find_use(self, key: str, owner: str) -> Use | None:
        """Find the last use of this name, if it was by this owner."""
        use = self._find_use(key)
        return use if use and use.owner == owner else None

    def is_used_since(self, since: int, key: str, owner: str, at: int) -> bool:
        """Tell whether this owner has the name at wall time `at` and used it at or after `since` (milliseconds)."""
        use = self.find_use(key, owner)
        return use is not None and use.at >= since and self.owner_of(key, at) == owner

    def forget_expired(self, at: int) -> None:
        """Forget the names that are neither present nor owned at wall time `at` (milliseconds)."""
        kept = {key for key, known in self._known.items() if known.use and self._holds(known.use, at)}
        absent = kept - self._present.keys()
        if len(absent) > self._max_names:
            kept -= self._find_crowded_out(absent)
        for key in self._known.keys() - kept - self._present.keys():
            known = self._known.pop(key)
            if known.use is not None:
                self._disown(key, known.use.owner)

    def _find_crowded_out(self, absent: Iterable[str]) -> set[str]:
        """Find the names beyond `max_names`: the newest ones of the places that have the most."""
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
        # After the wall clock was set back, a use may seem to be in the future: its age is 0.
        return max(0, at - use.at) < self.ownership * 1_000
