"""Whole conversations of real peers with the real server: what the network learns, and what it can do."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.bare_room import (
    ELSEWHERE,
    HOME,
    IDENTITY,
    LOG_ID,
    PASSWORD,
    SERVER,
    SERVER_KEY,
    STRANGER,
    BareRoom,
    Dice,
)
from kit.clients import Client
from kit.password_hash import OTHER_SALT
from kit.raw_client import RawClient
from kit.raw_server import RawServer, joined_raw_server, make_peer
from kit.wire import Wire

from sockatuh.errors import ProtocolError
from sockatuh.protocol import messages as m
from sockatuh.protocol.channel import Channel
from sockatuh.protocol.client import events as pe
from sockatuh.protocol.client.state import PeerState
from sockatuh.protocol.constants import DATA, HELLO, INIT, LINES_IN_FLIGHT, OLD_CHANNEL_SECONDS, PROLOGUE, RESET
from sockatuh.protocol.noise import Responder
from sockatuh.protocol.seam import Address
from sockatuh.protocol.server import events as ev
from sockatuh.protocol.server.limits import Limits

SECRETS: Final = {
    "name": "Wilhelmina",
    "password": PASSWORD.decode(),
    "text": "the soup is at one o'clock",
    "action": "waves to everybody in here",
    "long text": "a long story of the soup. " * 300,
}


def settled(wire: Wire) -> bool:
    """Tell whether everybody is in the room, has all entries, and all lines are answered."""
    return all(
        client.peer.state is PeerState.JOINED
        and not client.peer.unanswered
        and client.peer._catch_up.inbox.cursor == wire.bare_room.head
        for client in wire.peers
    )


def chat(wire: Wire) -> tuple[Client, Client]:
    ana, budi = wire.peer("ana"), wire.peer("budi", seed=2)
    assert wire.run(10, until=lambda: settled(wire))
    return ana, budi


# What the network learns.


def test_neither_name_nor_text_nor_password_nor_ticket_can_be_read_on_the_wire() -> None:
    wire = Wire(BareRoom())
    speaker, listener = wire.peer(SECRETS["name"]), wire.peer("budi", seed=2)
    wire.run(1)
    speaker.peer.say(SECRETS["text"], wire.now)
    speaker.peer.say(SECRETS["action"], wire.now, action=True)
    speaker.peer.say(SECRETS["long text"], wire.now)
    speaker.peer.ask_who("", wire.now)
    assert wire.run(10, until=lambda: settled(wire))
    wire.bare_room.restart()
    speaker.peer.say("again", wire.now)
    assert wire.run(10, until=lambda: len(listener.texts) == 4)
    assert [type(event) for event in speaker.all(pe.Admitted)] == [pe.Admitted] * 2
    everything = [data for data, _, _ in wire.recorded]
    assert {data[0] for data in everything} == {HELLO, HELLO + 1, INIT, INIT + 1, DATA, RESET}
    assert max(map(len, everything)) > 1000
    for secret in SECRETS.values():
        for clue in {secret[at : at + 6].encode() for at in range(min(len(secret), 60) - 5)}:
            assert not any(clue in data for data in everything)
    for event in speaker.events:
        if isinstance(event, pe.Admitted):
            for at in range(0, len(event.ticket) - 8, 8):
                assert not any(event.ticket[at : at + 8] in data for data in everything)


class Confessing(Dice):
    """Dice that keep the ephemeral keys drawn from them, as no real server does."""

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self.ephemeral: list[bytes] = []

    def __call__(self, count: int) -> bytes:
        drawn = super().__call__(count)
        if count == 32:
            self.ephemeral.append(drawn)
        return drawn


def test_a_recorded_join_cannot_be_read_with_the_servers_stolen_key() -> None:
    bare_room = BareRoom()
    bare_room.dice = dice = Confessing("house")
    bare_room.restart()
    guest = RawClient(bare_room).shake()
    call = m.Call(2, guest.prove())
    join = guest.channel.seal(m.encode(call))
    guest.send_raw(join)
    assert [event.has_proof for event in bare_room.events if isinstance(event, ev.JoinAsked)] == [True]

    def try_to_read(ephemeral: bytes) -> list[bytes]:
        """Go through the recording as the responder, and try every key that results."""
        responder = Responder(IDENTITY.private_key, PROLOGUE + guest.init[:32], ephemeral)
        keys = [*responder._state.split(), responder._state.chaining_key]
        payload = responder.read_message_untrusted(guest.init[32:])
        assert m.decode_init_payload_untrusted(payload).ticket is None
        assert PASSWORD not in payload
        assert b"ana" not in payload
        keys += [*responder._state.split(), responder._state.chaining_key, responder._state.key]
        responder.write_message(m.pad_payload(guest.payload, 144))
        keys += [*responder.split(), responder._state.chaining_key, responder._state.key]
        return [plaintext for key in keys for plaintext in opened(key, guest.payload.server_cid, guest.cid, join)]

    assert all(try_to_read(Dice(seed)(32)) == [] for seed in range(20))
    # With the ephemeral key, which the server has discarded by then, it can be read: so the attempt itself is sound.
    (read,) = (found for ephemeral in dice.ephemeral for found in try_to_read(ephemeral))
    assert m.decode_client_message_untrusted(read) == call
    assert PASSWORD not in read


def opened(key: bytes, receive_cid: int, send_cid: int, datagram: bytes) -> list[bytes]:
    try:
        return [Channel(key, key, receive_cid, send_cid, 0.0).open_untrusted(datagram)]
    except ProtocolError:
        return []


def answer_rightly(host: RawServer) -> None:
    """Let the client in if it has proved what it had to."""
    join = host.last_call().body
    proof = join.proof if isinstance(join, m.Join) and join.name is not None else None
    opened = host.offer.open_untrusted(proof, "ana") if proof else None
    host.reply(m.Welcome("ana", LOG_ID, 0, 0, b"ticket", confirmation=b"" if opened is None else opened.confirmation))


def lose(host: RawServer, datagram: bytes) -> None:
    """End the session, and answer the client when it dials again."""
    host.tell_raw(datagram)
    hellos = [data for data in host.wait(3.0) if data[0] == HELLO]
    if hellos:
        inits = host.tell_raw(host.make_cookie(hellos[-1]))
        host.open([data for init in inits if init[0] == INIT for data in host.tell_raw(host.make_resp(init))])


def rekey(host: RawServer) -> None:
    link = host.peer._link
    if link is not None and host.peer.state is not PeerState.DIALING:
        link.rekey(host.now)
        (request,) = [each for each in host.open(host.take()) if isinstance(each, m.Rekey)]
        old = host.channel
        host.cid += 1
        host.tell_raw(old.seal(m.encode(m.Rekeyed(host.answer_rekey(request)))))


def join(host: RawServer, name: str, password: bytes | None) -> None:
    if host.peer.state is not PeerState.JOINED:
        host.peer.join(name, password, host.now)
        host.open(host.take())


def ask_who(host: RawServer) -> None:
    host.peer.ask_who("", host.now)
    host.open(host.take())


HAPPENINGS: Final[dict[str, Callable[[RawServer], object]]] = {
    "offer": lambda host: host.reply(host.make_offer()),
    "guess": lambda host: host.reply(host.make_offer(b"guess")),
    "new salt": lambda host: host.reply(host.make_offer(salt=OTHER_SALT)),
    "welcome": answer_rightly,
    "busy": lambda host: (host.reply(m.Refused("busy", 300)), host.open(host.wait(1.0))),
    "wait": lambda host: host.reply(m.Refused("password_wait", 300)),
    "wrong": lambda host: host.reply(m.Refused("password_wrong", 300)),
    "full": lambda host: host.reply(m.Refused("room_full", 300)),
    "no ticket": lambda host: host.reply(m.Refused("ticket_refused")),
    "reset": lambda host: lose(host, host.reset()),
    "closed": lambda host: lose(host, host.channel.seal(m.encode(m.Closed("restarting", 0)))),
    "silence": lambda host: host.open(host.wait(2.0)),
    "rekey": rekey,
    "ask": lambda host: join(host, "ana", None),
    "type": lambda host: join(host, "ana", PASSWORD),
    "mistype": lambda host: join(host, "ana", b"correct horse battered"),
    "say": lambda host: (host.peer.say("soup!", host.now), host.open(host.take())),
    "who": ask_who,
}


@settings(max_examples=30)
@given(
    happenings=st.lists(st.sampled_from(list(HAPPENINGS)), max_size=25),
    is_pinned=st.booleans(),
    has_ticket=st.booleans(),
)
def test_whatever_happens_in_a_conversation_no_client_says_the_password(
    happenings: list[str], is_pinned: bool, has_ticket: bool
) -> None:
    """Not even to a server that has proved everything: it is asserted of each datagram where it is sent."""
    pin, ticket = SERVER_KEY if is_pinned else None, b"ticket" if has_ticket else None
    host = RawServer(make_peer(pin=pin, ticket=ticket))
    host.resumed = has_ticket
    host.peer.join("ana", PASSWORD, host.now)
    host.shake()
    host.reply(host.make_offer())
    for what in happenings:
        HAPPENINGS[what](host)
    assert host.overheard.opened == len([data for data in host.sent if data[0] in (INIT, DATA)]) > 1


def test_who_listens_to_a_client_hears_what_it_says() -> None:
    host = joined_raw_server()
    host.peer.say(f"it is {PASSWORD.decode()}", host.now)
    with pytest.raises(AssertionError, match="said the password"):
        host.take()


def test_handshakes_of_all_clients_look_alike() -> None:
    sizes = set[tuple[int, ...]]()
    for seed, (name, cursor) in enumerate((("a", 0), ("Wilhelmina of the long name", 2**40))):
        wire = Wire(BareRoom(seed=seed))
        wire.peer(name, seed=seed, cursor=cursor)
        wire.run(1)
        sizes.add(tuple(len(data) for data, _, _ in wire.recorded if data[0] != DATA))
    assert sizes == {(128, 64, 256, 200)}


# What the network can do.


def weather(wire: Wire, loss: float, seed: int, corruption: float = 0.02) -> None:
    dice = random.Random(seed)

    def spoil(data: bytes, source: Address, target: Address) -> Sequence[bytes]:
        del source, target
        if dice.random() < corruption:
            at = dice.randrange(len(data))
            data = data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1 :]
        return [data for _ in range(2 if dice.random() < 0.1 else 1) if dice.random() >= loss]

    wire.spoil = spoil


@pytest.mark.parametrize("seed", range(4))
def test_two_hundred_pasted_lines_arrive_once_and_in_order_in_any_weather(seed: int) -> None:
    wire = Wire(BareRoom(), seed=seed, delay=(0.001, 0.03))
    ana, budi = chat(wire)
    weather(wire, loss=0.2, seed=seed)
    lines = [f"line {number}" for number in range(200)]
    for line in lines:
        ana.peer.say(line, wire.now)
    assert wire.run(120, until=lambda: settled(wire))
    assert wire.bare_room.texts() == ana.texts == budi.texts == lines
    assert {event.number for event in ana.events if isinstance(event, pe.LineStored)} == set(range(1, 201))
    assert [event.own for event in ana.events if isinstance(event, pe.EntryArrived)] == list(range(1, 201))
    assert ana.all(pe.LineRefused) == []
    assert ana.all(pe.LinesDelayed)


@pytest.mark.parametrize("seed", range(2))
def test_long_texts_arrive_whole_in_any_weather(seed: int) -> None:
    wire = Wire(BareRoom(), seed=seed, delay=(0.001, 0.03))
    ana, budi = chat(wire)
    weather(wire, loss=0.2, seed=seed)
    texts = [("é" * 8_000)[: 100 + 3_000 * number] for number in range(6)]
    for text in texts:
        budi.peer.say(text, wire.now)
        ana.peer.say(text[::-1] + "!", wire.now)
    assert wire.run(120, until=lambda: settled(wire))
    assert [text for text in ana.texts if text in texts] == texts
    assert ana.texts == budi.texts == wire.bare_room.texts()


def test_after_a_restart_everybody_is_back_with_nothing_lost_or_doubled() -> None:
    wire = Wire(BareRoom())
    ana, budi = chat(wire)
    for life in range(3):
        ana.peer.say(f"before {life}", wire.now)
        wire.run(0.0005)
        wire.bare_room.restart()
        budi.peer.say(f"after {life}", wire.now)
        assert wire.run(30, until=lambda: settled(wire))
    assert sorted(wire.bare_room.texts()) == sorted(
        f"{when} {life}" for when in ("before", "after") for life in range(3)
    )
    assert ana.texts == budi.texts == wire.bare_room.texts()
    asked = [event.by_ticket for event in wire.bare_room.events if isinstance(event, ev.JoinAsked)]
    assert asked[2:] == [True] * len(asked[2:]), "with tickets, not passwords"


def test_a_disk_that_is_full_for_a_while_loses_nothing() -> None:
    wire = Wire(BareRoom())
    ana, budi = chat(wire)
    wire.bare_room.storing = False
    for number in range(100):
        ana.peer.say(f"line {number}", wire.now)
    wire.run(20)
    assert budi.texts == []
    assert len(wire.bare_room.said) == LINES_IN_FLIGHT
    wire.bare_room.storing = True
    wire.bare_room.store(wire.now)
    assert wire.run(30, until=lambda: settled(wire))
    assert budi.texts == [f"line {number}" for number in range(100)]


def test_a_client_whose_address_changes_goes_on_without_a_new_session() -> None:
    wire = Wire(BareRoom())
    ana, budi = chat(wire)
    for place in (ELSEWHERE, HOME):
        ana.address = place
        ana.peer.say(f"from {place[0]}", wire.now)
        assert wire.run(10, until=lambda: settled(wire))
        budi.peer.say("heard you", wire.now)
        assert wire.run(10, until=lambda: settled(wire))
    assert len(wire.bare_room.of(ev.SessionMoved)) == 2
    assert len(wire.bare_room.of(ev.SessionOpened)) == 2
    assert ana.all(pe.ContactLost) == []


def test_datagrams_that_an_onlooker_replays_change_nothing() -> None:
    wire = Wire(BareRoom())
    ana, budi = chat(wire)
    ana.peer.say("once", wire.now)
    assert wire.run(10, until=lambda: settled(wire))
    events, log = len(wire.bare_room.events), dict(wire.bare_room.log)
    recorded = list(wire.recorded)
    for data, source, target in recorded:
        if target == SERVER:
            wire.send(data, STRANGER, SERVER)
            wire.send(data, source, SERVER)
        else:
            wire.send(data, STRANGER, target)
    wire.run(20)
    assert (len(wire.bare_room.events), wire.bare_room.log) == (events, log)
    assert len(wire.bare_room.endpoint) == 2
    assert ana.texts == budi.texts == ["once"]
    assert ana.all(pe.ContactLost) == budi.all(pe.ContactLost) == []


def test_an_onlooker_who_is_faster_moves_no_session() -> None:
    wire = Wire(BareRoom(), delay=(0.002, 0.002))
    ana, budi = chat(wire)
    copied = 0

    def copy(data: bytes, source: Address, target: Address) -> Sequence[bytes]:
        nonlocal copied
        if target == SERVER and source == ana.address:
            copied += 1
            wire.bare_room.endpoint.receive_datagram(data, STRANGER, wire.now)
        return [data]

    wire.spoil = copy
    for number in range(10):
        ana.peer.say(f"line {number}", wire.now)
        wire.run(0.3)
    assert copied > 10
    assert wire.run(20, until=lambda: settled(wire))
    assert wire.bare_room.of(ev.SessionMoved) == []
    to_him = sum(len(data) for data, _, target in wire.recorded if target == STRANGER)
    from_him = sum(len(data) for data, source, _ in wire.recorded if source == ana.address)
    assert 0 < to_him <= 3 * from_him
    assert budi.texts == [f"line {number}" for number in range(10)]


# Long conversations.


def test_a_conversation_of_hours_goes_on_in_one_session_with_keys_that_change() -> None:
    wire = Wire(BareRoom(), delay=(0.001, 0.02))
    ana, budi = chat(wire)
    keys = set[int]()
    for hour in range(3):
        # With higher loss a client may well conclude that contact is lost.
        weather(wire, loss=0.02, seed=hour, corruption=0.0)
        for _ in range(6):
            wire.run(random.Random(hour).uniform(580, 620))
            ana.peer.say(f"hour {hour}", wire.now)
            budi.peer.say(f"heard {hour}", wire.now)
            keys |= {session.channel.receive_cid for session in wire.bare_room.endpoint._table}
    assert wire.run(60, until=lambda: settled(wire))
    assert ana.texts == budi.texts == wire.bare_room.texts()
    assert len(wire.bare_room.log) == 36
    assert len(keys) >= 2 * 3
    assert len(wire.bare_room.of(ev.SessionOpened)) == 2
    assert ana.all(pe.ContactLost) == []


@pytest.mark.parametrize("lost", [0, 2])
def test_a_line_in_a_quiet_room_arrives_at_once_after_a_rekeying(lost: int) -> None:
    wire = Wire(BareRoom())
    ana, budi = chat(wire)
    of_the_session = ana.peer._link
    assert of_the_session is not None
    channel = of_the_session._channel
    assert wire.run(4000, until=lambda: of_the_session._channel is not channel)
    losses = iter(range(lost))
    wire.spoil = lambda data, source, _: [] if source == ana.address and next(losses, None) is not None else [data]
    wire.run(OLD_CHANNEL_SECONDS + 1)
    budi.peer.say("is anybody there?", wire.now)
    assert wire.run(1, until=lambda: ana.texts[-1:] == ["is anybody there?"])


def test_after_a_rekeying_the_old_channel_is_gone_on_both_sides() -> None:
    wire = Wire(BareRoom())
    ana, _ = chat(wire)
    old = {session.channel.receive_cid for session in wire.bare_room.endpoint._table}
    wire.run(4200)
    wire.run(OLD_CHANNEL_SECONDS + 2.5)
    routes = wire.bare_room.endpoint._table._routes
    assert len(routes) == 2
    assert not old & routes.keys()
    assert ana.peer._link is not None
    assert ana.peer._link._old is None


def test_a_client_that_was_away_for_long_catches_up_at_its_own_pace() -> None:
    wire = Wire(BareRoom(Limits(recent_entries=500, lines_burst=10_000, lines_per_second=10_000)))
    ana, budi = chat(wire)
    cut = budi.address
    wire.spoil = lambda data, source, target: [] if cut in (source, target) else [data]
    for number in range(1200):
        ana.peer.say(f"line {number}", wire.now)
    wire.run(30)
    assert len(wire.bare_room.log) == 1200
    assert budi.texts == []
    wire.spoil = lambda data, _source, _target: [data]
    assert wire.run(60, until=lambda: settled(wire))
    assert budi.texts == ana.texts == wire.bare_room.texts()
    assert wire.bare_room.of(ev.EntriesWanted), "the oldest were read from the log"


def test_a_room_is_quiet_when_nobody_speaks() -> None:
    wire = Wire(BareRoom())
    chat(wire)
    wire.run(5)
    before = len(wire.recorded)
    wire.run(600)
    assert len(wire.recorded) - before <= 2 * 2 * 600 / 22.5, "two clients' pings and their answers"


def test_an_empty_payload_of_a_handshake_is_all_a_stranger_with_the_servers_key_would_see() -> None:
    """Message 1 is not forward secret, so it must hold nothing that has to stay secret."""
    guest = RawClient(BareRoom()).shake(cursor=40)
    responder = Responder(IDENTITY.private_key, PROLOGUE + guest.init[:32], Dice(1)(32))
    payload = m.decode_init_payload_untrusted(responder.read_message_untrusted(guest.init[32:]))
    assert msgspec.structs.asdict(payload) == {
        "client_version": "a test",
        "stream": guest.stream,
        "flags": 0,
        "log_id": None,
        "cursor": 40,
        "ticket": None,
    }
