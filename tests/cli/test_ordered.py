"""What somebody is told whom the room's admin has removed, banned or muted (sockatuh/cli/ordered.py)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import pytest
from hostile import TEXTS, faults_of_text

from sockatuh.cli.direction import without_marks
from sockatuh.cli.ordered import facts_of, sentence_of
from sockatuh.errors import Refused, Removed
from sockatuh.protocol.constants import MAX_ORDER_MS
from sockatuh.wording.en import client as english
from sockatuh.wording.id import client as indonesian

FRIDAY: Final = datetime(2026, 11, 27, 22, 0)


def on(day: int, month: int = 11, year: int = 2026) -> datetime:
    """Return seven past ten in the morning of a day."""
    return datetime(year, month, day, 10, 7)


@pytest.mark.parametrize(
    ("wait", "reason", "sentence"),
    [
        (300.0, "flooding", "You were removed from the room (flooding). You can come back in 5 min."),
        (60.0, "", "You were removed from the room. You can come back in 60 s."),
        (7_200.0, "", "You were removed from the room. You can come back in 2 h."),
        (0.0, "flooding", "You were removed from the room (flooding)."),
    ],
)
def test_a_kick_says_why_and_when_one_can_come_back(wait: float, reason: str, sentence: str) -> None:
    assert sentence_of(Removed("kicked", wait, reason)) == sentence


@pytest.mark.parametrize(
    ("until", "written", "id_written"),
    [
        (datetime(2026, 11, 27, 23, 30), "23:30", "23:30"),
        (on(28), "Sat 10:07", "Sabtu 10:07"),
        (on(30), "Mon 10:07", "Senin 10:07"),
        (on(3, 12), "Thu 10:07", "Kamis 10:07"),
        (on(4, 12), "4 December, 10:07", "4 Desember, 10:07"),
        (on(4, 1, 2027), "4 January 2027, 10:07", "4 Januari 2027, 10:07"),
        (on(20), "20 November, 10:07", "20 November, 10:07"),
    ],
)
def test_a_ban_and_a_mute_say_until_when(until: datetime, written: str, id_written: str) -> None:
    for_ban = english.banned("flooding", until, FRIDAY)
    assert for_ban == f"You are banned from this room until {written} (flooding)."
    assert english.muted("", until, FRIDAY) == f"You are muted in this room until {written}."
    assert indonesian.muted("", until, FRIDAY) == f"Anda dibisukan di ruang ini sampai {id_written}."


def test_a_ban_without_an_end_and_one_of_a_hundred_years() -> None:
    assert sentence_of(Removed("banned", 0.0, "x")) == "You are banned from this room for ever (x)."
    longest = sentence_of(Removed("banned", MAX_ORDER_MS / 1000, "", 4_948_000_000_000))
    assert longest.startswith("You are banned from this room until 18 October 2126, "), longest
    assert sentence_of(Refused("muted", MAX_ORDER_MS / 1000)).startswith("You are muted in this room until ")
    assert sentence_of(Refused("muted", 0.0)) == "You are muted in this room."


def test_a_reason_cannot_end_its_parentheses() -> None:
    kicked = Removed("kicked", 60.0, "x). You can come back in 1 s. (y")
    assert sentence_of(kicked) == (
        'You were removed from the room ("x). You can come back in 1 s. (y"). You can come back in 60 s.'
    )
    assert sentence_of(Removed("kicked", 0.0, 'x" \\')) == 'You were removed from the room ("x\\" \\\\").'


@pytest.mark.parametrize("code", ["kicked", "banned", "muted"])
def test_a_hostile_reason_is_one_line_without_control_characters(code: str) -> None:
    for name, text in TEXTS.items():
        refused = Refused(code, 60.0, text)
        assert faults_of_text(without_marks(sentence_of(refused))) == [], name
        assert faults_of_text(str(facts_of(refused)["reason"])) == [], name
        assert "\n" not in sentence_of(refused), name


def test_an_end_outside_the_calendar_is_none() -> None:
    assert sentence_of(Removed("banned", 60.0, "", 10**18)).startswith("You are banned from this room")
