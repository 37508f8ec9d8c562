"""Deadlines of single sessions: the first of them is the core's timer, and none is searched for among the sessions."""

from __future__ import annotations

from kit.sessions import make_session

from sockatuh.protocol.server.limits import Limits
from sockatuh.protocol.server.timers import ServerTimer, SessionDeadlines
from sockatuh.protocol.timers import TimerTable

ANA, BUDI, CEM = (make_session(cid, Limits()) for cid in (1, 2, 3))


def test_the_timer_is_set_to_the_first_deadline() -> None:
    timers = TimerTable(ServerTimer)
    deadlines = SessionDeadlines(timers, ServerTimer.PROBE)
    deadlines.add(ANA, 5.0)
    deadlines.add(BUDI, 3.0)
    deadlines.add(CEM, 4.0)
    assert timers.get(ServerTimer.PROBE) == 3.0
    assert timers.get(ServerTimer.THROTTLE) is None


def test_what_is_due_is_taken_in_order_and_the_timer_set_to_the_rest() -> None:
    timers = TimerTable(ServerTimer)
    deadlines = SessionDeadlines(timers, ServerTimer.PROBE)
    for session, at in ((ANA, 5.0), (BUDI, 3.0), (CEM, 4.0), (ANA, 9.0)):
        deadlines.add(session, at)
    assert list(timers.take_due(5.0)) == [ServerTimer.PROBE]
    assert list(deadlines.take_due(5.0)) == [2, 3, 1]
    assert timers.get(ServerTimer.PROBE) == 9.0
    assert list(timers.take_due(9.0)) == [ServerTimer.PROBE]
    assert list(deadlines.take_due(9.0)) == [1]
    assert timers.next_at() is None
    assert len(deadlines) == 0


def test_a_deadline_that_is_added_meanwhile_is_taken_if_it_is_due_and_else_sets_the_timer() -> None:
    timers = TimerTable(ServerTimer)
    deadlines = SessionDeadlines(timers, ServerTimer.THROTTLE)
    deadlines.add(ANA, 1.0)
    taken = []
    for timer in timers.take_due(2.0):
        assert timer is ServerTimer.THROTTLE
        for cid in deadlines.take_due(2.0):
            taken.append(cid)
            if cid == ANA.cid:
                deadlines.add(BUDI, 1.5)
                deadlines.add(CEM, 7.0)
    assert taken == [1, 2]
    assert timers.get(ServerTimer.THROTTLE) == 7.0
