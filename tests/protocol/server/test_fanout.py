"""Fan-out: pushed once, repaired by one sweep, pulled when far behind."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.bare_room import START, entry, strike
from kit.sessions import Opener, make_session

from sockatuh.protocol import messages as m
from sockatuh.protocol.client.inbox import Gone, Inbox
from sockatuh.protocol.constants import (
    ACK_PATIENCE,
    GET_DATAGRAMS,
    PUSH_WINDOW,
    REPAIR_AFTER,
    REPAIR_AFTER_MAX,
    REPAIR_DATAGRAMS,
)
from sockatuh.protocol.server.fanout import MAX_APART, PUSH_DATAGRAMS, SWEEP_GRAIN, Fanout
from sockatuh.protocol.server.limits import Limits
from sockatuh.protocol.server.packing import EVERYBODY, NOBODY, Audience, Logged, unshown
from sockatuh.protocol.server.retransmission import Retransmission
from sockatuh.protocol.server.send_queue import Outgoing
from sockatuh.protocol.server.timers import ServerTimer
from sockatuh.protocol.timers import TimerTable

DELAY = REPAIR_AFTER + 2 * Limits().ack_milliseconds / 1000
GRAIN = SWEEP_GRAIN + 1e-6
SOON = DELAY + GRAIN
"""When the first repair is over at the latest."""


class Crowd:
    """A fan-out with its members, and the time."""

    def __init__(self, members: int = 1, head: int = 0, limits: Limits | None = None) -> None:
        self.out = Outgoing(Counter())
        self.timers = TimerTable(ServerTimer)
        self.fanout = Fanout(head, limits or Limits(), self.out, self.timers)
        self.sessions = [make_session(cid) for cid in range(1, members + 1)]
        self.opener = Opener(self.out, *self.sessions)
        self.now = START
        for session in self.sessions:
            self.fanout.add(session, head, self.now)

    @property
    def sweep_at(self) -> float | None:
        return self.timers.get(ServerTimer.SWEEP)

    def sweep(self, now: float) -> None:
        """Advance the time to `now`, when a sweep is due."""
        assert list(self.timers.take_due(now)) == [ServerTimer.SWEEP]
        self.fanout.sweep(now)

    def publish(self, *entries: Logged) -> list[m.ServerMessage]:
        self.fanout.publish(entries, self.now)
        return self.opener.read()

    def grow(self, through: int, text: str = "") -> list[m.ServerMessage]:
        return self.publish(*[entry(seq, text) for seq in range(self.fanout.head + 1, through + 1)])

    def talk(self, count: int) -> None:
        """Publish so many entries, one each 50 ms from START on, and ignore what is sent."""
        for number in range(count):
            self.now = START + number / 20
            self.grow(number + 1)

    def get(self, after: int, through: int) -> list[m.ServerMessage]:
        return self.wanted(m.Get(after, through))

    def wanted(self, get: m.Get) -> list[m.ServerMessage]:
        assert self.fanout.get(self.sessions[0], get, self.now) is None
        return self.opener.read()

    def ack(self, seq: int) -> None:
        self.fanout.acknowledge(self.sessions[0], seq, self.now)

    def sweeps(self, until: float) -> list[tuple[float, list[m.ServerMessage]]]:
        """Sweep whenever it is due, and return when something was sent, and what."""
        swept: list[tuple[float, list[m.ServerMessage]]] = []
        while (at := self.sweep_at) is not None and at <= until:
            self.sweep(at)
            received = self.opener.read()
            if received:
                swept.append((at, received))
        self.now = until
        return swept


def seqs(messages: Iterable[m.ServerMessage]) -> list[int]:
    """Return the seqs told, a part counting once."""
    found: list[int] = []
    for message in messages:
        if isinstance(message, m.Entries):
            found += [each.seq for each in items(message) if isinstance(each, m.Entry)]
        elif isinstance(message, m.EntryPart) and not message.index:
            found.append(message.seq)
    return found


def test_what_was_committed_together_travels_together_to_everybody_once() -> None:
    crowd = Crowd(members=3)
    crowd.fanout.publish([entry(seq) for seq in range(1, 6)], START)
    received = crowd.opener.read_by_cid()
    assert [cid for cid, _ in received] == [1, 2, 3]
    for _, message in received:
        assert isinstance(message, m.Entries)
        assert (message.after, message.through, message.end) == (0, 5, False)
        assert seqs([message]) == [1, 2, 3, 4, 5]
    assert crowd.fanout.head == 5


def test_what_is_no_longer_kept_is_covered_too() -> None:
    (message,) = Crowd().publish(entry(1), entry(4))
    assert isinstance(message, m.Entries)
    assert (message.after, message.through) == (0, 4)
    assert seqs([message]) == [1, 4]


def test_a_long_entry_is_pushed_in_parts() -> None:
    received = Crowd().publish(entry(1, "x" * 16_384))
    assert all(isinstance(message, m.EntryPart) for message in received)
    assert seqs(received) == [1]


def test_a_burst_of_long_texts_is_pushed_in_part_and_the_rest_is_asked_for() -> None:
    received = Crowd().publish(*[entry(seq, "x" * 16_384) for seq in range(1, 9)])
    assert len(received) <= PUSH_DATAGRAMS + 1
    assert received[-1] == m.Head(8)
    assert seqs(received) == [1, 2, 3, 4]


@pytest.mark.parametrize("seconds", [0.45, 0.9, 1.75, 1.8, 0.3])
def test_a_sweep_is_never_due_again_at_once(seconds: float) -> None:
    """Rounded to its grain, no moment may come to lie before the repair it is for."""
    crowd = Crowd()
    crowd.now = seconds + 5e-17 - DELAY
    for _ in range(100):
        crowd.now = math.nextafter(crowd.now, math.inf)
        crowd.timers.stop(ServerTimer.SWEEP)
        crowd.grow(crowd.fanout.head + 1)
        crowd.ack(crowd.fanout.head - 1)
        at = crowd.sweep_at
        assert at is not None
        crowd.sweep(at)
        assert crowd.opener.read()
        assert crowd.sweep_at is not None
        assert crowd.sweep_at > at


def test_members_that_fall_behind_together_are_swept_together() -> None:
    crowd = Crowd(members=30)
    for number, session in enumerate(crowd.sessions):
        crowd.fanout.publish([entry(number + 1)], START)
        crowd.fanout.acknowledge(session, number + 1, START + number / 1000)
    crowd.fanout.publish([entry(31)], START + 0.03)
    crowd.opener.read()
    assert len(crowd.sweeps(START + SOON + 0.03)) <= 2


def test_a_session_that_was_not_added_or_has_gone_receives_nothing() -> None:
    crowd = Crowd(members=2)
    crowd.fanout.discard(crowd.sessions[0])
    crowd.fanout.discard(crowd.sessions[0])
    crowd.fanout.publish([entry(1)], START)
    assert [cid for cid, _ in crowd.opener.read_by_cid()] == [2]


def test_nothing_is_swept_while_everybody_has_everything() -> None:
    crowd = Crowd()
    assert crowd.sweep_at is None
    crowd.grow(3)
    crowd.ack(3)
    assert crowd.sweeps(START + 60) == []
    assert crowd.sweep_at is None


def test_what_is_not_acknowledged_is_sent_again_ever_more_slowly() -> None:
    crowd = Crowd()
    crowd.grow(3)
    swept = crowd.sweeps(START + 30)
    waits = [later - earlier for earlier, later in pairwise([START, *(at for at, _ in swept)])]
    expected = [min(DELAY * 2**n, REPAIR_AFTER_MAX) for n in range(len(waits))]
    assert len(waits) == 20
    assert all(0 <= wait - delay <= GRAIN for wait, delay in zip(waits, expected, strict=True))


def test_while_the_room_talks_repair_waits_as_long_as_clients_do() -> None:
    crowd = Crowd()
    crowd.talk(450)
    at, received = crowd.sweeps(START + 60)[0]
    assert 0 <= at - (START + 1.25 * ACK_PATIENCE + DELAY) <= GRAIN
    sent = seqs(received)
    assert sent == list(range(1, len(sent) + 1))


def test_one_who_is_far_behind_is_told_so_however_much_the_room_talks() -> None:
    crowd = Crowd()
    for number in range(40):
        crowd.now = START + number / 20
        crowd.grow((number + 1) * 120)
        for at, received in (swept := crowd.sweeps(crowd.now)) and [swept[-1]]:
            assert received[-1] == m.Head(crowd.fanout.head)
            assert 0 <= at - (START + DELAY) <= GRAIN
            return
    pytest.fail("nothing was sent to it")


def test_when_the_room_falls_silent_repair_comes_soon() -> None:
    crowd = Crowd()
    crowd.talk(10)
    assert 0 <= crowd.sweeps(START + 30)[0][0] - (START + 9 / 20 + DELAY) <= GRAIN


def test_one_who_stays_silent_is_soon_told_no_more_than_the_head() -> None:
    """It costs little, and one who is back asks for what it lacks."""
    crowd = Crowd()
    crowd.grow(3, "x" * 600)
    sent = [received for _, received in crowd.sweeps(START + 30)]
    assert [seqs(received) for received in sent[:2]] == [[1, 2, 3]] * 2
    assert sent[2:] == [[m.Head(3)]] * (len(sent) - 2)
    crowd.ack(2)
    crowd.now = START + 30
    ((_, received),) = crowd.sweeps(START + 30 + SOON)
    assert seqs(received) == [3], "what moved is sent in full again"


def test_repair_is_never_quicker_the_second_time() -> None:
    crowd = Crowd()
    crowd.fanout.ack_seconds = 2.0
    crowd.grow(1)
    swept = [at for at, _ in crowd.sweeps(START + 30)]
    assert min(later - earlier for earlier, later in pairwise([START, *swept])) >= REPAIR_AFTER + 4.0


def test_only_what_is_lacking_is_sent_again() -> None:
    crowd = Crowd()
    crowd.grow(10)
    crowd.ack(7)
    ((_, received),) = crowd.sweeps(START + SOON)
    assert seqs(received) == [8, 9, 10]


def test_an_acknowledgement_that_moves_begins_the_schedule_anew() -> None:
    crowd = Crowd()
    crowd.grow(10)
    crowd.sweeps(START + 10)
    crowd.ack(5)
    swept = crowd.sweeps(START + 20)
    assert 0 <= swept[0][0] - (START + 10 + DELAY) <= GRAIN
    assert 0 <= swept[1][0] - (START + 10 + 3 * DELAY) <= 2 * GRAIN


def test_an_acknowledgement_that_does_not_move_changes_nothing() -> None:
    crowd = Crowd()
    crowd.grow(10)
    crowd.ack(5)
    crowd.now = START + 0.5
    crowd.ack(5)
    crowd.ack(3)
    ((at, _),) = crowd.sweeps(START + 1.0)
    assert 0 <= at - (START + DELAY) <= GRAIN


def test_nobody_has_more_than_there_is() -> None:
    crowd = Crowd()
    crowd.grow(3)
    crowd.ack(99)
    assert crowd.sessions[0].retransmission.acked == 0
    assert seqs(crowd.grow(4)) == [4]


def test_the_longer_clients_collect_the_longer_repair_waits() -> None:
    crowd = Crowd()
    crowd.fanout.ack_seconds = 1.0
    crowd.grow(1)
    assert crowd.sweep_at is not None
    assert 0 <= crowd.sweep_at - (START + REPAIR_AFTER + 2.0) <= GRAIN


def test_one_who_joins_behind_the_head_is_repaired_too() -> None:
    crowd = Crowd(head=5)
    late = make_session(9)
    crowd.opener = Opener(crowd.out, late)
    crowd.fanout.discard(crowd.sessions[0])
    crowd.fanout.recent.load(0, [entry(seq) for seq in range(1, 6)])
    crowd.fanout.add(late, 2, START)
    ((_, received),) = crowd.sweeps(START + SOON)
    assert seqs(received) == [3, 4, 5]


def test_one_sweep_serves_the_whole_room() -> None:
    crowd = Crowd(members=50)
    crowd.fanout.publish([entry(1)], START)
    crowd.opener.read()
    ((_, received),) = crowd.sweeps(START + SOON)
    assert len(received) == 50


def test_at_most_eight_datagrams_are_sent_again_at_a_time() -> None:
    crowd = Crowd()
    crowd.grow(40, "x" * 600)
    ((_, received),) = crowd.sweeps(START + SOON)
    assert len(received) == REPAIR_DATAGRAMS
    assert seqs(received) == list(range(1, REPAIR_DATAGRAMS + 1))


def test_one_who_is_more_than_a_window_behind_is_pushed_nothing_and_told_the_head() -> None:
    crowd = Crowd()
    crowd.grow(PUSH_WINDOW)
    assert seqs(crowd.grow(PUSH_WINDOW + 1)) == [PUSH_WINDOW + 1], "a whole window behind, not more"
    assert crowd.grow(PUSH_WINDOW + 2) == []
    ((_, received),) = crowd.sweeps(START + SOON)
    assert received == [m.Head(PUSH_WINDOW + 2)]


def test_one_who_has_caught_up_is_pushed_to_again() -> None:
    crowd = Crowd()
    crowd.grow(PUSH_WINDOW + 1)
    assert crowd.grow(PUSH_WINDOW + 2) == []
    crowd.ack(PUSH_WINDOW + 2)
    assert seqs(crowd.grow(PUSH_WINDOW + 3)) == [PUSH_WINDOW + 3]


def test_what_is_no_longer_at_hand_is_not_repaired_but_to_be_asked_for() -> None:
    crowd = Crowd(limits=Limits(recent_entries=2))
    crowd.grow(5)
    ((_, received),) = crowd.sweeps(START + SOON)
    assert received == [m.Head(5)]


# GET.


def test_a_get_is_answered_with_what_was_asked_and_the_end_is_marked() -> None:
    crowd = Crowd()
    crowd.grow(9)
    (message,) = crowd.get(2, 6)
    assert isinstance(message, m.Entries)
    assert (message.after, message.through, message.end) == (2, 6, True)
    assert seqs([message]) == [3, 4, 5, 6]


def test_a_get_acknowledges() -> None:
    crowd = Crowd()
    crowd.grow(9)
    crowd.get(6, 9)
    assert crowd.sessions[0].retransmission.acked == 6


def test_a_get_for_what_is_not_there_yet_is_answered_with_what_is() -> None:
    crowd = Crowd()
    crowd.grow(3)
    (message,) = crowd.get(0, 2**63 - 1)
    assert isinstance(message, m.Entries)
    assert message.through == 3


def test_all_stretches_of_a_get_are_answered_and_one_end_is_marked() -> None:
    crowd = Crowd()
    crowd.grow(20)
    sent = crowd.wanted(m.Get(1, 3, ((5, 6), (9, 99), (19, 7), (25, 30))))
    assert [(each.after, each.through, each.end) for each in sent if isinstance(each, m.Entries)] == [
        (1, 3, False),
        (5, 6, False),
        (9, 20, True),
    ]
    assert seqs(sent) == [2, 3, 6, *range(10, 21)]
    assert crowd.sessions[0].retransmission.acked == 1, "what is behind the first hole is not acknowledged with it"


def test_many_stretches_are_answered_with_no_more_datagrams_than_one() -> None:
    crowd = Crowd()
    crowd.grow(80, "x" * 1000)
    sent = crowd.wanted(m.Get(0, 1, tuple((at, at + 1) for at in range(2, 80, 2))))
    assert len(sent) == GET_DATAGRAMS
    assert seqs(sent) == [1, *range(3, 32, 2)]
    sent = crowd.wanted(m.Get(0, 80, ((0, 80), (0, 80))))
    assert seqs(sent) == list(range(1, GET_DATAGRAMS + 1))


def test_of_further_stretches_nothing_is_told_from_below_the_floor_nor_read_from_the_log() -> None:
    crowd = Crowd(limits=Limits(recent_entries=4))
    crowd.grow(9)
    crowd.sessions[0].floor = 7
    sent = crowd.wanted(m.Get(8, 9, ((2, 3), (6, 9), (4, 6))))
    assert seqs(sent) == [9]


@pytest.mark.parametrize(("after", "through"), [(3, 3), (3, 99), (99, 200), (2, 1), (1, 0)])
def test_a_get_for_nothing_is_not_answered(after: int, through: int) -> None:
    crowd = Crowd()
    crowd.grow(3)
    crowd.sessions[0].floor = 2
    assert crowd.get(after, through) == []


@pytest.mark.parametrize("text", ["x" * 600, "x" * 1130, "x" * 16_384])
def test_one_get_is_answered_with_at_most_sixteen_datagrams_and_asking_on_brings_the_rest(text: str) -> None:
    crowd = Crowd()
    crowd.grow(40, text)
    cursor, found = 0, list[int]()
    while cursor < 40:
        answer = crowd.get(cursor, 40)
        assert 0 < len(answer) <= GET_DATAGRAMS
        ends = [message.end for message in answer if isinstance(message, m.Entries | m.EntryPart)]
        assert ends == [False] * (len(answer) - 1) + [True]
        found += seqs(answer)
        cursor = found[-1]
    assert found == list(range(1, 41))


def test_a_gap_before_a_long_entry_counts_among_the_sixteen() -> None:
    crowd = Crowd()
    crowd.publish(entry(2, "x" * 16_384), entry(4, "x" * 3000), entry(5))
    answer = crowd.get(0, 5)
    assert len(answer) <= GET_DATAGRAMS
    assert seqs(answer) == [2]


def test_what_only_the_log_still_has_is_to_be_read_from_there() -> None:
    crowd = Crowd(limits=Limits(recent_entries=2))
    crowd.grow(5)
    assert crowd.fanout.get(crowd.sessions[0], m.Get(1, 99), START) == (1, 5)
    assert crowd.opener.read() == []
    crowd.fanout.supply(crowd.sessions[0], 1, 5, [entry(2), entry(4)])
    (message,) = crowd.opener.read()
    assert isinstance(message, m.Entries)
    assert (message.after, message.through, message.end) == (1, 5, True)


def test_below_the_floor_nothing_is_given_and_the_client_asks_on_from_there() -> None:
    crowd = Crowd()
    crowd.grow(40, "x" * 600)
    crowd.sessions[0].floor = 10
    assert crowd.get(0, 40) == [m.Entries(0, 10, True, ())]
    assert seqs(crowd.get(10, 12)) == [11, 12]
    assert crowd.get(3, 7) == [m.Entries(3, 7, True, ())]


def test_below_the_floor_the_log_is_not_read() -> None:
    crowd = Crowd(limits=Limits(recent_entries=2))
    crowd.grow(5)
    crowd.sessions[0].floor = 2
    assert crowd.get(0, 5) == [m.Entries(0, 2, True, ())]


# What not everybody is shown.

BETWEEN_TWO = frozenset({"the key of 1", "the key of 2"})


def owned(members: int, head: int = 0) -> Crowd:
    """Return a crowd in which each session is of a key of its own."""
    crowd = Crowd(0, head)
    crowd.sessions = [make_session(cid) for cid in range(1, members + 1)]
    for session in crowd.sessions:
        session.owner = f"the key of {session.cid}"
        crowd.fanout.add(session, head, START)
    crowd.opener = Opener(crowd.out, *crowd.sessions)
    return crowd


def items(message: m.ServerMessage) -> list[m.Item]:
    """Return what an ENTRIES holds."""
    assert isinstance(message, m.Entries)
    return [m.decode_item_untrusted(item) for item in message.items]


def test_what_nobody_is_shown_is_never_a_reason_to_send_anything() -> None:
    crowd = Crowd(members=3)
    crowd.grow(1)
    for session in crowd.sessions:
        crowd.fanout.acknowledge(session, 1, START)
    assert crowd.publish(*[unshown(seq) for seq in range(2, 5_000)]) == []
    assert crowd.sweeps(START + 60) == []
    assert crowd.sweep_at is None
    assert crowd.fanout.head == 4_999


def test_it_travels_with_the_next_entry_that_is_shown() -> None:
    crowd = Crowd()
    crowd.grow(1)
    crowd.publish(unshown(2))
    crowd.publish(unshown(3), unshown(4))
    (message,) = crowd.publish(unshown(5), entry(6), unshown(7))
    assert isinstance(message, m.Entries)
    assert (message.after, message.through) == (1, 6), "what comes after it waits for the next"
    first, second = items(message)
    assert first == m.Unshown(2, 4)
    assert second.seq == 6


def test_behind_is_measured_against_the_last_entry_that_was_shown() -> None:
    crowd = Crowd()
    crowd.grow(1)
    crowd.ack(1)
    crowd.publish(unshown(2, 3 * PUSH_WINDOW))
    (message,) = crowd.grow(3 * PUSH_WINDOW + 2)
    assert seqs([message]) == [3 * PUSH_WINDOW + 2], "it had everything that was shown, and is pushed to"


def test_what_is_sent_again_ends_with_the_last_entry_that_was_shown() -> None:
    crowd = Crowd()
    crowd.publish(unshown(1), entry(2), unshown(3, 500))
    (_, received), *_ = crowd.sweeps(START + SOON)
    (message,) = received
    assert isinstance(message, m.Entries)
    assert (message.after, message.through) == (0, 2)
    sent = [received for _, received in crowd.sweeps(START + 30)]
    assert sent[-1] == [m.Head(2)]


def test_a_get_beyond_the_last_shown_entry_is_answered_with_numbers() -> None:
    crowd = Crowd()
    crowd.publish(entry(1), unshown(2, 500))
    (message,) = crowd.get(1, 501)
    assert isinstance(message, m.Entries)
    assert (message.through, message.end) == (501, True)
    assert items(message) == [m.Unshown(2, 500)]


def test_what_is_read_from_the_log_is_told_to_each_as_it_is_shown() -> None:
    crowd = owned(3)
    rows = [entry(1), entry(2, "psst", shown_to=BETWEEN_TWO), unshown(3)]
    for session in crowd.sessions:
        crowd.fanout.supply(session, 0, 3, rows)
    sent = {cid: [each.seq for each in items(message)] for cid, message in crowd.opener.read_by_cid()}
    assert sent == {1: [1, 2, 3], 2: [1, 2, 3], 3: [1, 2]}


def test_what_is_between_two_reaches_these_two_at_once_and_nobody_else() -> None:
    crowd = owned(3)
    crowd.fanout.publish([entry(1, "psst", shown_to=BETWEEN_TWO)], START)
    assert [(cid, seqs([message])) for cid, message in crowd.opener.read_by_cid()] == [(1, [1]), (2, [1])]
    assert crowd.sweeps(START + 0.1) == []
    crowd.fanout.publish([entry(2)], START)
    sent = dict(crowd.opener.read_by_cid())
    assert items(sent[3])[0] == m.Unshown(1, 1)
    assert seqs([sent[1]]) == seqs([sent[2]]) == [2]


def test_nobody_passes_over_an_entry_that_was_shown_to_it_and_lost() -> None:
    crowd = owned(2)
    crowd.fanout.publish([entry(1, "psst", shown_to=frozenset({"the key of 1"}))], START)
    crowd.opener.read()  # and lost
    crowd.fanout.publish([entry(2)], START)
    sent = dict(crowd.opener.read_by_cid())
    assert isinstance(sent[1], m.Entries)
    assert (sent[1].after, sent[1].through) == (1, 2), "it leaves a hole, and is asked for"
    assert seqs(crowd.get(0, 1)) == [1]


def test_one_who_joins_between_is_not_told_that_an_entry_of_its_own_is_not_shown() -> None:
    crowd = owned(2)
    crowd.fanout.discard(crowd.sessions[0])
    crowd.fanout.publish([entry(1, "psst", shown_to=frozenset({"the key of 1"}))], START)
    crowd.fanout.add(crowd.sessions[0], 0, START)
    crowd.fanout.publish([entry(2)], START)
    sent = dict(crowd.opener.read_by_cid())
    assert isinstance(sent[1], m.Entries)
    assert sent[1].after == 1


def test_one_who_was_shown_more_than_others_is_behind_by_that() -> None:
    crowd = owned(2)
    crowd.fanout.publish([entry(1, "psst", shown_to=frozenset({"the key of 1"}))], START)
    crowd.opener.read()
    ((_, received),) = crowd.sweeps(START + SOON)
    assert seqs(received) == [1]


@pytest.mark.slow  # publishes a thousand private entries
def test_of_many_who_were_shown_something_of_their_own_no_more_are_remembered_than_the_bound() -> None:
    crowd = owned(1)
    for seq in range(1, MAX_APART + 2):
        crowd.fanout.publish([entry(seq, shown_to=frozenset({f"a key {seq}"}))], START)
        assert len(crowd.fanout._apart) <= MAX_APART
    (message,) = crowd.grow(MAX_APART + 2)
    assert isinstance(message, m.Entries)
    assert message.after == MAX_APART + 1, "what is before it is asked for"


def test_one_who_comes_back_from_far_behind_is_pushed_nothing_though_all_others_are_near() -> None:
    crowd = owned(2)
    for head in (2 * PUSH_WINDOW, 2 * PUSH_WINDOW + 1):
        crowd.fanout.publish([unshown(crowd.fanout.head + 1, head - 1 - crowd.fanout.head), entry(head)], START)
        for session in crowd.sessions:
            crowd.fanout.acknowledge(session, head, START)
    crowd.opener.read()
    crowd.fanout.discard(crowd.sessions[0])
    crowd.sessions[0].retransmission = Retransmission()
    crowd.fanout.add(crowd.sessions[0], 5, START)
    crowd.grow(2 * PUSH_WINDOW + 2)
    assert crowd.sessions[0].retransmission.is_far_behind
    assert crowd.fanout._far == {1}
    crowd.fanout.publish([entry(2 * PUSH_WINDOW + 3)], START)
    assert [cid for cid, _ in crowd.opener.read_by_cid()] == [2]
    crowd.fanout.discard(crowd.sessions[0])
    assert crowd.fanout._far == set()


def test_one_who_has_come_near_and_falls_far_behind_again_is_pushed_nothing_again() -> None:
    crowd = owned(2)

    def jump(head: int) -> list[int]:
        crowd.fanout.publish([unshown(crowd.fanout.head + 1, head - 1 - crowd.fanout.head), entry(head)], START)
        crowd.fanout.acknowledge(crowd.sessions[1], head, START)
        return [cid for cid, _ in crowd.opener.read_by_cid()]

    assert jump(3 * PUSH_WINDOW) == [1, 2]
    assert jump(3 * PUSH_WINDOW + 2) == [2]
    crowd.ack(3 * PUSH_WINDOW - PUSH_WINDOW // 2)
    assert jump(4 * PUSH_WINDOW) == [1, 2]
    assert jump(4 * PUSH_WINDOW + 2) == [2]


def test_after_a_long_silence_a_room_that_talks_gives_its_clients_time_again() -> None:
    crowd = Crowd()
    crowd.grow(1)
    crowd.ack(1)
    assert crowd.sweeps(START + 100) == []
    for seq in range(2, 40):
        crowd.now += 0.05
        crowd.grow(seq)
        assert crowd.sweeps(crowd.now) == []


AUDIENCES = (EVERYBODY, NOBODY, frozenset({"the key of 1"}), BETWEEN_TWO)


@given(audiences=st.lists(st.sampled_from(AUDIENCES), max_size=40), seed=st.integers(0, 2**32))
def test_whatever_is_pushed_and_lost_each_client_gives_out_what_it_is_shown_and_no_gap(
    audiences: list[Audience], seed: int
) -> None:
    dice = random.Random(seed)
    crowd = owned(3)
    inboxes = {session.cid: Inbox(0) for session in crowd.sessions}
    given_out: dict[int, list[m.Entry | Gone]] = {cid: [] for cid in inboxes}

    def deliver(loss: float) -> None:
        for cid, message in crowd.opener.read_by_cid():
            if dice.random() >= loss and isinstance(message, m.Entries | m.EntryPart):
                inboxes[cid].receive(message)
                given_out[cid] += inboxes[cid].take()

    waiting = [entry(seq, shown_to=audience) for seq, audience in enumerate(audiences, 1)]
    while waiting:
        count = dice.randint(1, 4)
        crowd.fanout.publish(waiting[:count], START)
        del waiting[:count]
        deliver(loss=0.3)
        if dice.random() < 0.2:  # one comes back, and reads on
            session = dice.choice(crowd.sessions)
            crowd.fanout.discard(session)
            crowd.fanout.add(session, inboxes[session.cid].cursor, START)
    for session in crowd.sessions:
        inboxes[session.cid].notice_head(len(audiences))
        for hole in inboxes[session.cid].holes():
            crowd.fanout.get(session, m.Get(*hole), START)
        deliver(loss=0.0)
        mine = [seq for seq, to in enumerate(audiences, 1) if to is None or session.owner in to]
        assert inboxes[session.cid].cursor == len(audiences)
        assert [item.seq if isinstance(item, m.Entry) else item for item in given_out[session.cid]] == mine


def texts_in(message: m.ServerMessage) -> dict[int, str]:
    """Return the texts in a message by seq; of a part of an entry, the part."""
    if isinstance(message, m.EntryPart):
        return {message.seq: message.piece.decode("latin-1")}
    items = [m.decode_item_untrusted(item) for item in message.items] if isinstance(message, m.Entries) else []
    return {item.seq: item.text for item in items if isinstance(item, m.Entry) and item.kind != m.STRUCK}


LINES = st.tuples(st.sampled_from([1, 40, 2_500]), st.sampled_from(AUDIENCES))
STEPS = st.lists(
    st.one_of(
        LINES,
        st.tuples(st.just("strike"), st.integers(1, 12)),
        st.tuples(st.sampled_from(["take", "sweep", "get"]), st.integers(0, 12)),
    ),
    max_size=40,
)


@given(steps=STEPS, seed=st.integers(0, 2**32))
def test_no_datagram_made_after_a_strike_holds_the_line(steps: list[tuple[object, object]], seed: int) -> None:
    """Whatever was queued, asked for or to be sent again; and everybody is shown all that was not struck."""
    dice = random.Random(seed)
    crowd = owned(3)
    inboxes = {session.cid: Inbox(0) for session in crowd.sessions}
    given_out: dict[int, list[m.Entry | Gone]] = {cid: [] for cid in inboxes}
    audience_of: dict[int, Audience] = {}
    lines: set[int] = set()
    struck: set[int] = set()

    def take(loss: float) -> None:
        for cid, message in crowd.opener.read_by_cid():
            assert not struck & texts_in(message).keys()
            if dice.random() >= loss and isinstance(message, m.Entries | m.EntryPart):
                inboxes[cid].receive(message)
                given_out[cid] += inboxes[cid].take()

    def publish(published: Logged) -> None:
        waiting.append(published)
        audience_of[published.seq] = published.shown_to
        if dice.random() < 0.6:
            crowd.fanout.publish(waiting, crowd.now)
            struck.update({each.strikes for each in waiting} - {0})
            waiting.clear()

    waiting: list[Logged] = []
    for what, how in steps:
        seq = len(audience_of) + 1
        if isinstance(what, int):
            lines.add(seq)
            publish(entry(seq, "x" * what, shown_to=how))  # type: ignore[arg-type]
        elif what == "strike" and isinstance(how, int) and how in lines:
            lines.remove(how)
            publish(strike(seq, how, audience_of[how]))
        elif what == "take":
            take(loss=0.3)
        elif what == "sweep":
            crowd.now += 3.0
            crowd.fanout.sweep(crowd.now)
        elif what == "get" and isinstance(how, int):
            crowd.fanout.get(dice.choice(crowd.sessions), m.Get(how, 99), crowd.now)
    crowd.fanout.publish(waiting, crowd.now)
    struck.update({each.strikes for each in waiting} - {0})
    take(loss=0.0)
    for session in crowd.sessions:
        inbox, head = inboxes[session.cid], len(audience_of)
        inbox.notice_head(head)
        while inbox.holes():
            crowd.now += 1.0
            crowd.fanout.get(session, m.Get(*inbox.holes()[0]), crowd.now)
            take(loss=0.0)
        got = [item.seq for item in given_out[session.cid] if isinstance(item, m.Entry)]
        mine = {seq for seq, to in audience_of.items() if to is None or session.owner in to}
        assert len(got) == len(given_out[session.cid]), "nothing is reported as gone"
        assert mine - struck <= set(got) <= mine
        assert got == sorted(got)


def test_a_long_line_of_which_a_part_has_left_is_not_sent_to_its_end() -> None:
    crowd = Crowd()
    crowd.fanout.publish([entry(1), entry(2, "x" * 5_000), entry(3)], START)
    crowd.fanout.publish([strike(4, 2)], START)
    assert [
        (each.after, each.through, [m.decode_item_untrusted(item).seq for item in each.items])
        for each in crowd.opener.read()
        if isinstance(each, m.Entries)
    ] == [(0, 1, [1]), (1, 2, [2]), (2, 3, [3]), (3, 4, [4])]


def test_what_has_changed_is_told_in_as_few_datagrams_as_hold_it() -> None:
    crowd = Crowd()
    few, long = m.Change("budi", "tag", 0), m.Change("\N{GOTHIC LETTER AHSA}" * 32, "12345678", 3, "\N{SNAIL}" * 80)
    crowd.fanout.tell_presence(5, [])
    crowd.fanout.tell_presence(5, [few] * 32)
    assert crowd.opener.read() == [m.Presence(5, ()), m.Presence(5, (few,) * 32)]
    crowd.fanout.tell_presence(5, [few, *[long] * 31])
    told = [each for each in crowd.opener.read() if isinstance(each, m.Presence)]
    assert [change for each in told for change in each.changed] == [few, *[long] * 31]
    assert {each.here for each in told} == {5}
    assert len(told) == 16, "two of the longest in each"


PUBLICATION = st.tuples(st.just("publish"), st.sampled_from((EVERYBODY, *AUDIENCES[2:])), st.integers(0, PUSH_WINDOW))
ACKNOWLEDGEMENT = st.tuples(st.just("acknowledge"), st.integers(0, 2), st.integers(0, 100))
COMING = st.tuples(st.just("come back"), st.integers(0, 2), st.integers(0, 100))


@given(steps=st.lists(st.one_of(PUBLICATION, PUBLICATION, ACKNOWLEDGEMENT, COMING, st.just(("sweep",))), max_size=30))
def test_exactly_those_are_pushed_an_entry_who_are_shown_it_and_lack_no_more_than_the_window(
    steps: list[tuple[str] | tuple[str, Audience, int] | tuple[str, int, int]],
) -> None:
    crowd = owned(3)
    acked, shown = dict.fromkeys((1, 2, 3), 0), dict.fromkeys((1, 2, 3), 0)
    for step in steps:
        crowd.now += 0.3
        match step:
            case ("publish", frozenset() | None as audience, int(hidden)):
                head = crowd.fanout.head
                seq = head + hidden + 1
                run = [unshown(head + 1, hidden)] if hidden else []
                crowd.fanout.publish([*run, entry(seq, shown_to=audience)], crowd.now)
                meant = [each.cid for each in crowd.sessions if audience is None or each.owner in audience]
                near = [cid for cid in meant if shown[cid] - acked[cid] <= PUSH_WINDOW]
                assert sorted(cid for cid, _ in crowd.opener.read_by_cid()) == near
                shown |= dict.fromkeys(meant, seq)
            case ("acknowledge", int(index), int(percent)):
                session, seq = crowd.sessions[index], crowd.fanout.head * percent // 100
                crowd.fanout.acknowledge(session, seq, crowd.now)
                acked[session.cid] = max(acked[session.cid], seq)
            case ("come back", int(index), int(percent)):
                session, start = crowd.sessions[index], crowd.fanout.head * percent // 100
                crowd.fanout.discard(session)
                session.retransmission = Retransmission()
                crowd.fanout.add(session, start, crowd.now)
                acked[session.cid], shown[session.cid] = start, crowd.fanout.head
            case _:
                crowd.fanout.sweep(crowd.now)
                crowd.opener.read()
        for session in crowd.sessions:
            assert session.retransmission.acked == acked[session.cid]
            assert session.retransmission.shown == shown[session.cid]
