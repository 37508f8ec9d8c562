"""The way to a session: who is asked, when, and which COOKIE is believed."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.bare_room import ELSEWHERE, HOME, IDENTITY, SERVER, SERVER_KEY, START, STRANGER, BareRoom, Dice
from kit.raw_client import RawClient

from sockatuh.protocol import messages as m
from sockatuh.protocol.client.bounds import COOKIE_SECONDS
from sockatuh.protocol.client.dialer import (
    COOKIE_PAUSE,
    INIT_TRIES,
    MISMATCHES_IGNORED,
    RETRY,
    Dialer,
    Dialing,
)
from sockatuh.protocol.client.events import KeyMismatch, ServerUnknown, VersionDiffers
from sockatuh.protocol.client.handshakes import MAX_HANDSHAKES, Established
from sockatuh.protocol.client.timers import ClientTimer
from sockatuh.protocol.constants import (
    COOKIE,
    HELLO,
    HELLO_SIZE,
    INIT,
    INIT_SIZE,
    INIT_TICKET_SIZE,
    PROLOGUE,
    RESP,
    VERSION,
)
from sockatuh.protocol.noise import Responder
from sockatuh.protocol.seam import Address
from sockatuh.protocol.timers import TimerTable

PAYLOAD = m.InitPayload("a test", b"a stream", 0, None, 0, None)
COOKIE_BYTES = b"a cookie, indeed"


class Client:
    """A dialer with a clock, and a server made by hand."""

    def __init__(self, seed: int = 1, pin: bytes | None = None, *, meets_nobody_new: bool = False) -> None:
        self.out: list[tuple[bytes, Address]] = []
        self.dice = Dice(seed)
        self.timers = TimerTable(ClientTimer)
        self.dialer = Dialer(self.dice(32), pin, self.dice, self.timers, self.out, meets_nobody_new=meets_nobody_new)
        self.now = START
        self.reason: KeyMismatch | VersionDiffers | None = None
        """Why dialling has ended, if it has."""

    @property
    def due_at(self) -> float | None:
        return self.timers.get(ClientTimer.DIAL)

    def sent(self) -> list[tuple[bytes, Address]]:
        sent, self.out[:] = self.out[:], []
        return sent

    def handle_timer(self) -> None:
        for timer in self.timers.take_due(self.now):
            assert timer is ClientTimer.DIAL
            self.reason = self.dialer.handle_timer(self.now)

    def fire(self) -> list[tuple[bytes, Address]]:
        """Advance the time to the next deadline, and return what is sent then."""
        assert self.due_at is not None
        self.now = max(self.now, self.due_at)
        self.handle_timer()
        return self.sent()

    def hello(self, *addresses: Address, payload: m.InitPayload = PAYLOAD) -> list[bytes]:
        """Start, and return the HELLOs."""
        self.dialer.start(addresses or [SERVER], payload, self.now)
        return [data for data, _ in self.fire()]

    def cookie(
        self,
        hello: bytes,
        *,
        retry_ms: int = 0,
        version: int = VERSION,
        key: bytes = SERVER_KEY,
        cookie: bytes = COOKIE_BYTES,
    ) -> ServerUnknown | None:
        """Answer a HELLO or an INIT with a COOKIE, and return why dialling has ended, if it has."""
        data = make_cookie(hello, retry_ms=retry_ms, version=version, key=key, cookie=cookie)
        return self.dialer.receive_cookie(data, self.now)

    def shaking(self, ticket: bytes | None = None) -> bytes:
        """Dial up to the INIT, and return it."""
        (hello,) = self.hello(payload=m.InitPayload("a test", b"a stream", 0, None, 0, ticket))
        assert self.cookie(hello) is None
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


# Further addresses of a room.


@pytest.mark.parametrize("version", [VERSION, VERSION + 1])
def test_another_server_at_a_further_address_never_ends_dialling(version: int) -> None:
    client = Client(pin=SERVER_KEY)
    client.dialer.start([SERVER, ELSEWHERE], PAYLOAD, START, frozenset({ELSEWHERE}))
    for _ in range(MISMATCHES_IGNORED + 5):
        sent = client.fire()
        (hello,) = (data for data, address in sent if address == ELSEWHERE)
        assert client.cookie(hello, key=b"x" * 32, version=version) is None
        assert client.reason is None
    (hello,) = (data for data, address in client.fire() if address == SERVER)
    assert client.cookie(hello) is None
    ((_, address),) = client.fire()
    assert address == SERVER, "the intended server is still met"


def test_the_intended_server_is_met_at_a_further_address() -> None:
    client = Client(pin=SERVER_KEY)
    client.dialer.start([SERVER, ELSEWHERE], PAYLOAD, START, frozenset({ELSEWHERE}))
    (hello,) = (data for data, address in client.fire() if address == ELSEWHERE)
    assert client.cookie(hello) is None
    ((_, address),) = client.fire()
    assert address == ELSEWHERE


def test_the_rooms_own_server_in_another_version_is_reported_from_a_further_address_too() -> None:
    client = Client(pin=SERVER_KEY)
    client.dialer.start([ELSEWHERE], PAYLOAD, START, frozenset({ELSEWHERE}))
    for _ in range(MISMATCHES_IGNORED + 1):
        ((hello, _),) = client.fire()
        client.cookie(hello, version=VERSION + 1)
    client.fire()
    assert client.reason == VersionDiffers(VERSION + 1)


# HELLO.


def test_every_address_is_asked_at_once_each_under_its_own_nonce() -> None:
    client = Client()
    client.dialer.start([SERVER, ELSEWHERE], PAYLOAD, START)
    sent = client.fire()
    assert [address for _, address in sent] == [SERVER, ELSEWHERE]
    assert len({data[4:12] for data, _ in sent}) == 2
    for data, _ in sent:
        assert struct.unpack("<BBH", data[:4]) == (HELLO, 1, 0)
        assert len(data) == HELLO_SIZE
        assert data[12:] == bytes(HELLO_SIZE - 12)


def test_nothing_is_sent_before_its_time() -> None:
    client = Client()
    client.dialer.start([SERVER], PAYLOAD, START + 1)
    client.now = START + 0.99
    client.handle_timer()
    assert client.sent() == []


def test_hello_is_repeated_the_same_until_it_is_answered() -> None:
    client = Client()
    (hello,) = client.hello()
    moments = [client.now]
    for _ in range(8):
        assert [data for data, _ in client.fire()] == [hello]
        moments.append(client.now)
    expected = [*RETRY, *[RETRY[-1]] * (8 - len(RETRY))]
    for (earlier, later), span in zip(pairwise(moments), expected, strict=True):
        assert 0.9 * span <= later - earlier <= 1.1 * span + 1e-9
    assert RETRY == (0.25, 0.5, 0.75)


def test_each_attempt_has_new_nonces() -> None:
    client = Client()
    (first,) = client.hello()
    (second,) = client.hello()
    assert first[4:12] != second[4:12]
    assert client.cookie(first) is None, "an answer to an earlier attempt is none to this one"


def test_a_stopped_dialer_sends_nothing_and_believes_nothing() -> None:
    client = Client()
    (hello,) = client.hello()
    client.dialer.stop()
    assert client.due_at is None
    client.now = START + 99
    client.handle_timer()
    assert client.sent() == []
    assert client.cookie(hello) is None


# COOKIE.


def test_the_first_cookie_for_a_nonce_of_ours_is_used_whosever_key_it_names() -> None:
    client = Client()
    first, second = client.hello(SERVER, ELSEWHERE)
    assert client.cookie(second, key=b"x" * 32) is None
    assert client.dialer.state is Dialing.SHAKING
    assert client.cookie(first) is None
    ((init, address),) = client.fire()
    assert (init[0], init[8:16], address) == (INIT, second[4:12], ELSEWHERE)


@pytest.mark.parametrize("pin", [None, SERVER_KEY])
def test_who_is_to_meet_nobody_new_sends_an_init_to_a_pinned_key_only(pin: bytes | None) -> None:
    client = Client(pin=pin, meets_nobody_new=True)
    first, second = client.hello(SERVER, ELSEWHERE)
    if pin is not None:
        assert client.cookie(first) is None
        assert client.fire()[0][0][0] == INIT
        return
    assert client.cookie(second) == ServerUnknown(SERVER_KEY)
    assert client.dialer.state is Dialing.IDLE
    assert client.due_at is None
    assert client.cookie(first) is None, "it has stopped"
    client.now += 60
    client.handle_timer()
    assert client.sent() == []


def test_a_cookie_of_another_version_is_not_taken_for_an_unknown_server() -> None:
    client = Client(meets_nobody_new=True)
    (hello,) = client.hello()
    assert client.cookie(hello, version=VERSION + 1) is None
    assert client.dialer.state is Dialing.ASKING


@pytest.mark.parametrize("size", [0, 1, 63, 65, 1200])
def test_a_cookie_of_another_size_is_ignored(size: int) -> None:
    client = Client()
    (hello,) = client.hello()
    assert client.dialer.receive_cookie(make_cookie(hello).ljust(size, b"\0")[:size], START) is None
    assert client.dialer.state is Dialing.ASKING


def test_a_cookie_for_a_nonce_that_was_not_sent_is_ignored() -> None:
    client = Client()
    (hello,) = client.hello()
    assert client.cookie(hello[:4] + b"anothers" + hello[12:]) is None


def test_the_server_gets_an_init_that_it_can_read() -> None:
    client = Client()
    init = client.shaking()
    kind, version, epoch, zero, cid, nonce, cookie = struct.unpack("<BBBBI8s16s", init[:32])
    assert (kind, version, epoch, zero, cookie, len(init)) == (INIT, 1, 7, 0, COOKIE_BYTES, INIT_SIZE)
    assert cid
    assert nonce
    responder = Responder(IDENTITY.private_key, PROLOGUE + init[:32], Dice(5)(32))
    assert m.decode_init_payload_untrusted(responder.read_message_untrusted(init[32:])) == PAYLOAD


def test_with_a_ticket_the_init_is_longer() -> None:
    assert len(Client().shaking(bytes(256))) == INIT_TICKET_SIZE


def test_a_server_that_asks_to_wait_is_sent_nothing_meanwhile() -> None:
    client = Client()
    (hello,) = client.hello()
    client.cookie(hello, retry_ms=700)
    assert client.due_at == pytest.approx(START + 0.7)
    client.fire()
    assert client.now == pytest.approx(START + 0.7)


# INIT.


def test_the_same_init_is_sent_eight_times_and_then_dialling_starts_over() -> None:
    client = Client()
    init = client.shaking()
    moments = [client.now]
    for _ in range(INIT_TRIES - 1):
        assert [data for data, _ in client.fire()] == [init]
        moments.append(client.now)
    for (earlier, later), span in zip(pairwise(moments), [*RETRY, *[RETRY[-1]] * 4], strict=True):
        assert 0.9 * span - 1e-9 <= later - earlier <= 1.1 * span + 1e-9
    ((hello, address),) = client.fire()
    assert (hello[0], address) == (HELLO, SERVER)
    assert client.dialer.state is Dialing.ASKING
    assert hello[4:12] != init[8:16]


def test_a_stale_cookie_leads_to_a_new_init_with_the_fresh_one() -> None:
    client = Client()
    init = client.shaking()
    assert client.dialer.receive_cookie(make_cookie(init, cookie=b"a fresh cookie!!"), client.now) is None
    ((again, _),) = client.fire()
    assert again[16:32] == b"a fresh cookie!!"
    assert again[32:64] != init[32:64], "with a new ephemeral key"
    assert again[4:8] != init[4:8]


def test_a_busy_server_gets_the_same_init_again_after_the_time_it_named() -> None:
    client = Client()
    init = client.shaking()
    client.dialer.receive_cookie(make_cookie(init, retry_ms=900), client.now)
    at = client.now + 0.9
    assert [data for data, _ in client.fire()] == [init]
    assert client.now == pytest.approx(at)


@pytest.mark.parametrize("what", ["another key", "another nonce"])
def test_a_cookie_from_somebody_else_does_not_disturb_a_handshake(what: str) -> None:
    client = Client()
    init = client.shaking()
    cookies = {
        "another key": make_cookie(init, cookie=b"a forged cookie!", key=b"x" * 32),
        "another nonce": make_cookie(init[:8] + b"anothers" + init[16:], cookie=b"a forged cookie!"),
    }
    due_at = client.due_at
    client.dialer.receive_cookie(cookies[what], client.now)
    assert client.due_at == due_at
    assert [data for data, _ in client.fire()] == [init]


def test_a_cookie_with_a_damaged_epoch_is_corrected_by_the_next() -> None:
    client = Client()
    (hello,) = client.hello()
    spoilt = make_cookie(hello)
    assert client.dialer.receive_cookie(spoilt[:2] + b"\x06" + spoilt[3:], client.now) is None
    ((init, _),) = client.fire()
    assert init[2] == 6
    client.dialer.receive_cookie(make_cookie(init), client.now)
    ((again, _),) = client.fire()
    assert again[2] == 7


def test_forged_cookies_do_not_spoil_a_handshake_that_is_answered() -> None:
    client = Client()
    init = client.shaking()
    resp, _ = make_resp(init)
    for number in range(MAX_HANDSHAKES - 1):
        client.dialer.receive_cookie(make_cookie(init, cookie=b"a forged cookie" + bytes([number])), client.now)
        ((forged, _),) = client.fire()
        assert forged[16:32] == b"a forged cookie" + bytes([number])
    established = client.dialer.receive_resp(resp, client.now)
    assert established is not None
    assert established.channel.receive_cid == int.from_bytes(init[4:8], "little")


def test_cookies_cause_no_storm_of_inits_and_no_long_delay() -> None:
    client = Client()
    init = client.shaking()
    for number in range(100):
        client.dialer.receive_cookie(make_cookie(init, cookie=bytes([number]) * 16, retry_ms=65_535), client.now)
        client.handle_timer()
    assert client.sent() == []
    assert client.due_at == pytest.approx(client.now + COOKIE_SECONDS.high)
    client.dialer.receive_cookie(make_cookie(init, cookie=b"a fresh cookie!!"), client.now)
    assert client.due_at == pytest.approx(client.now + COOKIE_PAUSE)


def test_inits_caused_by_further_cookies_count_as_tries() -> None:
    client = Client()
    init = client.shaking()
    for number in range(INIT_TRIES - 1):
        client.dialer.receive_cookie(make_cookie(init, cookie=bytes([number]) * 16), client.now)
        assert client.fire()[0][0][0] == INIT
    client.dialer.receive_cookie(make_cookie(init, cookie=b"one more of them"), client.now)
    assert client.fire()[0][0][0] == HELLO


@pytest.mark.parametrize("key", [SERVER_KEY, b"x" * 32])
def test_a_cookie_of_another_version_does_not_disturb_a_handshake(key: bytes) -> None:
    client = Client()
    init = client.shaking()
    cookie = make_cookie(init, version=2, cookie=bytes(16), key=key)
    assert client.dialer.receive_cookie(cookie, client.now) is None
    assert [data for data, _ in client.fire()] == [init]


# The pin.


def make_wrong(client: Client, hello: bytes, what: str) -> None:
    """Answer a HELLO with a COOKIE that is not the server's."""
    if what == "key":
        assert client.cookie(hello, key=b"x" * 32) is None
    else:
        assert client.cookie(hello, version=VERSION + 1) is None


def rounds(client: Client, hello: bytes, what: str, count: int) -> None:
    """Let rounds pass, each of which brings a wrong answer only."""
    for _ in range(count):
        make_wrong(client, hello, what)
        client.fire()


def test_with_a_pinned_key_init_follows_by_itself() -> None:
    client = Client(pin=SERVER_KEY)
    (hello,) = client.hello()
    assert client.cookie(hello) is None
    assert client.fire()[0][0][0] == INIT


def test_a_handshake_pins_no_key() -> None:
    """Anybody has a key; that it is the room's is for the password to prove."""
    client = Client()
    init = client.shaking()
    assert client.dialer.receive_resp(make_resp(init)[0], client.now) is not None
    assert client.dialer.pin is None
    (hello,) = client.hello()
    assert client.cookie(hello, key=b"x" * 32) is None
    assert client.dialer.state is Dialing.SHAKING


def test_once_a_key_is_pinned_no_other_will_do() -> None:
    client = Client()
    client.dialer.receive_resp(make_resp(client.shaking())[0], client.now)
    client.dialer.pin = SERVER_KEY
    (hello,) = client.hello()
    assert client.cookie(hello, key=b"x" * 32) is None
    assert client.dialer.state is Dialing.ASKING
    assert client.cookie(hello) is None
    assert client.fire()[0][0][0] == INIT


@pytest.mark.parametrize("what", ["key", "version"])
def test_only_the_third_round_in_a_row_that_brings_no_other_answer_is_believed(what: str) -> None:
    client = Client(pin=SERVER_KEY)
    (hello,) = client.hello()
    for _ in range(2):
        rounds(client, hello, what, MISMATCHES_IGNORED)
        make_wrong(client, hello, what)
        assert client.cookie(hello) is None
        assert client.dialer.state is Dialing.SHAKING, "the right answer came after a wrong one"
        (hello,) = client.hello()
    rounds(client, hello, what, MISMATCHES_IGNORED)
    assert client.reason is None
    rounds(client, hello, what, 1)
    expected = {"key": KeyMismatch(SERVER_KEY, b"x" * 32), "version": VersionDiffers(VERSION + 1)}
    assert client.reason == expected[what]
    assert client.dialer.state is Dialing.IDLE
    assert client.due_at is None
    assert client.sent() == []


def test_another_version_will_not_do_while_no_key_is_pinned_either() -> None:
    client = Client()
    (hello,) = client.hello()
    rounds(client, hello, "version", MISMATCHES_IGNORED + 1)
    assert client.reason == VersionDiffers(VERSION + 1)


def test_a_round_without_an_answer_counts_for_nothing() -> None:
    client = Client(pin=SERVER_KEY)
    (hello,) = client.hello()
    rounds(client, hello, "key", MISMATCHES_IGNORED)
    for _ in range(9):
        assert client.fire() == [(hello, SERVER)]
    rounds(client, hello, "key", 1)
    assert client.reason == KeyMismatch(SERVER_KEY, b"x" * 32)


def test_a_wrong_answer_does_not_end_the_wait_for_another() -> None:
    client = Client(pin=SERVER_KEY)
    (hello,) = client.hello()
    for _ in range(3):
        make_wrong(client, hello, "key")
        assert client.dialer.state is Dialing.ASKING
        assert client.due_at is not None
        assert client.due_at > client.now
    assert client.cookie(hello) is None
    assert client.dialer.state is Dialing.SHAKING


def test_a_wrong_answer_late_in_a_round_is_the_last_for_a_quarter_of_a_second_at_most() -> None:
    client = Client(pin=SERVER_KEY)
    (hello,) = client.hello()
    for _ in range(4):
        client.fire()
    make_wrong(client, hello, "key")
    assert client.due_at == client.now + RETRY[0]


def test_wrong_answers_do_not_put_off_the_next_hello() -> None:
    client = Client(pin=SERVER_KEY)
    (hello,) = client.hello()
    due_at = client.due_at
    for _ in range(20):
        client.now += 0.01
        make_wrong(client, hello, "key")
    assert client.due_at == due_at
    assert client.fire() == [(hello, SERVER)]


def test_a_server_key_of_low_order_is_asked_for_another_and_nothing_is_raised() -> None:
    client = Client()
    (hello,) = client.hello()
    client.dialer.receive_cookie(make_cookie(hello, key=bytes(32)), client.now)
    assert client.fire() == []
    ((again, _),) = client.fire()
    assert again[0] == HELLO


# RESP.


def test_resp_makes_a_session_whose_channel_the_server_can_read() -> None:
    client = Client()
    init = client.shaking()
    resp, responder = make_resp(init)
    established = client.dialer.receive_resp(resp, client.now)
    assert isinstance(established, Established)
    assert (established.address, established.server_key) == (SERVER, SERVER_KEY)
    assert established.payload.room == "a room"
    assert established.handshake_hash == responder.handshake_hash
    assert established.channel.send_cid == 99
    assert established.channel.receive_cid == int.from_bytes(init[4:8], "little")
    assert client.dialer.state is Dialing.IDLE
    assert client.due_at is None
    assert client.dialer.receive_resp(resp, client.now) is None, "once"


def test_a_damaged_resp_is_ignored_and_the_genuine_one_still_counts() -> None:
    client = Client()
    resp, _ = make_resp(client.shaking())
    for at in range(len(resp)):
        if at not in (0, 2, 3):  # the type was checked before; two bytes are zero and not checked
            spoilt = resp[:at] + bytes([resp[at] ^ 1]) + resp[at + 1 :]
            assert client.dialer.receive_resp(spoilt, client.now) is None
        assert client.dialer.receive_resp(resp[:at], client.now) is None
    assert client.dialer.receive_resp(resp + b"\0", client.now) is None
    assert client.dialer.receive_resp(resp, client.now) is not None


def test_a_resp_from_somebody_without_the_servers_key_is_ignored() -> None:
    client = Client()
    init = client.shaking()
    header = struct.pack("<BBHI", RESP, 1, 0, int.from_bytes(init[4:8], "little"))
    assert client.dialer.receive_resp(header + Dice(9)(192), client.now) is None


def test_a_resp_before_init_is_ignored() -> None:
    client = Client()
    client.hello()
    assert client.dialer.receive_resp(bytes([RESP]) + bytes(199), client.now) is None


def test_the_real_server_answers() -> None:
    bare_room, client = BareRoom(), Client()
    sent = [(data, address) for data, address in [(client.hello()[0], SERVER)]]
    ((cookie, _),) = bare_room.receive(sent[0][0], HOME, client.now)
    assert client.dialer.receive_cookie(cookie, client.now) is None
    ((init, _),) = client.fire()
    ((resp, _),) = bare_room.receive(init, HOME, client.now)
    established = client.dialer.receive_resp(resp, client.now)
    assert established is not None
    assert established.payload.room == "the room"


@given(seed=st.integers(0, 2**32), junk=st.lists(st.binary(max_size=300), max_size=10), steps=st.integers(0, 4))
def test_no_datagram_makes_the_dialer_raise_or_send(seed: int, junk: list[bytes], steps: int) -> None:
    client = Client(seed)
    init = b""
    if steps:
        (init,) = client.hello()
    if steps > 1:
        client.cookie(init)
    if steps > 2:
        ((init, _),) = client.fire()
    state = client.dialer.state
    for data in junk:
        for each in (data, data[:64].ljust(64, b"\0"), data[:200].ljust(200, b"\0")):
            assert client.dialer.receive_cookie(each, client.now) is None
            assert client.dialer.receive_resp(each, client.now) is None
    assert client.sent() == []
    assert client.dialer.state is state


def test_the_hand_made_client_sends_what_the_dialer_sends() -> None:
    """They send the same, except for what is random."""
    client, guest = Client(), RawClient(BareRoom(), STRANGER)
    (hello,) = client.hello()
    guest.nonce = hello[4:12]
    assert guest.hello() == hello
    init, _ = guest.make_init(7, COOKIE_BYTES)
    real = client.shaking()
    assert len(init) == len(real)
    assert init[:4] == real[:4]
    assert init[16:32] == real[16:32]
