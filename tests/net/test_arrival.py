"""Answers leave from the address that was asked."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
from collections.abc import Iterator
from typing import Final

import pytest
from net.refusing import where_refused

from sockatuh.net.arrival import (
    ARRIVALS_KEPT,
    IP_PKTINFO,
    IPV4_NOTE,
    IPV6_NOTE,
    Arrival,
    ArrivalReceiver,
    ask_for_notes,
    find_source,
    is_to_all,
    source_of,
    was_sent_to_all,
)
from sockatuh.net.batch import FEW, BatchSender
from sockatuh.net.fallback import Fallback
from sockatuh.net.sender import SURE_AFTER, Sender
from sockatuh.net.sockets import open_server_socket
from sockatuh.protocol.seam import Address

# ruff: noqa: S104 - sockets bound to every address are what this is about

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a second address on the loopback is Linux's")
IPV6_PKTINFO: Final = 50


def untold(fallback: Fallback, error: OSError) -> None:
    """Say that nothing may be given up here."""
    raise AssertionError((fallback, error))


def refuse(error: OSError) -> None:
    """Say that nothing may be refused here."""
    raise error


@contextlib.contextmanager
def room(host: str) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Yield a server's socket and one that asks it."""
    with open_server_socket(host, 0) as server, socket.socket(type=socket.SOCK_DGRAM) as asker:
        if host == "::" and server.family != socket.AF_INET6:
            pytest.skip("no IPv6 here")
        asker.bind(("127.0.0.1", 0))
        asker.settimeout(5.0)
        server.setblocking(True)
        server.settimeout(5.0)
        yield server, asker


@pytest.mark.parametrize("host", ["::", "0.0.0.0"])
@pytest.mark.parametrize("count", [1, FEW, 40])
def test_the_answer_comes_from_the_address_that_was_asked(host: str, count: int) -> None:
    with room(host) as (server, asker):
        assert ask_for_notes(server)
        receive, send = ArrivalReceiver(server, untold), BatchSender(server, refuse, untold)
        for asked in ("127.0.0.2", "127.0.0.1", "127.7.7.7"):
            asker.sendto(b"hello", (asked, server.getsockname()[1]))
            data, address = receive()
            assert data == b"hello"
            send([(b"%d" % number, address) for number in range(count)])
            send([(bytes(number), address) for number in range(count)])
            received = [asker.recvfrom(2048) for _ in range(2 * count)]
            assert {source[0] for _, source in received} == {asked}
            assert [data for data, _ in received] == [
                *(b"%d" % number for number in range(count)),
                *(bytes(number) for number in range(count)),
            ]


def test_a_batch_without_source_addresses_is_sent_unchanged() -> None:
    with room("::") as (server, asker):
        ask_for_notes(server)
        receive, send = ArrivalReceiver(server, untold), BatchSender(server, refuse, untold)
        asker.sendto(b"hello", ("127.0.0.2", server.getsockname()[1]))
        _, address = receive()
        plain: Address = tuple(address)
        for target, source in ((address, "127.0.0.2"), (plain, "127.0.0.1"), (address, "127.0.0.2")):
            for count in (40, FEW, 40):
                send([(b"%d" % number, target) for number in range(count)])
                assert {asker.recvfrom(2048)[1][0] for _ in range(count)} == {source}


def test_one_sender_asking_two_of_our_addresses_equals_itself() -> None:
    with room("0.0.0.0") as (server, asker):
        ask_for_notes(server)
        receive, received = ArrivalReceiver(server, untold), []
        for asked in ("127.0.0.2", "127.0.0.3", "127.0.0.3", "127.0.0.2"):
            asker.sendto(b"hello", (asked, server.getsockname()[1]))
            received.append(receive()[1])
        one, other, again, back = received
        assert one == other == asker.getsockname()
        assert {one: 1}[asker.getsockname()] == 1
        assert again is other, "an address that was received a moment ago is not made anew"
        assert source_of(one) is source_of(back)
        assert source_of(one) is not source_of(other)


def test_remembered_senders_are_bounded() -> None:
    with room("0.0.0.0") as (server, _):
        ask_for_notes(server)
        receive = ArrivalReceiver(server, untold)
        for number in range(2 * ARRIVALS_KEPT):
            receive._remember(("10.0.0.1", number), [(0, IP_PKTINFO, IPV4_NOTE.pack(1, number.to_bytes(4), bytes(4)))])
        assert len(receive._arrivals) <= ARRIVALS_KEPT
        assert len(receive._sources) <= ARRIVALS_KEPT


def test_a_socket_bound_to_one_address_needs_no_source_information() -> None:
    with open_server_socket("127.0.0.1", 0) as server:
        assert not ask_for_notes(server)


@pytest.mark.parametrize(
    ("interface", "ours", "header", "named"),
    [
        (7, "10.77.0.2", "10.77.0.2", (0, "10.77.0.2")),
        (7, "10.77.0.1", "10.77.0.255", (0, "10.77.0.1")),
        (7, "10.77.0.1", "224.0.0.1", (0, "10.77.0.1")),
        (7, "169.254.3.4", "169.254.3.4", (7, "169.254.3.4")),
    ],
)
def test_an_ipv4_answer_uses_the_kernels_specific_destination(
    interface: int, ours: str, header: str, named: tuple[int, str]
) -> None:
    note = IPV4_NOTE.pack(interface, socket.inet_aton(ours), socket.inet_aton(header))
    both = [(socket.IPPROTO_IPV6, IPV6_PKTINFO, mapped(header, interface)), (socket.IPPROTO_IP, IP_PKTINFO, note)]
    for notes in (both, both[1:], both[::-1]):
        source = find_source(notes)
        assert source is not None
        assert source.control == (
            socket.IPPROTO_IP,
            IP_PKTINFO,
            IPV4_NOTE.pack(named[0], socket.inet_aton(named[1]), bytes(4)),
        )


@pytest.mark.parametrize(
    ("ours", "header", "to_all"),
    [
        ("10.77.0.2", "10.77.0.2", False),
        ("127.7.7.7", "127.7.7.7", False),
        ("0.0.0.0", "10.77.0.2", False),
        ("10.77.0.1", "10.77.0.255", True),
        ("10.77.0.1", "255.255.255.255", True),
        ("10.77.0.1", "224.0.0.1", True),
    ],
)
def test_an_ipv4_datagram_to_all_is_known_by_its_destination(ours: str, header: str, to_all: bool) -> None:
    note = IPV4_NOTE.pack(7, socket.inet_aton(ours), socket.inet_aton(header))
    both = [(socket.IPPROTO_IPV6, IPV6_PKTINFO, mapped(header, 7)), (socket.IPPROTO_IP, IP_PKTINFO, note)]
    assert [is_to_all(notes) for notes in (both, both[1:], both[::-1])] == [to_all] * 3


@pytest.mark.parametrize(("host", "to_all"), [("ff02::1", True), ("fe80::1", False), ("fd77::1", False)])
def test_an_ipv6_datagram_to_all_is_known_by_its_destination(host: str, to_all: bool) -> None:
    note = IPV6_NOTE.pack(socket.inet_pton(socket.AF_INET6, host), 7)
    assert is_to_all([(socket.IPPROTO_IPV6, IPV6_PKTINFO, note)]) is to_all
    assert not is_to_all([])


@pytest.mark.parametrize("host", ["::", "0.0.0.0"])
def test_the_system_tells_a_broadcast_on_the_loopback_from_a_datagram_to_us(host: str) -> None:
    with room(host) as (server, asker):
        ask_for_notes(server)
        asker.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        receive, found = ArrivalReceiver(server, untold), []
        for asked in ("127.255.255.255", "127.0.0.2", "127.255.255.255"):
            asker.sendto(b"hello", (asked, server.getsockname()[1]))
            found.append(was_sent_to_all(receive()[1]))
    assert found == [True, False, True]
    assert not was_sent_to_all(("127.0.0.1", 7625))


def mapped(host: str, interface: int) -> bytes:
    """Return the kernel's note in IPv6's form about a datagram to an IPv4 address."""
    return IPV6_NOTE.pack(bytes(10) + b"\xff\xff" + socket.inet_aton(host), interface)


@pytest.mark.parametrize(
    ("destination", "named"),
    [
        ("fd77::2", ("fd77::2", 0)),
        ("fe80::2", ("fe80::2", 7)),
        ("ff02::fb", ("::", 7)),
        ("::1", ("::1", 0)),
    ],
)
def test_an_ipv6_answer_names_the_interface_only_where_the_address_is_not_enough(
    destination: str, named: tuple[str, int]
) -> None:
    note = IPV6_NOTE.pack(socket.inet_pton(socket.AF_INET6, destination), 7)
    source = find_source([(socket.IPPROTO_IPV6, IPV6_PKTINFO, note)])
    assert source is not None
    expected = IPV6_NOTE.pack(socket.inet_pton(socket.AF_INET6, named[0]), named[1])
    assert source.control == (socket.IPPROTO_IPV6, IPV6_PKTINFO, expected)


@pytest.mark.parametrize("destination", ["224.0.0.1", "255.255.255.255", "0.0.0.0"])
def test_no_answer_uses_a_multicast_or_broadcast_source(destination: str) -> None:
    assert find_source([(socket.IPPROTO_IPV6, IPV6_PKTINFO, mapped(destination, 7))]) is None
    note = IPV4_NOTE.pack(7, socket.inet_aton(destination), socket.inet_aton(destination))
    assert find_source([(socket.IPPROTO_IP, IP_PKTINFO, note)]) is None
    assert find_source([]) is None


# What the system may refuse while the room is open.


def elsewhere(address: Address, host: str) -> Arrival:
    """Return an address whose answers are to leave from an address that this machine does not have."""
    arrival = Arrival(address)
    arrival.source = find_source([(0, IP_PKTINFO, IPV4_NOTE.pack(1, socket.inet_aton(host), bytes(4)))])
    return arrival


@pytest.mark.parametrize("count", [1, 40])
def test_an_address_that_was_taken_away_is_answered_from_another_and_others_keep_theirs(count: int) -> None:
    with room("0.0.0.0") as (server, asker):
        ask_for_notes(server)
        receive, send = ArrivalReceiver(server, untold), BatchSender(server, refuse, untold)
        asker.sendto(b"hello", ("127.0.0.2", server.getsockname()[1]))
        here, gone = receive()[1], elsewhere(asker.getsockname(), "192.0.2.77")
        for _ in range(2 * SURE_AFTER):
            send([(b"%d" % number, gone if number % 2 else here) for number in range(2 * count)])
            received = [asker.recvfrom(2048) for _ in range(2 * count)]
            assert sorted(int(data) for data, _ in received) == [*range(2 * count)]
            assert {source[0] for data, source in received if int(data) % 2} == {"127.0.0.1"}
            assert {source[0] for data, source in received if not int(data) % 2} == {"127.0.0.2"}


@pytest.mark.parametrize("error", [errno.EPERM, errno.ENOSYS])
@pytest.mark.parametrize(
    ("names", "given_up"),
    [
        (["sendmmsg"], {Fallback.ONE_BY_ONE}),
        (["sendmsg"], {Fallback.ANY_SOURCE}),
        (["sendmsg", "sendmmsg"], {Fallback.ONE_BY_ONE, Fallback.ANY_SOURCE}),
    ],
)
def test_a_refused_system_call_falls_back_and_is_reported_once(
    names: list[str], given_up: set[Fallback], error: int
) -> None:
    fallbacks: list[Fallback] = []

    def talk() -> set[str]:
        with room("::") as (server, asker):
            ask_for_notes(server)
            receive = ArrivalReceiver(server, untold)
            send = BatchSender(server, refuse, lambda fallback, _: fallbacks.append(fallback))
            asker.sendto(b"hello", ("127.0.0.2", server.getsockname()[1]))
            _, address = receive()
            sources: set[str] = set()
            for _ in range(2 * SURE_AFTER):
                batch = [b"%d" % (number // 3) for number in range(30)]
                send([(data, address) for data in batch])
                for few in (b"x", b"y"):
                    send([(few, address)])
                received = [asker.recvfrom(2048) for _ in range(32)]
                assert [data for data, _ in received] == [*batch, b"x", b"y"]
                sources = {source[0] for _, source in received}
            return sources

    sources = where_refused(talk, *names, error=error)
    # Many at once name their source for as long as that works.
    assert ("127.0.0.1" in sources) == ("sendmsg" in names)
    assert set(fallbacks) == given_up
    assert len(fallbacks) == len(given_up)


def test_occasional_firewall_errors_do_not_disable_batching() -> None:
    with room("0.0.0.0") as (server, asker):
        send = BatchSender(server, refuse, untold)
        sendmmsg, calls = send._sendmmsg, 0

        def sometimes(*arguments: object) -> int:
            nonlocal calls
            calls += 1
            if calls % 3:
                import ctypes

                ctypes.set_errno(errno.EPERM)
                return -1
            return sendmmsg(*arguments)

        send._sendmmsg = sometimes
        for _ in range(SURE_AFTER):
            batch = [(b"%d" % number, asker.getsockname()) for number in range(9)]
            send(batch)
            assert [asker.recv(2048) for _ in batch] == [data for data, _ in batch]


@pytest.mark.parametrize("error", [errno.EPERM, errno.ENOSYS])
def test_datagrams_are_read_without_recvmsg_where_it_is_refused(error: int) -> None:
    fallbacks: list[Fallback] = []

    def read() -> list[bytes]:
        with room("::") as (server, asker):
            ask_for_notes(server)
            receive = ArrivalReceiver(server, lambda fallback, _: fallbacks.append(fallback))
            received = []
            for number in range(5):
                asker.sendto(b"%d" % number, ("127.0.0.2", server.getsockname()[1]))
                data, address = receive()
                received.append(data)
                assert source_of(address) is None
            return received

    assert where_refused(read, "recvmsg", error=error) == [b"0", b"1", b"2", b"3", b"4"]
    assert fallbacks == [Fallback.NO_NOTES]


def test_each_datagram_that_is_refused_counts_once() -> None:
    with room("0.0.0.0") as (server, asker):
        refused: list[OSError] = []
        send = Sender(server, refused.append, untold)
        here, nowhere = elsewhere(asker.getsockname(), "127.0.0.1"), elsewhere(("127.0.0.1", 0), "127.0.0.1")
        send([(b"a", nowhere), (bytes(70_000), here), (b"b", here)])
        assert asker.recv(2048) == b"b"
        assert [error.errno for error in refused] == [errno.EINVAL, errno.EMSGSIZE]
