from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockatuh.net.address import find_source, format_address, is_within, pack_address, parse_server
from sockatuh.protocol.seam import Address

PRIVATE = [ipaddress.ip_network(text) for text in ("127.0.0.0/8", "192.168.0.0/16", "::1/128", "fe80::/10")]


@pytest.mark.parametrize("address", [("192.168.1.20", 7625), ("::ffff:192.168.1.20", 7625, 0, 0)])
def test_an_ipv4_host_packs_the_same_on_both_kinds_of_socket(address: tuple[str | int, ...]) -> None:
    assert pack_address(address) == bytes.fromhex("00000000000000000000ffffc0a80114c91d")


def test_a_scope_is_no_part_of_the_packed_address() -> None:
    assert pack_address(("fe80::1%eth0", 1, 0, 0)) == pack_address(("fe80::1", 1, 0, 3))


def test_a_name_cannot_be_packed() -> None:
    with pytest.raises(OSError, match="illegal IP address"):
        pack_address(("localhost", 1))


@given(st.ip_addresses(), st.integers(0, 65535))
def test_packing_keeps_host_and_port(host: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> None:
    packed = pack_address((str(host), port))
    assert len(packed) == 18
    assert packed[:-2][-len(host.packed) :] == host.packed
    assert int.from_bytes(packed[16:], "little") == port


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (("192.168.1.20", 7625), "192.168.1.20:7625"),
        (("::ffff:192.168.1.20", 7625, 0, 0), "192.168.1.20:7625"),
        (("2001:db8::1", 7625, 0, 0), "[2001:db8::1]:7625"),
        (("fe80::1", 7625, 0, 2), "[fe80::1%2]:7625"),
        (("fe80::1%eth0", 7625, 0, 2), "[fe80::1%eth0]:7625"),
        (("::ffff:0:1", 7625, 0, 0), "[::ffff:0:1]:7625"),
    ],
)
def test_an_address_is_shown_as_people_write_it(address: tuple[str | int, ...], shown: str) -> None:
    assert format_address(address) == shown


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("kitchen-pi", "kitchen-pi", 7625),
        (" kitchen-pi.local ", "kitchen-pi.local", 7625),
        ("192.168.1.20:99", "192.168.1.20", 99),
        ("[::1]:99", "::1", 99),
        ("[::1]", "::1", 7625),
        ("::1", "::1", 7625),
        ("fe80::1%eth0", "fe80::1%eth0", 7625),
        ("[fe80::1%eth0]:65535", "fe80::1%eth0", 65535),
        ("büro", "büro", 7625),
    ],
)
def test_a_server_is_read_as_people_write_it(text: str, host: str, port: int) -> None:
    assert parse_server(text, 7625) == (host, port)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no server given"),
        ("   ", "no server given"),
        ("host:", "'' is not a port; ports are 1 to 65535"),
        ("host:0", "'0' is not a port"),
        ("host:65536", "'65536' is not a port"),
        ("host:²", "'²' is not a port"),
        ("host:+1", "is not a port"),
        (":99", "'' is not a host name or an address"),
        ("a b", "'a b' is not a host name or an address"),
        ("http//x", "is not a host name or an address"),
        ("a\0b", "is not a host name or an address"),
        ("x" * 254, "is not a host name or an address"),
        ("[::1", "is not written [address]:port"),
        ("[::1]99", "is not written [address]:port"),
        ("[kitchen-pi]:99", "'kitchen-pi' is not an IPv6 address"),
        ("a:b:c", "'a:b:c' is not an IPv6 address"),
        ("fe80::1%eth0]:99", "is not an IPv6 address"),
        ("fe80::1%eth 0", "is not an IPv6 address"),
        ("[fe80::1%\x1b[2J]:99", "is not"),
    ],
)
def test_an_invalid_server_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the reason is compared below
        parse_server(text, 7625)
    assert reason in str(caught.value)


@given(st.text())
def test_any_text_is_a_server_or_a_value_error(text: str) -> None:
    try:
        host, port = parse_server(text, 7625)
    except ValueError:
        return
    assert host
    assert 0 < port < 65536


@given(st.ip_addresses(), st.integers(1, 65535))
def test_a_displayed_address_can_be_typed(host: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> None:
    address = (str(host), port) if host.version == 4 else (str(host), port, 0, 0)
    again = parse_server(format_address(address), 1)
    assert pack_address(again) == pack_address(address)


@pytest.mark.parametrize(
    ("host", "within"),
    [
        ("127.0.0.1", True),
        ("::ffff:192.168.7.7", True),
        ("::ffff:8.8.8.8", False),
        ("8.8.8.8", False),
        ("::1", True),
        ("fe80::1%eth0", True),
        ("2001:db8::1", False),
        ("localhost", False),
    ],
)
def test_networks_hold_ipv4_hosts_in_either_form(host: str, within: bool) -> None:
    assert is_within((host, 1), PRIVATE) is within


@pytest.mark.parametrize(
    ("target", "source"),
    [(("127.0.0.1", 9), "127.0.0.1"), (("::ffff:127.0.0.9", 9, 0, 0), "::ffff:127.0.0.1")],
    ids=["IPv4", "as a dual-stack socket has it"],
)
def test_the_source_address_is_found_without_sending(target: Address, source: str) -> None:
    assert find_source(target) == source


def test_without_a_route_there_is_no_source_address() -> None:
    assert find_source(("::ffff:255.255.255.255", 9, 0, 0)) is None
