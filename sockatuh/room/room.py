"""Who may join under which name, who is here, and what is to be appended to the log for it.

How to think about it: the room decides, the log does. `join`, `detach` and `expire` change nobody's membership; they
say what is to be appended (an `Intent`), and only `apply`, fed with what was committed, in order, changes who is here.
An intent names the last entry of its name key it was decided on; when another append won, it fails as a whole, the
caller applies what was committed meanwhile and asks again. So two who ask for one name at once need no lock: the log's
order decides, and the second is told the name is taken, or, with the same key, becomes a second session of the member.

A session that is lost starts the member's grace. When it is over, `expire` gives the `left` to be appended, and until
that is committed the member is *leaving*: its key may ask to join again, but gets an intent that cannot succeed, so
that it asks once more when the `left` is in the log. Transient sessions are guests: they make no member, but nobody
else gets their name meanwhile. A session has its own number for life and joins once.

`now` is monotonic seconds (for the grace), `at` wall time in milliseconds (for ownership and durations).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, replace
from typing import Final, Literal

from .entries import Body, Claimed, Joined, Kind, Left, kind_of
from .names import NameInvalid, NameRules
from .presence import Presence

LeftReason = Literal["left", "lost", "idle", "server_lost", "closed"]
NameCode = Literal["name_invalid", "name_taken", "name_owned"]

_CLAIM_AFTER: Final = 86_400_000
"""Milliseconds after which a use of a name by its owner is written down again."""

_NEVER: Final = -1
"""What no last entry is: an append that expects it is a conflict."""

_RETRY_AFTER: Final = 5.0
"""Seconds after which an append that failed is asked for again."""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in the room. `joined_at` is wall time in milliseconds, `lost_at` monotonic seconds."""

    name: str
    key: str
    owner: str
    dialect: str
    joined_at: int
    joined_seq: int
    sessions: frozenset[int] = frozenset()
    lost_at: float | None = None


@dataclass(frozen=True, slots=True)
class NameFree:
    """The name can be had at the moment, in this form."""

    name: str
    key: str


@dataclass(frozen=True, slots=True)
class NameRefused:
    """The name cannot be had: a code of docs/PROTOCOL.md §5, its detail, and a name that would do."""

    code: NameCode
    detail: str
    suggestion: str = ""


@dataclass(frozen=True, slots=True)
class RoomFull:
    """There is no place for one more member."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What is to be appended, if the last entry of `key` is `expect` (0: none)."""

    kind: Kind
    body: Body
    key: str
    expect: int


@dataclass(frozen=True, slots=True)
class Admit:
    """The session may come in under this name, once `intent` is committed (None: at once)."""

    name: str
    key: str
    owner: str
    transient: bool
    intent: Intent | None


@dataclass(frozen=True, slots=True)
class _Guest:
    name: str
    owner: str
    sessions: frozenset[int]


class _Guests:
    """The transient sessions, by the name they go under; all sessions under one name are of one owner."""

    def __init__(self) -> None:
        self._guests: dict[str, _Guest] = {}
        self._keys: dict[int, str] = {}

    def find(self, key: str) -> _Guest | None:
        return self._guests.get(key)

    def seat(self, session: int, admit: Admit) -> None:
        guest = self._guests.get(admit.key, _Guest(admit.name, admit.owner, frozenset()))
        self._guests[admit.key] = replace(guest, sessions=guest.sessions | {session})
        self._keys[session] = admit.key

    def unseat(self, session: int) -> None:
        key = self._keys.pop(session, None)
        if key is None:
            return
        guest = self._guests.pop(key)
        if rest := guest.sessions - {session}:
            self._guests[key] = replace(guest, sessions=rest)


class _Grace:
    """Members whose contact is lost, and when they are to leave for which reason."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[float, LeftReason]] = {}
        self._next_at = 0.0

    def start(self, key: str, due_at: float, reason: LeftReason) -> None:
        self._next_at = min(self._next_at, due_at) if self._waiting else due_at
        self._waiting[key] = due_at, reason

    def stop(self, key: str) -> None:
        self._waiting.pop(key, None)

    def next_at(self) -> float | None:
        # Perhaps too early, never too late: so a thousand who come back cost a thousand steps, not a thousand searches.
        return self._next_at if self._waiting else None

    def take_due(self, now: float) -> list[tuple[str, LeftReason]]:
        due = [(key, reason) for key, (due_at, reason) in self._waiting.items() if due_at <= now]
        for key, _ in due:
            del self._waiting[key]
        self._next_at = min((due_at for due_at, _ in self._waiting.values()), default=0.0)
        return due


class Room:
    """The room. `ownership`: seconds a name stays with a key; `grace`: seconds a lost member stays."""

    def __init__(self, rules: NameRules, *, max_members: int, ownership: float, grace: float) -> None:
        self._rules = rules
        self._max_members = max_members
        self._grace_seconds = grace
        self._presence = Presence(ownership)
        self._members: dict[str, Member] = {}
        self._order: list[str] = []
        self._seats: dict[int, str] = {}
        self._guests = _Guests()
        self._joining: dict[int, tuple[str, int]] = {}
        self._leaving: dict[str, LeftReason] = {}
        self._lost = _Grace()

    @property
    def count(self) -> int:
        """How many members there are."""
        return len(self._members)

    @property
    def in_contact(self) -> int:
        """How many members have a session."""
        return sum(bool(member.sessions) for member in self._members.values())

    def replace_bounds(self, *, max_members: int, ownership: float, grace: float) -> None:
        """Hold those who come, and contact that is lost, to other bounds from now on; nobody has to go."""
        self._max_members, self._grace_seconds = max_members, grace
        self._presence.ownership = ownership

    def is_legal(self, name: str) -> bool:
        """Tell whether a name is written as it would be today: one that was admitted long ago may not be."""
        return self._rules.enforce(name) == name

    def judge_name(self, name: str, owner: str, at: int) -> NameFree | NameRefused:
        """Say whether this owner ("" for a classic member) could have the name now; nothing is reserved."""
        shown = self._rules.enforce(name)
        if isinstance(shown, NameInvalid):
            would_do = f"; {shown.suggestion} would do" if shown.suggestion else ""
            return NameRefused("name_invalid", shown.sentence + would_do, shown.suggestion)
        key = self._rules.key(shown)
        if holder := self._find_other(key, owner):
            return NameRefused("name_taken", holder)
        if self._presence.owner_of(key, at) not in ("", owner):
            return NameRefused("name_owned", "")
        return NameFree(self._members[key].name if self._is_here(key) else shown, key)

    def join(
        self,
        session: int,
        name: str,
        owner: str,
        *,
        dialect: str,
        address: str,
        version: str,
        transient: bool,
        at: int,
    ) -> Admit | NameRefused | RoomFull:
        """Decide about a session that has given the right password; `attach` it when the intent is committed."""
        judged = self.judge_name(name, owner, at)
        if isinstance(judged, NameRefused):
            return judged
        key = judged.key
        body: Joined | Claimed | None = None
        expect = _NEVER if key in self._leaving else self._presence.last_seq(key)
        if transient:
            if key not in self._members and not self._presence.is_used_since(at - _CLAIM_AFTER, key, owner, at):
                body = Claimed(judged.name, owner, self.known_since(key, owner) or 0)
        elif not self._is_here(key):
            if self._is_full_for(key):
                return RoomFull()
            self._joining[session] = key, expect
            body = Joined(judged.name, owner, dialect, address, version, self.known_since(key, owner) or 0)
        intent = Intent(kind_of(body), body, key, expect) if body else None
        return Admit(judged.name, key, owner, transient, intent)

    def give_up(self, session: int) -> None:
        """Take note that the join decided on last for a session will not be appended."""
        self._joining.pop(session, None)

    def attach(self, session: int, admit: Admit) -> bool:
        """Seat an admitted session, its intent being applied; False when what it was admitted to is gone: ask again."""
        self._joining.pop(session, None)
        if admit.transient:
            if self._find_other(admit.key, admit.owner):
                return False
            self._guests.seat(session, admit)
            return True
        if not self._is_here(admit.key) or self._members[admit.key].owner != admit.owner:
            return False
        member = self._members[admit.key]
        self._lost.stop(admit.key)
        self._seats[session] = admit.key
        self._members[admit.key] = replace(member, sessions=member.sessions | {session}, lost_at=None)
        return True

    def detach(self, session: int, now: float, at: int, *, left: bool, reason: LeftReason = "lost") -> Intent | None:
        """Take a session away. Its member, when it was the last one, leaves at once or, if not `left`, after the grace.

        `reason` is what is recorded if the grace passes; `left` is recorded as "left". Classic members have no grace,
        as they could not come back: they are due at once.
        """
        self._guests.unseat(session)
        key = self._seats.pop(session, None)
        if key is None:
            return None
        member = self._members[key]
        self._members[key] = replace(member, sessions=member.sessions - {session})
        if self._members[key].sessions or key in self._leaving:
            return None
        if left:
            return self._leave(key, "left", at)
        self._lose(key, now, reason)
        return None

    def lose_all(self, now: float, reason: LeftReason = "server_lost") -> None:
        """Start the grace of every member that has no session, as after a restart all have none."""
        for key, member in list(self._members.items()):
            if not member.sessions and key not in self._leaving:
                self._lose(key, now, reason)

    def next_expiry(self) -> float | None:
        """Give the moment of the next `expire` that may have something to do; None when nobody is lost."""
        return self._lost.next_at()

    def expire(self, now: float, at: int) -> list[Intent]:
        """Give what is to be appended for the members whose grace is over, once for each."""
        intents = []
        for key, reason in self._lost.take_due(now):
            if self._members[key].lost_at is None:
                self._lose(key, now, reason)  # its session went away while its join was written
            else:
                intents.append(self._leave(key, reason, at))
        return intents

    def leave_all(self, at: int, reason: LeftReason = "closed") -> list[Intent]:
        """Give what is to be appended when the room closes."""
        return [self._leave(key, reason, at) for key in self._order if key not in self._leaving]

    def append_failed(self, key: str, now: float) -> None:
        """Take note that the `left` of this key will not be committed: `expire` gives it again later."""
        reason = self._leaving.pop(key, None)
        if reason and not self._members[key].sessions:
            self._members[key] = replace(self._members[key], lost_at=now)
            self._lost.start(key, now + _RETRY_AFTER, reason)

    def note_last_seq(self, key: str, seq: int) -> None:
        """Take note that the log's last entry of this name key is `seq`, when it was forgotten here."""
        self._presence.note_last_seq(key, seq)

    def apply(self, seq: int, at: int, body: Body, key: str | None) -> None:
        """Take in a committed entry: all of them in order, or at the start the last one of each name key."""
        self._presence.apply(seq, at, body, key)
        if key is None:
            return
        if isinstance(body, Joined | Left):
            self._remove(key)
        if isinstance(body, Joined):
            here = self._presence.present[key]
            self._members[key] = Member(here.name, key, here.owner, here.dialect, here.joined_at, here.joined_seq)
            insort(self._order, key)
            self._lost.start(key, 0.0, "lost")  # until a session is attached

    def member_of(self, session: int) -> Member | None:
        """Find the member this session belongs to; transient sessions belong to none."""
        key = self._seats.get(session)
        return self._members[key] if key is not None else None

    def members_after(self, name: str, limit: int) -> tuple[list[Member], bool]:
        """Give up to `limit` members after this name ("": from the first) by name key, and whether there are more."""
        start = bisect_right(self._order, self._rules.key(name)) if name else 0
        keys = self._order[start : start + limit]
        return [self._members[key] for key in keys], start + limit < len(self._order)

    def known_since(self, key: str, owner: str) -> int | None:
        """Find the first entry by which this owner has used this name: what came after it may be read."""
        use = self._presence.find_use(key, owner)
        return use.since if use else None

    def _find_other(self, key: str, owner: str) -> str | None:
        """Find the name of a member or guest who has this key, and who is not this owner as far as one can know."""
        for holder in (self._members.get(key), self._guests.find(key)):
            if holder and (holder.owner != owner or owner == ""):
                return holder.name
        return None

    def _is_here(self, key: str) -> bool:
        return key in self._members and key not in self._leaving

    def _is_full_for(self, key: str) -> bool:
        """Tell whether members and joins under way, this key's apart, leave no place."""
        if len(self._members) + len(self._joining) < self._max_members:
            return False
        # A join whose key has a newer entry than it expects has succeeded, or never will.
        self._joining = {
            session: (asked, expect)
            for session, (asked, expect) in self._joining.items()
            if expect == self._presence.last_seq(asked)
        }
        taken = self._members.keys() | {asked for asked, _ in self._joining.values()}
        return key not in taken and len(taken) >= self._max_members

    def _lose(self, key: str, now: float, reason: LeftReason) -> None:
        member = self._members[key]
        self._members[key] = replace(member, lost_at=now)
        self._lost.start(key, now + (self._grace_seconds if member.owner else 0.0), reason)

    def _leave(self, key: str, reason: LeftReason, at: int) -> Intent:
        self._lost.stop(key)
        self._leaving[key] = reason
        member = self._members[key]
        seconds = max(0, at - member.joined_at) / 1_000
        return Intent(
            "left",
            Left(member.name, member.owner, reason, seconds, self.known_since(key, member.owner) or 0),
            key,
            self._presence.last_seq(key),
        )

    def _remove(self, key: str) -> None:
        self._leaving.pop(key, None)
        self._lost.stop(key)
        if member := self._members.pop(key, None):
            del self._order[bisect_left(self._order, key)]
            for session in member.sessions:
                del self._seats[session]
