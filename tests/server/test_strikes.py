"""Lines that are struck at the whole server: by whom, in time, for everybody, and in no datagram afterwards."""

from __future__ import annotations

import pytest
from kit.clients import Client
from kit.instant_world import InstantWorld

from sockatuh.errors import DatabaseUnusable
from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as e
from sockatuh.protocol.server.limits import Limits
from sockatuh.room import orders as o
from sockatuh.room.entries import Message, Struck, Whispered
from sockatuh.room.log import Stretch
from sockatuh.room.striking import OWN_LINE_SECONDS
from sockatuh.server.entry_rate import ENTRIES_BURST
from sockatuh.server.log_reads import ReadRequest

TOM = o.Actor(0, "tom")
SECRET = "the door opens with 4711"


@pytest.fixture
def world() -> InstantWorld:
    return InstantWorld()


def say(who: Client, text: str = SECRET, to: str = "") -> int:
    """Say a line, and return its seq."""
    return who.stored[who.say(text, to=to)]


def order(world: InstantWorld, what: o.Strike) -> list[o.Reply]:
    """Give an order; return the answers so far."""
    answers: list[o.Reply] = []
    world.room_server.orders.carry_out(what, TOM, answers.append, world.now)
    world.settle()
    return answers


def code_of(world: InstantWorld, what: o.Strike) -> str:
    (answer,) = order(world, what)
    assert isinstance(answer, o.OrderDenied), answer
    return answer.code


def refusal(who: Client, seq: int) -> str:
    """Ask for a strike that is refused."""
    number = who.strike(seq)
    refused = who.last(e.RequestRefused)
    assert refused.request == number
    return refused.why.code


def texts(world: InstantWorld) -> list[str]:
    return [body.text for body in world.bodies() if isinstance(body, Message | Whispered)]


def test_a_member_strikes_its_line_and_everybody_is_told(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    seq = say(ana)
    number = ana.strike(seq)
    assert ana.last(e.RequestDone).request == number
    assert texts(world) == [""]
    (struck,) = [body for body in world.bodies() if isinstance(body, Struck)]
    line = world.log.rows[seq - 1]
    assert struck == Struck("ana", ana.fingerprint, seq, line.at)
    for one in (ana, budi):
        entry = one.last(e.EntryArrived).entry
        assert (entry.kind, entry.name, entry.line, entry.line_at) == (m.STRUCK, "ana", seq, line.at)
        assert entry.text == ""


def test_whoever_comes_later_or_asks_again_is_not_shown_the_text(world: InstantWorld) -> None:
    ana = world.person("ana")
    seq = say(ana)
    ana.strike(seq)
    budi = world.person("budi")
    world.until(lambda: bool(budi.all(e.CaughtUp)))
    assert budi.story == [f"ana's line {seq} was struck", "budi joined"]
    assert not budi.all(e.EntriesGone), "its number is no gap"


@pytest.mark.parametrize("recent_entries", [8_192, 2])
def test_from_memory_and_from_the_database_the_rest_is_read_without_it(recent_entries: int) -> None:
    world = InstantWorld(limits=Limits(recent_entries=recent_entries, lines_burst=100))
    ana = world.person("ana")
    for count in range(5):
        say(ana, f"line {count}")
    seq = say(ana)
    for count in range(5):
        say(ana, f"more {count}")
    ana.strike(seq)
    budi = world.person("budi")
    world.until(lambda: bool(budi.all(e.CaughtUp)))
    assert SECRET not in budi.texts
    assert [text for text in budi.texts if text.startswith(("line", "more"))] == [
        *(f"line {count}" for count in range(5)),
        *(f"more {count}" for count in range(5)),
    ]


def test_what_was_being_read_when_the_line_was_struck_is_read_again(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    seq = say(ana)
    server = world.room_server
    (session,) = (visitor.session for visitor, name in server._joining.names() if name == "budi")
    request = ReadRequest(session, seq - 1, seq)
    server._reads.add(request)
    assert server.take_read() == request
    before = Stretch(list(world.log.rows[seq - 1 : seq]), seq)
    ana.strike(seq)
    told = len(budi.texts)
    server.answer_read(request, before)
    assert server.take_read() == request, "it is asked for again"
    server.answer_read(request, Stretch(list(world.log.rows[seq - 1 : seq]), seq))
    world.settle()
    assert SECRET not in budi.texts[told:]


def test_a_private_line_is_struck_for_the_two_it_was_between(world: InstantWorld) -> None:
    ana, budi, eva = world.person("ana"), world.person("budi"), world.person("eva")
    seq = say(ana, to="budi")
    assert refusal(budi, seq) == "not_yours"
    assert refusal(eva, seq) == "no_such_line"
    ana.strike(seq)
    for one in (ana, budi):
        assert one.story[-1] == f"ana's line {seq} was struck"
    assert "struck" not in " ".join(eva.story)
    ana.say("soup")
    assert eva.story[-1] == "ana: soup"
    assert not eva.all(e.EntriesGone)


def test_a_line_is_its_authors_for_a_while_under_any_name_and_from_any_session(world: InstantWorld) -> None:
    ana = world.person("ana")
    phone = world.person("ana", key=ana.key)
    first, second, third = say(ana), say(ana), say(ana)
    ana.rename("anna")
    phone.strike(first)
    ana.strike(second)
    assert texts(world) == ["", "", SECRET]
    world.advance(OWN_LINE_SECONDS + 1)
    assert refusal(ana, third) == "too_late"
    assert texts(world)[-1] == SECRET


def test_what_cannot_be_struck_is_refused_in_a_word_each(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("budi")
    seq = say(ana)
    joined = next(row.seq for row in world.log.rows if row.kind == "joined")
    assert refusal(ana, joined) == "not_a_line"
    assert refusal(budi, seq) == "not_yours"
    assert [refusal(ana, each) for each in (0, 99, 2**63 - 1)] == 3 * ["no_such_line"]
    ana.strike(seq)
    assert refusal(ana, seq) == "struck_already"
    assert world.kinds().count("struck") == 1


@pytest.mark.parametrize("role", [m.SCRIPT, m.READER])
def test_guests_strike_nothing(world: InstantWorld, role: int) -> None:
    world.person("ana")
    assert refusal(world.person("bot", role=role), 1) == "only_members"


def test_strikes_have_the_rate_of_joins_and_renames(world: InstantWorld) -> None:
    ana = world.person("ana")
    seq = say(ana)
    for _ in range(ENTRIES_BURST - 1):
        assert refusal(ana, seq + 50) == "no_such_line"
    assert refusal(ana, seq) == "busy"
    world.advance(7.0)
    ana.strike(seq)
    assert texts(world) == [""]


def test_who_is_muted_may_strike(world: InstantWorld) -> None:
    ana = world.person("ana")
    seq = say(ana)
    world.room_server.orders.carry_out(o.Mute(name="ana"), TOM, lambda _: None, world.now)
    world.settle()
    ana.strike(seq)
    assert texts(world) == [""]


def test_the_admin_strikes_by_number_and_somebodys_last_line_by_name(world: InstantWorld) -> None:
    ana, budi = world.person("ana"), world.person("Budi")
    first, second = say(ana, "one"), say(budi, "two")
    third = say(ana, "three", to="Budi")
    (reply,) = order(world, o.Strike(seq=second, reason="spam\x1b[2J"))
    assert isinstance(reply, o.LineStruck)
    assert (reply.seq, reply.line, reply.name, reply.to) == (world.log.head, second, "Budi", "")
    body = world.bodies()[-1]
    assert isinstance(body, Struck)
    assert (body.by, body.as_, body.reason) == (0, "tom", "spam")
    (reply,) = order(world, o.Strike(last="ANA"))
    assert isinstance(reply, o.LineStruck)
    assert (reply.line, reply.name, reply.to) == (third, "ana", "Budi")
    (reply,) = order(world, o.Strike(last="ana"))
    assert isinstance(reply, o.LineStruck)
    assert reply.line == first, "the last one that is still there"
    assert texts(world) == ["", "", ""]
    world.advance(OWN_LINE_SECONDS + 1)
    late = say(ana)
    world.advance(OWN_LINE_SECONDS + 1)
    assert isinstance(order(world, o.Strike(seq=late))[0], o.LineStruck), "the admin has time"


@pytest.mark.parametrize(
    ("what", "code"),
    [
        (o.Strike(), "unknown"),
        (o.Strike(seq=1, last="ana"), "unknown"),
        (o.Strike(seq=1), "not_a_line"),
        (o.Strike(seq=99), "no_such_line"),
        (o.Strike(last="nobody"), "no_such_line"),
        (o.Strike(last="budi"), "no_such_line"),
        (o.Strike(last="  \x1b[2J"), "no_such_line"),
        (o.Strike(seq=1, reason="x" * 201), "text_too_long"),
    ],
)
def test_what_the_admin_cannot_strike(world: InstantWorld, what: o.Strike, code: str) -> None:
    world.person("ana").say("one")
    world.person("budi")
    assert code_of(world, what) == code


def test_of_two_who_strike_a_line_at_once_one_is_told_that_it_is_gone(world: InstantWorld) -> None:
    ana = world.person("ana")
    seq = say(ana)
    world.writer_busy = True
    answers: list[o.Reply] = []
    for _ in range(2):
        world.room_server.orders.carry_out(o.Strike(seq=seq), TOM, answers.append, world.now)
    world.settle()
    assert answers == []
    world.writer_busy = False
    world.settle()
    assert sorted(type(answer).__name__ for answer in answers) == ["LineStruck", "OrderDenied"]
    assert [answer.code for answer in answers if isinstance(answer, o.OrderDenied)] == ["struck_already"]
    assert world.kinds().count("struck") == 1


def test_an_order_that_cannot_be_stored_is_answered_and_carried_out_later(world: InstantWorld) -> None:
    ana = world.person("ana")
    seq = say(ana)
    world.log.error = DatabaseUnusable("room.db", "the disk is full")
    answers = order(world, o.Strike(seq=seq))
    number = ana.strike(seq)
    world.advance(o.STORED_WITHIN + 1)
    assert [type(answer) for answer in answers] == [o.OrderDenied]
    assert ana.all(e.LinesHeld), "the member's client knows that it waits"
    world.log.error = None
    world.advance(2.0)
    assert texts(world) == [""]
    assert world.kinds().count("struck") == 1
    assert len(answers) == 1
    refused = ana.last(e.RequestRefused)
    assert (refused.request, refused.why.code) == (number, "struck_already")


def test_a_strike_that_is_refused_after_its_answer_is_in_the_servers_log(world: InstantWorld) -> None:
    seq = say(world.person("ana"))
    world.log.error = DatabaseUnusable("room.db", "the disk is full")
    order(world, o.Strike(seq=seq))
    order(world, o.Strike(seq=seq))
    world.advance(o.STORED_WITHIN + 1)
    assert world.diary.of("order_dropped") == []
    world.log.error = None
    world.advance(2.0)
    assert world.diary.of("order_dropped") == [
        {"order": "strike", "target": str(seq), "code": "struck_already", "by": 0, "as": "tom"}
    ]


def test_no_more_orders_wait_than_the_bound(world: InstantWorld) -> None:
    ana = world.person("ana")
    seq = say(ana)
    world.writer_busy = True
    answers: list[o.Reply] = []
    for _ in range(o.MAX_UNDER_WAY + 1):
        world.room_server.orders.carry_out(o.Strike(seq=seq), TOM, answers.append, world.now)
    assert answers == [o.OrderDenied(code="busy")], "it is not queued"
    world.advance(o.STORED_WITHIN + 1)
    assert answers[1:] == [o.OrderDenied(code="not_stored")] * o.MAX_UNDER_WAY
    world.room_server.orders.carry_out(o.Strike(seq=seq), TOM, answers.append, world.now)
    assert answers[-1] == o.OrderDenied(code="busy"), "those that have their answer wait still"


def test_a_line_that_cannot_be_read_is_asked_for_again_until_it_is_struck(world: InstantWorld) -> None:
    ana = world.person("ana")
    seq = say(ana)
    server, answers = world.room_server, list[o.Reply]()
    server.orders.carry_out(o.Strike(seq=seq), TOM, answers.append, world.now)
    for second in range(1, 8):
        request = server.take_read()
        assert request is not None
        assert server.take_read() is None
        server.answer_read(request, None)
        server.handle_timer(world.now + second)
    assert answers == [o.OrderDenied(code="not_stored")], "told once, after five seconds"
    world.settle()
    assert texts(world) == [""]
    assert len(answers) == 1


def test_a_member_whose_line_cannot_be_read_is_to_try_again(world: InstantWorld) -> None:
    ana = world.person("ana")
    seq = say(ana)
    (visitor,) = (visitor for visitor, _ in world.room_server._joining.names())
    world.room_server._strikes.strike_own(visitor, 99, seq, world.now)
    request = world.room_server.take_read()
    assert request is not None
    world.room_server.answer_read(request, None)
    assert world.room_server.take_read() is None
    assert texts(world) == [SECRET]


def test_of_a_classic_members_line_the_admin_alone_can_remove_the_text(world: InstantWorld) -> None:
    ana, teletype, other = world.person("ana"), world.teletype(), world.teletype()
    teletype.join("ben")
    other.join("cici")
    teletype.send(SECRET.encode())
    assert other.received[-1] == f"ben: {SECRET}".encode()
    seq = world.log.head
    assert refusal(ana, seq) == "not_yours"
    before = len(other.received)
    (reply,) = order(world, o.Strike(last="ben"))
    assert isinstance(reply, o.LineStruck)
    assert ana.story[-1] == f"ben's line {seq} was struck"
    assert other.received[before:] == [], "there is no word for it in that dialect"
    assert texts(world) == [""]
