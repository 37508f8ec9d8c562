from __future__ import annotations

import io
import json
import sys

import pytest
from hostile import COCKTAIL, TEXTS, escapes_in, faults_of_text
from hypothesis import given
from hypothesis import strategies as st

from sockatuh.cli.streams import ShownText, escape, guard_output
from sockatuh.room.text import clean_text


@pytest.mark.parametrize("name", TEXTS)
def test_nothing_hostile_passes(name: str) -> None:
    shown = escape(TEXTS[name])
    assert escapes_in(shown) == []
    assert faults_of_text(shown.replace("\t", "")) == []


@given(st.text(st.characters(exclude_categories=[])))
def test_what_is_clean_passes_as_it_is(text: str) -> None:
    assert escape(clean_text(text)) == clean_text(text)


def test_what_does_not_pass_is_shown_as_its_escape() -> None:
    assert escape("a\x1b[2J\x9b\u202e\U000e0041\ud800\r\n") == "a\\u001b[2J\\u009b\\u202e\\U000e0041\\ud800\\u000d\n"


def test_json_stays_json() -> None:
    line = json.dumps({"text": COCKTAIL})
    assert "\x7f" not in escape(line)
    assert json.loads(escape(line)) == {"text": COCKTAIL}


def test_stdout_and_stderr_are_guarded_and_a_stream_that_was_closed_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = io.BytesIO()
    before = io.TextIOWrapper(out, "utf-8", "replace", line_buffering=True)
    monkeypatch.setattr(sys, "stdout", before)
    monkeypatch.setattr(sys, "stderr", None)
    guard_output()
    assert isinstance(sys.stdout, ShownText)
    print("first \x1b]0;t\x07\ud800")
    assert out.getvalue() == b"first \\u001b]0;t\\u0007\\ud800\n"
    assert (sys.stdout.errors, sys.stdout.line_buffering) == ("replace", True)
    assert sys.stderr is None
