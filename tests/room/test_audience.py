"""To whom each entry is shown."""

from __future__ import annotations

import pytest

from sockatuh.room.audience import EVERYBODY, NOBODY, Audience, audience_of
from sockatuh.room.entries import Body, Claimed, Joined, Left, Message, decode_body, encode_body, kind_of

JOINED = Joined("ana", "owner", "secure", "10.0.0.2:4000", "sockatuh 1")
LEFT = Left("ana", "owner", "left", 1.0)


@pytest.mark.parametrize(
    ("body", "audience"),
    [
        (Message("ana", "owner", "hi", action=False), EVERYBODY),
        (JOINED, EVERYBODY),
        (LEFT, EVERYBODY),
        (Joined("ana", "owner", "secure", "10.0.0.2:4000", "sockatuh 1", unshown=True), NOBODY),
        (Left("ana", "owner", "left", 1.0, unshown=True), NOBODY),
        (Claimed("ana", "owner"), NOBODY),
    ],
)
def test_an_entry_says_by_itself_to_whom_it_is_shown_also_when_it_is_read_again(body: Body, audience: Audience) -> None:
    assert audience_of(body) == audience
    assert audience_of(decode_body(kind_of(body), encode_body(body))) == audience


def test_joins_of_a_log_that_knows_nothing_of_it_are_shown() -> None:
    body = decode_body("joined", b'{"name":"ana","owner":"","dialect":"classic","address":"","version":""}')
    assert audience_of(body) == EVERYBODY
