from __future__ import annotations

import pytest

from sockatuh.cli.tab_completion import TabCompletion

PEOPLE = ["zoë", "ana", "Anton", "budi"]


def completion() -> TabCompletion:
    return TabCompletion(
        {"who": None, "me": None, "msg": lambda: PEOPLE, "quiet": lambda: ["on", "off"], "quit": None}, lambda: PEOPLE
    )


@pytest.mark.parametrize(
    ("before", "tabs"),
    [
        ("an", ["ana: ", "Anton: ", "ana: "]),
        ("", ["zoë: ", "ana: "]),
        ("ZOE", ["zoë: ", "zoë: "]),
        ("hello an", ["hello ana", "hello Anton"]),
        ("hello\nbu", ["hello\nbudi"]),
        ("hi @an", ["hi @ana"]),
        ("@bu", ["@budi"]),
        ("/q", ["/quiet ", "/quit ", "/quiet "]),
        ("/", ["/who ", "/me "]),
        ("/msg an", ["/msg ana ", "/msg Anton "]),
        ("/msg ", ["/msg zoë "]),
        ("/quiet o", ["/quiet on ", "/quiet off "]),
        ("/msg budi an", ["/msg budi ana"]),
        ("/me an", ["/me ana"]),
        ("/usr/an", []),
        ("xyz", []),
        ("/nothing", []),
    ],
)
def test_each_tab_gives_the_next_candidate(before: str, tabs: list[str]) -> None:
    tab = completion()
    if not tabs:
        assert tab.complete(before) is None
    for expected in tabs:
        completed = tab.complete(before)
        assert completed == expected
        before = completed


def test_typing_after_a_tab_begins_anew() -> None:
    tab = completion()
    assert tab.complete("an") == "ana: "
    assert tab.complete("ana: b") == "ana: budi"
    assert tab.complete("an", after="x") == "ana: "
    assert tab.complete("ana: ", after="y") == "ana: zoë"
