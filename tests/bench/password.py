"""Measure what proving the password costs, and whether its time tells the password (protocol/pake.py).

`python -m bench.password` in tests/ takes two minutes and prints two tables; `--rounds N` changes both. Each round
takes every measurement once, in a random order, so that whatever else the machine does affects all of them; figures
are medians over the rounds.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import os
import random
import sys
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from statistics import correlation, fmean, median
from typing import Final, TypeVar

import bcrypt

from sockatuh.protocol import pake
from sockatuh.protocol.noise import Initiator, Responder, public_key
from sockatuh.protocol.password_proof import Binding, Offer, PasswordHash, bcrypt_salt, prove_untrusted

ROUNDS: Final = 5_000
WARM_UP: Final = 50
BCRYPT_EVERY: Final = 600
"""Rounds for each bcrypt, which takes as long as a thousand of the others."""
INPUTS: Final = 8
HANDSHAKE: Final = "the server's half of a handshake"
SAME: Final = "the program's, of one input as often"
P: Final = 2**255 - 19
A: Final = 486_662

K = TypeVar("K", bound=Hashable)
Map = Callable[[int, int], int]
Work = Callable[[], Callable[[], object]]
"""Prepares one measurement, and returns what is to be timed."""


# The map, with fewer precautions than the program takes. Everything else in it is as there.


def plain(u: int, blind: int) -> int:
    """Map without blinds, and compute only the candidate that is right."""
    del blind
    first = -A * pow((1 + 2 * u * u) % P, -1, P) % P
    right_side = first * (first * (first + A) + 1) % P
    if pow(right_side, (P - 1) // 2, P) <= 1:
        return first
    return (-first - A) % P


def blinded(u: int, blind: int) -> int:
    """Map with blinds, and compute only the candidate that is right."""
    inverse = pow((1 + 2 * u * u) * blind % P, -1, P) * blind % P
    first = -A * inverse % P
    right_side = first * (first * (first + A) + 1) % P
    if pow(right_side * blind * blind % P, (P - 1) // 2, P) <= 1:
        return first
    return (-first - A) % P


def selecting(u: int, blind: int) -> int:
    """Map without blinds, and pick one of both candidates."""
    del blind
    first = -A * pow((1 + 2 * u * u) % P, -1, P) % P
    right_side = first * (first * (first + A) + 1) % P
    is_square = pow(right_side, (P - 1) // 2, P) <= 1
    return ((-first - A) % P, first)[is_square]


def both(u: int, blind: int) -> int:
    """Map with blinds, and pick one of both candidates."""
    inverse = pow((1 + 2 * u * u) * blind % P, -1, P) * blind % P
    first = -A * inverse % P
    right_side = first * (first * (first + A) + 1) % P
    is_square = pow(right_side * blind * blind % P, (P - 1) // 2, P) <= 1
    return ((-first - A) % P, first)[is_square]


PROGRAM: Final = "both, and the power 1 as often as -1: the program's"
MAPS: Final[dict[str, Map]] = {
    "neither": plain,
    "both candidates computed": selecting,
    "a blinded inverse and power": blinded,
    "both": both,
    PROGRAM: pake._map_to_curve,
}


@dataclass(frozen=True, slots=True)
class Taken:
    """The medians of the microseconds that something took in all rounds, and in the even and the odd ones."""

    overall: float
    even: float
    odd: float


def measure(works: Mapping[K, Work], rounds: int, warm_up: int = WARM_UP) -> dict[K, Taken]:
    """Return how long each piece of work takes."""
    order = list(works)
    taken: dict[K, list[float]] = {name: [] for name in order}
    gc.collect()
    gc.disable()
    try:
        for at in range(-warm_up, rounds):
            random.shuffle(order)
            for name in order:
                run = works[name]()
                began = time.perf_counter_ns()
                run()
                ended = time.perf_counter_ns()
                if at >= 0:
                    taken[name].append((ended - began) / 1_000)
    finally:
        gc.enable()
    return {name: Taken(median(times), median(times[::2]), median(times[1::2])) for name, times in taken.items()}


def leaks(rounds: int) -> str:
    """Return the table that tells how far the time of the map depends on its input.

    Differences that the input makes are there in both halves of the rounds, so these correlate; noise does not.
    """
    numbers = (random.Random(seed).randrange(2**255) for seed in itertools.count())
    first = itertools.islice((u for u in numbers if _is_first(u)), INPUTS // 2)
    second = itertools.islice((u for u in numbers if not _is_first(u)), INPUTS // 2)
    inputs = [*first, *second]
    assert all(mapping(u, blind) == plain(u, 1) for mapping in MAPS.values() for u in inputs for blind in (7, 8))
    works = {(name, at): _mapping(MAPS[name], inputs[at]) for name in MAPS for at in range(INPUTS)}
    works |= {(SAME, at): _mapping(MAPS[PROGRAM], inputs[0]) for at in range(INPUTS)}
    taken = measure(works, rounds)
    rows = [
        f"| the map with | takes | {INPUTS} inputs differ by | the two candidates by | halves correlate |",
        "|---|---|---|---|---|",
    ]
    for name in (*MAPS, SAME):
        each = [taken[name, at] for at in range(INPUTS)]
        times = [one.overall for one in each]
        candidates = abs(fmean(times[: INPUTS // 2]) - fmean(times[INPUTS // 2 :]))
        alike = correlation([one.even for one in each], [one.odd for one in each])
        spread = max(times) - min(times)
        rows.append(f"| {name} | {median(times):.0f} µs | {spread:.2f} µs | {candidates:.2f} µs | {alike:.2f} |")
    return "\n".join(rows)


def _is_first(u: int) -> bool:
    """Tell whether the map takes its first candidate, which is the shorter way where only one is computed."""
    return plain(u, 1) == -A * pow(1 + 2 * u * u, -1, P) % P


def _mapping(mapping: Map, u: int) -> Work:
    def prepare() -> Callable[[], object]:
        blind = int.from_bytes(os.urandom(32), "little") % (P - 1) + 1
        return lambda: mapping(u, blind)

    return prepare


def costs(rounds: int) -> str:
    """Return the table of what each side does, beside a handshake and bcrypt."""
    server, client, password = os.urandom(32), os.urandom(32), b"tulip harbor"
    hashed = bcrypt.hashpw(password, bcrypt.gensalt(10))
    known = PasswordHash.parse(hashed.decode())
    binding = Binding(os.urandom(32), public_key(server), public_key(client))

    def offer() -> Callable[[], object]:
        return lambda: Offer(known, binding, os.urandom)

    def opening() -> Callable[[], object]:
        made = Offer(known, binding, os.urandom)
        proof = prove_untrusted(made.share, known.text, password, "ana", binding, os.urandom)
        return lambda: made.open_untrusted(proof.encoded, "ana")

    def proving() -> Callable[[], object]:
        share = Offer(known, binding, os.urandom).share
        return lambda: prove_untrusted(share, known.text, password, "ana", binding, os.urandom)

    def responding() -> Callable[[], object]:
        first = Initiator(client, public_key(server), b"", os.urandom(32)).write_message(bytes(128))

        def answer() -> None:
            responder = Responder(server, b"", os.urandom(32))
            responder.read_message_untrusted(first)
            responder.write_message(bytes(144))
            responder.split()

        return answer

    works: dict[str, Work] = {
        "the server's offer": offer,
        "the server opens a proof": opening,
        "the client proves, its hash made": proving,
        HANDSHAKE: responding,
    }
    taken = measure(works, rounds)

    def hashing() -> Callable[[], object]:
        return lambda: bcrypt.hashpw(password, bcrypt_salt(known.salt, 12))

    taken |= measure({"bcrypt at cost 12": hashing}, max(3, rounds // BCRYPT_EVERY), warm_up=1)
    medians = {name: each.overall for name, each in taken.items()}
    rows = [f"| {name} | {time / 1_000:.2f} ms | {time / medians[HANDSHAKE]:.2f} |" for name, time in medians.items()]
    return "\n".join(["| what | takes | handshakes |", "|---|---|---|", *rows])


def main() -> int:
    """Measure, and print both tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.password", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    print(leaks(rounds), costs(rounds), sep="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
