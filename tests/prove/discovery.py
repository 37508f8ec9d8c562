"""Rooms that are found in the local networks, and one that is followed to another address; nobody else is joined."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from e2e.running import PASSWORD, Room, ServerProcess, hash_password
from prove.attack import Attack, Found, Run, require, require_in_time
from prove.crowd import short
from prove.lan import Host, Lan, connect, go_ashore, need
from prove.service import lonely

from sockatuh.client.discovery import USUAL_SECONDS, Standing, find_rooms
from sockatuh.client.profile import Profile
from sockatuh.net.sockets import open_server_socket
from sockatuh.protocol.client.answers import MAX_ANSWERS
from sockatuh.protocol.client.discovery import PROVING_SECONDS
from sockatuh.protocol.identity import fingerprint

PORT: Final = 7625
STARTS_WITHIN: Final = 2.0
"""Seconds that Python takes to start and to end."""
PATIENCE: Final = 30.0
FORGED: Final = 10_000
FORGED_AT_ONCE: Final = 100
PACE: Final = 0.002
DEARER: Final = 10.0
"""How many times more processor time the forged answers may take of a search than of whoever sends them."""
STATEFUL: Final = """table inet stateful {
  chain in {
    type filter hook input priority 0; policy drop;
    iif lo accept
    ct state established,related accept
    meta l4proto icmpv6 accept
    udp dport 5353 accept
  }
}
"""
COUNTING: Final = """table inet counting {
  counter sent_at_all { }
  counter sent_in_public { }
  chain out {
    type filter hook output priority 0;
    udp dport 7625 counter name sent_at_all
    ip daddr { 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 169.254.0.0/16, 127.0.0.0/8 } accept
    ip6 daddr { fc00::/7, fe80::/10, ff02::/16, ::1 } accept
    udp dport 7625 counter name sent_in_public
  }
}
"""
NO_STATEFUL: Final = "delete table inet stateful"


@dataclass(frozen=True, slots=True)
class Done:
    """How a command fared: its exit code, what it printed and said, and how long it took."""

    code: int | None
    printed: str
    said: str
    seconds: float

    @property
    def rooms(self) -> dict[str | None, dict[str, Any]]:
        """What was printed of rooms, by their names."""
        lines = map(json.loads, self.printed.splitlines())
        return {line["room"]: line for line in lines if line["type"] == "room"}


class Seeker:
    """Somebody on a machine who looks for rooms; who they are at home is in a directory."""

    def __init__(self, host: Host, directory: Path) -> None:
        self._host, self.directory = host, directory
        self.profile = Profile(directory)

    async def run(self, *words: str, stdin: str = "", password: str = "") -> Done:
        """Run a command to its end."""
        environ = {key: value for key, value in os.environ.items() if not key.startswith("SOCKATUH_")}
        environ |= {"SOCKATUH_CLIENT_DIR": str(self.directory), "SOCKATUH_NAME": "ana", "SOCKATUH_PASSWORD": password}
        began = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *self._host.prefix, sys.executable, "-m", "sockatuh", *words, env=environ,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(PATIENCE):
            printed, said = await process.communicate(stdin.encode())
        return Done(process.returncode, printed.decode(), said.decode(), time.monotonic() - began)

    async def discover(self, *options: str, found: Sequence[str]) -> Done:
        """Look for rooms; these and no others are to be found, each with its key proven."""
        done = await self.run("discover", "--json", *options)
        names = sorted(str(name) for name in done.rooms)
        require(names == sorted(found), f"found {names}, not {sorted(found)}: {done.said}")
        require(all(room["proven"] for room in done.rooms.values()), f"not every key is proven: {done.printed}")
        require(done.code == (0 if found else 3), f"exit code {done.code}")
        return done


@contextlib.asynccontextmanager
async def open_room(
    name: str, host: Host, run: Run, *, is_passed: bool = False, **settings: object
) -> AsyncIterator[ServerProcess]:
    """Run a room on a machine, at the usual port; `is_passed`: on a passed socket, without a network of its own."""
    room = Room(Path(tempfile.mkdtemp(dir=run.directory)), hash_password(), PORT, within=host.prefix)
    if is_passed:
        with host.entered():
            room.held = open_server_socket("::", PORT)
        room.within = lonely()
    try:
        async with room.serve(host="::", room=name, **settings) as server:
            yield server
    finally:
        if room.held is not None:
            room.held.close()


async def discovery(run: Run) -> Found:
    """Look for rooms in ever more networks, past firewalls, and count what leaves for the rest of the world."""
    go_ashore()
    need("nft")
    with Lan(2, run.seed) as lan, contextlib.ExitStack() as stack:
        here = lan.clients[0]
        attic, street = Host.make("attic"), Host.make("street")
        stack.callback(attic.remove)
        stack.callback(street.remove)
        for other, interface, network, network_6 in (
            (attic, "second", "10.78.0", "fd78:"),
            (street, "wan", "203.0.113", "2001:db8:1:"),
        ):
            connect(other, "lan", here, interface)
            other.plug("lan", f"{network}.1/24", f"{network_6}:1/64")
            here.plug(interface, f"{network}.9/24", f"{network_6}:9/64")
        here.ip("route", "add", "default", "via", "203.0.113.1")
        here.ip("-6", "route", "add", "default", "via", "2001:db8:1::1")
        here.run("nft", "-f", "-", text=COUNTING)
        ana = Seeker(here, run.directory / "ana")
        count, figure = await _find_in_ever_more_networks(lan, ana, attic, street, run)
        sent, public = (_packets(here, name) for name in ("sent_at_all", "sent_in_public"))
    require(sent > 0, "nothing was sent at all: nothing was counted")
    require(public == 0, f"{public} of {sent} datagrams went to public addresses")
    return Found(count, f"{figure}; {sent} datagrams, none to a public address")


async def _find_in_ever_more_networks(lan: Lan, ana: Seeker, attic: Host, street: Host, run: Run) -> tuple[str, str]:
    here = lan.clients[0]
    nothing = await ana.discover(found=[])
    for network in ("lan (10.77.0.0/24)", "second (10.78.0.0/24)"):
        require(network in nothing.said, f"it does not say that it looked in {network}: {nothing.said}")
    lost = await ana.run("chat")
    require(lost.code == 3, f"a chat that found no room ended with {lost.code}: {lost.said}")
    async with open_room("kitchen", lan.server, run) as kitchen:
        one = await ana.discover(found=["kitchen"])
        require(not kitchen.events("session_opened"), "a search opened a session")
        async with (
            open_room("cellar", lan.clients[1], run, is_passed=True),
            open_room("attic", attic, run),
            open_room("street", street, run) as street_room,
        ):
            for address in ("203.0.113.1:7625", "[2001:db8:1::1]:7625"):
                ana.profile.pin(address, street_room.key, "street")
            await ana.discover(found=["kitchen", "cellar", "attic"])
            alone = Seeker(lan.clients[1], run.directory / "alone")  # no default route, one network
            await alone.discover(found=["kitchen", "cellar"])
            here.run("nft", "-f", "-", text=STATEFUL)
            silent = await ana.discover(found=[])
            for word in ("firewalls", "sockatuh discover --sweep"):
                require(word in silent.said, f"nothing is said of {word}: {silent.said}")
            swept = await ana.discover("--sweep", found=["kitchen", "cellar", "attic"])
            ana.profile.pin("10.77.0.1:7625", kitchen.key, "kitchen")
            known = await ana.discover(found=["kitchen"])
            require(known.rooms["kitchen"]["standing"] == Standing.KNOWN, f"not known: {known.printed}")
            here.run("nft", "-f", "-", text=NO_STATEFUL)
    async with open_room("hidden", lan.server, run, discoverable=False) as hidden:
        stranger = Seeker(here, run.directory / "stranger")
        await stranger.discover(found=[])
        stranger.profile.pin("10.77.0.1:7625", hidden.key, "hidden")
        await stranger.discover(found=["hidden"])
    require_in_time(one.seconds <= STARTS_WITHIN, f"one room was found after {short(one.seconds)}")
    best = one.rooms["kitchen"]["ms"]
    return (
        "0, 1 and 3 rooms, one of them on a passed socket, in two networks and one in public, with and without a "
        "default route; behind a stateful firewall; one that hides",
        f"each found by its name, with its key proven; the first answered after {best:.0f} ms, the command took "
        f"{short(one.seconds)}; behind the firewall nothing, the known room, and with --sweep all, after "
        f"{short(swept.seconds)}; the hidden one only by who knows it",
    )


def _packets(host: Host, counter: str) -> int:
    told = json.loads(host.run("nft", "-j", "list", "counter", "inet", "counting", counter))
    return sum(int(each["counter"]["packets"]) for each in told["nftables"] if "counter" in each)


async def moved_server(run: Run) -> Found:
    """Give a room other addresses and others its own; whoever chats there is to notice no more than that."""
    go_ashore()
    with Lan(3, run.seed) as lan:
        ana = Seeker(lan.clients[0], run.directory / "ana")
        async with open_room("kitchen", lan.server, run) as kitchen:
            first = await ana.run("chat", lan.ADDRESS, stdin="one\n", password=PASSWORD)
            require(first.code == 0, f"the first chat ended with {first.code}: {first.said}")
            _readdress(lan.server, lan.ADDRESS, "10.77.0.77")
            followed = await ana.run("chat", stdin="two\n")
            _require_moved(followed, "10.77.0.77", lan.ADDRESS)
            _readdress(lan.server, "10.77.0.77", "10.77.0.78")
            lan.clients[1].ip("addr", "add", "10.77.0.77/24", "dev", "lan")
            async with open_room("kitchen", lan.clients[1], run) as rogue:
                past = await ana.run("chat", stdin="three\n")
                _require_moved(past, "10.77.0.78", "10.77.0.77")
                await _require_told_apart(ana, kitchen, rogue)
                dearer, kept = await _search_in_a_flood(lan, ana, kitchen)
                pins = ana.profile.known_servers()
                await kitchen.end()
                alone = await ana.run("chat", stdin="four\n", password=PASSWORD)
                require(alone.code == 3, f"with the rogue alone, the chat ended with {alone.code}: {alone.said}")
                require(ana.profile.known_servers() == pins, "the rogue is in the profile now")
                require(not rogue.events("session_opened"), "a session was opened at the rogue")
    return Found(
        f"2 other addresses, the former one taken by a room of the same name and password; {FORGED} forged COOKIEs",
        f"joined without a question after {short(followed.seconds)} and {short(past.seconds)}, nobody at the rogue, "
        f"which a search tells apart; of the forged {kept} kept, for {dearer:.1f} times the processor time of sending "
        "them, and the known room proven among them",
    )


def _readdress(host: Host, before: str, after: str) -> None:
    host.ip("addr", "del", f"{before}/24", "dev", "lan")
    host.ip("addr", "add", f"{after}/24", "dev", "lan")


def _require_moved(done: Done, server: str, before: str) -> None:
    told = f"kitchen is at {server} now (it was at {before})."
    require(done.code == 0, f"the chat ended with {done.code}: {done.said}")
    require(told in done.said.splitlines(), f"it does not say {told!r}: {done.said}")


async def _require_told_apart(ana: Seeker, kitchen: ServerProcess, rogue: ServerProcess) -> None:
    """Have two rooms of one name found; the one that was met before is known, and of the other it is told."""
    done = await ana.run("discover", "--json")
    rooms = [json.loads(line) for line in done.printed.splitlines()]
    standings = {room["fingerprint"]: room["standing"] for room in rooms if room["type"] == "room"}
    right = {fingerprint(kitchen.key): Standing.KNOWN.value, fingerprint(rogue.key): Standing.OTHER_KEY.value}
    require(standings == right, f"two rooms of one name stand as {standings}, not {right}")


async def _search_in_a_flood(lan: Lan, ana: Seeker, kitchen: ServerProcess) -> tuple[float, int]:
    """Search while somebody answers a HELLO thousands of times.

    Return how many times more processor time that took here than there, and what was kept.
    """
    began = time.thread_time()
    with lan.clients[0].entered():
        await find_rooms(ana.profile, seconds=USUAL_SECONDS)
    usual = time.thread_time() - began
    with lan.clients[2].entered():
        forger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with forger:
        forger.bind(("0.0.0.0", PORT))  # noqa: S104 - a namespace of our own
        forger.settimeout(PATIENCE)
        took_there: list[float] = []
        forged = threading.Thread(target=_forge, args=[forger, took_there])
        forged.start()
        began, worked = time.monotonic(), time.thread_time()
        with lan.clients[0].entered():
            found = await find_rooms(ana.profile, seconds=USUAL_SECONDS)
        more, took = time.thread_time() - worked - usual, time.monotonic() - began
        await asyncio.to_thread(forged.join)
    kept = len(found.rooms) + len(found.unproven)
    require(MAX_ANSWERS // 2 < kept <= MAX_ANSWERS, f"{kept} answers were kept")
    known = [room for room in found.rooms if room.key == kitchen.key]
    require(bool(known) and known[0].standing is Standing.KNOWN, "the known room was not proven in the flood")
    dearer = more / took_there[0]
    require_in_time(dearer <= DEARER, f"the flood took {dearer:.1f} times the processor time of whoever sent it")
    require_in_time(took <= USUAL_SECONDS + PROVING_SECONDS + 1, f"the search took {short(took)}")
    return dearer, kept


def _forge(sock: socket.socket, took: list[float]) -> None:
    """Answer a HELLO with many forged COOKIEs; put the processor time that it took into a list."""
    hello, seeker = sock.recvfrom(2048)
    began = time.thread_time()
    for number in range(FORGED):
        key = number.to_bytes(2, "big") * 16
        sock.sendto(b"\xb2\x01\0\0" + hello[4:12] + bytes(16) + key + bytes(4), seeker)
        if number % FORGED_AT_ONCE == 0:
            time.sleep(PACE)
    took.append(time.thread_time() - began)


ATTACKS: Final = (
    Attack(
        "discovery",
        "A room in the local networks is found without its address, and its key proven; nothing is asked in public",
        "discover in 0, 1 and 3 rooms, two networks, without a default route, behind a stateful firewall (nft), with a "
        "hidden room; what leaves for public addresses is counted (nft)",
        discovery,
    ),
    Attack(
        "moved-server",
        "A chat follows its room to another address by its key, and joins nobody else",
        "the server gets another address, twice; a room of the same name takes the former one; COOKIEs are forged by "
        "the thousand",
        moved_server,
    ),
)
