"""ngIRCd and InspIRCd: one channel, their flood limits lifted, so that the daemon itself is measured."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

from bench.process import Server, reachable, served
from bench.tcp import CHUNK, Stream
from machine import free_port

NGIRCD = """
[Global]
    Name = bench.example
    Info = a room
    Listen = 127.0.0.1
    Ports = {port}
    MotdPhrase = hello
[Limits]
    MaxConnections = 0
    MaxConnectionsIP = 0
    MaxJoins = 0
    MaxPenaltyTime = 0
    PingTimeout = 3600
    PongTimeout = 3600
[Options]
    DNS = no
    Ident = no
    PAM = no
"""

INSPIRCD = """
<server name="bench.example" description="a room" network="bench">
<admin name="nobody" nick="nobody" email="nobody@example">
<bind address="127.0.0.1" port="{port}" type="clients">
<connect allow="*" timeout="60" pingfreq="3600" localmax="20000" globalmax="20000" limit="20000" fakelag="no"
    commandrate="100000000" recvq="8M" softsendq="16M" hardsendq="64M" threshold="100000" resolvehostnames="no"
    useident="no" maxchans="10" uniqueusername="no">
<performance netbuffersize="65534" somaxconn="1024" softlimit="20000" quietbursts="yes" timeskipwarn="60s">
<options prefixquit="" splitwhois="no">
<log method="file" type="*" level="default" target="{directory}/inspircd.log">
<pid file="{directory}/inspircd.pid">
"""


class IrcLink(Stream):
    """A member of the channel."""

    def __init__(self, port: int, index: int, *, witness: bool) -> None:
        super().__init__(port, witness=witness)
        self._greeting = b"\n"
        self.sock.send(b"NICK m%d\r\nUSER m%d 0 * :m%d\r\n" % (index, index, index))
        self._asked = False

    def greet(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._greeting = self._greeting[-600:] + self.sock.recv(CHUNK)
        if self.is_in:
            return
        if b"\nPING " in self._greeting:  # not CASEMAPPING
            cookie = self._greeting.split(b"\nPING ", 1)[1].split(b"\r\n", 1)[0]
            self.sock.send(b"PONG " + cookie + b"\r\n")
            self._greeting = b"\n"
        if not self._asked and (b" 376 " in self._greeting or b" 422 " in self._greeting):
            self.sock.send(b"JOIN #room\r\n")
            self._asked = True
        self.is_in = b" 366 " in self._greeting

    def frame(self, text: bytes) -> bytes:
        return b"PRIVMSG #room :" + text + b"\r\n"


@contextlib.contextmanager
def ngircd(directory: Path) -> Iterator[tuple[Server, int]]:
    """Run ngIRCd; yields it and its port."""
    port = free_port(socket.SOCK_STREAM)
    config = directory / "ngircd.conf"
    config.write_text(NGIRCD.format(port=port), "ascii")
    directory.chmod(0o755)  # it gives up its rights before it reads
    with served(["ngircd", "--nodaemon", "--config", str(config)], directory) as server:
        reachable(port)
        yield server, port


@contextlib.contextmanager
def inspircd(directory: Path) -> Iterator[tuple[Server, int]]:
    """Run InspIRCd; yields it and its port."""
    port = free_port(socket.SOCK_STREAM)
    config = directory / "inspircd.conf"
    config.write_text(INSPIRCD.format(port=port, directory=directory), "ascii")
    command = ["inspircd", "--runasroot", "--nofork", "--nopid", "--config", str(config)]
    with served(command, directory) as server:
        reachable(port)
        yield server, port
