"""The door: address proof, handshakes, what is kept for whom, and what that costs."""

from __future__ import annotations

import struct
from collections import Counter, deque
from dataclasses import replace

import pytest
from kit.bare_room import ELSEWHERE, HOME, IDENTITY, LOG_ID, SERVER_KEY, START, TICKET_KEY, BareRoom, Dice, pack_address
from kit.footprint import footprint
from kit.raw_client import RawClient

from sockatuh.errors import ProtocolError
from sockatuh.protocol import messages as m
from sockatuh.protocol.constants import (
    COOKIE,
    COOKIE_SIZE,
    EPOCH_SECONDS,
    HELLO_SIZE,
    INIT_SIZE,
    INIT_TICKET_SIZE,
    RESP,
    RESP_SIZE,
)
from sockatuh.protocol.datagrams import reset_token
from sockatuh.protocol.noise import Initiator, public_key
from sockatuh.protocol.seam import Address
from sockatuh.protocol.server import events as ev
from sockatuh.protocol.server.door import RETRY_MS, STRANGERS_PER_PREFIX, Door
from sockatuh.protocol.server.limits import Limits
from sockatuh.protocol.server.rate_limit import prefix_of
from sockatuh.protocol.server.tickets import Ticket, Tickets

PLENTY = Limits(handshakes_per_address=1e6, handshakes_burst=1_000_000)
EPHEMERAL = 32
"""Bytes the server draws for each Noise handshake it begins, and for nothing else once it has started."""


def is_cookie(datagram: bytes, retry_ms: int = 0) -> bool:
    return datagram[0] == COOKIE and struct.unpack("<H", datagram[60:62])[0] == retry_ms


def handshakes_begun(bare_room: BareRoom) -> int:
    """Return how often the server has computed a Noise handshake, the expensive part."""
    return bare_room.dice.drawn[EPHEMERAL] - bare_room.drawn_at_start[EPHEMERAL]


# HELLO.


def test_hello_is_answered_with_a_cookie_laid_out_as_the_protocol_says(bare_room: BareRoom) -> None:
    guest = RawClient(bare_room)
    (answer,) = guest.send_raw(guest.hello())
    kind, version, _, flags, nonce, cookie, key, retry_ms, zero = struct.unpack("<BBBB8s16s32sHH", answer)
    assert (kind, version, flags, retry_ms, zero) == (COOKIE, 1, 0, 0, 0)
    assert nonce == guest.nonce
    assert key == SERVER_KEY == bare_room.endpoint.public_key
    assert cookie != bytes(16)


def test_hello_leaves_nothing_behind(bare_room: BareRoom) -> None:
    before = footprint(bare_room.endpoint)
    for n in range(300):
        guest = RawClient(bare_room, (f"10.9.{n % 250}.7", n), seed=n)
        assert guest.send_raw(guest.hello())
    assert footprint(bare_room.endpoint) == before
    assert handshakes_begun(bare_room) == 0


@pytest.mark.parametrize("size", [1, 4, 12, HELLO_SIZE - 1, HELLO_SIZE + 1, 1200])
def test_a_hello_of_another_size_is_not_answered(bare_room: BareRoom, size: int) -> None:
    guest = RawClient(bare_room)
    assert guest.send_raw(guest.hello().ljust(size, b"\0")[:size]) == []
    assert bare_room.endpoint.dropped == {"size": 1}


@pytest.mark.parametrize("version", [0, 2, 255])
def test_a_hello_of_another_version_is_answered_with_ours_and_no_cookie(bare_room: BareRoom, version: int) -> None:
    guest = RawClient(bare_room)
    (answer,) = guest.send_raw(guest.hello(version))
    assert answer[1] == 1
    assert answer[4:12] == guest.nonce
    assert answer[12:28] == bytes(16)


def test_too_many_hellos_from_one_network_get_no_answer(bare_room: BareRoom) -> None:
    hello = RawClient(bare_room).hello()
    addresses = ((f"10.9.9.{n % 250}", n) for n in range(STRANGERS_PER_PREFIX + 50))
    answered = sum(len(bare_room.receive(hello, address, START)) for address in addresses)
    assert answered == STRANGERS_PER_PREFIX
    assert RawClient(bare_room, ("10.8.8.1", 1)).ask_cookie(), "others are not meant"
    assert bare_room.endpoint.dropped == {"rate": 50}


def test_too_many_hellos_from_everywhere_get_no_answer() -> None:
    bare_room = BareRoom(Limits(cookies_per_second=5))
    answered = sum(
        len(bare_room.receive(RawClient(bare_room, seed=n).hello(), (f"10.{n}.1.1", 1), START)) for n in range(20)
    )  # fmt: skip
    assert answered == 5


# The cookie.


def test_a_handshake_with_a_good_cookie_is_answered_with_resp(bare_room: BareRoom) -> None:
    guest = RawClient(bare_room).shake()
    assert (len(guest.init), len(guest.resp)) == (INIT_SIZE, RESP_SIZE)
    assert struct.unpack("<BBHI", guest.resp[:8]) == (RESP, 1, 0, guest.cid)
    assert guest.payload == m.RespPayload(
        guest.payload.server_cid,
        25,
        80,
        16_384,
        100,
        reset_token(IDENTITY.reset_key, guest.payload.server_cid),
        "the room",
        False,
    )


def try_init(guest: RawClient, epoch: int, cookie: bytes, address: Address | None = None) -> bytes:
    (answer,) = guest.send_raw(guest.make_init(epoch, cookie)[0], address)
    return answer


def test_a_cookie_for_another_address_port_or_nonce_is_not_accepted(bare_room: BareRoom) -> None:
    guest = RawClient(bare_room)
    epoch, cookie = guest.ask_cookie()
    assert is_cookie(try_init(guest, epoch, cookie, ELSEWHERE))
    assert is_cookie(try_init(guest, epoch, cookie, (HOME[0], HOME[1] + 1)))
    guest.nonce = b"another!"
    assert is_cookie(try_init(guest, epoch, cookie))
    assert handshakes_begun(bare_room) == 0


def test_an_old_cookie_is_answered_with_a_fresh_one_that_is_good(bare_room: BareRoom) -> None:
    guest = RawClient(bare_room)
    epoch, cookie = guest.ask_cookie()
    guest.now += 2 * EPOCH_SECONDS
    answer = try_init(guest, epoch, cookie)
    assert is_cookie(answer)
    assert try_init(guest, answer[2], answer[12:28])[0] == RESP


def test_a_cookie_of_the_epoch_before_is_still_good(bare_room: BareRoom) -> None:
    guest = RawClient(bare_room)
    epoch, cookie = guest.ask_cookie()
    guest.now += EPOCH_SECONDS
    assert try_init(guest, epoch, cookie)[0] == RESP


def test_a_cookie_under_the_wrong_epoch_is_not_accepted(bare_room: BareRoom) -> None:
    guest = RawClient(bare_room)
    epoch, cookie = guest.ask_cookie()
    for wrong in (epoch - 1, epoch + 1):
        assert is_cookie(try_init(guest, wrong & 0xFF, cookie))


def test_no_random_cookie_is_ever_accepted(bare_room: BareRoom) -> None:
    guest, dice = RawClient(bare_room), Dice("cookies")
    for _ in range(200):
        assert is_cookie(try_init(guest, dice(1)[0], dice(16)))
    assert is_cookie(try_init(guest, 0, bytes(16))), "a client that has a pin but no cookie may begin so"
    assert handshakes_begun(bare_room) == 0
    assert bare_room.events == []


def test_a_cookie_opens_one_handshake(bare_room: BareRoom) -> None:
    guest = RawClient(bare_room)
    epoch, cookie = guest.ask_cookie()
    assert try_init(guest, epoch, cookie)[0] == RESP
    guest.cid += 1
    assert is_cookie(try_init(guest, epoch, cookie))
    assert handshakes_begun(bare_room) == 1


def test_a_damaged_copy_that_is_faster_does_not_use_up_the_cookie(bare_room: BareRoom) -> None:
    guest = RawClient(bare_room)
    epoch, cookie = guest.ask_cookie()
    init, _ = guest.make_init(epoch, cookie)
    for at in (5, 40, 100, -1):
        spoilt = bytearray(init)
        spoilt[at] ^= 1
        assert guest.send_raw(bytes(spoilt)) == []
    assert bare_room.events == [ev.HandshakeRefused(HOME, "handshake")] * 4
    assert guest.send_raw(init)[0][0] == RESP
    guest.cid += 1
    assert is_cookie(try_init(guest, epoch, cookie)), "but the handshake that succeeds does"


def test_damaged_handshakes_with_one_cookie_count_for_the_rate_of_their_address(bare_room: BareRoom) -> None:
    guest = RawClient(bare_room)
    epoch, cookie = guest.ask_cookie()
    init, _ = guest.make_init(epoch, cookie)
    answers = [guest.send_raw(init[:-1] + bytes([init[-1] ^ 1])) for _ in range(50)]
    assert handshakes_begun(bare_room) == bare_room.limits.handshakes_burst
    assert all(is_cookie(answer[0], retry_ms=RETRY_MS) for answer in answers[bare_room.limits.handshakes_burst :])


def test_a_cookie_of_an_earlier_process_is_not_accepted(bare_room: BareRoom) -> None:
    guest = RawClient(bare_room)
    epoch, cookie = guest.ask_cookie()
    bare_room.restart()
    assert is_cookie(try_init(guest, epoch, cookie))


# INIT again.


def test_the_same_init_again_is_answered_with_the_same_resp_and_costs_nothing(bare_room: BareRoom) -> None:
    guest = RawClient(bare_room).shake()
    before = footprint(bare_room.endpoint)
    for _ in range(100):
        assert guest.send_raw(guest.init) == [guest.resp]
    assert handshakes_begun(bare_room) == 1
    assert footprint(bare_room.endpoint) == before


def test_a_recorded_init_makes_no_session_from_anywhere(bare_room: BareRoom) -> None:
    guest = RawClient(bare_room).shake().join()
    begun = handshakes_begun(bare_room)
    bare_room.events.clear()
    assert is_cookie(guest.send_raw(guest.init)[0])
    assert is_cookie(guest.send_raw(guest.init, ELSEWHERE)[0])
    assert is_cookie(guest.send_raw(guest.init, (HOME[0], 1))[0])
    assert handshakes_begun(bare_room) == begun
    assert len(bare_room.endpoint) == 1
    assert bare_room.events == []


def test_a_recorded_init_that_is_pending_is_not_answered_elsewhere(bare_room: BareRoom) -> None:
    guest = RawClient(bare_room).shake()
    assert is_cookie(guest.send_raw(guest.init, ELSEWHERE)[0])
    assert handshakes_begun(bare_room) == 1


# Sizes, versions, payloads.


@pytest.mark.parametrize("size", [1, 31, 32, INIT_SIZE - 1, INIT_SIZE + 1, INIT_TICKET_SIZE - 1, 1200])
def test_an_init_of_another_size_is_not_answered(bare_room: BareRoom, size: int) -> None:
    guest = RawClient(bare_room)
    init, _ = guest.make_init(*guest.ask_cookie())
    assert guest.send_raw(init.ljust(size, b"\0")[:size]) == []
    assert bare_room.endpoint.dropped == {"size": 1}


def test_an_init_of_another_version_is_answered_with_ours_even_with_a_good_cookie(bare_room: BareRoom) -> None:
    guest = RawClient(bare_room)
    (answer,) = guest.send_raw(guest.make_init(*guest.ask_cookie(), version=2)[0])
    assert (answer[0], answer[1], answer[12:28]) == (COOKIE, 1, bytes(16))
    assert handshakes_begun(bare_room) == 0


@pytest.mark.parametrize("at", [4, 7])
def test_nothing_in_the_header_can_be_changed_on_the_way(bare_room: BareRoom, at: int) -> None:
    guest = RawClient(bare_room)
    init = bytearray(guest.make_init(*guest.ask_cookie())[0])
    init[at] ^= 1
    assert guest.send_raw(bytes(init)) == []
    assert bare_room.endpoint.dropped == {"handshake": 1}


@pytest.mark.parametrize(
    "payload",
    [bytes(128), b"\xff\xff" + bytes(126), b"\x02\0\x91\x01" + bytes(124), b"\x02\0\x90\x01" + bytes(124)],
)
def test_a_handshake_whose_payload_means_nothing_is_not_answered(bare_room: BareRoom, payload: bytes) -> None:
    guest = RawClient(bare_room)
    init, _ = guest.make_init(*guest.ask_cookie(), payload=payload)
    assert guest.send_raw(init) == []
    assert bare_room.events == [ev.HandshakeRefused(HOME, "handshake")]
    assert len(bare_room.endpoint._door) == 0


def test_a_handshake_with_a_point_of_low_order_is_not_answered(bare_room: BareRoom) -> None:
    guest = RawClient(bare_room)
    init, _ = guest.make_init(*guest.ask_cookie())
    assert guest.send_raw(init[:32] + bytes(32) + init[64:]) == []
    assert bare_room.endpoint.dropped == {"handshake": 1}


# The ticket.


def test_a_good_ticket_is_confirmed_in_resp_and_only_there(bare_room: BareRoom) -> None:
    guest = RawClient(bare_room)
    ticket = bare_room.tickets.seal(Ticket("ana", LOG_ID, 7), guest.key, bare_room.dice)
    assert guest.shake(ticket=ticket).payload.resumed
    assert len(guest.init) == INIT_TICKET_SIZE
    assert len(guest.resp) == RESP_SIZE


@pytest.mark.parametrize("ticket", ["another's", "of another password", "of a forgotten key", "spoilt", "empty"])
def test_any_other_ticket_counts_as_none(bare_room: BareRoom, ticket: str) -> None:
    guest = RawClient(bare_room)
    tickets = {
        "another's": bare_room.tickets.seal(Ticket("ana", LOG_ID, 7), b"x" * 32, bare_room.dice),
        "of another password": Tickets([TICKET_KEY], b"new pass").seal(
            Ticket("ana", LOG_ID, 7), guest.key, bare_room.dice
        ),
        "of a forgotten key": b"gone" + bare_room.tickets.seal(Ticket("ana", LOG_ID, 7), guest.key, bare_room.dice)[4:],
        "spoilt": bare_room.tickets.seal(Ticket("ana", LOG_ID, 7), guest.key, bare_room.dice)[:-1] + b"\0",
        "empty": b"",
    }
    assert not guest.shake(ticket=tickets[ticket]).payload.resumed


# Limits.


def test_over_the_rate_of_one_address_the_answer_is_a_cookie_that_says_how_long_to_wait() -> None:
    bare_room = BareRoom(Limits(handshakes_burst=3))
    guests = [RawClient(bare_room, seed=n) for n in range(4)]
    for guest in guests[:3]:
        guest.shake()
    late = guests[3]
    epoch, cookie = late.ask_cookie()
    assert is_cookie(try_init(late, epoch, cookie), retry_ms=RETRY_MS)
    assert bare_room.events == [ev.HandshakeRefused(HOME, "rate")]
    assert handshakes_begun(bare_room) == 3
    assert RawClient(bare_room, ELSEWHERE, seed=9).shake(), "others are not meant"
    late.now += 1.0
    assert try_init(late, epoch, cookie)[0] == RESP, "the cookie was not used up"


def test_over_the_rate_of_all_too() -> None:
    bare_room = BareRoom(Limits(handshakes_per_second=4))
    for n in range(4):
        RawClient(bare_room, ("10.0.0.1", n), seed=n).shake()
    late = RawClient(bare_room, ("10.0.0.1", 9), seed=9)
    assert is_cookie(try_init(late, *late.ask_cookie()), retry_ms=RETRY_MS)


def test_a_share_of_the_common_rate_is_left_for_addresses_that_come_rarely() -> None:
    bare_room = BareRoom(replace(PLENTY, handshakes_per_second=40))
    for n in range(40):
        RawClient(bare_room, ("10.0.0.1", n), seed=n).shake()
    rare = [RawClient(bare_room, (f"10.{n}.0.1", 1), seed=f"rare {n}") for n in range(1, 12)]
    for guest in rare[:10]:
        guest.shake()
    assert is_cookie(try_init(rare[10], *rare[10].ask_cookie()), retry_ms=RETRY_MS), "a quarter of it, no more"
    again = RawClient(bare_room, ("10.1.0.1", 2), seed="again", now=START + 0.1)
    for n in range(4):
        RawClient(bare_room, ("10.0.0.1", n), seed=f"more {n}", now=again.now).shake()
    assert is_cookie(try_init(again, *again.ask_cookie()), retry_ms=RETRY_MS), "it was here a moment ago"


def test_one_address_leaves_a_tenth_of_the_seats_for_others() -> None:
    bare_room = BareRoom(replace(PLENTY, pending=20))
    for n in range(18):
        RawClient(bare_room, (HOME[0], n), seed=n).shake()
    late = RawClient(bare_room, (HOME[0], 99), seed=99)
    assert is_cookie(try_init(late, *late.ask_cookie()), retry_ms=RETRY_MS)
    assert bare_room.events == [ev.HandshakeRefused((HOME[0], 99), "crowded")]
    assert RawClient(bare_room, ELSEWHERE, seed=100).shake()


def test_when_too_many_handshakes_are_pending_the_oldest_is_evicted() -> None:
    bare_room = BareRoom(Limits(pending=5))
    guests = [RawClient(bare_room, (f"10.{n}.0.1", 1), seed=n).shake() for n in range(6)]
    assert len(bare_room.endpoint._door) == 5
    assert [type(each) for each in guests[5].send(m.Ping(bytes(8)))] == [m.Pong], "strangers keep nobody out"
    assert [type(each) for each in guests[0].send(m.Ping(bytes(8)))] == []
    assert len(bare_room.of(ev.SessionOpened)) == 1


def test_the_bounds_are_those_of_the_document() -> None:
    limits = Limits()
    assert (limits.pending, limits.pending_seconds) == (1024, 10.0)
    assert (limits.handshakes_per_address, limits.handshakes_burst, limits.handshakes_per_second) == (5.0, 20, 500.0)


def test_a_pending_handshake_is_forgotten_after_ten_seconds_with_all_its_traces(bare_room: BareRoom) -> None:
    before = footprint(bare_room.endpoint)
    guest = RawClient(bare_room).shake()
    pending = footprint(bare_room.endpoint)
    guest.wait(9.9)
    assert guest.send_raw(guest.init) == [guest.resp]
    guest.wait(1.2)
    assert len(bare_room.endpoint._door) == 0
    assert footprint(bare_room.endpoint) < pending
    guest.now += 60
    guest.ask_cookie()
    guest.wait(0)
    # The one used cookie, and the bucket of the one address that was proved.
    assert footprint(bare_room.endpoint) <= before + 4
    assert bare_room.endpoint.get_timer() is None


def test_a_client_that_comes_too_late_for_its_handshake_begins_anew(bare_room: BareRoom) -> None:
    guest = RawClient(bare_room).shake()
    guest.wait(11.1)
    guest.send(m.Ping(bytes(8)))
    assert len(bare_room.endpoint) == 0
    assert bare_room.of(ev.SessionOpened) == []


def test_the_oldest_of_several_handshakes_is_forgotten_first(bare_room: BareRoom) -> None:
    first = RawClient(bare_room, seed=1).shake()
    second = RawClient(bare_room, seed=2, now=START + 5).shake()
    second.wait(6.1)
    assert bare_room.endpoint._door.find(first.payload.server_cid) is None
    assert bare_room.endpoint._door.find(second.payload.server_cid) is not None


# The order of checks: cheap ones first.


def test_nothing_is_computed_for_a_datagram_that_a_cheaper_check_refuses() -> None:
    bare_room = BareRoom(Limits(handshakes_burst=1))
    guest = RawClient(bare_room)
    epoch, cookie = guest.ask_cookie()
    init, _ = guest.make_init(epoch, cookie)
    # 1. the size: not even the limit for strangers is checked.
    guest.send_raw(init[:-1])
    assert bare_room.endpoint.dropped == {"size": 1}
    # 3. the cookie, before the rate of handshakes: its one token is still there.
    for _ in range(5):
        assert is_cookie(try_init(guest, epoch, bytes(16)))
    assert handshakes_begun(bare_room) == 0
    # 5. Noise, for the first that passes everything else.
    assert guest.send_raw(init)[0][0] == RESP
    assert handshakes_begun(bare_room) == 1
    # 2. a repeated INIT, before everything else: neither cookie nor rate is checked.
    assert guest.send_raw(init)[0][0] == RESP
    # 4. the rate, before Noise and before the cookie is used up.
    other = RawClient(bare_room, seed=2)
    epoch, cookie = other.ask_cookie()
    assert is_cookie(try_init(other, epoch, cookie), retry_ms=RETRY_MS)
    assert handshakes_begun(bare_room) == 1
    other.now += 1.0
    assert try_init(other, epoch, cookie)[0] == RESP


def test_a_replayed_datagram_is_refused_before_it_is_decrypted(member: RawClient) -> None:
    datagram = member.channel.seal(m.encode(m.Ping(bytes(8))))
    assert member.send_raw(datagram)
    (session,) = member.bare_room.endpoint._table
    spoilt = datagram[:-1] + bytes([datagram[-1] ^ 1])
    with pytest.raises(ProtocolError, match="seen before"):
        session.channel.open_untrusted(spoilt)
    assert member.send_raw(datagram) == []
    assert member.send_raw(spoilt) == []
    assert member.bare_room.endpoint.dropped == {"seal": 2}


# What only the door knows.


def make_door(dice: Dice, limits: Limits | None = None) -> Door:
    return Door(IDENTITY, Tickets([TICKET_KEY], b"x"), limits or Limits(), dice, Counter(), deque())


def test_connection_ids_are_random_and_never_zero() -> None:
    class Zeros(Dice):
        def __call__(self, count: int) -> bytes:
            return bytes(7) if count == 7 else super().__call__(count)

    for dice, expected in ((Zeros(1), {1}), (Dice(1), None)):
        door = make_door(dice)
        cids = set[int]()
        for _ in range(3):
            responder = door.responder(b"")
            initiator = Initiator(bytes(range(1, 33)), public_key(IDENTITY.private_key), b"", dice(32))
            responder.read_message_untrusted(initiator.write_message(b""))
            _, cid, channel, token = door.respond(responder, 77, START, resumed=False)
            assert channel.receive_cid == cid < 2**56
            assert channel.send_cid == 77
            assert token == reset_token(IDENTITY.reset_key, cid)
            cids.add(cid)
        assert cids == expected if expected else len(cids) == 3


def test_networks_are_counted_by_24_bits_of_ipv4_and_64_of_ipv6() -> None:
    assert prefix_of(pack_address(("10.1.2.3", 1))) == prefix_of(pack_address(("10.1.2.200", 9)))
    assert prefix_of(pack_address(("10.1.2.3", 1))) != prefix_of(pack_address(("10.1.3.3", 1)))
    assert len(prefix_of(bytes([0xFD]) + bytes(17))) == 8


def test_a_cookie_is_always_smaller_than_what_it_answers() -> None:
    assert COOKIE_SIZE < HELLO_SIZE
    assert max(COOKIE_SIZE, RESP_SIZE) < INIT_SIZE
