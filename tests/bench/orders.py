"""What ten thousand orders in force cost: the start of the server, and each join, beside the same room without any.

    PYTHONPATH=tests python -m bench.orders

*Start*: the processor time of the process until it can be joined; both rooms in turn. *A join*: the question at the
gate alone, as often as one join asks it, in this process; the handshake around it takes some milliseconds, in which a
few microseconds could not be seen. Of both the shortest of several counts, so that a busy machine is not measured.
"""

from __future__ import annotations

import ipaddress
import tempfile
import timeit
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.process import NANOSECONDS
from e2e.running import Room, hash_password
from kit.instant_world import InstantWorld

from sockatuh.protocol.server.limits import Limits
from sockatuh.room.entries import Banned, Message
from sockatuh.room.log import Append, Row
from sockatuh.room.orders import MAX_IN_FORCE
from sockatuh.room.targets import Target
from sockatuh.store.database import open_writer, wall_clock
from sockatuh.store.log_table import append_all

STARTS: Final = 6
ROUNDS: Final = 7
ASKED: Final = 2_000
ASKED_BY_A_JOIN: Final = 4
"""When the name is asked for, with the proof, when the room decides, and when the join is stored."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of processor time of a start, and microseconds of a join, without and with as many orders."""

    orders: int
    start_without: float
    start_with: float
    join_without: float
    join_with: float

    def __str__(self) -> str:
        return (
            f"a start takes {self.start_with:.2f} s of processor time with {self.orders:,} bans and "
            f"{self.start_without:.2f} s without; a join asks for {self.join_with:.1f} µs with them and "
            f"{self.join_without:.1f} µs without"
        )


def bans(count: int) -> Iterator[tuple[str, Banned]]:
    """Yield bans with their log keys: of keys, addresses, networks of many sizes, and names."""
    for number in range(count):
        name, owner, address = f"pest{number}", "", ""
        match number % 4:
            case 0:
                owner = f"{number:043d}"
            case 1:
                name, address = "", str(ipaddress.ip_address(0x0B00_0000 + number))
            case 2:
                size = 17 + number // 4 % 15
                name, address = "", str(ipaddress.ip_network((0x0C00_0000 + (number << 15), size), strict=False))
            case _:
                pass
        target = Target(owner, address, "" if owner or address else name)
        yield target.log_key("ban"), Banned(name, owner, address, 0, "tom", "flooding", None)


def measure(directory: Path, count: int = MAX_IN_FORCE) -> Cost:
    """Measure both."""
    starts = _starts(directory, count)
    return Cost(count, *starts, _join(0), _join(count))


def _starts(directory: Path, count: int) -> tuple[float, float]:
    rooms = []
    for number, bans_there in enumerate((0, count)):
        (place := directory / f"room{number}").mkdir()
        rooms.append(Room(place, hash_password()))
        _fill(rooms[-1].state_dir / "room.db", bans_there)
    took: tuple[list[float], list[float]] = ([], [])
    for number in range(2 * STARTS):
        server = rooms[number % 2].server()
        server.begin()
        took[number % 2].append(_processor_time(server.pid))
        server.finish()
    return min(took[0]), min(took[1])


def _fill(database: Path, count: int) -> None:
    """Write bans and, in either room, as many lines behind them as a server keeps in memory."""
    appends = [Append(number.to_bytes(16, "big"), body, key) for number, (key, body) in enumerate(bans(count), 1)]
    lines = [Message("ana", "", f"line {number}", action=False) for number in range(Limits().recent_entries)]
    appends += [Append(number.to_bytes(16, "little"), line) for number, line in enumerate(lines, 1)]
    with closing(open_writer(database, "full")) as connection:
        connection.execute("BEGIN")
        append_all(connection, appends, wall_clock(), frozenset())
        connection.execute("COMMIT")


def _processor_time(process: int) -> float:
    """Return the seconds of processor time that a process has used."""
    tasks = [*Path(f"/proc/{process}/task").iterdir()]
    return sum(int((task / "schedstat").read_text("ascii").split()[0]) for task in tasks) / NANOSECONDS


def _join(count: int) -> float:
    """Return the microseconds that a join spends at the gate."""
    world = InstantWorld()
    world.person("ana")
    server = world.room_server
    for seq, (key, body) in enumerate(bans(count), 100):
        server.orders.load(Row(seq, seq.to_bytes(16, "big"), world.wall(), body, key))
    assert server.orders.book.count(world.wall()) == count
    visitor = server._joining.visitors()[0]
    asked = timeit.repeat(lambda: server._gate.bar(visitor, "newcomer", world.now), number=ASKED, repeat=ROUNDS)
    return min(asked) / ASKED * ASKED_BY_A_JOIN * 1e6


def main() -> None:
    """Print what it costs."""
    with tempfile.TemporaryDirectory(prefix="sockatuh-bench-") as directory:
        print(measure(Path(directory)))


if __name__ == "__main__":
    main()
