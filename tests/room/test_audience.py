"""To whom each entry is shown."""

from __future__ import annotations

import pytest

from sockatuh.room.audience import EVERYBODY, NOBODY, Audience, audience_of
from sockatuh.room.entries import (
    Body,
    Claimed,
    Joined,
    Left,
    Message,
    Renamed,
    Whispered,
    decode_body,
    encode_body,
    kind_of,
)

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
        (Whispered("ana", "owner", "hi", "budi", "other"), frozenset({"owner", "other"})),
        (Whispered("ana", "owner", "hi", "ana", "owner"), frozenset({"owner"})),
        (Whispered("ana", "", "hi", "budi", ""), NOBODY),
        (Renamed("ana", "owner", "anna", "secure", 5), EVERYBODY),
        (Renamed("ana", "owner", "anna", "secure", 5, unshown=True), EVERYBODY),
        (Claimed("ana", "owner"), NOBODY),
    ],
)
def test_an_entrys_audience_survives_encoding(body: Body, audience: Audience) -> None:
    assert audience_of(body) == audience
    assert audience_of(decode_body(kind_of(body), encode_body(body))) == audience


def test_joins_of_an_older_log_are_shown_to_everybody() -> None:
    body = decode_body("joined", b'{"name":"ana","owner":"","dialect":"classic","address":"","version":""}')
    assert audience_of(body) == EVERYBODY
