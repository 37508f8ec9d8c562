from __future__ import annotations

from collections import deque
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockatuh.room.decisions import GuestsFull, Role
from sockatuh.room.entries import Body, Claimed, Joined, Left
from sockatuh.room.names import NameRules
from sockatuh.room.presence import PresenceFold
from sockatuh.room.room import (
    Admit,
    Intent,
    LeftReason,
    Member,
    NameAllowed,
    NameDenied,
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


def test_a_join_that_is_given_up_takes_no_place(rules: NameRules) -> None:
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


class House:
    """A room, its log, and the caller between them: appends wait in a queue, and commit one by one."""

    def __init__(self, rules: NameRules, *, max_members: int = 100, ownership: float = inf) -> None:
        self.rules, self.max_members, self.ownership = rules, max_members, ownership
        self.log: list[tuple[int, int, Body, str]] = []
        self.queue: deque[tuple[Intent, int | None, Admit | None]] = deque()
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
        if intent.expect == self.last_seq(intent.key):
            self.log.append((len(self.log) + 1, self.at, intent.body, intent.key))
            self.room.apply(*self.log[-1])
            if session in self.open and admit:
                self.seat(session, admit)
            return
        self.room.note_last_seq(intent.key, self.last_seq(intent.key))
        if session is None:
            self.room.append_failed(intent.key, self.now)
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
def house(rules: NameRules) -> House:
    return House(rules)


def test_a_join_is_appended_first_and_then_seated(house: House) -> None:
    house.ask(1, "Ana", "k")
    assert house.room.count == 0
    assert house.room.member_of(1) is None
    house.commit()
    member = house.room.member_of(1)
    assert member is not None
    assert (member.name, member.key, member.owner, member.dialect) == ("Ana", "ana", "k", "secure")
    assert (member.joined_seq, member.joined_at, member.sessions) == (1, house.at, frozenset({1}))


def test_a_second_session_of_the_key_joins_the_member_without_an_entry(house: House) -> None:
    house.ask(1, "Ana", "k")
    house.commit()
    house.ask(2, "ana", "k")
    assert house.admitted[2].name == "Ana"
    assert house.room.member_of(2) == house.room.member_of(1)
    assert house.history() == [("Joined", "Ana")]


def test_two_sessions_of_one_key_that_ask_at_once_are_one_member(house: House) -> None:
    house.ask(1, "ana", "k")
    house.ask(2, "ana", "k")
    house.commit()
    assert house.history() == [("Joined", "ana")]
    assert [member.sessions for member in house.members()] == [{1, 2}]


def test_of_two_keys_that_ask_at_once_exactly_one_gets_the_name(house: House) -> None:
    house.ask(1, "Alice", "k")
    house.ask(2, "Аlice", "l")
    house.commit()
    assert house.room.member_of(1) is not None
    assert house.room.member_of(2) is None
    assert house.refused[2] == NameDenied("name_taken", "Alice", owner="k", since=house.at)


def test_a_name_is_judged_without_being_reserved(house: House) -> None:
    assert house.room.judge_name(" Ana ", "k", house.at) == NameAllowed("Ana", "ana")
    assert house.room.judge_name("ana", "l", house.at) == NameAllowed("ana", "ana")
    refused = house.room.judge_name("a:b", "k", house.at)
    assert isinstance(refused, NameDenied)
    assert refused.code == "name_invalid"
    assert "one word" in refused.detail
    assert refused.suggestion == "ab"


def test_a_name_that_was_left_belongs_to_its_key(house: House) -> None:
    house.ask(1, "ana", "k")
    house.commit()
    house.go(1, left=True)
    house.commit()
    assert house.room.judge_name("ANA", "l", house.at) == NameDenied("name_owned", "", owner="k", since=house.at)
    assert house.room.judge_name("ANA", "", house.at) == NameDenied("name_owned", "", owner="k", since=house.at)
    assert house.room.judge_name("ANA", "k", house.at) == NameAllowed("ANA", "ana")


def test_a_classic_member_owns_nothing_and_takes_over_nothing(house: House) -> None:
    house.ask(1, "ana", "")
    house.commit()
    taken = NameDenied("name_taken", "ana", owner="", since=house.at)
    assert house.room.judge_name("ana", "", house.at) == taken
    assert house.room.judge_name("ana", "k", house.at) == taken
    house.go(1, left=False, reason="idle")
    house.pass_time(0)
    house.commit()
    assert house.reasons() == ["idle"]
    assert house.room.judge_name("ana", "k", house.at) == NameAllowed("ana", "ana")


def test_the_last_session_to_leave_ends_the_membership_at_once(house: House) -> None:
    house.ask(1, "ana", "k")
    house.commit()
    house.ask(2, "ana", "k")
    house.pass_time(90)
    house.go(1, left=True)
    assert not house.queue
    house.go(2, left=True)
    house.commit()
    assert house.log[-1][2] == Left("ana", "k", "left", 90.0, 1, "192.0.2.1")
    assert house.members() == []


def test_a_lost_member_stays_for_the_grace(house: House) -> None:
    house.ask(1, "ana", "k")
    house.commit()
    house.go(1, left=False)
    (member,) = house.members()
    assert (member.sessions, member.lost_at) == (frozenset(), house.now)
    assert house.room.next_expiry() == house.now + GRACE
    house.pass_time(GRACE - 1)
    assert not house.queue
    house.pass_time(1)
    house.pass_time(1)
    assert len(house.queue) == 1
    house.commit()
    assert house.reasons() == ["lost"]
    assert house.room.next_expiry() is None


def test_a_return_within_the_grace_leaves_no_line(house: House) -> None:
    house.ask(1, "ana", "k")
    house.commit()
    house.go(1, left=False)
    house.pass_time(GRACE / 2)
    house.ask(2, "ana", "k")
    house.pass_time(GRACE)
    assert house.history() == [("Joined", "ana")]
    assert house.members()[0].lost_at is None


def test_a_return_while_the_leaving_is_written_joins_anew(house: House) -> None:
    house.ask(1, "ana", "k")
    house.commit()
    house.go(1, left=True)
    house.ask(2, "ana", "k")
    house.commit()
    assert house.history() == [("Joined", "ana"), ("Left", "ana"), ("Joined", "ana")]
    assert house.members()[0].sessions == {2}


def test_a_session_that_goes_while_its_join_is_written_leaves_a_member_to_its_grace(house: House) -> None:
    house.ask(1, "ana", "k")
    house.go(1, left=False)
    house.commit()
    assert house.room.count == 1
    house.pass_time(1)
    house.pass_time(GRACE)
    house.commit()
    assert house.reasons() == ["lost"]


def test_a_leaving_that_could_not_be_written_is_asked_for_again(house: House) -> None:
    house.ask(1, "ana", "k")
    house.commit()
    house.go(1, left=True)
    house.queue.clear()
    house.room.append_failed("ana", house.now)
    house.pass_time(1)
    assert not house.queue
    house.pass_time(5)
    house.commit()
    assert house.reasons() == ["left"]


def test_after_a_restart_members_have_the_grace_and_classic_ones_have_not(house: House) -> None:
    for session, (name, owner) in enumerate([("ana", "k"), ("budi", "l"), ("old", "")]):
        house.ask(session, name, owner)
    house.commit()
    house.restart()
    assert [member.name for member in house.members()] == ["ana", "budi", "old"]
    house.pass_time(0)
    house.ask(7, "ana", "k")
    house.commit()
    assert [member.name for member in house.members()] == ["ana", "budi"]
    house.pass_time(GRACE)
    house.commit()
    assert [member.name for member in house.members()] == ["ana"]
    assert house.reasons() == ["server_lost", "server_lost"]


def test_everybody_leaves_when_the_room_closes(house: House) -> None:
    for session, name in enumerate(["ana", "budi"]):
        house.ask(session, name, f"k{session}")
    house.commit()
    for intent in house.room.leave_all(house.at):
        house.append(intent)
    assert house.room.leave_all(house.at) == []
    house.go(0, left=True)
    house.commit()
    house.go(1, left=False)
    assert house.reasons() == ["closed", "closed"]
    assert house.room.member_of(1) is None


def test_a_full_room_takes_nobody_more_but_those_who_are_in_it(rules: NameRules) -> None:
    house = House(rules, max_members=2)
    house.ask(1, "ana", "k")
    house.ask(2, "budi", "l")
    house.ask(3, "citra", "m")
    assert house.refused[3] == RoomFull(bound=2, count=2, of_place=2)
    house.ask(4, "ana", "k")
    house.ask(5, "guest", "g", "script")
    house.commit()
    assert house.room.count == 2
    assert not {4, 5} & house.refused.keys()
    house.go(2, left=True)
    house.commit()
    house.ask(3, "citra", "m")
    house.commit()
    assert house.room.member_of(3) is not None


def test_a_join_that_is_being_written_holds_its_place_even_when_its_session_is_gone(rules: NameRules) -> None:
    house = House(rules, max_members=1)
    house.ask(1, "ana", "k")
    house.go(1, left=False)
    house.ask(2, "budi", "l")
    house.commit()
    assert house.refused[2] == RoomFull(bound=1, count=1, of_place=1)
    assert [member.name for member in house.members()] == ["ana"]


def test_a_join_that_lost_its_name_holds_no_place(rules: NameRules) -> None:
    house = House(rules, max_members=2)
    house.ask(1, "ana", "k")
    house.ask(2, "ana", "l")
    house.commit()
    assert house.refused[2] == NameDenied("name_taken", "ana", owner="k", since=house.at)
    house.ask(3, "budi", "m")
    house.commit()
    assert house.room.member_of(3) is not None


def test_a_transient_session_claims_its_name_once_a_day(house: House) -> None:
    house.ask(1, "bot", "k", "script")
    house.commit()
    assert house.history() == [("Claimed", "bot")]
    house.go(1, left=False)
    house.ask(2, "bot", "k", "script")
    assert house.admitted[2].intent is None
    house.pass_time(DAY + 1)
    house.ask(3, "bot", "k", "script")
    house.commit()
    assert house.history() == [("Claimed", "bot")] * 2
    assert house.members() == []
    assert house.room.member_of(3) is None
    judged = house.room.judge_name("bot", "l", house.at)
    assert isinstance(judged, NameDenied)
    assert (judged.code, judged.detail, judged.owner) == ("name_taken", "bot", "k")


def test_a_transient_session_of_a_member_uses_the_name_as_it_is(house: House) -> None:
    house.ask(1, "ana", "k")
    house.commit()
    house.pass_time(3 * DAY)
    house.ask(2, "ana", "k", "script")
    house.go(1, left=True)
    house.commit()
    assert house.history() == [("Joined", "ana"), ("Left", "ana")]


def test_a_guest_keeps_others_from_its_name_even_without_ownership(rules: NameRules) -> None:
    house = House(rules, ownership=0.0)
    house.ask(1, "bot", "k", "script")
    house.ask(2, "bot", "l")
    house.commit()
    assert house.refused[2] == NameDenied("name_taken", "bot", owner="k", since=house.at)
    house.ask(3, "bot", "k", "script")
    house.commit()
    house.go(1, left=False)
    house.go(3, left=False)
    house.ask(2, "bot", "l")
    house.commit()
    assert house.room.member_of(2) is not None


@pytest.mark.parametrize(("since", "known"), [(0, 4), (3, 3), (9, 4)])
def test_since_when_somebody_was_a_member_is_written_down_also_if_the_log_has_forgotten_it(
    rules: NameRules, since: int, known: int
) -> None:
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


def test_since_when_an_owner_has_used_a_name_is_known(house: House) -> None:
    house.ask(1, "ana", "k")
    house.commit()
    assert house.room.known_since("ana", "k") == 1
    house.go(1, left=True)
    house.commit()
    assert house.room.known_since("ana", "k") == 1
    assert house.room.known_since("ana", "l") is None
    assert house.room.known_since("ana", "") is None


def test_members_are_listed_page_by_page_in_the_order_of_their_keys(house: House) -> None:
    names = ["Dewi", "ana", "Citra", "budi", "Eko"]
    for session, name in enumerate(names):
        house.ask(session, name, f"k{session}")
    house.commit()
    seen: list[str] = []
    more = True
    while more:
        page, more = house.room.occupants_after(seen[-1] if seen else "", 2)
        seen += [each.name for under_a_name in page for each in under_a_name]
    assert seen == ["ana", "budi", "Citra", "Dewi", "Eko"]
    assert house.room.occupants_after("zzz", 2) == ([], False)
    assert house.room.occupants_after("c\ud800", 2)[0][0][0].name == "Dewi"


def test_who_comes_from_elsewhere_gets_the_seat_of_one_whose_contact_is_lost(rules: NameRules) -> None:
    house = House(rules, max_members=3)
    for session, name in enumerate(["ana", "budi", "citra"]):
        house.ask(session, name, name, address=f"10.0.0.1:{session}")
    house.commit()
    house.ask(3, "dewi", "dewi", address="10.0.0.2:1")
    assert house.refused[3] == RoomFull(bound=3, count=3, of_place=0), "all are in contact"
    for session in (0, 1):
        house.go(session, left=False)
    house.ask(3, "dewi", "dewi", address="10.0.0.2:1")
    house.commit()
    assert [member.name for member in house.members()] == ["ana", "citra", "dewi"]
    assert house.log[-2][2] == Left("budi", "budi", "crowded", 0.0, 2, "10.0.0.1")
    house.ask(4, "eko", "eko", address="10.0.0.1:9")
    assert house.refused[4] == RoomFull(bound=3, count=3, of_place=2), "its place holds most"


def test_who_lost_the_seat_while_away_gets_one_within_the_grace(rules: NameRules) -> None:
    house = House(rules, max_members=2)
    for session, name in enumerate(["ana", "budi"]):
        house.ask(session, name, name, address="10.0.0.1:1")
    house.commit()
    house.go(1, left=False)
    house.ask(2, "citra", "citra", address="10.0.0.2:1")
    house.commit()
    house.ask(3, "budi", "another", address="10.0.0.3:1")
    assert house.refused[3] == NameDenied("name_owned", "", owner="budi", since=house.at)
    house.ask(4, "budi", "budi", address="10.0.0.1:1", returns=True)
    house.commit()
    assert [member.name for member in house.members()] == ["ana", "budi", "citra"], "one more than there are seats"
    house.ask(5, "dewi", "dewi", address="10.0.0.4:1")
    assert house.refused[5] == RoomFull(bound=2, count=3, of_place=0)


def test_after_the_grace_the_seat_is_gone_also_over_a_restart(rules: NameRules) -> None:
    house = House(rules, max_members=2)
    for session, name in enumerate(["ana", "citra"]):
        house.ask(session, name, name, address="10.0.0.1:1")
    house.commit()
    house.restart()
    house.ask(3, "budi", "budi", address="10.0.0.2:1")
    house.commit()
    assert [member.name for member in house.members()] == ["ana", "budi"]
    house.restart()
    for session, name in ((4, "ana"), (5, "budi")):
        house.ask(session, name, name, address="10.0.0.1:1")
    house.pass_time(GRACE - 1)
    house.ask(6, "citra", "citra", address="10.0.0.1:1", returns=True)
    house.commit()
    assert 6 not in house.refused
    house.go(6, left=True)
    house.commit()
    house.pass_time(2)
    house.ask(7, "citra", "citra", address="10.0.0.1:1", returns=True)
    assert house.refused[7] == RoomFull(bound=2, count=2, of_place=1)


def test_all_classic_members_are_one_place_because_nothing_proves_an_address(rules: NameRules) -> None:
    house = House(rules, max_members=10)
    for session in range(10):
        house.ask(session, f"user{session}", "", address=f"10.0.0.{session}:1")
    house.commit()
    assert house.room.count == 9
    assert house.refused[9] == RoomFull(bound=10, count=9, of_place=9)
    house.ask(10, "ana", "ana", address="10.0.0.1:1")
    house.commit()
    assert house.room.count == 10


def test_guests_have_few_seats_and_few_of_a_place(rules: NameRules) -> None:
    house = House(rules, max_members=1)
    house.room = Room(rules, RoomLimits(1, inf, GRACE, guests=4, guests_of_place=3))
    for session in range(3):
        house.ask(session, f"bot{session}", f"key {session}", "script", "10.0.0.1:1")
    house.commit()
    house.ask(3, "bot3", "key 3", "script", "10.0.0.1:1")
    assert house.refused[3] == GuestsFull(of_place=True, bound=3)
    house.ask(4, "ana", "ana", "reader", "10.0.0.2:1")
    house.ask(5, "budi", "budi", "reader", "10.0.0.3:1")
    house.commit()
    assert house.refused.keys() == {3}
    assert 2 not in house.open, "the newest of the most crowded place gave up its seat"
    assert house.members() == []
    listed = [(here.name, here.role) for under_a_name in house.room.occupants_after("", 9)[0] for here in under_a_name]
    assert sorted(listed) == [("ana", "reader"), ("bot0", "script"), ("bot1", "script"), ("budi", "reader")]
    house.ask(6, "citra", "citra", "reader", "10.0.0.1:1")
    assert house.refused[6] == GuestsFull(of_place=False, bound=4)


def test_members_and_guests_of_one_name_are_listed_together_but_who_asks(house: House) -> None:
    house.ask(1, "ana", "k")
    house.ask(2, "ana", "k", "script")
    house.ask(3, "ana", "k", "script")
    house.ask(4, "ana", "k", "reader")
    house.commit()
    assert [[(here.name, here.role) for here in under] for under in house.room.occupants_after("", 9, but=4)[0]] == [
        [("ana", "member"), ("ana", "script")]
    ]
    for session in (2, 3):
        house.go(session, left=False)
    assert house.room.occupants_after("", 9)[0] == [
        [
            Occupant("ana", "k", "secure", True, house.at, "member"),
            Occupant("ana", "k", "secure", True, house.at, "reader"),
        ]
    ]


def test_a_join_that_would_be_written_too_often_changes_nothing(rules: NameRules) -> None:
    room = Room(rules, RoomLimits(1, inf, GRACE))
    for role in ("member", "script"):
        assert join(room, 1, "ana", "k", role=role, may_write=False) == TooOften()
    assert isinstance(join(room, 2, "budi", "l"), Admit)


STEPS = st.one_of(
    st.tuples(st.just("ask"), st.integers(0, 5), st.sampled_from(["ana", "Аna", "budi"]), st.booleans()),
    st.tuples(st.just("go"), st.integers(0, 5), st.booleans()),
    st.tuples(st.just("commit")),
    st.tuples(st.just("wait"), st.sampled_from([1.0, 70.0, 130.0, 2 * DAY])),
    st.tuples(st.just("restart")),
)
OWNERS = ("k", "k", "l", "l", "", "")


@given(st.lists(STEPS, max_size=50), st.sampled_from([0.0, DAY, inf]))
def test_whatever_happens_names_are_unique_and_the_log_tells_who_is_here(
    rules: NameRules, steps: list[tuple[object, ...]], ownership: float
) -> None:
    house = House(rules, max_members=2, ownership=ownership)
    sessions = list(range(len(OWNERS)))
    for number, step in enumerate(steps, start=len(OWNERS)):
        match step:
            case ("ask", int(client), str(name), bool(transient)) if sessions[client] not in house.open:
                sessions[client] = number
                house.ask(number, name, OWNERS[client], "script" if transient and OWNERS[client] else "member")
            case ("go", int(client), bool(left)):
                house.go(sessions[client], left=left)
            case ("commit",):
                house.commit_one()
            case ("wait", float(seconds)):
                house.pass_time(seconds)
            case ("restart",):
                house.restart()
            case _:
                pass  # an open session does not ask again
        check(house)
    house.commit()
    check(house)
    for session in list(house.open):
        house.go(session, left=False)
    for _ in range(3):
        house.pass_time(2 * GRACE)
        house.commit()
    assert house.members() == []


def check(house: House) -> None:
    members = house.members()
    folded = PresenceFold(house.ownership)
    open_joins: set[str] = set()
    for seq, at, body, key in house.log:
        assert (key in open_joins) == isinstance(body, Left)  # each left closes the one join before it
        if not isinstance(body, Claimed):
            open_joins ^= {key}
        folded.apply(seq, at, body, key)
    assert {(m.name, m.key, m.owner, m.joined_at, m.joined_seq) for m in members} == {
        (p.name, p.key, p.owner, p.joined_at, p.joined_seq) for p in folded.present.values()
    }
    assert len({member.key for member in members}) == len(members) <= house.max_members
    holders = {member.key: member.owner for member in members}
    for session, admit in house.admitted.items():
        assert holders.setdefault(admit.key, admit.owner) == admit.owner
        if admit.role == "member":
            assert house.room.member_of(session) in members
