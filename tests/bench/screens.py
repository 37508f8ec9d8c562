"""Measure what a chat screen costs: each in a terminal of its own, with a real server, in turn.

    PYTHONPATH=tests python -m bench.screens [--beside TREE] [--rounds N]

TREE is another checkout with a `.venv`, whose inline screen is measured in the same run. Each screen is a new process
on a core that it has to itself as far as this program goes; the server, whoever speaks and whoever reads the terminal
share the other one. Per screen and round:

1. *first lines*: from the start of the process until the newest of 30 lines of history is on the terminal. The server
   is known, the name is joined by ticket. *bytes at the start*: what it has written 2.5 s later.
2. *idle*: processor time, wake-ups (voluntary context switches) and bytes while nothing is said.
3. *a line*: processor time a line while 2,000 are said, 200 a second.
4. *10,000 lines*: what the process occupies when it has shown as many, and what a line costs then, 20 a second.

The lines are of ten kinds: words, mentions, actions, code, links, long ones, and scripts that are wide, run from right
to left, combine or join. Processor time is what the scheduler counts for all threads (schedstat).
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import select
import signal
import statistics
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Final, Self

from bench import ours
from bench.crowd import PATIENCE, Spoilt
from bench.process import CROWD_CORE, SERVER_CORE, on_core, temporary
from machine import resident_kib, unmeasured

HERE: Final = Path(__file__).parents[2]
HISTORY: Final = 30
START_SECONDS: Final = 2.5
IDLE_SECONDS: Final = 30.0
LINES, RATE = 2_000, 200.0
HELD: Final = 10_000
HELD_LINES, HELD_RATE = 200, 20.0
LATE: Final = 0.3
"""Seconds that a screen is given after its last line."""
MARKS: Final = "①②③④⑤"
"""Each ends a stretch of lines: a character that nothing else shows is always drawn."""
KINDS: Final = (
    "soup at one, said the one who is cooking {}",
    "watcher: is there bread, or has somebody eaten all {} of them?",
    "/me puts the kettle on for the {}th time",
    "for index, row in enumerate(rows[{}:]): print(index, *row, sep='\\t')",
    "look at https://intern.example/rooms/kitchen/notes?page={}#shopping",
    "plenty, and also some of the very long lines that people write when they have had coffee, " * 3 + "{}",
    "今日のスープは一時にあります。パンも{}個あります",
    "המרק מוכן בשעה {} והלחם על השולחן",
    "cafe\u0301 nai\u0308ve Z\u0335a\u0308l\u0301go {}",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f44d\U0001f3fd \U0001f1ee\U0001f1e9 lunch for {}",
)


@dataclass(frozen=True, slots=True)
class Subject:
    """A screen: of which checkout, which one, and how large."""

    name: str
    tree: Path
    screen: str | None
    columns: int
    rows: int

    @property
    def python(self) -> str:
        return str(self.tree / ".venv/bin/python")

    @property
    def program(self) -> str:
        return str(self.tree / ".venv/bin/sockatuh")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a screen cost in one round."""

    first: float = field(metadata={"heading": "first lines, s"})
    start: float = field(metadata={"heading": "bytes at the start"})
    idle: float = field(metadata={"heading": "idle, % of a core"})
    wakeups: float = field(metadata={"heading": "wake-ups a minute"})
    idle_bytes: float = field(metadata={"heading": "bytes a minute"})
    line: float = field(metadata={"heading": "a line, ms"})
    line_bytes: float = field(metadata={"heading": "bytes a line"})
    resident: float = field(metadata={"heading": "10,000 lines, MiB"})
    held_line: float = field(metadata={"heading": "a line then, ms"})


def main() -> None:
    """Run rounds over all screens, in turn, and print medians with the least and the greatest."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beside", type=Path, metavar="TREE", help="another checkout, for its inline screen")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", help="only screens whose name has this in it; may be given again")
    options = parser.parse_args()
    on_core(SERVER_CORE)
    subjects = [each for each in _subjects(options.beside) if not options.only or _has(each.name, options.only)]
    found: dict[str, list[Cost]] = {subject.name: [] for subject in subjects}
    for number in range(options.rounds):
        for subject in subjects if number % 2 else subjects[::-1]:
            cost = measure(subject)
            found[subject.name].append(cost)
            print(f"{subject.name}: {cost}", file=sys.stderr, flush=True)
    print(table(found))


def table(found: dict[str, list[Cost]]) -> str:
    """Return the figures in Markdown, one screen a row."""
    headings = [each.metadata["heading"] for each in fields(Cost)]
    rows = [f"| | {' | '.join(headings)} |", "| --- " * (len(headings) + 1) + "|"]
    rows += [f"| {name} | {' | '.join(_spreads(costs))} |" for name, costs in found.items() if costs]
    return "\n".join(rows)


def _spreads(costs: Sequence[Cost]) -> Iterator[str]:
    for each in fields(Cost):
        figures = [getattr(cost, each.name) for cost in costs]
        middle, least, greatest = (
            _shown(figure) for figure in (statistics.median(figures), min(figures), max(figures))
        )
        yield middle if least == greatest else f"**{middle}** ({least}–{greatest})"


def _shown(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"


def _has(name: str, parts: Sequence[str]) -> bool:
    return any(part in name for part in parts)


def _subjects(beside: Path | None) -> list[Subject]:
    before = [Subject("inline before, 80×24", beside.resolve(), None, 80, 24)] if beside else []
    sizes = ((80, 24), (120, 40))
    return before + [
        Subject(f"{screen}, {columns}×{rows}", HERE, screen, columns, rows)
        for screen in ("inline", "full")
        for columns, rows in sizes
    ]


# One screen.


def measure(subject: Subject) -> Cost:
    """Return what one screen costs, in a room of its own."""
    with temporary() as directory, ours.sockatuh(directory, subject.python) as (_, port):
        environ = _environ(subject, directory, port)
        _join_once(subject, environ)
        with Speaker(subject, environ) as speaker:
            speaker.say(HISTORY, MARKS[0])
            speaker.settle()
            with Watched(subject, environ) as screen:
                return _measure(screen, speaker)


def _measure(screen: Watched, speaker: Speaker) -> Cost:
    first = screen.wait_for(MARKS[0])
    screen.read_for(START_SECONDS - first)
    start = screen.bytes
    screen.read_for(1.0)
    spent, woken, written = screen.cpu_seconds(), screen.wakeups(), screen.bytes
    screen.read_for(IDLE_SECONDS)
    idle = screen.cpu_seconds() - spent
    woken, idle_bytes = screen.wakeups() - woken, screen.bytes - written
    line, line_bytes = _load(screen, speaker, LINES, RATE, MARKS[1])
    _load(screen, speaker, HELD - LINES - HISTORY, None, MARKS[2])
    resident = resident_kib(screen.pid) / 1024
    held, _ = _load(screen, speaker, HELD_LINES, HELD_RATE, MARKS[3])
    a_minute = 60 / IDLE_SECONDS
    return Cost(
        first,
        start,
        idle / IDLE_SECONDS * 100,
        woken * a_minute,
        idle_bytes * a_minute,
        line * 1e3,
        line_bytes,
        resident,
        held * 1e3,
    )


def _load(screen: Watched, speaker: Speaker, lines: int, rate: float | None, mark: str) -> tuple[float, float]:
    """Say lines, so many a second or as fast as they go; return processor seconds and bytes a line."""
    spent, written = screen.cpu_seconds(), screen.bytes
    speaker.say(lines, mark, rate, screen.read_for)
    screen.wait_for(mark)
    screen.read_for(LATE)
    return (screen.cpu_seconds() - spent) / lines, (screen.bytes - written) / lines


def _environ(subject: Subject, directory: Path, port: int) -> dict[str, str]:
    kept = {name: value for name, value in unmeasured(os.environ).items() if not name.startswith("SOCKATUH_")}
    chosen = {} if subject.screen is None else {"SOCKATUH_SCREEN": subject.screen}
    return (
        kept
        | chosen
        | {
            "SOCKATUH_CLIENT_DIR": str(directory / "watcher"),
            "SOCKATUH_SERVER": f"127.0.0.1:{port}",
            "SOCKATUH_NAME": "watcher",
            "SOCKATUH_PASSWORD": ours.PASSWORD,
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
        }
    )


def _join_once(subject: Subject, environ: dict[str, str]) -> None:
    """Meet the server, so that the measured start knows it and has a ticket."""
    command = [subject.program, "chat", "--json"]
    subprocess.run(
        command, env=environ, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=PATIENCE
    )


class Speaker:
    """Somebody who says numbered lines, by `chat --json` of the same checkout."""

    def __init__(self, subject: Subject, environ: dict[str, str]) -> None:
        directory = str(Path(environ["SOCKATUH_CLIENT_DIR"]).with_name("speaker"))
        self._process = subprocess.Popen(
            [subject.program, "chat", "--json"],
            env=environ | {"SOCKATUH_CLIENT_DIR": directory, "SOCKATUH_NAME": "speaker"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        self._said = self._stored = 0
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._input.close()
        self._process.terminate()
        self._process.wait(PATIENCE)
        self._reading.join()
        self._output.close()

    def say(
        self,
        lines: int,
        mark: str,
        rate: float | None = None,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        """Say lines, the last with a mark; `pause` is called while it waits."""
        began = time.monotonic()
        for number in range(lines):
            text = KINDS[number % len(KINDS)].format(number) + (f" {mark}" if number == lines - 1 else "")
            action = text.startswith("/me ")
            line = {"text": text.removeprefix("/me "), **({"action": True} if action else {})}
            self._input.write(json.dumps(line).encode() + b"\n")
            self._said += 1
            if rate is not None:
                self._input.flush()
                pause(max(0.0, began + (number + 1) / rate - time.monotonic()))
            elif number % 100 == 99:
                self._input.flush()
                self._wait_until(lambda: self._stored >= self._said - 200, pause)
        self._input.flush()

    def settle(self) -> None:
        """Wait until all of it is stored."""
        self._wait_until(lambda: self._stored == self._said, time.sleep)

    def _wait_until(self, condition: Callable[[], bool], pause: Callable[[float], object]) -> None:
        ends_at = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > ends_at:
                raise Spoilt(f"of {self._said} lines {self._stored} were stored")
            pause(0.01)

    def _read(self) -> None:
        for line in self._output:
            self._stored += b'"own": true' in line


class Watched:
    """A screen in a terminal, and what it has written and used."""

    def __init__(self, subject: Subject, environ: dict[str, str]) -> None:
        self._ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", subject.rows, subject.columns, 0, 0))
        self.bytes = 0
        self._tail = b""
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            [subject.program, "chat", "-n", str(HISTORY)],
            env=environ,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            preexec_fn=_prepare,
        )
        os.close(theirs)

    @property
    def pid(self) -> int:
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(OSError):
            self.read_for(0.5)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._ours)

    def read_for(self, seconds: float) -> None:
        """Read what it writes for so many seconds."""
        ends_at = time.monotonic() + seconds
        while True:
            self._read(max(0.0, ends_at - time.monotonic()))
            if time.monotonic() >= ends_at:
                return

    def wait_for(self, mark: str) -> float:
        """Read until a mark has been written; return the seconds since the start of the process."""
        ends_at = time.monotonic() + PATIENCE
        while mark.encode() not in self._tail:
            if time.monotonic() > ends_at:
                raise Spoilt(f"{mark} is not on the screen; it wrote {self._tail[-300:]!r}")
            self._read(0.5)
        return time.monotonic() - self._began

    def cpu_seconds(self) -> float:
        """Return the processor time it has used."""
        return sum(int(Path(task, "schedstat").read_text("ascii").split()[0]) for task in self._tasks()) / 1e9

    def wakeups(self) -> int:
        """Return how often it has waited for something and gone on."""
        return sum(
            int(line.split()[1])
            for task in self._tasks()
            for line in Path(task, "status").read_text("ascii").splitlines()
            if line.startswith("voluntary_ctxt_switches")
        )

    def _tasks(self) -> list[Path]:
        return list(Path(f"/proc/{self.pid}/task").iterdir())

    def _read(self, seconds: float) -> None:
        if select.select([self._ours], [], [], seconds)[0]:
            data = os.read(self._ours, 65_536)
            self.bytes += len(data)
            self._tail = self._tail[-65_536:] + data


def _prepare() -> None:
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    on_core(CROWD_CORE)


if __name__ == "__main__":
    main()
