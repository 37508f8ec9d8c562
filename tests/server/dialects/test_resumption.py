"""Where a member starts reading: no client's claim changes the log, and a returning member misses no kept entry."""

from __future__ import annotations

import pytest
from kit.clients import Client
from kit.instant_world import InstantWorld
from kit.server import HASH

from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as e
from sockatuh.protocol.noise import public_key
from sockatuh.protocol.server.limits import Limits
from sockatuh.protocol.server.tickets import Ticket
from sockatuh.server.dialects.resumption import EMPTY_LOG
from sockatuh.server.entry_encoding import encode_entry

LINES = 20
ANOTHER = b"a log of nowhere"
LIMITS = Limits(lines_burst=1000, handshakes_burst=1000)


@pytest.fixture(name="world")
def _world() -> InstantWorld:
    return InstantWorld(limits=LIMITS)


def say(world: InstantWorld, person: Client, count: int, word: str) -> None:
    for number in range(count):
        person.say(f"{word} {number}")
    world.until(lambda: not person.peer.unanswered)


def numbered(word: str, count: int) -> list[str]:
    return [f"{word} {number}" for number in range(count)]


def come_back(world: InstantWorld, person: Client) -> list[str]:
    """Reconnect a member; return the lines it is shown, after checking each against the log."""
    before, times = len(person.events), len(person.all(e.Admitted))
    person.cut_off = False
    world.until(lambda: len(person.all(e.Admitted)) > times)
    world.advance(3.0)
    shown = [event.entry for event in person.events[before:] if isinstance(event, e.EntryArrived)]
    assert all(m.encode(entry) == encode_entry(world.log.rows[entry.seq - 1]).encoding for entry in shown)
    assert not person.all(e.EntriesGone)
    return [entry.text for entry in shown if entry.kind == m.MESSAGE]


def copy_back(world: InstantWorld, head: int) -> None:
    """Restart on an older copy of the log with the same id, as when a file is copied by hand."""
    world.log.set_back(head)
    world.begin()


def restore(world: InstantWorld, head: int, hashed: str | None = None) -> None:
    """Restart on a restored backup, which has a new id."""
    world.log.set_back(head)
    world.log.renew(world.random(16), head)
    world.begin(hashed)


def pretend(
    world: InstantWorld, *, log_id: bytes | None, cursor: int, ticket_at: int | None = None, history: int | None = None
) -> m.Welcome:
    """Join with any claim, optionally with a ticket that the server issued at `ticket_at`, and leave."""
    key = world.random(32)
    ticket = Ticket(f"mallory{len(world.clients)}", log_id or world.log.log_id, ticket_at or 0)
    sealed = world.endpoint.tickets.seal(ticket, public_key(key), world.random) if ticket_at is not None else None
    outlaw = world.outlaw(key, log_id=log_id, cursor=cursor, ticket=sealed)
    if sealed:
        outlaw.send(m.Call(1, m.Join(None, None, history)))
    else:
        outlaw.join(ticket.name, history=history)
    welcome = outlaw.answers()[-1]
    assert isinstance(welcome, m.Welcome)
    outlaw.send(m.Call(3, m.Leave()))
    return welcome


# One client's claim never changes the log for everybody.


@pytest.mark.parametrize("cursor", [LINES + 20, 10**9, 2**63 - 1])
@pytest.mark.parametrize("has_ticket", [False, True])
def test_a_cursor_beyond_the_head_is_clamped(world: InstantWorld, cursor: int, has_ticket: bool) -> None:
    ana, tail = world.person("ana"), world.person("tail", history=0)
    world.advance(1.0)
    tail.cut_off = True
    say(world, ana, LINES, "line")
    before = world.log.log_id
    for log_id in (before, None, ANOTHER):
        welcome = pretend(world, log_id=log_id, cursor=cursor, ticket_at=world.log.head if has_ticket else None)
        assert welcome.log_id == world.log.log_id == before
        assert welcome.start <= welcome.head
        if log_id != ANOTHER:
            assert welcome.start == welcome.head
    assert not world.diary.of("log_set_back")
    world.begin()
    assert come_back(world, tail) == numbered("line", LINES)
    assert not tail.last(e.Admitted).rewound


def test_acks_and_gets_beyond_the_head_have_no_effect(world: InstantWorld) -> None:
    ana = world.person("ana")
    say(world, ana, 3, "line")
    liar = world.outlaw(log_id=world.log.log_id, cursor=10**9)
    liar.join("mallory")
    liar.send(m.Ack(2**63 - 1))
    liar.send(m.Get(10**9, 2 * 10**9, ((2**62, 2**63 - 1),)))
    assert world.endpoint.head == world.log.head
    assert [entry.text for entry in liar.read(1, world.log.head) if entry.kind == m.MESSAGE] == numbered("line", 3)
    say(world, ana, 1, "afterwards")
    assert world.endpoint.head == world.log.head
    assert not world.diary.of("log_set_back")


def test_a_ticket_beyond_the_head_proves_the_log_was_set_back(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    say(world, ana, LINES, "old")
    tail = world.person("tail", history=0)
    world.advance(1.0)
    ana.cut_off = budi.cut_off = tail.cut_off = True
    before = world.log.log_id
    copy_back(world, 10)
    say(world, world.person("cici"), 3, "new")
    assert world.log.log_id == before, "nobody has shown anything yet"
    assert come_back(world, tail) == numbered("new", 3)
    assert tail.last(e.Admitted).rewound
    assert world.log.log_id != before
    assert world.diary.of("log_set_back") == [{"began_at": 10, "read_to": LINES + 3}]
    assert come_back(world, budi) == numbered("new", 3)
    assert budi.last(e.Admitted).rewound
    say(world, budi, LINES, "more")
    world.begin()
    assert come_back(world, ana) == numbered("new", 3) + numbered("more", LINES), "when its numbers are in use again"
    assert ana.last(e.Admitted).rewound
    assert len(world.diary.of("log_set_back")) == 1


@pytest.mark.parametrize("ticket_at", [0, 5, LINES + 1])
def test_a_ticket_older_than_the_cursor_is_harmless(world: InstantWorld, ticket_at: int) -> None:
    say(world, world.person("ana"), LINES, "line")
    welcome = pretend(world, log_id=world.log.log_id, cursor=world.log.head, ticket_at=ticket_at)
    assert welcome.start == LINES + 1
    assert not world.diary.of("log_set_back")


@pytest.mark.parametrize("seq", [0, 5, 10**9])
def test_a_ticket_of_another_log_proves_nothing_about_this_one(world: InstantWorld, seq: int) -> None:
    say(world, world.person("ana"), LINES, "line")
    former = world.log.log_id
    restore(world, 10)
    present = world.log.log_id
    for log_id in (former, ANOTHER):
        assert pretend(world, log_id=log_id, cursor=seq, ticket_at=seq).log_id == present
    assert not world.diary.of("log_set_back")


def test_a_member_that_read_past_its_ticket_is_rewound_alone(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    say(world, ana, LINES, "old")
    world.advance(1.0)
    ana.cut_off = budi.cut_off = True
    before = world.log.log_id
    copy_back(world, 10)
    say(world, world.person("cici"), 2 * LINES, "new")
    assert world.log.head > LINES + 2, "the numbers of what is gone are in use again"
    assert come_back(world, budi) == numbered("new", 2 * LINES)
    assert budi.last(e.Admitted).rewound
    assert world.log.log_id == before, "what budi has is a cursor, and that is its own word"
    budi.cut_off = True
    world.advance(100.0)
    assert come_back(world, budi) == []
    assert not budi.last(e.Admitted).rewound, "told once is enough"


def test_a_member_that_read_nothing_lost_continues_from_its_cursor(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    world.advance(1.0)
    budi.cut_off = True
    say(world, ana, LINES, "line")
    ana.cut_off = True
    copy_back(world, 10)
    assert come_back(world, budi) == numbered("line", 8)
    assert not budi.last(e.Admitted).rewound


def test_a_plain_restart_rewinds_nobody(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    say(world, ana, LINES, "line")
    before = world.log.log_id
    for _ in range(3):
        world.begin()
        world.until(lambda: ana.peer.silence(world.now) is None and budi.peer.silence(world.now) is None)
        say(world, ana, 3, "more")
        world.advance(30.0)
        for person in (ana, budi):
            person.cut_off = True
        world.advance(40.0)
        for person in (ana, budi):
            person.cut_off = False
        say(world, budi, 3, "and more")
    assert world.log.log_id == before
    assert not any(admitted.rewound for person in (ana, budi) for admitted in person.all(e.Admitted))
    assert not world.diary.of("log_set_back")


# A returning member misses nothing.


@pytest.mark.parametrize("history", [None, 0, 7])
@pytest.mark.parametrize("history_on_join", [0, 200])
def test_after_a_restore_a_returning_member_is_shown_newer_lines(history: int | None, history_on_join: int) -> None:
    world = InstantWorld(history_on_join=history_on_join, limits=LIMITS)
    ana, tail = world.person("ana"), world.person("tail", history=history)
    say(world, ana, LINES, "old")
    world.advance(1.0)
    tail.cut_off = True
    restore(world, 12)
    say(world, world.person("cici"), 2 * LINES, "new")
    assert come_back(world, tail) == numbered("new", 2 * LINES)
    assert tail.last(e.Admitted).rewound


def test_a_cursor_within_the_shared_history_stays_valid_after_a_restore(world: InstantWorld) -> None:
    ana, tail = world.person("ana"), world.person("tail", history=0)
    say(world, ana, 3, "seen")
    world.advance(1.0)
    tail.cut_off = True
    say(world, ana, LINES, "kept")
    restore(world, 2 + 3 + LINES)
    say(world, ana, 2, "new")
    assert come_back(world, tail) == numbered("kept", LINES) + numbered("new", 2)


def test_a_member_that_joined_after_the_backup_is_shown_what_it_missed() -> None:
    world = InstantWorld(history_on_join=0, limits=LIMITS)
    ana = world.person("ana")
    say(world, ana, LINES, "old")
    tail = world.person("tail", history=0)
    world.advance(1.0)
    tail.cut_off = True
    restore(world, 10)
    say(world, ana, 5, "new")
    assert come_back(world, tail) == numbered("new", 5)


def test_after_several_restores_every_former_id_is_still_known(world: InstantWorld) -> None:
    ana = world.person("ana")
    tails: list[tuple[Client, int]] = []
    for number in range(4):
        say(world, ana, 5, f"round {number}")
        tail = world.person(f"tail{number}", history=0)
        world.advance(1.0)
        tail.cut_off = True
        tails.append((tail, world.log.head))
        say(world, ana, 5, "unseen")
        restore(world, world.log.head - 2)
    say(world, ana, 3, "new")
    for tail, read_to in tails:
        missed = sum(row.kind == "message" for row in world.log.rows[read_to:])
        assert len(come_back(world, tail)) == missed


def test_an_unknown_log_id_starts_where_the_present_log_id_began(world: InstantWorld) -> None:
    say(world, world.person("ana"), LINES, "line")
    restore(world, 10)
    say(world, world.person("budi"), 3, "new")
    for cursor in (0, 5, 10**9):
        for history in (None, 0, 1):
            assert pretend(world, log_id=ANOTHER, cursor=cursor, history=history).start == 10


@pytest.mark.parametrize("is_former", [True, False])
def test_no_client_starts_before_the_history_it_may_read(is_former: bool) -> None:
    world = InstantWorld(history_on_join=2, limits=LIMITS)
    ana = world.person("ana")
    say(world, ana, LINES, "line")
    before = world.log.log_id
    restore(world, 10)
    say(world, ana, LINES, "for members only")
    assert pretend(world, log_id=before if is_former else ANOTHER, cursor=3).start == world.log.head - 4


def test_a_client_limited_to_recent_history_is_still_notified_of_a_rewind() -> None:
    world = InstantWorld(history_on_join=1, limits=LIMITS)
    ana = world.person("ana")
    say(world, ana, LINES, "old")
    budi = world.person("budi")
    world.advance(1.0)
    budi.cut_off = True
    restore(world, 10, hashed=HASH.replace("$2b$", "$2y$"))  # the tickets are void, so none speaks for budi
    say(world, ana, 2 * LINES, "new")
    assert come_back(world, budi) == [f"new {2 * LINES - 1}"]
    assert budi.last(e.Admitted).rewound


# What a client requests from before the place where it begins.


@pytest.mark.parametrize(
    ("lines", "seen", "gone"),
    [(0, [1, 2], []), (1, [2, 3], [(0, 1)])],
    ids=["nobody has said anything: it may read everything", "somebody has: only what newcomers may read"],
)
def test_a_newcomer_may_know_that_nobody_has_said_anything(
    world: InstantWorld, lines: int, seen: list[int], gone: list[tuple[int, int]]
) -> None:
    say(world, world.person("ana"), lines, "line")
    newcomer = world.person("tom", history=0, earlier=128)
    world.advance(1.0)
    assert (newcomer.seen, newcomer.gone) == (seen, gone)


def test_a_log_of_many_joins_is_not_read_by_newcomers() -> None:
    world = InstantWorld(limits=LIMITS)
    for number in range(EMPTY_LOG):
        world.person(f"person{number}", host=f"10.1.0.{number + 1}")
    newcomer = world.person("tom", history=0, earlier=128)
    world.advance(1.0)
    assert (newcomer.seen, newcomer.gone) == ([], [(0, EMPTY_LOG + 1)])


def test_where_newcomers_get_no_history_they_do_not_learn_that_there_is_none() -> None:
    world = InstantWorld(limits=LIMITS, history_on_join=0)
    world.person("ana")
    newcomer = world.person("tom", history=0, earlier=128)
    world.advance(1.0)
    assert (newcomer.seen, newcomer.gone) == ([], [(0, 2)])


def read_by(world: InstantWorld, cursor: int, log_id: bytes, key: bytes, newest: int | None = None) -> Client:
    """Return a client whose person has read up to a place in an earlier run, and wants 4 entries of context."""
    reader = world.person("tom", key=key, cursor=cursor, log_id=log_id, earlier=4, newest=newest)
    world.advance(3.0)
    return reader


def test_who_has_read_to_a_place_gets_a_little_before_it_and_everything_after(world: InstantWorld) -> None:
    ana, tom = world.person("ana"), world.person("tom")
    say(world, ana, LINES, "line")
    tom.leave()
    reader = read_by(world, 10, world.log.log_id, tom.key)
    admitted = reader.last(e.Admitted)
    assert (admitted.start, admitted.begins, admitted.rewound) == (10, 6, False)
    assert reader.seen == [*range(7, world.log.head + 1)]
    reader.cut_off = True
    say(world, ana, 3, "more")
    world.begin()
    come_back(world, reader)
    again = reader.last(e.Admitted)
    assert again.begins == again.start, "after a loss of contact nothing is repeated"
    assert reader.seen == [*range(7, world.log.head + 1)]


def test_in_a_log_that_was_set_back_the_place_is_where_both_are_the_same(world: InstantWorld) -> None:
    ana, tom = world.person("ana"), world.person("tom")
    say(world, ana, LINES, "line")
    former = world.log.log_id
    restore(world, 8)
    reader = read_by(world, 15, former, tom.key)
    admitted = reader.last(e.Admitted)
    assert (admitted.start, admitted.begins, admitted.rewound) == (8, 4, True)
    assert reader.seen == [*range(5, world.log.head + 1)]
    assert not reader.gone


def test_of_too_much_only_the_newest_is_read(world: InstantWorld) -> None:
    ana, tom = world.person("ana"), world.person("tom")
    say(world, ana, LINES, "line")
    reader = read_by(world, 5, world.log.log_id, tom.key, newest=6)
    admitted, head = reader.last(e.Admitted), world.log.head
    assert (admitted.start, admitted.begins) == (5, admitted.head - 6)
    assert reader.seen == [*range(admitted.head - 5, head + 1)]
    assert not reader.gone
