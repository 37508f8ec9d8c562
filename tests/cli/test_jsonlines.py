"""What happens, as `chat --json` prints it (sockatuh/cli/jsonlines.py)."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from client.session_double import SessionDouble, room_of

from sockatuh.cli.jsonlines import JsonLines, read_line, read_strike
from sockatuh.client.items import (
    Back,
    Came,
    Event,
    Gap,
    Here,
    Lost,
    OtherKey,
    OwnText,
    Rejected,
    Renamed,
    Said,
    Stored,
    Struck,
    Waiting,
    Went,
    Whispered,
)

MOMENT = "2026-01-01T00:00:00.000Z"
AT = 1_767_225_600_000


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            Said(4, AT, "ana", "hi", own=True),
            {"type": "message", "seq": 4, "at": MOMENT, "from": "ana", "text": "hi", "action": False, "own": True},
        ),
        (Said(4, AT, "ana", "hi"), {"type": "message", "from": "ana", "official": False}),
        (Said(4, AT, "admin", "hi", official=True), {"type": "message", "from": "admin", "official": True}),
        (
            Came(5, AT, "ana", "classic"),
            {"type": "joined", "seq": 5, "at": MOMENT, "name": "ana", "dialect": "classic", "key": None},
        ),
        (Went(6, AT, "ana", "timeout"), {"type": "left", "seq": 6, "at": MOMENT, "name": "ana", "reason": "timeout"}),
        (
            Whispered(7, AT, "ana", "tom", "the key", tag="abcdefgh"),
            {"type": "private", "seq": 7, "at": MOMENT, "from": "ana", "to": "tom", "text": "the key", "own": False},
        ),
        (
            Renamed(8, AT, "ana", "anna", "abcdefgh"),
            {"type": "renamed", "seq": 8, "at": MOMENT, "name": "ana", "new": "anna", "key": "abcdefgh"},
        ),
        (
            Struck(9, AT, "ana", 4, AT, "abcdefgh"),
            {"type": "struck", "seq": 9, "at": MOMENT, "name": "ana", "line": 4, "line_at": MOMENT, "key": "abcdefgh"},
        ),
        (Struck(9, AT, "ana", 4, 2**62), {"type": "struck", "line_at": None, "key": None}),
        (Renamed(9, AT, "ana", "anna"), {"type": "renamed", "seq": 9, "name": "ana", "new": "anna", "key": None}),
        (
            Rejected(3, "hi", False, "no_such_name", "bud"),
            {"type": "error", "code": "no_such_name", "message": "nobody here is called bud", "line": 3, "to": "bud"},
        ),
        (
            Rejected(3, "hi", False, "muted", "bud", detail="flooding"),
            {"type": "error", "code": "muted", "to": "bud", "reason": "flooding", "wait": None, "until": None},
        ),
        (Rejected(3, "hi", False, "muted", wait=60.0), {"type": "error", "wait": 60.0, "reason": None}),
        (Stored(1, 7), {"type": "stored", "seq": 7, "line": 1}),
        (Rejected(2, "hi", False, "password_said"), {"type": "error", "code": "password_said", "line": 2}),
        (Gap(3, 9, 6), {"type": "notice", "code": "gone", "after": 3, "through": 9, "count": 6}),
        (Here(), {"type": "notice", "code": "caught_up"}),
        (Back(), {"type": "notice", "code": "back"}),
        (Back(rewound=True), {"type": "notice", "code": "rewound"}),
        (Waiting(None), {"type": "notice", "code": "not_stored_yet", "count": 2}),
        (Waiting(1.5), {"type": "notice", "code": "delayed", "wait": 1.5}),
        (Lost("silence"), {"type": "notice", "code": "contact_lost", "reason": "silence"}),
        (Lost("shutdown"), {"type": "notice", "code": "contact_lost", "reason": "shutdown"}),
        (
            OtherKey("ana", "", date(2026, 1, 1)),
            {"type": "notice", "code": "another_key", "name": "ana", "key": None, "last_seen": "2026-01-01"},
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_event_is_one_object(
    event: Event, expected: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    view = JsonLines(room_of(SessionDouble(), says=2), clock=lambda: AT / 1000)
    capsys.readouterr()
    view.report(event)
    (line,) = capsys.readouterr().out.splitlines()
    printed: dict[str, Any] = json.loads(line)
    assert printed | expected == printed
    if printed["type"] in ("notice", "error"):
        assert printed.get("text") or printed.get("message"), "a person can read why"
    assert view.refused == (printed["type"] == "error")


def test_it_begins_with_the_room_and_what_a_killed_program_left(capsys: pytest.CaptureFixture[str]) -> None:
    view = JsonLines(room_of(SessionDouble()), clock=lambda: AT / 1000)
    view.inherit([])
    view.inherit([OwnText("one"), OwnText("two")])
    view.inherit([OwnText("one"), OwnText("two", "budi")])
    admitted, inherited, with_private = map(json.loads, capsys.readouterr().out.splitlines())
    assert (admitted["code"], admitted["name"], admitted["room"], admitted["at"]) == (
        "admitted",
        "tom",
        "kitchen",
        MOMENT,
    )
    assert (inherited["code"], inherited["texts"]) == ("never_acknowledged", ["one", "two"])
    assert "private" not in inherited
    assert (with_private["texts"], with_private["private"]) == (["one"], [{"to": "budi", "text": "two"}])


@pytest.mark.parametrize(
    "line",
    [
        '{"text": 1}',
        "{}",
        '{"text": "x", "action": "yes"}',
        '{"text": "x", "to": 1}',
        '{"text": "x", "to": null}',
        '{"text": "x", "to": ""}',
        "{nonsense",
        '{"a":' * 100_000,
    ],
)
def test_an_object_that_is_no_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (of the library that reads it, too)
        read_line(line)


def test_a_line_is_text_or_an_object() -> None:
    assert read_line("[1]") == ("[1]", False, "")
    assert read_line(' {"text": "waves", "action": true}') == ("waves", True, "")
    assert read_line('{"text": "the key", "to": "budi"}') == ("the key", False, "budi")


def test_an_object_may_ask_for_a_line_to_be_removed() -> None:
    assert read_strike('{"strike": 812}') == 812
    assert read_strike(' {"strike": 812, "note": "by mistake"}') == 812
    for line in ('{"text": "x"}', "strike 812", "{nonsense", "{}", '{"a":' * 100_000):
        assert read_strike(line) is None


@pytest.mark.parametrize("seq", ["0", "-1", "true", "1.5", '"812"', "null", '[812], "text": "x"', '812, "text": "x"'])
def test_what_names_no_line_to_be_removed_is_refused_and_never_said(seq: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (of the library that reads it, too)
        read_strike(f'{{"strike": {seq}}}')
