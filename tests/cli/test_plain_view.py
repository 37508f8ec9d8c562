"""Plain lines without a terminal: the log on stdout, remarks on stderr (sockatuh/cli/plain.py)."""

from __future__ import annotations

import pytest
from client.session_double import SessionDouble, room_of

from sockatuh.cli.plain import Plain
from sockatuh.client.items import Waiting
from sockatuh.wording import client as phrases


@pytest.fixture(name="view")
def _view() -> Plain:
    return Plain(room_of(SessionDouble(), says=2))


def remarks(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what was printed, as one row; nothing of it stands between the lines of the log."""
    printed = capsys.readouterr()
    assert printed.out == ""
    return " ".join(printed.err.split())


def test_a_delay_is_reported_once_until_no_line_waits(view: Plain, capsys: pytest.CaptureFixture[str]) -> None:
    view.wait(Waiting(1.0))
    assert phrases.delayed(1.0) in remarks(capsys)
    view.wait(Waiting(2.0))
    assert remarks(capsys) == ""
    view.go_on()
    view.wait(Waiting(2.0))
    assert phrases.delayed(2.0) in remarks(capsys)


def test_an_outage_is_reported_with_the_number_of_waiting_lines(
    view: Plain, capsys: pytest.CaptureFixture[str]
) -> None:
    view.wait(Waiting(None))
    assert phrases.held(2) in remarks(capsys)


@pytest.mark.parametrize("reason", ["silence", *phrases.LOSSES])
def test_lost_contact_is_reported_with_its_reason(view: Plain, reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    view.lose(reason)
    assert (phrases.LOSSES.get(reason) or phrases.contact_lost(2)) in remarks(capsys)


def test_rejected_lines_are_counted_and_a_text_is_given_back(view: Plain, capsys: pytest.CaptureFixture[str]) -> None:
    view.refuse("one\ntwo", "It was refused.")
    assert remarks(capsys).endswith("one two")
    view.pass_over(7, "It is too long.")
    assert "7" in remarks(capsys)
    assert view.refused == 2
