"""Silence: when a client pings, and when it gives its session up."""

from __future__ import annotations

import pytest
from protocol.house import Dice

from sockatuh.protocol.client.liveness import DOUBT_AFTER, Contact
from sockatuh.protocol.constants import PING_RETRY_AFTER
from sockatuh.protocol.messages import Ping


def make_contact(now: float = 0.0, ping_seconds: float = 25.0) -> Contact:
    return Contact(ping_seconds, Dice(1), now)


def pinged(contact: Contact, now: float) -> Ping:
    ping = contact.handle_timer(now)
    assert ping is not None
    return ping


def test_a_client_that_has_sent_nothing_for_long_pings() -> None:
    contact = make_contact(now=100.0)
    assert contact.handle_timer(124.9) is None
    assert len(pinged(contact, 125.0).nonce) == 8


def test_whatever_is_sent_puts_the_ping_off_by_25_seconds_give_or_take_a_tenth() -> None:
    contact = make_contact()
    spans = set[float]()
    for now in range(1, 60):
        contact.sent(float(now))
        spans.add(contact.due_at - now)
    assert 22.5 <= min(spans) < 24.0
    assert 26.0 < max(spans) <= 27.5


def test_an_unanswered_ping_is_repeated_and_then_contact_is_lost() -> None:
    contact = make_contact()
    nonces, now = set[bytes](), 25.0
    for wait in PING_RETRY_AFTER:
        nonces.add(pinged(contact, now).nonce)
        assert contact.due_at == now + wait
        assert contact.handle_timer(now + wait - 0.001) is None
        assert not contact.lost
        now += wait
    assert contact.handle_timer(now) is None
    assert contact.lost
    assert len(nonces) == 1, "an answer to any of them is an answer"
    assert now == 25.0 + 7.0


def test_contact_that_was_lost_stays_lost_and_silent() -> None:
    contact = make_contact()
    for now in (25.0, 26.0, 27.5, 29.0, 30.5, 32.0, 100.0):
        last = contact.handle_timer(now)
    assert last is None
    assert contact.lost


def test_any_word_from_the_server_ends_the_doubt() -> None:
    contact = make_contact()
    assert not contact.heard(24.0)
    pinged(contact, contact.due_at)
    assert not contact.heard(contact.due_at - 0.1), "one ping is no doubt"
    now = contact.due_at
    pinged(contact, now)
    pinged(contact, now + 1.0)
    assert contact.is_doubtful
    assert contact.heard(now + 1.5), "what was sent meanwhile may be lost"
    assert not contact.is_doubtful
    assert not contact.heard(now + 1.5)
    assert now + 1.5 + 22.5 <= contact.due_at <= now + 1.5 + 27.5
    assert pinged(contact, contact.due_at)


def test_one_unanswered_ping_is_no_doubt_yet() -> None:
    contact = make_contact()
    pinged(contact, 25.0)
    assert not contact.is_doubtful


def test_sending_does_not_put_off_the_repeat_of_a_ping() -> None:
    contact = make_contact()
    pinged(contact, 25.0)
    contact.sent(25.5)
    assert contact.due_at == 26.0


def test_a_server_that_does_not_answer_what_was_asked_is_pinged_at_once() -> None:
    contact = make_contact()
    contact.doubt(DOUBT_AFTER)
    assert pinged(contact, DOUBT_AFTER)


def test_a_server_that_was_heard_just_now_is_not_doubted() -> None:
    contact = make_contact()
    contact.heard(10.0)
    contact.doubt(10.0 + DOUBT_AFTER - 0.01)
    assert contact.handle_timer(10.0 + DOUBT_AFTER) is None


def test_doubting_and_poking_again_changes_nothing_while_a_ping_is_under_way() -> None:
    contact = make_contact()
    contact.poke(3.0)
    pinged(contact, 3.0)
    contact.poke(3.1)
    contact.doubt(3.2)
    assert contact.due_at == 4.0


def test_a_poke_pings_at_once_however_fresh_contact_is() -> None:
    contact = make_contact()
    contact.heard(3.0)
    contact.poke(3.0)
    assert pinged(contact, 3.0)


@pytest.mark.parametrize("ping_seconds", [1, 25, 300])
def test_the_server_says_how_long_silence_may_be(ping_seconds: int) -> None:
    contact = make_contact(ping_seconds=ping_seconds)
    assert contact.handle_timer(ping_seconds - 0.1) is None
    assert pinged(contact, float(ping_seconds))
