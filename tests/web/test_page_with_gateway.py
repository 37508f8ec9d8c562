"""The page in a real browser with the real gateway and a real room, whose processes are killed."""

from __future__ import annotations

import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.running import PASSWORD, Room, ServerProcess
from kit import browser as kit
from kit.web_door import WebDoor
from selenium.webdriver.common.keys import Keys
from web.tab import Tab

from sockatuh.web.tabs import STREAMS

pytestmark = pytest.mark.browser


@pytest.fixture
def tab(driver: str, door: WebDoor, tmp_path: Path) -> Iterator[Tab]:
    """A browser whose owner went on past the warning."""
    with kit.browser(driver, tmp_path, trusting=True) as opened:
        tab = Tab(opened, door)
        tab.open()
        yield tab
        tab.check_for_complaints()


def send(room: Room, text: str, *more: str) -> None:
    """Say something from a terminal."""
    environ = os.environ | {
        "SOCKATUH_CLIENT_DIR": str(room.directory / "budi"),
        "SOCKATUH_PASSWORD_FILE": str(room.directory / "password"),
        "SOCKATUH_NAME": "budi",
        "SOCKATUH_TRUST": "accept-new",
    }
    (room.directory / "password").write_text(PASSWORD)
    (room.directory / "password").chmod(0o600)
    command = [sys.executable, "-m", "sockatuh", "send", "--server", f"127.0.0.1:{room.port}", *more, "--", text]
    subprocess.run(command, env=environ, check=True, capture_output=True, timeout=60)


def said_in(room: Room, name: str = "ana") -> list[str]:
    """Return the lines of somebody in the log."""
    return [line.text for line in room.history.messages(None, name, 10_000)]


def test_a_browser_and_a_terminal_talk(tab: Tab, room: Room) -> None:
    tab.type(f"ana{Keys.ENTER}")
    tab.until(lambda: tab.focus == "password")
    assert tab.text("#answer") == "Username valid!"
    tab.type(f"wrong{Keys.ENTER}")
    tab.until(lambda: tab.text("#answer"))
    assert "password" in tab.text("#answer")
    tab.type(f"{PASSWORD}{Keys.ENTER}")
    tab.until(lambda: tab.shows("#room") and tab.js("return isCaughtUp"), 20)
    assert tab.title == "kitchen"
    tab.say("hello from a browser")
    tab.until(lambda: "ana hello from a browser" in tab.lines and not tab.pending)
    assert said_in(room) == ["hello from a browser"]
    send(room, "ana: hello <b>from</b> a terminal")
    tab.until(lambda: tab.lines[-1] == "budi ana: hello <b>from</b> a terminal (mentions you)")
    send(room, "psst", "--to", "ana")
    tab.until(lambda: tab.lines[-1] == "budi → you private psst")
    tab.say("/who")
    tab.until(lambda: tab.shows("#people"))
    assert re.search("ana.*web", tab.text("#people li"))


def test_the_page_is_secure_and_its_certificate_the_one_that_was_printed(tab: Tab, door: WebDoor) -> None:
    assert tab.js("return [isSecureContext, location.protocol]") == [True, "https:"]
    host, port = re.findall(r"//(.*):(\d+)/", door.url)[0]
    pem = ssl.get_server_certificate((host, int(port)))
    (door.state.parent / "seen.pem").write_text(pem)
    from sockatuh.web.certificate import read_certificate

    assert read_certificate(pem.encode()).sha256 == door.sha256


def test_nothing_is_lost_or_doubled_when_room_and_gateway_are_killed(
    tab: Tab, room: Room, server: ServerProcess, door: WebDoor
) -> None:
    tab.expects_network_errors = True
    tab.join(password=PASSWORD)
    wanted = []

    def say(text: str) -> None:
        wanted.append(text)
        tab.say(text)

    for number in range(5):
        say(f"before {number}")
    server.finish(signal.SIGKILL)
    for number in range(5):
        say(f"without the room {number}")
    tab.until(lambda: tab.text("#contact").startswith("no contact since "), 40)
    door.kill()
    for number in range(5):
        say(f"without both {number}")
    door.begin()
    tab.open()  # a reload, in the middle
    say("after a reload")
    server.begin()
    tab.until(lambda: tab.lines and tab.lines[-1] == "ana after a reload" and not tab.pending, 90)
    assert said_in(room) == wanted
    assert [line.removeprefix("ana ") for line in tab.lines if line.startswith("ana ")][-len(wanted) :] == wanted
    door.kill()
    say("once more")
    door.begin()
    tab.until(lambda: tab.lines[-1] == "ana once more" and not tab.pending and not tab.text("#contact"), 60)
    assert said_in(room) == wanted


def test_who_leaves_is_forgotten(tab: Tab, door: WebDoor) -> None:
    tab.join(password=PASSWORD)
    assert len([*(door.state / "browsers").iterdir()]) == 1
    tab.say("/leave")
    tab.until(lambda: tab.shows("#leaving"))
    tab.find("#leaving [value=forget]").click()
    tab.until(lambda: tab.shows("#ask-name"), 20)
    assert [*(door.state / "browsers").iterdir()] == []
    tab.join("ani", password=PASSWORD)
    tab.say("again")
    tab.until(lambda: "ani again" in tab.lines and not tab.pending)


def test_a_page_without_encryption_says_so_for_good(driver: str, tmp_path: Path, server: ServerProcess) -> None:
    door = WebDoor(tmp_path, kit.OURS, server.port, encrypted=False)
    door.begin()
    with kit.browser(driver, tmp_path, width=360, height=640, phone=True) as opened:
        tab = Tab(opened, door)
        tab.open()
        assert tab.shows("#clear")
        assert tab.js("return isSecureContext") is False
        tab.join(password=PASSWORD)
        assert tab.shows("#clear")
        tab.find("#text").send_keys("hello")
        tab.find("#say button").click()
        tab.until(lambda: "ana hello" in tab.lines and not tab.pending)
        tab.check_for_complaints()
    door.end()


def test_with_as_many_tabs_as_are_allowed_a_line_is_still_sent_at_once(tab: Tab) -> None:
    tab.join(password=PASSWORD)
    for _ in range(STREAMS - 1):
        tab.driver.switch_to.new_window("tab")
        tab.open()
        tab.until(lambda: tab.js("return !!stream && isCaughtUp"))
    tab.say("from the last tab")
    tab.until(lambda: "ana from the last tab" in tab.lines and not tab.pending, 15)
