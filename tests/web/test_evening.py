"""An evening typed into two terminals and two real browsers: all four show the same lines, and they are the log's."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

import pytest
from cli.people import PASSWORD, Client, Server
from kit import browser as kit
from kit.terminal import Terminal
from kit.web_door import WebDoor
from web.tab import Tab

from sockatuh.store.history import HistoryReader

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RECOVERS_WITHIN: Final = 90.0
ROW: Final = re.compile(
    r"\d\d:\d\d (?P<action>\* )?(?:» )?(?P<name>\w+)(?: → (?P<to>\w+))?(?: | {2})(?P<text>\S.*?)(?: …)?$"
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line as somebody reads it."""

    name: str
    text: str
    action: bool = False
    to: str = ""


class Seat(Protocol):
    """Somebody's place in the room: a terminal or a browser."""

    def say(self, typed: str) -> None:
        """Type something and press Enter."""

    def read(self) -> list[Line]:
        """Return the lines that are shown."""

    def until(self, holds: Callable[[], object]) -> None:
        """Wait until something is so."""

    def is_quiet(self) -> bool:
        """Tell whether it is in contact and waits for nothing."""


class AtTerminal:
    """Somebody at a terminal."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal

    def say(self, typed: str) -> None:
        self.terminal.enter(typed)

    def read(self) -> list[Line]:
        rows = [*self.terminal.screen.scrollback, *self.terminal.screen.display]
        found = (ROW.match(row.split("│")[0].rstrip()) for row in rows)
        return [Line(each["name"], each["text"], bool(each["action"]), each["to"] or "") for each in found if each]

    def until(self, holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + RECOVERS_WITHIN
        while not holds():
            assert time.monotonic() < deadline, f"it never came:\n{self.terminal.text}"
            assert self.terminal.read(0.5), f"it has ended:\n{self.terminal.text}"

    def is_quiet(self) -> bool:
        return "no contact" not in self.terminal.text and "…" not in self.terminal.text


class AtBrowser:
    """Somebody with a browser."""

    def __init__(self, tab: Tab) -> None:
        self.tab = tab

    def say(self, typed: str) -> None:
        self.tab.say(typed)

    def read(self) -> list[Line]:
        rows = self.tab.js(
            """return [...document.querySelectorAll('#lines > .message, #lines > .private')].map((each) => {
                const names = [...each.querySelectorAll('bdi')].map((part) => part.textContent);
                return [names[0], names.at(-1), each.matches('.action'), each.matches('.private') ? names[1] : ''];
            })"""
        )
        return [Line(name, text, action, to) for name, text, action, to in rows]

    def until(self, holds: Callable[[], object]) -> None:
        self.tab.until(holds, RECOVERS_WITHIN)

    def is_quiet(self) -> bool:
        return bool(
            self.tab.js("return isCaughtUp && !tab.queue.length && !tab.taken.length && !$('contact').textContent")
        )


class Evening:
    """The room and the four who are in it; whatever one says, the others see before the next speaks."""

    def __init__(self, server: Server, seats: dict[str, Seat]) -> None:
        self.server, self.seats = server, seats
        self.said: list[Line] = []
        self.earlier: dict[str, str] = {}
        """The name that somebody had before, by the present one."""

    def say(self, who: str, text: str, *, typed: str = "", action: bool = False, to: str = "") -> None:
        """Have somebody type a line, and wait until all who may read it have it."""
        self.seats[who].say(typed or text)
        self.said.append(Line(who, text, action, to))
        for name in {who, to} if to else self.seats:
            self.sees(name, self.readable(name)[-1])

    def sees(self, name: str, line: Line) -> None:
        """Wait until somebody has a line, as the last they were shown, and not as a pending one."""
        seat = self.seats[name]
        seat.until(lambda: seat.read()[-1:] == [line] and seat.is_quiet())

    def rename(self, old: str, new: str) -> None:
        """Have somebody at a terminal take another name."""
        seat = self.seats.pop(old)
        assert isinstance(seat, AtTerminal)
        seat.say(f"/nick {new}")
        seat.terminal.wait_for(f"you are {new} now")
        self.seats[new], self.earlier[new] = seat, old

    def lose_the_room(self, lines: int) -> None:
        """Kill the room while everybody types; they are in contact again at the end."""
        self.server.stop(signal.SIGKILL)
        meanwhile = {
            name: [Line(name, f"{name} without the room {number}") for number in range(lines)] for name in self.seats
        }
        for number in range(lines):
            for name, seat in self.seats.items():
                seat.say(meanwhile[name][number].text)
        for seat in self.seats.values():
            seat.until(lambda seat=seat: not seat.is_quiet())  # type: ignore[misc]
        self.server.start()
        for seat in self.seats.values():
            seat.until(lambda seat=seat: len(seat.read()) >= self.length_for(seat) + lines * len(self.seats))  # type: ignore[misc]
            seat.until(seat.is_quiet)
        came = in_log(self.server)[len(self.said) :]
        for name in self.seats:
            assert [line for line in came if line.name == name] == meanwhile[name]
        assert len(came) == lines * len(self.seats)
        self.said += came

    def length_for(self, seat: Seat) -> int:
        """Return how many of the lines so far somebody can read."""
        return len(self.readable(next(name for name, each in self.seats.items() if each is seat)))

    def readable(self, name: str) -> list[Line]:
        """Return the lines that somebody can read, as they are shown to them."""
        names = {name, self.earlier.get(name, name)}
        return [
            replace(line, to="you") if line.to in names else line
            for line in self.said
            if not line.to or names & {line.to, line.name}
        ]


def in_log(server: Server) -> list[Line]:
    """Return what the log has, oldest first, private lines too."""
    lines = HistoryReader(server.config.parent / "room.db").messages(None, None, 10_000, private=True)
    return [Line(line.name, line.text, line.action, line.to) for line in lines if not line.struck]


@pytest.fixture
def evening(driver: str, tmp_path: Path) -> Iterator[Evening]:
    server = Server(tmp_path / "server")
    door = WebDoor(tmp_path, kit.OURS, server.port)
    with ExitStack() as opened:
        opened.callback(lambda: server.stop(signal.SIGKILL))
        door.begin()
        opened.callback(door.end)
        seats: dict[str, Seat] = {}
        for name, screen in (("tom", "full"), ("ana", "inline")):
            client = Client(tmp_path / name, server, SOCKATUH_SCREEN=screen)
            opened.callback(client.close)
            terminal = client.terminal("chat", columns=120, rows=60)
            terminal.wait_until(lambda terminal=terminal: terminal.lines[-1:] == [">"], "empty input")  # type: ignore[misc]
            seats[name] = AtTerminal(terminal)
        for name in ("budi", "citra"):
            (tmp_path / name).mkdir()
            tab = Tab(opened.enter_context(kit.browser(driver, tmp_path / name, trusting=True)), door)
            tab.open()
            tab.join(name, PASSWORD)
            opened.callback(tab.check_for_complaints)
            seats[name] = AtBrowser(tab)
        yield Evening(server, seats)


def test_an_evening_is_the_same_in_terminals_and_browsers(evening: Evening) -> None:
    tom, ana, budi, citra = evening.seats.values()
    assert isinstance(tom, AtTerminal)
    assert isinstance(ana, AtTerminal)
    assert isinstance(budi, AtBrowser)
    assert isinstance(citra, AtBrowser)
    for name in evening.seats:
        evening.say(name, f"good evening, says {name}")
    evening.say("budi", "puts the kettle on", typed="/me puts the kettle on", action=True)
    evening.say("ana", "waves", typed="/me waves", action=True)
    evening.say("citra", "is the key with you?", typed="/msg tom is the key with you?", to="tom")
    evening.say("tom", "it is", typed="/msg citra it is", to="citra")
    evening.say("budi", "to another browser", typed="/msg citra to another browser", to="citra")
    evening.say("ana", "budi: is there bread?")
    assert budi.tab.lines[-1] == "ana budi: is there bread? (mentions you)"
    evening.say("citra", "tom, ana: soup is ready")
    assert citra.tab.lines[-1] == "citra tom, ana: soup is ready"
    tom.say("/away on the roof")
    tom.terminal.wait_for("you are away: on the roof")
    citra.say("/who")
    citra.until(lambda: "on the roof" in citra.tab.text("#people"))
    assert {name for name in evening.seats if name in citra.tab.text("#people")} == {*evening.seats}
    citra.tab.find("#people form button, #people [value]").click()
    ana.say("/who -k")
    ana.terminal.wait_for("away: on the roof", "web")
    evening.rename("tom", "tomas")
    budi.until(lambda: any("tom is now tomas" in line for line in budi.tab.lines))
    evening.say("tomas", "I am called tomas now")
    evening.say("budi", "tomas: nice to meet you")
    evening.lose_the_room(3)
    evening.say("citra", "what was that?")
    evening.say("tomas", "a line that is removed at once")
    tom.say("/strike")
    for page in (budi, citra):
        page.until(lambda page=page: "removed at once" not in " ".join(page.tab.lines))  # type: ignore[misc]
        page.until(lambda page=page: any("was removed" in line for line in page.tab.lines))  # type: ignore[misc]
    for terminal in (tom.terminal, ana.terminal):
        terminal.wait_for("a line of tomas's of", "was removed")
    struck = evening.said.pop()
    evening.say("ana", "good night")
    assert in_log(evening.server) == evening.said
    for name, seat in evening.seats.items():
        shown = [line for line in seat.read() if name != "ana" or line != struck]  # inline: what is printed stays
        assert shown == evening.readable(name), name
    assert budi.tab.pending == citra.tab.pending == []
    for reader in (budi, citra):  # and what a page that is loaded again shows
        name = "budi" if reader is budi else "citra"
        reader.tab.open()
        reader.until(reader.is_quiet)
        assert reader.read() == evening.readable(name)
