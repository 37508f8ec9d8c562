"""The relay of the attacks: a switch that gives each frame out when it is due."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from prove.cable import Cable
from prove.weather import Sky, Weather

NOW = 100.0
SERVER, ANA, BUDI, EVERYBODY = b"server", b"ana   ", b"budi  ", b"\xff" * 6


def frame(target: bytes, source: bytes, text: bytes = b"") -> bytes:
    return target + source + b"\x08\x06" + text.ljust(46, b".")


class Switch:
    """A relay between three machines, and their ends of its sockets."""

    def __init__(self, stack: ExitStack) -> None:
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(3)]
        for sock in (sock for pair in pairs for sock in pair):
            stack.enter_context(sock)
            sock.setblocking(False)
        self.sky = Sky(1)
        self.machines = [far for _, far in pairs]
        self._near = [near for near, _ in pairs]
        self.cable = Cable(self.sky, self._near)

    def send(self, number: int, data: bytes) -> float | None:
        """Send a frame from a machine; return how many milliseconds until the relay has something to do."""
        self.machines[number].send(data)
        self.cable.take(self._near[number], NOW)
        return self.cable.give_out(NOW)

    def heard(self) -> list[list[bytes]]:
        """Return what came to each machine."""
        return [list(received(sock)) for sock in self.machines]


def received(sock: socket.socket) -> Iterator[bytes]:
    try:
        while True:
            yield sock.recv(2048)
    except BlockingIOError:
        return


@pytest.fixture
def switch() -> Iterator[Switch]:
    with ExitStack() as stack:
        yield Switch(stack)


def test_what_is_for_somebody_unknown_or_for_all_goes_to_all_others(switch: Switch) -> None:
    for target in (SERVER, EVERYBODY):
        data = frame(target, ANA)
        switch.send(1, data)
        assert switch.heard() == [[data], [], [data]]


def test_a_frame_for_a_known_address_goes_to_its_port_only(switch: Switch) -> None:
    switch.send(0, frame(EVERYBODY, SERVER))
    switch.send(2, frame(EVERYBODY, BUDI))
    switch.heard()
    up, across = frame(SERVER, ANA), frame(BUDI, ANA)
    switch.send(1, up)
    switch.send(1, across)
    assert switch.heard() == [[up], [], [across]]


def test_what_is_delayed_leaves_when_it_is_due_and_not_before(switch: Switch) -> None:
    switch.sky.weather = Weather(delay=0.02)
    datagram = EVERYBODY + SERVER + b"\x08\x00\x45" + bytes(8) + b"\x11" + bytes(40)
    wait = switch.send(0, datagram)
    assert wait is not None
    assert 20 <= wait <= 21
    assert switch.cable.give_out(NOW + 0.019) is not None
    assert switch.heard() == [[], [], []]
    assert switch.cable.give_out(NOW + 0.025) is None
    assert switch.heard() == [[], [datagram], [datagram]]
    assert switch.cable.latest == pytest.approx(0.005)


def test_what_cannot_be_sent_is_counted_and_the_others_go_on(switch: Switch) -> None:
    switch.machines[2].close()
    data = frame(EVERYBODY, ANA)
    switch.send(1, data)
    assert list(received(switch.machines[0])) == [data]
    assert switch.cable.unsent == 1
