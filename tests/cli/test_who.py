from __future__ import annotations

import json

import pytest
from cli.people import Person, Server

from sockatuh.cli.rows import member_row
from sockatuh.cli.who import _print_json
from sockatuh.client.items import Member, Role


def test_who_lists_everybody_and_oneself_only_if_one_is_there(server: Server, person: Person) -> None:
    ana, budi = person("ana", server), person("budi", server)
    with ana.start("tail", "--json") as reader:
        assert reader.stdout is not None
        reader.stdout.readline()
        head, *rows = budi.call("who").stdout.splitlines()
        found = [json.loads(line) for line in budi.call("who", "--json").stdout.splitlines()]
        reader.terminate()
    assert head.split() == ["NAME", "SINCE", "DIALECT", "KEY"]
    assert ["ana", "secure", "(reader)"] in [row.split()[0::2] for row in rows]
    assert "budi" not in [member["name"] for member in found]
    me = next(member for member in found if member["name"] == "ana")
    assert me.keys() == {"v", "type", "name", "since", "dialect", "key", "present", "away", "as"}
    assert (me["type"], me["dialect"], me["present"], me["as"]) == ("member", "secure", True, "reader")
    assert me["since"].endswith("Z")


def member(away: str | None, *, role: Role = Role.MEMBER, present: bool = True) -> Member:
    return Member("ana", "secure", "abcdefgh", present, 0, role, away)


def test_who_is_away_has_a_remark_behind_all_others() -> None:
    assert member_row(member(None))[4:] == ()
    assert member_row(member(""))[4:] == ("away",)
    assert member_row(member("lunch (reader)", present=False))[4:] == ("(no contact)", "away: lunch (reader)")


def test_a_program_reads_the_text_of_somebody_who_is_away(capsys: pytest.CaptureFixture[str]) -> None:
    for away in (None, "", "lunch"):
        _print_json(member(away))
    assert [json.loads(line)["away"] for line in capsys.readouterr().out.splitlines()] == [None, "", "lunch"]
