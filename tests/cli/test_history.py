from __future__ import annotations

import json
import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sockatuh.cli.app import run
from sockatuh.room.moments import rfc3339
from sockatuh.store.database import open_writer, wall_clock

HOUR = 3_600_000


@pytest.fixture(name="now", autouse=True)
def _now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Make a room's past: ana came two days ago and left, bob is there since an hour."""
    for name in list(os.environ):
        if name.startswith("SOCKATUH_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SOCKATUH_STATE_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    now = wall_clock()
    connection = open_writer(tmp_path / "room.db", "normal")
    sessions = [
        (rfc3339(now - 48 * HOUR), rfc3339(now - 47 * HOUR), "ana", "kA", "10.0.0.1:5", "secure", "0.1.0", "left"),
        (rfc3339(now - HOUR), None, "bob", "", "10.0.0.2:5", "classic", "", None),
    ]
    columns = "opened, closed, name, owner, address, dialect, version, reason"
    connection.executemany(
        f"INSERT INTO sessions ({columns}, transient) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)",  # noqa: S608
        sessions,
    )
    for seq, (ago, name, text, action) in enumerate(
        [(47, "ana", "soup at one\nor two", False), (0, "bob", "\x1b[2Jevil\u202e", False), (0, "bob", "waves", True)]
    ):
        body = json.dumps({"name": name, "text": text, "action": action, "mark": "", "tag": ""}).encode()
        connection.execute(
            "INSERT INTO log (id, at, kind, key, body) VALUES (?, ?, 'message', NULL, CAST(? AS TEXT))",
            (bytes([seq]) * 16, rfc3339(now - ago * HOUR + seq), body),
        )
    connection.close()
    return now


def read(capfd: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert run(["history", *arguments]) == 0
    return capfd.readouterr().out.splitlines()


def test_messages_and_sessions_are_listed_in_order_with_a_row_for_each_day(capfd: pytest.CaptureFixture[str]) -> None:
    lines = read(capfd, "--all")
    days = [line for line in lines if line.startswith("—")]
    assert len(days) >= 2
    assert all(re.fullmatch(r"— \d{4}-\d\d-\d\d —", day) for day in days)
    shown = [line[6:] for line in lines if line not in days]
    assert re.fullmatch(r"· ana joined from 10\.0\.0\.1:5 \(secure 0\.1\.0\), gone \S+ \S+ \(left\)", shown[0])
    assert shown[1:] == [
        "ana  soup at one ⏎ or two",
        "· bob joined from 10.0.0.2:5 (classic), still there",
        "bob  evil",
        "* bob waves",
    ]


def test_what_was_said_is_read_and_who_came_when_asked(capfd: pytest.CaptureFixture[str]) -> None:
    assert [json.loads(line)["type"] for line in read(capfd, "--json")] == ["message"] * 3
    assert [json.loads(line)["type"] for line in read(capfd, "--joins", "--json")] == ["session"] * 2
    assert len(read(capfd, "--all", "--json")) == 5


def test_json_bears_utc_and_the_text_as_it_is(capfd: pytest.CaptureFixture[str], now: int) -> None:
    lines = [json.loads(line) for line in read(capfd, "--all", "--json")]
    assert lines[0] == {
        "v": 1, "type": "session", "at": rfc3339(now - 48 * HOUR), "closed": rfc3339(now - 47 * HOUR), "name": "ana",
        "key": "kA", "address": "10.0.0.1:5", "dialect": "secure", "version": "0.1.0", "transient": False,
        "reason": "left",
    }  # fmt: skip
    assert lines[1] == {
        "v": 1, "type": "message", "seq": 1, "at": rfc3339(now - 47 * HOUR), "from": "ana",
        "text": "soup at one\nor two", "action": False, "official": False, "struck": None,
    }  # fmt: skip


def test_since_after_name_and_lines_choose(capfd: pytest.CaptureFixture[str]) -> None:
    assert len(read(capfd, "--all", "--json", "--since", "90m")) == 3
    assert len(read(capfd, "--json", "--since", "2001-01-01")) == 3
    assert {json.loads(line).get("from", "ana") for line in read(capfd, "--all", "--json", "--name", "ANA")} == {"ana"}
    assert [json.loads(line)["text"] for line in read(capfd, "--json", "-n", "1")] == ["waves"]
    assert [json.loads(line)["seq"] for line in read(capfd, "--json", "--after", "1")] == [2, 3]


@pytest.mark.parametrize("words", [["--since", "yesterday"], ["--after", "1", "--joins"], ["--after", "1", "-n", "1"]])
def test_an_invalid_selection_is_a_usage_error(words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["history", *words]) == 2
    assert "--" in capfd.readouterr().err


def test_a_missing_database_is_reported_with_its_path(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "room.db").unlink()
    assert run(["history"]) == 1
    assert str(tmp_path / "room.db") in capfd.readouterr().err


def test_a_damaged_database_is_a_sentence_and_for_scripts_a_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "room.db").write_bytes(b"no database at all" * 100)
    assert run(["history", "--json"]) == 1
    said = capfd.readouterr()
    assert json.loads(said.out)["code"] == "database_unusable"
    assert "not a database" in said.err


@pytest.fixture(name="whispered")
def _whispered(tmp_path: Path, now: int) -> int:
    """Add a private line and two renames to the past; return the time of the first."""
    rows: list[tuple[str, dict[str, object]]] = [
        ("private", {"name": "ana", "owner": "kA", "text": "the key\nis\x1b[2J here", "to": "bob", "to_owner": "kB"}),
        ("renamed", {"name": "ana", "owner": "kA", "new": "anna", "dialect": "secure", "joined_at": 1}),
        ("renamed", {"name": "an old name", "owner": "kC", "new": "ev\u202ea", "dialect": "secure", "joined_at": 1}),
    ]
    connection = open_writer(tmp_path / "room.db", "normal")
    for number, (kind, body) in enumerate(rows):
        connection.execute(
            "INSERT INTO log (id, at, kind, key, body) VALUES (?, ?, ?, NULL, CAST(? AS TEXT))",
            (bytes([9, number]) * 8, rfc3339(now + 100 + number), kind, json.dumps(body).encode()),
        )
    connection.close()
    return now + 100


def test_a_private_line_is_listed_without_its_text_unless_that_is_asked_for(
    capfd: pytest.CaptureFixture[str], whispered: int
) -> None:
    assert read(capfd)[-1][6:] == "» ana → bob"
    assert "the key" not in "".join(read(capfd, "--all") + read(capfd, "--all", "--json"))
    assert read(capfd, "--private")[-1][6:] == "» ana → bob  the key ⏎ is here"
    private = {
        "v": 1,
        "type": "private",
        "seq": 4,
        "at": rfc3339(whispered),
        "from": "ana",
        "to": "bob",
        "struck": None,
    }
    assert json.loads(read(capfd, "--json")[-1]) == {**private, "text": None}
    assert json.loads(read(capfd, "--json", "--private")[-1]) == {**private, "text": "the key\nis\x1b[2J here"}


@pytest.mark.usefixtures("whispered")
def test_renames_are_listed_among_who_came_and_went_under_both_names(capfd: pytest.CaptureFixture[str]) -> None:
    renames = ["· ana is now anna", '· "an old name" is now eva']
    assert [line[6:] for line in read(capfd, "--joins")][-2:] == renames
    assert [line[6:] for line in read(capfd, "--all")][-3:] == ["» ana → bob", *renames]
    assert not any("is now" in line for line in read(capfd))
    for name in ("ANA", "anna"):
        *_, renamed = [json.loads(line) for line in read(capfd, "--joins", "--json", "--name", name)]
        assert renamed.pop("at").endswith("Z")
        assert renamed == {"v": 1, "type": "renamed", "seq": 5, "name": "ana", "new": "anna", "key": "kA"}
    assert len(read(capfd, "--joins", "--json", "-n", "3")) == 3


# The picture and the timeline.


def test_a_picture_is_written_once_and_again_only_by_force(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, now: int
) -> None:
    del now
    file = tmp_path / "who.svg"
    draw = ["history", "--joins", "--svg", str(file)]
    assert run(draw) == 0
    assert capfd.readouterr().err == f"Wrote {file}: 1 name.\n"
    assert "<svg" in file.read_text()
    assert "bob" in file.read_text()
    assert "ana" not in re.findall(r">(\w+)</text>", file.read_text()), "she left longer ago than a day"
    file.write_text("mine")
    assert run(draw) == 1
    assert "is there already" in capfd.readouterr().err
    assert file.read_text() == "mine"
    assert run([*draw, "--force", "--since", "3d"]) == 0
    assert "Wrote" in capfd.readouterr().err
    assert "ana" in re.findall(r">(\w+)</text>", file.read_text())
    assert sorted(path.name for path in tmp_path.iterdir() if "svg" in path.name) == ["who.svg"], "nothing beside it"


def test_a_picture_can_go_to_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    output = "\n".join(read(capfd, "--joins", "--svg", "-", "--since", "forever"))
    assert output.startswith("<?xml")
    assert output.endswith("</svg>")


def test_a_picture_that_cannot_be_written_is_told(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for file in (tmp_path / "nowhere" / "who.svg", tmp_path):
        assert run(["history", "--joins", "--svg", str(file), "--force"]) == 1
        said = capfd.readouterr().err
        assert str(file) in said
        assert "Traceback" not in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--svg", "who.svg"], "add --joins"),
        (["--joins", "--svg", "who.svg", "--json"], "leave --json out"),
        (["--timeline", "--json"], "leave --json out"),
        (["--timeline", "--joins", "--svg", "who.svg"], "choose one"),
        (["--joins", "--svg", "who.svg", "-n", "5"], "choose it with --since"),
        (["--timeline", "--after", "5"], "choose it with --since"),
        (["--timeline", "--all"], "choose it with --since"),
        (["--joins", "--svg", "who.svg", "--private"], "--private"),
        (["--joins", "--force"], "--force replaces"),
        (["--timeline", "--since", "noon"], "noon"),
    ],
)
def test_options_that_make_no_picture_are_a_usage_error(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, options: list[str], said: str
) -> None:
    assert run(["history", *options]) == 2
    assert said in capfd.readouterr().err
    assert not (tmp_path / "who.svg").exists()


def test_a_timeline_shows_a_day_unless_told_otherwise(capfd: pytest.CaptureFixture[str]) -> None:
    rows = read(capfd, "--timeline")
    assert [row.split()[0] for row in rows[2:-1]] == ["bob"]
    assert rows[2].endswith("·██") or rows[2].endswith("·███")
    assert {row.split()[0] for row in read(capfd, "--timeline", "--since", "3d")[2:-1]} == {"ana", "bob"}
    assert [row.split()[0] for row in read(capfd, "--timeline", "--since", "3d", "--name", "ANA")[2:-1]] == ["ana"]


# Struck lines.


@pytest.fixture
def struck(tmp_path: Path, now: int) -> None:
    """Let ana strike a line of hers, and tom two of bob's, one of them private, and forget who struck a fourth."""
    with closing(open_writer(tmp_path / "room.db", "normal")) as connection:
        connection.execute("DELETE FROM log")
        for seq, (kind, name, to) in enumerate(
            [("message", "ana", ""), ("message", "bob", ""), ("private", "bob", "ana"), ("message", "bob", "")], 1
        ):
            body: dict[str, object] = {"name": name, "text": "", "struck": True, "owner": "k"}
            body |= {"to": to, "to_owner": "k2"} if to else {"action": False}
            add(connection, seq, kind, now + seq, body)
        by_author = {"name": "ana", "owner": "k", "line": 1, "line_at": now + 1, "by": None, "as": "", "reason": ""}
        add(connection, 5, "struck", now + 9, by_author)
        for seq, line, reason in ((6, 2, "spam\x1b[2J"), (7, 3, "")):
            add(connection, seq, "struck", now + 9, by_author | {"line": line, "by": 0, "as": "tom", "reason": reason})


def add(connection: sqlite3.Connection, seq: int, kind: str, at: int, body: dict[str, object]) -> None:
    connection.execute(
        "INSERT INTO log (seq, id, at, kind, key, body) VALUES (?, ?, ?, ?, NULL, CAST(? AS TEXT))",
        (seq, bytes([64 + seq]) * 16, rfc3339(at), kind, json.dumps(body)),
    )


@pytest.mark.usefixtures("struck")
def test_a_struck_line_shows_that_it_was_removed_and_by_whom(capfd: pytest.CaptureFixture[str]) -> None:
    assert [line[6:] for line in read(capfd) if not line.startswith("—")] == [
        "· what ana said was removed by ana",
        "· what bob said was removed by tom (spam)",
        "· what bob said to ana was removed by tom",
        "· what bob said was removed",
    ]


@pytest.mark.usefixtures("struck")
def test_json_tells_when_a_line_was_removed_by_whom_and_why(capfd: pytest.CaptureFixture[str], now: int) -> None:
    lines = [json.loads(line) for line in read(capfd, "--json", "--private")]
    assert [line["text"] for line in lines] == ["", "", "", ""]
    at = rfc3339(now + 9)
    assert [line["struck"] for line in lines] == [
        {"at": at, "by": None, "as": None, "reason": None},
        {"at": at, "by": 0, "as": "tom", "reason": "spam\x1b[2J"},
        {"at": at, "by": 0, "as": "tom", "reason": None},
        {"at": None, "by": None, "as": None, "reason": None},
    ]
    assert [line["struck"] for line in map(json.loads, read(capfd, "--json", "--name", "nobody"))] == []
