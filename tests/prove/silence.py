"""Attacks by silence: a link that stops for a minute, routers that forget, and members who do not say a word."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from prove.attack import Attack, Found, Pace, Run, require, require_in_time
from prove.crowd import Crowd, room_on, short
from prove.faults import HOSTS, RAIN
from prove.lan import Lan, Nat, go_ashore
from prove.weather import Weather

MEMBERS: Final = 20
LINES_MEANWHILE: Final = 20
CUT_SECONDS: Final = 60.0
BACK_WITHIN: Final = 2.0
"""Seconds after a link is back within which everybody is."""
ROUTER_FORGETS: Final = 30
"""Seconds of silence after which a stingy router forgets."""
QUIET_SECONDS: Final = 66.0
"""Longer than two such spans, and than a client is silent towards its server."""
SETTLED: Final = 2.0
"""Seconds after which everybody has acknowledged what was told."""
PING_SECONDS: Final = 27.5
"""The longest a client is silent: what the server asks for, and a tenth."""


async def silence(run: Run) -> Found:
    """Cut a link, and beside it keep still behind two routers."""
    go_ashore()
    lan, stingy, fickle = Lan(HOSTS, run.seed), Nat("stingy", ROUTER_FORGETS), Nat("fickle")
    back, heard, found = await asyncio.gather(_cut(run, lan), _keep_still(run, stingy), _move_unseen(run, fickle))
    require_in_time(back <= BACK_WITHIN, f"the last was back {short(back)} after the link")
    require_in_time(
        heard <= BACK_WITHIN, f"one who was silent for {QUIET_SECONDS:.0f} s heard the next line after {short(heard)}"
    )
    require_in_time(found <= PING_SECONDS + BACK_WITHIN, f"one who was moved unseen was found after {short(found)}")
    return Found(
        f"{MEMBERS} members and {LINES_MEANWHILE * MEMBERS // 2} lines said while the link was down",
        f"nobody left, every line told once; all back {short(back)} after the link; the silent one heard the next line "
        f"after {short(heard)}; the one whose port changed unseen missed nothing, {short(found)} late",
    )


async def _cut(run: Run, lan: Lan) -> float:
    """Cut the link of a whole crowd, half of which goes on talking; return how long the last took to be back."""
    with lan:
        async with room_on(lan.server, lan.ADDRESS, run) as crowd:
            lan.turn(RAIN)
            await crowd.gather(MEMBERS, lan.clients)
            await crowd.talk(crowd.voices, 4, 2.0, run.dice)
            await crowd.hear_out()
            lan.turn(Weather(cut=True))
            await crowd.talk(crowd.voices[::2], LINES_MEANWHILE, CUT_SECONDS, run.dice)
            lan.turn(RAIN)
            returned_at = time.monotonic()
            await crowd.hear_out()
            back = time.monotonic() - returned_at
            await crowd.talk(crowd.voices, 4, 2.0, run.dice)
            await crowd.hear_out()
            crowd.check()
            crowd.check_presence()
        lost = sum(bool(voice.lost) for voice in crowd.voices)
        require(lost == MEMBERS, f"the cut was noticed by {lost} of {MEMBERS} only: it was none")
        return back


async def _keep_still(run: Run, nat: Nat) -> float:
    """Say nothing behind a router that forgets; return how long the first line then took to arrive."""
    async with room_on(nat.server, nat.ADDRESS, run) as crowd:
        await crowd.enter("silent", nat.client)
        speaker = await crowd.enter("speaker", nat.server)
        await asyncio.sleep(QUIET_SECONDS)
        speaker.say("is anybody there?")
        took = await _time_to_hear(crowd)
        require(not crowd.voices[0].lost, "contact was lost behind a router that forgets")
        return took


async def _move_unseen(run: Run, nat: Nat) -> float:
    """Let a router show a silent member under another port; return how late it receives what is said then."""
    async with room_on(nat.server, nat.ADDRESS, run) as crowd:
        await crowd.enter("silent", nat.client)
        speaker = await crowd.enter("speaker", nat.server)
        await asyncio.sleep(SETTLED)
        nat.show_as(30_000)
        speaker.say("who can hear this?")
        took = await _time_to_hear(crowd)
        require(bool(crowd.server.events("session_moved")), "the router has changed nothing")
        return took


async def _time_to_hear(crowd: Crowd) -> float:
    began = time.monotonic()
    await crowd.hear_out()
    crowd.check()
    crowd.check_presence()
    return time.monotonic() - began


ATTACKS: Final = (
    Attack(
        "silence",
        "A member who loses contact for a minute, or is silent, stays in the room and misses nothing; back within 2 s",
        "a link cut for 60 s under 20 members, half of whom keep talking; 66 s of silence behind a router that forgets "
        "after 30 s; a router that changes a silent member's port",
        silence,
        limit=180.0,
        pace=Pace.PATIENT,
    ),
)
