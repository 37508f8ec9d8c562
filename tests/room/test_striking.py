"""Who may strike which line."""

from __future__ import annotations

import pytest

from sockatuh.room.entries import ADMIN_OWNER, Body, Claimed, Joined, Left, Message, Struck, Whispered
from sockatuh.room.log import Row
from sockatuh.room.striking import OWN_LINE_SECONDS, addressee_of, said_under, strike_any, strike_own

AT = 1_769_853_120_000
LATEST = AT + OWN_LINE_SECONDS * 1000
SAID = Message("ana", "key", "my password", action=False)
PRIVATE = Whispered("ana", "key", "my password", "budi", "other")
JOINED = Joined("ana", "key", "secure", "10.0.0.2:1", "test")
GONE = Message("ana", "key", "", action=False, struck=True)


def row(body: Body | None) -> Row | None:
    return None if body is None else Row(7, bytes(16), AT, body)


@pytest.mark.parametrize(
    ("body", "owner", "at", "verdict"),
    [
        (SAID, "key", LATEST, Struck("ana", "key", 7, AT)),
        (PRIVATE, "key", LATEST, Struck("ana", "key", 7, AT, "other")),
        (SAID, "key", AT - 3_600_000, Struck("ana", "key", 7, AT)),
        (SAID, "key", LATEST + 1, "too_late"),
        (SAID, "other", AT, "not_yours"),
        (Message("ana", "", "by a classic member", action=False), "", AT, "not_yours"),
        (Message("admin", ADMIN_OWNER, "soup", action=False), "key", AT, "not_yours"),
        (PRIVATE, "other", AT, "not_yours"),
        (PRIVATE, "third", AT, "no_such_line"),
        (JOINED, "key", AT, "not_a_line"),
        (Joined("ana", "key", "secure", "10.0.0.2:1", "test", unshown=True), "key", AT, "no_such_line"),
        (Claimed("ana", "key"), "key", AT, "no_such_line"),
        (Struck("ana", "key", 3, AT), "other", AT, "not_a_line"),
        (GONE, "key", LATEST + 1, "struck_already"),
        (GONE, "other", AT, "not_yours"),
        (Whispered("ana", "key", "", "budi", "other", struck=True), "third", AT, "no_such_line"),
        (None, "key", AT, "no_such_line"),
    ],
)
def test_members_strike_lines_of_their_own_and_learn_nothing_of_what_they_were_not_shown(
    body: Body | None, owner: str, at: int, verdict: Struck | str
) -> None:
    assert strike_own(row(body), owner, at) == verdict


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (SAID, Struck("ana", "key", 7, AT, "", 0, "tom", "spam")),
        (PRIVATE, Struck("ana", "key", 7, AT, "other", 0, "tom", "spam")),
        (Message("ana", "", "by a classic member", action=False), Struck("ana", "", 7, AT, "", 0, "tom", "spam")),
        (JOINED, "not_a_line"),
        (Left("ana", "key", "left", 1.0), "not_a_line"),
        (GONE, "struck_already"),
        (None, "no_such_line"),
    ],
)
def test_the_admin_strikes_any_line(body: Body | None, verdict: Struck | str) -> None:
    assert strike_any(row(body), 0, "tom", "spam") == verdict


def test_somebodys_last_line_is_one_that_still_has_its_text() -> None:
    is_meant = said_under("ana", str.lower)
    assert [is_meant(body) for body in (Message("ANA", "key", "hi", action=True), PRIVATE)] == [True, True]
    assert not any(is_meant(body) for body in (GONE, JOINED, Message("budi", "other", "hi", action=False)))


def test_only_private_lines_have_an_addressee() -> None:
    assert [addressee_of(body) for body in (PRIVATE, SAID, JOINED)] == ["budi", "", ""]
