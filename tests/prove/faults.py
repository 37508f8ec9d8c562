"""Attacks on what is between clients and server: bad weather, and links that carry little."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Final

from prove.attack import Attack, Found, Late, Run, require, require_in_time
from prove.crowd import Crowd, room_on
from prove.lan import Lan, Passed, go_ashore
from prove.weather import Weather

MEMBERS: Final = 50
HOSTS: Final = 5
LINES_EACH: Final = 40
TALK_SECONDS: Final = 10.0
RAIN: Final = Weather(duplication=0.05, reordering=0.1, delay=0.02, jitter=0.01)
"""What every network does here, besides losing."""
TOO_BUSY: Final = 0.9
"""Share of a core above which the cable itself is what is measured."""
SLOWEST: Final = 20.0
"""Seconds in which 99 of 100 lines are everywhere, in any weather and on any machine."""
LONGER: Final = 10
"""How many times longer people talk with --long."""
READERS: Final = 8


def weather(sky: Weather) -> Callable[[Run], Coroutine[object, object, Found]]:
    """Return the attack of a weather."""

    async def attack(run: Run) -> Found:
        go_ashore()
        times = LONGER if run.long else 1
        with Lan(HOSTS, run.seed) as lan:
            async with room_on(lan.server, lan.ADDRESS, run) as crowd:
                lan.turn(sky)
                joining = await crowd.gather(MEMBERS, lan.clients)
                await crowd.talk(crowd.voices, LINES_EACH * times, TALK_SECONDS * times, run.dice)
                await crowd.hear_out()
                passed = lan.turn(Weather())
                crowd.check()
                crowd.check_presence()
        return _judge(crowd, joining, passed)

    return attack


def _judge(crowd: Crowd, joining: float, passed: Passed) -> Found:
    if passed.busy > TOO_BUSY or passed.overrun:
        raise Late(f"the relay was {passed.busy:.0%} busy and {passed.overrun} frames over: use a faster machine")
    delays = crowd.delays()
    require_in_time(delays.p99 < SLOWEST, f"to everybody {delays}")
    fate = f"{passed.lost} lost, {passed.doubled} doubled, {passed.spoilt} spoilt"
    return Found(
        f"{len(crowd.voices)} members, {len(crowd.lines)} lines in {passed.datagrams} datagrams ({fate})",
        f"0 lines lost, 0 doubled, one order; to everybody {delays}; all had joined after {joining:.1f} s; "
        f"relay {passed.busy:.0%} busy, late by {passed.latest * 1000:.0f} ms at most",
    )


async def small(run: Run) -> Found:
    """Let texts of every length through links of 1,280 bytes and of 1,228, which 1,200 need over IPv4."""
    go_ashore()
    seen: list[Passed] = []
    for mtu, addresses in ((1280, (Lan.ADDRESS, Lan.ADDRESS_6)), (1228, (Lan.ADDRESS,))):
        with Lan(2, run.seed, mtu=mtu) as lan:
            async with room_on(lan.server, lan.ADDRESS, run) as crowd:
                for number in range(READERS):
                    address = addresses[number % len(addresses)]
                    await crowd.enter(f"m{number}", lan.clients[number // 2 % 2], host=address)
                await _read_aloud(crowd, run)
                crowd.check()
                crowd.check_presence()
            passed = lan.turn(Weather())
        require(not passed.unsent, f"{passed.unsent} datagrams did not fit {mtu} bytes")
        require(not passed.fragments, f"{passed.fragments} fragments came by")
        require(not passed.may_fragment, f"{passed.may_fragment} datagrams might have been cut on the way")
        seen.append(passed)
    longest = " and ".join(str(passed.longest) for passed in seen)
    return Found(
        f"{sum(passed.datagrams for passed in seen)} datagrams",
        f"every text told; every datagram with DF, the longest {longest} bytes with their headers",
    )


async def _read_aloud(crowd: Crowd, run: Run) -> None:
    """Let everybody say texts of all lengths, the longest among them."""
    dice = run.dice
    for number, voice in enumerate(crowd.voices):
        for length in (16_384, 1_120, dice.randrange(1_000, 1_400), dice.randrange(2_000, 16_000)):
            head = f"{voice.name} {len(voice.said)} "
            voice.say(head.ljust(length, chr(97 + number)))
        await asyncio.sleep(0.2)
    await crowd.hear_out()


PROMISE: Final = "Every line reaches everybody once, in one order, whatever the network does"
TALK: Final = "50 members, 2,000 lines; each way 5 % doubled, 10 % overtaken, 20 ± 10 ms late, {}"

ATTACKS: Final = (
    *(
        Attack(f"weather-{percent}", PROMISE, TALK.format(f"{percent} % lost"), weather(replace(RAIN, loss=share)))
        for percent, share in ((20, 0.2), (0, 0.0), (5, 0.05), (40, 0.4))
    ),
    Attack(
        "weather-spoilt",
        PROMISE,
        TALK.format("5 % lost, 1 % spoilt (half of them with a checksum that does not tell)"),
        weather(replace(RAIN, loss=0.05, corruption=0.01)),
    ),
    Attack(
        "small-links",
        "It works over any path that carries 1,200-byte datagrams, and never relies on fragments",
        "8 members say texts of up to 16 KiB through links of 1,280 bytes (IPv4, IPv6) and of 1,228 (IPv4)",
        small,
    ),
)
