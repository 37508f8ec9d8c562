"""A log that was set back while no server ran: whoever has read what is gone is told, and gets no wrong line."""

from __future__ import annotations

import pytest
from server.guests import PASSWORD, Outlaw, Person
from server.hall import Hall

from sockatuh.protocol import messages as m
from sockatuh.protocol import peer_events as e
from sockatuh.protocol.limits import Limits

LINES = 20


@pytest.fixture(name="hall")
def _hall() -> Hall:
    return Hall(limits=Limits(lines_burst=1000))


def say(hall: Hall, person: Person, count: int, word: str) -> None:
    for number in range(count):
        person.say(f"{word} {number}")
    hall.until(lambda: not person.peer.unanswered)


def texts(hall: Hall, person: Person, after: int) -> list[tuple[int, str]]:
    """What a person has been shown since so many entries."""
    hall.advance(3.0)
    return [(event.entry.seq, event.entry.text) for event in person.all(e.EntryArrived)[after:] if event.entry.text]


def set_back(hall: Hall, head: int) -> bytes:
    """Begin again with an older copy of the log; return the id it has."""
    hall.log.set_back(head)
    hall.begin()
    return hall.log.log_id


def pretend(hall: Hall, cursor: int) -> m.Welcome:
    """Join as somebody who claims to have read this log up to a place."""
    outlaw: Outlaw = hall.outlaw(log_id=hall.log.log_id, cursor=cursor)
    outlaw.send(m.Call(1, m.Join(f"mallory{len(hall.guests)}", PASSWORD, None)))
    [welcome] = outlaw.answers()
    assert isinstance(welcome, m.Welcome)
    return welcome


def test_who_comes_when_the_log_has_grown_past_its_cursor_again_is_told_too(hall: Hall) -> None:
    ana, budi = hall.person("ana"), hall.person("budi")
    say(hall, ana, LINES, "old")
    hall.advance(1.0)
    ana.cut_off = budi.cut_off = True
    before = set_back(hall, 10)
    seen = len(budi.all(e.EntryArrived))
    say(hall, hall.person("cici"), 2 * LINES, "new")
    assert hall.log.head > LINES + 2
    budi.cut_off = False
    hall.until(lambda: len(budi.all(e.Admitted)) == 2)
    assert budi.last(e.Admitted).rewound
    assert hall.log.log_id not in (before, ana.last(e.Admitted).log_id)
    shown = texts(hall, budi, seen)
    assert [text for _, text in shown][-2 * LINES :] == [f"new {number}" for number in range(2 * LINES)]
    assert all(text.encode() in (hall.log.rows[seq - 1].body or b"") for seq, text in shown)
    [noticed] = hall.diary.of("log_set_back")
    assert noticed == {"began_at": 10, "read_to": LINES + 2}


def test_after_one_has_shown_it_everybody_who_read_the_old_log_is_told(hall: Hall) -> None:
    ana, budi = hall.person("ana"), hall.person("budi")
    say(hall, ana, LINES, "old")
    hall.advance(1.0)
    budi.cut_off = True
    set_back(hall, 10)
    hall.until(lambda: len(ana.all(e.Admitted)) == 2)
    assert ana.last(e.Admitted).rewound
    say(hall, ana, LINES, "new")
    hall.begin()
    budi.cut_off = False
    hall.until(lambda: len(budi.all(e.Admitted)) == 2)
    assert budi.last(e.Admitted).rewound, "also by a server that began when the log had grown past its cursor"


def test_a_server_that_only_began_again_tells_nobody_anything(hall: Hall) -> None:
    ana, budi = hall.person("ana"), hall.person("budi")
    say(hall, ana, LINES, "line")
    before = hall.log.log_id
    for _ in range(3):
        hall.begin()
        hall.until(lambda: ana.peer.silence(hall.now) is None and budi.peer.silence(hall.now) is None)
        say(hall, ana, 3, "more")
        hall.advance(30.0)
        for person in (ana, budi):
            person.cut_off = True
        hall.advance(40.0)
        for person in (ana, budi):
            person.cut_off = False
        say(hall, budi, 3, "and more")
    assert hall.log.log_id == before
    assert not any(admitted.rewound for person in (ana, budi) for admitted in person.all(e.Admitted))
    assert not hall.diary.of("log_set_back")


def test_who_has_read_nothing_that_is_gone_reads_on(hall: Hall) -> None:
    ana, budi = hall.person("ana"), hall.person("budi")
    hall.advance(1.0)
    budi.cut_off = True
    say(hall, ana, LINES, "line")
    ana.cut_off = True
    set_back(hall, 10)
    seen = len(budi.all(e.EntryArrived))
    budi.cut_off = False
    hall.until(lambda: len(budi.all(e.Admitted)) == 2)
    assert not budi.last(e.Admitted).rewound
    assert [seq for seq, _ in texts(hall, budi, seen)] == list(range(3, 11))


def test_a_member_that_lies_about_its_cursor_renews_the_log_once_only(hall: Hall) -> None:
    say(hall, hall.person("ana"), LINES, "line")
    first = hall.log.log_id
    second = pretend(hall, 10_000).log_id
    assert second == hall.log.log_id != first
    assert [pretend(hall, 10_000 + more).log_id for more in range(5)] == [second] * 5
    assert len(hall.diary.of("log_set_back")) == 1
