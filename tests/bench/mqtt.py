"""Mosquitto: one topic, at most once, its queues unbounded (MQTT 3.1.1, OASIS 2014)."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

from bench.process import Server, reachable, served
from bench.tcp import CHUNK, Stream
from machine import free_port

CONFIG = """
listener {port} 127.0.0.1
allow_anonymous true
max_queued_messages 0
max_queued_bytes 0
persistence false
log_dest none
set_tcp_nodelay true
"""
CONNECT, PUBLISH, SUBSCRIBE = 0x10, 0x30, 0x82
TOPIC = b"\x00\x04room"
SUBACK = b"\x90\x03\x00\x01\x00"


class MqttLink(Stream):
    """A subscriber, who also gets what it published itself."""

    receives_own_messages = True

    def __init__(self, port: int, index: int, *, witness: bool) -> None:
        super().__init__(port, witness=witness)
        client = b"m%d" % index
        variable = b"\x00\x04MQTT\x04\x02\x0e\x10" + len(client).to_bytes(2, "big") + client
        self.sock.send(bytes([CONNECT, len(variable)]) + variable)
        wanted = b"\x00\x01" + TOPIC + b"\x00"
        self.sock.send(bytes([SUBSCRIBE, len(wanted)]) + wanted)
        self._greeting = b""

    def greet(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._greeting += self.sock.recv(CHUNK)
        self.is_in = self._greeting.endswith(SUBACK)

    def frame(self, text: bytes) -> bytes:
        return bytes([PUBLISH, len(TOPIC) + len(text)]) + TOPIC + text


@contextlib.contextmanager
def mosquitto(directory: Path) -> Iterator[tuple[Server, int]]:
    """Run Mosquitto; yields it and its port."""
    port = free_port(socket.SOCK_STREAM)
    config = directory / "mosquitto.conf"
    config.write_text(CONFIG.format(port=port), "ascii")
    with served(["mosquitto", "-c", str(config)], directory) as server:
        reachable(port)
        yield server, port
