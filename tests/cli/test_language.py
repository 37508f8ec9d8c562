"""The language of whole commands, each in a process of its own, because it is chosen while the program is loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli.people import PASSWORD, Client, Server
from kit.programs import SOCKATUH
from machine import unmeasured

from sockatuh.cli.shell_files import MAKERS, shell_files


def call(*args: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command in an environment that has no language but this one."""
    base = {name: value for name, value in unmeasured(os.environ).items() if not name.startswith(("LC_", "LANG"))}
    return subprocess.run(
        [sys.executable, *args], env={**base, "SOCKATUH_LANG": "", **environ}, capture_output=True, encoding="utf-8",
        check=False,
    )  # fmt: skip


def sockatuh(*args: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return call("-m", "sockatuh", *args, **environ)


def test_an_unknown_language_is_named_once_and_english_is_spoken() -> None:
    done = sockatuh("help", "frob", SOCKATUH_LANG="x\x1b[2J\nx", LANG="id_ID.UTF-8", PYTHONIOENCODING="utf-8")
    first, *others = done.stderr.splitlines()
    assert done.returncode == 2
    assert first.startswith("no such language: x")
    assert first.endswith("; there are en, id")
    assert "\x1b" not in done.stderr
    assert others[0].startswith("Usage: ")
    assert done.stderr.count("language") == 1


def test_the_locale_chooses_the_language_of_a_person() -> None:
    done = sockatuh("help", "frob", LC_MESSAGES="id_ID.UTF-8", LANG="de_DE.UTF-8")
    assert done.stderr.startswith("Penggunaan: ")
    assert done.stderr.endswith("\nKesalahan: Tidak ada perintah 'frob'.\n")


def test_json_and_what_goes_with_it_on_stderr_are_english_in_every_language() -> None:
    done = sockatuh("who", "--json", "--bogus", SOCKATUH_LANG="id")
    assert json.loads(done.stdout)["message"] == "Error: No such option: --bogus"
    assert "\nError: No such option: --bogus\n" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("screen", ["inline", "full"])
def test_a_person_is_spoken_to_in_indonesian_from_the_first_question_to_the_last_line(
    own_server: Server, tmp_path: Path, screen: str
) -> None:
    budi = Client(tmp_path / "budi", own_server, SOCKATUH, SOCKATUH_LANG="id", SOCKATUH_SCREEN=screen)
    for variable in ("SOCKATUH_NAME", "SOCKATUH_PASSWORD"):
        del budi.environ[variable]
    terminal = budi.terminal("chat", "-n", "0")
    try:
        terminal.wait_for("Nama Anda [")
        terminal.answer("]:", "budi")
        terminal.answer("Kata sandi ruang:", "bukan ini")
        terminal.wait_for("Username valid!", "itu bukan kata sandi ruang")
        terminal.answer("Kata sandi ruang:", PASSWORD)
        terminal.wait_for("di sini" if screen == "full" else "Anda adalah budi")
        terminal.wait_until(lambda: any(line.startswith(">") for line in terminal.lines), "prompt")
        terminal.enter("halo")
        terminal.wait_for("budi  halo")
        terminal.enter("/frob")
        terminal.wait_for("tidak ada perintah /frob")
        assert "There is" not in terminal.text
    finally:
        terminal.close()


@pytest.mark.slow
def test_the_log_of_a_server_is_english_in_every_language(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.toml")
    assert sockatuh("serve", "--config", missing, LANG="id_ID.UTF-8").stderr.startswith("The configuration cannot be")
    assert sockatuh("check", "--config", missing, LANG="id_ID.UTF-8").stderr.startswith("Konfigurasi tidak bisa")


@pytest.mark.slow
def test_the_configuration_is_written_in_english_in_every_language(tmp_path: Path) -> None:
    texts = []
    for language in ("en", "id"):
        place = tmp_path / language
        args = ("init", "--non-interactive", "--room", "kitchen", "--dir", str(place))
        assert sockatuh(*args, SOCKATUH_LANG=language).returncode == 0
        texts.append([line.partition("'")[0] for line in (place / "sockatuh.toml").read_text().splitlines()])
    assert texts[0] == texts[1]


@pytest.mark.slow
def test_the_library_says_nothing_about_a_language() -> None:
    program = "import sys, sockatuh; sockatuh.connect; print([name for name in sys.modules if 'wording' in name])"
    done = call("-c", program, SOCKATUH_LANG="xx")
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.slow
def test_what_is_installed_for_everybody_is_english_in_every_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for reader in ("usr/share/zsh", "usr/share/man"):
        (tmp_path / reader).mkdir(parents=True)
    monkeypatch.setattr("sockatuh.cli.shell_files.at", tmp_path.joinpath)
    program = (sys.executable, "-m", "sockatuh")
    english = shell_files(program)
    monkeypatch.setenv("SOCKATUH_LANG", "id")
    assert shell_files(program) == english
    assert len(english) == 2
    assert sockatuh("help", "--man", SOCKATUH_LANG="id").stdout not in {file.text for file in english}
    assert len(MAKERS) == 4
