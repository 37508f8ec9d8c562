"""What the room server relies on, whichever dialect it talks to (server/dialects/base.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import pytest
from kit.instant_world import InstantWorld
from kit.password_hash import answer
from kit.world import PASSWORD

from sockatuh.protocol.client import events as e
from sockatuh.protocol.client.joining import PeerOptions
from sockatuh.protocol.client.peer import Peer
from sockatuh.protocol.seam import Address
from sockatuh.room.entries import Message
from sockatuh.room.log import Row
from sockatuh.server.dialects.base import (
    Dialect,
    DialectEvent,
    LineSaid,
    NameAsked,
    PasswordGiven,
    Refusal,
    SessionEnded,
    Visitor,
)

SERVER: Address = ("10.0.0.1", 7625)


class Client(Protocol):
    """A client program; `received` lists `valid`, `refused`, `in`, and the lines of others."""

    address: Address
    received: list[str]

    def ask(self, name: str) -> None:
        """Ask for a name."""

    def join(self, name: str) -> None:
        """Join under a name that was asked for."""

    def say(self, text: str) -> None:
        """Say a line."""

    def receive(self, data: bytes, now: float) -> None:
        """Take a datagram."""

    def take(self, now: float) -> list[bytes]:
        """Return and forget what is to be sent."""


class SecureClient:
    def __init__(self, world: InstantWorld, address: Address) -> None:
        self.address, self.now = address, world.now
        self.received: list[str] = []
        self.peer = Peer(
            PeerOptions(world.random(32), world.random(8), "test", pin=world.endpoint.public_key), world.random
        )
        self.peer.connect([SERVER], world.now)

    def ask(self, name: str) -> None:
        self.peer.join(name, None, self.now)

    def join(self, name: str) -> None:
        self.peer.join(name, PASSWORD.encode(), self.now)

    def say(self, text: str) -> None:
        self.peer.say(text, self.now)

    def receive(self, data: bytes, now: float) -> None:
        self.peer.receive_datagram(data, SERVER, now)
        self._take_events(now)

    def _take_events(self, now: float) -> None:
        while (event := self.peer.next_event()) is not None:
            match event:
                case e.HashWanted():
                    self.peer.supply_hash(event, answer(event), now)
                case e.NameAccepted():
                    self.received.append("valid")
                case e.JoinRefused():
                    self.received.append("refused")
                case e.Admitted():
                    self.received.append("in")
                case e.EntryArrived(entry):
                    self.received.append(f"{entry.name}: {entry.text}")
                case _:
                    pass

    def take(self, now: float) -> list[bytes]:
        self.now = now
        if (due := self.peer.get_timer()) is not None and due <= now:
            self.peer.handle_timer(now)
        self._take_events(now)
        return [data for data, _ in self.peer.datagrams_to_send()]


WORDS = {
    b"Username valid!": "valid",
    b"Berhasil bergabung!": "in",
    b"Password salah! Silakan coba lagi.": "refused",
    b"Username sudah dipakai! Gunakan username lain.": "refused",
}


class ClassicClient:
    def __init__(self, _world: InstantWorld, address: Address) -> None:
        self.address = address
        self.received: list[str] = []
        self._out: list[bytes] = []

    def ask(self, name: str) -> None:
        self._out.append(b"Username:" + name.encode())

    def join(self, name: str) -> None:
        del name
        self._out.append(b"Password:" + PASSWORD.encode())

    def say(self, text: str) -> None:
        self._out.append(text.encode())

    def receive(self, data: bytes, now: float) -> None:
        del now
        self.received.append(WORDS.get(data) or data.decode())

    def take(self, now: float) -> list[bytes]:
        del now
        out, self._out = self._out, []
        return out


class Way:
    """One dialect with its clients. Its events are collected; the test is the room server."""

    def __init__(self, name: str) -> None:
        self.world = InstantWorld()
        parts = self.world.parts
        ways: dict[str, tuple[Dialect, type[SecureClient | ClassicClient]]] = {
            "secure": (parts.secure, SecureClient),
            "classic": (parts.classic, ClassicClient),
        }
        self.dialect, self._client = ways[name]
        self.now = self.world.now
        self.clients: list[Client] = []
        self._head = 0

    def client(self) -> Client:
        client = self._client(self.world, (self.world.host(), 40_000))
        self.clients.append(client)
        self.events()
        return client

    def events(self, seconds: float = 0.0) -> list[DialectEvent]:
        """Process everything pending, and return the reported events."""
        self.now += seconds
        found: list[DialectEvent] = []
        moved = True
        while moved:
            moved = False
            if (due := self.dialect.get_timer()) is not None and due <= self.now:
                self.dialect.handle_timer(self.now)
            for client in self.clients:
                for data in client.take(self.now):
                    moved = True
                    self.dialect.receive_datagram(data, client.address, self.now)
            while (event := self.dialect.next_event()) is not None:
                moved = True
                found.append(event)
            while datagrams := self.dialect.datagrams_to_send():
                moved = True
                for data, address in datagrams:
                    for client in self.clients:
                        if client.address == address:
                            client.receive(data, self.now)
        return found

    def one(self) -> DialectEvent:
        [event] = self.events()
        return event

    def asking(self, client: Client, name: str) -> Visitor:
        """Have a client ask to join; return the visitor that waits for its welcome."""
        client.ask(name)
        asked = self.one()
        assert isinstance(asked, NameAsked)
        assert asked.name == name
        self.dialect.name_valid(asked.visitor, name)
        self.events()
        assert client.received == ["valid"]
        client.join(name)
        return self.giving(self.one(), name).visitor

    def giving(self, given: DialectEvent, name: str) -> PasswordGiven:
        """Check that somebody wants to join with the right password."""
        assert isinstance(given, PasswordGiven)
        assert given.open_password is not None
        opened = given.open_password()
        assert (given.name, opened.text) == (name, PASSWORD)
        assert opened.shows_hash == self.dialect.owns_names, "the original's clients prove nothing"
        assert PASSWORD not in repr((given, opened)), "it could be logged"
        return given

    def member(self, name: str) -> tuple[Client, Visitor]:
        client = self.client()
        visitor = self.asking(client, name)
        self.dialect.welcome(visitor, name, None, self.now)
        assert self.events() == []
        assert client.received == ["valid", "in"]
        client.received.clear()
        return client, visitor

    def publish(self, name: str, text: str, line: bytes = b"somebody's line!") -> None:
        self._head += 1
        body = Message(name, "", text, action=False)
        self.dialect.publish([Row(self._head, line, 0, body)], self.now)
        self.events()


@pytest.fixture(params=["secure", "classic"])
def way(request: pytest.FixtureRequest) -> Way:
    return Way(request.param)


def test_a_visitor_reports_what_its_dialect_declares(way: Way) -> None:
    _, ana = way.member("ana")
    _, budi = way.member("budi")
    assert ana.dialect is budi.dialect is way.dialect
    assert ana.session != budi.session
    assert bool(ana.owner) == way.dialect.owns_names
    assert (ana.cid is not None) == way.dialect.encrypted, "only a RESET that is authentic wakes a client"


def test_session_ids_are_unique_across_dialects() -> None:
    sessions = {name: {Way(name).member("ana")[1].session for _ in range(3)} for name in ("secure", "classic")}
    assert not sessions["secure"] & sessions["classic"]


@pytest.mark.parametrize("code", ["name_unavailable", "password_wrong", "room_full"])
def test_a_refused_client_is_notified_and_may_retry(way: Way, code: str) -> None:
    client = way.client()
    visitor = way.asking(client, "ana")
    way.dialect.refuse(visitor, Refusal(code))
    assert way.events() == []
    assert client.received == ["valid", "refused"]
    way.publish("budi", "soup at one")
    assert client.received == ["valid", "refused"]
    client.join("ana")
    way.giving(way.one(), "ana")


def test_a_busy_refusal_is_sent_in_the_dialects_own_form(way: Way) -> None:
    client = way.client()
    visitor = way.asking(client, "ana")
    way.dialect.refuse(visitor, Refusal("busy", 1.0))
    way.events()
    if way.dialect.encrypted:  # the client repeats it by itself
        assert client.received == ["valid"]
        [again] = [event for _ in range(5) for event in way.events(1.0)]
    else:
        assert client.received == ["valid", "refused"]
        client.join("ana")
        again = way.one()
    way.giving(again, "ana")


def test_a_password_of_a_visitor_that_is_gone_is_none_or_what_it_gave(way: Way) -> None:
    client = way.client()
    client.ask("ana")
    asked = way.one()
    way.dialect.name_valid(asked.visitor, "ana")
    way.events()
    client.join("ana")
    given = way.one()
    assert isinstance(given, PasswordGiven)
    assert given.open_password is not None
    way.dialect.close(given.visitor, "crowded")
    assert given.open_password().text in (None, PASSWORD)
    assert way.events() == []


def test_a_name_can_be_refused_before_the_password(way: Way) -> None:
    client = way.client()
    client.ask("ana")
    asked = way.one()
    way.dialect.refuse(asked.visitor, Refusal("name_unavailable"))
    way.events()
    assert client.received == ["refused"]


def test_lines_are_for_members_and_come_from_members(way: Way) -> None:
    waiting = way.client()
    way.asking(waiting, "cici")
    ana, visitor = way.member("ana")
    way.publish("budi", "soup at one")
    assert (ana.received, waiting.received) == (["budi: soup at one"], ["valid"])
    ana.say("on my way")
    said = way.one()
    assert isinstance(said, LineSaid)
    assert (said.visitor, said.text, said.action, len(said.id)) == (visitor, "on my way", False, 16)
    ana.say("on my way")
    again = way.one()
    assert isinstance(again, LineSaid)
    assert again.id != said.id, "it is another line"


def test_an_author_is_shown_its_own_line_at_most_once(way: Way) -> None:
    ana, _ = way.member("ana")
    other, _ = way.member("budi")
    ana.say("soup at one")
    said = way.one()
    assert isinstance(said, LineSaid)
    way.publish("ana", said.text, said.id)
    way.dialect.answer_lines([(said.visitor.session, said.number, 1)], way.now)
    way.events()
    assert other.received == ["ana: soup at one"]
    assert ana.received in ([], ["ana: soup at one"])


def test_a_refused_line_does_not_block_later_lines(way: Way) -> None:
    ana, visitor = way.member("ana")
    for text in ("one", "two"):
        ana.say(text)
        said = way.one()
        assert isinstance(said, LineSaid)
        assert said.text == text
        way.dialect.answer_lines([(visitor.session, said.number, Refusal("text_empty"))], way.now)


def test_no_line_is_reported_while_lines_are_held(way: Way) -> None:
    ana, _ = way.member("ana")
    way.dialect.hold(True, way.now, refuses=False)
    ana.say("soup at one")
    assert way.events() == []
    way.dialect.hold(False, way.now, refuses=False)
    held = [event.text for event in way.events() if isinstance(event, LineSaid)]
    assert held == (["soup at one"] if way.dialect.encrypted else []), "the original's clients cannot repeat a line"
    assert way.dialect.dropped["held"] == 1 - len(held)
    ana.say("and tea")
    assert isinstance(way.one(), LineSaid)


def test_a_silent_member_times_out_exactly_once(way: Way) -> None:
    _, visitor = way.member("ana")
    way.clients.clear()
    ended = [event for _ in range(700) for event in way.events(1.0)]
    assert ended == [SessionEnded(visitor, "idle", "lost" if way.dialect.owns_names else "idle")]


def commands(way: Way, visitor: Visitor) -> list[Callable[[], None]]:
    dialect = way.dialect
    return [
        lambda: dialect.name_valid(visitor, "ana"),
        lambda: dialect.refuse(visitor, Refusal("busy", 1.0)),
        lambda: dialect.welcome(visitor, "ana", None, way.now),
        lambda: dialect.answer_lines([(visitor.session, 1, 1)], way.now),
        lambda: dialect.supply(visitor.session, 0, 1, []),
        lambda: dialect.close(visitor, "crowded"),
    ]


@pytest.mark.parametrize("is_member", [True, False])
def test_a_closed_visitor_neither_sends_nor_receives(way: Way, is_member: bool) -> None:
    if is_member:
        client, visitor = way.member("ana")
        client.say("too late")
        for data in client.take(way.now):
            way.dialect.receive_datagram(data, client.address, way.now)
    else:
        client = way.client()
        visitor = way.asking(client, "ana")
    way.dialect.close(visitor, "crowded")
    reported = way.events()
    assert not [event for event in reported if event.visitor is visitor and not is_member]
    client.received.clear()
    way.clients.clear()
    for command in commands(way, visitor):
        command()
        assert way.dialect.next_event() is None
        assert way.dialect.datagrams_to_send() == []


def test_when_the_server_stops_all_sessions_end_without_an_event(way: Way) -> None:
    for name in ("ana", "budi"):
        way.member(name)
    way.dialect.close_all("restarting")
    way.clients.clear()
    assert way.events() == []
    way.publish("cici", "anybody?")
    assert way.dialect.datagrams_to_send() == []


def test_each_dialect_declares_its_properties() -> None:
    parts = InstantWorld().parts
    declared = [
        (each.name, each.encrypted, each.owns_names, each.can_be_whispered_to) for each in (parts.secure, parts.classic)
    ]
    assert declared == [("secure", True, True, True), ("classic", False, False, False)]
