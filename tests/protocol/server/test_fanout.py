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
from kit.bare_room import START, entry
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
from sockatuh.protocol.server.send_queue import Outgoing
from sockatuh.protocol.server.timers import ServerTimer
from sockatuh.protocol.timers import TimerTable

DELAY = REPAIR_AFTER + 2 * Limits().ack_milliseconds / 1000
GRAIN = SWEEP_GRAIN + 1e-6
SOON = DELAY + GRAIN
"""When the first repair is over at the latest."""


class Hall:
    """A fan-out with its members, and the time."""

    def __init__(self, members: int = 1, head: int = 0, limits: Limits | None = None) -> None:
        self.out = Outgoing(Counter())
        self.timers = TimerTable(ServerTimer)
        self.fanout = Fanout(head, limits or Limits(), self.out, self.timers)
        self.sessions = [make_session(cid) for cid in range(1, members + 1)]
        self.ear = Opener(self.out, *self.sessions)
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
        return self.ear.hear()

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
        return self.ear.hear()

    def ack(self, seq: int) -> None:
        self.fanout.acknowledge(self.sessions[0], seq, self.now)

    def sweeps(self, until: float) -> list[tuple[float, list[m.ServerMessage]]]:
        """Sweep whenever it is due, and return when something was sent, and what."""
        swept: list[tuple[float, list[m.ServerMessage]]] = []
        while (at := self.sweep_at) is not None and at <= until:
            self.sweep(at)
            heard = self.ear.hear()
            if heard:
                swept.append((at, heard))
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
    hall = Hall(members=3)
    hall.fanout.publish([entry(seq) for seq in range(1, 6)], START)
    heard = hall.ear.hear_each()
    assert [cid for cid, _ in heard] == [1, 2, 3]
    for _, message in heard:
        assert isinstance(message, m.Entries)
        assert (message.after, message.through, message.end) == (0, 5, False)
        assert seqs([message]) == [1, 2, 3, 4, 5]
    assert hall.fanout.head == 5


def test_what_is_no_longer_kept_is_covered_too() -> None:
    (message,) = Hall().publish(entry(1), entry(4))
    assert isinstance(message, m.Entries)
    assert (message.after, message.through) == (0, 4)
    assert seqs([message]) == [1, 4]


def test_a_long_entry_is_pushed_in_parts() -> None:
    heard = Hall().publish(entry(1, "x" * 16_384))
    assert all(isinstance(message, m.EntryPart) for message in heard)
    assert seqs(heard) == [1]


def test_a_burst_of_long_texts_is_pushed_in_part_and_the_rest_is_asked_for() -> None:
    heard = Hall().publish(*[entry(seq, "x" * 16_384) for seq in range(1, 9)])
    assert len(heard) <= PUSH_DATAGRAMS + 1
    assert heard[-1] == m.Head(8)
    assert seqs(heard) == [1, 2, 3, 4]


@pytest.mark.parametrize("seconds", [0.45, 0.9, 1.75, 1.8, 0.3])
def test_a_sweep_is_never_due_again_at_once(seconds: float) -> None:
    """Rounded to its grain, no moment may come to lie before the repair it is for."""
    hall = Hall()
    hall.now = seconds + 5e-17 - DELAY
    for _ in range(100):
        hall.now = math.nextafter(hall.now, math.inf)
        hall.timers.stop(ServerTimer.SWEEP)
        hall.grow(hall.fanout.head + 1)
        hall.ack(hall.fanout.head - 1)
        at = hall.sweep_at
        assert at is not None
        hall.sweep(at)
        assert hall.ear.hear()
        assert hall.sweep_at is not None
        assert hall.sweep_at > at


def test_members_that_fall_behind_together_are_swept_together() -> None:
    hall = Hall(members=30)
    for number, session in enumerate(hall.sessions):
        hall.fanout.publish([entry(number + 1)], START)
        hall.fanout.acknowledge(session, number + 1, START + number / 1000)
    hall.fanout.publish([entry(31)], START + 0.03)
    hall.ear.hear()
    assert len(hall.sweeps(START + SOON + 0.03)) <= 2


def test_a_session_that_was_not_added_or_has_gone_receives_nothing() -> None:
    hall = Hall(members=2)
    hall.fanout.discard(hall.sessions[0])
    hall.fanout.discard(hall.sessions[0])
    hall.fanout.publish([entry(1)], START)
    assert [cid for cid, _ in hall.ear.hear_each()] == [2]


def test_nothing_is_swept_while_everybody_has_everything() -> None:
    hall = Hall()
    assert hall.sweep_at is None
    hall.grow(3)
    hall.ack(3)
    assert hall.sweeps(START + 60) == []
    assert hall.sweep_at is None


def test_what_is_not_acknowledged_is_sent_again_ever_more_slowly() -> None:
    hall = Hall()
    hall.grow(3)
    swept = hall.sweeps(START + 30)
    waits = [later - earlier for earlier, later in pairwise([START, *(at for at, _ in swept)])]
    expected = [min(DELAY * 2**n, REPAIR_AFTER_MAX) for n in range(len(waits))]
    assert len(waits) == 20
    assert all(0 <= wait - delay <= GRAIN for wait, delay in zip(waits, expected, strict=True))


def test_while_the_room_talks_repair_waits_as_long_as_clients_do() -> None:
    hall = Hall()
    hall.talk(450)
    at, heard = hall.sweeps(START + 60)[0]
    assert 0 <= at - (START + 1.25 * ACK_PATIENCE + DELAY) <= GRAIN
    told = seqs(heard)
    assert told == list(range(1, len(told) + 1))


def test_one_who_is_far_behind_is_told_so_however_much_the_room_talks() -> None:
    hall = Hall()
    for number in range(40):
        hall.now = START + number / 20
        hall.grow((number + 1) * 120)
        for at, heard in (swept := hall.sweeps(hall.now)) and [swept[-1]]:
            assert heard[-1] == m.Head(hall.fanout.head)
            assert 0 <= at - (START + DELAY) <= GRAIN
            return
    pytest.fail("it was told nothing")


def test_when_the_room_falls_silent_repair_comes_soon() -> None:
    hall = Hall()
    hall.talk(10)
    assert 0 <= hall.sweeps(START + 30)[0][0] - (START + 9 / 20 + DELAY) <= GRAIN


def test_one_who_stays_silent_is_soon_told_no_more_than_the_head() -> None:
    """It costs little, and one who is back asks for what it lacks."""
    hall = Hall()
    hall.grow(3, "x" * 600)
    told = [heard for _, heard in hall.sweeps(START + 30)]
    assert [seqs(heard) for heard in told[:2]] == [[1, 2, 3]] * 2
    assert told[2:] == [[m.Head(3)]] * (len(told) - 2)
    hall.ack(2)
    hall.now = START + 30
    ((_, heard),) = hall.sweeps(START + 30 + SOON)
    assert seqs(heard) == [3], "what moved is told in full again"


def test_repair_is_never_quicker_the_second_time() -> None:
    hall = Hall()
    hall.fanout.ack_seconds = 2.0
    hall.grow(1)
    swept = [at for at, _ in hall.sweeps(START + 30)]
    assert min(later - earlier for earlier, later in pairwise([START, *swept])) >= REPAIR_AFTER + 4.0


def test_only_what_is_lacking_is_sent_again() -> None:
    hall = Hall()
    hall.grow(10)
    hall.ack(7)
    ((_, heard),) = hall.sweeps(START + SOON)
    assert seqs(heard) == [8, 9, 10]


def test_an_acknowledgement_that_moves_begins_the_schedule_anew() -> None:
    hall = Hall()
    hall.grow(10)
    hall.sweeps(START + 10)
    hall.ack(5)
    swept = hall.sweeps(START + 20)
    assert 0 <= swept[0][0] - (START + 10 + DELAY) <= GRAIN
    assert 0 <= swept[1][0] - (START + 10 + 3 * DELAY) <= 2 * GRAIN


def test_an_acknowledgement_that_does_not_move_changes_nothing() -> None:
    hall = Hall()
    hall.grow(10)
    hall.ack(5)
    hall.now = START + 0.5
    hall.ack(5)
    hall.ack(3)
    ((at, _),) = hall.sweeps(START + 1.0)
    assert 0 <= at - (START + DELAY) <= GRAIN


def test_nobody_has_more_than_there_is() -> None:
    hall = Hall()
    hall.grow(3)
    hall.ack(99)
    assert hall.sessions[0].retransmission.acked == 0
    assert seqs(hall.grow(4)) == [4]


def test_the_longer_clients_collect_the_longer_repair_waits() -> None:
    hall = Hall()
    hall.fanout.ack_seconds = 1.0
    hall.grow(1)
    assert hall.sweep_at is not None
    assert 0 <= hall.sweep_at - (START + REPAIR_AFTER + 2.0) <= GRAIN


def test_one_who_joins_behind_the_head_is_repaired_too() -> None:
    hall = Hall(head=5)
    late = make_session(9)
    hall.ear = Opener(hall.out, late)
    hall.fanout.discard(hall.sessions[0])
    hall.fanout.recent.load(0, [entry(seq) for seq in range(1, 6)])
    hall.fanout.add(late, 2, START)
    ((_, heard),) = hall.sweeps(START + SOON)
    assert seqs(heard) == [3, 4, 5]


def test_one_sweep_serves_the_whole_room() -> None:
    hall = Hall(members=50)
    hall.fanout.publish([entry(1)], START)
    hall.ear.hear()
    ((_, heard),) = hall.sweeps(START + SOON)
    assert len(heard) == 50


def test_at_most_eight_datagrams_are_sent_again_at_a_time() -> None:
    hall = Hall()
    hall.grow(40, "x" * 600)
    ((_, heard),) = hall.sweeps(START + SOON)
    assert len(heard) == REPAIR_DATAGRAMS
    assert seqs(heard) == list(range(1, REPAIR_DATAGRAMS + 1))


def test_one_who_is_more_than_a_window_behind_is_pushed_nothing_and_told_the_head() -> None:
    hall = Hall()
    hall.grow(PUSH_WINDOW)
    assert seqs(hall.grow(PUSH_WINDOW + 1)) == [PUSH_WINDOW + 1], "a whole window behind, not more"
    assert hall.grow(PUSH_WINDOW + 2) == []
    ((_, heard),) = hall.sweeps(START + SOON)
    assert heard == [m.Head(PUSH_WINDOW + 2)]


def test_one_who_has_caught_up_is_pushed_to_again() -> None:
    hall = Hall()
    hall.grow(PUSH_WINDOW + 1)
    assert hall.grow(PUSH_WINDOW + 2) == []
    hall.ack(PUSH_WINDOW + 2)
    assert seqs(hall.grow(PUSH_WINDOW + 3)) == [PUSH_WINDOW + 3]


def test_what_is_no_longer_at_hand_is_not_repaired_but_to_be_asked_for() -> None:
    hall = Hall(limits=Limits(recent_entries=2))
    hall.grow(5)
    ((_, heard),) = hall.sweeps(START + SOON)
    assert heard == [m.Head(5)]


# GET.


def test_a_get_is_answered_with_what_was_asked_and_the_end_is_marked() -> None:
    hall = Hall()
    hall.grow(9)
    (message,) = hall.get(2, 6)
    assert isinstance(message, m.Entries)
    assert (message.after, message.through, message.end) == (2, 6, True)
    assert seqs([message]) == [3, 4, 5, 6]


def test_a_get_acknowledges() -> None:
    hall = Hall()
    hall.grow(9)
    hall.get(6, 9)
    assert hall.sessions[0].retransmission.acked == 6


def test_a_get_for_what_is_not_there_yet_is_answered_with_what_is() -> None:
    hall = Hall()
    hall.grow(3)
    (message,) = hall.get(0, 2**63 - 1)
    assert isinstance(message, m.Entries)
    assert message.through == 3


def test_all_stretches_of_a_get_are_answered_and_one_end_is_marked() -> None:
    hall = Hall()
    hall.grow(20)
    told = hall.wanted(m.Get(1, 3, ((5, 6), (9, 99), (19, 7), (25, 30))))
    assert [(each.after, each.through, each.end) for each in told if isinstance(each, m.Entries)] == [
        (1, 3, False),
        (5, 6, False),
        (9, 20, True),
    ]
    assert seqs(told) == [2, 3, 6, *range(10, 21)]
    assert hall.sessions[0].retransmission.acked == 1, "what is behind the first hole is not acknowledged with it"


def test_many_stretches_are_answered_with_no_more_datagrams_than_one() -> None:
    hall = Hall()
    hall.grow(80, "x" * 1000)
    told = hall.wanted(m.Get(0, 1, tuple((at, at + 1) for at in range(2, 80, 2))))
    assert len(told) == GET_DATAGRAMS
    assert seqs(told) == [1, *range(3, 32, 2)]
    told = hall.wanted(m.Get(0, 80, ((0, 80), (0, 80))))
    assert seqs(told) == list(range(1, GET_DATAGRAMS + 1))


def test_of_further_stretches_nothing_is_told_from_below_the_floor_nor_read_from_the_log() -> None:
    hall = Hall(limits=Limits(recent_entries=4))
    hall.grow(9)
    hall.sessions[0].floor = 7
    told = hall.wanted(m.Get(8, 9, ((2, 3), (6, 9), (4, 6))))
    assert seqs(told) == [9]


@pytest.mark.parametrize(("after", "through"), [(3, 3), (3, 99), (99, 200), (2, 1), (1, 0)])
def test_a_get_for_nothing_is_not_answered(after: int, through: int) -> None:
    hall = Hall()
    hall.grow(3)
    hall.sessions[0].floor = 2
    assert hall.get(after, through) == []


@pytest.mark.parametrize("text", ["x" * 600, "x" * 1130, "x" * 16_384])
def test_one_get_is_answered_with_at_most_sixteen_datagrams_and_asking_on_brings_the_rest(text: str) -> None:
    hall = Hall()
    hall.grow(40, text)
    cursor, found = 0, list[int]()
    while cursor < 40:
        answer = hall.get(cursor, 40)
        assert 0 < len(answer) <= GET_DATAGRAMS
        ends = [message.end for message in answer if isinstance(message, m.Entries | m.EntryPart)]
        assert ends == [False] * (len(answer) - 1) + [True]
        found += seqs(answer)
        cursor = found[-1]
    assert found == list(range(1, 41))


def test_a_gap_before_a_long_entry_counts_among_the_sixteen() -> None:
    hall = Hall()
    hall.publish(entry(2, "x" * 16_384), entry(4, "x" * 3000), entry(5))
    answer = hall.get(0, 5)
    assert len(answer) <= GET_DATAGRAMS
    assert seqs(answer) == [2]


def test_what_only_the_log_still_has_is_to_be_read_from_there() -> None:
    hall = Hall(limits=Limits(recent_entries=2))
    hall.grow(5)
    assert hall.fanout.get(hall.sessions[0], m.Get(1, 99), START) == (1, 5)
    assert hall.ear.hear() == []
    hall.fanout.supply(hall.sessions[0], 1, 5, [entry(2), entry(4)])
    (message,) = hall.ear.hear()
    assert isinstance(message, m.Entries)
    assert (message.after, message.through, message.end) == (1, 5, True)


def test_below_the_floor_nothing_is_given_and_the_client_asks_on_from_there() -> None:
    hall = Hall()
    hall.grow(40, "x" * 600)
    hall.sessions[0].floor = 10
    assert hall.get(0, 40) == [m.Entries(0, 10, True, ())]
    assert seqs(hall.get(10, 12)) == [11, 12]
    assert hall.get(3, 7) == [m.Entries(3, 7, True, ())]


def test_below_the_floor_the_log_is_not_read() -> None:
    hall = Hall(limits=Limits(recent_entries=2))
    hall.grow(5)
    hall.sessions[0].floor = 2
    assert hall.get(0, 5) == [m.Entries(0, 2, True, ())]


# What not everybody is shown.

BETWEEN_TWO = frozenset({"the key of 1", "the key of 2"})


def owned(members: int, head: int = 0) -> Hall:
    """Return a hall in which each session is of a key of its own."""
    hall = Hall(0, head)
    hall.sessions = [make_session(cid) for cid in range(1, members + 1)]
    for session in hall.sessions:
        session.owner = f"the key of {session.cid}"
        hall.fanout.add(session, head, START)
    hall.ear = Opener(hall.out, *hall.sessions)
    return hall


def items(message: m.ServerMessage) -> list[m.Item]:
    """Return what an ENTRIES holds."""
    assert isinstance(message, m.Entries)
    return [m.decode_item_untrusted(item) for item in message.items]


def test_what_nobody_is_shown_is_never_a_reason_to_send_anything() -> None:
    hall = Hall(members=3)
    hall.grow(1)
    for session in hall.sessions:
        hall.fanout.acknowledge(session, 1, START)
    assert hall.publish(*[unshown(seq) for seq in range(2, 5_000)]) == []
    assert hall.sweeps(START + 60) == []
    assert hall.sweep_at is None
    assert hall.fanout.head == 4_999


def test_it_travels_with_the_next_entry_that_is_shown() -> None:
    hall = Hall()
    hall.grow(1)
    hall.publish(unshown(2))
    hall.publish(unshown(3), unshown(4))
    (message,) = hall.publish(unshown(5), entry(6), unshown(7))
    assert isinstance(message, m.Entries)
    assert (message.after, message.through) == (1, 6), "what comes after it waits for the next"
    first, second = items(message)
    assert first == m.Unshown(2, 4)
    assert second.seq == 6


def test_behind_is_measured_against_the_last_entry_that_was_shown() -> None:
    hall = Hall()
    hall.grow(1)
    hall.ack(1)
    hall.publish(unshown(2, 3 * PUSH_WINDOW))
    (message,) = hall.grow(3 * PUSH_WINDOW + 2)
    assert seqs([message]) == [3 * PUSH_WINDOW + 2], "it had everything that was shown, and is pushed to"


def test_what_is_sent_again_ends_with_the_last_entry_that_was_shown() -> None:
    hall = Hall()
    hall.publish(unshown(1), entry(2), unshown(3, 500))
    (_, heard), *_ = hall.sweeps(START + SOON)
    (message,) = heard
    assert isinstance(message, m.Entries)
    assert (message.after, message.through) == (0, 2)
    told = [heard for _, heard in hall.sweeps(START + 30)]
    assert told[-1] == [m.Head(2)]


def test_a_get_beyond_the_last_shown_entry_is_answered_with_numbers() -> None:
    hall = Hall()
    hall.publish(entry(1), unshown(2, 500))
    (message,) = hall.get(1, 501)
    assert isinstance(message, m.Entries)
    assert (message.through, message.end) == (501, True)
    assert items(message) == [m.Unshown(2, 500)]


def test_what_is_read_from_the_log_is_told_to_each_as_it_is_shown() -> None:
    hall = owned(3)
    rows = [entry(1), entry(2, "psst", shown_to=BETWEEN_TWO), unshown(3)]
    for session in hall.sessions:
        hall.fanout.supply(session, 0, 3, rows)
    told = {cid: [each.seq for each in items(message)] for cid, message in hall.ear.hear_each()}
    assert told == {1: [1, 2, 3], 2: [1, 2, 3], 3: [1, 2]}


def test_what_is_between_two_reaches_these_two_at_once_and_nobody_else() -> None:
    hall = owned(3)
    hall.fanout.publish([entry(1, "psst", shown_to=BETWEEN_TWO)], START)
    assert [(cid, seqs([message])) for cid, message in hall.ear.hear_each()] == [(1, [1]), (2, [1])]
    assert hall.sweeps(START + 0.1) == []
    hall.fanout.publish([entry(2)], START)
    told = dict(hall.ear.hear_each())
    assert items(told[3])[0] == m.Unshown(1, 1)
    assert seqs([told[1]]) == seqs([told[2]]) == [2]


def test_nobody_passes_over_an_entry_that_was_shown_to_it_and_lost() -> None:
    hall = owned(2)
    hall.fanout.publish([entry(1, "psst", shown_to=frozenset({"the key of 1"}))], START)
    hall.ear.hear()  # and lost
    hall.fanout.publish([entry(2)], START)
    told = dict(hall.ear.hear_each())
    assert isinstance(told[1], m.Entries)
    assert (told[1].after, told[1].through) == (1, 2), "it leaves a hole, and is asked for"
    assert seqs(hall.get(0, 1)) == [1]


def test_one_who_joins_between_is_not_told_that_an_entry_of_its_own_is_not_shown() -> None:
    hall = owned(2)
    hall.fanout.discard(hall.sessions[0])
    hall.fanout.publish([entry(1, "psst", shown_to=frozenset({"the key of 1"}))], START)
    hall.fanout.add(hall.sessions[0], 0, START)
    hall.fanout.publish([entry(2)], START)
    told = dict(hall.ear.hear_each())
    assert isinstance(told[1], m.Entries)
    assert told[1].after == 1


def test_one_who_was_shown_more_than_others_is_behind_by_that() -> None:
    hall = owned(2)
    hall.fanout.publish([entry(1, "psst", shown_to=frozenset({"the key of 1"}))], START)
    hall.ear.hear()
    ((_, heard),) = hall.sweeps(START + SOON)
    assert seqs(heard) == [1]


def test_of_many_who_were_shown_something_of_their_own_no_more_are_remembered_than_the_bound() -> None:
    hall = owned(1)
    for seq in range(1, MAX_APART + 2):
        hall.fanout.publish([entry(seq, shown_to=frozenset({f"a key {seq}"}))], START)
        assert len(hall.fanout._apart) <= MAX_APART
    (message,) = hall.grow(MAX_APART + 2)
    assert isinstance(message, m.Entries)
    assert message.after == MAX_APART + 1, "what is before it is asked for"


AUDIENCES = (EVERYBODY, NOBODY, frozenset({"the key of 1"}), BETWEEN_TWO)


@given(audiences=st.lists(st.sampled_from(AUDIENCES), max_size=40), seed=st.integers(0, 2**32))
def test_whatever_is_pushed_and_lost_each_client_gives_out_what_it_is_shown_and_no_gap(
    audiences: list[Audience], seed: int
) -> None:
    dice = random.Random(seed)
    hall = owned(3)
    inboxes = {session.cid: Inbox(0) for session in hall.sessions}
    given_out: dict[int, list[m.Entry | Gone]] = {cid: [] for cid in inboxes}

    def deliver(loss: float) -> None:
        for cid, message in hall.ear.hear_each():
            if dice.random() >= loss and isinstance(message, m.Entries | m.EntryPart):
                inboxes[cid].receive(message)
                given_out[cid] += inboxes[cid].take()

    waiting = [entry(seq, shown_to=audience) for seq, audience in enumerate(audiences, 1)]
    while waiting:
        count = dice.randint(1, 4)
        hall.fanout.publish(waiting[:count], START)
        del waiting[:count]
        deliver(loss=0.3)
        if dice.random() < 0.2:  # one comes back, and reads on
            session = dice.choice(hall.sessions)
            hall.fanout.discard(session)
            hall.fanout.add(session, inboxes[session.cid].cursor, START)
    for session in hall.sessions:
        inboxes[session.cid].notice_head(len(audiences))
        for hole in inboxes[session.cid].holes():
            hall.fanout.get(session, m.Get(*hole), START)
        deliver(loss=0.0)
        mine = [seq for seq, to in enumerate(audiences, 1) if to is None or session.owner in to]
        assert inboxes[session.cid].cursor == len(audiences)
        assert [item.seq if isinstance(item, m.Entry) else item for item in given_out[session.cid]] == mine
