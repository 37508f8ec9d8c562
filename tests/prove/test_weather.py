"""The weather of the attacks: as bad as was asked, the same for the same seed, and only over datagrams."""

from __future__ import annotations

import random
import socket
import struct

import pytest
from prove.weather import ETHERNET, OVERTAKEN, UDP, Sky, Traffic, Weather, spoil, udp_header

FRAMES = 20_000
PAYLOAD = bytes(range(100))


def ipv4(payload: bytes = PAYLOAD, *, protocol: int = UDP, flags: int = 0x4000, options: bytes = b"") -> bytes:
    """Return a frame that carries a datagram over IPv4."""
    udp = struct.pack(">HHHH", 1000, 7625, 8 + len(payload), 0xBEEF) + payload
    length = 0x45 + len(options) // 4
    hosts = socket.inet_aton("10.0.0.1") + socket.inet_aton("10.0.0.2")
    header = struct.pack(">BBHHHBBH", length, 0, 20 + len(options) + len(udp), 1, flags, 64, protocol, 0)
    return bytes(12) + b"\x08\x00" + header + hosts + options + udp


def ipv6(payload: bytes = PAYLOAD, *, next_header: int = UDP) -> bytes:
    """Return a frame that carries a datagram over IPv6."""
    udp = struct.pack(">HHHH", 1000, 7625, 8 + len(payload), 0xBEEF) + payload
    return bytes(12) + b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, len(udp), next_header, 64) + bytes(32) + udp


def under(weather: Weather, seed: int = 1) -> Sky:
    sky = Sky(seed)
    sky.weather = weather
    return sky


def test_under_a_clear_sky_everything_passes_at_once_and_as_it_was() -> None:
    sky = Sky(1)
    assert list(sky.pass_on(ipv4(), 5.0)) == [(5.0, ipv4())]
    assert list(sky.pass_on(ipv6(), 6.0)) == [(6.0, ipv6())]


@pytest.mark.parametrize("share", [0.05, 0.2, 0.4])
def test_as_many_are_lost_and_doubled_as_was_asked(share: float) -> None:
    sky = under(Weather(loss=share, duplication=0.05))
    copies = [len(sky.pass_on(ipv4(), 0.0)) for _ in range(FRAMES)]
    traffic = sky.traffic
    assert traffic.datagrams == FRAMES
    assert traffic.lost == pytest.approx(FRAMES * share, rel=0.1)
    assert traffic.doubled == pytest.approx(FRAMES * 0.05, rel=0.15)
    assert sum(copies) == FRAMES - traffic.lost + traffic.doubled


def test_the_delay_is_as_long_as_was_asked_and_some_are_overtaken() -> None:
    sky = under(Weather(delay=0.02, jitter=0.01, reordering=0.1))
    delays = [at for _ in range(FRAMES) for at, _ in sky.pass_on(ipv4(), 0.0)]
    assert 0.01 <= min(delays) < 0.011
    assert 0.03 < max(delays) <= 0.03 + OVERTAKEN
    assert sum(at > 0.03 for at in delays) == pytest.approx(FRAMES * 0.05, rel=0.2)


def test_the_same_seed_is_the_same_weather() -> None:
    stormy = Weather(0.2, 0.05, 0.1, 0.01, 0.02, 0.01)
    one, same, other = under(stormy), under(stormy), under(stormy, seed=2)
    fates = [[sky.pass_on(ipv4(), 0.0) for _ in range(200)] for sky in (one, same, other)]
    assert fates[0] == fates[1] != fates[2]


@pytest.mark.parametrize("frame", [bytes(42), ipv4(protocol=1), ipv6(next_header=58), b"", b"x" * 13])
def test_what_is_no_datagram_passes_unless_the_cable_is_cut(frame: bytes) -> None:
    sky = under(Weather(loss=1.0, corruption=1.0, delay=1.0))
    assert list(sky.pass_on(frame, 5.0)) == [(5.0, frame)]
    assert sky.traffic == Traffic()
    sky.weather = Weather(cut=True)
    assert list(sky.pass_on(frame, 5.0)) == []
    assert list(sky.pass_on(ipv4(), 5.0)) == []


def test_the_datagram_begins_where_its_header_does() -> None:
    assert udp_header(ipv4()) == ETHERNET + 20
    assert udp_header(ipv4(options=bytes(8))) == ETHERNET + 28
    assert udp_header(ipv6()) == ETHERNET + 40


@pytest.mark.parametrize("frame", [ipv4(), ipv6(), ipv4(b""), ipv6(b"")], ids=["IPv4", "IPv6", "no data", "nor here"])
def test_one_bit_of_what_is_carried_is_spoilt_and_some_do_not_show_it(frame: bytes) -> None:
    header, dice, hidden = udp_header(frame), random.Random(1), 0
    assert header is not None
    for _ in range(200):
        spoilt = bytearray(spoil(frame, header, dice))
        if spoilt[header + 6 : header + 8] == b"\0\0":
            hidden += 1
            spoilt[header + 6 : header + 8] = frame[header + 6 : header + 8]
        assert spoilt[: header + 7] == frame[: header + 7]
        turned = int.from_bytes(frame, "big") ^ int.from_bytes(spoilt, "big")
        assert turned.bit_count() <= 1
    assert hidden == 0 if len(frame) > ETHERNET and frame[12:14] == b"\x86\xdd" else 60 < hidden < 140


def test_it_is_noted_how_datagrams_looked() -> None:
    sky = Sky(1)
    for frame in (
        ipv4(),
        ipv6(bytes(1_200)),
        ipv4(flags=0),
        ipv4(flags=0x2000),
        ipv4(flags=0x00B9),
        ipv6(next_header=44),
    ):
        sky.pass_on(frame, 0.0)
    traffic = sky.traffic
    assert (traffic.datagrams, traffic.longest) == (6, 1_248)
    assert (traffic.fragments, traffic.may_fragment) == (3, 3)
