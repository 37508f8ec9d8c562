"""Who may join under which name, who is here, and what has to be appended to the log for that.

How to think about it: the room decides, the log acts. `join`, `detach` and `expire` change nobody's membership; they
return what has to be appended (an `Intent`), and only `apply`, which is given committed entries in order, changes who
is here. An intent names the last entry of its name key on which the decision was based. If another append came first,
the intent fails as a whole; the caller applies what was committed meanwhile and asks again. So two people who ask for
one name at once need no lock: the log's order decides, and the second is told that the name is taken, or, with the same
key, becomes a second session of the member.

Losing its last session starts the member's grace. When that is over, `expire` returns the `left` to be appended, and
until it is committed the member is *leaving*: its key may ask to join again but gets an intent that cannot succeed, so
that it asks once more when the `left` is in the log. Scripts and readers are guests: they are not members, but nobody
else gets their name while they are here. A session has its own number for life and joins once.

A rename is an append as well, of two entries: one makes the member's new name, the other frees its old one. A member
keeps its sessions, its seat and all else; what waits for its name key, such as its grace, waits for the new one then.

Seats are shared by place (`sockatuh.seats`). A member in contact keeps its seat; one that lost contact may have to give
it up to somebody from a place with fewer members, and gets one back if it returns within the grace, whatever the bound.

`now` is monotonic seconds (for the grace), `at` wall time in milliseconds (for ownership and durations).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from math import inf
from typing import Final

from msgspec.structs import replace

from sockatuh.seats import Seats, Standing

from .changes import PresenceChange, PresenceChanges, PresenceState
from .decisions import (
    Addressee,
    Admit,
    GuestsFull,
    Intent,
    Member,
    NameAllowed,
    NameDenied,
    NewName,
    Occupant,
    Role,
    RoomFull,
    RoomLimits,
    TooOften,
)
from .entries import Body, Claimed, Joined, Left, Renamed, kind_of
from .grace import RENAMED, Grace, LeftReason, Ousted
from .guests import Guest, Guests
from .names import NameInvalid, NameRules
from .presence import NAMES_PER_OWNER, PresenceFold, Use, place_of, place_of_entry

_CLAIM_AFTER: Final = 86_400_000
"""Milliseconds after which another use of a name by its owner is appended again."""

_NEVER: Final = -1
"""The seq of no entry: an append that expects it always fails."""

_JOINS_UNDER_WAY: Final = 64
"""Joins under way before the first search for those that have failed meanwhile."""

_RETRY_AFTER: Final = 5.0
"""Seconds after which a `left` whose append failed is returned again."""


__all__ = [
    "Addressee",
    "Admit",
    "Intent",
    "LeftReason",
    "Member",
    "NameAllowed",
    "NameDenied",
    "NewName",
    "Occupant",
    "Room",
    "RoomFull",
    "RoomLimits",
    "TooOften",
]


class Room:
    """One room."""

    def __init__(self, rules: NameRules, limits: RoomLimits) -> None:
        self._rules = rules
        self._limits = limits
        self._seats: Seats[str] = Seats(limits.max_members)
        self._ousted = Ousted(limits.max_members)
        self._presence = PresenceFold(limits.ownership)
        self._members: dict[str, Member] = {}
        self._order: list[str] = []
        self._member_of: dict[int, str] = {}
        self._guests = Guests(limits.guests, limits.guests_of_place)
        self._joining: dict[int, tuple[str, int]] = {}
        self._forget_at = _JOINS_UNDER_WAY
        self._leaving: dict[str, LeftReason] = {}
        self._lost = Grace()
        self._changes = PresenceChanges()

    @property
    def count(self) -> int:
        """How many members there are."""
        return len(self._members)

    @property
    def members(self) -> list[Member]:
        """All members, in the order of their name keys."""
        return [self._members[key] for key in self._order if key in self._members]

    @property
    def in_contact(self) -> int:
        """How many members have a session."""
        return sum(bool(member.sessions) for member in self._members.values())

    def replace_limits(self, limits: RoomLimits) -> None:
        """Apply other limits to joins and lost contact from now on; nobody is removed."""
        self._limits = limits
        self._seats.size = self._ousted.size = limits.max_members
        self._guests.replace_bounds(limits.guests, limits.guests_of_place)
        self._presence.ownership = limits.ownership

    def is_legal(self, name: str) -> bool:
        """Tell whether a name is legal as it is written; one that was admitted under older rules may not be."""
        return self._rules.enforce(name) == name

    def judge_name(self, name: str, owner: str, at: int) -> NameAllowed | NameDenied:
        """Return whether this owner ("" for a visitor without a key) could have the name now; nothing is reserved."""
        judged = self._judge_name(name, owner, at)
        if isinstance(judged, NameAllowed) and self._is_here(judged.key):
            return NameAllowed(self._members[judged.key].name, judged.key)
        return judged

    def _judge_name(self, name: str, owner: str, at: int) -> NameAllowed | NameDenied:
        """Return the same, and the name in the spelling that was asked for even if a member has another."""
        shown = self._rules.enforce(name)
        if isinstance(shown, NameInvalid):
            would_do = f"; {shown.suggestion} would do" if shown.suggestion else ""
            return NameDenied("name_invalid", shown.sentence + would_do, shown.suggestion)
        key = self._rules.key(shown)
        if holder := self._find_other(key, owner):
            since = holder.joined_at if isinstance(holder, Member) else holder.since
            return NameDenied("name_taken", holder.name, owner=holder.owner, since=since)
        if (whose := self._presence.owner_of(key, at)) not in ("", owner):
            use = self._presence.use_of(key)
            return NameDenied("name_owned", "", owner=whose, since=use.at if use else 0)
        return NameAllowed(shown, key)

    def join(
        self,
        session: int,
        name: str,
        owner: str,
        *,
        dialect: str,
        address: str,
        version: str,
        role: Role,
        returns: bool,
        may_write: bool,
        at: int,
        since: int = 0,
    ) -> Admit | NameDenied | RoomFull | GuestsFull | TooOften:
        """Decide about a session that has given the right password; `attach` it once the intent is committed.

        `returns`: it has shown a ticket. Without `may_write` it may only come in if nothing has to be appended.
        `since`: the first entry from which other evidence than the log proves its owner to have been a member.
        """
        judged = self.judge_name(name, owner, at)
        if isinstance(judged, NameDenied):
            return judged
        key = judged.key
        since = min((seq for seq in (self.known_since(key, owner), since) if seq), default=0)
        body: Joined | Claimed | None = None
        left: list[Intent] = []
        ended: list[int] = []
        place = place_of(address, owner)
        expect = _NEVER if key in self._leaving else self._presence.last_seq(key)
        claims = not (key in self._members or self._presence.is_used_since(at - _CLAIM_AFTER, key, owner, at))
        if not may_write and (claims if role != "member" else not self._is_here(key)):
            return TooOften()
        if role != "member":
            reserved = self._guests.reserve(session, place, returns=returns)
            if isinstance(reserved, GuestsFull):
                return reserved
            ended = reserved
            if claims:
                body = Claimed(judged.name, owner, since, place)
        elif not self._is_here(key):
            made = self._make_room(key, owner, place, at, returns=returns)
            if isinstance(made, RoomFull):
                return made
            left = made
            self._joining[session] = key, expect
            is_unshown = self._seats.used > self._limits.join_lines_up_to
            body = Joined(judged.name, owner, dialect, address, version, since, is_unshown)
        intent = Intent(kind_of(body), body, key, expect) if body else None
        return Admit(judged.name, key, owner, dialect, role, intent, tuple(left), tuple(ended))

    def rename(self, session: int, name: str, at: int, *, may_write: bool) -> NewName | NameDenied | TooOften | None:
        """Decide about a member's request for another name; None: the session is no member's.

        Without `may_write` it is only told whether it has the name already.
        """
        member = self.member_of(session)
        if member is None or not member.owner:
            return None
        judged = self._judge_name(name, member.owner, at)
        if isinstance(judged, NameDenied):
            return judged
        shown, key = judged.name, judged.key
        if shown == member.name:
            return NewName(shown, key, None)
        if key != member.key and self._is_here(key):  # the same key is here under both names
            other = self._members[key]
            return NameDenied("name_taken", other.name, owner=other.owner, since=other.joined_at)
        if not may_write or not self._is_here(member.key):
            return TooOften()
        expect = _NEVER if key in self._leaving else self._presence.last_seq(key)
        since = min((seq for each in (key, member.key) if (seq := self.known_since(each, member.owner))), default=0)
        body = Renamed(
            member.name, member.owner, shown, member.dialect, member.joined_at, since, member.place, member.unshown
        )
        also = None if key == member.key else self._left(member, RENAMED, at, renamed_to=shown)
        return NewName(shown, key, Intent("renamed", body, key, expect, also))

    def find_renamed(self, name: str, owner: str) -> str:
        """Return the name to which renames of this owner have led from `name`; `name` itself if there were none.

        If another key has taken a name on the way since, it is the name under which the owner is here, if it is here
        under one only.
        """
        own, use = name, self._presence.use_of(self._rules.key(name))
        if use is None:
            return name
        for _ in range(NAMES_PER_OWNER):
            if use is None or use.owner != owner:
                break
            if not use.renamed_to:
                return name
            own, name = name, use.renamed_to
            use = self._presence.use_of(self._rules.key(name))
        here = [member.name for member in self._members.values() if member.owner == owner]
        return here[0] if len(here) == 1 else own

    def find_addressee(self, name: str, at: int) -> Addressee | None:
        """Find to whom a private line goes at wall time `at`: who is here under a name, else the name's owner."""
        key = self._rules.key(name)
        if here := self._here_under(key, None):
            return Addressee(here[0].name, here[0].owner, here[0].dialect)
        if not (owner := self._presence.owner_of(key, at)):
            return None
        key = self._rules.key(self.find_renamed(name, owner))
        member, use = self._members.get(key), self._presence.find_use(key, owner)
        if member is not None and member.owner == owner:
            return Addressee(member.name, owner, member.dialect)
        return Addressee(use.name, owner, "") if use is not None else None

    def set_away(self, session: int, text: str | None) -> None:
        """Note that a session's member is away, with a text, or (None) is not."""
        member = self.member_of(session)
        if member is not None and member.away != text:
            self._members[member.key] = replace(member, away=text)
            self._note_change(member.key)

    def give_up(self, session: int) -> None:
        """Note that the last join decided for a session will not be appended."""
        if session not in self._member_of:
            self._leave_guests(session)
        if (asked := self._joining.pop(session, None)) is not None:
            self._release_unused(asked[0])

    def attach(self, session: int, admit: Admit, at: int) -> bool:
        """Seat an admitted session whose intent was applied; False if its membership has ended meanwhile: ask again."""
        self._joining.pop(session, None)
        if admit.role != "member":
            if self._find_other(admit.key, admit.owner):
                return False
            self._guests.seat(session, admit, at)
            self._list(admit.key)
            return True
        if not self._is_here(admit.key) or self._members[admit.key].owner != admit.owner:
            return False
        member = self._members[admit.key]
        self._lost.stop(admit.key)
        self._member_of[session] = admit.key
        self._members[admit.key] = replace(member, sessions=member.sessions | {session}, lost_at=None)
        if member.lost_at is not None:
            self._note_change(admit.key)
        self._seats.seat(admit.key, member.place, Standing.KEPT)
        return True

    def detach(self, session: int, now: float, at: int, *, left: bool, reason: LeftReason = "lost") -> Intent | None:
        """Remove a session. If it was the last one, its member leaves at once (`left`) or after the grace.

        `reason` is recorded if the grace passes; `left` is recorded as "left". Members without a key could not come
        back, so they have no grace.
        """
        self._leave_guests(session)
        key = self._member_of.pop(session, None)
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
        """Start the grace of every member without a session; after a restart that is all of them."""
        for key, member in list(self._members.items()):
            if not member.sessions and key not in self._leaving:
                self._lose(key, now, reason)

    def next_expiry(self) -> float | None:
        """Return when `expire` may next have something to return; None if nobody has lost contact."""
        return self._lost.next_at()

    def expire(self, now: float, at: int) -> list[Intent]:
        """Return what has to be appended for the members whose grace is over, once for each."""
        intents = []
        for key, reason in self._lost.take_due(now):
            if self._members[key].lost_at is None:
                self._lose(key, now, reason)  # its session ended while its join was being written
            else:
                intents.append(self._leave(key, reason, at))
        return intents

    def leave_all(self, at: int, reason: LeftReason = "closed") -> list[Intent]:
        """Return what has to be appended when the room closes."""
        return [self._leave(key, reason, at) for key in self._order if self._is_here(key)]

    def append_failed(self, key: str, now: float) -> None:
        """Note that the `left` of this key will not be committed; `expire` returns it again later."""
        reason = self._leaving.pop(key, None)
        if reason and not self._members[key].sessions:  # a renamed member is no longer leaving under this key
            self._members[key] = replace(self._members[key], lost_at=now)
            self._seats.seat(key, self._members[key].place, Standing.SURPLUS)
            self._lost.start(key, now + _RETRY_AFTER, reason)

    def note_last_seq(self, key: str, seq: int) -> None:
        """Note the seq of the log's last entry of this name key, which the room has evicted from memory."""
        self._presence.note_last_seq(key, seq)

    def apply(self, seq: int, at: int, body: Body, key: str | None) -> None:
        """Apply a committed entry: all of them in order, or at the start the last one of each name key."""
        self._presence.apply(seq, at, body, key)
        if key is None:
            return
        if isinstance(body, Joined):
            self._remove(key)
            self._ousted.forget(key)
            here, place = self._presence.present[key], place_of_entry(body)
            self._members[key] = Member(
                here.name, key, here.owner, here.dialect, here.joined_at, here.joined_seq, place, body.unshown
            )
            if key not in self._seats:
                self._seats.seat(key, place, Standing.SURPLUS)
            self._list(key)
            self._note_entry(key, body, "here")
            self._lost.start(key, 0.0, "lost")  # until a session is attached
        elif isinstance(body, Renamed):
            self._rename(key, body)
        elif isinstance(body, Left):
            self._remove(key)
            if body.reason != RENAMED:
                self._note_entry(key, body, "gone")
            self._release_unused(key)
            if body.reason == "crowded" and body.owner:
                self._ousted.note(key, body.owner, body.place, at + int(self._limits.grace * 1000))

    def _rename(self, key: str, body: Renamed) -> None:
        """Apply a rename: to a member that is here, or after a restart, when the new name is all there is to know."""
        before, here = self._rules.key(body.name), self._presence.present[key]
        if key != before:
            self._remove(key)
        reason = self._leaving.pop(before, None)
        member = self._members.pop(before, None)
        self._members[key] = renamed = Member(
            here.name, key, here.owner, here.dialect, here.joined_at, here.joined_seq, body.place, body.unshown
        )
        self._ousted.forget(key)
        self._seats.hand_over(before, key)
        if key not in self._seats:
            self._seats.seat(key, body.place, Standing.SURPLUS)
        self._unlist(before)
        self._list(key)
        was_changed = self._changes.forget(before) | self._changes.forget(key)
        if member is None:
            self._lost.start(key, 0.0, "lost")  # until a session is attached
            return
        for session in member.sessions:
            self._member_of[session] = key
        self._members[key] = replace(renamed, sessions=member.sessions, lost_at=member.lost_at, away=member.away)
        self._lost.rename(before, key)
        if reason is not None:  # its `left` was for the old name, and fails
            self._members[key] = replace(self._members[key], lost_at=-inf)
            self._lost.start(key, 0.0, reason)
        if was_changed:
            self._note_change(key)

    def remove(self, key: str, at: int) -> Intent | None:
        """Return what has to be appended to remove the member under a name key; None if nobody is, or is leaving."""
        return self._leave(key, "removed", at) if self._is_here(key) else None

    def take_changes(self) -> list[PresenceChange]:
        """Remove and return the changes of members that the log does not show to everybody."""
        return self._changes.take()

    def _note_entry(self, key: str, body: Joined | Left, state: PresenceState) -> None:
        """Note a change that the log shows to nobody."""
        if body.unshown:
            self._changes.note(key, PresenceChange(body.name, body.owner, state))
        else:
            self._changes.forget(key)

    def _note_change(self, key: str) -> None:
        """Note that a member is in contact or not, or away or back."""
        member = self._members[key]
        state: PresenceState = "lost" if member.lost_at is not None else "here" if member.away is None else "away"
        text = (member.away or "") if state == "away" else ""
        self._changes.note(key, PresenceChange(member.name, member.owner, state, text))

    def member_of(self, session: int) -> Member | None:
        """Find the member a session belongs to; a guest's belongs to none."""
        key = self._member_of.get(session)
        return self._members[key] if key is not None else None

    @property
    def rules(self) -> NameRules:
        """What makes name keys; it never changes, so any thread may ask it."""
        return self._rules

    def key_of(self, name: str) -> str:
        """Return the name key of any text."""
        return self._rules.key(name)

    def enforce(self, name: str) -> str | NameInvalid:
        """Return the form in which a name is written, or why it is not a name."""
        return self._rules.enforce(name)

    def find_member(self, key: str) -> Member | None:
        """Find the member under a name key."""
        return self._members.get(key)

    def guests_of(self, key: str) -> list[Guest]:
        """Return the guests under a name key."""
        return [*self._guests.of_key(key)]

    def name_key_of(self, session: int) -> str | None:
        """Find the name key under which a session is in."""
        return self._member_of.get(session) or self._guests.key_of(session)

    def sessions_of(self, key: str) -> frozenset[int]:
        """Return the sessions of the member under a name key."""
        return self._members[key].sessions if key in self._members else frozenset()

    def occupants_after(self, name: str, limit: int, but: int | None = None) -> tuple[list[list[Occupant]], bool]:
        """Return who is here after this name ("": from the first), and whether there are more.

        There is one list for each of up to `limit` name keys in their order: the member first, then the guests. The
        session `but` is left out: it belongs to a script that came only to ask.
        """
        start = bisect_right(self._order, self._rules.key(name)) if name else 0
        keys = self._order[start : start + limit]
        return [self._here_under(key, but) for key in keys], start + limit < len(self._order)

    def _here_under(self, key: str, but: int | None) -> list[Occupant]:
        member = self._members.get(key)
        found = []
        if member is not None:
            is_present, since = member.lost_at is None, member.joined_at
            found.append(Occupant(member.name, member.owner, member.dialect, is_present, since, "member", member.away))
        guests = (guest for guest in self._guests.of_key(key) if guest.sessions != {but})
        return found + [
            Occupant(guest.name, guest.owner, guest.dialect, True, guest.since, guest.role) for guest in guests
        ]

    def knows(self, owner: str) -> bool:
        """Tell whether this key has been in before under a name that it still owns."""
        return self._presence.knows(owner)

    def knew(self, owner: str, seq: int) -> bool:
        """Tell whether this key had been in, under a name that it still owns, before the entry `seq`."""
        return self._presence.knew(owner, seq)

    def uses(self) -> list[Use]:
        """Return the last use of each name that the room remembers."""
        return self._presence.uses()

    def use_of(self, key: str) -> Use | None:
        """Find the last use of a name by somebody with a key."""
        return self._presence.use_of(key)

    def owner_of(self, key: str, at: int) -> str:
        """Return the key to which a name belongs at wall time `at`, "" if to none."""
        return self._presence.owner_of(key, at)

    def last_seq(self, key: str) -> int:
        """Return the seq of the last entry of a name key, 0 if none is known."""
        return self._presence.last_seq(key)

    def known_since(self, key: str, owner: str) -> int | None:
        """Find the first entry by which this owner used the name; it may read everything after that."""
        use = self._presence.find_use(key, owner)
        return use.since if use else None

    def _find_other(self, key: str, owner: str) -> Member | Guest | None:
        """Find a member or guest who has this name and is not provably this owner."""
        for holder in (self._members.get(key), *self._guests.of_key(key)):
            if holder and (holder.owner != owner or owner == ""):
                return holder
        return None

    def _is_here(self, key: str) -> bool:
        return key in self._members and key not in self._leaving

    def _make_room(self, key: str, owner: str, place: str, at: int, *, returns: bool) -> list[Intent] | RoomFull:
        """Seat a newcomer; return what has to be appended for those who give up a seat."""
        if key in self._seats:  # another session of the same key is joining, or its last membership is about to end
            return []
        if len(self._joining) >= self._forget_at:
            self._forget_stale_joins()
            self._forget_at = max(_JOINS_UNDER_WAY, 2 * len(self._joining))
        is_ousted = self._ousted.is_noted(key, owner, at)
        victims = self._seats.find_victims(place, returns=returns or is_ousted)
        if victims is None:
            self._forget_stale_joins()
            victims = self._seats.find_victims(place, returns=returns or is_ousted)
        if victims is None and not is_ousted:
            return RoomFull(self._seats.size, self._seats.used, self._seats.held_by(place))
        self._seats.seat(key, place, Standing.KEPT)
        for victim in victims or ():
            self._seats.release(victim)
        return [self._leave(victim, "crowded", at) for victim in victims or ()]

    def _forget_stale_joins(self) -> None:
        # A join whose name key has a newer entry than it expects has succeeded or never will.
        for session, (key, expect) in list(self._joining.items()):
            if expect != self._presence.last_seq(key):
                del self._joining[session]
                self._release_unused(key)

    def _release_unused(self, key: str) -> None:
        """Free the seat of a name key that is not a member's and is not about to be."""
        last = self._presence.last_seq(key)
        if key not in self._members and (key, last) not in self._joining.values():
            self._seats.release(key)

    def _leave_guests(self, session: int) -> None:
        if (key := self._guests.unseat(session)) is not None:
            self._unlist(key)

    def _list(self, key: str) -> None:
        at = bisect_left(self._order, key)
        if self._order[at : at + 1] != [key]:
            self._order.insert(at, key)

    def _unlist(self, key: str) -> None:
        at = bisect_left(self._order, key)
        if key not in self._members and key not in self._guests and self._order[at : at + 1] == [key]:
            del self._order[at]

    def _lose(self, key: str, now: float, reason: LeftReason) -> None:
        member = self._members[key]
        self._members[key] = replace(member, lost_at=now)
        self._note_change(key)
        self._seats.seat(key, member.place, Standing.SURPLUS)
        self._lost.start(key, now + (self._limits.grace if member.owner else 0.0), reason)

    def _leave(self, key: str, reason: LeftReason, at: int) -> Intent:
        self._lost.stop(key)
        self._leaving[key] = reason
        return self._left(self._members[key], reason, at)

    def _left(self, member: Member, reason: str, at: int, renamed_to: str = "") -> Intent:
        seconds = max(0, at - member.joined_at) / 1_000
        since = self.known_since(member.key, member.owner) or 0
        is_unshown = member.unshown or bool(renamed_to)
        body = Left(member.name, member.owner, reason, seconds, since, member.place, is_unshown, renamed_to)
        return Intent("left", body, member.key, self._presence.last_seq(member.key))

    def _remove(self, key: str) -> None:
        self._leaving.pop(key, None)
        self._lost.stop(key)
        if member := self._members.pop(key, None):
            self._unlist(key)
            for session in member.sessions:
                del self._member_of[session]
