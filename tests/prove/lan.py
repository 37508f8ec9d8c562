"""Networks of our own, in network namespaces: hosts, the cables between them, and nothing that stays behind.

The attack's process moves into a mount and a network namespace of its own before it makes any. So the names it gives
are seen by nobody else, and whatever ends its processes, even `kill -9`, ends the networks with them. It takes root,
or a system that lets everybody make user namespaces.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

from prove.attack import Missing
from prove.weather import Weather

NEW_MOUNTS: Final = 0x0002_0000
NEW_USER: Final = 0x1000_0000
NEW_NETWORK: Final = 0x4000_0000
PACKAGES: Final = {
    "ip": "iproute2",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "nft": "nftables",
    "systemd-nspawn": "systemd-container",
}
COMMAND_SECONDS: Final = 20.0
HOW_TO_ALLOW: Final = "run it as root, or with kernel.unprivileged_userns_clone=1"


def need(*programs: str) -> None:
    """Raise Missing unless this machine has some programs."""
    for program in programs:
        if shutil.which(program) is None:
            raise Missing(f"there is no {program}: apt-get install {PACKAGES.get(program, program)}")


def run_command(*command: str, text: str | None = None) -> str:
    """Run a command that makes a network and return what it prints; Missing says what the machine refused."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)
    if done.returncode:
        raise Missing(f"`{' '.join(command)}` is refused: {done.stderr.strip()}; {HOW_TO_ALLOW}")
    return done.stdout


def go_ashore() -> None:
    """Move this process into namespaces of its own; to be called once, before it has threads."""
    if not sys.platform.startswith("linux"):
        raise Missing("network namespaces are Linux's; run it there")
    os.environ["PATH"] += ":/usr/sbin:/sbin"  # where only root looks
    need("ip", "nsenter", "ethtool")
    user, group = os.getuid(), os.getgid()
    flags = NEW_MOUNTS | NEW_NETWORK | (NEW_USER if user else 0)
    _call("unshare", flags)
    if user:
        Path("/proc/self/setgroups").write_text("deny", "ascii")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1", "ascii")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1", "ascii")
    run_command("mount", "--make-rprivate", "/")
    run_command("mount", "-t", "tmpfs", "tmpfs", "/run")  # where `ip netns` keeps its names
    run_command("ip", "link", "set", "lo", "up")


def _call(function: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, function)(*arguments):
        raise Missing(f"{function} is refused: {os.strerror(ctypes.get_errno())}; {HOW_TO_ALLOW}")


@dataclass(frozen=True, slots=True)
class Host:
    """A machine on the network: a namespace with its own interfaces, addresses and routes."""

    name: str

    @classmethod
    def make(cls, name: str) -> Host:
        """Make a machine that nobody is connected to; its name bears our process id."""
        host = cls(f"{name}-{os.getpid()}")
        run_command("ip", "netns", "add", host.name)
        host.ip("link", "set", "lo", "up")
        return host

    def ip(self, *words: str) -> str:
        """Run `ip` there."""
        return run_command("ip", "-n", self.name, *words)

    def run(self, *command: str, text: str | None = None) -> str:
        """Run any command there."""
        return run_command(*self.prefix, *command, text=text)

    def remove(self) -> None:
        """Give its name up; it is gone when the last socket and process there is."""
        run_command("ip", "netns", "del", self.name)

    @property
    def prefix(self) -> tuple[str, ...]:
        """What makes a command run there."""
        return ("nsenter", f"--net=/run/netns/{self.name}")

    def plug(self, interface: str, *addresses: str) -> None:
        """Give an interface addresses (with the length of their prefix), and switch it on.

        Checksums are computed at once, as on a wire: our cables look at them.
        """
        self.run("ethtool", "-K", interface, "tx", "off")
        self.ip("link", "set", interface, "addrgenmode", "none")
        for address in addresses:
            self.ip("addr", "add", address, "dev", interface, *(["nodad"] if ":" in address else []))
        self.ip("link", "set", interface, "up")

    def set(self, key: str, value: object) -> None:
        """Set one of the kernel's network settings there."""
        with self.entered():
            try:
                Path("/proc/sys/net", key).write_text(str(value), "ascii")
            except OSError as error:
                raise Missing(f"/proc/sys/net/{key} is refused: {error.strerror}; {HOW_TO_ALLOW}") from None

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Be on that machine: the sockets and processes begun within the block are its own, and stay so."""
        with open("/proc/thread-self/ns/net", "rb") as home, open(f"/run/netns/{self.name}", "rb") as away:
            _call("setns", away.fileno(), NEW_NETWORK)
            try:
                yield
            finally:
                _call("setns", home.fileno(), NEW_NETWORK)


def connect(one: Host, its: str, other: Host, its_own: str) -> None:
    """Lay a cable between two machines; each names its own end."""
    run_command(
        "ip", "link", "add", its, "netns", one.name, "type", "veth", "peer", "name", its_own, "netns", other.name
    )


@dataclass(frozen=True, slots=True)
class Passed:
    """What a relay reports; see Traffic. `busy`: the share of a core it took; `latest`: seconds it was late at worst.

    `unsent` frames did not fit, `overrun` ones came faster than it could take them.
    """

    datagrams: int
    lost: int
    doubled: int
    spoilt: int
    fragments: int
    may_fragment: int
    longest: int
    busy: float
    latest: float
    unsent: int
    overrun: int


class Lan:
    """A server and its clients, with weather between them.

    The server is 10.77.0.1 and fd77::1, client n (from 1) 10.77.0.1n and fd77::1n; use it as a context manager.
    """

    ADDRESS: Final = "10.77.0.1"
    ADDRESS_6: Final = "fd77::1"

    def __init__(self, clients: int, seed: int, *, mtu: int = 1500) -> None:
        self.server = Host.make("server")
        self.middle = Host.make("middle")
        self.clients = [Host.make(f"client{number}") for number in range(1, clients + 1)]
        connect(self.server, "lan", self.middle, "s")
        self.server.plug("lan", f"{self.ADDRESS}/24", f"{self.ADDRESS_6}/64")
        for number, client in enumerate(self.clients, 1):
            connect(client, "lan", self.middle, f"c{number}")
            client.plug("lan", f"10.77.0.1{number}/24", f"fd77::1{number}/64")
        self._ends = ["s", *(f"c{number}" for number in range(1, clients + 1))]
        for end in self._ends:
            self.middle.plug(end)
            self.middle.ip("link", "set", end, "mtu", str(mtu))
        self._seed = seed
        self._cable: subprocess.Popen[str] | None = None

    def __enter__(self) -> Lan:
        with self.middle.entered():
            command = [sys.executable, "-m", "prove.cable", str(self._seed), *self._ends]
            self._cable = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.turn(Weather())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._cable is not None:
            self._cable.communicate(timeout=COMMAND_SECONDS)
        for host in (self.server, self.middle, *self.clients):
            host.remove()

    def turn(self, weather: Weather) -> Passed:
        """Change the weather; return what has passed in that which was."""
        cable = self._cable
        assert cable is not None
        assert cable.stdin is not None
        assert cable.stdout is not None
        print(json.dumps(asdict(weather)), file=cable.stdin, flush=True)
        answer = cable.stdout.readline()
        if not answer:
            raise Missing("the cable has ended: raw sockets that leave out what we send need Linux 4.20")
        report: Mapping[str, float] = json.loads(answer)
        return Passed(**report)  # type: ignore[arg-type]


class Nat:
    """A server, and a client behind a router that translates addresses.

    The router shows every flow under a port of its own choice, and forgets it after some seconds of silence.
    """

    ADDRESS: Final = "10.88.1.1"

    def __init__(self, name: str, forget_after: int = 120) -> None:
        need("nft", "conntrack")
        self.server = Host.make(f"server-{name}")
        self.client = Host.make(f"client-{name}")
        self._router = Host.make(f"router-{name}")
        connect(self.server, "lan", self._router, "outside")
        connect(self.client, "lan", self._router, "inside")
        self._router.plug("outside", "10.88.1.254/24")
        self._router.plug("inside", "10.88.2.254/24")
        for host, network in ((self.server, "10.88.1"), (self.client, "10.88.2")):
            host.plug("lan", f"{network}.1/24")
            host.ip("route", "add", "default", "via", f"{network}.254")
        self._router.set("ipv4/ip_forward", 1)
        self.show_as(20_000)
        for kind in ("", "_stream"):
            self._router.set(f"netfilter/nf_conntrack_udp_timeout{kind}", forget_after)

    def show_as(self, port: int) -> None:
        """Show every flow under one of a hundred ports from `port` on; those that are known are forgotten."""
        rule = f"oifname outside meta l4proto udp masquerade to :{port}-{port + 99}"
        chain = f"chain out {{\ntype nat hook postrouting priority srcnat\n{rule}\n}}"
        table = f"table ip nat\ndelete table ip nat\ntable ip nat {{\n{chain}\n}}\n"
        self._router.run("nft", "-f", "-", text=table)
        self._router.run("conntrack", "-F")
