"""A system that refuses the calls a room sends and receives with: a filter that knows fewer of them than we use."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Final

from e2e.running import Room, hash_password
from prove.attack import Attack, Found, Missing, Run, require
from prove.crowd import Crowd
from prove.lan import Host, go_ashore

MEMBERS: Final = 8
LINES_EACH: Final = 15
TALK_SECONDS: Final = 2.0
REFUSALS: Final = {
    ("sendmmsg", "EPERM"): {"sendmmsg_refused"},
    ("sendmmsg", "ENOSYS"): {"sendmmsg_refused"},
    ("sendmsg", "ENOSYS"): {"source_address_refused"},
    ("recvmsg", "EPERM"): {"recvmsg_refused"},
    ("sendmsg,sendmmsg,recvmsg", "ENOSYS"): {"sendmmsg_refused", "recvmsg_refused"},
}
"""What is refused, and which events say so: who cannot read where a datagram arrived names no source."""
EVENTS: Final = ("sendmmsg_refused", "source_address_refused", "recvmsg_refused")


async def refused(run: Run) -> Found:
    """Refuse each call, and all of them, to a server in which members talk."""
    if shutil.which("strace") is None:
        raise Missing("there is no strace: apt-get install strace")
    go_ashore()
    here = Host.make("here")
    lines = 0
    for (calls, error), events in REFUSALS.items():
        lines += await _talk(here, run, calls, error, events)
    here.remove()
    return Found(
        f"{len(REFUSALS)} servers, {MEMBERS} members each, {lines} lines",
        "every line told once to everybody; each call that is given up is logged once",
    )


async def _talk(here: Host, run: Run, calls: str, error: str, events: set[str]) -> int:
    room = Room(Path(tempfile.mkdtemp(dir=run.directory)), hash_password())
    inject = [argument for call in calls.split(",") for argument in ("-e", f"inject={call}:error={error}")]
    room.within = ("strace", "-D", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", *inject)
    server = room.server(host="::")
    with here.entered():
        server.begin()
    try:
        async with Crowd(room, server, "127.0.0.1") as crowd:
            await crowd.gather(MEMBERS, [here])
            await asyncio.gather(crowd.talk(crowd.voices, LINES_EACH, TALK_SECONDS, run.dice))
            await crowd.hear_out()
            crowd.check()
            crowd.check_presence()
            lines = len(crowd.lines)
    finally:
        if server.is_running:
            await server.end()
    told = {event: len(server.events(event)) for event in EVENTS if server.events(event)}
    require(told == dict.fromkeys(events, 1), f"{calls} refused with {error}: logged were {told}")
    return lines


ATTACKS: Final = (
    Attack(
        "calls-refused",
        "A system call that is refused at run time is replaced by a plainer one, is logged once, and costs no line",
        "strace refuses sendmmsg, sendmsg, recvmsg, each and together, with EPERM and ENOSYS, to a server of 8 members",
        refused,
        limit=300.0,
    ),
)
