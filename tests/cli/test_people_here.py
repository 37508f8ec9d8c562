from __future__ import annotations

import pytest
from hostile import TEXTS, forbidden_in

from sockatuh.cli.people_here import PEOPLE, SPEAKERS, PeopleHere
from sockatuh.cli.tab_completion import TabCompletion
from sockatuh.client.items import (
    Came,
    Event,
    Member,
    PresenceChanged,
    Renamed,
    Role,
    Said,
    Went,
    Whispered,
    event_of,
)
from sockatuh.protocol.messages import MESSAGE, Entry


def member(name: str, *, tag: str = "", role: Role = Role.MEMBER, dialect: str = "secure") -> Member:
    return Member(name, dialect, tag or f"key-{name}", True, 0, role)


def people(*events: Event) -> PeopleHere:
    here = PeopleHere()
    here.load(
        [
            member("tom"),
            member("Budi"),
            member("zoë"),
            member("oldpi", dialect="classic"),
            member("backup-bot", role=Role.SCRIPT),
        ]
    )
    for event in events:
        here.take(event)
    return here


def names(here: PeopleHere) -> list[str]:
    return [person.name for person in here.people]


def test_who_speaks_for_the_room_is_nobody_in_it() -> None:
    here = people(Said(1, 0, "admin", "closing at five", official=True))
    assert "admin" not in here.names()
    assert here.find("admin") is None


def test_members_are_sorted_by_name_and_guests_are_only_named() -> None:
    here = people()
    assert names(here) == ["Budi", "oldpi", "tom", "zoë"]
    assert here.names() == ["backup-bot", "Budi", "oldpi", "tom", "zoë"]
    assert [person.encrypted for person in here.people] == [True, False, True, True]


def test_who_spoke_last_comes_first() -> None:
    here = people(Said(5, 0, "zoë", "a"), Said(6, 0, "tom", "b"), Whispered(7, 0, "zoë", "tom", "c"))
    assert names(here) == ["zoë", "tom", "Budi", "oldpi"]


def test_a_speaker_who_has_left_is_named_but_not_listed() -> None:
    here = people(Said(5, 0, "zoë", "a", tag="k1"), Went(6, 0, "zoë"))
    assert "zoë" not in names(here)
    assert here.names()[0] == "zoë"
    found = here.find("ZOË")
    assert found is not None
    assert (found.tag, found.present) == ("k1", False)


def test_arrivals_renames_and_presence_are_followed() -> None:
    here = people(
        Came(5, 0, "ana", "secure", "k2"),
        Said(6, 0, "tom", "hi"),
        Renamed(7, 0, "tom", "tomas"),
        PresenceChanged(5, lost=("zoë",), gone=("Budi",), away=(("ana", "lunch"),)),
    )
    assert names(here) == ["tomas", "ana", "oldpi", "zoë"]
    tomas, ana, _, zoe = here.people
    assert (tomas.tag, tomas.spoke) == ("key-tom", 6)
    assert (ana.tag, ana.away, ana.present) == ("k2", "lunch", True)
    assert not zoe.present
    here.take(Said(8, 0, "ana", "back"))
    here.take(PresenceChanged(5, present=("zoë", "new")))
    assert [(person.name, person.present, person.away) for person in here.people] == [
        ("ana", True, None),
        ("tomas", True, None),
        ("new", True, None),
        ("oldpi", True, None),
        ("zoë", True, None),
    ]


@pytest.mark.parametrize(
    ("typed", "nearest"), [("bud", "Budi"), ("zoe", "zoë"), ("TOMM", "tom"), ("xyz", ""), ("", ""), ("w" * 9999, "")]
)
def test_the_nearest_name_is_suggested(typed: str, nearest: str) -> None:
    assert people().nearest(typed) == nearest


def test_a_name_is_found_in_any_case() -> None:
    assert people().find("BUDI") is not None
    assert people().find("backup-bot") is not None
    assert people().find("zoe") is None


def test_hostile_names_are_completed_clean() -> None:
    here = PeopleHere()
    for seq, text in enumerate(TEXTS.values(), 1):
        event = event_of(Entry(seq, 0, MESSAGE, text[:300], "x"), own=False)
        assert event is not None
        here.take(event)
    tab, typed = TabCompletion({"msg": here.names}, here.names), "/msg "
    for _ in TEXTS:
        completed = tab.complete(typed)
        assert completed is not None
        assert not forbidden_in(completed)
        assert "\n" not in completed
        typed = completed


def test_no_more_people_are_kept_than_a_room_has_whatever_the_server_reports() -> None:
    here = PeopleHere()
    for seq in range(PEOPLE + 3):
        here.take(Came(seq, 0, f"n{seq}"))
        here.take(PresenceChanged(1, present=(f"p{seq}",), away=((f"q{seq}", "lunch"),)))
        here.take(Said(seq, 0, f"s{seq}", "x"))
    assert len(here.people) == PEOPLE
    assert len(here.names()) == PEOPLE + SPEAKERS
