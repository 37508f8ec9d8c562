from __future__ import annotations

import ipaddress
from collections import Counter, deque

import pytest
from kit.disk import Diary

from sockatuh.protocol.seam import Address
from sockatuh.server.dialects.base import DialectEvent, NameAsked, Refusal, SessionEnded
from sockatuh.server.dialects.classic import ClassicDialect
from sockatuh.server.dialects.demux import Demux

HERE: Address = ("127.0.0.1", 40000)


class SecureCore:
    """Records what it receives; the test supplies its events and datagrams."""

    def __init__(self) -> None:
        self.received: list[tuple[bytes, Address, float]] = []
        self.timers: list[float] = []
        self.events: deque[DialectEvent] = deque()
        self.outbox: list[tuple[bytes, Address]] = []
        self.deadline: float | None = None

    def receive_datagram(self, data: bytes, address: Address, now: float) -> None:
        self.received.append((data, address, now))

    def handle_timer(self, now: float) -> None:
        self.timers.append(now)

    def get_timer(self) -> float | None:
        return self.deadline

    def next_event(self) -> DialectEvent | None:
        return self.events.popleft() if self.events else None

    def datagrams_to_send(self) -> list[tuple[bytes, Address]]:
        datagrams, self.outbox = self.outbox, []
        return datagrams


def make_classic(*, enabled: bool) -> ClassicDialect:
    networks = [ipaddress.ip_network("127.0.0.0/8")]
    return ClassicDialect(Diary(), bytes, enabled=enabled, networks=networks, rate=1e6, burst=1000)


def make_demux(secure: SecureCore, classic: ClassicDialect) -> Demux:
    return Demux(secure, classic, Counter(), was_sent_to_all=lambda _: False, discoverable=True)


@pytest.fixture
def secure() -> SecureCore:
    return SecureCore()


@pytest.fixture
def classic() -> ClassicDialect:
    return make_classic(enabled=True)


@pytest.fixture
def both(secure: SecureCore, classic: ClassicDialect) -> Demux:
    return make_demux(secure, classic)


def test_the_first_byte_names_the_dialect(both: Demux, secure: SecureCore, classic: ClassicDialect) -> None:
    for first in range(256):
        both.receive_datagram(bytes([first]) + b"...", HERE, 0.0)
    both.receive_datagram(b"", HERE, 0.0)
    assert [data[0] for data, _, _ in secure.received] == [0xB1, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6]
    assert classic.dropped.total() == 256 - 6 + 1


def test_the_address_and_the_time_go_along(both: Demux, secure: SecureCore) -> None:
    both.receive_datagram(b"\xb5...", HERE, 7.0)
    assert secure.received == [(b"\xb5...", HERE, 7.0)]


def test_text_never_reaches_the_secure_dialect(secure: SecureCore) -> None:
    classic = make_classic(enabled=False)
    make_demux(secure, classic).receive_datagram(b"Username:budi", HERE, 0.0)
    assert secure.received == []
    assert classic.dropped == {"off": 1}


@pytest.mark.parametrize("data", [b"\xb1...", b"\xb3...", b"\xb5...", b"Username:budi"])
def test_what_was_sent_to_all_is_processed_only_by_a_room_that_may_be_found(
    secure: SecureCore, classic: ClassicDialect, data: bytes
) -> None:
    dropped = Counter[str]()
    both = Demux(secure, classic, dropped, was_sent_to_all=lambda to: to is not HERE, discoverable=False)
    both.receive_datagram(data, ("10.0.0.9", 40000), 0.0)
    assert (secure.received, both.next_event(), dropped) == ([], None, {"sent_to_all": 1})
    both.discoverable = True
    both.receive_datagram(data, ("127.0.0.1", 40001), 0.0)
    both.discoverable = False
    both.receive_datagram(data, HERE, 0.0)
    assert len(secure.received) == (2 if data[0] > 0x7F else 0)
    assert dropped == {"sent_to_all": 1}


def test_events_of_both_dialects_are_reported(both: Demux, secure: SecureCore) -> None:
    both.receive_datagram(b"Username:budi", HERE, 0.0)
    asked = both.next_event()
    assert isinstance(asked, NameAsked)
    ended = SessionEnded(asked.visitor, "left", "left")
    both.receive_datagram(b"Username:ana", HERE, 0.0)
    secure.events.append(ended)
    assert both.next_event() == ended
    assert isinstance(both.next_event(), NameAsked)
    assert both.next_event() is None


def test_datagrams_of_both_dialects_are_sent(both: Demux, secure: SecureCore, classic: ClassicDialect) -> None:
    secure.outbox.append((b"\xb5", HERE))
    assert both.datagrams_to_send() == [(b"\xb5", HERE)]
    both.receive_datagram(b"Username:budi", HERE, 0.0)
    asked = both.next_event()
    assert isinstance(asked, NameAsked)
    classic.refuse(asked.visitor, Refusal("name_unavailable"))
    secure.outbox.append((b"\xb5", HERE))
    assert both.datagrams_to_send() == [(b"\xb5", HERE), (b"Username sudah dipakai! Gunakan username lain.", HERE)]
    assert both.datagrams_to_send() == []


def test_the_classic_dialect_is_not_asked_before_its_first_datagram(secure: SecureCore) -> None:
    classic = SecureCore()
    classic.deadline, classic.outbox = 7.0, [(b"Username:", HERE)]
    both = Demux(secure, classic, Counter(), was_sent_to_all=lambda _: False, discoverable=True)
    both.receive_datagram(b"\xb5", HERE, 0.0)
    assert (both.get_timer(), both.datagrams_to_send()) == (None, [])
    both.receive_datagram(b"Username:budi", HERE, 0.0)
    assert (both.get_timer(), both.datagrams_to_send()) == (7.0, [(b"Username:", HERE)])


def test_the_earlier_deadline_counts(both: Demux, secure: SecureCore) -> None:
    assert both.get_timer() is None
    secure.deadline = 30.0
    assert both.get_timer() == 30.0
    both.receive_datagram(b"Username:budi", HERE, 0.0)
    assert both.get_timer() == 30.0
    secure.deadline = 90.0
    assert both.get_timer() == 60.0
    secure.deadline = None
    assert both.get_timer() == 60.0


def test_timers_of_both_dialects_fire(both: Demux, secure: SecureCore) -> None:
    both.receive_datagram(b"Username:budi", HERE, 0.0)
    both.handle_timer(60.0)
    assert secure.timers == [60.0]
    assert both.get_timer() is None
