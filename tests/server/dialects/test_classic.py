from __future__ import annotations

import ipaddress
import random
from collections import Counter
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.disk import Diary

from sockatuh.protocol.seam import Address
from sockatuh.room.entries import Message, Struck
from sockatuh.room.log import Row
from sockatuh.server.dialects.base import (
    DialectEvent,
    GivenPassword,
    LineSaid,
    NameAsked,
    PasswordGiven,
    Refusal,
    SessionEnded,
    Visitor,
)
from sockatuh.server.dialects.classic import ClassicDialect
from sockatuh.server.dialects.rounds import LONGEST, SHARE

NETWORKS = (ipaddress.ip_network("192.168.0.0/16"), ipaddress.ip_network("fe80::/10"))
BUDI: Address = ("192.168.1.7", 40000)
ANA: Address = ("192.168.1.8", 40000)
MALLORY: Address = ("8.8.8.8", 40000)
FAMILY = "👨‍👩‍👧"


Reported = tuple[str, Address] | tuple[str, Address, str] | tuple[str, Address, str, str]


class Conversation:
    """A dialect, what it sent and reported since the last call, and the visitors it reported, by address."""

    def __init__(self, *, enabled: bool = True, **options: float) -> None:
        self.now = 0.0
        self.diary = Diary()
        self.dialect = ClassicDialect(
            self.diary,
            random.Random(1).randbytes,
            enabled=enabled,
            networks=NETWORKS,
            rate=options.get("rate", 1000.0),
            burst=int(options.get("burst", 1000)),
            max_peers=int(options.get("max_peers", 16)),
            idle=options.get("idle", 600.0),
        )
        self._visitors: dict[Address, Visitor] = {}
        self._lines: dict[Address, bytes] = {}

    def tell(self, data: bytes, address: Address = BUDI, now: float = 0.0) -> list[Reported]:
        self.now = now
        self.dialect.receive_datagram(data, address, now)
        return self.events()

    def events(self) -> list[Reported]:
        reported = []
        while (event := self.dialect.next_event()) is not None:
            reported.append(self._report(event))
        return reported

    def _report(self, event: DialectEvent) -> Reported:
        address = event.visitor.address
        self._visitors[address] = event.visitor
        match event:
            case NameAsked(_, name):
                return "name", address, name
            case PasswordGiven(_, name, open_password):
                assert open_password is not None
                return "password", address, name, open_password().text or ""
            case LineSaid(_, _, line, text):
                self._lines[address] = line
                return "line", address, text
            case SessionEnded(_, reason, recorded):
                assert reason == recorded == "idle"
                return "silent", address
            case _:
                raise AssertionError(event)

    # What the room server answers.

    def _visitor(self, address: Address) -> Visitor:
        visitor = Visitor(-1_000, self.dialect, address, "", "", "member", opened_at=0.0)
        return self._visitors.get(address, visitor)

    def name_valid(self, address: Address, name: str) -> None:
        self.dialect.name_valid(self._visitor(address), name)

    def name_taken(self, address: Address) -> None:
        self.dialect.refuse(self._visitor(address), Refusal("name_taken"))

    def password_wrong(self, address: Address) -> None:
        self.dialect.refuse(self._visitor(address), Refusal("password_wrong"))

    def welcome(self, address: Address) -> None:
        self.dialect.welcome(self._visitor(address), "budi", None, self.now)

    def drop(self, address: Address) -> None:
        self.dialect.close(self._visitor(address), "crowded")

    def publish(self, name: str, text: str, line: bytes = bytes(16), *, action: bool = False) -> None:
        entry = Row(1, line, 0, Message(name, "", text, action))
        self.dialect.publish([entry], self.now)

    def line_of(self, address: Address) -> bytes:
        """Return the id of the last line from there."""
        return self._lines[address]

    def received(self, address: Address = BUDI) -> list[bytes]:
        datagrams = self.sent()
        assert {to for _, to in datagrams} <= {address}
        return [data for data, _ in datagrams]

    def sent(self, most_a_turn: int = SHARE) -> list[tuple[bytes, Address]]:
        """Run turns until nothing waits; check the bound on datagrams to one address in a turn."""
        sent: list[tuple[bytes, Address]] = []
        while True:
            assert self.events() == []
            turn = list(chain.from_iterable(iter(self.dialect.datagrams_to_send, [])))
            if not turn:
                return sent
            assert max(Counter(to for _, to in turn).values()) <= most_a_turn
            sent += turn
            due = self.dialect.get_timer()
            if due is not None and due <= self.now:
                self.dialect.handle_timer(due)

    def join(self, address: Address, name: str, ending: bytes = b"", now: float = 0.0) -> None:
        self.tell(f"Username:{name}".encode() + ending, address, now)
        self.name_valid(address, name)
        self.tell(b"Password:right" + ending, address, now)
        self.welcome(address)
        self.dialect.datagrams_to_send()


@pytest.fixture
def room() -> Conversation:
    return Conversation()


def test_the_original_programs_conversation_works(room: Conversation) -> None:
    assert room.tell(b"Username:budi") == [("name", BUDI, "budi")]
    room.name_taken(BUDI)
    assert room.received() == [b"Username sudah dipakai! Gunakan username lain."]
    assert room.tell(b"Username:budi2") == [("name", BUDI, "budi2")]
    room.name_valid(BUDI, "budi2")
    assert room.received() == [b"Username valid!"]
    assert room.tell(b"Password:wrong") == [("password", BUDI, "budi2", "wrong")]
    room.password_wrong(BUDI)
    assert room.received() == [b"Password salah! Silakan coba lagi."]
    assert room.tell(b"Password:right") == [("password", BUDI, "budi2", "right")]
    assert not room.dialect.is_member(BUDI)
    room.welcome(BUDI)
    assert room.received() == [b"Berhasil bergabung!"]
    assert room.dialect.is_member(BUDI)
    assert room.tell("halo semua 👋".encode()) == [("line", BUDI, "halo semua 👋")]
    assert room.received() == []
    room.publish("ana", "halo budi")
    assert room.received() == [b"ana: halo budi"]


def test_a_name_taken_during_the_password_check_is_refused(room: Conversation) -> None:
    room.tell(b"Username:budi")
    room.name_valid(BUDI, "budi")
    room.tell(b"Password:right")
    room.name_taken(BUDI)
    assert room.received() == [b"Username valid!", b"Username sudah dipakai! Gunakan username lain."]
    assert not room.dialect.is_member(BUDI)
    assert room.tell(b"Username:budi2") == [("name", BUDI, "budi2")]


def test_name_and_password_are_everything_after_the_first_colon(room: Conversation) -> None:
    assert room.tell(b"Username: a:b ") == [("name", BUDI, " a:b ")]
    room.name_valid(BUDI, "a:b")
    assert room.tell(b"Password:x:y: ") == [("password", BUDI, "a:b", "x:y: ")]


def test_the_last_valid_name_is_the_one_that_counts(room: Conversation) -> None:
    for name in ("budi", "ana"):
        room.tell(b"Username:" + name.encode())
        room.name_valid(BUDI, name)
    assert room.tell(b"Password:right") == [("password", BUDI, "ana", "right")]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_a_client_that_sends_newlines_receives_newlines(room: Conversation, ending: bytes) -> None:
    assert room.tell(b"Username:budi" + ending) == [("name", BUDI, "budi")]
    room.name_valid(BUDI, "budi")
    assert room.tell(b"Password:right" + ending) == [("password", BUDI, "budi", "right")]
    room.welcome(BUDI)
    room.publish("ana", "halo")
    assert room.received() == [b"Username valid!" + ending, b"Berhasil bergabung!" + ending, b"ana: halo" + ending]
    assert room.tell(b"one\n" + ending) == [("line", BUDI, "one\n")]
    assert room.tell(b"a last piece") == [("line", BUDI, "a last piece")]
    room.publish("ana", "halo")
    assert room.received() == [b"ana: halo" + ending]


def test_a_line_goes_to_all_members_except_its_author(room: Conversation) -> None:
    room.join(BUDI, "budi")
    room.join(ANA, "ana")
    room.tell(b"Username:eve", ("192.168.1.9", 1))
    room.tell(b"halo")
    line = room.line_of(BUDI)
    room.publish("budi", "halo", line)
    assert room.received(ANA) == [b"budi: halo"]


def test_each_line_of_a_text_is_a_datagram(room: Conversation) -> None:
    room.join(BUDI, "budi")
    room.publish("ana", "one\n\ntwo")
    assert room.received() == [b"ana: one", b"ana: ", b"ana: two"]


def test_a_long_line_is_cut_between_graphemes(room: Conversation) -> None:
    room.join(BUDI, "budi")
    room.publish("ana", FAMILY * 100)
    texts = [data.decode().removeprefix("ana: ") for data in room.received()]
    assert [text.count(FAMILY) for text in texts] == [66, 34]
    assert all(set(text.split(FAMILY)) == {""} for text in texts)


texts = st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=50)


@given(texts, st.integers(1, 80), st.text(max_size=30), st.sampled_from([b"", b"\n", b"\r\n"]))
def test_text_of_any_length_is_delivered_whole(text: str, times: int, name: str, ending: bytes) -> None:
    room = Conversation()
    room.join(BUDI, "budi", ending)
    room.publish(name, text * times)
    head = f"{name}: ".encode()
    datagrams = room.received()
    assert all(len(data) <= 1200 and data.startswith(head) and data.endswith(ending) for data in datagrams)
    kept = "".join(data.removesuffix(ending)[len(head) :].decode() for data in datagrams)
    assert kept == text * times


def test_a_grapheme_longer_than_a_datagram_is_cut_between_characters(room: Conversation) -> None:
    room.join(BUDI, "budi")
    room.publish("ana", "e" + "\u0301" * 1000)
    assert "".join(data.decode().removeprefix("ana: ") for data in room.received()) == "e" + "\u0301" * 1000


def test_while_a_password_is_checked_nothing_else_is_processed(room: Conversation) -> None:
    room.tell(b"Username:budi")
    room.name_valid(BUDI, "budi")
    room.tell(b"Password:one")
    assert room.tell(b"Password:two") == []
    assert room.tell(b"Username:ana") == []
    assert room.dialect.dropped == {"checking": 2}


def test_a_repeated_password_is_not_published_as_a_line(room: Conversation) -> None:
    room.join(BUDI, "budi")
    assert room.tell(b"Password:right\n") == []
    assert room.received() == [b"Berhasil bergabung!\n"]
    assert room.tell(b"Password:of the week?") == [("line", BUDI, "Password:of the week?")]


def test_a_logged_event_does_not_show_its_password() -> None:
    given = GivenPassword("secret")
    assert "secret" not in repr(given)
    assert "secret" not in repr(PasswordGiven(Conversation()._visitor(BUDI), "budi", lambda: given))


@pytest.mark.parametrize("data", [b"halo", b"Password:right", b"", b"username:budi", b"Username"])
def test_a_stranger_is_answered_only_when_it_sends_a_name(room: Conversation, data: bytes) -> None:
    assert room.tell(data) == []
    assert room.received() == []
    assert room.dialect.get_timer() is None
    assert room.dialect.dropped == {"state": 1}


def test_a_password_before_the_answer_to_the_name_is_dropped(room: Conversation) -> None:
    room.tell(b"Username:budi")
    assert room.tell(b"Password:right") == []


@pytest.mark.parametrize(
    ("data", "address", "reason"),
    [
        (b"Username:" + b"x" * 1192, BUDI, "size"),
        (b"Username:x", MALLORY, "network"),
        (b"Username:x", ("::ffff:8.8.8.8", 1, 0, 0), "network"),
        (b"Username:x", ("nowhere", 1), "network"),
        (b"Username:\xff", BUDI, "encoding"),
        (b"Username:\xed\xa0\x80", BUDI, "encoding"),
    ],
)
def test_dropped_datagrams_are_counted(room: Conversation, data: bytes, address: Address, reason: str) -> None:
    assert room.tell(data, address) == []
    assert room.dialect.dropped == {reason: 1}


def test_mapped_and_scoped_hosts_are_found_in_their_networks(room: Conversation) -> None:
    assert room.tell(b"Username:x", ("::ffff:192.168.1.7", 1, 0, 0))
    assert room.tell(b"Username:x", ("fe80::1", 1, 0, 2))


def test_a_disabled_dialect_only_counts_datagrams() -> None:
    dialect = Conversation(enabled=False).dialect
    dialect.receive_datagram(b"Username:budi", BUDI, 0.0)
    assert (dialect.next_event(), dialect.get_timer(), dialect.dropped) == (None, None, {"off": 1})


def test_strangers_on_one_host_share_a_rate_limit_across_ports() -> None:
    room = Conversation(rate=5.0, burst=20)
    asked = [room.tell(b"Username:x", (BUDI[0], port)) for port in range(100)]
    assert sum(map(len, asked)) == 20
    assert room.tell(b"Username:x", ANA)
    assert room.tell(b"Username:x", BUDI, now=1.0)
    assert room.dialect.dropped == {"rate": 80}


def test_members_on_one_host_have_separate_rate_limits() -> None:
    room = Conversation(rate=5.0, burst=20)
    room.join(BUDI, "budi")
    other = (BUDI[0], 40001)
    room.join(other, "ana")
    assert sum(len(room.tell(b"halo")) for _ in range(30)) == 20
    assert sum(len(room.tell(b"halo", other)) for _ in range(30)) == 20


def test_a_member_times_out_after_ten_minutes_of_silence(room: Conversation) -> None:
    room.join(BUDI, "budi", now=100.0)
    room.join(ANA, "ana", now=101.0)
    room.tell(b"still here", BUDI, now=102.0)
    assert room.dialect.get_timer() == 701.0
    room.dialect.handle_timer(700.9)
    assert room.events() == []
    room.dialect.handle_timer(701.0)
    assert room.events() == [("silent", ANA)]
    assert (room.dialect.is_member(ANA), room.dialect.is_member(BUDI)) == (False, True)
    room.publish("eve", "anybody?")
    assert room.received(BUDI) == [b"eve: anybody?"]


def test_a_stranger_is_forgotten_after_a_minute_of_silence(room: Conversation) -> None:
    room.tell(b"Username:budi", now=100.0)
    room.name_valid(BUDI, "budi")
    assert room.dialect.get_timer() == 160.0
    room.dialect.handle_timer(160.0)
    assert room.dialect.get_timer() is None
    assert room.tell(b"Password:right", now=160.0) == []


def test_a_stranger_with_a_pending_password_check_is_kept(room: Conversation) -> None:
    room.tell(b"Username:budi")
    room.name_valid(BUDI, "budi")
    room.tell(b"Password:right")
    room.dialect.handle_timer(500.0)
    room.welcome(BUDI)
    assert room.dialect.is_member(BUDI)


def test_a_new_stranger_evicts_only_the_oldest_stranger() -> None:
    room = Conversation(max_peers=3)
    room.join(BUDI, "budi")
    room.tell(b"Username:ana", ANA)
    room.name_valid(ANA, "ana")
    room.tell(b"Password:right", ANA)
    first, second = ("192.168.2.1", 1), ("192.168.2.2", 1)
    for address in (first, second):
        assert room.tell(b"Username:eve", address)
    room.dialect.datagrams_to_send()
    room.name_valid(first, "eve")
    assert room.received() == []
    room.name_valid(second, "eve")
    assert room.received(second) == [b"Username valid!"]
    room.tell(b"Password:right", second)
    assert room.tell(b"Username:late", first) == []
    assert room.dialect.dropped == {"full": 1}
    for address in (ANA, second):
        room.welcome(address)
        assert room.dialect.is_member(address)


def test_a_disconnected_member_becomes_a_stranger(room: Conversation) -> None:
    room.join(BUDI, "budi")
    room.drop(BUDI)
    room.drop(BUDI)
    assert room.tell(b"halo") == []
    assert room.tell(b"Username:budi") == [("name", BUDI, "budi")]


def test_answers_for_unknown_addresses_are_ignored(room: Conversation) -> None:
    room.name_valid(BUDI, "budi")
    room.name_taken(BUDI)
    room.welcome(BUDI)
    room.password_wrong(BUDI)
    assert room.received() == []
    assert not room.dialect.is_member(BUDI)


def test_a_text_of_very_many_rows_is_truncated_with_a_count(room: Conversation) -> None:
    members: list[Address] = [("192.168.1.9", 40000 + number) for number in range(10)]
    for number, address in enumerate(members):
        room.join(address, f"m{number}")
    room.publish("budi", "\n" * 8_182)
    sent = room.sent()
    for address in members:
        rows = [data.decode() for data, to in sent if to == address]
        assert rows == ["budi: "] * 40 + ["budi: … 8143 more lines"]
    assert not room.dialect.dropped


@pytest.mark.parametrize(("rows", "last"), [(40, "ana: x"), (41, "ana: … 1 more line"), (42, "ana: … 2 more lines")])
def test_forty_rows_are_sent_whole(room: Conversation, rows: int, last: str) -> None:
    room.join(BUDI, "budi")
    room.publish("ana", "\n".join("x" * rows))
    assert room.received()[-1] == last.encode()


def test_of_a_struck_line_no_further_datagram_leaves_and_nothing_is_said(room: Conversation) -> None:
    room.join(BUDI, "budi")
    text = "\n".join(f"row {number}" for number in range(3 * SHARE))
    line = Row(1, bytes(16), 0, Message("ana", "", text, action=False))
    other = Row(2, bytes(16), 0, Message("ana", "", "another", action=False))
    room.dialect.publish([line, other], 0.0)
    first = room.dialect.datagrams_to_send()
    assert len(first) == SHARE
    room.dialect.publish([Row(3, bytes(16), 0, Struck("ana", "", 1, 0))], 0.0)
    assert room.received() == [b"ana: another"]


def test_a_line_that_was_struck_before_it_was_read_is_not_sent(room: Conversation) -> None:
    room.join(BUDI, "budi")
    line = Row(1, bytes(16), 0, Message("ana", "", "", action=False, struck=True))
    room.dialect.publish([line, Row(2, bytes(16), 0, Struck("ana", "", 1, 0))], 0.0)
    assert room.received() == []


def test_an_action_cannot_be_confused_with_a_message(room: Conversation) -> None:
    room.join(BUDI, "budi", b"\n")
    room.publish("ana", "waves\nat all", action=True)
    room.publish("ana", "/me waves")
    assert room.received() == [b"* ana waves\n", b"* ana at all\n", b"ana: /me waves\n"]


def test_a_members_send_queue_is_bounded_and_freed_when_it_leaves(room: Conversation) -> None:
    room.join(BUDI, "budi")
    for _ in range(10):
        room.publish("ana", "\n" * 39)
    assert room.dialect.dropped == {"outbox": 400 - LONGEST}
    assert len(room.received()) == LONGEST
    room.publish("ana", "\n" * 39)
    room.drop(BUDI)
    assert room.received() == []


def test_lines_keep_their_order_across_turns(room: Conversation) -> None:
    room.join(BUDI, "budi")
    texts = [f"{number}" for number in range(60)]
    for text in texts:
        room.publish("ana", text)
    assert room.received() == [f"ana: {text}".encode() for text in texts]


def test_a_text_of_many_rows_counts_against_the_rate_limit() -> None:
    room = Conversation(rate=1.0, burst=20)
    room.join(BUDI, "budi")
    room.tell(b"\n" * 799 + b"x", now=100.0)
    assert room.tell(b"hi", now=100.5) == []
    assert room.tell(b"hi", now=101.0) == [("line", BUDI, "hi")]


addresses = st.tuples(st.sampled_from(["192.168.1.1", "::ffff:192.168.1.2", "8.8.8.8", ""]), st.integers(1, 6))
requests = st.sampled_from([b"Username:a", b"Password:b", b"Username:", b"Password:", b"hi\r\n", b"\n"])
steps = st.tuples(
    st.sampled_from(["tell", "tell", "valid", "taken", "welcome", "wrong", "say", "drop", "timer"]),
    requests | st.binary(max_size=40) | st.binary(min_size=1195, max_size=1300),
    addresses,
    st.floats(0, 100),
)


def perform(room: Conversation, verb: str, data: bytes, address: Address, now: float) -> None:
    text = data.decode("utf-8", "surrogateescape")
    match verb:
        case "tell":
            room.tell(data, address, now)
        case "valid":
            room.name_valid(address, text)
        case "taken":
            room.name_taken(address)
        case "welcome":
            room.welcome(address)
        case "wrong":
            room.password_wrong(address)
        case "say":
            room.publish("a", text)
        case "drop":
            room.drop(address)
        case _:
            room.dialect.handle_timer(now)


@given(st.lists(steps, max_size=60))
def test_no_sequence_of_datagrams_raises_or_grows_memory(
    script: list[tuple[str, bytes, Address, float]],
) -> None:
    room = Conversation(rate=5.0, burst=8, max_peers=4, idle=300.0)
    dialect, now = room.dialect, 0.0
    for verb, data, address, after in script:
        now += after
        perform(room, verb, data, address, now)
        room.events()
        peers = dialect._peers
        known = [*peers.strangers, *peers.checking, *peers.members]
        assert len(known) == len(set(known)) <= 4
        assert len(dialect._buckets) <= 4
        assert set(dialect.dropped) <= {"size", "network", "rate", "encoding", "checking", "state", "full", "outbox"}
        assert all(len(sent) <= 1200 for sent, _ in dialect.datagrams_to_send())
    dialect.handle_timer(now + 300.0)
    assert dialect.get_timer() is None
    assert not any(map(dialect.is_member, (address for _, _, address, _ in script)))


def test_disabling_the_dialect_keeps_members_and_refuses_newcomers(room: Conversation) -> None:
    room.join(BUDI, "budi")
    room.tell(b"Username:ana", ANA)
    room.dialect.replace_rules(enabled=False, networks=(), max_peers=16)
    room.name_valid(ANA, "ana")
    assert room.received() == []
    assert room.tell(b"Password:right", ANA) == []
    assert room.tell(b"Username:cici", ANA) == []
    assert room.tell(b"soup at one") == [("line", BUDI, "soup at one")]
    room.publish("tom", "two for me")
    assert room.received() == [b"tom: two for me"]
    assert (room.dialect.members, room.dialect.dropped["off"]) == (1, 2)


def test_enabling_the_dialect_admits_the_new_networks(room: Conversation) -> None:
    assert room.tell(b"Username:mallory", MALLORY) == []
    room.dialect.replace_rules(enabled=True, networks=(ipaddress.ip_network("8.0.0.0/8"),), max_peers=16)
    assert room.tell(b"Username:mallory", MALLORY) == [("name", MALLORY, "mallory")]
    assert room.tell(b"Username:budi", BUDI) == []


class Asked(tuple[object, ...]):
    """An address that also remembers which of the server's own addresses was asked."""

    ours = ""


def test_a_member_is_answered_from_the_address_it_asked_last(room: Conversation) -> None:
    def at(ours: str) -> Address:
        address = Asked(BUDI)
        address.ours = ours
        return address

    def answered_from() -> list[str]:
        return [address.ours for _, address in room.dialect.datagrams_to_send() if isinstance(address, Asked)]

    room.tell(b"Username:budi", at("first"))
    room.tell(b"Username:budi", at("second"))
    room.name_valid(BUDI, "budi")
    assert answered_from() == ["second"]
    room.tell(b"Password:right", at("third"))
    room.welcome(BUDI)
    assert answered_from() == ["third"]
    room.tell(b"hello", at("fourth"))
    room.publish("ana", "hi")
    assert answered_from() == ["fourth"]
    assert room.dialect.members == 1
