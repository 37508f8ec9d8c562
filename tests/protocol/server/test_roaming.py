"""Roaming: a session moves when the client has proved its new address, and not before."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.bare_room import ELSEWHERE, HOME, STRANGER, BareRoom, entry
from kit.raw_client import RawClient

from sockatuh.protocol import messages as m
from sockatuh.protocol.seam import Address
from sockatuh.protocol.server import events as ev

THIRD: Address = ("10.7.7.7", 7)


def test_a_client_at_a_new_address_is_challenged_there_and_moves_when_it_answers(member: RawClient) -> None:
    bare_room = member.bare_room
    assert member.send(m.Ping(bytes(8)), ELSEWHERE) == []
    assert [address for _, address in member.elsewhere] == [HOME], "the answer goes where the session is"
    (challenge,), [address] = challenges(member, 0)
    assert address == ELSEWHERE
    bare_room.publish(entry(1), head=1, now=member.now)
    assert bare_room.of(ev.SessionMoved) == []
    member.send(m.PathResponse(challenge.token), ELSEWHERE)
    assert bare_room.of(ev.SessionMoved) == [ev.SessionMoved(member.payload.server_cid, ELSEWHERE)]
    assert {address for _, address in bare_room.publish(entry(2), head=2, now=member.now)} == {ELSEWHERE}
    assert challenges(member, 10)[0] == []


def challenges(guest: RawClient, seconds: float) -> tuple[list[m.PathChallenge], list[Address]]:
    """Let time pass, and return the path challenges sent meanwhile, and their addresses."""
    guest.now += seconds
    found: list[m.PathChallenge] = []
    addresses: list[Address] = []
    for data, address in guest.bare_room.timer(guest.now):
        for message in guest.read([data]):
            if isinstance(message, m.PathChallenge):
                found.append(message)
                addresses.append(address)
    return found, addresses


def test_the_challenge_is_repeated_twice_and_then_the_new_address_is_forgotten(member: RawClient) -> None:
    member.send(m.Ping(bytes(8)), ELSEWHERE)
    (first,), _ = challenges(member, 0)
    assert challenges(member, 0.49) == ([], [])
    assert challenges(member, 0.01) == ([first], [ELSEWHERE])
    assert challenges(member, 0.99) == ([], [])
    assert challenges(member, 0.01) == ([first], [ELSEWHERE])
    assert challenges(member, 30) == ([], [])
    member.send(m.PathResponse(first.token), ELSEWHERE)
    assert member.bare_room.of(ev.SessionMoved) == []


@pytest.mark.parametrize("wrong", ["token", "address", "both"])
def test_nothing_moves_without_the_right_answer_from_there(member: RawClient, wrong: str) -> None:
    member.send(m.Ping(bytes(8)), ELSEWHERE)
    (challenge,), _ = challenges(member, 0)
    token = bytes(8) if wrong in ("token", "both") else challenge.token
    member.send(m.PathResponse(token), HOME if wrong in ("address", "both") else ELSEWHERE)
    assert member.bare_room.of(ev.SessionMoved) == []
    assert {to for _, to in member.bare_room.publish(entry(1), head=1, now=member.now)} == {HOME}


def test_an_unrequested_answer_moves_nothing(member: RawClient) -> None:
    member.send(m.PathResponse(bytes(8)))
    assert member.bare_room.of(ev.SessionMoved) == []


def test_a_datagram_copied_to_another_source_does_not_move_the_session(member: RawClient) -> None:
    """An attacker on the path copies what the client sends, and the copy arrives first."""
    for _ in range(5):
        datagram = member.channel.seal(m.encode(m.Ping(bytes(8))))
        assert member.send_raw(datagram, STRANGER) == []
        assert member.send_raw(datagram) == [], "that is a replay now"
        member.wait(5)
    assert member.bare_room.of(ev.SessionMoved) == []
    assert {to for _, to in member.bare_room.publish(entry(1), head=1, now=member.now)} == {HOME}


def test_only_the_newest_datagram_of_a_channel_shows_where_the_client_is(member: RawClient) -> None:
    late = member.channel.seal(m.encode(m.Ping(bytes(8))))
    member.send(m.Ping(bytes(8)))
    member.send_raw(late, ELSEWHERE)
    assert challenges(member, 10)[0] == []


@pytest.mark.parametrize(
    "plaintext", [b"\xc1", m.encode(m.Ack(1)), m.encode(m.Ping(bytes(8))), m.encode(m.Call(9, m.Who("x" * 99)))]
)
def test_a_new_address_is_sent_at_most_three_times_what_came_from_it(member: RawClient, plaintext: bytes) -> None:
    datagram = member.channel.seal(plaintext)
    sent = member.bare_room.receive(datagram, STRANGER, member.now)
    sent += member.bare_room.timer(member.now + 60)
    went = sum(len(data) for data, to in sent if to == STRANGER)
    assert 0 < went <= 3 * len(datagram)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32))
def test_however_addresses_alternate_none_is_sent_more_than_three_times_what_came_from_it(seed: int) -> None:
    dice, member = random.Random(seed), RawClient(BareRoom()).shake().join()
    places: list[Address] = [HOME, ELSEWHERE, STRANGER, THIRD]
    came, went = Counter[Address](), Counter[Address]()
    for _ in range(60):
        source = dice.choice(places)
        datagram = member.channel.seal(dice.choice([b"\xc1", m.encode(m.Ack(1)), m.encode(m.Ping(bytes(8)))]))
        came[source] += len(datagram)
        sent = member.bare_room.receive(datagram, source, member.now)
        member.now += dice.choice((0.0, 0.01, 0.3, 1.0, 4.0))
        sent += member.bare_room.timer(member.now)
        for data, to in sent:
            went[to] += len(data)
    assert all(went[place] <= 3 * came[place] for place in places if place != HOME)
    assert len(member.bare_room.endpoint._paths.probes) <= 3


def test_a_client_that_moves_again_is_challenged_at_its_newest_address(member: RawClient) -> None:
    member.send(m.Ping(bytes(8)), ELSEWHERE)
    (first,), _ = challenges(member, 0)
    member.send(m.Ping(bytes(8)), THIRD)
    (second,), addresses = challenges(member, 0.6)
    assert addresses == [THIRD]
    assert second.token != first.token
    member.send(m.PathResponse(first.token), THIRD)
    assert member.bare_room.of(ev.SessionMoved) == []
    member.send(m.PathResponse(second.token), THIRD)
    assert member.bare_room.of(ev.SessionMoved) == [ev.SessionMoved(member.payload.server_cid, THIRD)]


def test_a_client_that_comes_back_before_it_has_answered_stays_where_it_is(member: RawClient) -> None:
    member.send(m.Ping(bytes(8)), ELSEWHERE)
    challenges(member, 0)
    assert [type(each) for each in member.send(m.Ping(bytes(8)))] == [m.Pong]
    assert member.bare_room.of(ev.SessionMoved) == []


def test_a_session_can_move_again_and_again(member: RawClient) -> None:
    for place in (ELSEWHERE, THIRD, HOME):
        member.send(m.Ping(bytes(8)), place)
        found, addresses = challenges(member, 2.1)
        assert set(addresses) == {place}
        member.send(m.PathResponse(found[0].token), place)
    assert [event.address for event in member.bare_room.events if isinstance(event, ev.SessionMoved)] == [
        ELSEWHERE,
        THIRD,
        HOME,
    ]


def test_a_session_moves_at_most_once_a_second(member: RawClient) -> None:
    began_at, moves = member.now, member.bare_room.of
    while member.now < began_at + 5.0:
        for place in (ELSEWHERE, THIRD, HOME):
            member.send(m.Ping(bytes(8)), place)
            found, addresses = challenges(member, 0.01)
            for challenge, address in zip(found, addresses, strict=True):
                member.send(m.PathResponse(challenge.token), address)
    assert 4 <= len(moves(ev.SessionMoved)) <= 6
    assert len(member.bare_room.endpoint._paths.probes) <= 3


def test_a_session_that_has_ended_is_not_challenged(member: RawClient) -> None:
    member.send(m.Ping(bytes(8)), ELSEWHERE)
    member.call(m.Leave())
    assert challenges(member, 10) == ([], [])


class Asked(tuple[object, ...]):
    """An address as a shell passes it on that remembers which of the server's addresses was asked."""

    ours = ""


def asked(address: Address, ours: str) -> Asked:
    """Return an address that equals another, and remembers one of ours to answer from."""
    found = Asked(address)
    found.ours = ours
    return found


def answered_from(datagrams: list[tuple[bytes, Address]]) -> list[str]:
    """Return our addresses from which datagrams are to leave."""
    return [address.ours for _, address in datagrams if isinstance(address, Asked)]


def test_a_client_is_answered_from_where_its_newest_datagram_came_to_and_does_not_seem_to_move(
    member: RawClient,
) -> None:
    bare_room = member.bare_room
    for ours in ("first", "second", "first"):
        member.send(m.Ping(bytes(8)), asked(HOME, ours))
        head = bare_room.head + 1
        assert answered_from(bare_room.publish(entry(head), head=head, now=member.now)) == [ours]
    assert challenges(member, 10)[0] == []
    assert bare_room.of(ev.SessionMoved) == []


def test_only_the_newest_datagram_says_from_where_a_client_is_answered(member: RawClient) -> None:
    bare_room = member.bare_room
    early = member.channel.seal(m.encode(m.Ping(bytes(8))))
    member.send(m.Ping(bytes(8)), asked(HOME, "new"))
    bare_room.receive(early, asked(HOME, "old"), member.now)
    spoilt = bytearray(member.channel.seal(m.encode(m.Ping(bytes(8)))))
    spoilt[-1] ^= 1
    bare_room.receive(bytes(spoilt), asked(HOME, "forged"), member.now)
    assert answered_from(bare_room.publish(entry(1), head=1, now=member.now)) == ["new"]


def test_a_client_that_moves_is_challenged_and_answered_from_the_address_it_asked_last(member: RawClient) -> None:
    bare_room = member.bare_room
    member.send(m.Ping(bytes(8)), asked(ELSEWHERE, "first"))
    member.send(m.Ping(bytes(8)), asked(ELSEWHERE, "second"))
    sent = bare_room.timer(member.now)
    assert answered_from(sent) == ["second"]
    (challenge,) = (message for message in member.read([sent[0][0]]) if isinstance(message, m.PathChallenge))
    member.send(m.PathResponse(challenge.token), asked(ELSEWHERE, "third"))
    assert answered_from(bare_room.publish(entry(1), head=1, now=member.now)) == ["third"]
