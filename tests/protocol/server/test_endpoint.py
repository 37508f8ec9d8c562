"""The server's core: strangers get nothing, sessions open and end as they should, and members receive everything."""

from __future__ import annotations

import random
import struct
from typing import Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.bare_room import (
    ELSEWHERE,
    HOME,
    IDENTITY,
    LOG_ID,
    PASSWORD,
    SERVER,
    START,
    STRANGER,
    BareRoom,
    entry,
    pack_address,
)
from kit.footprint import footprint
from kit.password_hash import COST, OTHER_SALT, SALT, quick_hash
from kit.raw_client import RawClient

from sockatuh.protocol import messages as m
from sockatuh.protocol.constants import (
    COOKIE,
    COOKIE_SIZE,
    DATA,
    HELLO,
    HELLO_SIZE,
    INIT,
    INIT_SIZE,
    INIT_TICKET_SIZE,
    MIN_DATA,
    OLD_CHANNEL_SECONDS,
    RESET,
    RESET_SIZE,
    RESP,
    RESP_SIZE,
)
from sockatuh.protocol.datagrams import reset_token
from sockatuh.protocol.password_proof import PROOF_SIZE, PasswordHash
from sockatuh.protocol.seam import Address
from sockatuh.protocol.server import events as ev
from sockatuh.protocol.server.limits import Limits
from sockatuh.protocol.server.session import ResumePoint
from sockatuh.protocol.server.tickets import Ticket

PLENTY: Final = Limits(handshakes_per_address=1e6, handshakes_burst=1_000_000)


class Recorder(RawClient):
    """A guest that records its datagrams and those of the bare_room."""

    def __init__(self, bare_room: BareRoom, address: Address = HOME, *, seed: int | str = "guest") -> None:
        super().__init__(bare_room, address, seed=seed)
        self.recorded: list[bytes] = []

    def send_raw(self, data: bytes, address: Address | None = None) -> list[bytes]:
        answers = super().send_raw(data, address)
        self.recorded += [data, *answers]
        return answers


def fresh() -> Recorder:
    return Recorder(BareRoom())


def pending() -> Recorder:
    guest = fresh()
    guest.shake()
    return guest


def opened() -> Recorder:
    guest = pending()
    guest.send(m.Ping(bytes(8)))
    return guest


def joined() -> Recorder:
    guest = opened()
    guest.join()
    guest.say(1, "hello")
    guest.send(m.Ack(1))
    return guest


def speaking() -> Recorder:
    """A member with lines that wait for the log, for a missing part, and for the rate."""
    guest = joined()
    guest.bare_room.storing = False
    for number in range(2, 90):
        guest.say(number, "hello")
    guest.send(m.Say(95, 1, False, 1, 3, b"part"))
    return guest


def rekeying() -> Recorder:
    guest = joined()
    guest.rekey()
    return guest


def rekeyed() -> Recorder:
    guest = rekeying()
    guest.send(m.Ping(bytes(8)))
    return guest


def roaming() -> Recorder:
    guest = joined()
    guest.send(m.Ping(bytes(8)), ELSEWHERE)
    guest.wait(0.01)
    return guest


def left() -> Recorder:
    guest = joined()
    guest.call(m.Leave())
    return guest


def restarted() -> Recorder:
    guest = joined()
    guest.bare_room.restart()
    return guest


STATES: Final = (fresh, pending, opened, joined, speaking, rekeying, rekeyed, roaming, left, restarted)

SIZES: Final = (
    MIN_DATA - 1, MIN_DATA, RESET_SIZE, COOKIE_SIZE, HELLO_SIZE, RESP_SIZE, INIT_SIZE, INIT_TICKET_SIZE, 1200, 1201,
)  # fmt: skip


def spoil(data: bytes, dice: random.Random, others: list[bytes]) -> bytes:
    """Flip a bit of a datagram, shorten it, lengthen it, or combine it with another."""
    at = dice.randrange(len(data)) if data else 0
    match dice.randrange(5):
        case 0 if data:
            return data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1 :]
        case 1:
            return data[:at]
        case 2:
            return data + dice.randbytes(dice.randint(1, 40))
        case 3:
            other = dice.choice(others)
            return data[:at] + other[at:]
        case _:
            return bytes([dice.choice(range(HELLO, RESET + 1))]) + data[1:]


def junk(dice: random.Random, recorded: list[bytes]) -> bytes:
    """Return a datagram that a stranger might send."""
    match dice.randrange(4):
        case 0:
            return dice.randbytes(dice.randint(0, 1300))
        case 1:
            return bytes([dice.choice(range(HELLO - 1, RESET + 2))]) + dice.randbytes(dice.choice(SIZES) - 1)
        case 2 if recorded:
            return dice.choice(recorded)
        case _ if recorded:
            return spoil(dice.choice(recorded), dice, recorded)
        case _:
            return b""


# Strangers.


@pytest.mark.parametrize("state", STATES)
@settings(max_examples=12)
@given(seed=st.integers(0, 2**32))
def test_whatever_a_stranger_sends_he_gets_back_no_more_and_nothing_is_kept(state: object, seed: int) -> None:
    assert callable(state)
    guest: Recorder = state()
    endpoint, dice = guest.bare_room.endpoint, random.Random(seed)
    before, events = footprint(endpoint), len(guest.bare_room.events)
    came, went = 0, 0
    for _ in range(40):
        data = junk(dice, guest.recorded)
        sent = guest.bare_room.receive(data, STRANGER, guest.now)
        assert all(address == STRANGER for _, address in sent)
        assert sum(len(answer) for answer, _ in sent) <= len(data)
        came, went = came + len(data), went + sum(len(answer) for answer, _ in sent)
    assert went <= came
    assert len(guest.bare_room.events) == events
    assert footprint(endpoint) == before
    assert sum(endpoint.dropped.values()) > 0


@pytest.mark.parametrize("state", STATES)
@settings(max_examples=8)
@given(seed=st.integers(0, 2**32))
def test_no_forged_datagram_breaks_anything_or_stops_the_member(state: object, seed: int) -> None:
    assert callable(state)
    guest: Recorder = state()
    bare_room, dice = guest.bare_room, random.Random(seed)
    for _ in range(40):
        data = junk(dice, guest.recorded)
        sent = bare_room.receive(data, guest.address, guest.now)
        # The INIT of a pending handshake may be answered again; everything else here is old or damaged.
        assert sum(len(answer) for answer, _ in sent) <= len(data)
    if state in (pending, opened, joined, speaking, rekeying, rekeyed, roaming):
        assert m.Pong(b"go on...", bare_room.head) in guest.send(m.Ping(b"go on..."))
    else:
        assert RawClient(bare_room, ELSEWHERE, seed="another").shake().join()


@pytest.mark.parametrize("kind", [COOKIE, RESP, RESET, 0x00, 0x41, 0x80, 0xB0, 0xB7, 0xFF])
def test_what_only_a_server_sends_is_never_answered(kind: int, member: RawClient) -> None:
    for size in SIZES:
        assert member.send_raw(bytes([kind]) * size) == []
    assert member.bare_room.endpoint.dropped == {"type": len(SIZES)}


def test_empty_and_overlong_datagrams_are_never_answered(bare_room: BareRoom) -> None:
    guest = RawClient(bare_room)
    assert guest.send_raw(b"") == []
    for kind in range(HELLO, RESET + 1):
        assert guest.send_raw(bytes([kind]) * 1201) == []
    assert guest.send_raw(bytes([DATA]) * (MIN_DATA - 1)) == []
    assert bare_room.endpoint.dropped == {"type": 8}


def test_a_servers_own_datagrams_are_not_answered_when_they_come_back() -> None:
    guest = rekeyed()
    answers = [data for data in guest.recorded if data[0] in (COOKIE, RESP, RESET)]
    assert {data[0] for data in answers} == {COOKIE, RESP}
    for data in answers:
        assert guest.send_raw(data) == []


@pytest.mark.parametrize("state", STATES)
def test_two_servers_pointed_at_each_other_fall_silent(state: object) -> None:
    assert callable(state)
    guest: Recorder = state()
    other: Address = ("10.0.0.2", 7625)
    rooms = {SERVER: guest.bare_room, other: BareRoom(seed="other")}
    begun = [*guest.recorded, bytes([DATA]) + bytes(40), bytes([INIT]) + bytes(255), bytes([HELLO]) + bytes(127)]
    waiting = [(data, SERVER, other) for data in begun] + [(data, other, SERVER) for data in begun]
    rounds = 0
    while waiting:
        rounds += 1
        answers: list[tuple[bytes, Address, Address]] = []
        for data, source, target in waiting:
            sent = rooms[target].receive(data, source, guest.now)
            answers += [(answer, target, to) for answer, to in sent if to in rooms]
        waiting = answers
    assert rounds <= 3


def test_dropped_datagrams_are_counted_by_reason(member: RawClient) -> None:
    dropped = member.bare_room.endpoint.dropped
    member.send_raw(b"junk")
    member.send_raw(bytes([HELLO]) + bytes(5))
    member.send_raw(bytes([DATA]) + b"unknown" + bytes(40))
    member.send_raw(member.channel.seal(b"no message"))
    member.send_raw(member.channel.seal(b"spoilt")[:-1] + b"\0")
    assert dropped == {"type": 1, "size": 1, "unknown_session": 1, "message": 1, "seal": 1}


# From handshake to session.


def test_a_session_opens_with_the_first_valid_datagram_and_not_before(bare_room: BareRoom) -> None:
    guest = RawClient(bare_room).shake()
    assert len(bare_room.endpoint) == 0
    datagram = guest.channel.seal(m.encode(m.Ping(bytes(8))))
    assert guest.send_raw(datagram[:-1] + bytes([datagram[-1] ^ 1])) == []
    assert (len(bare_room.endpoint), bare_room.events) == (0, [])
    assert guest.send_raw(datagram)
    cid = guest.payload.server_cid
    assert bare_room.events == [ev.SessionOpened(cid, HOME, guest.key, "a test", False)]
    assert len(bare_room.endpoint) == 1
    assert len(bare_room.endpoint._door) == 0


def test_a_first_datagram_that_means_nothing_opens_a_session_too(bare_room: BareRoom) -> None:
    guest = RawClient(bare_room).shake()
    guest.send_raw(guest.channel.seal(b"\xc1"))
    assert len(bare_room.of(ev.SessionOpened)) == 1
    assert guest.send(m.Ping(bytes(8)))


def test_a_first_datagram_from_another_address_opens_it_where_the_handshake_was_and_asks_there(
    bare_room: BareRoom,
) -> None:
    guest = RawClient(bare_room).shake()
    assert guest.send(m.Ping(bytes(8)), ELSEWHERE) == []
    assert [address for _, address in guest.elsewhere] == [HOME]
    assert bare_room.of(ev.SessionMoved) == []
    assert [type(each) for each in guest.wait(0)] == [m.PathChallenge]


def test_a_session_that_does_not_join_is_closed_after_thirty_seconds_and_told(bare_room: BareRoom) -> None:
    guest = RawClient(bare_room).shake()
    guest.send(m.Ping(bytes(8)))
    for _ in range(2):
        guest.wait(14.9)
        guest.send(m.Ping(bytes(8)))
    assert len(bare_room.endpoint) == 1
    assert guest.wait(1.3) == [m.Closed("join_timeout", 0)]
    (closed,) = bare_room.of(ev.SessionClosed)
    assert isinstance(closed, ev.SessionClosed)
    assert (closed.cid, closed.reason) == (guest.payload.server_cid, "join_timeout")
    assert 30.0 <= closed.seconds <= 31.1


def test_a_session_whose_password_is_being_checked_is_not_closed_meanwhile(bare_room: BareRoom) -> None:
    guest = RawClient(bare_room).shake()
    join = guest.prove()
    bare_room.answering = False
    guest.call(join)
    for _ in range(5):
        guest.wait(10.0)
        guest.send(m.Ping(bytes(8)))
    assert len(bare_room.endpoint) == 1, "it is the server that takes its time"
    bare_room.endpoint.answer(guest.payload.server_cid, 2, m.Refused("password_wrong", 0))
    guest.wait(29.0)
    assert len(bare_room.endpoint) == 1
    guest.wait(3.0)
    assert len(bare_room.endpoint) == 0


@pytest.mark.parametrize("proof", [None, b"", bytes(PROOF_SIZE)], ids=["name", "offer", "proof"])
def test_a_session_that_keeps_asking_to_join_is_closed_after_five_minutes(
    bare_room: BareRoom, proof: bytes | None
) -> None:
    guest = RawClient(bare_room).shake()
    for _ in range(14):
        guest.call(m.Join("ana", proof, None))
        guest.wait(20)
    assert len(bare_room.endpoint) == 1
    guest.call(m.Join("ana", proof, None))
    assert m.Closed("join_timeout", 0) in guest.wait(21)
    assert len(bare_room.endpoint) == 0


def test_a_silent_session_is_closed_after_eighty_seconds_and_told(member: RawClient) -> None:
    member.wait(79.5)
    member.send(m.Ack(0))
    member.wait(79.5)
    assert len(member.bare_room.endpoint) == 1
    assert member.wait(2.0) == [m.Closed("idle", 0)]
    assert [event.reason for event in member.bare_room.events if isinstance(event, ev.SessionClosed)] == ["idle"]
    assert member.bare_room.endpoint.get_timer() is None


def test_nobody_was_silent_while_the_server_itself_stood_still(member: RawClient) -> None:
    endpoint = member.bare_room.endpoint
    endpoint.handle_timer(START + 200.0)
    assert len(endpoint) == 1, "what came meanwhile waits to be read"
    member.now = START + 200.5
    assert member.send(m.Ping(bytes(8))) == [m.Pong(bytes(8), endpoint.head)]
    assert member.wait(79.0) == []
    assert member.wait(3.0) == [m.Closed("idle", 0)]


def test_only_what_is_authentic_keeps_a_session_alive(member: RawClient) -> None:
    old = member.channel.seal(m.encode(m.Ping(bytes(8))))
    member.send_raw(old)
    member.wait(79.0)
    member.send_raw(old)
    member.send_raw(member.channel.seal(b"x")[:-1] + b"\0")
    assert m.Closed("idle", 0) in member.wait(3.0)


def test_the_same_client_again_replaces_its_session(member: RawClient) -> None:
    again = RawClient(member.bare_room, ELSEWHERE)
    again.shake().join()
    assert (again.key, again.stream) == (member.key, member.stream)
    bare_room = member.bare_room
    assert len(bare_room.endpoint) == 1
    assert [event.reason for event in bare_room.events if isinstance(event, ev.SessionClosed)] == ["replaced"]
    kinds = [type(event) for event in bare_room.events]
    assert kinds.index(ev.SessionClosed) < kinds.index(ev.SessionOpened, 1), "the old one ends before the new begins"
    assert member.send(m.Ping(bytes(8))) == []


def test_a_second_program_of_the_same_key_has_a_session_of_its_own(member: RawClient) -> None:
    second = RawClient(member.bare_room, ELSEWHERE)
    second.stream = b"another!"
    second.shake().join()
    assert len(member.bare_room.endpoint) == 2
    assert member.send(m.Ping(bytes(8)))


def test_of_too_many_sessions_of_one_key_the_longest_silent_is_closed() -> None:
    bare_room = BareRoom(Limits(sessions_per_key=2))
    guests = [RawClient(bare_room, (f"10.0.1.{n}", 1), now=START + n) for n in range(3)]
    for n, guest in enumerate(guests):
        guest.stream, guest.nonce = bytes([n]) * 8, bytes([n]) * 8
    guests[0].shake().join()
    guests[1].shake().join()
    guests[0].now = START + 1.5
    guests[0].send(m.Ping(bytes(8)))
    guests[2].shake().join()
    assert len(bare_room.endpoint) == 2
    assert guests[1].read(guests[2].elsewhere) == [m.Closed("too_many_sessions", 0)]
    assert guests[0].send(m.Ping(bytes(8)))


def test_when_there_are_too_many_sessions_the_new_one_is_told_and_not_opened() -> None:
    bare_room = BareRoom(Limits(sessions=2))
    for n in range(2):
        RawClient(bare_room, seed=n).shake().join()
    late = RawClient(bare_room, seed=9).shake()
    assert late.call(m.Join("late", b"", None)) == [m.Closed("crowded", 5000)]
    assert len(bare_room.endpoint) == 2
    assert len(bare_room.endpoint._door) == 0
    assert bare_room.events[-1] == ev.HandshakeRefused(HOME, "crowded")


def test_ended_sessions_leave_nothing_behind() -> None:
    bare_room = BareRoom(PLENTY)
    warm = RawClient(bare_room, seed="warm").shake().join()
    warm.say(1, "hello")
    warm.call(m.Leave())
    warm.wait(3.0)
    before = footprint(bare_room.endpoint)
    for n in range(5):
        guest = RawClient(bare_room, seed=n, now=warm.now).shake().join()
        guest.say(1, "hello")
        guest.rekey()
        guest.send(m.Ping(bytes(8)), ELSEWHERE)
        guest.call(m.Leave())
        warm.now = guest.now + 3
        bare_room.timer(warm.now)
    assert len(bare_room.endpoint) == 0
    # For each: a used cookie, the bucket of a speaker, and the entry in the log with its five fields.
    assert footprint(bare_room.endpoint) - before <= 5 * (1 + 1 + 6)
    assert bare_room.endpoint.get_timer() is None


# Joining and leaving.


def test_name_then_password_then_welcome(bare_room: BareRoom) -> None:
    guest = RawClient(bare_room).shake()
    guest.call(m.Join("taken", None, None))
    assert guest.answer() == m.Refused("name_taken", 0, "taken")
    guest.call(m.Join("ana", None, None))
    offer = guest.answer()
    assert isinstance(offer, m.NameValid)
    assert (offer.name, offer.kind, len(offer.share), offer.salt, offer.cost) == ("ana", 0, 32, SALT, COST)
    guest.call(guest.prove_by(offer, "ana", b"wrong"))
    assert guest.answer() == m.Refused("password_wrong", 5_000)
    guest.call(guest.prove("ana", history=7))
    welcome = guest.answer()
    assert isinstance(welcome, m.Welcome)
    assert (welcome.name, welcome.log_id, welcome.start, welcome.head) == ("ana", LOG_ID, 0, 0)
    assert bare_room.tickets.open_untrusted(welcome.ticket, guest.key) == Ticket("ana", LOG_ID, 0)
    assert [event.history for event in bare_room.events if isinstance(event, ev.JoinAsked)] == [None, None, None, 7]
    assert guest.proof.is_answered_by(welcome.confirmation)


def test_with_a_ticket_neither_name_nor_password_is_needed(member: RawClient) -> None:
    welcome = member.answer()
    assert isinstance(welcome, m.Welcome)
    again = RawClient(member.bare_room, ELSEWHERE).shake(ticket=welcome.ticket)
    again.call(m.Join(None, None, None))
    assert isinstance(again.answer(), m.Welcome)
    asked = member.bare_room.events[-1]
    assert isinstance(asked, ev.JoinAsked)
    assert (asked.name, asked.has_proof, asked.by_ticket) == ("ana", False, True)


def test_before_welcome_only_calls_pings_paths_and_keys_are_processed(bare_room: BareRoom) -> None:
    bare_room.publish(entry(1), head=1, now=START)
    guest = RawClient(bare_room).shake()
    guest.send(m.Ping(bytes(8)))
    assert guest.say(1, "hello") == []
    assert guest.send(m.Get(0, 1)) == []
    assert guest.send(m.Ack(1)) == []
    assert guest.call(m.Who("")) == [m.Answer(1, m.Refused("not_joined"))]
    assert [type(event) for event in bare_room.events] == [ev.SessionOpened]
    assert [type(each) for each in guest.send(guest.make_rekey(9)[0])] == [m.Rekeyed]
    assert guest.call(m.Leave()) == [m.Answer(2, m.Goodbye())]


def test_a_session_that_has_not_joined_receives_nothing_of_the_room(bare_room: BareRoom) -> None:
    guest = RawClient(bare_room).shake()
    guest.send(m.Ping(bytes(8)))
    assert guest.read(bare_room.publish(entry(1), head=1, now=START)) == []


def test_leave_is_answered_and_ends_the_session(member: RawClient) -> None:
    assert member.call(m.Leave()) == [m.Answer(3, m.Goodbye())]
    (closed,) = member.bare_room.of(ev.SessionClosed)
    assert isinstance(closed, ev.SessionClosed)
    assert (closed.reason, closed.seconds) == ("left", 0.0)
    assert len(member.bare_room.endpoint) == 0


def test_a_repeated_call_gets_the_same_answer_without_being_asked_twice(member: RawClient) -> None:
    (first,) = member.call(m.Who(""))
    assert member.send(m.Call(member.calls, m.Who(""))) == [first]
    assert len(member.bare_room.of(ev.WhoAsked)) == 1
    assert member.send(m.Call(1, m.Join("ana", b"", None))) == [], "older calls are dropped"


def test_how_far_a_client_has_read_is_known_to_the_bridge(bare_room: BareRoom) -> None:
    guest = RawClient(bare_room).shake(log_id=LOG_ID, cursor=40)
    guest.send(m.Ping(bytes(8)))
    assert bare_room.endpoint.resume_point_of(guest.payload.server_cid) == ResumePoint(LOG_ID, 40, None)
    assert bare_room.endpoint.resume_point_of(99) == ResumePoint(None, 0, None)


def test_a_ticket_says_how_far_the_log_had_come_when_it_was_given(bare_room: BareRoom) -> None:
    bare_room.publish(*(entry(seq) for seq in range(1, 8)), head=7, now=START)
    guest = RawClient(bare_room).shake().join()
    welcome = guest.answer()
    assert isinstance(welcome, m.Welcome)
    again = RawClient(bare_room, ELSEWHERE).shake(ticket=welcome.ticket)
    again.send(m.Ping(bytes(8)))
    assert bare_room.endpoint.resume_point_of(again.payload.server_cid).ticket == Ticket("ana", LOG_ID, 7)


def test_commands_for_a_session_that_is_gone_are_no_mistake(bare_room: BareRoom) -> None:
    endpoint = bare_room.endpoint
    endpoint.answer(99, 1, m.Goodbye())
    endpoint.answer_lines([(99, 1, 1)], START)
    endpoint.supply(99, 0, 1, [entry(1)])
    endpoint.close(99, "closing")
    assert not endpoint.admit(99, 1, "ana", 0, 0, START)
    assert endpoint.datagrams_to_send() == []
    assert endpoint.next_event() is None


def test_a_session_can_be_closed_from_this_side_and_is_told_why(member: RawClient) -> None:
    member.bare_room.endpoint.close(member.payload.server_cid, "closing", 700)
    assert member.read(member.bare_room.settle(START)) == [m.Closed("closing", 700)]
    assert len(member.bare_room.endpoint) == 0
    assert member.bare_room.of(ev.SessionClosed) == [], "who closes it knows"


def test_nothing_is_sent_after_the_end_of_a_session(member: RawClient) -> None:
    member.bare_room.storing = False
    member.say(1, "hello")
    cid = member.payload.server_cid
    member.bare_room.endpoint.answer_lines([(cid, 1, 1)], START)
    member.bare_room.endpoint.close(cid, "closing")
    assert member.read(member.bare_room.settle(START)) == [m.Closed("closing", 0)]


def test_a_server_that_stops_closes_all_sessions(member: RawClient) -> None:
    other = RawClient(member.bare_room, ELSEWHERE, seed=2).shake().join("budi")
    member.bare_room.endpoint.close_all("restarting")
    sent = member.bare_room.settle(START)
    assert member.read(sent) == other.read(sent) == [m.Closed("restarting", 0)]
    assert len(member.bare_room.endpoint) == 0


# Keeping alive.


def test_a_ping_is_answered_with_its_nonce_and_the_head(member: RawClient) -> None:
    member.bare_room.publish(entry(1), head=4, now=START)
    assert m.Pong(b"are you?", 4) in member.send(m.Ping(b"are you?"))


def test_clients_acknowledge_less_often_the_more_there_are() -> None:
    bare_room = BareRoom(Limits(ack_milliseconds=1, handshakes_burst=1000))
    for n in range(30):
        guest = RawClient(bare_room, seed=n).shake().join()
    assert guest.payload.ack_ms == 7, "0.25 ms for each of the 29 before"
    assert bare_room.endpoint._fanout.ack_seconds == pytest.approx(0.0075)


# Lines and entries.


def test_everybody_receives_each_line_in_one_order_and_so_does_the_speaker(member: RawClient) -> None:
    other = RawClient(member.bare_room, ELSEWHERE, seed=2).shake().join("budi")
    for number in range(1, 4):
        other.say(number, f"from budi {number}")
        member.read(other.elsewhere)
        member.say(number, f"from ana {number}")
        other.read(member.elsewhere)
    expected = [f"from {name} {number}" for number in range(1, 4) for name in ("budi", "ana")]
    assert received_texts(member) == received_texts(other) == member.bare_room.texts() == expected
    assert [each for each in member.received if isinstance(each, m.Stored)] == [
        m.Stored(((number, 2 * number),)) for number in range(1, 4)
    ]


def received_texts(guest: RawClient) -> list[str]:
    items = [item for each in guest.received if isinstance(each, m.Entries) for item in each.items]
    return [m.decode_entry_untrusted(item).text for item in items]


def test_entries_committed_together_travel_in_one_datagram(member: RawClient) -> None:
    sent = member.bare_room.publish(*[entry(seq) for seq in range(1, 9)], head=8, now=START)
    assert len(sent) == 1


def test_a_line_is_answered_again_when_it_is_said_again_also_in_a_later_session(member: RawClient) -> None:
    member.say(1, "once")
    again = RawClient(member.bare_room, ELSEWHERE).shake().join()
    assert m.Stored(((1, 1),)) in again.say(1, "once")
    assert member.bare_room.texts() == ["once"]


def test_lines_over_the_rate_come_later_by_the_timer() -> None:
    member = RawClient(BareRoom(Limits(lines_per_second=10, lines_burst=2))).shake().join()
    for number in range(1, 5):
        member.say(number, f"line {number}")
    assert member.bare_room.texts() == ["line 1", "line 2"]
    assert [each.wait_ms for each in member.received if isinstance(each, m.Progress)] == [101]
    member.wait(0.1)
    assert member.bare_room.texts() == ["line 1", "line 2", "line 3"]
    member.wait(0.1)
    assert member.bare_room.texts() == ["line 1", "line 2", "line 3", "line 4"]


def test_while_the_log_takes_nothing_lines_wait_and_are_released_afterwards(member: RawClient) -> None:
    endpoint = member.bare_room.endpoint
    endpoint.hold_lines(True, START)
    for number in range(1, 4):
        member.say(number, f"line {number}")
    assert member.bare_room.texts() == []
    endpoint.hold_lines(False, START)
    member.read(member.bare_room.settle(START))
    assert member.bare_room.texts() == ["line 1", "line 2", "line 3"]
    assert m.Stored(((1, 1), (2, 2), (3, 3))) in member.received


def test_a_session_that_ends_while_its_lines_wait_is_forgotten_by_the_timer() -> None:
    member = RawClient(BareRoom(Limits(lines_per_second=10, lines_burst=1))).shake().join()
    member.say(1, "one")
    member.say(2, "two")
    member.call(m.Leave())
    member.wait(1.0)
    assert member.bare_room.texts() == ["one"]
    assert len(member.bare_room.endpoint._requests.throttled) == 0


def test_a_script_speaks_and_asks_but_receives_no_entries(bare_room: BareRoom) -> None:
    script = RawClient(bare_room).shake(flags=1).join()
    assert script.say(1, "from a script") == [m.Stored(((1, 1),))]
    assert script.read(bare_room.publish(entry(2), head=2, now=START)) == []
    assert script.send(m.Get(0, 2)) == []
    assert [type(each) for each in script.call(m.Who(""))] == [m.Answer]
    assert script.wait(30.0) == []
    assert [event.role for event in bare_room.events if isinstance(event, ev.SessionOpened)] == [m.SCRIPT]


def test_what_only_the_log_has_is_asked_for_and_supplied() -> None:
    bare_room = BareRoom(Limits(recent_entries=2))
    bare_room.publish(*[entry(seq) for seq in range(1, 9)], head=8, now=START)
    guest = RawClient(bare_room).shake().join()
    (answer,) = guest.send(m.Get(0, 8))
    assert isinstance(answer, m.Entries)
    assert (answer.after, answer.through, answer.end, len(answer.items)) == (0, 8, True, 8)
    assert bare_room.of(ev.EntriesWanted) == [ev.EntriesWanted(guest.payload.server_cid, 0, 8)]


def test_the_newest_entries_of_the_log_are_in_memory_from_the_start() -> None:
    bare_room = BareRoom(head=8)
    bare_room.endpoint.load_recent(5, [entry(seq) for seq in (6, 8)])
    guest = RawClient(bare_room).shake().join()
    (answer,) = guest.send(m.Get(5, 8))
    assert isinstance(answer, m.Entries)
    assert len(answer.items) == 2
    assert bare_room.endpoint.head == 8


def test_gets_over_the_rate_are_dropped() -> None:
    bare_room = BareRoom(Limits(gets_per_second=50, gets_burst=100))
    bare_room.publish(entry(1), head=1, now=START)
    guest = RawClient(bare_room).shake().join()
    assert sum(len(guest.send(m.Get(0, 1))) for _ in range(120)) == 100
    guest.now += 0.1
    assert sum(len(guest.send(m.Get(0, 1))) for _ in range(10)) == 5


def test_a_key_gets_no_more_answers_to_get_by_having_more_sessions() -> None:
    bare_room = BareRoom(Limits(gets_per_second=50, gets_burst=100))
    bare_room.publish(entry(1), head=1, now=START)
    sessions = [RawClient(bare_room, seed="one key") for _ in range(4)]
    for number, guest in enumerate(sessions):
        guest.stream = number.to_bytes(8, "little")
        guest.cid, guest.nonce = number + 1, number.to_bytes(8, "big")
        guest.shake().join()
    assert sum(len(guest.send(m.Get(0, 1))) for _ in range(30) for guest in sessions) == 100


def test_a_session_that_sends_too_much_is_ignored_for_a_while_and_told_so_once_a_second() -> None:
    limits = Limits(datagrams_per_second=60, datagrams_burst=100, lines_per_second=10)  # 60 + 4 × 10 in all
    guest = RawClient(BareRoom(limits)).shake().join()
    answers = [each for _ in range(500) for each in guest.send(m.Ping(bytes(8)))]
    assert sum(isinstance(each, m.Pong) for each in answers) == 98, "joining took two"
    (progress,) = [each for each in answers if isinstance(each, m.Progress)]
    assert 0 < progress.wait_ms <= 1_000
    assert guest.bare_room.endpoint.dropped == {"rate": 402}
    guest.now += 1.0
    answers = [each for _ in range(500) for each in guest.send(m.Ping(bytes(8)))]
    assert [type(each) for each in answers].count(m.Pong) == 100
    assert [type(each) for each in answers].count(m.Progress) == 1


def test_forged_datagrams_do_not_count_against_a_member() -> None:
    guest = RawClient(BareRoom(Limits(datagrams_per_second=1, datagrams_burst=10))).shake().join()
    forged = bytearray(guest.channel.seal(m.encode(m.Ping(bytes(8)))))
    forged[-1] ^= 1
    for _ in range(100):
        assert guest.send_raw(bytes(forged)) == []
    assert [type(each) for each in guest.send(m.Ping(bytes(8)))] == [m.Pong]


def test_what_is_not_acknowledged_is_repaired_by_the_timer(member: RawClient) -> None:
    member.bare_room.publish(entry(1), head=1, now=START)  # and lost
    (again,) = [each for each in member.wait(0.7) if isinstance(each, m.Entries)]
    assert len(again.items) == 1
    member.send(m.Ack(1))
    assert not [each for each in member.wait(20) if isinstance(each, m.Entries)]


# Rekeying.


def test_a_new_channel_is_used_by_the_server_from_its_first_datagram_on(member: RawClient) -> None:
    old = member.rekey()
    sent = member.bare_room.publish(entry(1), head=1, now=START)
    assert old.open_untrusted(sent[0][0]), "the server waits for the client"
    assert isinstance(member.send(m.Ping(bytes(8)))[0], m.Pong)
    sent = member.bare_room.publish(entry(2), head=2, now=START)
    assert [type(each) for each in member.read(sent)] == [m.Entries]


def test_the_old_channel_is_read_for_ten_seconds_more(member: RawClient) -> None:
    old = member.rekey()
    member.send(m.Ping(bytes(8)))
    member.wait(OLD_CHANNEL_SECONDS - 0.5)
    assert member.send_raw(old.seal(m.encode(m.Ping(bytes(8)))))
    member.wait(1.6)
    assert member.send_raw(old.seal(m.encode(m.Ping(bytes(8))))) == [], "and no RESET tells which session it was"
    assert member.send(m.Ping(bytes(8)))


def test_a_rekeyed_that_was_lost_is_sent_again_the_same(member: RawClient) -> None:
    rekey, initiator = member.make_rekey(77)
    (lost,) = member.send(rekey)
    before = footprint(member.bare_room.endpoint)
    member.now += 1
    (again,) = member.send(rekey)
    assert again == lost
    assert footprint(member.bare_room.endpoint) == before
    assert isinstance(again, m.Rekeyed)
    member.finish_rekey(rekey, initiator, again)
    assert member.send(m.Ping(bytes(8)))


def test_a_client_that_begins_its_rekeying_anew_is_answered_after_a_while(member: RawClient) -> None:
    member.send(member.make_rekey(77)[0])
    assert member.send(member.make_rekey(78)[0]) == [], "not so often"
    member.wait(OLD_CHANNEL_SECONDS)
    member.rekey(79)
    assert member.send(m.Ping(bytes(8)))
    assert len(member.bare_room.endpoint._table._routes) == 2


def test_both_directions_go_on_under_loss_and_reordering_around_a_rekeying(member: RawClient) -> None:
    before = [member.channel.seal(m.encode(m.Say(number, 1, False, 0, 1, b"old"))) for number in (1, 2)]
    first = member.bare_room.publish(entry(100), head=100, now=START)
    rekey, initiator = member.make_rekey(77)
    member.send(rekey)
    member.now += 1
    (rekeyed_message,) = member.send(rekey)
    assert isinstance(rekeyed_message, m.Rekeyed)
    old = member.finish_rekey(rekey, initiator, rekeyed_message)
    late = member.channel.seal(m.encode(m.Say(3, 1, False, 0, 1, b"new")))
    member.send(m.Ping(bytes(8)))
    for datagram in (late, *reversed(before)):
        member.send_raw(datagram)
    assert [m.decode_entry_untrusted(each.encoding).text for each in member.bare_room.log.values()] == [
        "line 100",
        "old",
        "old",
        "new",
    ]
    assert old.open_untrusted(first[0][0])


def test_a_session_can_be_rekeyed_again_and_again(member: RawClient) -> None:
    for cid in range(100, 105):
        member.rekey(cid)
        assert member.send(m.Ping(bytes(8)))
        member.wait(11)
    assert len(member.bare_room.endpoint._table._routes) == 1
    member.call(m.Leave())
    assert len(member.bare_room.of(ev.SessionClosed)) == 1


@pytest.mark.parametrize("wrong", ["another key", "another handshake", "junk", "empty"])
def test_a_rekeying_that_is_not_the_members_is_not_answered(member: RawClient, wrong: str) -> None:
    thief = RawClient(member.bare_room, seed="thief")
    thief.handshake_hash = member.handshake_hash
    if wrong == "another handshake":
        member.handshake_hash = bytes(32)
    rekeys = {
        "another key": thief.make_rekey(5)[0],
        "another handshake": member.make_rekey(5)[0],
        "junk": m.Rekey(5, bytes(96)),
        "empty": m.Rekey(5, b""),
    }
    assert member.send(rekeys[wrong]) == []
    assert member.bare_room.endpoint.dropped == {"handshake": 1}
    assert member.send(m.Ping(bytes(8))), "the session goes on"


def test_a_client_that_names_an_impossible_connection_does_not_stop_the_server(member: RawClient) -> None:
    other = RawClient(member.bare_room, ELSEWHERE, seed=2).shake().join("budi")
    rekey, initiator = member.make_rekey(5)
    fields = [7, 2**60, rekey.noise]
    answers = member.read(member.send_raw(member.channel.seal(m._encoder.encode(fields))))
    for each in answers:
        if isinstance(each, m.Rekeyed):
            member.finish_rekey(rekey, initiator, each)
            member.send_raw(member.channel.seal(m.encode(m.Ack(1))))
    sent = member.bare_room.publish(entry(1), head=1, now=START)
    assert len(other.read(sent)) == 1


# RESET.


def test_a_session_the_server_does_not_know_is_reset_with_its_token(bare_room: BareRoom) -> None:
    guest = RawClient(bare_room)
    datagram = bytes([DATA]) + (4711).to_bytes(7, "little") + bytes(25)
    assert guest.send_raw(datagram) == [
        bytes([RESET]) + (4711).to_bytes(7, "little") + reset_token(IDENTITY.reset_key, 4711)
    ]


def test_the_token_is_the_one_that_was_told_in_the_handshake_also_after_a_restart(member: RawClient) -> None:
    member.bare_room.restart()
    (answer,) = member.send_raw(member.channel.seal(b"anybody there?"))
    assert answer[8:] == member.payload.reset_token


def test_a_new_channel_has_a_token_of_its_own(member: RawClient) -> None:
    first = member.payload
    member.rekey()
    second = member.payload
    member.send(m.Ping(bytes(8)))
    member.bare_room.restart()
    (answer,) = member.send_raw(member.channel.seal(b"anybody there?"))
    assert answer[8:] == second.reset_token != first.reset_token


def test_resets_to_one_address_are_few(bare_room: BareRoom) -> None:
    datagram = bytes([DATA]) + bytes(40)
    answered = sum(len(bare_room.receive(datagram, (HOME[0], port), START)) for port in range(50))
    assert answered == 5
    assert bare_room.receive(datagram, ELSEWHERE, START), "others are not meant"
    later = sum(len(bare_room.receive(datagram, HOME, START + 60 + n / 4)) for n in range(8))
    assert later >= 4


def test_resets_in_all_are_limited(bare_room: BareRoom) -> None:
    datagram = bytes([DATA]) + bytes(40)
    sent = [bare_room.receive(datagram, (f"10.{n // 250}.{n % 250}.1", 1), START) for n in range(400)]
    assert sum(map(len, sent)) == 200


def test_resets_keep_nothing_about_whom_they_were_sent_to(bare_room: BareRoom) -> None:
    before = footprint(bare_room.endpoint)
    for n in range(100):
        bare_room.receive(bytes([DATA]) + bytes(40), (f"10.1.{n}.1", 1), START)
    assert footprint(bare_room.endpoint) == before


def test_the_sessions_of_an_earlier_process_are_told_that_they_are_gone(member: RawClient) -> None:
    member.bare_room.restart()
    member.bare_room.endpoint.wake(member.payload.server_cid, HOME)
    ((datagram, address),) = member.bare_room.settle(START)
    assert address == HOME
    assert struct.unpack("<B7s16s", datagram) == (
        RESET,
        member.payload.server_cid.to_bytes(7, "little"),
        member.payload.reset_token,
    )


# The timer.


def test_a_server_without_sessions_sets_no_timer(bare_room: BareRoom) -> None:
    assert bare_room.endpoint.get_timer() is None
    guest = RawClient(bare_room)
    guest.ask_cookie()
    assert bare_room.endpoint.get_timer() is None


@pytest.mark.parametrize("state", STATES)
def test_the_timer_is_never_due_again_at_once(state: object) -> None:
    assert callable(state)
    guest: Recorder = state()
    for _ in range(200):
        at = guest.bare_room.endpoint.get_timer()
        if at is None:
            return
        guest.bare_room.endpoint.handle_timer(at)
        guest.bare_room.settle(at)
        later = guest.bare_room.endpoint.get_timer()
        assert later is None or later > at


def test_addresses_are_hashed_as_the_protocol_says() -> None:
    assert pack_address(("1.2.3.4", 0x0506)) == bytes(10) + b"\xff\xff\x01\x02\x03\x04\x06\x05"


# What the admin changes meanwhile.


def test_a_ticket_that_was_shown_before_the_password_changed_lets_nobody_in(member: RawClient) -> None:
    welcome = member.answer()
    assert isinstance(welcome, m.Welcome)
    bare_room = member.bare_room
    opened = RawClient(bare_room, ELSEWHERE, seed="opened").shake()
    pending = RawClient(bare_room, ELSEWHERE, seed="guest").shake(ticket=welcome.ticket)
    waiting = RawClient(bare_room, STRANGER, seed="guest")
    waiting.stream = b"another!"
    waiting.shake(ticket=welcome.ticket)
    waiting.send(m.Ping(bytes(8)))
    bare_room.endpoint.replace_password(PasswordHash.parse(quick_hash(PASSWORD, OTHER_SALT)))
    for guest in (pending, waiting):
        guest.call(m.Join(None, None, None))
        assert guest.answer() == m.Refused("ticket_refused")
    opened.join("budi")
    assert pending.payload.resumed


def test_a_session_keeps_the_silence_it_was_promised_and_the_next_one_gets_another(member: RawClient) -> None:
    bare_room = member.bare_room
    bare_room.endpoint.replace_limits(Limits(idle_seconds=20, ping_seconds=5))
    newcomer = RawClient(bare_room, ELSEWHERE, seed="new").shake().join("budi")
    assert (member.payload.idle_s, newcomer.payload.idle_s) == (80, 20)
    bare_room.timer(START + 40)
    closed = [event for event in bare_room.events if isinstance(event, ev.SessionClosed)]
    assert [event.cid for event in closed] == [newcomer.payload.server_cid]
    bare_room.timer(START + 82)
    assert len(bare_room.endpoint) == 0


def test_other_limits_hold_at_once_for_those_who_are_in(member: RawClient) -> None:
    bare_room = member.bare_room
    bare_room.endpoint.replace_limits(Limits(text_bytes=4, lines_burst=2, sessions=1, recent_entries=1))
    assert member.say(1, "hello") == [m.Unsaid(1, "text_too_long")]
    member.say(2, "hey")
    said = [event for event in bare_room.events if isinstance(event, ev.LineReceived)]
    member.say(3, "you")
    assert said == [event for event in bare_room.events if isinstance(event, ev.LineReceived)], "the burst is spent"
    other = RawClient(bare_room, ELSEWHERE, seed="other").shake()
    other.send(m.Ping(bytes(8)))
    assert bare_room.endpoint.dropped["crowded"] == 1


def test_a_call_of_a_later_version_is_answered_and_the_session_goes_on(member: RawClient) -> None:
    member.calls += 1
    call = msgspec.msgpack.encode([1, member.calls, [7, "lunch"]])
    for _ in range(2):  # a repetition has the same answer
        answers = member.read(member.send_raw(member.channel.seal(call)))
        assert answers == [m.Answer(member.calls, m.Refused("unknown_call"))]
    assert isinstance(member.call(m.Who(""))[0], m.Answer)


def test_a_message_of_a_later_version_is_passed_over(member: RawClient) -> None:
    assert member.send_raw(member.channel.seal(msgspec.msgpack.encode([12, "anything"]))) == []
    assert member.send(m.Ping(bytes(8)))


def test_presence_reaches_members_and_readers_and_no_script(bare_room: BareRoom) -> None:
    member = RawClient(bare_room, seed="member").shake().join()
    reader = RawClient(bare_room, ("10.0.0.8", 8), seed="reader").shake(flags=m.FLAG_READER).join()
    script = RawClient(bare_room, ("10.0.0.9", 9), seed="script").shake(flags=m.FLAG_SCRIPT).join()
    change = m.Change("ana", "AbCdEfGh", m.CONTACT_LOST)
    bare_room.endpoint.tell_presence(3, [change])
    sent = bare_room.settle(START)
    assert [each.read(sent) for each in (member, reader, script)] == [[m.Presence(3, (change,))]] * 2 + [[]]


def test_a_pong_says_how_many_are_here_to_who_has_joined(bare_room: BareRoom) -> None:
    bare_room.endpoint.here = 7
    guest = RawClient(bare_room).shake()
    assert guest.send(m.Ping(bytes(8))) == [m.Pong(bytes(8), 0, 0)]
    guest.join()
    assert guest.send(m.Ping(bytes(8))) == [m.Pong(bytes(8), bare_room.head, 7)]
