"""What is measured, at which sizes, and how the figures are put together."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.crowd import Carried, Load, Spoilt
from bench.subjects import COMMITTED, OURS, Subject, crowded

SIZES: Final = (10, 100, 1_000)
OUR_SIZES: Final = (5_000,)
ROUNDS: Final = 3
SECONDS: Final = 1.6
"""How long a load lasts."""
IDLE_MESSAGES: Final = 100
IDLE_LEAST_SECONDS: Final = 3.0
IDLE_SECONDS: Final = 15.0
"""Idle chat lasts until so much is said, but no longer than that."""
IDLE, BUSY, SATURATED = "idle chat", "busy", "saturated"
LOADS: Final = {"idle": IDLE, "busy": BUSY, "saturated": SATURATED}
"""The loads, by the word that the command line has for each."""
BUSY_ENOUGH: Final = 0.9
"""Share of its core above which the crowd may be what is measured."""


def idle_pause(members: int) -> float:
    """Return the seconds between two messages of idle chat in a room of some size."""
    return 0.01 if members <= 100 else 0.1 * members / 1_000


def loads(members: int, seconds: float) -> dict[str, Load]:
    """Return what is said in a room of some size: of idle chat so much that the one ACK at its end weighs little."""
    pause = idle_pause(members)
    idle = min(max(IDLE_MESSAGES * pause, IDLE_LEAST_SECONDS), IDLE_SECONDS) * seconds / SECONDS
    return {
        IDLE: Load(1, idle, interval=pause),
        BUSY: Load(1, seconds, in_flight=10),
        SATURATED: Load(min(10, members - 1), seconds, in_flight=100),
    }


@dataclass(frozen=True, slots=True)
class Sample:
    """One load carried in some round.

    Microseconds of processor a delivery and a message, deliveries a second, p50 and p99 in milliseconds (0 if they were
    not timed), and the share of its core that the crowd used.
    """

    round: int
    cost: float
    message_cost: float
    rate: float
    p50: float
    p99: float
    busy: float

    def __str__(self) -> str:
        latency = f"  p50 {self.p50:.2f} p99 {self.p99:.2f} ms" if self.p99 else ""
        return f"{self.cost:7.2f} µs {self.rate:>11,.0f}/s  crowd {self.busy:4.0%}{latency}"


def cost(sample: Sample) -> float:
    """Return microseconds of processor a delivery."""
    return sample.cost


def p50(sample: Sample) -> float:
    """Return the median time to a member, in milliseconds."""
    return sample.p50


@dataclass(slots=True)
class Figures:
    """Everything measured, by (subject, members, load); memory in KiB by (subject, members); and what went wrong.

    `limits` are the machine's own: microseconds a delivery by (way to send, load, members).
    """

    samples: dict[tuple[str, int, str], list[Sample]] = field(default_factory=lambda: defaultdict(list))
    memory: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    limits: dict[tuple[str, str, int], float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def median(self, key: tuple[str, int, str], what: Callable[[Sample], float]) -> float | None:
        """Return the median of what was measured."""
        return statistics.median(map(what, self.samples[key])) if self.samples.get(key) else None

    def ratios(self, other: str, members: int, load: str, what: Callable[[Sample], float]) -> list[float]:
        """Return ours divided by another's, of each round that both have: what disturbed one disturbed the other."""
        theirs = {each.round: what(each) for each in self.samples.get((other, members, load), [])}
        ours = self.samples.get((OURS, members, load), [])
        return [what(each) / theirs[each.round] for each in ours if each.round in theirs]


def measure(
    figures: Figures,
    subjects: Mapping[str, Path | None],
    members: int,
    names_of_loads: Collection[str],
    rounds: int,
    seconds: float,
    say: Callable[[str], None],
) -> None:
    """Fill every server with a crowd, then give each load to each in turn, every other round the other way round.

    `subjects` has the checkout to run the server from, where it is not this one.
    """
    with ExitStack() as stack:
        inside: list[Subject] = []
        for name, tree in subjects.items():
            try:
                inside.append(stack.enter_context(crowded(name, members, tree)))
            except (TimeoutError, OSError, Spoilt) as error:
                figures.notes.append(f"{name} with {members} members: {error}")
        for subject in inside:
            figures.memory[subject.name, members] = subject.empty_kib, subject.full_kib
        for number in range(rounds):
            for load_name, load in loads(members, seconds).items():
                if load_name not in names_of_loads:
                    continue
                for subject in inside[:: -1 if number % 2 else 1]:
                    try:
                        sample = _carry(subject, load, number)
                    except Spoilt as error:
                        figures.notes.append(f"{subject.name}, {load_name} with {members} members: {error}")
                        inside.remove(subject)
                        continue
                    figures.samples[subject.name, members, load_name].append(sample)
                    say(f"{members:>5} {load_name:<10} {subject.name:<10} {sample}")


def _carry(subject: Subject, load: Load, number: int) -> Sample:
    subject.room.begin()
    before = subject.server.cpu_seconds()
    carried = subject.driver.carry(load)
    subject.driver.rest(subject.room.quiet)  # what is acknowledged at the end is part of the cost
    spent = (subject.server.cpu_seconds() - before) * 1e6
    return Sample(
        number,
        spent / carried.deliveries,
        spent / carried.messages,
        carried.deliveries / carried.seconds,
        _quantile(carried, 0.5),
        _quantile(carried, 0.99),
        carried.busy,
    )


def _quantile(carried: Carried, share: float) -> float:
    """Return a quantile of the waits, in milliseconds; 0 if they were not timed."""
    return carried.waits[int(len(carried.waits) * share)] * 1_000 if carried.waits else 0.0


def names_for(members: int, peers: Sequence[str]) -> list[str]:
    """Return who is measured at a size: beyond the peers' own, only ours."""
    return [COMMITTED, OURS, *peers] if members <= SIZES[-1] else [OURS]
