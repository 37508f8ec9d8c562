"""Offers: each serves for one proof, however many names are asked, and many that are asked for hold up nobody."""

from __future__ import annotations

import pytest
from kit.bare_room import ELSEWHERE, HASH, PASSWORD, BareRoom
from kit.password_hash import OTHER_SALT, quick_hash
from kit.proofs import pad
from kit.raw_client import RawClient

from sockatuh.protocol import messages as m
from sockatuh.protocol.constants import MAX_DATAGRAM, MAX_NAME_BYTES, UNDECIDED
from sockatuh.protocol.password_proof import PROOF_SIZE, PasswordHash
from sockatuh.protocol.server import events as ev
from sockatuh.protocol.server.password_offers import OFFERS_A_TURN

MANY = 3 * OFFERS_A_TURN
DRAWN_FOR_AN_OFFER = 2
"""Times 32 bytes: the scalar and the blind."""


def offer_of(guest: RawClient, join: m.Join) -> m.NameValid:
    """Make a call, and return the offer it was answered with."""
    guest.call(join)
    offer = guest.answer()
    assert isinstance(offer, m.NameValid)
    return offer


def proofs_reported(house: BareRoom) -> int:
    return sum(isinstance(event, ev.JoinAsked) and event.has_proof for event in house.events)


@pytest.fixture
def guest(bare_room: BareRoom) -> RawClient:
    return RawClient(bare_room).shake()


# What an offer costs.


def test_asking_for_sixty_names_costs_one_offer(guest: RawClient) -> None:
    drawn = guest.bare_room.dice.drawn[32]
    shares = set()
    for number in range(60):
        guest.now += 0.1
        shares.add(offer_of(guest, m.Join(f"name{number}", None if number % 2 else b"", None)).share)
    assert len(shares) == 1
    assert guest.bare_room.dice.drawn[32] - drawn == DRAWN_FOR_AN_OFFER


def test_a_session_that_joins_by_ticket_or_not_at_all_costs_no_offer(member: RawClient) -> None:
    drawn = member.bare_room.dice.drawn[32]
    again = returning(member)
    again.call(m.Join(None, None, None))
    RawClient(member.bare_room, seed="another").shake().call(m.Who(""))
    assert member.bare_room.dice.drawn[32] - drawn == 2, "the two handshakes"


@pytest.mark.parametrize("character", ["x", "é", "😀"])
def test_an_offer_with_the_longest_name_fits_a_datagram(guest: RawClient, character: str) -> None:
    name = character * (MAX_NAME_BYTES // len(character.encode()))
    guest.calls = 2**63 - 1
    call = m.encode(m.Call(guest.calls, m.Join(name, b"", None)))
    [datagram] = guest.send_raw(guest.channel.seal(call))
    [answer] = guest.read([datagram])
    assert isinstance(answer, m.Answer)
    assert isinstance(answer.body, m.NameValid)
    assert answer.body.name == name
    assert len(datagram) < MAX_DATAGRAM // 2


@pytest.mark.parametrize("proof", [b"", bytes(PROOF_SIZE)])
def test_no_offer_is_made_for_a_name_that_is_too_long(guest: RawClient, proof: bytes) -> None:
    drawn = guest.bare_room.dice.drawn[32]
    guest.call(m.Join("x" * (MAX_NAME_BYTES + 1), proof, None))
    assert guest.answer() == m.Refused("name_invalid", detail="at most 128 bytes")
    assert guest.bare_room.dice.drawn[32] == drawn


# An offer serves once.


def test_a_proof_without_an_offer_gets_one_and_is_not_reported(guest: RawClient) -> None:
    offer = offer_of(guest, m.Join("ana", bytes(PROOF_SIZE), None))
    assert not proofs_reported(guest.bare_room)
    guest.call(guest.prove_by(offer))
    assert isinstance(guest.answer(), m.Welcome)


def test_an_offer_serves_for_one_proof(guest: RawClient) -> None:
    offer = offer_of(guest, m.Join("ana", b"", None))
    guest.call(guest.prove_by(offer, password=b"wrong"))
    assert guest.answer() == m.Refused("password_wrong", 5_000)
    another = offer_of(guest, guest.prove_by(offer))
    assert another.share != offer.share
    assert proofs_reported(guest.bare_room) == 1, "the right one was not looked at"
    guest.call(guest.prove_by(another))
    assert isinstance(guest.answer(), m.Welcome)


def test_an_offer_that_is_used_up_is_not_kept_and_neither_is_its_proof(guest: RawClient) -> None:
    assert len(kept(guest, m.Join("ana", b"", None))) == 1
    assert kept(guest, guest.prove_by(guest.answer(), password=b"wrong")) == []
    assert kept(guest, guest.prove()) == []
    assert isinstance(guest.answer(), m.Welcome)


def kept(guest: RawClient, join: m.Join) -> list[object]:
    """Make a call, and return what is kept of the exchange once it is answered."""
    guest.call(join)
    session = guest.bare_room.endpoint._table.find(guest.payload.server_cid)
    assert session is not None
    return [each for each in (session.offer, session.proof, session.confirmation) if each]


@pytest.mark.parametrize("code", sorted(UNDECIDED))
def test_a_refusal_that_decides_nothing_leaves_the_offer(guest: RawClient, code: str) -> None:
    join = guest.prove()
    guest.bare_room.refusal = m.Refused(code, 1_000)
    for _ in range(3):
        guest.call(join)
        assert guest.answer() == m.Refused(code, 1_000)
    guest.bare_room.refusal = None
    guest.call(join)
    welcome = guest.answer()
    assert isinstance(welcome, m.Welcome)
    assert guest.proof.is_answered_by(welcome.confirmation)


@pytest.mark.parametrize("code", ["password_wrong", "name_taken", "room_full", "name_is_password"])
def test_every_other_refusal_uses_it_up(guest: RawClient, code: str) -> None:
    join = guest.prove()
    guest.bare_room.refusal = m.Refused(code)
    guest.call(join)
    guest.bare_room.refusal = None
    offer_of(guest, join)


def test_a_repeated_proof_gets_the_same_answer_and_is_reported_once(guest: RawClient) -> None:
    join = guest.prove(password=b"wrong")
    [refused] = guest.call(join)
    for again in (join, guest.prove_by(offer_at(guest, 0))):
        assert guest.send(m.Call(guest.calls, again)) == [refused], "even if what is asked differs"
    assert proofs_reported(guest.bare_room) == 1


def offer_at(guest: RawClient, number: int) -> m.AnswerBody:
    return [each.body for each in guest.received if isinstance(each, m.Answer)][number]


# What an offer is bound to.


def test_another_hash_voids_the_offer(guest: RawClient) -> None:
    join = guest.prove()
    guest.bare_room.endpoint.replace_password(PasswordHash.parse(quick_hash(PASSWORD, OTHER_SALT)))
    offer = offer_of(guest, join)
    assert offer.salt == OTHER_SALT
    assert not proofs_reported(guest.bare_room)
    guest.call(guest.prove_by(offer))
    assert isinstance(guest.answer(), m.Welcome)


def test_the_same_hash_written_otherwise_voids_nothing(guest: RawClient) -> None:
    join = guest.prove()
    guest.bare_room.endpoint.replace_password(PasswordHash.parse(HASH.text.decode().replace("$2b$", "$2y$")))
    guest.call(join)
    assert isinstance(guest.answer(), m.Welcome)


def test_a_proof_on_its_way_while_the_hash_changes_shows_nothing(guest: RawClient) -> None:
    join = guest.prove()
    guest.bare_room.answering = False
    guest.call(join)
    guest.bare_room.endpoint.replace_password(PasswordHash.parse(quick_hash(PASSWORD, OTHER_SALT)))
    assert guest.bare_room.endpoint.open_proof(guest.payload.server_cid, "ana") is None


@pytest.mark.parametrize("at", ["before the offer", "before the proof"])
def test_a_new_channel_changes_nothing(guest: RawClient, at: str) -> None:
    guest.send(m.Ping(bytes(8)))
    if at == "before the offer":
        rekey(guest)
    offer = offer_of(guest, m.Join("ana", b"", None))
    if at == "before the proof":
        rekey(guest)
    guest.call(guest.prove_by(offer))
    welcome = guest.answer()
    assert isinstance(welcome, m.Welcome)
    assert guest.proof.is_answered_by(welcome.confirmation)


def rekey(guest: RawClient) -> None:
    guest.rekey()
    assert guest.send(m.Ping(bytes(8)))
    assert guest.handshake_hash != guest.opening_hash


def test_a_proof_is_for_the_name_in_its_own_join(guest: RawClient) -> None:
    offer = offer_of(guest, m.Join("budi", None, None))
    proof = guest.prove_by(offer, "ana").proof
    guest.call(m.Join("cici", proof, None))
    assert guest.answer() == m.Refused("password_wrong", 5_000)


def test_a_proof_of_another_session_is_wrong(bare_room: BareRoom) -> None:
    ana, budi = (RawClient(bare_room, ("10.0.1.1", port), seed=port).shake() for port in (1, 2))
    ana.prove("x")
    budi.call(m.Join("x", ana.proof.encoded, None))
    budi.call(m.Join("x", ana.proof.encoded, None))
    assert budi.answer() == m.Refused("password_wrong", 5_000)


# The confirmation.


def returning(member: RawClient) -> RawClient:
    """Return a second program of a member, which shows the ticket."""
    welcome = member.answer()
    assert isinstance(welcome, m.Welcome)
    again = RawClient(member.bare_room, ELSEWHERE)
    again.stream = b"another!"
    return again.shake(ticket=welcome.ticket)


@pytest.mark.parametrize("proof", [None, b"", bytes(PROOF_SIZE)])
def test_a_welcome_by_ticket_confirms_nothing(member: RawClient, proof: bytes | None) -> None:
    again = returning(member)
    again.call(m.Join(None, proof, None))
    welcome = again.answer()
    assert isinstance(welcome, m.Welcome)
    assert welcome.confirmation == b""


def test_a_welcome_by_ticket_does_not_confirm_a_proof_that_failed_before(member: RawClient) -> None:
    again = returning(member)
    again.call(again.forge(offer_of(again, m.Join("ana", b"", None)), pad(b"wrong")))
    assert again.answer() == m.Refused("password_wrong", 5_000)
    again.call(m.Join(None, None, None))
    welcome = again.answer()
    assert isinstance(welcome, m.Welcome)
    assert welcome.confirmation == b""


# Many at once.


def ask_at_once(house: BareRoom, guests: list[RawClient], *, join: m.Join | None = None) -> None:
    """Have all ask for an offer before the server's turn ends."""
    for guest in guests:
        guest.calls += 1
        call = m.Call(guest.calls, join or m.Join("ana", b"", None))
        house.endpoint.receive_datagram(guest.channel.seal(m.encode(call)), guest.address, guest.now)
        house.process(guest.now)


def offered(house: BareRoom, guests: list[RawClient]) -> list[RawClient]:
    """End the server's turn, and return who got an offer in it."""
    sent = house.settle(guests[0].now)
    heard = [guest for guest in guests for data, to in sent if to == guest.address and guest.read([data])]
    return [guest for guest in heard if isinstance(guest.answer(), m.NameValid)]


def visitors(house: BareRoom, count: int, host: str = "10.0.1.1") -> list[RawClient]:
    return [RawClient(house, (host, 40_000 + number), seed=f"{host} {number}").shake() for number in range(count)]


def test_a_turn_makes_a_few_offers_and_the_others_follow_in_later_turns() -> None:
    house = BareRoom()
    guests = visitors(house, MANY)
    ask_at_once(house, guests)
    assert offered(house, guests) == guests[:OFFERS_A_TURN]
    later = []
    while (at := house.endpoint.get_timer()) is not None and at <= guests[0].now:
        house.endpoint.handle_timer(at)
        later.append(offered(house, guests))
    assert later == [guests[OFFERS_A_TURN : 2 * OFFERS_A_TURN], guests[2 * OFFERS_A_TURN :]]


def test_a_question_about_a_name_waits_for_its_offer_too() -> None:
    house = BareRoom()
    guests = visitors(house, OFFERS_A_TURN + 1)
    ask_at_once(house, guests, join=m.Join("ana", None, None))
    assert offered(house, guests) == guests[:-1]
    house.endpoint.handle_timer(guests[0].now)
    assert offered(house, guests) == guests[-1:]


def test_a_place_that_asks_for_many_does_not_keep_another_waiting() -> None:
    house = BareRoom()
    crowd, ana = visitors(house, MANY), visitors(house, 1, "10.0.9.9")[0]
    ask_at_once(house, [*crowd, ana])
    assert ana not in offered(house, [*crowd, ana])
    house.endpoint.handle_timer(ana.now)
    assert ana in offered(house, [*crowd, ana])


def test_a_session_that_has_its_offer_is_answered_at_once() -> None:
    house = BareRoom()
    ana, *crowd = visitors(house, MANY)
    ask_at_once(house, [ana])
    assert offered(house, [ana])
    ask_at_once(house, [*crowd, ana])
    assert ana in offered(house, [*crowd, ana])


def test_no_offer_is_made_for_a_session_that_has_ended() -> None:
    house = BareRoom()
    guests = visitors(house, OFFERS_A_TURN + 1)
    ask_at_once(house, guests)
    offered(house, guests)
    guests[-1].send(m.Call(guests[-1].calls + 1, m.Leave()))
    made = house.dice.drawn[32]
    house.endpoint.handle_timer(guests[0].now)
    assert offered(house, guests) == []
    assert house.dice.drawn[32] == made
