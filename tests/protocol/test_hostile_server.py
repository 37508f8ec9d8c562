"""Whatever a server asks, its client sends a bounded number of datagrams, waits a bounded time and can stop."""

from __future__ import annotations

import contextlib
import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import pytest
from kit.bare_room import LOG_ID, PASSWORD, SERVER, SERVER_KEY, START, Dice, entry
from kit.password_hash import COST, SALT, answer
from kit.raw_server import RawServer, joined_raw_server, make_peer

from sockatuh.client.session import Listing
from sockatuh.errors import ProtocolError
from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as pe
from sockatuh.protocol.client.bounds import (
    BUSY_SECONDS,
    CALLS_BURST,
    CALLS_PER_SECOND,
    NEXT_TRY_SECONDS,
    REFUSED_SECONDS,
    REPLIES_BURST,
    REPLIES_PER_SECOND,
    TEXT_BYTES,
    Budget,
    Clamp,
    retry_seconds,
)
from sockatuh.protocol.client.proving import MOST_UNANSWERED
from sockatuh.protocol.constants import DATA, HELLO, INIT, LINES_IN_FLIGHT, MAX_PARTS, MAX_PIECE

NEVER: Final = (1 << 63) - 1
MOST_AT_ONCE: Final = 600
"""Datagrams of one client in any one second."""
MOST_FOR_LONG: Final = 320
"""The same, on average of a minute."""
LAG: Final = 0.0002
"""Seconds a datagram takes each way: a server next door, or on the same machine."""

React = Callable[[m.ClientMessage], Sequence[m.ServerMessage]]


class Torment:
    """A client of a server that answers each message by `react`, as fast as it can."""

    def __init__(self, host: RawServer, react: React) -> None:
        self.host, self.react = host, react
        self.sent_at: list[float] = []

    def go_on(self, seconds: float, first: Sequence[m.ServerMessage]) -> Torment:
        """Run for so long, beginning with some messages."""
        host, ends_at = self.host, self.host.now + seconds
        waiting = deque(first)
        while host.now < ends_at:
            if not waiting:
                at = host.peer.get_timer()
                host.now = min(ends_at, max(host.now, ends_at if at is None else at))
                host.peer.handle_timer(host.now)
            else:
                host.now += LAG
                host.peer.receive_datagram(host.channel.seal(m.encode(waiting.popleft())), SERVER, host.now)
            sent = host.take()
            self.sent_at += [host.now] * len(sent)
            if len(waiting) < 64:
                waiting.extend(answer for message in host.open(sent) for answer in self.react(message))
            assert len(self.sent_at) < MOST_AT_ONCE * (seconds + 2), "there is no end to it"
        return self

    def check(self) -> None:
        check(self.sent_at)


def check(sent_at: Sequence[float]) -> None:
    """Check that a client that sent something at these times kept its bounds."""
    for first, last in zip(sent_at, sent_at[MOST_AT_ONCE:], strict=False):
        assert last - first >= 1.0, f"{MOST_AT_ONCE} datagrams within {last - first:.3f} s"
    if sent_at:
        assert len(sent_at) <= MOST_FOR_LONG * (sent_at[-1] - sent_at[0]) + MOST_AT_ONCE


def gap(after: int, through: int) -> m.Entries:
    """Return an ENTRIES that moves the cursor and has no entries."""
    return m.Entries(after, through, True, ())


def pong(message: m.ClientMessage) -> Sequence[m.ServerMessage]:
    """Answer each ping."""
    return (m.Pong(bytes(8), 0),) if isinstance(message, m.Ping) else ()


def nothing(message: m.ClientMessage) -> Sequence[m.ServerMessage]:
    """Answer every GET with nothing."""
    return (m.Entries(0, 0, True, ()),) if isinstance(message, m.Get) else ()


def ever_more(message: m.ClientMessage) -> Sequence[m.ServerMessage]:
    """Answer every GET with the first entry it asks for, and a later head."""
    if isinstance(message, m.Get):
        return (m.Entries(message.after, message.after + 1, True, ()), m.Head(message.after + 5))
    return ()


def chase(message: m.ClientMessage) -> Sequence[m.ServerMessage]:
    """Move the cursor whenever it is acknowledged."""
    return (gap(message.seq, message.seq + 1000),) if isinstance(message, m.Ack) else ()


def repeat(message: m.ClientMessage) -> Sequence[m.ServerMessage]:
    """Repeat what was acknowledged or requested."""
    return (m.Head(0), m.Head(0), gap(0, 1)) if isinstance(message, m.Ack | m.Get) else ()


def lack(message: m.ClientMessage) -> Sequence[m.ServerMessage]:
    """Claim to have no part of any line."""
    return (m.Progress(message.number, message.number, 0, 0),) if isinstance(message, m.Say) else ()


TORMENTS: Final[dict[str, tuple[React, Sequence[m.ServerMessage]]]] = {
    "a pong for each ping": (pong, [m.Pong(bytes(8), 0)]),
    "answers that bring nothing": (nothing, [m.Head(NEVER)]),
    "a log without an end": (ever_more, [m.Head(1)]),
    "a cursor that is chased": (chase, [gap(0, 1000)]),
    "the same again and again": (repeat, [gap(0, 1), m.Head(1), m.Head(0)] * 20),
    "challenges": (lambda _: [m.PathChallenge(bytes(8))] * 3, [m.PathChallenge(bytes(8))] * 30),
    "parts that are missing": (lack, [m.Progress(1, 1, 0, 0)]),
    "rekeyings nobody asked for": (lambda _: [m.Rekeyed(bytes(96))] * 2, [m.Rekeyed(bytes(96))]),
    "waits": (lambda _: [m.Progress(1, 1, 0, NEVER), m.Progress(1, 1, 0, 0)], [m.Progress(1, 1, 0, NEVER)]),
}


@pytest.mark.parametrize("ping_s", [0, 25, NEVER])
@pytest.mark.parametrize("name", TORMENTS)
def test_no_demand_makes_a_client_send_more_than_it_may(name: str, ping_s: int) -> None:
    react, first = TORMENTS[name]
    host = RawServer(make_peer(name))
    host.ping_s, host.ack_ms = ping_s, 0
    host.peer.join("ana", PASSWORD, host.now)
    host.shake()
    host.admit()
    for _ in range(4):
        host.peer.say("x" * MAX_PARTS * MAX_PIECE, host.now)
    Torment(host, react).go_on(2.5, first).check()


def test_a_client_whose_server_names_no_interval_still_notices_that_it_is_gone() -> None:
    for ping_s in (0, NEVER):
        host = RawServer(make_peer("quiet"))
        host.ping_s = ping_s
        host.peer.join("ana", PASSWORD, host.now)
        host.shake()
        host.admit()
        host.wait(150.0)
        assert pe.ContactLost("silence") in host.events


def test_a_log_that_claims_to_be_endless_is_requested_less_and_less_often() -> None:
    host = joined_raw_server()
    torment = Torment(host, TORMENTS["answers that bring nothing"][0]).go_on(30.0, [m.Head(NEVER)])
    assert len(torment.sent_at) < 60


def test_the_lost_beginning_of_an_honest_answer_is_requested_at_once() -> None:
    host = joined_raw_server()
    (get,) = [*host.open(host.wait(0.02)), *host.tell(m.Head(4)), *host.open(host.wait(0.02))][-1:]
    assert isinstance(get, m.Get)
    again = host.tell(m.Entries(2, 4, True, tuple(msgspec.Raw(item.encoding) for item in (entry(3), entry(4)))))
    assert [message for message in again if isinstance(message, m.Get)] == [m.Get(0, 2)]


@pytest.mark.parametrize("code", ["busy", "password_wait", "room_full"])
def test_a_refusal_without_a_wait_does_not_make_a_client_ask_without_end(code: str) -> None:
    host = RawServer(make_peer(code))
    host.peer.join("ana", PASSWORD, host.now)
    host.shake()

    def react(message: m.ClientMessage) -> Sequence[m.ServerMessage]:
        return [m.Answer(message.number, m.Refused(code, 0))] if isinstance(message, m.Call) else []

    def as_an_application_does(message: m.ClientMessage) -> Sequence[m.ServerMessage]:
        while (event := host.peer.next_event()) is not None:
            if isinstance(event, pe.JoinRefused):  # however long it was told to wait
                host.peer.join("ana", PASSWORD, host.now)
        return react(message)

    first = [m.Answer(host.last_call().number, m.Refused(code, 0))]
    torment = Torment(host, as_an_application_does).go_on(60.0, first)
    assert len(torment.sent_at) <= CALLS_BURST + 60 * CALLS_PER_SECOND + 20


@pytest.mark.parametrize("salts", ["one salt", "ever another salt"])
@pytest.mark.parametrize("pin", [None, SERVER_KEY], ids=["unknown", "pinned"])
def test_offers_in_answer_to_everything_are_answered_three_times_or_at_a_bounded_rate(
    pin: bytes | None, salts: str
) -> None:
    host = RawServer(make_peer(pin=pin))
    host.peer.join("ana", PASSWORD, host.now)
    host.shake()

    def react(message: m.ClientMessage) -> Sequence[m.ServerMessage]:
        salt = SALT if salts == "one salt" else host.dice(16)
        return [m.Answer(message.number, host.make_offer(salt=salt))] if isinstance(message, m.Call) else []

    torment = Torment(host, react).go_on(5.0, react(host.last_call()))
    most = MOST_UNANSWERED if pin is None else CALLS_BURST + 5 * CALLS_PER_SECOND + 1
    assert MOST_UNANSWERED <= len(host.proofs) <= most
    assert len(torment.sent_at) <= most + 1
    assert len(host.hashes) <= len(host.proofs) + 1
    if pin is None:
        assert host.of(pe.JoinRefused) == [pe.JoinRefused("server_unproven", 0.0, "proofs")]


@pytest.mark.parametrize("pin", [None, SERVER_KEY], ids=["unknown", "pinned"])
def test_one_offer_in_answer_to_everything_is_answered_once(pin: bytes | None) -> None:
    host = RawServer(make_peer(pin=pin))
    host.peer.join("ana", PASSWORD, host.now)
    host.shake()
    offer = host.make_offer()

    def react(message: m.ClientMessage) -> Sequence[m.ServerMessage]:
        return [m.Answer(message.number, offer)] if isinstance(message, m.Call) else []

    torment = Torment(host, react).go_on(5.0, react(host.last_call()))
    assert len(torment.sent_at) == len(host.proofs) == 1
    assert host.of(pe.JoinRefused) == [pe.JoinRefused("server_unproven", 0.0, "offer")]


def test_however_often_an_application_asks_calls_are_bounded() -> None:
    host = joined_raw_server()

    def react(message: m.ClientMessage) -> Sequence[m.ServerMessage]:
        host.peer.ask_who("", host.now)
        return [m.Answer(message.number, m.Members((), True))] if isinstance(message, m.Call) else []

    host.peer.ask_who("", host.now)
    torment = Torment(host, react).go_on(60.0, [])
    assert len(torment.sent_at) <= CALLS_BURST + 60 * CALLS_PER_SECOND + 20


@pytest.mark.parametrize("how", ["reset", "restarting", "idle"])
def test_a_server_that_ends_every_session_is_dialled_less_often(how: str) -> None:
    host = joined_raw_server(how)
    for number in range(8):
        host.peer.say(f"line {number}", host.now)
    host.take()
    sent_at: list[float] = []
    ends_at = host.now + 120.0
    sessions, datagrams = 0, list[bytes]()
    while host.now < ends_at:
        if not datagrams:
            data = host.reset() if how == "reset" else host.channel.seal(m.encode(m.Closed(how, 0)))
            sessions += 1
            datagrams = host.tell_raw(data) + host.wait(5.0)[:1]
        hello = [each for each in datagrams if each[0] == HELLO]
        init = [each for each in datagrams if each[0] == INIT]
        sent_at += [host.now] * len(datagrams)
        if hello:
            datagrams = host.tell_raw(host.make_cookie(hello[-1]))
        elif init:
            datagrams = host.tell_raw(host.make_resp(init[-1]))
            host.open(datagrams)
            before = len(host.sent) - len(datagrams)
            host.admit(ticket=b"")
            sent_at += [host.now] * (len(host.sent) - before)
            datagrams = []
        else:
            datagrams = []
        host.now += LAG
    assert sessions <= 60, "sessions of a moment follow each other without a pause"
    check(sent_at)


def test_a_server_that_closes_for_ever_is_dialled_all_the_same() -> None:
    host = joined_raw_server()
    host.tell(m.Closed("restarting", NEVER))
    sent = host.wait(60.0)
    assert sent
    assert sent[0][0] == HELLO


@pytest.mark.parametrize("code", ["busy", "password_wait", "password_wrong", "room_full", "anything"])
@pytest.mark.parametrize("wait_ms", [0, 20_000, NEVER])
def test_no_refusal_asks_for_a_longer_wait_than_is_waited(code: str, wait_ms: int) -> None:
    wait = retry_seconds(m.Refused(code, wait_ms))
    assert wait <= REFUSED_SECONDS.high
    if code in ("busy", "room_full"):
        assert BUSY_SECONDS.low <= wait <= BUSY_SECONDS.high
    if code == "password_wait":
        assert wait >= NEXT_TRY_SECONDS.low
    if wait_ms == 20_000:
        assert wait == 20.0


@pytest.mark.parametrize(("named", "meant"), [(0, 1), (16_384, 16_384), (NEVER, MAX_PARTS * MAX_PIECE)])
def test_the_longest_text_is_one_that_can_be_cut_into_parts(named: int, meant: int) -> None:
    host = RawServer(make_peer())
    host.max_text = named
    host.peer.join("ana", PASSWORD, host.now)
    host.shake()
    (connected,) = host.of(pe.Connected)
    assert isinstance(connected, pe.Connected)
    assert connected.max_text == meant == TEXT_BYTES(named)


# Whatever it says.


@pytest.mark.parametrize("name", ["", "n" * 129, "☕" * 43, "n" * 15_000])
def test_a_rename_that_a_server_writes_into_the_log_is_only_followed_to_what_may_be_a_name(name: str) -> None:
    host = joined_raw_server()
    encoded = m.encode(m.Entry(1, 1, m.RENAMED, "ana", name, b"", host.tag))
    pieces = [encoded[at : at + MAX_PIECE] for at in range(0, len(encoded), MAX_PIECE)]
    for index, piece in enumerate(pieces):
        host.tell(m.EntryPart(1, index, len(pieces), piece, end=False))
    assert [event.entry.text for event in host.of(pe.EntryArrived) if isinstance(event, pe.EntryArrived)] == [name]
    assert not host.of(pe.NameChanged)
    host.tell_raw(host.reset())
    host.shake_again()
    host.reply(m.Refused("ticket_refused"))
    assert host.last_call().body == m.Join("ana", b"", None)


def test_a_rename_of_somebody_else_or_of_long_ago_is_not_ours() -> None:
    host = joined_raw_server(head=3)
    for entry_of in (
        m.Entry(1, 1, m.RENAMED, "ana", "before", b"", host.tag),
        m.Entry(4, 1, m.RENAMED, "ana", "eve", b"", "AbCdEfGh"),
        m.Entry(5, 1, m.RENAMED, "budi", "eve", b"", host.tag),
        m.Entry(6, 1, m.RENAMED, "ana", "eve", b"", ""),
    ):
        item = msgspec.Raw(m.encode(entry_of))
        host.tell(m.Entries(entry_of.seq - 1, max(entry_of.seq, 3), True, (item,)))
    assert not host.of(pe.NameChanged)
    item = msgspec.Raw(m.encode(m.Entry(7, 1, m.RENAMED, "ana", "anna", b"", host.tag)))
    host.tell(m.Entries(6, 7, True, (item,)))
    assert host.of(pe.NameChanged) == [pe.NameChanged("anna", None, None)]


def right_confirmation(host: RawServer) -> bytes:
    """Return what confirms the last proof, if the last offer was for it."""
    calls = [each for each in host.received if isinstance(each, m.Call)]
    join = calls[-1].body if calls else None
    if not (isinstance(join, m.Join) and join.name and join.proof and hasattr(host, "offer")):
        return b""
    opened = host.offer.open_untrusted(join.proof, join.name)
    return b"" if opened is None else opened.confirmation


def anything(dice: random.Random, host: RawServer) -> m.ServerMessage:
    """Return a message of a server that is broken or malicious."""
    number = dice.choice([0, 1, 2, 5, 64, 1024, 1 << 40, NEVER])
    other = dice.choice([0, 1, 3, number, min(NEVER, number + dice.randrange(1200)), NEVER])
    call = host.last_call().number if any(isinstance(each, m.Call) for each in host.received) else 1
    code = dice.choice(
        ["busy", "password_wait", "ticket_refused", "password_wrong", "muted", "restarting", "idle", "?"]
    )
    bodies: list[m.AnswerBody] = [
        m.Welcome(
            "ana",
            LOG_ID if dice.random() < 0.5 else dice.randbytes(16),
            number,
            other,
            b"ticket",
            confirmation=right_confirmation(host) if dice.random() < 0.8 else dice.choice([b"", dice.randbytes(64)]),
        ),
        m.NameValid(
            "ana", dice.choice([0, 0, 0, 1]), dice.randbytes(32), dice.choice([SALT, dice.randbytes(16)]), COST
        ),
        host.make_offer() if dice.random() < 0.5 else m.Refused("busy", number),
        m.Refused(code, number),
        m.Members((m.MemberInfo(str(number), "", "secure", True, 1, 0, "away"),), dice.random() < 0.9),
        m.NameChanged(
            dice.choice(["", "ana", "n" * 128]), dice.randbytes(dice.choice([0, 40, 256])), dice.choice([0, 9, 2**62])
        ),
        m.Noted(),
    ]
    body = dice.choice(bodies)
    cursor = host.peer._catch_up.inbox.cursor
    odd = m.Entry(
        cursor + 1,
        number,
        dice.choice([m.PRIVATE, m.RENAMED]),
        "ana",
        dice.choice(["", "ana", "n" * 800]),
        dice.choice([b"", host.mark(1), dice.randbytes(6), dice.randbytes(40)]),
        dice.choice(["", host.tag]),
        dice.choice(["", "ana", "\n" * 200]),
        dice.random() < 0.5,
    )
    messages: list[m.ServerMessage] = [
        m.Answer(call, body),
        m.Answer(call, body),
        m.Stored(((number % 9, other),)),
        m.Unsaid(number % 9, code, other, "x" * dice.randrange(900)),
        m.Progress(number, dice.randrange(9), dice.randrange(1 << 16), dice.choice([0, 0, number]), dice.randrange(3)),
        m.Entries(min(number, other), max(number, other), dice.random() < 0.5, ()),
        m.Entries(cursor, cursor + dice.randrange(300), True, ()),
        m.Entries(cursor, cursor + 1, True, (msgspec.Raw(m.encode(odd)),)),
        m.Presence(number, (m.Change("ana", host.tag, dice.randrange(6), "x" * dice.randrange(900)),)),
        m.EntryPart(other, dice.randrange(17), dice.randrange(17), b"x", dice.random() < 0.5),
        m.Head(number),
        m.Pong(bytes(8), other),
        m.PathChallenge(dice.randbytes(8)),
        m.Rekeyed(dice.randbytes(96)),
        m.Closed(code, other),
    ]
    weights = [1] * (len(messages) - 1) + [0.05]
    return dice.choices(messages, weights)[0]


@pytest.mark.parametrize("seed", range(6))
def test_whatever_a_server_says_its_client_stays_within_its_bounds(seed: int) -> None:
    dice = random.Random(seed)
    host = RawServer(make_peer(f"any {seed}"), seed=seed)
    peer, sent_at, listing = host.peer, list[float](), Listing()
    peer.join("ana", PASSWORD, host.now)
    if is_connected := seed % 2 == 1:  # by chance it would seldom be let in
        host.shake()
        host.admit()
    else:
        peer.connect([SERVER], host.now)
    for number in range(6):
        peer.say(f"{number}" * dice.choice([1, 3000, 16_000]), host.now, to=dice.choice(["", "n" * 128]))
    peer.ask_who("", host.now)
    peer.rename("n" * 128, host.now)
    peer.set_away("a" * 80, host.now)
    while host.now < START + 20.0 and len(sent_at) < 40_000:
        sent = list[bytes]()
        sent = [data for data, _ in peer.datagrams_to_send()]
        sent_at += [host.now] * len(sent)
        for data in sent:
            if data[0] == HELLO:
                sent.append(host.make_cookie(data, retry_ms=dice.choice([0, 0, 65_535])))
            elif data[0] == INIT and dice.random() < 0.8:
                host.ping_s, host.ack_ms = dice.choice([0, 1, NEVER]), dice.choice([0, 1, NEVER])
                host.max_text, host.resumed = dice.choice([0, NEVER]), dice.random() < 0.5
                sent.append(host.make_resp(data))
                is_connected = True
            elif data[0] == INIT:
                host.cookie = Dice(dice.random().hex())(16)
                sent.append(host.make_cookie(data))
        if is_connected:
            with contextlib.suppress(ProtocolError):  # of a session that has ended
                host.open([data for data in sent if data[0] == DATA])
            sent += [host.channel.seal(m.encode(anything(dice, host))) for _ in range(dice.choice([0, 1, 1, 4]))]
            if dice.random() < 0.001:
                sent.append(host.reset())
        host.now += LAG
        for data in sent:
            peer.receive_datagram(data, SERVER, host.now)
        at = peer.get_timer()
        if not sent and at is not None and dice.random() < 0.5:
            host.now = max(host.now, min(at, host.now + 1.0))
        if at is not None and at <= host.now:
            peer.handle_timer(host.now)
        while (event := peer.next_event()) is not None:
            match event:
                case pe.HashWanted():
                    peer.supply_hash(event, answer(event), host.now)
                case pe.JoinRefused():
                    peer.join("ana", PASSWORD, host.now)
                case pe.MembersListed(members, more):
                    if (after := listing.take(members, more)) is None:
                        listing, after = Listing(), ""
                    peer.ask_who(after, host.now)
                case pe.NameChanged() | pe.RequestDone() | pe.RequestRefused():
                    assert len(peer._requests) < 10
                    if dice.random() < 0.5:
                        peer.rename("ana", host.now)
                    else:
                        peer.set_away(None, host.now)
                case _:
                    pass
    check(sent_at)


def test_a_budget_is_spent_at_once_and_then_at_its_rate() -> None:
    budget, now, spent = Budget(10.0, 5), 100.0, list[float]()
    while now < 103.0:
        if budget.is_ready(now):
            budget.spend(now)
            spent.append(now)
        else:
            assert budget.ready_at > now
            now = budget.ready_at
    assert len(spent) == 5 + 30
    budget.spend(now, 20)
    assert not budget.is_ready(now + 1.9)
    assert budget.is_ready(now + 2.5)


def test_a_clamp_keeps_what_is_within() -> None:
    assert [Clamp(1.0, 5.0)(value) for value in (-1, 1, 3, 5, NEVER)] == [1, 1, 3, 5, 5]


def test_the_bounds_are_what_the_protocol_says() -> None:
    assert REPLIES_BURST + REPLIES_PER_SECOND + CALLS_BURST + CALLS_PER_SECOND + 4 * LINES_IN_FLIGHT <= MOST_AT_ONCE
