"""The way to a session: whom is asked, when, and what is believed."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol.guest import Guest
from protocol.house import ELSEWHERE, HOME, IDENTITY, SERVER, SERVER_KEY, START, STRANGER, Dice, House

from sockatuh.protocol import messages as m
from sockatuh.protocol.client.clamps import COOKIE_SECONDS
from sockatuh.protocol.client.dialer import (
    COOKIE_PAUSE,
    INIT_TRIES,
    MAX_ATTEMPTS,
    RETRY,
    Dialer,
    Dialing,
    Established,
    Offer,
)
from sockatuh.protocol.constants import COOKIE, HELLO, HELLO_SIZE, INIT, INIT_SIZE, INIT_TICKET_SIZE, PROLOGUE, RESP
from sockatuh.protocol.noise import Responder
from sockatuh.protocol.seam import Address

PAYLOAD = m.InitPayload("a test", b"a stream", 0, None, 0, None)
COOKIE_BYTES = b"a cookie, indeed"


class Caller:
    """A dialer with the time, and a server that is made by hand."""

    def __init__(self, seed: int = 1) -> None:
        self.out: list[tuple[bytes, Address]] = []
        self.dice = Dice(seed)
        self.dialer = Dialer(self.dice(32), self.dice, self.out)
        self.now = START

    def sent(self) -> list[tuple[bytes, Address]]:
        sent, self.out[:] = self.out[:], []
        return sent

    def fire(self) -> list[tuple[bytes, Address]]:
        """Go on to what is due next, and return what is sent then."""
        assert self.dialer.due_at is not None
        self.now = max(self.now, self.dialer.due_at)
        self.dialer.handle_timer(self.now)
        return self.sent()

    def hello(self, *addresses: Address) -> list[bytes]:
        """Start, and return the HELLOs."""
        self.dialer.start(addresses or [SERVER], self.now)
        return [data for data, _ in self.fire()]

    def offered(self, hello: bytes, retry_ms: int = 0) -> Offer | None:
        return self.dialer.receive_cookie(make_cookie(hello, retry_ms=retry_ms), self.now)

    def shaking(self, ticket: bytes | None = None) -> bytes:
        """Come as far as INIT, and return it."""
        (hello,) = self.hello()
        assert self.offered(hello) is not None
        self.dialer.trust(m.InitPayload("a test", b"a stream", 0, None, 0, ticket), self.now)
        ((init, _),) = self.fire()
        return init


def make_cookie(
    request: bytes, *, retry_ms: int = 0, version: int = 1, cookie: bytes = COOKIE_BYTES, key: bytes = SERVER_KEY
) -> bytes:
    nonce = request[4:12] if request[0] == HELLO else request[8:16]
    return struct.pack("<BBBB8s16s32sHH", COOKIE, version, 7, 0, nonce, cookie, key, retry_ms, 0)


def make_resp(init: bytes, seed: int = 5, private_key: bytes = IDENTITY.private_key) -> tuple[bytes, Responder]:
    responder = Responder(private_key, PROLOGUE + init[:32], Dice(seed)(32))
    responder.read_message_untrusted(init[32:])
    payload = m.RespPayload(99, 25, 80, 16_384, 100, bytes(16), "a room", False)
    message = responder.write_message(m.pad_payload(payload, 144))
    return struct.pack("<BBHI", RESP, 1, 0, int.from_bytes(init[4:8], "little")) + message, responder


# HELLO.


def test_every_address_is_asked_at_once_each_under_its_own_nonce() -> None:
    caller = Caller()
    caller.dialer.start([SERVER, ELSEWHERE], START)
    sent = caller.fire()
    assert [address for _, address in sent] == [SERVER, ELSEWHERE]
    assert len({data[4:12] for data, _ in sent}) == 2
    for data, _ in sent:
        assert struct.unpack("<BBH", data[:4]) == (HELLO, 1, 0)
        assert len(data) == HELLO_SIZE
        assert data[12:] == bytes(HELLO_SIZE - 12)


def test_nothing_is_sent_before_its_time() -> None:
    caller = Caller()
    caller.dialer.start([SERVER], START + 1)
    caller.dialer.handle_timer(START + 0.99)
    assert caller.sent() == []


def test_hello_is_repeated_the_same_until_it_is_answered() -> None:
    caller = Caller()
    (hello,) = caller.hello()
    moments = [caller.now]
    for _ in range(8):
        assert [data for data, _ in caller.fire()] == [hello]
        moments.append(caller.now)
    expected = [*RETRY, *[RETRY[-1]] * (8 - len(RETRY))]
    for (earlier, later), span in zip(pairwise(moments), expected, strict=True):
        assert 0.9 * span <= later - earlier <= 1.1 * span + 1e-9
    assert RETRY == (0.25, 0.5, 0.75)


def test_each_attempt_has_new_nonces() -> None:
    caller = Caller()
    (first,) = caller.hello()
    (second,) = caller.hello()
    assert first[4:12] != second[4:12]
    assert caller.offered(first) is None, "an answer to an earlier attempt is none to this one"


def test_one_who_has_stopped_sends_nothing_and_believes_nothing() -> None:
    caller = Caller()
    (hello,) = caller.hello()
    caller.dialer.stop()
    assert caller.dialer.due_at is None
    caller.dialer.handle_timer(START + 99)
    assert caller.sent() == []
    assert caller.offered(hello) is None


# COOKIE.


def test_a_cookie_for_a_nonce_of_ours_is_an_offer_and_nothing_is_sent_before_it_is_trusted() -> None:
    caller = Caller()
    first, second = caller.hello(SERVER, ELSEWHERE)
    assert caller.offered(second) == Offer(SERVER_KEY, 1, ELSEWHERE)
    assert caller.dialer.state is Dialing.CHECKING
    assert caller.dialer.due_at is None
    assert caller.offered(first) is None, "the first answer is used"
    assert caller.sent() == []


@pytest.mark.parametrize("size", [0, 1, 63, 65, 1200])
def test_a_cookie_of_another_size_is_none(size: int) -> None:
    caller = Caller()
    (hello,) = caller.hello()
    assert caller.dialer.receive_cookie(make_cookie(hello).ljust(size, b"\0")[:size], START) is None
    assert caller.dialer.state is Dialing.ASKING


def test_a_cookie_for_a_nonce_nobody_sent_is_none() -> None:
    caller = Caller()
    (hello,) = caller.hello()
    assert caller.offered(hello[:4] + b"anothers" + hello[12:]) is None


def test_trust_without_an_offer_does_nothing() -> None:
    caller = Caller()
    caller.hello()
    caller.dialer.trust(PAYLOAD, START)
    assert caller.dialer.state is Dialing.ASKING


def test_a_trusted_server_gets_an_init_that_it_can_read() -> None:
    caller = Caller()
    init = caller.shaking()
    kind, version, epoch, zero, cid, nonce, cookie = struct.unpack("<BBBBI8s16s", init[:32])
    assert (kind, version, epoch, zero, cookie, len(init)) == (INIT, 1, 7, 0, COOKIE_BYTES, INIT_SIZE)
    assert cid
    assert nonce
    responder = Responder(IDENTITY.private_key, PROLOGUE + init[:32], Dice(5)(32))
    assert m.decode_init_payload_untrusted(responder.read_message_untrusted(init[32:])) == PAYLOAD


def test_with_a_ticket_the_init_is_longer() -> None:
    assert len(Caller().shaking(bytes(256))) == INIT_TICKET_SIZE


def test_a_server_that_says_wait_is_left_alone_for_so_long() -> None:
    caller = Caller()
    (hello,) = caller.hello()
    caller.offered(hello, retry_ms=700)
    caller.dialer.trust(PAYLOAD, START + 0.1)
    assert caller.dialer.due_at == pytest.approx(START + 0.7)
    caller.fire()
    assert caller.now == pytest.approx(START + 0.7)


def test_a_server_that_said_wait_and_was_trusted_later_is_asked_at_once() -> None:
    caller = Caller()
    (hello,) = caller.hello()
    caller.offered(hello, retry_ms=700)
    caller.dialer.trust(PAYLOAD, START + 5)
    assert caller.dialer.due_at == START + 5


# INIT.


def test_init_is_sent_the_same_eight_times_and_then_everything_begins_anew() -> None:
    caller = Caller()
    init = caller.shaking()
    moments = [caller.now]
    for _ in range(INIT_TRIES - 1):
        assert [data for data, _ in caller.fire()] == [init]
        moments.append(caller.now)
    for (earlier, later), span in zip(pairwise(moments), [*RETRY, *[RETRY[-1]] * 4], strict=True):
        assert 0.9 * span - 1e-9 <= later - earlier <= 1.1 * span + 1e-9
    ((hello, address),) = caller.fire()
    assert (hello[0], address) == (HELLO, SERVER)
    assert caller.dialer.state is Dialing.ASKING
    assert hello[4:12] != init[8:16]


def test_an_init_whose_cookie_was_stale_is_made_anew_with_the_fresh_one() -> None:
    caller = Caller()
    init = caller.shaking()
    assert caller.dialer.receive_cookie(make_cookie(init, cookie=b"a fresh cookie!!"), caller.now) is None
    ((again, _),) = caller.fire()
    assert again[16:32] == b"a fresh cookie!!"
    assert again[32:64] != init[32:64], "with a new ephemeral key"
    assert again[4:8] != init[4:8]


def test_a_server_that_is_busy_is_asked_again_with_the_same_init_after_the_time_it_named() -> None:
    caller = Caller()
    init = caller.shaking()
    caller.dialer.receive_cookie(make_cookie(init, retry_ms=900), caller.now)
    at = caller.now + 0.9
    assert [data for data, _ in caller.fire()] == [init]
    assert caller.now == pytest.approx(at)


@pytest.mark.parametrize("what", ["another key", "another nonce"])
def test_a_cookie_from_somebody_else_does_not_disturb_a_handshake(what: str) -> None:
    caller = Caller()
    init = caller.shaking()
    cookies = {
        "another key": make_cookie(init, cookie=b"a forged cookie!", key=b"x" * 32),
        "another nonce": make_cookie(init[:8] + b"anothers" + init[16:], cookie=b"a forged cookie!"),
    }
    due_at = caller.dialer.due_at
    caller.dialer.receive_cookie(cookies[what], caller.now)
    assert caller.dialer.due_at == due_at
    assert [data for data, _ in caller.fire()] == [init]


def test_a_cookie_whose_epoch_was_spoilt_is_put_right_by_the_next() -> None:
    caller = Caller()
    (hello,) = caller.hello()
    spoilt = make_cookie(hello)
    assert caller.dialer.receive_cookie(spoilt[:2] + b"\x06" + spoilt[3:], caller.now) is not None
    caller.dialer.trust(PAYLOAD, caller.now)
    ((init, _),) = caller.fire()
    assert init[2] == 6
    caller.dialer.receive_cookie(make_cookie(init), caller.now)
    ((again, _),) = caller.fire()
    assert again[2] == 7


def test_cookies_that_somebody_else_sends_do_not_spoil_an_init_that_is_answered() -> None:
    caller = Caller()
    init = caller.shaking()
    resp, _ = make_resp(init)
    for number in range(MAX_ATTEMPTS - 1):
        caller.dialer.receive_cookie(make_cookie(init, cookie=b"a forged cookie" + bytes([number])), caller.now)
        ((forged, _),) = caller.fire()
        assert forged[16:32] == b"a forged cookie" + bytes([number])
    established = caller.dialer.receive_resp(resp, caller.now)
    assert established is not None
    assert established.channel.receive_cid == int.from_bytes(init[4:8], "little")


def test_cookies_make_no_storm_of_inits_and_put_nothing_off_for_long() -> None:
    caller = Caller()
    init = caller.shaking()
    for number in range(100):
        caller.dialer.receive_cookie(make_cookie(init, cookie=bytes([number]) * 16, retry_ms=65_535), caller.now)
        caller.dialer.handle_timer(caller.now)
    assert caller.sent() == []
    assert caller.dialer.due_at == pytest.approx(caller.now + COOKIE_SECONDS.high)
    caller.dialer.receive_cookie(make_cookie(init, cookie=b"a fresh cookie!!"), caller.now)
    assert caller.dialer.due_at == pytest.approx(caller.now + COOKIE_PAUSE)


def test_inits_that_other_cookies_were_wanted_for_are_counted_too() -> None:
    caller = Caller()
    init = caller.shaking()
    for number in range(INIT_TRIES - 1):
        caller.dialer.receive_cookie(make_cookie(init, cookie=bytes([number]) * 16), caller.now)
        assert caller.fire()[0][0][0] == INIT
    caller.dialer.receive_cookie(make_cookie(init, cookie=b"one more of them"), caller.now)
    assert caller.fire()[0][0][0] == HELLO


@pytest.mark.parametrize("key", [SERVER_KEY, b"x" * 32])
def test_a_cookie_of_another_version_does_not_disturb_a_handshake(key: bytes) -> None:
    caller = Caller()
    init = caller.shaking()
    cookie = make_cookie(init, version=2, cookie=bytes(16), key=key)
    assert caller.dialer.receive_cookie(cookie, caller.now) is None
    assert [data for data, _ in caller.fire()] == [init]


def test_a_doubtful_offer_does_not_end_the_wait_for_another() -> None:
    caller = Caller()
    (hello,) = caller.hello()
    for _ in range(3):
        caller.offered(hello)
        caller.dialer.doubt(caller.now)
        assert caller.dialer.state is Dialing.ASKING
        assert not caller.dialer.is_round_over(caller.now)
    assert caller.offered(hello) == Offer(SERVER_KEY, 1, SERVER)


def test_doubtful_offers_do_not_put_off_the_next_hello() -> None:
    caller = Caller()
    (hello,) = caller.hello()
    assert caller.dialer.due_at is not None
    due_at = caller.dialer.due_at
    for _ in range(20):
        caller.now += 0.01
        caller.offered(hello)
        caller.dialer.doubt(caller.now)
    assert caller.dialer.due_at == due_at
    assert caller.dialer.is_round_over(due_at)
    assert [data for data, _ in caller.fire()] == [hello]
    assert not caller.dialer.is_round_over(caller.now)


def test_a_server_key_of_low_order_is_asked_for_another_and_nothing_is_raised() -> None:
    caller = Caller()
    (hello,) = caller.hello()
    caller.dialer.receive_cookie(make_cookie(hello, key=bytes(32)), caller.now)
    caller.dialer.trust(PAYLOAD, caller.now)
    assert caller.fire() == []
    ((again, _),) = caller.fire()
    assert again[0] == HELLO


# RESP.


def test_resp_makes_a_session_whose_channel_the_server_can_read() -> None:
    caller = Caller()
    init = caller.shaking()
    resp, responder = make_resp(init)
    established = caller.dialer.receive_resp(resp, caller.now)
    assert isinstance(established, Established)
    assert (established.address, established.server_key) == (SERVER, SERVER_KEY)
    assert established.payload.room == "a room"
    assert established.handshake_hash == responder.handshake_hash
    assert established.channel.send_cid == 99
    assert established.channel.receive_cid == int.from_bytes(init[4:8], "little")
    assert caller.dialer.state is Dialing.IDLE
    assert caller.dialer.due_at is None
    assert caller.dialer.receive_resp(resp, caller.now) is None, "once"


def test_a_spoilt_resp_is_none_and_the_true_one_still_counts() -> None:
    caller = Caller()
    resp, _ = make_resp(caller.shaking())
    for at in range(len(resp)):
        if at not in (0, 2, 3):  # the type was looked at before; two bytes are zero and not looked at
            spoilt = resp[:at] + bytes([resp[at] ^ 1]) + resp[at + 1 :]
            assert caller.dialer.receive_resp(spoilt, caller.now) is None
        assert caller.dialer.receive_resp(resp[:at], caller.now) is None
    assert caller.dialer.receive_resp(resp + b"\0", caller.now) is None
    assert caller.dialer.receive_resp(resp, caller.now) is not None


def test_a_resp_from_one_who_has_not_the_servers_key_is_none() -> None:
    caller = Caller()
    init = caller.shaking()
    header = struct.pack("<BBHI", RESP, 1, 0, int.from_bytes(init[4:8], "little"))
    assert caller.dialer.receive_resp(header + Dice(9)(192), caller.now) is None


def test_a_resp_before_init_is_none() -> None:
    caller = Caller()
    caller.hello()
    assert caller.dialer.receive_resp(bytes([RESP]) + bytes(199), caller.now) is None


def test_the_real_server_answers() -> None:
    house, caller = House(), Caller()
    sent = [(data, address) for data, address in [(caller.hello()[0], SERVER)]]
    ((cookie, _),) = house.receive(sent[0][0], HOME, caller.now)
    assert caller.dialer.receive_cookie(cookie, caller.now) == Offer(SERVER_KEY, 1, SERVER)
    caller.dialer.trust(PAYLOAD, caller.now)
    ((init, _),) = caller.fire()
    ((resp, _),) = house.receive(init, HOME, caller.now)
    established = caller.dialer.receive_resp(resp, caller.now)
    assert established is not None
    assert established.payload.room == "the room"


@given(seed=st.integers(0, 2**32), junk=st.lists(st.binary(max_size=300), max_size=10), steps=st.integers(0, 4))
def test_whatever_comes_nothing_is_raised_and_nothing_is_sent_for_it(seed: int, junk: list[bytes], steps: int) -> None:
    caller = Caller(seed)
    init = b""
    if steps:
        (init,) = caller.hello()
    if steps > 1:
        caller.offered(init)
    if steps > 2:
        caller.dialer.trust(PAYLOAD, caller.now)
        ((init, _),) = caller.fire()
    state = caller.dialer.state
    for data in junk:
        for each in (data, data[:64].ljust(64, b"\0"), data[:200].ljust(200, b"\0")):
            assert caller.dialer.receive_cookie(each, caller.now) is None
            assert caller.dialer.receive_resp(each, caller.now) is None
    assert caller.sent() == []
    assert caller.dialer.state is state


def test_a_guest_and_a_dialer_are_the_same_to_the_server() -> None:
    """The hand-made client of these tests sends what the real one sends, but for what is random."""
    caller, guest = Caller(), Guest(House(), STRANGER)
    (hello,) = caller.hello()
    guest.nonce = hello[4:12]
    assert guest.hello() == hello
    init, _ = guest.make_init(7, COOKIE_BYTES)
    real = caller.shaking()
    assert len(init) == len(real)
    assert init[:4] == real[:4]
    assert init[16:32] == real[16:32]
