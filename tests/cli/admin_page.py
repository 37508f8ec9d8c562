"""docs/ADMIN.md, carried out: its commands are typed in order at a real server, with members in its room.

A block of the page that begins with ```console holds commands, each after `$ sudo sockatuh`, and what they print; one
that begins with ```text and is named in a comment above it, `<!-- screen of budi -->`, holds the last lines that a
member's `chat --plain` has printed by then. `python -m cli.admin_page` in tests/ writes into the page what is printed.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cli.people import Client, Server
from kit.programs import Program
from kit.terminal import PATIENCE

PAGE: Final = Path(__file__).parents[2] / "docs/ADMIN.md"
MEMBERS: Final = ("ana", "budi", "siti", "tom")
SETTLES: Final = 2.0
"""Seconds within which a member's screen shows what was ordered, when the page is written."""
SAID: Final = {"ana": "soup at one", "budi": "BUY BUY BUY", "siti": "the wifi password is tulip42", "tom": "thanks!"}
BLOCK: Final = re.compile(r"(?:<!-- screen of (\w+) -->\n)?```(?:console|text)\n(.*?)```\n", re.DOTALL)
PROMPT: Final = "$ sudo sockatuh "
VARIABLE: Final = (
    (re.compile(r"\b\d+\.\d+\.\d+\.\d+(:\d+)?\b"), "ADDRESS"),
    (re.compile(r"\b\d{4}-\d\d-\d\d\b"), "DAY"),
    (re.compile(r"\b\d\d:\d\d(:\d\d)?\b"), "TIME"),
    (re.compile(r"(?<=\bkey[ :])[\w+/]{8}(?![\w+/])"), "TAG"),
    (re.compile(r"^(words\s+)[a-z ]+$", re.MULTILINE), r"\1WORDS"),
    (re.compile(r"#k=\S+"), "#k=KEY"),
    (re.compile(r"^(\w+ +)(?:TIME )?[\w+/]{8}(?= |$)", re.MULTILINE), r"\1TAG"),
    (re.compile(r"\b\d+(\.\d+)?(s|ms| min)?\b"), "NUMBER"),
    (re.compile(r"─+"), "─"),
    (re.compile(r"\s+"), " "),
)
"""What differs each time: addresses, days, times, keys, numbers, and how much room they take."""


@dataclass(slots=True)
class Screen:
    """A member's `chat --plain`, and what it has printed."""

    process: Program
    lines: list[str] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition)
    _reading: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        for stream in (self.process.stdout, self.process.stderr):
            self._reading.append(threading.Thread(target=self._read, args=[stream], daemon=True))
            self._reading[-1].start()

    def close(self) -> None:
        """End the program, and read what it says last."""
        self.process.kill()
        for thread in self._reading:
            thread.join(PATIENCE)
        self.process.__exit__()

    def _read(self, stream: Iterator[str]) -> None:
        for line in stream:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()

    def wait_for(self, text: str) -> None:
        """Wait until a line has come that ends in a text."""
        with self._news:
            came = self._news.wait_for(lambda: any(line.endswith(text) for line in self.lines), PATIENCE)
        assert came, f"{text!r} never came"

    def last(self, expected: Sequence[str], patience: float) -> list[str]:
        """Return as many lines as are expected, once they look like those or time is up."""
        with self._news:
            self._news.wait_for(lambda: self._looks_like(expected), patience)
            return self.lines[-len(expected) :]

    def _looks_like(self, expected: Sequence[str]) -> bool:
        return [*map(plain, self.lines[-len(expected) :])] == [*map(plain, expected)]

    def say(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()


def plain(text: str) -> str:
    """Return a text without what differs each time."""
    for pattern, name in VARIABLE:
        text = pattern.sub(name, text)
    return text.strip()


@contextlib.contextmanager
def room_of_the_page(directory: Path) -> Iterator[tuple[Client, dict[str, Screen]]]:
    """Run a room with members who have said something; yield the admin, and the members' screens."""
    server = Server(directory / "room")
    people = {name: Client(directory / name, server, LANG="C.UTF-8") for name in MEMBERS}
    admin = Client(directory / "admin", SOCKATUH_CONFIG=str(server.config), SUDO_USER="tom", LOGNAME="root")
    screens: dict[str, Screen] = {}
    try:
        for name, client in people.items():
            screens[name] = Screen(client.start("chat", "--plain"))
            screens[name].say(SAID[name])
            for screen in screens.values():
                screen.wait_for(SAID[name])
        yield admin, screens
    finally:
        for screen in screens.values():
            screen.close()
        for client in (*people.values(), admin):
            client.close()
        server.stop()


def carried_out(
    page: str, admin: Client, screens: dict[str, Screen], patience: float = PATIENCE
) -> Iterator[tuple[str, str]]:
    """Yield each block of a page that is a screen, as it is written and as it comes; `patience` is for members'."""
    for found in BLOCK.finditer(page):
        name, written = found[1], found[2]
        if name:
            yield written, "".join(f"{line}\n" for line in screens[name].last(written.splitlines(), patience))
        elif written.startswith(PROMPT):
            commands = [line for line in written.splitlines() if line.startswith(PROMPT)]
            yield written, "".join(f"{command}\n{_printed(admin, command)}" for command in commands)


def _printed(admin: Client, command: str) -> str:
    done = admin.call(*shlex.split(command.removeprefix(PROMPT)))
    return (done.stdout + done.stderr).strip("\n") + "\n"


def _as_at_home(printed: str) -> str:
    """Return what is printed with an address and the port that a room has; they are no longer than a test's."""
    return re.sub(r"(sockatuh://10\.0\.0\.23:|UDP port )\d+", r"\g<1>7625", printed.replace("127.0.0.1", "10.0.0.23"))


def main() -> None:
    """Write into the page what is printed."""
    page = PAGE.read_text("utf-8")
    with tempfile.TemporaryDirectory() as directory, room_of_the_page(Path(directory)) as (admin, screens):
        for written, printed in carried_out(page, admin, screens, SETTLES):
            page = page.replace(written, _as_at_home(printed), 1)
    PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
