"""Calls are answered once; lines are released in order and at a bounded rate."""

from __future__ import annotations

import hashlib
from collections import Counter, deque

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.bare_room import START
from kit.sessions import KEY, STREAM, Opener, make_offers, make_session

from sockatuh.protocol import messages as m
from sockatuh.protocol.constants import LINE_WINDOW, MAX_PIECE
from sockatuh.protocol.datagrams import line_id
from sockatuh.protocol.password_proof import PROOF_SIZE
from sockatuh.protocol.server import events as ev
from sockatuh.protocol.server.limits import Limits
from sockatuh.protocol.server.requests import STORED_PER_DATAGRAM, Requests
from sockatuh.protocol.server.send_queue import Outgoing
from sockatuh.protocol.server.session import CALLS_BURST, CALLS_PER_SECOND
from sockatuh.protocol.server.timers import ServerTimer
from sockatuh.protocol.timers import TimerTable

PROOF = bytes(PROOF_SIZE)
QUICK = Limits(lines_per_second=1e6, lines_burst=1_000_000)


class Desk:
    """Requests with one session and a clock, and what they report and send."""

    def __init__(self, limits: Limits | None = None, *, joined: bool = True) -> None:
        self.limits = limits or Limits()
        self.session = make_session(5, self.limits, joined=joined)
        self.out = Outgoing(Counter())
        self.events: deque[ev.ServerEvent] = deque()
        self.timers = TimerTable(ServerTimer)
        self.offers = make_offers()
        self.requests = Requests(self.limits, self.out, self.events, self.timers, self.offers)
        self.opener = Opener(self.out, self.session)
        self.now = START

    def call(self, number: int, body: m.CallBody) -> bool:
        return self.requests.call(self.session, m.Call(number, body), self.now)

    def say(self, number: int, text: str | bytes = "", oldest: int = 1, index: int = 0, count: int = 1) -> None:
        piece = text if isinstance(text, bytes) else (text or f"line {number}").encode()
        self.requests.say(self.session, m.Say(number, oldest, False, index, count, piece), self.now)

    def offer(self, name: str = "ana") -> m.NameValid:
        """Make the session an offer, as the answer to a question about a name does."""
        valid = self.offers.name_valid(self.session, name)
        assert valid is not None
        return valid

    def read(self) -> list[m.ServerMessage]:
        self.requests.send_stored()
        return self.opener.read()

    def reported(self) -> list[ev.ServerEvent]:
        events = list(self.events)
        self.events.clear()
        return events

    def said(self) -> list[str]:
        return [event.text for event in self.reported() if isinstance(event, ev.LineReceived)]

    def pass_time(self) -> None:
        """Go on to the time at which the session may speak again, as the endpoint does."""
        at = self.timers.get(ServerTimer.THROTTLE)
        assert at is not None
        self.now = at
        assert list(self.timers.take_due(at)) == [ServerTimer.THROTTLE]
        assert list(self.requests.throttled.take_due(at)) == [self.session.cid]
        self.session.throttled = False
        self.requests.release_lines(self.session, at)


@pytest.fixture
def desk() -> Desk:
    return Desk()


# Calls.


def test_sessions_of_one_place_that_have_not_joined_share_one_rate_of_calls() -> None:
    desk = Desk(joined=False)
    others = [make_session(cid, joined=False) for cid in range(10, 20)]
    for number in range(1, 21):
        for session in others:
            desk.requests.call(session, m.Call(number, m.Who("")), desk.now)
    assert len(desk.out.take()) == CALLS_BURST
    desk.session.name = "ana"
    assert not desk.call(1, m.Who(""))
    assert len(desk.reported()) == 1, "members are not meant"


def test_a_call_is_reported_once_and_answered_as_often_as_it_is_asked(desk: Desk) -> None:
    desk.session.name = None
    join = m.Join("ana", None, 5)
    desk.call(1, join)
    assert desk.reported() == [ev.JoinAsked(5, 1, "ana", False, False, 5)]
    desk.call(1, join)
    assert desk.reported() == []
    assert desk.read() == [], "silent while it is worked on"
    offer = desk.offer()
    desk.requests.answer(desk.session, 1, offer)
    for _ in range(3):
        desk.call(1, join)
    assert desk.read() == [m.Answer(1, offer)] * 4
    assert desk.reported() == []


def test_a_repeated_number_with_another_question_gets_the_same_answer(desk: Desk) -> None:
    desk.session.name = None
    desk.call(1, m.Join("ana", None, None))
    offer = desk.offer()
    desk.requests.answer(desk.session, 1, offer)
    desk.call(1, m.Join("budi", None, None))
    assert desk.read() == [m.Answer(1, offer)] * 2


def test_older_calls_and_number_zero_are_dropped(desk: Desk) -> None:
    desk.call(0, m.Who(""))
    desk.call(3, m.Who(""))
    desk.call(2, m.Who("x"))
    assert desk.reported() == [ev.WhoAsked(5, 3, "")]
    assert desk.read() == []


def test_an_answer_to_a_call_that_was_replaced_is_not_sent(desk: Desk) -> None:
    desk.call(1, m.Who(""))
    desk.call(2, m.Who(""))
    desk.requests.answer(desk.session, 1, m.Members((), False))
    assert desk.read() == []
    desk.requests.answer(desk.session, 2, m.Members((), False))
    desk.requests.answer(desk.session, 2, m.Members((), True))
    assert desk.read() == [m.Answer(2, m.Members((), False))]


def test_leave_is_returned_to_the_endpoint(desk: Desk) -> None:
    assert not desk.call(1, m.Who(""))
    assert desk.call(2, m.Leave())


def test_leave_is_processed_before_joining_too() -> None:
    assert Desk(joined=False).call(1, m.Leave())


def test_only_members_may_list_the_members() -> None:
    desk = Desk(joined=False)
    desk.call(1, m.Who(""))
    assert desk.reported() == []
    assert desk.read() == [m.Answer(1, m.Refused("not_joined"))]


@pytest.mark.parametrize(("body", "event"), [
    (m.Rename("tomas"), ev.RenameAsked(5, 1, "tomas")),
    (m.Away("lunch"), ev.AwayAsked(5, 1, "lunch")),
    (m.Away(None), ev.AwayAsked(5, 1, None)),
])  # fmt: skip
def test_a_rename_and_being_away_are_reported_once_and_only_of_those_who_have_joined(
    desk: Desk, body: m.CallBody, event: ev.ServerEvent
) -> None:
    for _ in range(2):
        desk.call(1, body)
    assert list(desk.events) == [event]
    assert desk.read() == [], "the room server has not answered"
    stranger = Desk(joined=False)
    stranger.call(1, body)
    assert not stranger.events
    assert stranger.read() == [m.Answer(1, m.Refused("not_joined"))]


def test_a_private_line_is_reported_with_its_addressee(desk: Desk) -> None:
    desk.requests.say(desk.session, m.Say(1, 1, True, 0, 1, b"hi", "budi"), desk.now)
    [said] = desk.events
    assert isinstance(said, ev.LineReceived)
    assert (said.to, said.text) == ("budi", "hi")


def test_a_session_whose_rename_waits_for_the_log_is_told_so_whenever_it_asks(desk: Desk) -> None:
    desk.call(1, m.Rename("tomas"))
    desk.requests.hold([desk.session], hold=False, refuses=True, now=desk.now)
    desk.call(1, m.Rename("tomas"))
    assert [each.reason for each in desk.read() if isinstance(each, m.Progress)] == [m.LOG_REFUSES] * 2
    desk.requests.answer(desk.session, 1, m.NameChanged("tomas", b"ticket", 7))
    desk.read()
    desk.call(1, m.Rename("tomas"))
    assert desk.read() == [m.Answer(1, m.NameChanged("tomas", b"ticket", 7))]


def test_a_member_cannot_join_again(desk: Desk) -> None:
    for number, proof in enumerate((None, b"", PROOF), 1):
        desk.call(number, m.Join("budi", proof, None))
        assert desk.reported() == []
        assert desk.read() == [m.Answer(number, m.Refused("already_joined"))]


def test_without_a_name_the_name_in_the_ticket_is_used() -> None:
    desk = Desk(joined=False)
    desk.call(1, m.Join(None, None, None))
    assert desk.reported() == [ev.JoinAsked(5, 1, "ana", False, True, None)]


def test_without_a_name_and_a_good_ticket_nobody_joins() -> None:
    desk = Desk(joined=False)
    desk.session.ticket = None
    desk.call(1, m.Join(None, None, None))
    assert desk.reported() == []
    assert desk.read() == [m.Answer(1, m.Refused("ticket_refused"))]


@pytest.mark.parametrize("proof", [None, b"", PROOF])
def test_every_request_with_a_name_extends_the_time_to_join(proof: bytes | None) -> None:
    """A small machine takes some seconds to answer with a proof."""
    desk = Desk(joined=False)
    until = desk.session.join_by
    desk.now = START + 20
    desk.call(1, m.Join("ana", proof, None))
    assert desk.session.join_by == until + 20
    desk.now = START + 40
    desk.call(1, m.Join("ana", proof, None))
    assert desk.session.join_by == until + 20, "a repeated call is no new one"


def test_a_request_without_a_name_does_not_extend_the_time_to_join() -> None:
    desk = Desk(joined=False)
    until, desk.now = desk.session.join_by, START + 20
    desk.call(1, m.Join(None, None, None))
    assert desk.session.join_by == until


def test_there_is_one_join_at_a_time() -> None:
    desk = Desk(joined=False)
    desk.offer()
    desk.call(1, m.Join("ana", PROOF, None))
    desk.call(2, m.Join("budi", PROOF, None))
    assert [event.name for event in desk.reported() if isinstance(event, ev.JoinAsked)] == ["ana"]
    desk.requests.answer(desk.session, 1, m.Refused("password_wait"))
    desk.call(2, m.Join("budi", PROOF, None))
    assert [event.name for event in desk.reported() if isinstance(event, ev.JoinAsked)] == ["budi"]


def test_calls_over_the_rate_are_dropped_for_a_while(desk: Desk) -> None:
    for number in range(1, CALLS_BURST + 11):
        desk.call(number, m.Who(""))
    assert len(desk.reported()) == CALLS_BURST
    desk.now += 1.0
    for number in range(100, 120):
        desk.call(number, m.Who(""))
    assert len(desk.reported()) == CALLS_PER_SECOND


# Lines.


def test_the_id_of_a_line_is_the_hash_that_the_protocol_says() -> None:
    expected = hashlib.blake2s(KEY + STREAM + (258).to_bytes(8, "little"), digest_size=16).digest()
    assert line_id(KEY, STREAM, 258) == expected


def test_a_line_is_reported_with_its_id_and_stored_with_its_seq(desk: Desk) -> None:
    desk.say(1, "hello")
    assert desk.reported() == [ev.LineReceived(5, 1, line_id(KEY, STREAM, 1), False, "hello")]
    assert desk.read() == []
    desk.requests.answer_line(desk.session, 1, 40)
    assert desk.read() == [m.Stored(((1, 40),))]


def test_a_repeated_line_is_answered_again_and_not_reported_again(desk: Desk) -> None:
    desk.say(1)
    desk.say(1)
    assert len(desk.reported()) == 1
    assert desk.read() == [], "it is not known yet"
    desk.requests.answer_line(desk.session, 1, 40)
    desk.read()
    desk.say(1)
    desk.say(1)
    assert desk.read() == [m.Stored(((1, 40),))] * 2
    assert desk.reported() == []


def test_a_refused_line_is_refused_again_when_it_is_repeated(desk: Desk) -> None:
    desk.say(1)
    desk.requests.answer_line(desk.session, 1, m.Unsaid(1, "text_empty"))
    desk.say(1)
    assert desk.read() == [m.Unsaid(1, "text_empty")] * 2


def test_lines_before_joining_are_dropped() -> None:
    desk = Desk(joined=False)
    desk.say(1)
    assert desk.reported() == []
    assert desk.read() == []
    assert not desk.session.lines.holds_parts()


def test_a_line_that_arrives_early_waits_and_progress_says_what_is_missing(desk: Desk) -> None:
    desk.say(1)
    desk.say(3)
    assert desk.said() == ["line 1"]
    assert desk.read() == [m.Progress(2, 2, 0, 0)]
    desk.say(2)
    assert desk.said() == ["line 2", "line 3"]
    assert desk.read() == []


def test_progress_follows_a_last_part_that_arrives_first(desk: Desk) -> None:
    desk.say(1, "c", index=2, count=3)
    assert desk.read() == [m.Progress(1, 1, 0b100, 0)]
    desk.say(1, "a", index=0, count=3)
    assert desk.read() == []
    desk.say(1, "b", index=1, count=3)
    assert desk.said() == ["abc"]
    assert desk.read() == []


def test_lines_stored_together_are_answered_together(desk: Desk) -> None:
    for number in range(1, 4):
        desk.say(number)
        desk.requests.answer_line(desk.session, number, 100 + number)
    assert desk.read() == [m.Stored(((1, 101), (2, 102), (3, 103)))]


def test_many_stored_lines_take_several_datagrams() -> None:
    desk = Desk(QUICK)
    for number in range(1, STORED_PER_DATAGRAM + 2):
        desk.say(number)
        desk.requests.answer_line(desk.session, number, 2**62 + number)
    first, second = desk.read()
    assert isinstance(first, m.Stored)
    assert isinstance(second, m.Stored)
    assert [len(first.pairs), len(second.pairs)] == [STORED_PER_DATAGRAM, 1]


def test_nothing_more_is_sent_to_a_session_that_was_forgotten(desk: Desk) -> None:
    desk.say(1)
    desk.requests.answer_line(desk.session, 1, 40)
    desk.requests.forget(desk.session)
    assert desk.read() == []


def test_lines_over_the_rate_wait_and_progress_says_how_long() -> None:
    desk = Desk(Limits(lines_per_second=10.0, lines_burst=3))
    for number in range(1, 7):
        desk.say(number)
    assert desk.said() == ["line 1", "line 2", "line 3"]
    (progress,) = desk.read()
    assert isinstance(progress, m.Progress)
    assert (progress.next, progress.number, progress.have) == (4, 4, 1)
    assert 99 <= progress.wait_ms <= 101
    desk.pass_time()
    assert desk.now == pytest.approx(START + 0.1)
    assert desk.said() == ["line 4"]
    desk.pass_time()
    desk.pass_time()
    assert desk.said() == ["line 5", "line 6"]
    assert not desk.requests.throttled


def test_two_hundred_pasted_lines_are_delayed_but_never_dropped() -> None:
    desk = Desk()
    said: list[str] = []
    waiting = list(range(1, 201))
    for _ in range(1000):
        # As a client does: repeat what has no answer, within the window.
        for number in waiting[:32]:
            desk.say(number, oldest=waiting[0])
        for event in desk.reported():
            assert isinstance(event, ev.LineReceived)
            said.append(event.text)
            desk.requests.answer_line(desk.session, event.number, len(said))
        for message in desk.read():
            if isinstance(message, m.Stored):
                waiting = [number for number in waiting if number not in dict(message.pairs)]
        if not waiting:
            break
        if desk.requests.throttled:
            desk.pass_time()
    assert said == [f"line {number}" for number in range(1, 201)]
    assert desk.now - START == pytest.approx((200 - 50) / 10, abs=0.1)


def test_the_rate_is_a_members_and_not_a_sessions() -> None:
    desk = Desk(Limits(lines_per_second=10.0, lines_burst=3))
    for number in range(1, 4):
        desk.say(number)
    other = make_session(6, desk.limits)
    desk.session, earlier = other, desk.session
    desk.opener = Opener(desk.out, earlier, other)
    desk.say(1)
    assert desk.said() == ["line 1", "line 2", "line 3"]
    (progress,) = desk.read()
    assert isinstance(progress, m.Progress)
    assert progress.wait_ms >= 99


def test_a_long_line_costs_as_much_as_it_has_parts() -> None:
    desk = Desk(Limits(lines_per_second=10.0, lines_burst=4))
    for index in range(3):
        desk.say(1, b"x", index=index, count=3)
    desk.say(2)
    desk.say(3)
    assert desk.said() == ["xxx", "line 2"]
    desk.pass_time()
    assert desk.said() == ["line 3"]


def test_a_line_longer_than_the_whole_burst_gets_through() -> None:
    desk = Desk(Limits(lines_per_second=10.0, lines_burst=2))
    for index in range(5):
        desk.say(1, b"x", index=index, count=5)
    assert desk.said() == ["xxxxx"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (b"x", 0.1),
        (b"\n" * 39, 0.1),
        (b"\n" * 79, 0.2),
        (b"x\r\n" * 79, 0.2),
        (b"\r" * 399, 1.0),
        (b"\n" * 799, 2.0),
    ],
)
def test_a_line_costs_a_fortieth_of_its_rows(text: bytes, seconds: float) -> None:
    desk = Desk(Limits(lines_per_second=10.0, lines_burst=4))
    desk.say(1, text)
    for number in range(2, 6):
        desk.say(number)
    while desk.requests.throttled:
        desk.pass_time()
    # All lines together have cost that much more than the four that the burst pays for.
    assert desk.now - START == pytest.approx(seconds, abs=0.01)


def test_lines_wait_while_the_log_takes_none() -> None:
    desk = Desk()
    desk.requests.holding = True
    desk.say(1)
    assert desk.said() == []
    assert desk.read() == [m.Progress(1, 1, 1, 0)]
    desk.requests.holding = False
    desk.requests.release_lines(desk.session, desk.now)
    assert desk.said() == ["line 1"]


HELD = m.LOG_REFUSES


def test_a_session_whose_lines_wait_for_the_log_is_told_when_it_begins_and_whenever_it_asks(desk: Desk) -> None:
    desk.say(1)
    desk.requests.hold([desk.session], False, True, desk.now)
    desk.requests.hold([desk.session], False, True, desk.now)
    assert desk.read() == [m.Progress(2, 2, 0, 0, HELD)]
    desk.say(1)
    desk.say(2)
    assert desk.read() == [m.Progress(2, 2, 0, 0, HELD), m.Progress(3, 3, 0, 0, HELD)]
    desk.requests.answer_line(desk.session, 1, 1)
    desk.requests.answer_line(desk.session, 2, 2)
    desk.requests.hold([desk.session], False, False, desk.now)
    desk.say(3)
    assert desk.read() == [m.Stored(((1, 1), (2, 2)))]


def test_a_line_that_waits_at_its_session_waits_for_the_log_too(desk: Desk) -> None:
    desk.requests.hold([desk.session], True, True, desk.now)
    desk.say(1)
    assert desk.said() == []
    assert desk.read() == [m.Progress(1, 1, 1, 0, HELD)]
    desk.requests.hold([desk.session], False, True, desk.now)
    assert desk.said() == ["line 1"]


def test_a_session_that_waits_for_nothing_is_told_nothing(desk: Desk) -> None:
    desk.requests.hold([desk.session], False, True, desk.now)
    desk.call(1, m.Who(""))
    assert desk.read() == []


def test_a_session_whose_join_waits_for_the_log_is_told_so_and_has_more_time() -> None:
    desk = Desk(joined=False)
    desk.offer()
    desk.call(1, m.Join("ana", PROOF, None))
    desk.requests.hold([desk.session], False, True, desk.now)
    assert desk.read() == [m.Progress(0, 0, 0, 0, HELD)]
    desk.now += 20.0
    desk.call(1, m.Join("ana", PROOF, None))
    assert desk.read() == [m.Progress(0, 0, 0, 0, HELD)]
    assert desk.session.join_by == desk.now + desk.limits.join_seconds
    assert len(desk.reported()) == 1


def test_only_so_many_lines_are_released_without_an_answer() -> None:
    desk = Desk(QUICK)
    for number in range(1, LINE_WINDOW + 5):
        desk.say(number)
    assert len(desk.said()) == LINE_WINDOW
    desk.requests.answer_line(desk.session, 1, 1)
    desk.requests.release_lines(desk.session, desk.now)
    assert desk.said() == [f"line {LINE_WINDOW + 1}"]


def test_a_text_over_the_limit_is_refused_and_the_next_line_goes_on() -> None:
    desk = Desk(Limits(text_bytes=2 * MAX_PIECE))
    for index in range(3):
        desk.say(1, b"x" * MAX_PIECE, index=index, count=3)
    desk.say(2, "after it")
    assert desk.said() == ["after it"]
    assert m.Unsaid(1, "text_too_long") in desk.read()
    assert desk.session.unsettled == 1


def test_a_text_of_just_the_limit_is_said() -> None:
    desk = Desk(Limits(text_bytes=5))
    desk.say(1, "12345")
    desk.say(2, "123456")
    assert desk.said() == ["12345"]


@pytest.mark.parametrize("junk", [b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"ok \xf0\x28\x8c\x28"])
def test_bytes_that_are_not_utf_8_become_replacement_characters(desk: Desk, junk: bytes) -> None:
    desk.say(1, junk)
    (text,) = desk.said()
    assert "\ufffd" in text
    assert text.encode()


def test_a_character_cut_between_two_parts_is_whole_again(desk: Desk) -> None:
    first, second = "é".encode()[:1], "é".encode()[1:]
    desk.say(1, first, index=0, count=2)
    desk.say(1, second, index=1, count=2)
    assert desk.said() == ["é"]


says = st.builds(
    m.Say,
    st.integers(0, 80),
    st.integers(0, 80),
    st.booleans(),
    st.integers(0, 16),
    st.integers(0, 16),
    st.binary(max_size=5),
)


@given(script=st.lists(says, max_size=60))
def test_whatever_clients_send_no_line_is_reported_twice_or_out_of_order_and_little_kept(
    script: list[m.Say],
) -> None:
    desk = Desk(QUICK)
    numbers: list[int] = []
    for say in script:
        desk.requests.say(desk.session, say, desk.now)
        for event in desk.reported():
            assert isinstance(event, ev.LineReceived)
            numbers.append(event.number)
        assert len(desk.read()) <= 1
        assert len(desk.session.lines._waiting) <= LINE_WINDOW
    assert numbers == sorted(set(numbers))
