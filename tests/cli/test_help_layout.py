from __future__ import annotations

import re

import pytest

from sockatuh.cli.app import COMMANDS, run


def page(command: str, columns: int, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert run([*command.split(), "--help"]) == 0
    return capfd.readouterr().out


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_pages_fit_the_terminal_without_cutting_words(
    command: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = page(command, 80, capfd, monkeypatch)
    for columns in (80, 40, 30):
        shown = wide if columns == 80 else page(command, columns, capfd, monkeypatch)
        assert sorted(shown.split()) == sorted(wide.split()), columns
        assert [row for row in shown.splitlines() if len(row) > columns and len(row.split()) > 1] == [], columns
        assert "..." not in re.sub(r"\[ARGS\]\.\.\.|\[TEXT\.\.\.", "", shown), f"nothing is left out at {columns}"


def test_the_page_of_hash_password_says_what_a_thief_of_the_hash_can_do(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = " ".join(page("hash-password", 80, capfd, monkeypatch).split())
    assert "cannot join, but can pose as the server to people who were never in the room, and read" in shown
    assert "hash-password Print the hash of a room password. serve" in " ".join(
        page("", 80, capfd, monkeypatch).split()
    )


def test_copyable_text_is_never_wrapped_on_a_help_page(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = page("history", 40, capfd, monkeypatch).split()
    assert {"$SOCKATUH_CONFIG,", "/etc/sockatuh/sockatuh.toml.", "--config"} <= set(shown)
    assert "SOCKATUH_PASSWORD_FILE]" in page("send", 30, capfd, monkeypatch).split()
