"""Where the page of the service's door is, as `status` learns it from systemd."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sockatuh.cli import service_files, web_page
from sockatuh.cli.web_page import find_pages, print_code
from sockatuh.web.code import draw_code
from sockatuh.wording import web as wording

URLS = ("https://192.168.1.20:7680/", "https://[fd00::20]:7680/")


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What systemd says of the door's unit, which is installed."""
    told = {"ActiveState": "active", "StatusText": wording.open_at(URLS, "kitchen")}
    monkeypatch.setattr(service_files, "ROOT", tmp_path)
    unit = tmp_path / "etc/systemd/system/sockatuh-web.service"
    unit.parent.mkdir(parents=True)
    unit.touch()

    def answer(words: Any, **_: object) -> subprocess.CompletedProcess[str]:
        assert words[0] == "systemctl"
        assert words[-1] == "sockatuh-web.service"
        return subprocess.CompletedProcess(words, 0, "".join(f"{key}={value}\n" for key, value in told.items()))

    monkeypatch.setattr(subprocess, "run", answer)
    return told


@pytest.mark.usefixtures("systemd")
def test_an_active_door_tells_where_its_page_is() -> None:
    assert find_pages() == URLS


def test_one_that_is_not_active_or_says_something_else_tells_nothing(systemd: dict[str, str]) -> None:
    systemd["ActiveState"] = "failed"
    assert find_pages() == ()
    systemd |= {"ActiveState": "active", "StatusText": "\x1b[31m https://\x1b]0;x\x07/ javascript:alert(1)"}
    assert find_pages() == ()


def test_without_the_unit_systemd_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_files, "ROOT", tmp_path)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("asked"))
    assert find_pages() == ()


def test_a_systemd_that_is_silent_costs_no_more_than_its_time(
    systemd: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(words: Any, timeout: float, **_: object) -> None:
        raise subprocess.TimeoutExpired(words, timeout)

    assert systemd
    monkeypatch.setattr(subprocess, "run", hang)
    assert find_pages() == ()


def test_no_code_goes_into_a_file() -> None:
    written = io.StringIO()
    print_code(URLS[0], written)
    assert written.getvalue() == ""


@pytest.mark.parametrize(
    ("columns", "encoding", "is_drawn"), [(80, "utf-8", True), (30, "utf-8", False), (80, "latin-1", False)]
)
def test_a_code_is_drawn_where_the_terminal_can_show_it(
    monkeypatch: pytest.MonkeyPatch, columns: int, encoding: str, is_drawn: bool
) -> None:
    monkeypatch.setattr(web_page, "columns_of", lambda _: columns)
    monkeypatch.setenv("NO_COLOR", "1")
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding)
    print_code(URLS[0], stream)
    assert written.getvalue().decode() == "".join(f"{row}\n" for row in draw_code(URLS[0], columns, encoding))
    assert bool(written.getvalue()) is is_drawn


def test_without_what_draws_it_there_is_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_page, "columns_of", lambda _: 80)
    monkeypatch.setitem(sys.modules, "segno", None)
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, "utf-8")
    print_code(URLS[0], stream)
    assert written.getvalue() == b""
