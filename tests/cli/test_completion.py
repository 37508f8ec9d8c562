"""Completion in the shells themselves, those that this machine has."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pexpect
import pytest

from sockatuh.cli import NAMES_AT_TAB
from sockatuh.cli.app import COMMANDS, run
from sockatuh.cli.command_tree import read_tree
from sockatuh.cli.completion_scripts import SCRIPTS

LINES: Final = {
    # what is typed before Tab: what is offered; FILES and DIRECTORIES are those of the shell
    "sockatuh ": {*COMMANDS},
    "sockatuh ser": {"serve"},
    "sockatuh -": {"--help", "--version"},
    "sockatuh uninstall-service --": {"--help", "--purge"},
    "sockatuh chat --trust ": {"ask", "accept-new", "strict"},
    "sockatuh chat kitchen-pi --trust s": {"strict"},
    "sockatuh chat --color --plain --js": {"--json"},
    "sockatuh chat ": set[str](),
    "sockatuh chat --name ": set[str](),
    "sockatuh identity ": {"show", "forget", "export", "import"},
    "sockatuh identity --json f": {"forget"},
    "sockatuh identity export ": {"FILES"},
    "sockatuh help h": {"hash-password", "help", "history"},
    "sockatuh completion ": {"bash", "zsh", "fish"},
    "sockatuh send chat ": set[str](),
    "sockatuh backup ": {"FILES"},
    "sockatuh check --config ": {"FILES"},
    "sockatuh init --dir ": {"DIRECTORIES"},
    "sockatuh web --cert ": {"FILES"},
    "sockatuh web --state ": {"DIRECTORIES"},
    "sockatuh install-service --no-w": {"--no-web"},
    "sockatuh sessions --json ": {"here"},
    "sockatuh kick ": {"here"},
    "sockatuh kick budi ": set[str](),
    "sockatuh kick --for ": set[str](),
    "sockatuh strike --last ": {"here"},
    "sockatuh ban --yes ": {"known"},
    "sockatuh mute ": {"known"},
    "sockatuh release ": {"known"},
    "sockatuh unban ": {"kept-out"},
    "sockatuh unmute ": {"muted"},
}
HOSTILE: Final = ("o'neil", "$(touch${IFS}pwned)", "`touch pwned`", "a;touch pwned", "two words", "*", "安娜")
"""Names that no room admits by now, but one; an old log may have them."""


def shell(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def program_that_offers(directory: Path, *names: str) -> str:
    """Make a program `sockatuh` that only answers at Tab: names, or the kind it is asked for; return a PATH with it."""
    program = directory / "sockatuh"
    listed = "".join(f"{name}\n" for name in names)
    (directory / "names").write_text(listed)
    answer = f"cat {directory}/names" if names else 'echo "$2"'
    program.write_text(f'#!/bin/sh\n[ "$1" = {NAMES_AT_TAB} ] && {answer}\n')
    program.chmod(0o755)
    return f"{directory}:{os.environ['PATH']}"


@pytest.fixture(scope="module")
def scripts() -> dict[str, str]:
    program = read_tree()
    return {name: make(program) for name, make in SCRIPTS.items()}


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_command_prints_the_script_of_a_shell_that_reads_without_a_fault(
    name: str, scripts: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["completion", name]) == 0
    assert capfd.readouterr() == (scripts[name], "")
    read = subprocess.run([shell(name), "-n"], input=scripts[name], capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")


def test_a_script_for_another_shell_is_wrong_usage(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", "tcsh"]) == 2
    assert "'bash', 'zsh', 'fish'" in capfd.readouterr().err


def test_bash_offers_what_the_help_pages_have(scripts: dict[str, str], tmp_path: Path) -> None:
    asked = "".join(
        f"COMP_WORDS=({' '.join(words[:-1])} '{words[-1]}'); COMP_CWORD={len(words) - 1}; _sockatuh; "
        'echo "${COMPREPLY[*]}$files"; files=\n'
        for words in (line.split(" ") for line in LINES)
    )
    found = subprocess.run(
        [shell("bash"), "--norc", "-u", "-c", f'files=; compopt() {{ files=$2; }}\n{scripts["bash"]}\n{asked}'],
        env=os.environ | {"PATH": program_that_offers(tmp_path)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert found.stderr == ""
    named = {"default": "FILES", "dirnames": "DIRECTORIES"}
    answers = [{named.get(word, word) for word in answer.split(" ") if word} for answer in found.stdout.split("\n")]
    assert dict(zip(LINES, answers, strict=False)) == LINES


def test_bash_offers_all_values_right_after_an_equals_sign(scripts: dict[str, str]) -> None:
    asked = "COMP_WORDS=(sockatuh chat --trust =); COMP_CWORD=3; _sockatuh; echo ${COMPREPLY[*]}"
    words = [shell("bash"), "--norc", "-u", "-c", f"{scripts['bash']}\n{asked}"]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "ask accept-new strict\n"


def test_bash_completes_values_after_an_equals_sign_and_files_with_spaces(
    scripts: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "script").write_text(scripts["bash"])
    (tmp_path / "my room.toml").touch()
    environ = {"PATH": os.environ["PATH"], "PS1": "$ ", "TERM": "dumb", "INPUTRC": "/dev/null"}
    typing = pexpect.spawn(
        shell("bash"), ["--norc", "-i"],
        env=environ, cwd=str(tmp_path), encoding="utf-8", timeout=30, dimensions=(24, 200),
    )  # fmt: skip
    typing.delaybeforesend = None
    try:
        typing.send(". ./script; PS1=READY'> '\r")
        for typed in ("sockatuh chat --trust=s", "sockatuh check --config=my", "sockatuh check --config 'my"):
            typing.expect_exact("READY> ")
            typing.send(f"{typed}\t\x01printf '<%s>' \r")  # ^A: to the beginning of the row
        typing.expect("<--trust=strict>")
        typing.expect("<--config=my room.toml>")
        typing.expect("<--config><my room.toml>")
    finally:
        typing.close(force=True)


def test_fish_offers_what_the_help_pages_have(scripts: dict[str, str], tmp_path: Path) -> None:
    fish = shell("fish")
    (tmp_path / "room").mkdir()
    (tmp_path / "a.toml").touch()
    (programs := tmp_path / ".programs").mkdir()
    asked = "".join(f'complete -C "{line}"\necho END\n' for line in LINES)
    environ = os.environ | {"HOME": str(tmp_path / "room"), "LC_ALL": "C.UTF-8"}
    environ["PATH"] = program_that_offers(programs)
    found = subprocess.run(
        [fish, "--no-config", "-c", f"{scripts['fish']}\n{asked}"],
        cwd=tmp_path, env=environ, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert found.stderr == ""
    named = {("a.toml", "room/"): {"FILES"}, ("room/",): {"DIRECTORIES"}}
    answers = []
    for answer in found.stdout.split("END\n"):
        words = sorted({row.partition("\t")[0] for row in answer.splitlines() if row})
        answers.append(named.get(tuple(words), {*words}))
    expected = {line: offered - {"-h"} for line, offered in LINES.items()}
    assert {line: {*words} - {"-h"} for line, words in zip(LINES, answers, strict=False)} == expected


def test_bash_quotes_the_names_that_members_have_chosen(scripts: dict[str, str], tmp_path: Path) -> None:
    asked = """
        COMP_WORDS=(sockatuh kick ''); COMP_CWORD=2; _sockatuh
        for each in "${COMPREPLY[@]}"; do eval "printf '%s\\n' $each"; done
    """
    found = subprocess.run(
        [shell("bash"), "--norc", "-u", "-c", f"{scripts['bash']}\n{asked}"],
        cwd=tmp_path, env={"PATH": program_that_offers(tmp_path, *HOSTILE), "LC_ALL": "C.UTF-8"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (found.stdout.splitlines(), found.stderr) == ([*HOSTILE], "")
    assert not (tmp_path / "pwned").exists()


def test_fish_takes_the_names_that_members_have_chosen_as_they_are(scripts: dict[str, str], tmp_path: Path) -> None:
    path = program_that_offers(tmp_path, *HOSTILE)
    found = subprocess.run(
        [shell("fish"), "--no-config", "-c", f'{scripts["fish"]}\ncomplete -C "sockatuh kick "'],
        cwd=tmp_path, env=os.environ | {"PATH": path, "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert {row.partition("\t")[0] for row in found.stdout.splitlines()} == {*HOSTILE}
    assert not (tmp_path / "pwned").exists()


def test_zsh_completes_commands_options_values_and_files(scripts: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "_sockatuh").write_text(scripts["zsh"])
    (tmp_path / "my room.toml").touch()
    path = program_that_offers(tmp_path, "$(touch${IFS}pwned)")
    environ = {"PATH": path, "PS1": "$ ", "TERM": "dumb", "HOME": str(tmp_path)}
    typing = pexpect.spawn(
        shell("zsh"), ["-f", "-i"], env=environ, cwd=str(tmp_path), encoding="utf-8", timeout=30, dimensions=(24, 200)
    )  # fmt: skip
    typing.delaybeforesend = None
    completed = {
        "sockatuh ser": "<sockatuh><serve>",
        "sockatuh --ver": "<sockatuh><--version>",
        "sockatuh chat --js": "<sockatuh><chat><--json>",
        "sockatuh chat --trust s": "<sockatuh><chat><--trust><strict>",
        "sockatuh chat kitchen-pi --trust=s": "<sockatuh><chat><kitchen-pi><--trust=strict>",
        "sockatuh chat k": "<sockatuh><chat><k>",
        "sockatuh identity f": "<sockatuh><identity><forget>",
        "sockatuh help ser": "<sockatuh><help><serve>",
        "sockatuh backup m": "<sockatuh><backup><my room.toml>",
        "sockatuh kick ": "<sockatuh><kick><$(touch${IFS}pwned)>",
        "sockatuh strike --last=": "<sockatuh><strike><--last=$(touch${IFS}pwned)>",
    }
    try:
        typing.send("fpath=($PWD $fpath); autoload -U compinit; compinit -u -D; PS1=READY'> '\r")
        for typed, becomes in completed.items():
            typing.expect(r"READY> (\x1b\[\?2004h)?$")
            typing.send(f"{typed}\t\x01printf '<%s>' \r")
            typing.expect_exact(becomes)
    finally:
        typing.close(force=True)
    assert not (tmp_path / "pwned").exists()
