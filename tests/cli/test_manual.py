from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from sockatuh.cli.app import run
from sockatuh.cli.command_tree import read_tree
from sockatuh.cli.manual import manual_page


def test_help_prints_the_manual_page_in_ascii(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["help", "--man"]) == 0
    said = capfd.readouterr()
    assert said == (manual_page(read_tree()), "")
    assert said.out.isascii()
    assert "\n.B \\-\\-trust " in said.out, "hyphens that can be copied, wherever `-` is typeset as another character"
    assert run(["help", "--man", "chat"]) == 2


def test_each_command_option_and_sentence_is_in_the_manual_page_as_man_shows_it() -> None:
    if (groff := shutil.which("groff")) is None:
        pytest.skip("groff is not installed")
    program = read_tree()
    words = [groff, "-man", "-Tutf8", "-ww", "-P-c", "-rLL=9999n"]
    done = subprocess.run(words, input=manual_page(program), capture_output=True, text=True, check=True)
    assert done.stderr == "", "no warnings"
    shown = " ".join(re.sub(r".\x08", "", done.stdout).split())
    for command in program.commands:
        assert f" sockatuh {command.name} {command.usage} " in shown
        assert " ".join(command.text.replace("\b", "").split()) in shown
        for each in command.parameters:
            assert f" {each.term} {each.sentence} " in shown
    assert "EXIT STATUS 0 done 1 another failure 2 wrong usage" in shown
    assert "130 Ctrl-C" in shown
