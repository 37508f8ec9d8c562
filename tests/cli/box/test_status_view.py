"""What an admin reads of a status, in both languages' layout, and what counts as wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cli.box.reports import FULL, HERE, INVITE, NOW, REPORT, WORDS
from hostile import TEXTS
from msgspec.structs import replace

from sockatuh import server
from sockatuh.cli.box import status_view
from sockatuh.cli.box.caller import Caller
from sockatuh.cli.box.status_view import Line, status_lines, troubles_of, what_is_unwell
from sockatuh.cli.wrapping import CUT, wrap
from sockatuh.server import alarms, guessing
from sockatuh.server.box_report import LastBackup, StatusReport, Trouble
from sockatuh.wording.en import status as english
from sockatuh.wording.id import client, reasons, status


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")


def shown(report: StatusReport, columns: int | None = 80) -> list[str]:
    """Return the rows on a terminal."""
    rows = []
    for line in status_lines(report, NOW, columns, Caller()):
        cut = wrap(line.text, columns if line.wraps else None, 0, line.indent, CUT, whole=line.is_whole)
        rows += [" " * line.indent + row if at else row for at, row in enumerate(cut)]
    return rows


def fact(report: StatusReport, label: str) -> str:
    (found,) = [row for row in shown(report, None) if row.startswith(f"{label} ")]
    return found.removeprefix(label).strip()


def test_a_room_that_is_well() -> None:
    rows = shown(REPORT)
    since = [row.split()[1] for row in rows[2:4]]  # the day they joined may be today or not
    assert rows[0] == "kitchen: 3 members (at most 200), 1 of them out of contact; 1 guest"
    assert rows[1].split() == ["NAME", "SINCE", "KEY"]
    assert rows[2].startswith("ana ")
    assert rows[2].endswith("a1b2c3d4  2 sessions")
    assert rows[3].endswith("-         classic")
    assert "out of contact since" in rows[4]
    assert rows[4].endswith("away: at lunch")
    assert rows[5:8] == [
        "address    192.168.1.20, 10.0.0.3, UDP port 7625",
        f"words      {WORDS}",
        f"invite     {INVITE}",
    ]
    assert rows[8].endswith("(3 days)")
    assert rows[9:] == [
        "storing    yes; the last entry is 8,123; 12 MiB on disk",
        "sessions   3 secure, 1 classic",
        "orders     1 ban, 2 mutes in force; sockatuh bans lists them",
        "dropped    1,012 datagrams since the start: 1,010 size, 2 replay; receive buffer",
        "           8,192 KiB",
        *[row for row in rows[-1:] if row.startswith("backup ") and row.endswith("-040012.backup")],
    ]
    assert since


def test_the_command_that_lists_the_orders_is_for_the_same_room_and_user() -> None:
    caller = Caller(socket="/srv/control", has_sudo=True)
    told = [line.text for line in status_lines(REPORT, NOW, None, caller) if line.text.startswith("orders ")]
    assert told == ["orders     1 ban, 2 mutes in force; sudo sockatuh bans --socket /srv/control lists them"]


def test_what_is_wrong_stands_first_each_with_what_to_do() -> None:
    failed = Trouble(code="backup_failed", reason="/srv: No space left on device", remedy="see why: journalctl")
    rows = shown(replace(REPORT, storing=False, unwritten=14, troubles=(FULL, failed)))
    assert rows[:4] == [
        "!!  Lines are not stored: /var/lib/sockatuh/room.db: the disk is full",
        "    make room there: df -h /var/lib/sockatuh",
        "!!  The last backup failed: /srv: No space left on device",
        "    see why: journalctl",
    ]
    assert rows[4].startswith("kitchen: ")
    assert "storing    NO; 14 wait; the last entry is 8,123; 12 MiB on disk" in rows
    styles = [line.style for line in status_lines(replace(REPORT, troubles=(FULL,)), NOW, 80, Caller())]
    assert styles[:3] == ["bad", "", "head"]
    assert {*styles[3:]} == {""}


def test_a_part_that_gave_no_sign_is_wrong_even_if_the_server_does_not_say_so() -> None:
    assert [*troubles_of(REPORT)] == []
    late = replace(REPORT, loop=3.1, writer=12.0, storing=False)
    assert [trouble.code for trouble in troubles_of(late)] == ["not_storing", "loop_late", "writer_silent"]
    assert shown(late)[2] == "!!  The part of the server that writes to the disk does not answer: 12 s"


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (REPORT, None),
        (replace(REPORT, troubles=(Trouble(code="backup_failed", reason="", remedy=""),)), None),
        (replace(REPORT, storing=False, troubles=(FULL,)), "Lines are not stored: /var"),
        (replace(REPORT, storing=False), "Lines are not stored."),
        (replace(REPORT, loop=3.5), "The server is behind"),
        (replace(REPORT, writer=3.5), "The part of the server that writes"),
    ],
)
def test_a_server_is_unwell_if_it_does_not_store_or_a_part_of_it_is_silent(
    report: StatusReport, code: str | None
) -> None:
    found = what_is_unwell(report)
    assert (found is None) if code is None else (found is not None and found.startswith(code))


def test_a_backup_that_is_overdue_says_since_when() -> None:
    overdue = Trouble(code="backup_overdue", reason="2026-11-30T16:00:12.000Z", remedy="")
    assert shown(replace(REPORT, troubles=(overdue,)))[0] == "!!  A backup is overdue since 2026-11-30 16:00."


def test_the_last_backup_and_its_failure_are_told() -> None:
    assert fact(replace(REPORT, backup=None), "backup").startswith("none was made here; ")
    failed = LastBackup(at=None, file="", failed="2026-11-20T04:00:00.000Z", reason="no space", due=None)
    assert fact(replace(REPORT, backup=failed), "backup") == "failed 2026-11-20 04:00"
    both = replace(failed, at="2026-11-19T04:00:00.000Z", file="/srv/room.backup")
    told = fact(replace(REPORT, backup=both), "backup")
    assert told == "2026-11-19 04:00, /srv/room.backup; failed 2026-11-20 04:00"


def test_an_empty_quiet_room() -> None:
    empty = replace(REPORT, members=0, lost=0, guests=0, here=(), sessions={}, orders={"ban": 0}, dropped={})
    rows = shown(empty)
    assert rows[0] == "kitchen: nobody is here"
    assert rows[1].startswith("address ")
    assert fact(empty, "sessions") == "none"
    assert fact(empty, "orders") == "none in force"
    assert fact(empty, "dropped") == "0 datagrams since the start; receive buffer 8,192 KiB"


def test_more_members_than_are_named_are_counted() -> None:
    crowd = replace(REPORT, members=53, here=HERE[:1] * 50)
    assert "… and 3 more: sockatuh sessions" in shown(crowd)


def test_on_a_narrow_terminal_no_row_but_the_invite_is_too_long() -> None:
    rows = shown(replace(REPORT, troubles=(FULL,)), 40)
    too_long = [row for row in rows if len(row) > 40]
    assert too_long == [row for row in rows if row.startswith(("invite ", "  /srv/"))]
    assert len(too_long) == 2


@pytest.mark.parametrize("columns", [40, 80, None])
def test_no_text_of_others_begins_a_line_or_moves_a_cursor(columns: int | None) -> None:
    for name, text in TEXTS.items():
        report = full_of(text)
        lines = [*status_lines(report, NOW, columns, Caller())]
        assert all("\n" not in line.text and "\x1b" not in line.text and "\r" not in line.text for line in lines), name
        assert len(lines) == len([*status_lines(replace(report, room="x"), NOW, columns, Caller())]), name
        assert all(isinstance(line, Line) for line in lines), name


def full_of(text: str) -> StatusReport:
    """Return a report that says the text wherever others' words can stand."""
    member = replace(HERE[0], name=text, away=text, key=text, dialect=text, since=text, lost=text)
    return replace(
        REPORT,
        room=text,
        here=(member,),
        troubles=(Trouble(code=text, reason=text, remedy=text),),
        sessions={text: 1},
        orders={text: 1},
        dropped={text: 1},
        backup=LastBackup(at=text, file=text, failed=text, reason=text, due=text),
        version=text,
        started=text,
        words=text,
        addresses=(text,),
    )


def test_in_indonesian(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, module in (("wording", status), ("phrases", client), ("reasons", reasons)):
        monkeypatch.setattr(status_view, name, module)
    rows = shown(replace(REPORT, storing=False, unwritten=14, troubles=(FULL,)))
    assert rows[:4] == [
        "!!  Pesan tidak disimpan: /var/lib/sockatuh/room.db: disknya penuh",
        "    kosongkan sebagian di sana: df -h /var/lib/sockatuh",
        "kitchen: 3 anggota (paling banyak 200), 1 di antaranya tidak terhubung; 1 tamu",
        "NAMA   SEJAK             KUNCI",
    ]
    assert "menyimpan  TIDAK; 14 menunggu; entri terakhir 8.123; 12 MiB di disk" in rows
    assert "sesi       3 secure, 1 classic" in rows
    assert "perintah   1 ban, 2 mute berlaku; daftarnya: sockatuh bans" in rows
    assert "dibuang    1.012 datagram sejak dimulai: 1.010 size, 2 replay; buffer penerima" in rows


def codes_in(module: str) -> set[tuple[str, str]]:
    """Return the codes of troubles that a module of the server makes."""
    source = (Path(server.__file__).parent / module).read_text("utf-8")
    return {*re.findall(r'Trouble\(\s*code="(\w+)"|^_?\w*TOPIC: Final = "(\w+)"', source, re.MULTILINE)}


def test_there_are_words_for_every_trouble_of_a_server() -> None:
    found = {
        code for module in ("alarms.py", "guessing.py", "backup_watch.py", "service.py") for code in codes_in(module)
    }
    codes = {one or other for one, other in found}
    assert {"not_storing", "guessing", "backup_failed", "receive_buffer_small"} <= codes
    assert codes | {"loop_late", "writer_silent"} == {*english.TROUBLES}


def test_every_remedy_and_reason_of_the_servers_own_can_be_said_in_other_languages() -> None:
    remedies = [alarms._SILENT, alarms._CONTROL_REMEDY, alarms._OVERRULED_REMEDY, alarms._UNREAD_REMEDY]
    remedies += [guessing._CONSEQUENCE, guessing._REMEDY, alarms.overruled_trouble(":: port 1", ":: port 2").reason]
    remedies += ["12 bytes", "raise net.core.rmem_max", "raise ReceiveBuffer= in the socket unit"]
    assert [each for each in remedies if reasons.in_words(each) == each] == []


def test_the_page_for_browsers_is_told_where_there_is_one() -> None:
    pages = ["https://192.168.1.20:7680/", "https://10.0.0.3:7680/"]
    told = [line.text for line in status_lines(REPORT, NOW, None, Caller(), pages)]
    assert "browsers   https://192.168.1.20:7680/ https://10.0.0.3:7680/" in told
    assert not [row for row in shown(REPORT) if row.startswith("browsers")]


def test_who_is_in_a_browser_is_marked() -> None:
    rows = shown(replace(REPORT, here=(replace(HERE[1], dialect="web"),)))
    assert [row for row in rows if row.startswith("budi ") and row.endswith("  web")]
