"""Each browser's address stands for one address of this machine."""

from __future__ import annotations

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from sockatuh.web.source_address import place_of, source_of

KEY = bytes(range(32))
ADDRESSES = st.ip_addresses().map(str)


@given(ADDRESSES)
def test_it_is_a_loopback_address_that_no_program_here_has(address: str) -> None:
    source = ipaddress.IPv4Address(source_of(address, KEY))
    assert source in ipaddress.ip_network("127.0.0.0/8")
    assert source not in ipaddress.ip_network("127.0.0.0/24")
    assert str(source) != "127.255.255.255"


@given(ADDRESSES)
def test_it_is_always_the_same_and_another_key_gives_another(address: str) -> None:
    assert source_of(address, KEY) == source_of(address, KEY)
    assert len({source_of(address, bytes([each]) * 32) for each in range(8)}) > 4


def test_the_machines_of_a_network_have_different_ones() -> None:
    sources = {source_of(f"192.168.1.{host}", KEY) for host in range(1, 255)}
    assert len(sources) > 250


def test_an_ipv6_machine_counts_by_its_64_and_a_mapped_address_as_what_it_is() -> None:
    assert source_of("2001:db8::1", KEY) == source_of("2001:db8::ffff:2", KEY) != source_of("2001:db8:0:1::1", KEY)
    assert source_of("fe80::1%eth0", KEY) == source_of("fe80::2", KEY)
    assert source_of("::ffff:192.168.1.20", KEY) == source_of("192.168.1.20", KEY)
    assert place_of("::ffff:192.168.1.20") == "192.168.1.20"
