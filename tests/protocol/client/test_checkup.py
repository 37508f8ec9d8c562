"""Examining the way to a server: what is counted, what the path carries, and that nothing is joined."""

from __future__ import annotations

import heapq
import itertools
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.bare_room import HASH, HOME, IDENTITY, LOG_ID, SERVER_KEY, START, TICKET_KEY, Dice, pack_address

from sockatuh.protocol.client.checkup import HELLO_INTERVAL, HELLOS, PATIENCE, Checkup, CheckupEnded, Path
from sockatuh.protocol.client.events import KeyMismatch, VersionDiffers
from sockatuh.protocol.client.obstacles import Obstacle
from sockatuh.protocol.constants import COOKIE, DATA, HELLO, INIT, MAX_DATAGRAM, VERSION
from sockatuh.protocol.seam import Address
from sockatuh.protocol.server.endpoint import Endpoint
from sockatuh.protocol.server.limits import Limits
from sockatuh.protocol.server.tickets import Tickets

HERE: Address = ("10.0.0.20", 7625)
ELSEWHERE: Address = ("10.0.0.21", 7625)
DELAY = 0.001
Carries = Callable[[bytes, int], bool]
"""Whether a datagram arrives: its bytes, and its place among all that were sent."""


def everything(_: bytes, __: int) -> bool:
    return True


class Way:
    """A client that examines a server, in virtual time; each datagram takes DELAY."""

    def __init__(self, *addresses: Address, pin: bytes | None = None, carries: Carries = everything) -> None:
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
        self.checkup = Checkup(addresses or (HERE,), pin, Dice("doctor"))
        self.now, self.carries, self.sent = START, carries, list[bytes]()
        self.forges: Callable[[bytes], bytes | None] = lambda _: None
        """What somebody else at the address answers instead of the server."""

    def run(self) -> Checkup:
        under_way: list[tuple[float, int, bytes, bool]] = []
        order = itertools.count()

        def push(data: bytes, *, is_ours: bool) -> None:
            if self.carries(data, len(self.sent)):
                heapq.heappush(under_way, (self.now + DELAY, next(order), data, is_ours))

        self.checkup.start(self.now)
        while True:
            for data, to in self.checkup.datagrams_to_send():
                if to == HERE:
                    push(data, is_ours=True)
                self.sent.append(data)
            if (event := self.checkup.next_event()) is not None:
                assert event == CheckupEnded()
                assert self.checkup.get_timer() is None
                return self.checkup
            timer = self.checkup.get_timer()
            assert timer is not None
            assert timer < START + 20, "the checkup does not end"
            if under_way and under_way[0][0] <= timer:
                self.now, _, data, is_ours = heapq.heappop(under_way)
                if not is_ours:
                    self.checkup.receive_datagram(data, HERE, self.now)
                elif (forged := self.forges(data)) is not None:
                    push(forged, is_ours=False)
                else:
                    self.endpoint.receive_datagram(data, HOME, self.now)
                    for answer, _ in self.endpoint.datagrams_to_send():
                        push(answer, is_ours=False)
            else:
                self.now = timer
                self.checkup.handle_timer(self.now)

    @property
    def took(self) -> float:
        return self.now - START

    def events(self) -> list[str]:
        found = []
        while (event := self.endpoint.next_event()) is not None:
            found.append(type(event).__name__)
        return found


def test_a_server_in_reach_is_timed_proven_and_left_without_a_join() -> None:
    way = Way()
    found = way.run()
    assert [round(each, 6) for each in found.contacts[HERE].seconds] == [2 * DELAY] * HELLOS
    assert found.room is not None
    assert (found.room.key, found.room.room, found.room.address) == (SERVER_KEY, "the room", HERE)
    assert (found.path, found.wrong) == (Path.WHOLE, None)
    assert way.took < 1
    assert way.events() == ["SessionOpened", "SessionClosed"]
    assert next(len(data) for data in way.sent if data[0] == DATA) == MAX_DATAGRAM


def test_lost_hellos_are_counted() -> None:
    found = Way(carries=lambda data, at: not (data[0] == HELLO and at in (1, 3))).run()
    assert len(found.contacts[HERE].seconds) == HELLOS - 2
    assert found.room is not None


def test_a_path_that_carries_only_short_datagrams_is_narrow() -> None:
    way = Way(carries=lambda data, _: len(data) <= 1000)
    assert way.run().path is Path.NARROW
    assert way.events() == ["SessionOpened", "SessionClosed"]


def test_a_server_that_answers_no_datagram_of_a_session_is_silent() -> None:
    way = Way(carries=lambda data, _: data[0] != DATA)
    found = way.run()
    assert found.room is not None
    assert found.path is Path.SILENT


def test_nobody_is_waited_for_longer_than_an_answer_may_take() -> None:
    way = Way(carries=lambda *_: False)
    found = way.run()
    assert (found.best, found.room, found.path) == (None, None, Path.UNTRIED)
    assert way.took == pytest.approx(PATIENCE + HELLO_INTERVAL * (HELLOS - 1))


def test_a_server_that_never_finishes_the_handshake_proves_nothing() -> None:
    found = Way(carries=lambda data, _: data[0] != INIT).run()
    assert found.best == HERE
    assert (found.room, found.wrong, found.path) == (None, None, Path.UNTRIED)


def test_a_server_with_another_key_than_the_known_one_is_sent_no_handshake() -> None:
    way = Way(pin=b"k" * 32)
    assert way.run().wrong == KeyMismatch(b"k" * 32, SERVER_KEY)
    assert not [data for data in way.sent if data[0] in (INIT, DATA)]


def test_a_server_of_another_version_is_sent_no_handshake() -> None:
    way = Way()
    way.forges = lambda data: struct.pack(
        "<BBBB8s16s32sHH", COOKIE, VERSION + 1, 0, 0, data[4:12], bytes(16), SERVER_KEY, 0, 0
    )
    assert way.run().wrong == VersionDiffers(VERSION + 1)
    assert not [data for data in way.sent if data[0] in (INIT, DATA)]


def test_the_address_that_answers_is_used() -> None:
    found = Way(ELSEWHERE, HERE).run()
    assert found.contacts[ELSEWHERE].seconds == []
    assert found.room is not None
    assert found.room.address == HERE


def test_an_obstacle_is_noted_and_ends_nothing() -> None:
    way = Way()
    way.checkup.note_obstacle(HERE, Obstacle.PORT_CLOSED)
    way.checkup.note_obstacle(ELSEWHERE, Obstacle.NO_ROUTE)
    found = way.run()
    assert found.contacts[HERE].obstacle is Obstacle.PORT_CLOSED
    assert found.path is Path.WHOLE


@given(st.lists(st.binary(max_size=300) | st.binary(max_size=60).map(lambda tail: b"\xb2\1" + tail), max_size=20))
def test_whatever_answers_the_checkup_ends(datagrams: list[bytes]) -> None:
    answers = iter(datagrams)
    way = Way()
    way.forges = lambda _: next(answers, None)
    way.run()
