"""What stands in the way of a server: said at once, and neither the end of a wait nor of a session."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from e2e.running import PASSWORD, Room, hash_password
from prove.attack import Attack, Found, Run, require, require_in_time
from prove.crowd import Crowd, room_on, short
from prove.lan import Host, Lan, go_ashore, need, run_command

from sockatuh.client.carrier import UdpCarrier
from sockatuh.client.session import Conversation

STARTS_WITHIN: Final = 2.0
"""Seconds that Python takes to start, and the program to say what it met at once."""
SILENT_HOST_WITHIN: Final = 6.0
"""Seconds until the system gives up asking who has an address, and the program has said so."""
TIMEOUT: Final = 3
ENDS_WITHIN: Final = 2.0
"""Seconds beyond its time in which a program has ended, with what Python takes to start."""
PATIENCE: Final = 30.0
FORGED: Final = 400
PACE: Final = 0.005
RULE: Final = """table inet x {{
  chain c {{
    type filter hook {hook} priority 0;
    udp dport {port} {verdict}
  }}
}}
"""
NO_RULES: Final = "flush ruleset"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program fared: its exit code, what it said on stderr, and after how many seconds it began and ended."""

    code: int | None
    said: str
    began: float
    ended: float


class Sending:
    """`sockatuh send` on a machine of the network."""

    def __init__(self, host: Host, directory: Path) -> None:
        self._host, self._directory = host, directory
        self._process: asyncio.subprocess.Process | None = None
        self._first = b""
        self._started = self._began = 0.0

    async def start(self, server: str, timeout: int) -> None:
        """Begin it, and wait for its first words; those after a second without any reason are not counted."""
        environ = {key: value for key, value in os.environ.items() if not key.startswith("SOCKATUH_")}
        environ |= {"SOCKATUH_CLIENT_DIR": str(self._directory), "SOCKATUH_PASSWORD": PASSWORD}
        command = [
            "-m",
            "sockatuh",
            "send",
            "--server",
            server,
            "--name",
            "ana",
            "--trust",
            "accept-new",
            "--timeout",
            str(timeout),
        ]
        self._started = time.monotonic()
        self._process = await asyncio.create_subprocess_exec(
            *self._host.prefix, sys.executable, *command, "hello", env=environ,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert self._process.stderr is not None
        async with asyncio.timeout(PATIENCE):
            while (first := await self._process.stderr.readline()).startswith(b"Waiting for an answer"):
                pass
            self._first = first
        self._began = time.monotonic() - self._started

    async def end(self) -> Outcome:
        """Wait until it has ended."""
        assert self._process is not None
        async with asyncio.timeout(PATIENCE):
            _, rest = await self._process.communicate()
        ended = time.monotonic() - self._started
        return Outcome(self._process.returncode, (self._first + rest).decode(), self._began, ended)


async def unreachable(run: Run) -> Found:
    """Look for a room where there is none, in every way there is; then forge what would end a session."""
    go_ashore()
    need("nft")
    with Lan(2, run.seed) as lan:
        room = Room(Path(tempfile.mkdtemp(dir=run.directory)), hash_password())
        said = [await _closed_port(lan, room, run)]
        for name, words, rules, within in (
            ("10.77.0.99", "No machine answers at 10.77.0.99; still trying.", None, SILENT_HOST_WITHIN),
            ("203.0.113.9", "This machine has no route to 203.0.113.9; still trying.", None, STARTS_WITHIN),
            (
                lan.ADDRESS,
                "A firewall refuses UDP port {port}",
                (lan.server, _rule("input", room.port, "reject with icmpx type admin-prohibited")),
                STARTS_WITHIN,
            ),
            (
                lan.ADDRESS,
                "This machine's own firewall lets no UDP out",
                (lan.clients[0], _rule("output", room.port, "drop")),
                STARTS_WITHIN,
            ),
        ):
            timeout = TIMEOUT + (int(within) if rules is None else 0)
            if rules is not None:
                rules[0].run("nft", "-f", "-", text=rules[1])
            outcome = await _send(lan.clients[0], run, f"{name}:{room.port}", timeout)
            if rules is not None:
                rules[0].run("nft", "-f", "-", text=NO_RULES)
            said.append(_judge(outcome, words.format(port=room.port), within, timeout))
        silent = await _silent_name_servers(lan, run)
        lines = await _forge(lan, run)
    return Found(
        "a closed port whose server starts later, an absent machine, no route, firewalls there and here, name servers "
        f"that are silent; {FORGED} forged ICMP messages for each of 2 members who say {lines} lines",
        f"said after {', '.join(said)}; the line of the closed port arrived; send --timeout {TIMEOUT} with silent name "
        f"servers ended after {silent}; no session ended, every line told once",
    )


def _rule(hook: str, port: int, verdict: str) -> str:
    """Return what nft is told to do with datagrams to a port."""
    return RULE.format(hook=hook, port=port, verdict=verdict)


async def _send(host: Host, run: Run, server: str, timeout: int) -> Outcome:
    sending = Sending(host, run.directory / "client")
    await sending.start(server, timeout)
    return await sending.end()


def _judge(outcome: Outcome, words: str, within: float, timeout: float) -> str:
    first = outcome.said.partition("\n")[0]
    require(first.startswith(words), f"it says {first!r}, not {words!r}")
    require(outcome.code == 3, f"exit code {outcome.code}: {outcome.said}")
    require_in_time(outcome.began <= within, f"{words!r} was said after {short(outcome.began)}")
    require(outcome.ended >= timeout, f"it gave up after {short(outcome.ended)}")
    return short(outcome.began)


async def _closed_port(lan: Lan, room: Room, run: Run) -> str:
    """Send to a room that opens a moment later."""
    sending = Sending(lan.clients[0], run.directory / "client")
    await sending.start(f"{lan.ADDRESS}:{room.port}", int(PATIENCE))
    server = room.server(host="::")
    with lan.server.entered():
        server.begin()
    try:
        outcome = await sending.end()
    finally:
        if server.is_running:
            await server.end()
    first = outcome.said.partition("\n")[0]
    require(first == f"Nothing listens on UDP port {room.port} at {lan.ADDRESS}; still trying.", f"it says {first!r}")
    require(outcome.code == 0, f"exit code {outcome.code}: {outcome.said}")
    require([line.text for line in room.history.messages(None, None, 9)] == ["hello"], "the line is not in the log")
    require_in_time(outcome.began <= STARTS_WITHIN, f"said after {short(outcome.began)}")
    return short(outcome.began)


async def _silent_name_servers(lan: Lan, run: Run) -> str:
    """Send to a name that nobody resolves, nor says that it cannot."""
    resolv = run.directory / "resolv.conf"
    resolv.write_text(f"nameserver {lan.ADDRESS}\nnameserver {lan.ADDRESS}\n", "ascii")
    run_command("mount", "--bind", str(resolv), "/etc/resolv.conf")
    lan.server.run("nft", "-f", "-", text=_rule("input", 53, "drop"))
    outcome = await _send(lan.clients[0], run, "somewhere.example", TIMEOUT)
    lan.server.run("nft", "-f", "-", text=NO_RULES)
    run_command("umount", "/etc/resolv.conf")
    require(
        outcome.said.startswith("The address of somewhere.example cannot be looked up"), f"it says {outcome.said!r}"
    )
    require(outcome.code == 3, f"exit code {outcome.code}: {outcome.said}")
    require_in_time(outcome.ended <= TIMEOUT + ENDS_WITHIN, f"--timeout {TIMEOUT} ended after {short(outcome.ended)}")
    return short(outcome.ended)


async def _forge(lan: Lan, run: Run) -> int:
    """Tell members who talk that the port is closed, in the network's name; return how many lines they have said."""
    async with room_on(lan.server, lan.ADDRESS, run) as crowd:
        for number, client in enumerate(lan.clients):
            await crowd.enter(f"m{number}", client)
        talking = asyncio.create_task(crowd.talk(crowd.voices, 100, FORGED * PACE, run.dice))
        with lan.server.entered():
            forger = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        with forger:
            await _tell_closed(forger, crowd, [f"10.77.0.1{number}" for number in (1, 2)])
        await talking
        await crowd.hear_out()
        crowd.check()
        crowd.check_presence()
        lost = [voice.name for voice in crowd.voices if voice.lost]
        require(not lost, f"{', '.join(lost)} lost contact")
        heard = [_carrier_of(voice.talk).driver.errors["ECONNREFUSED"] for voice in crowd.voices]
        require(all(heard), "the forged messages did not arrive: nothing was tried")
        return len(crowd.lines)


def _carrier_of(talk: Conversation) -> UdpCarrier:
    carrier = talk._carrier
    assert isinstance(carrier, UdpCarrier)
    return carrier


async def _tell_closed(forger: socket.socket, crowd: Crowd, hosts: Sequence[str]) -> None:
    for _ in range(FORGED):
        for voice, host in zip(crowd.voices, hosts, strict=True):
            port = _carrier_of(voice.talk).socket.getsockname()[1]
            forger.sendto(_port_unreachable(host, port, Lan.ADDRESS, crowd.room.port), (host, 0))
        await asyncio.sleep(PACE)


def _port_unreachable(host: str, port: int, server: str, server_port: int) -> bytes:
    """Return the ICMP message about a datagram that this host has sent to the server."""
    quoted = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 60, 0, 0x4000, 64, 17, 0, socket.inet_aton(host), socket.inet_aton(server)
    ) + struct.pack("!HHHH", port, server_port, 40, 0)
    body = bytes(4) + quoted
    total = sum(struct.unpack(f"!{len(body) // 2}H", body)) + 0x0303
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~(total + (total >> 16)) & 0xFFFF
    return struct.pack("!BBH", 3, 3, checksum) + body


ATTACKS: Final = (
    Attack(
        "unreachable",
        "Whatever blocks the way to a server is reported at once, and cuts short neither a wait nor a session",
        "closed port, absent machine, no route, firewalls (nft), silent name servers; forged ICMP against clients "
        "that talk",
        unreachable,
    ),
)
