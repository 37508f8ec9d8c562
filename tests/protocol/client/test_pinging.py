"""Asking a server for an answer: what proves its key, what is timed, and that no session is opened."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.bare_room import HASH, HOME, IDENTITY, LOG_ID, SERVER_KEY, START, TICKET_KEY, Dice, pack_address

from sockatuh.protocol.client.events import KeyMismatch, VersionDiffers
from sockatuh.protocol.client.obstacles import Obstacle
from sockatuh.protocol.client.pinging import Answered, Pinging, PingResult, Unanswered
from sockatuh.protocol.constants import COOKIE, DATA, HELLO, INIT, VERSION
from sockatuh.protocol.seam import Address
from sockatuh.protocol.server.endpoint import Endpoint
from sockatuh.protocol.server.limits import Limits
from sockatuh.protocol.server.tickets import Tickets

HERE: Address = ("10.0.0.20", 7625)
ELSEWHERE: Address = ("10.0.0.21", 7625)
DELAY = 0.002
SECONDS = 3.0
OTHER_KEY = b"k" * 32
Answers = Callable[[bytes], list[bytes]]


def cookie(hello: bytes, key: bytes = SERVER_KEY, version: int = VERSION, retry_ms: int = 0) -> bytes:
    return struct.pack("<BBBB8s16s32sHH", COOKIE, version, 0, 0, hello[4:12], bytes(16), key, retry_ms, 0)


class Way:
    """A client that pings a server, in virtual time: each answer comes DELAY after what it answers."""

    def __init__(self, *addresses: Address, pin: bytes | None = None, answers: Answers | None = None) -> None:
        self.endpoint = Endpoint(
            IDENTITY,
            Tickets([TICKET_KEY], b"password"),
            HASH,
            log_id=LOG_ID,
            head=0,
            limits=Limits(),
            random=Dice("house"),
            pack_address=pack_address,
        )
        self.core = Pinging(addresses or (HERE,), pin, Dice("monitor"), SECONDS)
        self.answers = answers or self.serve
        self.now, self.sent = START, list[bytes]()

    def serve(self, data: bytes) -> list[bytes]:
        self.endpoint.receive_datagram(data, HOME, self.now)
        return [answer for answer, _ in self.endpoint.datagrams_to_send()]

    def run(self) -> PingResult:
        self.core.start(self.now)
        while True:
            arriving = []
            for data, to in self.core.datagrams_to_send():
                self.sent.append(data)
                arriving += self.answers(data) if to == HERE else []
            if (result := self.core.next_event()) is not None:
                assert self.core.get_timer() is None
                return result
            timer = self.core.get_timer()
            assert timer is not None
            assert timer <= START + SECONDS
            if arriving and self.now + DELAY < timer:
                self.now += DELAY
                for answer in arriving:
                    self.core.receive_datagram(answer, HERE, self.now)
            else:
                self.now = timer
                self.core.handle_timer(self.now)


def test_a_server_is_timed_and_proves_its_key_and_opens_no_session() -> None:
    way = Way()
    result = way.run()
    assert isinstance(result, Answered)
    assert (result.key, result.address, result.room) == (SERVER_KEY, HERE, "the room")
    assert result.seconds == pytest.approx(DELAY)
    assert [data[0] for data in way.sent] == [HELLO, INIT]
    assert way.endpoint.next_event() is None


def test_the_address_that_answers_is_named() -> None:
    result = Way(ELSEWHERE, HERE, pin=SERVER_KEY).run()
    assert isinstance(result, Answered)
    assert result.address == HERE


def test_a_lost_hello_counts_as_time() -> None:
    way = Way()
    way.answers = lambda data: way.serve(data) if len(way.sent) > 1 else []
    result = way.run()
    assert isinstance(result, Answered)
    assert result.seconds == pytest.approx(0.25, rel=0.2)


def test_another_key_than_the_known_one_is_told_and_sent_no_handshake() -> None:
    way = Way(pin=OTHER_KEY)
    assert way.run() == KeyMismatch(OTHER_KEY, SERVER_KEY)
    assert {data[0] for data in way.sent} == {HELLO}


def test_a_liar_beside_the_server_does_not_stop_the_ping() -> None:
    way = Way(pin=SERVER_KEY)
    way.answers = lambda data: ([cookie(data, OTHER_KEY)] if data[0] == HELLO else []) + way.serve(data)
    assert isinstance(way.run(), Answered)


def test_another_version_is_told() -> None:
    assert Way(answers=lambda data: [cookie(data, version=VERSION + 1)]).run() == VersionDiffers(VERSION + 1)


def test_a_cookie_alone_is_no_answer() -> None:
    way = Way(answers=lambda data: [cookie(data)] if data[0] == HELLO else [])
    assert way.run() == Unanswered((), met=True)
    assert way.now == START + SECONDS
    assert DATA not in {data[0] for data in way.sent}


def test_nobody_is_waited_for_longer_than_asked_and_what_stood_in_the_way_is_told() -> None:
    way = Way(answers=lambda _: [])
    way.core.note_obstacle(HERE, Obstacle.PORT_CLOSED)
    way.core.note_obstacle(ELSEWHERE, Obstacle.NO_ROUTE)
    assert way.run() == Unanswered(((HERE, Obstacle.PORT_CLOSED),), met=False)
    assert way.now == START + SECONDS


@given(st.lists(st.binary(max_size=300) | st.binary(max_size=60).map(lambda tail: b"\xb2\1" + tail), max_size=20))
def test_whatever_answers_the_ping_ends(datagrams: list[bytes]) -> None:
    answers = iter(datagrams)
    way = Way()
    way.answers = lambda _: [answer for answer in (next(answers, None),) if answer is not None]
    assert isinstance(way.run(), Unanswered)
