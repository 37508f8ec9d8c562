from __future__ import annotations

from sockatuh.protocol import messages as m
from sockatuh.protocol.client.events import LinesDelayed, LinesHeld
from sockatuh.protocol.client.waiting import Waiting

HELD = m.Progress(3, 3, 0, 0, m.LOG_REFUSES)
WELCOME = m.Answer(1, m.Welcome("ana", bytes(16), 0, 0, b""))


def test_that_the_log_can_store_nothing_is_reported_once_however_often_it_is_told() -> None:
    waiting = Waiting()
    assert not waiting.for_log
    assert [list(waiting.heed(HELD)) for _ in range(3)] == [[LinesHeld()], [], []]
    assert waiting.for_log


def test_a_line_that_is_stored_and_a_welcome_end_it_and_nothing_else_does() -> None:
    for last in (m.Stored(((1, 9),)), WELCOME):
        waiting = Waiting()
        list(waiting.heed(HELD))
        for message in (m.Unsaid(1, "text_empty"), m.Answer(1, m.Goodbye()), m.Progress(3, 3, 0, 0), m.Head(7)):
            assert list(waiting.heed(message)) == []
        assert waiting.for_log
        assert list(waiting.heed(last)) == []
        assert not waiting.for_log
        assert list(waiting.heed(HELD)) == [LinesHeld()]


def test_a_rate_that_is_exceeded_is_reported_with_its_seconds_each_time() -> None:
    waiting = Waiting()
    delay = m.Progress(3, 3, 0, 1500)
    assert [list(waiting.heed(delay)) for _ in range(2)] == [[LinesDelayed(1.5)]] * 2
    assert not waiting.for_log


def test_a_reason_of_a_later_version_is_passed_over() -> None:
    waiting = Waiting()
    assert list(waiting.heed(m.Progress(3, 3, 0, 0, 77))) == []
    assert list(waiting.heed(m.Progress(3, 3, 0, 500, 77))) == [LinesDelayed(0.5)]
