from __future__ import annotations

import ipaddress

import pytest

from sockatuh.net.interfaces import Interface, Kind
from sockatuh.net.route import Route, find_route, judge_route

WLAN = Interface("wlan0", Kind.LOCAL, (ipaddress.ip_interface("192.168.1.7/24"), ipaddress.ip_interface("fe80::7/64")))
VPN = Interface("wg0", Kind.TUNNEL, (ipaddress.ip_interface("10.8.0.2/24"),))


@pytest.mark.parametrize(
    ("host", "source", "route"),
    [
        ("192.168.1.20", "192.168.1.7", Route("192.168.1.7", "wlan0", False, False, True)),
        ("192.168.2.20", "192.168.1.7", Route("192.168.1.7", "wlan0", False, False, False)),
        ("192.168.2.20", "10.8.0.2", Route("10.8.0.2", "wg0", True, False, False)),
        ("fe80::20%wlan0", "fe80::7%wlan0", Route("fe80::7%wlan0", "wlan0", False, False, True)),
        ("192.168.1.7", "192.168.1.7", Route("192.168.1.7", "wlan0", False, True, None)),
        ("127.0.0.1", "127.0.0.1", Route("127.0.0.1", "", False, True, None)),
        ("192.168.1.20", "192.168.1.9", Route("192.168.1.9", "", False, False, None)),
    ],
)
def test_a_route_has_its_interface_and_says_whether_that_reaches_the_host_directly(
    host: str, source: str, route: Route
) -> None:
    assert judge_route(host, source, [VPN, WLAN]) == route


@pytest.mark.parametrize("target", [("127.0.0.1", 7625), ("::ffff:127.0.0.1", 7625, 0, 0)])
def test_this_machine_is_here(target: tuple[str, int]) -> None:
    assert find_route(target) == Route("127.0.0.1", "", False, True, None)
