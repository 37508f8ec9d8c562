"""The pin: what a client makes of the key and the version in a COOKIE."""

from __future__ import annotations

import pytest

from sockatuh.protocol.client.dialer import Offer
from sockatuh.protocol.client.events import KeyMismatch, VersionDiffers
from sockatuh.protocol.client.pin import MISMATCHES_IGNORED, Pin, Verdict
from sockatuh.protocol.constants import VERSION

KEY, OTHER_KEY = bytes(32), b"x" * 32
MEANT = Offer(KEY, VERSION, ("10.0.0.1", 7625))
OTHER = Offer(OTHER_KEY, VERSION, ("10.0.0.1", 7625))
NEWER = Offer(KEY, VERSION + 1, ("10.0.0.1", 7625))


def test_a_key_that_is_known_is_meant() -> None:
    assert Pin(KEY).judge(MEANT) is Verdict.MEANT


def test_any_key_is_for_a_person_to_judge_while_none_is_known() -> None:
    pin = Pin(None)
    assert pin.judge(OTHER) is Verdict.UNKNOWN
    assert pin.key is None, "nothing proves a COOKIE"
    pin.prove(OTHER_KEY)
    assert pin.judge(OTHER) is Verdict.MEANT
    assert pin.judge(MEANT) is Verdict.DOUBTFUL


def believed(pin: Pin, offer: Offer, rounds: int) -> list[Offer | None]:
    """Return what is believed at the end of each round in which an offer came."""
    found = []
    for _ in range(rounds):
        assert pin.judge(offer) is Verdict.DOUBTFUL
        found.append(pin.end_round())
    return found


@pytest.mark.parametrize("offer", [OTHER, NEWER], ids=["key", "version"])
def test_only_the_third_round_in_a_row_that_brings_no_other_answer_is_believed(offer: Offer) -> None:
    pin = Pin(KEY)
    for _ in range(2):
        assert believed(pin, offer, MISMATCHES_IGNORED) == [None] * MISMATCHES_IGNORED
        assert pin.judge(MEANT) is Verdict.MEANT
    believed(pin, offer, 1)
    pin.prove(KEY)
    assert believed(pin, offer, MISMATCHES_IGNORED + 1) == [*[None] * MISMATCHES_IGNORED, offer]


def test_a_round_without_an_answer_says_nothing() -> None:
    pin = Pin(KEY)
    believed(pin, OTHER, MISMATCHES_IGNORED)
    assert [pin.end_round() for _ in range(9)] == [None] * 9
    assert believed(pin, OTHER, 1) == [OTHER]


def test_the_complaint_says_what_differs() -> None:
    assert Pin(KEY).complain(OTHER) == KeyMismatch(KEY, OTHER_KEY)
    assert Pin(KEY).complain(NEWER) == VersionDiffers(VERSION + 1)
    assert Pin(None).complain(NEWER) == VersionDiffers(VERSION + 1)
