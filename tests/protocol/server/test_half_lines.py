"""Half lines are bounded for all sessions together, by place; what is dropped is requested again and not lost."""

from __future__ import annotations

import random
from collections import Counter, deque

from hypothesis import given, settings
from hypothesis import strategies as st
from kit.bare_room import START, no_jitter
from kit.sessions import Opener, make_offers, make_pending, place

from sockatuh.protocol import messages as m
from sockatuh.protocol.client.outbox import Outbox
from sockatuh.protocol.client.timers import ClientTimer
from sockatuh.protocol.constants import LINE_WINDOW, MAX_PIECE
from sockatuh.protocol.server import events as ev
from sockatuh.protocol.server.limits import Limits
from sockatuh.protocol.server.line_assembly import LINE_COST, PART_COST
from sockatuh.protocol.server.requests import Requests
from sockatuh.protocol.server.send_queue import Outgoing
from sockatuh.protocol.server.session import Session, open_session
from sockatuh.protocol.server.timers import ServerTimer
from sockatuh.protocol.timers import TimerTable

PIECE = b"x" * MAX_PIECE
PART = MAX_PIECE + PART_COST
QUICK = Limits(lines_per_second=1e6, lines_burst=1_000_000)


class Desk:
    """Requests of several sessions from several places."""

    def __init__(self, limits: Limits) -> None:
        self.limits, self.out = limits, Outgoing(Counter())
        self.events: deque[ev.ServerEvent] = deque()
        self.requests = Requests(limits, self.out, self.events, TimerTable(ServerTimer), make_offers())
        self.now = START
        self.sessions: list[Session] = []

    def session(self, source: int, *, flags: int = 0) -> Session:
        number = len(self.sessions) + 1
        pending = make_pending(number, key=number.to_bytes(32, "big"), source=place(source), flags=flags)
        session = open_session(pending, self.limits, START)
        session.name = f"user{number}"
        self.sessions.append(session)
        return session

    def say(self, session: Session, number: int, index: int = 0, count: int = 2, piece: bytes = PIECE) -> None:
        self.requests.say(session, m.Say(number, 1, False, index, count, piece), self.now)

    def begin_lines(self, session: Session, count: int = LINE_WINDOW) -> None:
        """Send the first halves of so many lines."""
        for number in range(1, count + 1):
            self.say(session, number)

    def read(self, session: Session) -> list[m.ServerMessage]:
        """Return what a session was sent since the last call for any session."""
        received = Opener(self.out, *self.sessions).read_by_cid()
        return [message for cid, message in received if cid == session.cid]

    def check(self) -> None:
        held = sum(session.lines.held_bytes for session in self.sessions)
        assert self.requests.half_lines.held == held <= self.limits.half_line_bytes


def test_the_lines_kept_for_all_sessions_are_bounded_and_others_get_through() -> None:
    desk = Desk(Limits(half_line_bytes=1_000_000))
    villains = [desk.session(number % 3) for number in range(60)]
    for villain in villains:
        desk.begin_lines(villain)
        desk.check()
    honest = desk.session(9)
    for index in reversed(range(14)):
        desk.say(honest, 1, index, 14)
        desk.check()
    assert [event.cid for event in desk.events if isinstance(event, ev.LineReceived)] == [honest.cid]


def test_the_newest_session_of_the_fullest_place_loses_its_parts_and_is_told_to_wait() -> None:
    desk = Desk(Limits(half_line_bytes=10 * (LINE_COST + PART)))
    first, second, other = desk.session(1), desk.session(1), desk.session(2)
    desk.begin_lines(first, 5)
    desk.begin_lines(second, 4)
    desk.begin_lines(other, 2)
    assert (first.lines.held_bytes > 0, second.lines.held_bytes, other.lines.held_bytes > 0) == (True, 0, True)
    assert desk.read(second)[-1] == m.Progress(1, 1, 0, 1_000)
    desk.check()


def test_in_the_most_crowded_place_the_last_part_is_dropped_itself() -> None:
    desk = Desk(Limits(half_line_bytes=10 * (LINE_COST + PART)))
    villain = desk.session(1)
    desk.begin_lines(villain)
    assert villain.lines.held_bytes == 9 * (LINE_COST + PART), "the last tenth is for others"
    neighbour = desk.session(1)
    desk.say(neighbour, 1)
    assert neighbour.lines.held_bytes == 0
    assert desk.read(neighbour) == [m.Progress(1, 1, 0, 1_000)]
    desk.say(neighbour, 1, 0, 1, b"a line in one part waits for nothing")
    assert [event.text for event in desk.events if isinstance(event, ev.LineReceived)] == [
        "a line in one part waits for nothing"
    ]


def test_guests_give_way_to_members() -> None:
    desk = Desk(Limits(half_line_bytes=10 * (LINE_COST + PART)))
    guest, member = desk.session(1, flags=m.FLAG_SCRIPT), desk.session(1)
    desk.begin_lines(guest, 4)
    desk.begin_lines(member, 5)
    desk.begin_lines(desk.session(3), 2)
    assert (member.lines.held_bytes > 0, guest.lines.held_bytes) == (True, 0)


def test_whole_lines_that_wait_for_their_rate_are_counted_too() -> None:
    desk = Desk(Limits(lines_burst=1, lines_per_second=1))
    session = desk.session(1)
    for number in range(1, 6):
        desk.say(session, number, 0, 1)
    assert session.lines.held_bytes == 4 * (LINE_COST + PART)
    desk.check()


def test_half_a_line_waits_for_half_a_minute_and_is_requested_again() -> None:
    desk = Desk(QUICK)
    session = desk.session(1)
    desk.say(session, 1)
    desk.now += desk.limits.half_line_seconds
    desk.requests.expire(session, desk.now)
    assert session.lines.held_bytes > 0
    desk.now += 0.1
    desk.requests.expire(session, desk.now)
    assert desk.read(session) == [m.Progress(1, 1, 0, 0)]
    desk.say(session, 1, 1)
    assert desk.read(session) == [m.Progress(1, 1, 2, 0)]
    desk.say(session, 1, 0)
    assert len(desk.events) == 1
    desk.check()


def test_the_client_is_asked_again_by_whatever_part_it_sends_of_a_line_that_was_dropped() -> None:
    """It knew that some parts had arrived, and sends only the others."""
    desk = Desk(QUICK)
    session = desk.session(1)
    desk.say(session, 1, 2, 3)
    assert desk.read(session) == [m.Progress(1, 1, 4, 0)]
    session.lines.drop(1)
    desk.say(session, 1, 1, 3)
    assert desk.read(session) == [m.Progress(1, 1, 2, 0)]


def test_lines_that_wait_for_the_log_do_not_expire() -> None:
    desk = Desk(QUICK)
    session = desk.session(1)
    desk.requests.hold([session], True, True, desk.now)
    desk.say(session, 1, 0, 1)
    desk.now += 3_600.0
    desk.requests.expire(session, desk.now)
    desk.requests.hold([session], False, False, desk.now)
    assert len(desk.events) == 1


def test_nothing_is_kept_for_a_session_that_ends() -> None:
    desk = Desk(QUICK)
    session = desk.session(1)
    desk.begin_lines(session)
    desk.requests.forget(session)
    assert desk.requests.half_lines.held == 0


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    sizes=st.lists(st.sampled_from((1, MAX_PIECE + 1, 5_000, 16_384)), min_size=1, max_size=25),
    loss=st.sampled_from((0.0, 0.1, 0.3)),
    room=st.sampled_from((40_000, 80_000)),
)
def test_however_often_half_lines_are_dropped_none_is_lost_doubled_or_out_of_order(
    seed: int, sizes: list[int], loss: float, room: int
) -> None:
    """One client speaks, attackers at another place keep half lines there, and some are dropped at random."""
    dice = random.Random(seed)
    desk = Desk(Limits(half_line_bytes=room, lines_per_second=1e6, lines_burst=1_000_000))
    honest, villains = desk.session(1), [desk.session(2) for _ in range(3)]
    timers = TimerTable(ClientTimer)
    sender = Outbox(no_jitter, timers)
    texts = [bytes([97 + at % 26]) * size for at, size in enumerate(sizes)]
    for text in texts:
        sender.add(text, False)
    opener = Opener(desk.out, *desk.sessions)
    said: list[ev.LineReceived] = []
    for _ in range(3_000):
        for villain in villains:
            desk.say(villain, dice.randrange(1, 60), dice.randrange(1, 15), 16)
        if dice.random() < 0.02:
            honest.lines.drop_all()
            desk.requests.half_lines.keep(honest)
        says = [say for say in sender.handle_timer(desk.now) if dice.random() >= loss]
        dice.shuffle(says)
        for say in says:
            desk.requests.say(honest, say, desk.now)
        fresh = [event for event in desk.events if isinstance(event, ev.LineReceived)]
        said += fresh
        desk.events.clear()
        for event in fresh:
            desk.requests.answer_line(honest, event.number, len(said))
        desk.requests.send_stored()
        for session in desk.sessions:
            desk.requests.expire(session, desk.now)
        desk.check()
        for cid, message in opener.read_by_cid():
            if cid != honest.cid or dice.random() < loss:
                continue
            match message:
                case m.Progress():
                    sender.take_progress(message, desk.now)
                case m.Stored(pairs):
                    for number, _ in pairs:
                        sender.remove(number)
                case _:
                    pass
        if not len(sender):
            break
        desk.now = max(desk.now + 0.02, min(timers.get(ClientTimer.LINES) or 0.0, desk.now + 1.0))
    assert not len(sender)
    assert [event.text.encode() for event in said] == texts
