"""Why addresses cannot be reached is reported, and changes nothing."""

from __future__ import annotations

import pytest
from kit.bare_room import ELSEWHERE, SERVER, START, STRANGER
from kit.raw_server import joined_raw_server, make_peer

from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as pe
from sockatuh.protocol.client.obstacles import REPORTS, Obstacle
from sockatuh.protocol.client.peer import Peer
from sockatuh.protocol.constants import COOKIE, COOKIE_SIZE, HELLO, HELLO_SIZE
from sockatuh.protocol.seam import Address


def dialling(*addresses: Address) -> Peer:
    """Return a peer that has sent its first HELLO."""
    peer = make_peer()
    peer.connect(addresses, START)
    peer.handle_timer(START)
    peer.datagrams_to_send()
    return peer


def reports(peer: Peer) -> list[dict[Address, Obstacle]]:
    """Return the obstacles that the peer has reported since."""
    events = list(iter(peer.next_event, None))
    return [dict(event.obstacles) for event in events if isinstance(event, pe.AddressesUnreachable)]


def test_a_closed_port_is_reported_once_and_dialling_goes_on() -> None:
    peer = dialling(SERVER)
    timer = peer.get_timer()
    for _ in range(5):
        peer.note_obstacle(SERVER, Obstacle.PORT_CLOSED)
    assert reports(peer) == [{SERVER: Obstacle.PORT_CLOSED}]
    assert peer.get_timer() == timer
    assert timer is not None
    peer.handle_timer(timer)
    assert [data[0] for data, _ in peer.datagrams_to_send()] == [HELLO]


def test_nothing_is_reported_while_another_address_may_answer() -> None:
    peer = dialling(SERVER, ELSEWHERE)
    peer.note_obstacle(SERVER, Obstacle.NO_ROUTE)
    assert reports(peer) == []
    peer.note_obstacle(ELSEWHERE, Obstacle.PORT_CLOSED)
    assert reports(peer) == [{SERVER: Obstacle.NO_ROUTE, ELSEWHERE: Obstacle.PORT_CLOSED}]


def test_an_address_that_is_not_dialled_has_no_obstacles() -> None:
    peer = dialling(SERVER)
    peer.note_obstacle(STRANGER, Obstacle.PORT_CLOSED)
    peer.receive_datagram(b"go away", STRANGER, START)
    assert reports(peer) == []


def test_obstacles_that_keep_changing_are_not_reported_for_ever() -> None:
    peer = dialling(SERVER)
    for number in range(100):
        peer.note_obstacle(SERVER, [Obstacle.PORT_CLOSED, Obstacle.NO_ROUTE][number % 2])
    assert len(reports(peer)) == REPORTS


@pytest.mark.parametrize("data", [b"\0\1 not for you", b"", bytes([HELLO]).ljust(HELLO_SIZE, b"\0"), bytes([COOKIE])])
def test_an_answer_of_another_protocol_is_reported(data: bytes) -> None:
    peer = dialling(SERVER)
    peer.receive_datagram(data, SERVER, START)
    assert reports(peer) == [], "one may be spoilt on its way"
    peer.receive_datagram(data, SERVER, START)
    assert reports(peer) == [{SERVER: Obstacle.FOREIGN}]


def test_a_datagram_that_may_be_ours_is_not_called_foreign() -> None:
    peer = dialling(SERVER)
    for data in (bytes([COOKIE]).ljust(COOKIE_SIZE, b"\0"), b"\xb4 late", b"\xb5 of another session", b"\xb6"):
        peer.receive_datagram(data, SERVER, START)
    assert reports(peer) == []


def test_no_obstacle_ends_or_disturbs_a_session() -> None:
    host = joined_raw_server()
    host.events.clear()
    timer = host.peer.get_timer()
    for obstacle in Obstacle:
        host.peer.note_obstacle(SERVER, obstacle)
    assert host.tell_raw(b"\0 junk") == []
    assert host.events == []
    assert host.peer.get_timer() == timer
    host.peer.say("hello", host.now)
    assert [type(message) for message in host.open(host.wait(0.0) + host.take())] == [m.Say]


def test_an_obstacle_is_reported_again_after_a_loss_of_contact() -> None:
    host = joined_raw_server()
    host.tell(m.Closed("restarting", 0))
    host.wait(1.0)
    host.peer.note_obstacle(SERVER, Obstacle.PORT_CLOSED)
    host.take()
    assert host.of(pe.AddressesUnreachable) == [pe.AddressesUnreachable(((SERVER, Obstacle.PORT_CLOSED),))]
