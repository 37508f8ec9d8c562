"""Offers in turns: many that are asked for at once hold up nobody, and each place gets its share."""

from __future__ import annotations

from kit.bare_room import BareRoom
from kit.raw_client import RawClient

from sockatuh.protocol import messages as m
from sockatuh.protocol.server.password_offers import OFFERS_A_TURN

MANY = 3 * OFFERS_A_TURN


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
