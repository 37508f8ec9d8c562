"""Which addresses of this machine are announced."""

from __future__ import annotations

import ipaddress
import shutil
import socket
import subprocess
import sys

import pytest

from sockatuh.net import interfaces
from sockatuh.net.arrival import arrivals_at, source_at, source_of
from sockatuh.net.interfaces import (
    ETHERNET,
    IFF_POINTOPOINT,
    Interface,
    Kind,
    choose_addresses,
    find_interfaces,
    kind_of,
    lan_addresses_of,
)

ASK = "import socket; from sockatuh.net.interfaces import *; print(*lan_addresses_of(socket.socket(fileno={})))"
ALONE = ["unshare", "--user", "--map-root-user", "--net"]
NETWORK = """
ip link set lo up
for each in eth0 docker0 wg0; do ip link add $each type bridge; done
ip link add p0 type veth peer name p1
ip link set p0 master eth0; ip link set p1 up; ip link set p0 up
ip link add q0 type veth peer name q1
ip link set q0 master docker0; ip link set q1 up; ip link set q0 up
ip link add r0 type veth peer name r1
ip link set r0 master wg0; ip link set r1 up; ip link set r0 up
ip addr add 172.17.0.1/16 dev docker0; ip addr add 10.8.0.2/24 dev wg0
for each in docker0 wg0 eth0; do ip link set $each up; done
"""
"""A machine whose local network comes last of all; bridges stand for its cards, because a bridge may have any name."""
NAME = "import socket; from sockatuh.net.interfaces import *; s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)"


def at(name: str, kind: Kind, *addresses: str) -> Interface:
    """Return an interface with addresses."""
    return Interface(name, kind, tuple(ipaddress.ip_interface(address) for address in addresses))


LAN = at("eth0", Kind.LOCAL, "192.168.1.20/24", "fe80::1/64", "2001:db8::20/64", "fd00::20/64")
WIFI = at("wlan0", Kind.LOCAL, "10.0.0.5/8")
SIX = at("eth1", Kind.LOCAL, "fe80::2/64", "2001:db8:1::20/64", "fd01::20/64")
CABLE = at("eth2", Kind.LOCAL, "169.254.7.7/16", "fe80::3/64")
BRIDGE = at("lab", Kind.BRIDGE, "192.168.50.1/24")
VPN = at("wg0", Kind.TUNNEL, "10.8.0.2/24", "fd08::2/64")
DOCKER = at("docker0", Kind.INTERNAL, "172.17.0.1/16")


@pytest.mark.parametrize(
    ("there", "outwards", "named"),
    [
        ([DOCKER, VPN, LAN], "10.8.0.2", ["192.168.1.20"]),
        ([DOCKER, VPN, BRIDGE, LAN], "172.17.0.1", ["192.168.1.20"]),
        ([LAN, WIFI], "10.0.0.5", ["10.0.0.5", "192.168.1.20"]),
        ([LAN, WIFI, VPN], "10.8.0.2", ["192.168.1.20", "10.0.0.5"]),
        ([DOCKER, VPN, SIX], "10.8.0.2", ["fd01::20"]),
        ([DOCKER, LAN, SIX], None, ["192.168.1.20", "fd01::20"]),
        ([DOCKER, BRIDGE], None, ["192.168.50.1"]),
        ([DOCKER, VPN], "10.8.0.2", ["10.8.0.2"]),
        ([DOCKER], "172.17.0.1", ["172.17.0.1"]),
        ([DOCKER, CABLE], None, ["169.254.7.7"]),
        (
            [at("eth0", Kind.LOCAL, "10.77.0.1/24", "10.77.0.2/24", "192.168.9.1/24")],
            None,
            ["10.77.0.1", "192.168.9.1"],
        ),
        ([at("eth0", Kind.LOCAL, "fe80::1/64"), at("eth1", Kind.LOCAL, "127.0.0.1/8")], None, []),
        ([], "10.8.0.2", []),
    ],
)
def test_the_local_network_is_named_and_all_of_them_when_there_are_several(
    there: list[Interface], outwards: str | None, named: list[str]
) -> None:
    assert choose_addresses(there, outwards) == named


def test_a_socket_of_one_family_is_found_at_addresses_of_that_family() -> None:
    assert choose_addresses([LAN], None, ipv6=False) == ["192.168.1.20"]
    assert choose_addresses([SIX, VPN], None, ipv6=False) == ["10.8.0.2"]
    assert choose_addresses([LAN], None, ipv4=False) == ["fd00::20"]


@pytest.mark.parametrize(
    ("name", "flags", "hardware", "driver", "kind"),
    [
        ("eth0", 0, ETHERNET, "e1000e", Kind.LOCAL),
        ("enp3s0", 0, ETHERNET, "r8169", Kind.LOCAL),
        ("wlp2s0", 0, ETHERNET, "iwlwifi", Kind.LOCAL),
        ("bond0", 0, ETHERNET, "bonding", Kind.LOCAL),
        ("eth0.7", 0, ETHERNET, "802.1Q VLAN Support", Kind.LOCAL),
        ("eth0", 0, ETHERNET, "veth", Kind.LOCAL),
        ("br0", 0, ETHERNET, "bridge", Kind.LOCAL),
        ("br-lan", 0, ETHERNET, "bridge", Kind.LOCAL),
        ("vmbr0", 0, ETHERNET, "bridge", Kind.LOCAL),
        ("lab", 0, ETHERNET, "bridge", Kind.BRIDGE),
        ("docker0", 0, ETHERNET, "bridge", Kind.INTERNAL),
        ("br-0123456789ab", 0, ETHERNET, "bridge", Kind.INTERNAL),
        ("virbr0", 0, ETHERNET, "bridge", Kind.INTERNAL),
        ("veth12ab", 0, ETHERNET, "veth", Kind.INTERNAL),
        ("wg0", IFF_POINTOPOINT, 0xFFFE, "", Kind.TUNNEL),
        ("home", IFF_POINTOPOINT, 0xFFFE, "", Kind.TUNNEL),
        ("tailscale0", 0, 0xFFFE, "tun", Kind.TUNNEL),
        ("office", 0, ETHERNET, "tun", Kind.TUNNEL),
        ("ppp0", IFF_POINTOPOINT, 512, "", Kind.TUNNEL),
    ],
)
def test_an_interface_is_classified_by_where_it_leads(
    name: str, flags: int, hardware: int, driver: str, kind: Kind
) -> None:
    assert kind_of(name, flags, hardware, driver) is kind


def test_a_socket_bound_to_one_address_is_found_there() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        assert lan_addresses_of(sock) == ("127.0.0.1",)


def test_a_socket_bound_everywhere_is_found_at_addresses_of_this_machine_or_by_its_name() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("", 0))
        addresses = lan_addresses_of(sock)
    assert addresses
    for address in addresses:
        if address[0].isdecimal():
            assert not address.startswith("127.")
            with socket.socket(type=socket.SOCK_DGRAM) as other:
                other.bind((address, 0))


@pytest.mark.parametrize(
    ("name", "said"),
    [("kitchen-pi", "kitchen-pi"), ("caf\udce9", "localhost"), ("a b", "localhost"), ("", "localhost")],
)
def test_a_machine_without_an_address_is_found_by_a_name_that_can_be_typed(
    monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    monkeypatch.setattr(interfaces, "lan_address", lambda: None)
    monkeypatch.setattr(interfaces, "find_interfaces", lambda _: [])
    monkeypatch.setattr(socket, "gethostname", lambda: name)
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("", 0))
        assert lan_addresses_of(sock) == (said,)


def run_alone(*command: str, pass_fds: tuple[int, ...] = ()) -> str:
    """Return what a command prints in a network of its own; skip where there are none for us."""
    if sys.platform != "linux" or shutil.which("unshare") is None:
        pytest.skip("only Linux has such networks, and the questions about them")
    done = subprocess.run([*ALONE, *command], pass_fds=pass_fds, capture_output=True, text=True, check=False)
    if done.returncode != 0 and ("unshare" in done.stderr or "ip: not found" in done.stderr):
        pytest.skip(f"no namespaces for us: {done.stderr}")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_process_without_a_network_asks_its_socket_where_the_machine_is() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("", 0))
        here = choose_addresses(find_interfaces(sock), None)
        if not here:
            pytest.skip("this machine has no address of its own")
        output = run_alone(sys.executable, "-c", ASK.format(sock.fileno()), pass_fds=(sock.fileno(),))
    assert output.split() == here


@pytest.mark.parametrize(
    ("add", "bind", "named"),
    [
        ("192.168.7.7/24", "::", "192.168.7.7"),
        ("fd07::7/64", "::", "fd07::7"),
        ("192.168.7.7/24", "10.8.0.2", "10.8.0.2"),
    ],
)
def test_on_a_machine_with_a_vpn_and_containers_the_local_network_is_named(add: str, bind: str, named: str) -> None:
    address = f"::ffff:{bind}" if "." in bind else bind
    ask = f"{NAME}; s.bind(({address!r}, 0)); print(*lan_addresses_of(s))"
    script = f'{NETWORK}\nip addr add {add} dev eth0 {"nodad" if ":" in add else ""}\n{sys.executable} -c "{ask}"'
    assert run_alone("sh", "-ec", script).strip().removeprefix("::ffff:") == named


def test_an_unknown_asked_address_is_answered_from_each_source() -> None:
    ask = f"import ipaddress; {NAME}; s.bind(('::', 0)); print(*(each.control[2].hex() for each in find_sources(s)))"
    script = f'{NETWORK}\nip addr add fd07::7/64 dev eth0 nodad preferred_lft 0\n{sys.executable} -c "{ask}"'
    output = run_alone("sh", "-ec", script).split()
    hosts = [ipaddress.ip_address(host).packed.hex() for host in ("172.17.0.1", "10.8.0.2", "fd07::7")]
    assert {host for host in hosts if any(host in control for control in output)} == {*hosts}
    assert len(output) == 3


def test_an_address_is_answered_from_sources_of_its_own_family_only() -> None:
    four, six = (source_at(ipaddress.ip_address(host)) for host in ("10.0.0.1", "fd00::1"))
    for address, source in ((("::ffff:10.0.0.9", 7, 0, 0), four), (("10.0.0.9", 7), four), (("fd00::9", 7, 0, 0), six)):
        (arrival,) = arrivals_at(address, [four, six])
        assert arrival == address
        assert source_of(arrival) is source
        assert arrivals_at(address, []) == [address]
