"""`audit` and `bans --all`, on a database that holds what an admin ordered."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

import pytest

from sockatuh.cli.app import run
from sockatuh.room.entries import (
    ADMIN_OWNER,
    Banned,
    Body,
    Joined,
    Message,
    Muted,
    Released,
    Removed,
    Struck,
    Unbanned,
)
from sockatuh.room.log import Append
from sockatuh.room.moments import rfc3339
from sockatuh.store.database import open_writer, wall_clock
from sockatuh.store.log_table import append_all

HOUR: Final = 3_600_000
KEY: Final = "k7Qm3xYz" + "A" * 35


@pytest.fixture(name="now", autouse=True)
def _now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Make a room's past, an entry an hour, the last one now."""
    for name in list(os.environ):
        if name.startswith("SOCKATUH_") and name != "SOCKATUH_LANG":
            monkeypatch.delenv(name)
    monkeypatch.setenv("SOCKATUH_STATE_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    now = wall_clock()
    entries: list[tuple[Body, str | None]] = [
        (Joined("budi", KEY, "secure", "10.0.0.7:5", "0.1.0"), "budi"),
        (Removed("budi", KEY, "", 0, "tom", "flooding", rfc3339(now - 7 * HOUR)), "\u0001kick:key:" + KEY),
        (Banned("", "", "10.0.0.0/24", 0, "tom", "", None, strangers=True), "\u0001ban:address:10.0.0.0/24"),
        (Banned("", "", "10.0.0.0/24", 1000, "", "again", None), "\u0001ban:address:10.0.0.0/24"),
        (Unbanned("", "", "10.0.0.0/24", 0, "ana", "", 4), "\u0001ban:address:10.0.0.0/24"),
        (Muted("siti", KEY, "", 0, "tom", "\x1b[2Jev\u202eil", rfc3339(now + HOUR)), "\u0001mute:key:" + KEY),
        (Released("tom", KEY, 0, "tom", "new laptop"), "tom"),
        (Message("admin", ADMIN_OWNER, "lunch\nat one", False, by=0, as_="tom"), None),
        (Struck("ana", KEY, 1, now - 9 * HOUR), None),
    ]
    connection = open_writer(tmp_path / "room.db", "normal")
    for number, (body, key) in enumerate(entries):
        entry = Append(number.to_bytes(16), body, key)
        append_all(connection, [entry], now - (len(entries) - 1 - number) * HOUR, frozenset())
    connection.close()
    return now


def read(capfd: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert run(words) == 0
    said = capfd.readouterr()
    assert said.err == ""
    return said.out.splitlines()


def read_json(capfd: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in read(capfd, *words, "--json")]


def test_every_order_is_a_row(capfd: pytest.CaptureFixture[str]) -> None:
    head, *rows = read(capfd, "audit")
    assert head.split() == ["ID", "AT", "BY", "ORDER", "WHAT", "UNTIL", "REASON,", "TEXT"]
    order, what, by = head.index("ORDER"), head.index("WHAT"), head.index("BY")
    assert [row[order:what].strip() for row in rows] == [
        "kick", "ban", "ban", "unban", "mute", "release", "announce", "strike"
    ]  # fmt: skip
    assert [row[by:order].strip() for row in rows] == ["tom", "tom", "uid 1000", "ana", *["tom"] * 3, "ana (a member)"]
    assert rows[0].endswith("  flooding")
    assert rows[1].split()[-4:] == ["10.0.0.0/24", "--strangers", "forever", "-"]
    assert "4 10.0.0.0/24  " in rows[3]
    assert rows[4].endswith("  evil")
    assert "tom key:k7Qm3xYz" in rows[5]
    assert rows[6].endswith("  lunch ⏎ at one")
    assert "1, of ana, " in rows[7]


def test_orders_are_chosen_by_time_and_by_who_gave_them(capfd: pytest.CaptureFixture[str]) -> None:
    assert [line["seq"] for line in read_json(capfd, "audit", "--since", "90m")] == [8, 9]
    assert [line["seq"] for line in read_json(capfd, "audit", "--since", "2001-01-01")] == [*range(2, 10)]
    assert [line["seq"] for line in read_json(capfd, "audit", "--by", "TOM")] == [2, 3, 6, 7, 8]
    assert [line["seq"] for line in read_json(capfd, "audit", "--by", "1000")] == [4]
    assert [line["seq"] for line in read_json(capfd, "audit", "--by", "ana")] == [5, 9]
    assert read(capfd, "audit", "--by", "zoe") == ["Nothing was ordered then, or by them."]
    assert run(["audit", "--since", "soon"]) == 2


def test_programs_read_what_there_is_to_say_of_each_order(capfd: pytest.CaptureFixture[str], now: int) -> None:
    kick, ban, _, unban, mute, release, announced, struck = read_json(capfd, "audit")
    given = {"v": 1, "type": "ordered", "by": 0, "as": "tom"}
    assert kick == given | {
        "seq": 2, "at": rfc3339(now - 7 * HOUR), "order": "kick", "what": "key:k7Qm3xYz", "name": "budi",
        "key": "k7Qm3xYz", "until": rfc3339(now - 7 * HOUR), "reason": "flooding",
    }  # fmt: skip
    assert (ban["until"], ban["strangers"], ban["what"]) == (None, True, "10.0.0.0/24")
    assert (unban["lifted"], "until" in unban) == (4, False)
    assert (mute["reason"], release["what"], release["key"]) == ("\x1b[2Jev\u202eil", "name:tom", "k7Qm3xYz")
    assert announced == given | {
        "seq": 8, "at": rfc3339(now - HOUR), "order": "announce", "text": "lunch\nat one", "reason": "",
    }  # fmt: skip
    assert (struck["line"], struck["line_at"]) == (1, rfc3339(now - 9 * HOUR))
    assert (struck["by"], struck["name"]) == (None, "ana")


def test_all_bans_are_listed_with_how_they_ended(capfd: pytest.CaptureFixture[str], now: int) -> None:
    head, *rows = read(capfd, "bans", "--all")
    at = head.index("NOW")
    assert [row[at:].split("  ")[0] for row in rows] == ["over", "replaced by 4", "lifted by ana", "in force"]
    lines = read_json(capfd, "bans", "--all")
    assert [(line["id"], line["ending"], line["ended_by"]) for line in lines] == [
        (2, "over", None), (3, "replaced", 4), (4, "lifted", 5), (6, None, None)
    ]  # fmt: skip
    assert lines[0]["ended"] == rfc3339(now - 7 * HOUR)
    assert {line["type"] for line in lines} == {"order"}
    assert {(line["hits"], line["hit"]) for line in lines} == {(None, None)}


def test_a_room_without_orders_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "room.db").unlink()
    open_writer(tmp_path / "room.db", "normal").close()
    assert read(capfd, "audit") == ["Nothing was ordered."]
    assert read(capfd, "bans", "--all") == ["There has been no kick, ban or mute."]


def test_a_missing_database_is_reported_with_its_path(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "room.db").unlink()
    for words in (["audit"], ["bans", "--all"]):
        assert run(words) == 1
        assert str(tmp_path / "room.db") in capfd.readouterr().err
