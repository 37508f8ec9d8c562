"""The room as a service: restarted, reloaded and locked in, while people talk."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import bcrypt
from e2e.running import PASSWORD, PATIENCE, Room, conversation, hash_password, joined, options_for
from prove.attack import Attack, Found, Missing, Run, require
from prove.crowd import Crowd
from prove.lan import Host
from prove.rogue import Rogue

from sockatuh.client.session import Conversation
from sockatuh.net.interfaces import choose_addresses, find_interfaces
from sockatuh.net.sockets import RECEIVE_BUFFER, SO_RCVBUFFORCE
from sockatuh.protocol import messages as m

ROOT: Final = Path(__file__).parents[2]
UNIT: Final = ROOT / "sockatuh.service"
MEMBERS: Final = 20
RESTARTS: Final = 3
SENT_WHILE_DOWN: Final = 20_000
DATAGRAM: Final = b"\0" * 232
"""Of neither dialect, so that each that is read is counted as dropped; as long as a line in a small room."""
HELD_AT_LEAST: Final = 10_000
MAX_EXPOSURE: Final = 0.3
RELOADS: Final = 10
AS_ROOT_ONLY: Final = {"fchown"}
"""What SQLite asks for when it is root, which the service is not."""
NO_NETWORK: Final = ("unshare", "--net")


class Here(Host):
    """This machine, as it is."""

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def held_socket(receive_buffer: int | None = RECEIVE_BUFFER) -> Iterator[socket.socket]:
    """Hold a UDP socket as systemd does for sockatuh.socket; None leaves the system's buffer."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if receive_buffer is not None:
            try:
                sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, receive_buffer)
            except OSError as error:
                raise Missing("a buffer past net.core.rmem_max: run this as root") from error
        sock.bind(("::", 0))
        yield sock


def lonely() -> tuple[str, ...]:
    """Return what runs a command with no network of its own, as PrivateNetwork= does."""
    if shutil.which("unshare") is None or subprocess.run([*NO_NETWORK, "true"], capture_output=True).returncode != 0:
        raise Missing("network namespaces: run this as root, with util-linux")
    return NO_NETWORK


@contextlib.asynccontextmanager
async def crowd_at(room: Room, members: int, **settings: object) -> AsyncIterator[Crowd]:
    """Fill a room with members of this machine."""
    async with room.serve(host="::", **settings) as server, Crowd(room, server, "127.0.0.1") as crowd:
        await crowd.gather(members, [Here("here")])
        yield crowd


# A restart.


async def _restart(run: Run) -> Found:
    lines, silences = 40, []
    with held_socket() as held:
        room = Room(run.directory, hash_password(), port=held.getsockname()[1], held=held, within=lonely())
        async with crowd_at(room, MEMBERS) as crowd:
            address = next(iter(choose_addresses(find_interfaces(held), None)), None)
            told = crowd.server.events("server_started")[-1]["invite"]
            require(address is None or f"//{address}:" in told, f"a server without a network is announced at {told}")
            knocking = asyncio.create_task(_knock(room.port))
            talking = asyncio.create_task(crowd.talk(crowd.voices, lines, 2.0 * RESTARTS, run.dice))
            for _ in range(RESTARTS):
                await asyncio.sleep(run.dice.uniform(0.4, 0.9))
                began = time.monotonic()
                require(await crowd.server.end() == 0, "the server did not end as it should")
                await crowd.server.start()
                silences.append(time.monotonic() - began)
            await talking
            await crowd.hear_out()
            knocking.cancel()
            await asyncio.wait([knocking])
            require(knocking.cancelled(), "somebody was told that the port is closed")
            crowd.check()
            crowd.check_presence()
            losses = {reason for voice in crowd.voices for reason in voice.lost}
            require(losses == {"restarting"}, f"contact was lost for {losses}")
    count = f"{RESTARTS} restarts, {MEMBERS} members, {MEMBERS * lines} lines"
    down = f"down {min(silences):.1f} to {max(silences):.1f} s"
    return Found(
        count, f"0 lost, 0 doubled, no join or leave line, no port unreachable; {down}, with no network of its own"
    )


async def _knock(port: int) -> None:
    """Send something each 10 ms from a socket that reports a closed port by an error."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        while True:
            sock.send(b"\0")
            await asyncio.sleep(0.01)


async def _hold(run: Run) -> Found:
    kept = {size: await _kept_while_down(run.directory / str(size), size) for size in (None, RECEIVE_BUFFER)}
    usual, large = kept[None], kept[RECEIVE_BUFFER]
    require(large >= HELD_AT_LEAST, f"of {SENT_WHILE_DOWN} only {large} were there, with a buffer of 8 MiB")
    require(large >= 5 * usual, f"8 MiB held {large}, the usual buffer {usual}")
    joined_after = await asyncio.to_thread(_activate, run.directory / "activated")
    count = f"{SENT_WHILE_DOWN} datagrams of {len(DATAGRAM)} B while the service is down"
    figure = f"{large} were there with 8 MiB, {usual} with the usual buffer"
    return Found(count, f"{figure}; systemd-socket-activate: a first line stored {joined_after:.1f} s after its HELLO")


async def _kept_while_down(directory: Path, receive_buffer: int | None) -> int:
    """Return how many datagrams a server finds that was away while they came."""
    directory.mkdir()
    with held_socket(receive_buffer) as held, socket.socket(type=socket.SOCK_DGRAM) as sender:
        room = Room(directory, hash_password(), port=held.getsockname()[1], held=held)
        async with room.serve() as server:
            await server.end()
            sender.connect(("127.0.0.1", room.port))
            for _ in range(SENT_WHILE_DOWN):
                sender.send(DATAGRAM)
            await server.start()
            async with joined("ana", room.port, server.key):  # who came later is behind them
                pass
            await server.end()
            return sum(int(line.get("off", 0)) for line in server.events("datagram_dropped"))


def _activate(directory: Path) -> float:
    """Let systemd's own tool start the server at the first HELLO; return the seconds until its line is stored."""
    tool = shutil.which("systemd-socket-activate")
    if tool is None:
        raise Missing("systemd-socket-activate: apt-get install systemd")
    directory.mkdir()
    room = Room(directory, hash_password())
    command = [tool, "--datagram", f"--listen=[::]:{room.port}", "--fdname=sockatuh"]
    serve = [sys.executable, "-m", "sockatuh", "serve", "--config", str(room.configure(host="::"))]
    environ = {key: value for key, value in os.environ.items() if not key.startswith("SOCKATUH_")}
    process = subprocess.Popen([*command, *serve], stderr=subprocess.DEVNULL, env=environ)
    try:
        return asyncio.run(_first_line(room.port))
    finally:
        process.terminate()
        process.wait(PATIENCE)


async def _first_line(port: int) -> float:
    began = time.monotonic()
    async with Conversation(options_for("ana", port, None)) as talk:
        await talk.open(PATIENCE)
        await talk.join("ana", PASSWORD, PATIENCE)
        await talk.deliver("hello", PATIENCE)
        await talk.leave()
    return time.monotonic() - began


# A reload.


async def _reload(run: Run) -> Found:
    room = Room(run.directory, hash_password())
    lines = 40
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(run.directory / "notify"))
        manager.settimeout(PATIENCE)
        room.environ = {"NOTIFY_SOCKET": str(run.directory / "notify")}
        async with crowd_at(room, MEMBERS) as crowd:
            talking = asyncio.create_task(crowd.talk(crowd.voices, lines, 0.6 * RELOADS, run.dice))
            password, ticket = PASSWORD, b""
            for number in range(RELOADS):
                ticket = await _change(crowd, manager, number, password, ticket)
                password = f"password number {number}"
            await talking
            await crowd.hear_out()
            crowd.check()
            crowd.check_presence()
            lost = [voice.name for voice in crowd.voices if voice.lost]
            require(not lost, f"contact was lost by {lost}")
    count = f"{RELOADS} reloads, {MEMBERS} members, {MEMBERS * lines} lines"
    return Found(
        count, "nobody dropped, 0 lost, 0 doubled; each time the old password and ticket refused, the new one taken"
    )


async def _change(crowd: Crowd, manager: socket.socket, number: int, old: str, ticket: bytes) -> bytes:
    """Change everything that can be, and see who gets in; return the ticket of one who did."""
    new = f"password number {number}"
    changed: dict[str, object] = {
        "password_hash": (await asyncio.to_thread(bcrypt.hashpw, new.encode(), bcrypt.gensalt(10))).decode(),
        "classic": ("on", "off")[number % 2],
        "log_level": ("warning", "debug", "info")[number % 3],
        "limits.lines_per_second": 20.0 + number,
        "limits.text_bytes": 8_000 + number,
        "limits.idle_seconds": 60 + number,
        "limits.ping_seconds": 20,
        "max_members": 100 + number,
    }
    crowd.room.configure(host="::", **changed)
    crowd.server.send(signal.SIGHUP)
    await asyncio.to_thread(_until_reloaded, manager, f"password changed: {MEMBERS} members stay, tickets are void")
    if ticket:
        require(not await _resumes(crowd, ticket), "a ticket of the last password was taken")
    require(await _is_refused(crowd, number, old), "the last password was taken")
    async with conversation("visitor", crowd.room.port, crowd.server.key, transient=True) as talk:
        await talk.open(PATIENCE)
        admitted = await talk.join("visitor", new, PATIENCE)
        await talk.leave()
    require(await _resumes(crowd, admitted.ticket), "a ticket of this password was not taken")
    return admitted.ticket


def _until_reloaded(manager: socket.socket, fact: str) -> None:
    while not (said := manager.recv(4_096).decode()).startswith("READY=1\nSTATUS=configuration"):
        pass
    require(fact in said, f"the manager was told: {said}")


async def _resumes(crowd: Crowd, ticket: bytes) -> bool:
    where = crowd.room.port, crowd.server.key
    async with conversation("visitor", *where, transient=True, ticket=ticket) as talk:
        resumed = (await talk.open(PATIENCE)).resumed
        if resumed:
            await talk.admitted(PATIENCE)
        await talk.leave()
    return resumed


async def _is_refused(crowd: Crowd, number: int, password: str) -> bool:
    """Try a password from an address of its own, as wrong ones make an address wait."""
    rogue = await asyncio.to_thread(Rogue(crowd.room.port, host=f"127.0.40.{number + 1}").shake)
    answer = await asyncio.to_thread(rogue.join, f"late_{number}", password)
    rogue.close()
    return isinstance(answer, m.Refused) and answer.code == "password_wrong"


# What the unit leaves the service.


async def _lock_in(run: Run) -> Found:
    score = _exposure()
    require(score <= MAX_EXPOSURE, f"systemd-analyze security says {score}")
    tracer = shutil.which("strace")
    if tracer is None:
        raise Missing("strace: apt-get install strace")
    trace = run.directory / "trace"
    quiet = (tracer, "--follow-forks", "--quiet=all", f"--output={trace}", "--string-limit=0")
    with held_socket() as held:
        room = Room(run.directory, hash_password(), port=held.getsockname()[1], held=held, within=(*lonely(), *quiet))
        async with room.serve(host="::") as server:
            async with joined("ana", room.port, server.key) as ana:
                ana.say("hello")
                await ana.until(ana.is_answered)
                os.kill(_child_of(server.pid), signal.SIGHUP)
                await server.wait_for("configuration_reloaded")
            os.kill(_child_of(server.pid), signal.SIGTERM)
            await server.wait_for("server_stopped")
    traced = trace.read_text("utf-8")
    calls = Counter(re.findall(r"^\d+ +(\w+)\(", traced, re.MULTILINE))
    refused = sorted(calls.keys() - _admitted() - AS_ROOT_ONLY)
    require(calls["execve"] > 0 and calls["recvfrom"] > 0, "the server was not traced")
    require(not refused, f"SystemCallFilter= refuses what the server asks for: {refused}")
    executable = re.findall(r"^.*(?:mmap\(.*PROT_WRITE\|PROT_EXEC|mprotect\(.*PROT_EXEC).*$", traced, re.MULTILINE)
    require(not executable, f"MemoryDenyWriteExecute= refuses {executable[:1]}")
    return Found(f"{sum(calls.values())} system calls of {len(calls)} kinds", f"exposure {score}, none refused")


def _child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()[0])


def _exposure() -> float:
    """Return what systemd says of the unit: 0 is safe, 10 is not."""
    said = _analyse("security", "--offline=true", "--no-pager", str(UNIT))
    score = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    require(score is not None, f"systemd-analyze says {said[-200:]!r}")
    return float(score[1]) if score else 10.0


def _admitted() -> set[str]:
    """Return the system calls the unit's filter lets through: groups, less those behind ~."""
    admitted: set[str] = set()
    for words in re.findall(r"^SystemCallFilter=(.*)$", UNIT.read_text("utf-8"), re.MULTILINE):
        named = {call for group in words.lstrip("~").split() for call in _group(group)}
        admitted = admitted - named if words.startswith("~") else admitted | named
    return admitted


def _group(name: str) -> set[str]:
    """Return the calls of a group and the groups in it."""
    words = [line.strip() for line in _analyse("syscall-filter", name).splitlines()[1:]]
    return {
        call for word in words if not word.startswith("#") for call in (_group(word) if word[:1] == "@" else {word})
    }


def _analyse(*arguments: str) -> str:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        raise Missing("systemd-analyze: apt-get install systemd")
    environ = os.environ | {"SYSTEMD_COLORS": "0", "LC_ALL": "C.UTF-8"}
    return subprocess.run([tool, *arguments], capture_output=True, text=True, check=False, env=environ).stdout


ATTACKS: Final[tuple[Attack, ...]] = (
    Attack(
        "restart-held-socket",
        "A restart loses nothing, and nobody is seen to leave or join",
        f"stop and start the server {RESTARTS} times, on the socket systemd would hold, while {MEMBERS} members talk",
        _restart,
        limit=60.0,
    ),
    Attack(
        "restart-buffer",
        "What is sent while the service is down is received once it is back",
        f"send {SENT_WHILE_DOWN} datagrams to a held socket that nobody reads, with 8 MiB and with the usual buffer",
        _hold,
        limit=60.0,
    ),
    Attack(
        "reload-under-load",
        "A reload applies a new password, limits, classic mode and log level, and drops nobody",
        f"reload {RELOADS} times with all of them changed while {MEMBERS} members talk and others try the old ones",
        _reload,
        limit=90.0,
    ),
    Attack(
        "service-locked-in",
        "The service needs no network of its own, and nothing its unit forbids",
        "trace a server without a network through join, line, reload and stop; compare with the unit's filters",
        _lock_in,
        limit=60.0,
    ),
)
