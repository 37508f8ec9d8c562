"""Looking for rooms: who is asked and when, what is kept of the answers, and who gets to prove a key."""

from __future__ import annotations

import heapq
import itertools
import struct
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.bare_room import HASH, HOME, LOG_ID, START, TICKET_KEY, Dice, pack_address

from sockatuh.protocol.client.answers import MAX_ANSWERS, Answer, Answers
from sockatuh.protocol.client.discovery import (
    GATHER_SECONDS,
    MAX_ASKED,
    MAX_SWEPT,
    PROVING_SECONDS,
    QUIET_SECONDS,
    ROUNDS,
    SEARCH_SECONDS,
    Discovery,
    SearchEnded,
)
from sockatuh.protocol.client.room_proofs import ADDRESSES_OF_A_KEY, ATTEMPT_SECONDS, MAX_KEYS, RoomProven
from sockatuh.protocol.constants import COOKIE, DATA, HELLO, HELLO_SIZE, INIT, VERSION
from sockatuh.protocol.noise import public_key
from sockatuh.protocol.seam import Address
from sockatuh.protocol.server.door import ServerIdentity
from sockatuh.protocol.server.endpoint import Endpoint
from sockatuh.protocol.server.limits import Limits
from sockatuh.protocol.server.tickets import Tickets

EVERYBODY: Address = ("10.0.0.255", 7625)
DELAY = 0.001
Answering = Callable[[bytes, Address], list[tuple[bytes, Address]]]
"""What a made-up host does with a datagram: what it sends, and from which address."""


def cookie(hello: bytes, key: bytes, *, retry_ms: int = 0, version: int = VERSION) -> bytes:
    """Return a COOKIE that anybody who sees a HELLO can make."""
    return struct.pack("<BBBB8s16s32sHH", COOKIE, version, 1, 0, hello[4:12], b"a cookie, indeed", key, retry_ms, 0)


class Lan:
    """One network and somebody who looks for rooms in it, in virtual time; each datagram takes DELAY."""

    def __init__(self, *pins: bytes, **options: object) -> None:
        self.now = START
        self.sent: list[tuple[float, bytes, Address]] = []
        self.rooms: dict[Address, Endpoint] = {}
        self.others: dict[Address, Answering] = {}
        self.lost: set[int] = set()
        """Which of the datagrams sent by the client are lost, by their place."""
        self.events: list[RoomProven | SearchEnded] = []
        self.ended_at: float | None = None
        self._under_way: list[tuple[float, int, bytes, Address, Address]] = []
        self._order = itertools.count()
        chosen = {"may_ask": lambda _: True, "rank": lambda _: 0} | options
        self.discovery = Discovery(set(pins), Dice("seeker"), **chosen)  # type: ignore[arg-type]

    def add_room(self, name: str, *addresses: str, seed: str = "") -> bytes:
        """Add a server with a key of its own; return that."""
        dice = Dice(seed or name)
        identity = ServerIdentity(dice(32), dice(32), name)
        endpoint = Endpoint(
            identity,
            Tickets([TICKET_KEY], b"password"),
            HASH,
            log_id=LOG_ID,
            head=0,
            limits=Limits(),
            random=dice,
            pack_address=pack_address,
        )
        self.rooms |= {(address, 7625): endpoint for address in addresses}
        return public_key(identity.private_key)

    def run(self, *asked: Address, seconds: float = 10.0) -> Lan:
        """Search until the end."""
        self.discovery.ask(asked or [EVERYBODY], self.now)
        self.discovery.start(self.now)
        self._flush()
        until = self.now + seconds
        while self.ended_at is None:
            timer = self.discovery.get_timer()
            first = self._under_way[0][0] if self._under_way else None
            at = min(each for each in (timer, first) if each is not None)
            assert at <= until, "the search does not end"
            self.now = max(self.now, at)
            if first is not None and first <= self.now:
                self._deliver()
            else:
                self.discovery.handle_timer(self.now)
            self._flush()
        assert self.discovery.get_timer() is None
        return self

    @property
    def took(self) -> float:
        assert self.ended_at is not None
        return self.ended_at - START

    def sent_of(self, kind: int) -> list[tuple[float, Address]]:
        """Return when and to whom datagrams of a kind were sent."""
        return [(round(at - START, 3), to) for at, data, to in self.sent if data[0] == kind]

    def _flush(self) -> None:
        for data, to in self.discovery.datagrams_to_send():
            self.sent.append((self.now, data, to))
            if len(self.sent) - 1 in self.lost:
                continue
            hosts = [*self.rooms, *self.others] if to == EVERYBODY else [to]
            for host in hosts:
                self._push(data, HOME, host)
        while (event := self.discovery.next_event()) is not None:
            self.events.append(event)
            if isinstance(event, SearchEnded):
                self.ended_at = self.now

    def _push(self, data: bytes, source: Address, target: Address) -> None:
        heapq.heappush(self._under_way, (self.now + DELAY, next(self._order), data, source, target))

    def _deliver(self) -> None:
        _, _, data, source, target = heapq.heappop(self._under_way)
        if target == HOME:
            self.discovery.receive_datagram(data, source, self.now)
        elif target in self.others:
            for answer, from_there in self.others[target](data, target):
                self._push(answer, from_there, HOME)
        elif target in self.rooms:
            self.rooms[target].receive_datagram(data, source, self.now)
            while datagrams := self.rooms[target].datagrams_to_send():
                for answer, to in datagrams:
                    self._push(answer, target, to)


def answering_with(*keys: bytes, retry_ms: int = 0, version: int = VERSION) -> Answering:
    """Return a host that answers every HELLO with these keys, and has none of them."""

    def answer(data: bytes, here: Address) -> list[tuple[bytes, Address]]:
        made = [cookie(data, key, retry_ms=retry_ms, version=version) for key in keys]
        return [(each, here) for each in made] if data[0] == HELLO else []

    return answer


def key_of(name: str) -> bytes:
    """Return the key of the room that `add_room` makes."""
    return public_key(Dice(name)(32))


def keys_of(count: int) -> list[bytes]:
    """Return public keys that are somebody's."""
    return [public_key(Dice(f"key {number}")(32)) for number in range(count)]


def test_nobody_answers_within_two_seconds() -> None:
    lan = Lan().run()
    assert lan.events == [SearchEnded()]
    assert lan.took == pytest.approx(SEARCH_SECONDS)
    assert lan.sent_of(HELLO) == [(at, EVERYBODY) for at in ROUNDS]
    assert {len(data) for _, data, _ in lan.sent} == {HELLO_SIZE}
    assert len({data[4:12] for _, data, _ in lan.sent}) == len(ROUNDS), "each HELLO has a nonce of its own"


def test_every_room_is_found_with_its_name_and_proves_its_key() -> None:
    lan = Lan()
    keys = {lan.add_room(name, f"10.0.0.{at}"): name for at, name in enumerate(["kitchen", "attic", "cellar"], 1)}
    lan.run()
    proven = [event for event in lan.events if isinstance(event, RoomProven)]
    assert {event.key: event.room for event in proven} == keys
    assert {event.address[0] for event in proven} == {"10.0.0.1", "10.0.0.2", "10.0.0.3"}
    assert [answer.seconds for answer in lan.discovery.answers] == pytest.approx([2 * DELAY] * 3)
    assert QUIET_SECONDS < lan.took < QUIET_SECONDS + 0.1


def test_no_session_is_opened_and_no_client_is_recognised() -> None:
    lan = Lan()
    lan.add_room("kitchen", "10.0.0.1")
    lan.add_room("attic", "10.0.0.2")
    lan.run()
    assert {data[0] for _, data, _ in lan.sent} == {HELLO, INIT}
    assert DATA not in {data[0] for _, data, _ in lan.sent}
    assert [len(room) for room in lan.rooms.values()] == [0, 0]
    assert all(room.next_event() is None for room in lan.rooms.values())
    seen = [pending.client_key for room in lan.rooms.values() for pending in room._door._by_cid.values()]
    assert len(seen) == len({*seen}) == 2, "each server sees a key that no other has seen"


def test_a_search_that_shall_be_quick_shakes_no_hands() -> None:
    lan = Lan(proves=False)
    lan.add_room("kitchen", "10.0.0.1")
    lan.run()
    assert len(lan.discovery.answers) == 1
    assert lan.events == [SearchEnded()]
    assert lan.sent_of(INIT) == []
    assert lan.took == pytest.approx(QUIET_SECONDS + 2 * DELAY)


def test_a_lost_hello_is_sent_again() -> None:
    lan = Lan()
    key = lan.add_room("kitchen", "10.0.0.1")
    lan.lost = {0, 1}
    lan.run()
    assert [event.key for event in lan.events if isinstance(event, RoomProven)] == [key]
    assert [answer.seconds for answer in lan.discovery.answers] == pytest.approx([2 * DELAY])


def test_a_known_room_is_proven_soon_and_the_others_when_the_search_has_ended() -> None:
    lan = Lan(key_of("kitchen"))
    lan.add_room("attic", "10.0.0.2")
    lan.add_room("kitchen", "10.0.0.1")
    lan.run()
    (first, to), (second, other) = lan.sent_of(INIT)
    assert (to, other) == (("10.0.0.1", 7625), ("10.0.0.2", 7625))
    assert GATHER_SECONDS < first < GATHER_SECONDS + 0.01
    assert second > QUIET_SECONDS


def test_a_search_for_known_keys_ignores_every_other() -> None:
    lan = Lan(key_of("kitchen"), only_pins=True)
    lan.add_room("attic", "10.0.0.2")
    lan.run()
    assert lan.events == [SearchEnded()]
    assert len(lan.discovery.answers) == 0
    assert lan.took == pytest.approx(SEARCH_SECONDS)


def test_an_address_that_may_not_be_asked_is_sent_nothing() -> None:
    lan = Lan(may_ask=lambda address: address[0] != "10.0.0.1")
    lan.add_room("kitchen", "10.0.0.1")
    lan.run()
    assert len(lan.discovery.answers) == 0
    assert {to for _, _, to in lan.sent} == {EVERYBODY}


def test_a_key_that_somebody_else_names_is_not_proven() -> None:
    lan = Lan(key_of("kitchen"))
    for at in range(ADDRESSES_OF_A_KEY + 3):
        lan.others[f"10.0.0.{60 + at}", 7625] = answering_with(key_of("kitchen"))
    lan.run()
    assert lan.events == [SearchEnded()]
    assert len({to for _, to in lan.sent_of(INIT)}) == ADDRESSES_OF_A_KEY
    assert lan.took < SEARCH_SECONDS + PROVING_SECONDS


def test_the_next_address_of_a_key_is_tried_when_one_does_not_prove_it() -> None:
    key = key_of("kitchen")
    lan = Lan(key, rank=lambda address: address[0] == "10.0.0.7")
    for at in range(ADDRESSES_OF_A_KEY - 1):
        lan.others[f"10.0.0.{60 + at}", 7625] = answering_with(key)
    lan.add_room("kitchen", "10.0.0.7")
    lan.run()
    assert [event.address[0] for event in lan.events if isinstance(event, RoomProven)] == ["10.0.0.7"]
    assert lan.took < (ADDRESSES_OF_A_KEY - 1) * ATTEMPT_SECONDS + 0.1


def test_the_best_address_of_a_room_is_the_one_that_is_used() -> None:
    lan = Lan(rank=lambda address: -int(address[0].rpartition(".")[2]))
    lan.add_room("kitchen", "10.0.0.1", "10.0.0.9", "10.0.0.5")
    lan.run()
    assert len(lan.discovery.answers) == 3
    assert [event.address[0] for event in lan.events if isinstance(event, RoomProven)] == ["10.0.0.9"]
    assert len(lan.sent_of(INIT)) == 1


def test_a_known_room_is_proven_at_the_best_address_even_if_another_answers_first() -> None:
    lan = Lan(key_of("kitchen"), rank=lambda address: -int(address[0].rpartition(".")[2]))
    lan.add_room("kitchen", "10.0.0.1", "10.0.0.9")
    lan.run()
    assert next(iter(lan.discovery.answers)).address[0] == "10.0.0.1"
    assert [event.address[0] for event in lan.events if isinstance(event, RoomProven)] == ["10.0.0.9"]


def test_one_address_has_one_handshake_at_a_time() -> None:
    lan = Lan()
    host = ("10.0.0.66", 7625)
    lan.others[host] = answering_with(*keys_of(MAX_KEYS + 4))
    lan.run()
    asked = [at for at, to in lan.sent_of(HELLO) if to == host]
    inits = [(at, data[32:]) for at, data, to in lan.sent if data[0] == INIT]
    assert len(asked) < 3 * PROVING_SECONDS / ATTEMPT_SECONDS + 3
    assert {to for _, to in lan.sent_of(INIT)} == {host}
    assert len(inits) < 30
    assert lan.took < QUIET_SECONDS + PROVING_SECONDS + 0.1


def test_no_more_than_some_keys_prove_themselves_known_ones_first() -> None:
    names = [f"room {at}" for at in range(MAX_KEYS + 4)]
    lan = Lan(key_of(names[-1]), key_of(names[-2]))
    for at, name in enumerate(names):
        lan.add_room(name, f"10.0.0.{at + 1}")
    lan.run()
    proven = [event.room for event in lan.events if isinstance(event, RoomProven)]
    assert {*proven[:2]} == {*names[-2:]}
    assert {*proven[2:]} == {*names[: MAX_KEYS - 2]}


def test_a_room_that_asks_to_wait_is_left_in_peace_until_then() -> None:
    lan = Lan()
    key = lan.add_room("kitchen", "10.0.0.1")
    room = lan.rooms.pop(("10.0.0.1", 7625))
    asked_at: list[float] = []

    def answer(data: bytes, here: Address) -> list[tuple[bytes, Address]]:
        asked_at.append(lan.now)
        if data[0] == HELLO and len(asked_at) <= 2:
            return [(cookie(data, key, retry_ms=900), here)]
        room.receive_datagram(data, HOME, lan.now)
        return [(answer, here) for answer, _ in room.datagrams_to_send()]

    lan.others["10.0.0.1", 7625] = answer
    lan.run()
    assert [event.key for event in lan.events if isinstance(event, RoomProven)] == [key]
    direct = [at for at, to in lan.sent_of(HELLO) if to != EVERYBODY]
    assert direct[0] >= 0.9, "not before it said in its first answer, although the search had ended"
    assert direct[0] - QUIET_SECONDS > 0.3


def test_a_server_of_another_version_is_an_answer_and_is_not_tried() -> None:
    lan = Lan()
    lan.others["10.0.0.1", 7625] = answering_with(b"k" * 32, version=2)
    lan.run()
    assert [answer.version for answer in lan.discovery.answers] == [2]
    assert lan.sent_of(INIT) == []


def test_a_key_of_low_order_ends_its_handshake() -> None:
    lan = Lan()
    lan.others["10.0.0.1", 7625] = answering_with(bytes(32))
    lan.run()
    assert lan.events == [SearchEnded()]
    assert lan.sent_of(INIT) == []


def test_ten_thousand_forged_answers_are_bounded() -> None:
    kitchen, keys = key_of("kitchen"), keys_of(100)
    lan = Lan(kitchen)
    lan.add_room("kitchen", "10.0.0.1")

    def flood(data: bytes, _: Address) -> list[tuple[bytes, Address]]:
        if data[0] != HELLO:
            return []
        hosts = [(f"10.0.{number % 100}.77", 7000 + number // 100) for number in range(10_000)]
        return [(cookie(data, keys[number % 100]), host) for number, host in enumerate(hosts)]

    lan.others["10.0.0.66", 7625] = flood
    lan.run()
    assert len(lan.discovery.answers) == MAX_ANSWERS
    assert [event.key for event in lan.events if isinstance(event, RoomProven)] == [kitchen]
    assert len({to for _, to in lan.sent_of(INIT)}) <= MAX_KEYS * ADDRESSES_OF_A_KEY
    assert Counter(to for _, to in lan.sent_of(HELLO)).total() < 200
    assert lan.took < SEARCH_SECONDS + PROVING_SECONDS + 0.1


def test_a_known_key_displaces_an_unknown_one_where_answers_are_full() -> None:
    kitchen, others = key_of("kitchen"), keys_of(MAX_ANSWERS + 10)
    answers = Answers({kitchen})
    for at, key in enumerate([*others, kitchen]):
        assert answers.add(Answer(("10.0.0.1", at), key, VERSION, 0.1, 0.0)) is (at < MAX_ANSWERS or key == kitchen)
    assert [answer.key for answer in answers] == [*others[: MAX_ANSWERS - 1], kitchen]
    assert not answers.add(Answer(("10.0.0.1", len(others)), kitchen, VERSION, 0.1, 0.0))


def test_a_sweep_asks_every_address_once_and_the_search_lasts_until_it_is_over() -> None:
    swept: Sequence[Address] = [(f"10.0.{net}.{host}", 7625) for net in (0, 1) for host in range(1, 255)]
    lan = Lan()
    key = lan.add_room("kitchen", "10.0.0.1")
    lan.discovery.sweep(swept)
    lan.run(("10.9.9.9", 7625))
    asked = [(at, to) for at, to in lan.sent_of(HELLO) if to in swept]
    assert {to for _, to in asked} == {*swept}
    assert [event.key for event in lan.events if isinstance(event, RoomProven)] == [key]
    first = [at for at, to in asked if to[0].startswith("10.0.1.")]
    assert [at for at, _ in asked][254] <= 0.55, "500 a second"
    assert 3.9 <= max(first) <= 4.2, "255 in a row, then a pause"
    assert lan.took >= max(first) + QUIET_SECONDS


def test_what_is_asked_is_bounded() -> None:
    lan = Lan()
    many = [(f"10.{at // 250}.{at % 250}.1", 7625) for at in range(4_000)]
    lan.discovery.sweep(many)
    lan.run(*many, seconds=60.0)
    assert len(lan.sent) == MAX_SWEPT + MAX_ASKED * len(ROUNDS)
    assert len(lan.discovery._sent_at) == len(lan.sent)


def test_an_address_that_becomes_known_in_the_middle_is_asked_at_once() -> None:
    lan = Lan()
    key = lan.add_room("kitchen", "10.0.0.1")
    lan.rooms = {}
    lan.discovery.start(lan.now)
    lan.add_room("kitchen", "10.7.0.1")
    lan.discovery.ask([("10.7.0.1", 7625)], lan.now)
    lan.run(("10.9.9.9", 7625))
    assert [event.key for event in lan.events if isinstance(event, RoomProven)] == [key]


@given(st.lists(st.tuples(st.binary(max_size=220), st.integers(0, 3)), max_size=30))
def test_any_bytes_are_ignored_or_bounded(datagrams: list[tuple[bytes, int]]) -> None:
    lan = Lan()
    lan.discovery.ask([EVERYBODY], lan.now)
    lan.discovery.start(lan.now)
    hello = lan.discovery.datagrams_to_send()[0][0]
    for data, kind in datagrams:
        head = [data, b"\xb2" + data, b"\xb4" + data, cookie(hello, data[:32].ljust(32, b"\1"))][kind]
        lan.discovery.receive_datagram(head, ("10.0.0.3", 7625), lan.now)
        assert {to for _, to in lan.discovery.datagrams_to_send()} <= {("10.0.0.3", 7625)}
    assert len(lan.discovery.answers) <= MAX_ANSWERS
