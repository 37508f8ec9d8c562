"""What members do who have the password and no manners; each runs in a process of its own and says what it was told."""

from __future__ import annotations

import itertools
import os
import socket
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from e2e.running import key_of
from prove.apart import Signal
from prove.rogue import NotAnswered, Rogue, open_socket, paced

from sockatuh.protocol import messages as m
from sockatuh.protocol.constants import MAX_PARTS, MAX_PIECE

NAME: Final = "rogue"
LISTENS_EVERY: Final = 50
STAYS: Final = 10
"""Datagrams from one address before the next: enough to be asked there, and to answer."""
SESSIONS: Final = 16
"""As many as one key may have."""
GIANT: Final = 16_384
PIECES: Final = -(-GIANT // MAX_PIECE)
TRICKLE: Final = 1_024
"""Bytes a second that a slow reader takes."""
OPEN_SOCKETS: Final = 500
AHEAD: Final = 64
"""Lines a server looks ahead."""


@dataclass(frozen=True, slots=True)
class Toll:
    """How often something was done, what the server said to it, and the longest wait it asked for, in seconds."""

    done: int
    told: dict[str, int]
    longest_wait: float

    def says(self, *words: str) -> str:
        """Return what was said, as far as it was one of the words."""
        return ", ".join(f"{self.told.get(word, 0)} × {word}" for word in words)


Offence = Callable[[Signal, int, float, float], Toll]
"""Called with the server's port, how many seconds to go on and how often a second."""


def toll(done: int, *rogues: Rogue) -> Toll:
    """Sum up what some rogues were told."""
    told: Counter[str] = Counter()
    for rogue in rogues:
        told += rogue.told
    return Toll(done, dict(told), max(rogue.longest_wait for rogue in rogues))


def _member(port: int, host: str = "127.0.0.1") -> Rogue:
    rogue = Rogue(port, key_of(NAME), host=host).shake()
    answer = rogue.join(NAME)
    assert isinstance(answer, m.Welcome), answer
    return rogue


def _pour(signal: Signal, rogue: Rogue, messages: Iterable[m.ClientMessage], seconds: float, rate: float) -> Toll:
    """Send messages at a rate, and receive now and then."""
    signal.begin()
    done = 0
    for done, message in zip(paced(rate, seconds), messages, strict=False):
        rogue.send(message)
        if done % LISTENS_EVERY == 0:
            rogue.hear()
    rogue.hear(1.0)
    return toll(done + 1, rogue)


def shout(signal: Signal, port: int, seconds: float, rate: float) -> Toll:
    """Say line after line, heeding nothing."""
    lines = (m.Say(number, 1, False, 0, 1, b"noise %d" % number) for number in itertools.count(1))
    return _pour(signal, _member(port), lines, seconds, rate)


def shout_giants(signal: Signal, port: int, seconds: float, rate: float) -> Toll:
    """Say texts of 16 KiB, one after the other."""
    piece = b"g" * (GIANT // PIECES)
    parts = (m.Say(number, 1, False, part, PIECES, piece) for number in itertools.count(1) for part in range(PIECES))
    return _pour(signal, _member(port), parts, seconds, rate)


def begin_lines(signal: Signal, port: int, seconds: float, rate: float) -> Toll:
    """Begin lines, and never send their last part: as far ahead as the server looks, and beyond."""
    halves = (
        m.Say(number, oldest, False, part, MAX_PARTS, b"h" * MAX_PIECE)
        for oldest in itertools.count(1, AHEAD)
        for number in range(oldest, oldest + 2 * AHEAD)
        for part in range(MAX_PARTS - 1)
    )
    return _pour(signal, _member(port), halves, seconds, rate)


def whisper(signal: Signal, port: int, seconds: float, rate: float) -> Toll:
    """Say private lines to names that nobody has, to what is no name, and to oneself."""
    names = ("nobody", "no body", "\x1b[2J", "\u202eana", "", NAME, "n" * 128)
    lines = (
        m.Say(number, 1, False, 0, 1, b"psst %d" % number, names[number % len(names)]) for number in itertools.count(1)
    )
    return _pour(signal, _member(port), lines, seconds, rate)


def rename_again(signal: Signal, port: int, seconds: float, rate: float) -> Toll:
    """Ask for name after name: legal ones, illegal ones, the one somebody has."""
    names = ("# ", "\x1b[#m", "a b #", "speaker0", "#" * 60, "#")
    calls = (
        m.Call(number, m.Rename(names[number % len(names)].replace("#", f"r{number}")))
        for number in itertools.count(10)
    )
    return _pour(signal, _member(port), calls, seconds, rate)


def go_away(signal: Signal, port: int, seconds: float, rate: float) -> Toll:
    """Be away and back, with texts that are as long as a datagram, or full of control characters."""
    texts = (None, "x" * 1_100, "\x1b]0;away\x07\x1b[2J", "\n" * 500, "lunch", "\u202e" * 300)
    calls = (
        m.Call(number, m.Away(text)) for number, text in zip(itertools.count(10), itertools.cycle(texts), strict=False)
    )
    return _pour(signal, _member(port), calls, seconds, rate)


def ping(signal: Signal, port: int, seconds: float, rate: float) -> Toll:
    """Ask whether the server is there."""
    return _pour(signal, _member(port), map(m.Ping, _tokens()), seconds, rate)


def ask_who(signal: Signal, port: int, seconds: float, rate: float) -> Toll:
    """Ask who is in the room."""
    calls = (m.Call(number, m.Who("")) for number in itertools.count(10))
    return _pour(signal, _member(port), calls, seconds, rate)


def join_again(signal: Signal, port: int, seconds: float, rate: float) -> Toll:
    """Ask for name after name, without joining."""
    rogue = Rogue(port, key_of("knocker"), host="127.0.4.1").shake()
    calls = (m.Call(number, m.Join(f"名前{number}", None, None)) for number in itertools.count(1))
    return _pour(signal, rogue, calls, seconds, rate)


def rekey(signal: Signal, port: int, seconds: float, rate: float) -> Toll:
    """Begin a new channel again and again."""
    rogue = _member(port)
    wishes = (m.Rekey(number, rogue.begin_rekey()) for number in itertools.count(1))
    return _pour(signal, rogue, wishes, seconds, rate)


def roam(signal: Signal, port: int, seconds: float, rate: float) -> Toll:
    """Come from another address each time, and answer the challenges that come there."""
    rogue = _member(port)
    places = [open_socket(f"127.0.5.{number}") for number in range(1, 101)]
    signal.begin()
    done = 0
    for done in paced(rate, seconds):
        place = places[done // STAYS % len(places)]
        rogue.send(m.Ping(os.urandom(8)), place)
        _answer_challenges(rogue, place)
    found = toll(done + 1, rogue)
    for place in places:
        place.close()
    return found


def _answer_challenges(rogue: Rogue, place: socket.socket) -> None:
    for message in rogue.hear(via=place):
        if isinstance(message, m.PathChallenge):
            rogue.send(m.PathResponse(message.token), place)


def be_deaf(signal: Signal, port: int, seconds: float, rate: float) -> Toll:
    """Hear everything in many sessions, and acknowledge nothing."""
    rogues = [_member(port) for _ in range(SESSIONS)]
    signal.begin()
    done = 0
    for done in paced(rate, seconds):
        rogues[done % SESSIONS].hear()
    return toll(done + 1, *rogues)


def trickle(signal: Signal, port: int, seconds: float, rate: float) -> Toll:
    """Read a kilobyte a second of all there is, and ask on and on for the rest."""
    rogue = _member(port)
    rogue.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    signal.begin()
    done = 0
    for done in paced(rate, seconds):
        rogue.send(m.Get(0, 1 << 40))
        if done % int(rate) == 0:
            rogue.receive_one()
    return toll(done + 1, rogue)


def read_again(signal: Signal, port: int, seconds: float, rate: float) -> Toll:
    """Ask for all history, from its very beginning, in many sessions at once."""
    rogues = [_member(port) for _ in range(SESSIONS)]
    signal.begin()
    done = 0
    for done in paced(rate, seconds):
        rogue = rogues[done % SESSIONS]
        rogue.send(m.Get(1 + done % 1000, 1 << 40))
        rogue.hear()
    return toll(done + 1, *rogues)


def open_sessions(signal: Signal, port: int, seconds: float, rate: float) -> Toll:
    """Come again and again with one key, from a hundred addresses."""
    signal.begin()
    rogues: list[Rogue] = []
    for number in paced(rate, seconds):
        rogue = Rogue(port, key_of(NAME), host=f"127.0.6.{number % 100 + 1}")
        rogues.append(rogue)
        try:
            rogue.shake(1.0)
            rogue.send(m.Call(1, m.Join(NAME, None, 0)))
        except NotAnswered:
            rogue.told["no handshake"] += 1
        rogue.hear()
        if number >= OPEN_SOCKETS:
            rogues[number - OPEN_SOCKETS].close()
    return _close(rogues)


def take_names(signal: Signal, port: int, seconds: float, rate: float) -> Toll:
    """Join under name after name with one key, from twenty addresses."""
    signal.begin()
    rogues: list[Rogue] = []
    for number in paced(rate, seconds):
        rogue = Rogue(port, key_of("hoarder"), host=f"127.0.7.{number % 20 + 1}")
        rogues.append(rogue)
        try:
            rogue.shake(1.0).join(f"hoard {number}")
        except NotAnswered:
            rogue.told["no answer"] += 1
    return _close(rogues)


def _close(rogues: list[Rogue]) -> Toll:
    for rogue in rogues[-OPEN_SOCKETS:]:
        rogue.hear()
    found = toll(len(rogues), *rogues)
    for rogue in rogues:
        rogue.close()
    return found


def _tokens() -> Iterable[bytes]:
    return (number.to_bytes(8, "little") for number in itertools.count())
