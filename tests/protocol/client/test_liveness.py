"""Silence: when a client pings, and when it gives up its session."""

from __future__ import annotations

import pytest
from kit.bare_room import Dice

from sockatuh.protocol.client.liveness import DOUBT_AFTER, Contact
from sockatuh.protocol.client.timers import ClientTimer
from sockatuh.protocol.constants import PING_RETRY_AFTER
from sockatuh.protocol.messages import Ping
from sockatuh.protocol.timers import TimerTable


class Line:
    """Contact, with its timer."""

    def __init__(self, now: float = 0.0, ping_seconds: float = 25.0) -> None:
        self.timers = TimerTable(ClientTimer)
        self.contact = Contact(ping_seconds, Dice(1), self.timers, now)
        self.lost = False

    @property
    def due_at(self) -> float:
        at = self.timers.get(ClientTimer.PING)
        assert at is not None
        return at

    def handle_timer(self, now: float) -> Ping | None:
        """Advance the time to `now`, and return the PING that is sent then."""
        if not list(self.timers.take_due(now)):
            return None
        ping = self.contact.handle_timer(now)
        self.lost = ping is None
        return ping

    def ping(self, now: float) -> Ping:
        ping = self.handle_timer(now)
        assert ping is not None
        return ping


def test_a_client_pings_when_it_has_sent_nothing_for_long() -> None:
    line = Line(now=100.0)
    assert line.handle_timer(124.9) is None
    assert len(line.ping(125.0).nonce) == 8


def test_whatever_is_sent_puts_the_ping_off_by_25_seconds_give_or_take_a_tenth() -> None:
    line = Line()
    spans = set[float]()
    for now in range(1, 60):
        line.contact.sent(float(now))
        spans.add(line.due_at - now)
    assert 22.5 <= min(spans) < 24.0
    assert 26.0 < max(spans) <= 27.5


def test_an_unanswered_ping_is_repeated_and_then_contact_is_lost() -> None:
    line = Line()
    nonces, now = set[bytes](), 25.0
    for wait in PING_RETRY_AFTER:
        nonces.add(line.ping(now).nonce)
        assert line.due_at == now + wait
        assert line.handle_timer(now + wait - 0.001) is None
        assert not line.lost
        now += wait
    assert line.handle_timer(now) is None
    assert line.lost
    assert line.timers.get(ClientTimer.PING) is None, "contact that was lost stays lost and silent"
    assert len(nonces) == 1, "an answer to any of them is an answer"
    assert now == 25.0 + 7.0


def test_any_datagram_from_the_server_ends_the_doubt() -> None:
    line = Line()
    assert not line.contact.received(24.0)
    line.ping(line.due_at)
    assert not line.contact.received(line.due_at - 0.1), "one ping is no doubt"
    now = line.due_at
    line.ping(now)
    line.ping(now + 1.0)
    assert line.contact.is_doubtful
    assert line.contact.received(now + 1.5), "what was sent meanwhile may be lost"
    assert not line.contact.is_doubtful
    assert not line.contact.received(now + 1.5)
    assert now + 1.5 + 22.5 <= line.due_at <= now + 1.5 + 27.5
    assert line.ping(line.due_at)


def test_one_unanswered_ping_is_no_doubt_yet() -> None:
    line = Line()
    line.ping(25.0)
    assert not line.contact.is_doubtful


def test_sending_does_not_put_off_the_repeat_of_a_ping() -> None:
    line = Line()
    line.ping(25.0)
    line.contact.sent(25.5)
    assert line.due_at == 26.0


def test_a_server_that_does_not_answer_what_was_asked_is_pinged_at_once() -> None:
    line = Line()
    line.contact.doubt(DOUBT_AFTER)
    assert line.ping(DOUBT_AFTER)


def test_a_server_that_sent_something_just_now_is_not_doubted() -> None:
    line = Line()
    line.contact.received(10.0)
    line.contact.doubt(10.0 + DOUBT_AFTER - 0.01)
    assert line.handle_timer(10.0 + DOUBT_AFTER) is None


def test_doubting_and_poking_again_changes_nothing_while_a_ping_is_under_way() -> None:
    line = Line()
    line.contact.poke(3.0)
    line.ping(3.0)
    line.contact.poke(3.1)
    line.contact.doubt(3.2)
    assert line.due_at == 4.0


def test_a_poke_pings_at_once_however_fresh_contact_is() -> None:
    line = Line()
    line.contact.received(3.0)
    line.contact.poke(3.0)
    assert line.ping(3.0)


@pytest.mark.parametrize("ping_seconds", [1, 25, 300])
def test_the_server_names_the_ping_interval(ping_seconds: int) -> None:
    line = Line(ping_seconds=ping_seconds)
    assert line.handle_timer(ping_seconds - 0.1) is None
    assert line.ping(float(ping_seconds))
