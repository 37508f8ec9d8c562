from __future__ import annotations

from collections import deque
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockatuh.room.decisions import GuestsFull, Role
from sockatuh.room.entries import Body, Claimed, Joined, Left, Renamed
from sockatuh.room.names import NameRules
from sockatuh.room.presence import PresenceFold
from sockatuh.room.room import (
    Addressee,
    Admit,
    Intent,
    LeftReason,
    Member,
    NameAllowed,
    NameDenied,
    NewName,
    Occupant,
    Room,
    RoomFull,
    RoomLimits,
    TooOften,
)

GRACE = 120.0
DAY = 86_400.0
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def rules() -> NameRules:
    return NameRules()


def test_an_abandoned_join_takes_no_seat(rules: NameRules) -> None:
    room = Room(rules, RoomLimits(1, inf, GRACE))

    def ask(session: int, name: str) -> object:
        return join(room, session, name, f"key {session}")

    assert isinstance(ask(1, "ana"), Admit)
    assert isinstance(ask(2, "budi"), RoomFull)
    room.give_up(1)
    assert isinstance(ask(2, "budi"), Admit)


def join(
    room: Room,
    session: int,
    name: str,
    owner: str,
    *,
    role: Role = "member",
    address: str = "192.0.2.1:1",
    returns: bool = False,
    may_write: bool = True,
    at: int = 0,
    since: int = 0,
) -> Admit | NameDenied | RoomFull | GuestsFull | TooOften:
    dialect = "secure" if owner else "classic"
    return room.join(
        session,
        name,
        owner,
        dialect=dialect,
        address=address,
        version="1",
        role=role,
        returns=returns,
        may_write=may_write,
        at=at,
        since=since,
    )


class RoomHarness:
    """A room, its log, and the caller in between: appends are queued and committed one by one."""

    def __init__(self, rules: NameRules, *, max_members: int = 100, ownership: float = inf) -> None:
        self.rules, self.max_members, self.ownership = rules, max_members, ownership
        self.log: list[tuple[int, int, Body, str]] = []
        self.queue: deque[tuple[Intent, int | None, Admit | None]] = deque()
        self.renaming: dict[int, str] = {}
        """The name that each session wants whose rename is in the queue, by the number of the intent."""
        self.asked: dict[int, tuple[str, str, Role, str, bool]] = {}
        self.open: set[int] = set()
        self.refused: dict[int, NameDenied | RoomFull | GuestsFull | TooOften] = {}
        self.admitted: dict[int, Admit] = {}
        self.now = 1_000.0
        self.at = 10 * DAY_MS
        self.room = self.new_room()

    def new_room(self) -> Room:
        return Room(self.rules, RoomLimits(self.max_members, self.ownership, GRACE))

    def ask(
        self,
        session: int,
        name: str,
        owner: str,
        role: Role = "member",
        address: str = "192.0.2.1:1",
        returns: bool = False,
    ) -> None:
        self.open.add(session)
        self.asked[session] = (name, owner, role, address, returns)
        self.refused.pop(session, None)
        answer = join(self.room, session, name, owner, role=role, address=address, returns=returns, at=self.at)
        if not isinstance(answer, Admit):
            self.refused[session] = answer
            return
        for intent in answer.left:
            self.append(intent)
        for ended in answer.ended:
            self.go(ended, left=False)
        if answer.intent:
            self.queue.append((answer.intent, session, answer))
        else:
            self.seat(session, answer)

    def seat(self, session: int, admit: Admit) -> None:
        if self.room.attach(session, admit, self.at):
            self.admitted[session] = admit
        else:
            self.ask(session, *self.asked[session])

    def rename(self, session: int, name: str) -> NewName | NameDenied | TooOften | None:
        answer = self.room.rename(session, name, self.at, may_write=True)
        if isinstance(answer, NewName) and answer.intent:
            self.queue.append((answer.intent, session, None))
            self.renaming[id(answer.intent)] = name
        return answer

    def go(self, session: int, *, left: bool, reason: LeftReason = "lost") -> None:
        self.open.discard(session)
        self.admitted.pop(session, None)
        self.append(self.room.detach(session, self.now, self.at, left=left, reason=reason))

    def append(self, intent: Intent | None) -> None:
        if intent:
            self.queue.append((intent, None, None))

    def last_seq(self, key: str) -> int:
        return max((seq for seq, _, _, entry_key in self.log if entry_key == key), default=0)

    def commit_one(self) -> None:
        if not self.queue:
            return
        intent, session, admit = self.queue.popleft()
        wanted = self.renaming.pop(id(intent), None)
        entries = [intent, intent.also] if intent.also else [intent]
        failed = next((each for each in entries if each.expect != self.last_seq(each.key)), None)
        if failed is None:
            for entry in entries:
                self.log.append((len(self.log) + 1, self.at, entry.body, entry.key))
                self.room.apply(*self.log[-1])
            if session in self.open and admit:
                self.seat(session, admit)
            return
        self.room.note_last_seq(failed.key, self.last_seq(failed.key))
        if session is None:
            self.room.append_failed(failed.key, self.now)
            self.pass_time(0)
        elif session in self.open and wanted is not None:
            self.rename(session, wanted)
        elif session in self.open:
            self.ask(session, *self.asked[session])

    def commit(self) -> None:
        while self.queue:
            self.commit_one()

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.at += int(seconds * 1_000)
        due = self.room.next_expiry()
        if due is not None and due <= self.now:
            for intent in self.room.expire(self.now, self.at):
                self.append(intent)

    def restart(self) -> None:
        self.queue.clear()
        self.renaming.clear()
        self.open.clear()
        self.asked.clear()
        self.admitted.clear()
        self.room = self.new_room()
        for entry in sorted({entry[3]: entry for entry in self.log}.values(), key=lambda entry: entry[0]):
            self.room.apply(*entry)
        self.room.lose_all(self.now)

    def members(self) -> list[Member]:
        return self.room.members

    def history(self) -> list[tuple[str, str]]:
        return [(type(body).__name__, body.name) for _, _, body, _ in self.log]

    def reasons(self) -> list[str]:
        return [body.reason for _, _, body, _ in self.log if isinstance(body, Left)]


@pytest.fixture
def harness(rules: NameRules) -> RoomHarness:
    return RoomHarness(rules)


def test_a_join_is_appended_first_and_then_seated(harness: RoomHarness) -> None:
    harness.ask(1, "Ana", "k")
    assert harness.room.count == 0
    assert harness.room.member_of(1) is None
    harness.commit()
    member = harness.room.member_of(1)
    assert member is not None
    assert (member.name, member.key, member.owner, member.dialect) == ("Ana", "ana", "k", "secure")
    assert (member.joined_seq, member.joined_at, member.sessions) == (1, harness.at, frozenset({1}))


def test_a_second_session_of_the_key_joins_the_member_without_an_entry(harness: RoomHarness) -> None:
    harness.ask(1, "Ana", "k")
    harness.commit()
    harness.ask(2, "ana", "k")
    assert harness.admitted[2].name == "Ana"
    assert harness.room.member_of(2) == harness.room.member_of(1)
    assert harness.history() == [("Joined", "Ana")]


def test_two_sessions_of_one_key_that_ask_at_once_are_one_member(harness: RoomHarness) -> None:
    harness.ask(1, "ana", "k")
    harness.ask(2, "ana", "k")
    harness.commit()
    assert harness.history() == [("Joined", "ana")]
    assert [member.sessions for member in harness.members()] == [{1, 2}]


def test_of_two_keys_that_ask_at_once_exactly_one_gets_the_name(harness: RoomHarness) -> None:
    harness.ask(1, "Alice", "k")
    harness.ask(2, "Аlice", "l")
    harness.commit()
    assert harness.room.member_of(1) is not None
    assert harness.room.member_of(2) is None
    assert harness.refused[2] == NameDenied("name_taken", "Alice", owner="k", since=harness.at)


def test_a_name_is_judged_without_being_reserved(harness: RoomHarness) -> None:
    assert harness.room.judge_name(" Ana ", "k", harness.at) == NameAllowed("Ana", "ana")
    assert harness.room.judge_name("ana", "l", harness.at) == NameAllowed("ana", "ana")
    refused = harness.room.judge_name("a:b", "k", harness.at)
    assert isinstance(refused, NameDenied)
    assert refused.code == "name_invalid"
    assert "one word" in refused.detail
    assert refused.suggestion == "ab"


def test_a_name_belongs_to_its_key_after_leaving(harness: RoomHarness) -> None:
    harness.ask(1, "ana", "k")
    harness.commit()
    harness.go(1, left=True)
    harness.commit()
    assert harness.room.judge_name("ANA", "l", harness.at) == NameDenied("name_owned", "", owner="k", since=harness.at)
    assert harness.room.judge_name("ANA", "", harness.at) == NameDenied("name_owned", "", owner="k", since=harness.at)
    assert harness.room.judge_name("ANA", "k", harness.at) == NameAllowed("ANA", "ana")


def test_a_classic_member_owns_nothing_and_takes_over_nothing(harness: RoomHarness) -> None:
    harness.ask(1, "ana", "")
    harness.commit()
    taken = NameDenied("name_taken", "ana", owner="", since=harness.at)
    assert harness.room.judge_name("ana", "", harness.at) == taken
    assert harness.room.judge_name("ana", "k", harness.at) == taken
    harness.go(1, left=False, reason="idle")
    harness.pass_time(0)
    harness.commit()
    assert harness.reasons() == ["idle"]
    assert harness.room.judge_name("ana", "k", harness.at) == NameAllowed("ana", "ana")


def test_the_last_session_to_leave_ends_the_membership_at_once(harness: RoomHarness) -> None:
    harness.ask(1, "ana", "k")
    harness.commit()
    harness.ask(2, "ana", "k")
    harness.pass_time(90)
    harness.go(1, left=True)
    assert not harness.queue
    harness.go(2, left=True)
    harness.commit()
    assert harness.log[-1][2] == Left("ana", "k", "left", 90.0, 1, "192.0.2.1")
    assert harness.members() == []


def test_a_lost_member_stays_for_the_grace(harness: RoomHarness) -> None:
    harness.ask(1, "ana", "k")
    harness.commit()
    harness.go(1, left=False)
    (member,) = harness.members()
    assert (member.sessions, member.lost_at) == (frozenset(), harness.now)
    assert harness.room.next_expiry() == harness.now + GRACE
    harness.pass_time(GRACE - 1)
    assert not harness.queue
    harness.pass_time(1)
    harness.pass_time(1)
    assert len(harness.queue) == 1
    harness.commit()
    assert harness.reasons() == ["lost"]
    assert harness.room.next_expiry() is None


def test_a_return_within_the_grace_adds_no_entry(harness: RoomHarness) -> None:
    harness.ask(1, "ana", "k")
    harness.commit()
    harness.go(1, left=False)
    harness.pass_time(GRACE / 2)
    harness.ask(2, "ana", "k")
    harness.pass_time(GRACE)
    assert harness.history() == [("Joined", "ana")]
    assert harness.members()[0].lost_at is None


def test_a_return_while_the_leaving_is_written_joins_anew(harness: RoomHarness) -> None:
    harness.ask(1, "ana", "k")
    harness.commit()
    harness.go(1, left=True)
    harness.ask(2, "ana", "k")
    harness.commit()
    assert harness.history() == [("Joined", "ana"), ("Left", "ana"), ("Joined", "ana")]
    assert harness.members()[0].sessions == {2}


def test_a_session_that_goes_while_its_join_is_written_leaves_a_member_to_its_grace(harness: RoomHarness) -> None:
    harness.ask(1, "ana", "k")
    harness.go(1, left=False)
    harness.commit()
    assert harness.room.count == 1
    harness.pass_time(1)
    harness.pass_time(GRACE)
    harness.commit()
    assert harness.reasons() == ["lost"]


def test_a_leave_that_could_not_be_written_is_retried(harness: RoomHarness) -> None:
    harness.ask(1, "ana", "k")
    harness.commit()
    harness.go(1, left=True)
    harness.queue.clear()
    harness.room.append_failed("ana", harness.now)
    harness.pass_time(1)
    assert not harness.queue
    harness.pass_time(5)
    harness.commit()
    assert harness.reasons() == ["left"]


def test_after_a_restart_only_secure_members_have_the_grace(harness: RoomHarness) -> None:
    for session, (name, owner) in enumerate([("ana", "k"), ("budi", "l"), ("old", "")]):
        harness.ask(session, name, owner)
    harness.commit()
    harness.restart()
    assert [member.name for member in harness.members()] == ["ana", "budi", "old"]
    harness.pass_time(0)
    harness.ask(7, "ana", "k")
    harness.commit()
    assert [member.name for member in harness.members()] == ["ana", "budi"]
    harness.pass_time(GRACE)
    harness.commit()
    assert [member.name for member in harness.members()] == ["ana"]
    assert harness.reasons() == ["server_lost", "server_lost"]


def test_everybody_leaves_when_the_room_closes(harness: RoomHarness) -> None:
    for session, name in enumerate(["ana", "budi"]):
        harness.ask(session, name, f"k{session}")
    harness.commit()
    for intent in harness.room.leave_all(harness.at):
        harness.append(intent)
    assert harness.room.leave_all(harness.at) == []
    harness.go(0, left=True)
    harness.commit()
    harness.go(1, left=False)
    assert harness.reasons() == ["closed", "closed"]
    assert harness.room.member_of(1) is None


def test_a_full_room_admits_only_present_members(rules: NameRules) -> None:
    harness = RoomHarness(rules, max_members=2)
    harness.ask(1, "ana", "k")
    harness.ask(2, "budi", "l")
    harness.ask(3, "citra", "m")
    assert harness.refused[3] == RoomFull(bound=2, count=2, of_place=2)
    harness.ask(4, "ana", "k")
    harness.ask(5, "guest", "g", "script")
    harness.commit()
    assert harness.room.count == 2
    assert not {4, 5} & harness.refused.keys()
    harness.go(2, left=True)
    harness.commit()
    harness.ask(3, "citra", "m")
    harness.commit()
    assert harness.room.member_of(3) is not None


def test_a_join_that_is_being_written_holds_its_place_even_when_its_session_is_gone(rules: NameRules) -> None:
    harness = RoomHarness(rules, max_members=1)
    harness.ask(1, "ana", "k")
    harness.go(1, left=False)
    harness.ask(2, "budi", "l")
    harness.commit()
    assert harness.refused[2] == RoomFull(bound=1, count=1, of_place=1)
    assert [member.name for member in harness.members()] == ["ana"]


def test_a_join_that_lost_its_name_holds_no_place(rules: NameRules) -> None:
    harness = RoomHarness(rules, max_members=2)
    harness.ask(1, "ana", "k")
    harness.ask(2, "ana", "l")
    harness.commit()
    assert harness.refused[2] == NameDenied("name_taken", "ana", owner="k", since=harness.at)
    harness.ask(3, "budi", "m")
    harness.commit()
    assert harness.room.member_of(3) is not None


def test_a_transient_session_claims_its_name_once_a_day(harness: RoomHarness) -> None:
    harness.ask(1, "bot", "k", "script")
    harness.commit()
    assert harness.history() == [("Claimed", "bot")]
    harness.go(1, left=False)
    harness.ask(2, "bot", "k", "script")
    assert harness.admitted[2].intent is None
    harness.pass_time(DAY + 1)
    harness.ask(3, "bot", "k", "script")
    harness.commit()
    assert harness.history() == [("Claimed", "bot")] * 2
    assert harness.members() == []
    assert harness.room.member_of(3) is None
    judged = harness.room.judge_name("bot", "l", harness.at)
    assert isinstance(judged, NameDenied)
    assert (judged.code, judged.detail, judged.owner) == ("name_taken", "bot", "k")


def test_a_transient_session_of_a_member_uses_the_name_as_it_is(harness: RoomHarness) -> None:
    harness.ask(1, "ana", "k")
    harness.commit()
    harness.pass_time(3 * DAY)
    harness.ask(2, "ana", "k", "script")
    harness.go(1, left=True)
    harness.commit()
    assert harness.history() == [("Joined", "ana"), ("Left", "ana")]


def test_a_guests_name_is_reserved_even_without_ownership(rules: NameRules) -> None:
    harness = RoomHarness(rules, ownership=0.0)
    harness.ask(1, "bot", "k", "script")
    harness.ask(2, "bot", "l")
    harness.commit()
    assert harness.refused[2] == NameDenied("name_taken", "bot", owner="k", since=harness.at)
    harness.ask(3, "bot", "k", "script")
    harness.commit()
    harness.go(1, left=False)
    harness.go(3, left=False)
    harness.ask(2, "bot", "l")
    harness.commit()
    assert harness.room.member_of(2) is not None


@pytest.mark.parametrize(("since", "known"), [(0, 4), (3, 3), (9, 4)])
def test_the_start_of_a_membership_is_recorded_even_after_pruning(rules: NameRules, since: int, known: int) -> None:
    room = Room(rules, RoomLimits(5, inf, GRACE))

    def ask(session: int, since: int) -> Body:
        admit = join(room, session, "ana", "k", since=since)
        assert isinstance(admit, Admit)
        assert admit.intent is not None
        return admit.intent.body

    first = ask(1, since)
    assert isinstance(first, Joined)
    assert first.since == since
    room.apply(4, 0, ask(1, 4), "ana")
    room.apply(5, 0, Left("ana", "k", "left", 1.0, 4), "ana")
    again = ask(2, since)
    assert isinstance(again, Joined)
    assert again.since == known


def test_the_time_of_an_owners_first_use_is_known(harness: RoomHarness) -> None:
    harness.ask(1, "ana", "k")
    harness.commit()
    assert harness.room.known_since("ana", "k") == 1
    harness.go(1, left=True)
    harness.commit()
    assert harness.room.known_since("ana", "k") == 1
    assert harness.room.known_since("ana", "l") is None
    assert harness.room.known_since("ana", "") is None


def test_members_are_listed_page_by_page_in_the_order_of_their_keys(harness: RoomHarness) -> None:
    names = ["Dewi", "ana", "Citra", "budi", "Eko"]
    for session, name in enumerate(names):
        harness.ask(session, name, f"k{session}")
    harness.commit()
    seen: list[str] = []
    more = True
    while more:
        page, more = harness.room.occupants_after(seen[-1] if seen else "", 2)
        seen += [each.name for under_a_name in page for each in under_a_name]
    assert seen == ["ana", "budi", "Citra", "Dewi", "Eko"]
    assert harness.room.occupants_after("zzz", 2) == ([], False)
    assert harness.room.occupants_after("c\ud800", 2)[0][0][0].name == "Dewi"


def test_a_newcomer_from_another_place_gets_a_disconnected_members_seat(rules: NameRules) -> None:
    harness = RoomHarness(rules, max_members=3)
    for session, name in enumerate(["ana", "budi", "citra"]):
        harness.ask(session, name, name, address=f"10.0.0.1:{session}")
    harness.commit()
    harness.ask(3, "dewi", "dewi", address="10.0.0.2:1")
    assert harness.refused[3] == RoomFull(bound=3, count=3, of_place=0), "all are in contact"
    for session in (0, 1):
        harness.go(session, left=False)
    harness.ask(3, "dewi", "dewi", address="10.0.0.2:1")
    harness.commit()
    assert [member.name for member in harness.members()] == ["ana", "citra", "dewi"]
    assert harness.log[-2][2] == Left("budi", "budi", "crowded", 0.0, 2, "10.0.0.1")
    harness.ask(4, "eko", "eko", address="10.0.0.1:9")
    assert harness.refused[4] == RoomFull(bound=3, count=3, of_place=2), "its place holds most"


def test_a_member_that_lost_its_seat_regains_one_within_the_grace(rules: NameRules) -> None:
    harness = RoomHarness(rules, max_members=2)
    for session, name in enumerate(["ana", "budi"]):
        harness.ask(session, name, name, address="10.0.0.1:1")
    harness.commit()
    harness.go(1, left=False)
    harness.ask(2, "citra", "citra", address="10.0.0.2:1")
    harness.commit()
    harness.ask(3, "budi", "another", address="10.0.0.3:1")
    assert harness.refused[3] == NameDenied("name_owned", "", owner="budi", since=harness.at)
    harness.ask(4, "budi", "budi", address="10.0.0.1:1", returns=True)
    harness.commit()
    assert [member.name for member in harness.members()] == ["ana", "budi", "citra"], "one more than there are seats"
    harness.ask(5, "dewi", "dewi", address="10.0.0.4:1")
    assert harness.refused[5] == RoomFull(bound=2, count=3, of_place=0)


def test_after_the_grace_the_seat_is_lost_even_across_a_restart(rules: NameRules) -> None:
    harness = RoomHarness(rules, max_members=2)
    for session, name in enumerate(["ana", "citra"]):
        harness.ask(session, name, name, address="10.0.0.1:1")
    harness.commit()
    harness.restart()
    harness.ask(3, "budi", "budi", address="10.0.0.2:1")
    harness.commit()
    assert [member.name for member in harness.members()] == ["ana", "budi"]
    harness.restart()
    for session, name in ((4, "ana"), (5, "budi")):
        harness.ask(session, name, name, address="10.0.0.1:1")
    harness.pass_time(GRACE - 1)
    harness.ask(6, "citra", "citra", address="10.0.0.1:1", returns=True)
    harness.commit()
    assert 6 not in harness.refused
    harness.go(6, left=True)
    harness.commit()
    harness.pass_time(2)
    harness.ask(7, "citra", "citra", address="10.0.0.1:1", returns=True)
    assert harness.refused[7] == RoomFull(bound=2, count=2, of_place=1)


def test_all_classic_members_count_as_one_place(rules: NameRules) -> None:
    harness = RoomHarness(rules, max_members=10)
    for session in range(10):
        harness.ask(session, f"user{session}", "", address=f"10.0.0.{session}:1")
    harness.commit()
    assert harness.room.count == 9
    assert harness.refused[9] == RoomFull(bound=10, count=9, of_place=9)
    harness.ask(10, "ana", "ana", address="10.0.0.1:1")
    harness.commit()
    assert harness.room.count == 10


def test_guest_seats_are_limited_in_total_and_by_place(rules: NameRules) -> None:
    harness = RoomHarness(rules, max_members=1)
    harness.room = Room(rules, RoomLimits(1, inf, GRACE, guests=4, guests_of_place=3))
    for session in range(3):
        harness.ask(session, f"bot{session}", f"key {session}", "script", "10.0.0.1:1")
    harness.commit()
    harness.ask(3, "bot3", "key 3", "script", "10.0.0.1:1")
    assert harness.refused[3] == GuestsFull(of_place=True, bound=3)
    harness.ask(4, "ana", "ana", "reader", "10.0.0.2:1")
    harness.ask(5, "budi", "budi", "reader", "10.0.0.3:1")
    harness.commit()
    assert harness.refused.keys() == {3}
    assert 2 not in harness.open, "the newest of the most crowded place gave up its seat"
    assert harness.members() == []
    listed = [
        (here.name, here.role) for under_a_name in harness.room.occupants_after("", 9)[0] for here in under_a_name
    ]
    assert sorted(listed) == [("ana", "reader"), ("bot0", "script"), ("bot1", "script"), ("budi", "reader")]
    harness.ask(6, "citra", "citra", "reader", "10.0.0.1:1")
    assert harness.refused[6] == GuestsFull(of_place=False, bound=4)


def test_sessions_of_one_name_are_listed_together_without_the_asker(harness: RoomHarness) -> None:
    harness.ask(1, "ana", "k")
    harness.ask(2, "ana", "k", "script")
    harness.ask(3, "ana", "k", "script")
    harness.ask(4, "ana", "k", "reader")
    harness.commit()
    assert [[(here.name, here.role) for here in under] for under in harness.room.occupants_after("", 9, but=4)[0]] == [
        [("ana", "member"), ("ana", "script")]
    ]
    for session in (2, 3):
        harness.go(session, left=False)
    assert harness.room.occupants_after("", 9)[0] == [
        [
            Occupant("ana", "k", "secure", True, harness.at, "member"),
            Occupant("ana", "k", "secure", True, harness.at, "reader"),
        ]
    ]


def test_a_join_that_would_be_written_too_often_changes_nothing(rules: NameRules) -> None:
    room = Room(rules, RoomLimits(1, inf, GRACE))
    for role in ("member", "script"):
        assert join(room, 1, "ana", "k", role=role, may_write=False) == TooOften()
    assert isinstance(join(room, 2, "budi", "l"), Admit)


def test_a_rename_moves_the_member_with_all_it_has(harness: RoomHarness) -> None:
    harness.ask(1, "tom", "k", address="10.0.0.1:1")
    harness.ask(2, "tom", "k")
    harness.commit()
    [before] = harness.members()
    harness.room.set_away(2, "lunch")
    harness.pass_time(60)
    harness.rename(1, "ana")
    assert harness.members()[0].name == "tom", "not before it is written"
    harness.commit()
    assert harness.history() == [("Joined", "tom"), ("Renamed", "tom"), ("Left", "tom")]
    [after] = harness.members()
    assert (after.name, after.key, after.away) == ("ana", "ana", "lunch")
    assert (after.joined_at, after.place, after.sessions) == (before.joined_at, before.place, frozenset({1, 2}))
    assert harness.room.member_of(2) == after
    assert [here[0].name for here in harness.room.occupants_after("", 9)[0]] == ["ana"]
    harness.go(1, left=True)
    harness.go(2, left=True)
    harness.commit()
    assert harness.log[-1][2:] == (Left("ana", "k", "left", 60.0, 1, "10.0.0.1"), "ana")


def test_a_rename_keeps_the_age_of_the_seat_and_frees_none(rules: NameRules) -> None:
    harness = RoomHarness(rules, max_members=2)
    for session, name in enumerate(("ana", "budi"), 1):
        harness.ask(session, name, name, address="10.0.0.1:1")
    harness.commit()
    harness.rename(1, "cem")
    harness.commit()
    harness.ask(3, "ana", "ana", address="10.0.0.1:2")
    assert isinstance(harness.refused[3], RoomFull)
    for session in (1, 2):
        harness.go(session, left=False)
    harness.ask(4, "eva", "eva", address="10.0.0.2:1")
    harness.commit()
    assert [member.name for member in harness.members()] == ["cem", "eva"], "budi's seat is still the newer one"


def test_who_gives_up_the_seat_while_it_is_renamed_leaves_under_the_new_name_and_gets_it_back(rules: NameRules) -> None:
    harness = RoomHarness(rules, max_members=2)
    for session, name in enumerate(("ana", "dora"), 1):
        harness.ask(session, name, name, address="10.0.0.1:1")
    harness.commit()
    harness.rename(1, "cem")
    harness.go(1, left=False)
    harness.ask(3, "budi", "budi", address="10.0.0.2:1")
    harness.commit()
    assert [member.name for member in harness.members()] == ["budi", "dora"]
    assert harness.reasons() == ["renamed", "crowded"]
    harness.ask(4, harness.room.find_renamed("ana", "ana"), "ana", address="10.0.0.1:1", returns=True)
    harness.commit()
    assert [member.name for member in harness.members()] == ["budi", "cem", "dora"], "whatever the bound is"


def test_what_a_member_may_read_goes_back_to_its_first_name(harness: RoomHarness) -> None:
    harness.ask(1, "tom", "k")
    harness.commit()
    harness.rename(1, "ana")
    harness.commit()
    assert harness.room.known_since(rules_key(harness, "ana"), "k") == 1


def test_renames_are_followed_as_far_as_the_names_are_still_the_keys(harness: RoomHarness) -> None:
    harness.ask(1, "tom", "k")
    harness.commit()
    for name in ("ana", "cem"):
        harness.rename(1, name)
        harness.commit()
    assert harness.room.find_renamed("TOM", "k") == "cem"
    assert harness.room.find_renamed("tom", "l") == "tom"
    assert harness.room.find_renamed("nobody", "k") == "nobody"
    harness.go(1, left=True)
    harness.commit()
    assert harness.room.find_renamed("tom", "k") == "cem"
    harness.ask(2, "tom", "k")
    harness.commit()
    assert harness.room.find_renamed("tom", "k") == "tom", "it came back under that name"
    assert harness.room.find_renamed("ana", "k") == "cem"


def test_an_addressee_is_whoever_is_here_and_else_the_owner_of_the_name(harness: RoomHarness) -> None:
    at = harness.at
    harness.ask(1, "Tom", "k")
    harness.ask(2, "oldpi", "")
    harness.ask(3, "robot", "r", "script")
    harness.commit()
    find = harness.room.find_addressee
    assert find("TOM", at) == Addressee("Tom", "k", "secure")
    assert find("oldpi", at) == Addressee("oldpi", "", "classic")
    assert find("Robot", at) == Addressee("robot", "r", "secure")
    assert find("eva", at) is None
    assert find("", at) is None
    assert find("a b\x00:" * 40, at) is None
    harness.rename(1, "Ana")
    harness.commit()
    assert find("tom", at) == Addressee("Ana", "k", "secure")
    harness.go(1, left=True)
    harness.go(2, left=False)
    harness.pass_time(0)
    harness.commit()
    assert find("ana", at) == find("tom", at) == Addressee("Ana", "k", "")
    assert find("oldpi", at) is None, "classic members own nothing"


def test_a_name_that_is_owned_no_longer_has_no_addressee(rules: NameRules) -> None:
    harness = RoomHarness(rules, ownership=DAY)
    harness.ask(1, "tom", "k")
    harness.commit()
    harness.go(1, left=True)
    harness.commit()
    assert harness.room.find_addressee("tom", harness.at) is not None
    assert harness.room.find_addressee("tom", harness.at + DAY_MS) is None


def test_a_rename_under_way_and_another_of_the_same_member_are_decided_again(harness: RoomHarness) -> None:
    harness.ask(1, "tom", "k")
    harness.commit()
    harness.rename(1, "ana")
    harness.rename(1, "cem")
    harness.commit()
    assert [member.name for member in harness.members()] == ["cem"]
    kinds = [kind for kind, _ in harness.history()]
    assert kinds == ["Joined", "Renamed", "Left", "Renamed", "Left"]


def test_a_rename_that_may_not_be_written_changes_nothing_but_the_own_name_is_had(harness: RoomHarness) -> None:
    harness.ask(1, "tom", "k")
    harness.commit()
    assert harness.room.rename(1, "ana", harness.at, may_write=False) == TooOften()
    assert harness.room.rename(1, "tom", harness.at, may_write=False) == NewName("tom", rules_key(harness, "tom"), None)
    assert harness.room.rename(9, "ana", harness.at, may_write=True) is None


def rules_key(harness: RoomHarness, name: str) -> str:
    return harness.rules.key(name)


STEPS = st.one_of(
    st.tuples(st.just("ask"), st.integers(0, 5), st.sampled_from(["ana", "Аna", "budi"]), st.booleans()),
    st.tuples(st.just("go"), st.integers(0, 5), st.booleans()),
    st.tuples(st.just("rename"), st.integers(0, 5), st.sampled_from(["ana", "Ana", "budi", "cem"])),
    st.tuples(st.just("commit")),
    st.tuples(st.just("wait"), st.sampled_from([1.0, 70.0, 130.0, 2 * DAY])),
    st.tuples(st.just("restart")),
)
OWNERS = ("k", "k", "l", "l", "", "")


@given(st.lists(STEPS, max_size=50), st.sampled_from([0.0, DAY, inf]))
def test_names_stay_unique_and_the_log_reproduces_the_room(
    rules: NameRules, steps: list[tuple[object, ...]], ownership: float
) -> None:
    harness = RoomHarness(rules, max_members=2, ownership=ownership)
    sessions = list(range(len(OWNERS)))
    for number, step in enumerate(steps, start=len(OWNERS)):
        match step:
            case ("ask", int(client), str(name), bool(transient)) if sessions[client] not in harness.open:
                sessions[client] = number
                harness.ask(number, name, OWNERS[client], "script" if transient and OWNERS[client] else "member")
            case ("go", int(client), bool(left)):
                harness.go(sessions[client], left=left)
            case ("rename", int(client), str(name)) if sessions[client] in harness.open:
                harness.rename(sessions[client], name)
            case ("commit",):
                harness.commit_one()
            case ("wait", float(seconds)):
                harness.pass_time(seconds)
            case ("restart",):
                harness.restart()
            case _:
                pass  # an open session does not ask again
        check(harness)
    harness.commit()
    check(harness)
    for session in list(harness.open):
        harness.go(session, left=False)
    for _ in range(3):
        harness.pass_time(2 * GRACE)
        harness.commit()
    assert harness.members() == []


def check(harness: RoomHarness) -> None:
    members = harness.members()
    folded = PresenceFold(harness.ownership)
    open_joins: set[str] = set()
    for seq, at, body, key in harness.log:
        if isinstance(body, Renamed):  # it opens the membership under the new name, which may only be a new spelling
            assert (key in open_joins) == (harness.rules.key(body.name) == key)
            open_joins.add(key)
        else:
            assert (key in open_joins) == isinstance(body, Left)  # each left closes the one join before it
            open_joins ^= set() if isinstance(body, Claimed) else {key}
        folded.apply(seq, at, body, key)
    assert {(m.name, m.key, m.owner, m.joined_at, m.joined_seq) for m in members} == {
        (p.name, p.key, p.owner, p.joined_at, p.joined_seq) for p in folded.present.values()
    }
    assert len({member.key for member in members}) == len(members) <= harness.max_members
    holders = {member.key: member.owner for member in members}
    for session, admit in harness.admitted.items():
        if admit.role == "member":
            member = harness.room.member_of(session)
            assert member in members
            assert session in member.sessions
        else:
            assert holders.setdefault(admit.key, admit.owner) == admit.owner
