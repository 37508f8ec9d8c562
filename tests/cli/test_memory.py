"""What a command remembers for the next one, and what it leaves alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cli.people import PASSWORD, Client, Person, Server

from sockatuh.client.profile import Profile


def known(client: Client) -> dict[str, tuple[bytes, int]]:
    """Return each file of a client and when it was written."""
    files = [path for path in client.directory.iterdir() if path.is_file()]
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def chosen(client: Client) -> tuple[str | None, dict[str, tuple[bytes, int]]]:
    """Return what the next chat depends on: the last server and the names."""
    return Profile(client.directory).find_last_server(), {
        name: file for name, file in known(client).items() if name in ("names", "last_server")
    }


def somebody_at_home(client: Client, server: Server, name: str) -> None:
    """Have somebody come into the room at a terminal, with nothing but the server given, and leave."""
    for variable in ("SERVER", "NAME", "PASSWORD"):
        client.environ.pop(f"SOCKATUH_{variable}", None)
    terminal = client.terminal("chat", server.address)
    terminal.answer("]:", name)
    terminal.answer("password:", PASSWORD)
    terminal.wait_for_prompt()
    terminal.enter("/quit")
    assert terminal.end() == 0


def test_one_off_overrides_do_not_change_remembered_choices(server: Server, person: Person, tmp_path: Path) -> None:
    ana = person("ana-who-chose", server)
    somebody_at_home(ana, server, "ana-who-chose")
    before = chosen(ana)
    assert before[0] == server.address
    assert Profile(ana.directory).find_name(server.address) == "ana-who-chose"
    (tmp_path / "password").write_text(PASSWORD)
    other = server.address.replace("127.0.0.1", "localhost")
    given = ("--password-file", str(tmp_path / "password"), "--name")
    for words in (
        ["send", "hello", *given, "bot-of-ana"],
        ["send", other, "hello", *given, "bot-of-ana"],
        ["who", other, *given, "bot-of-ana"],
        ["chat", *given, "bot-of-ana"],
    ):
        assert ana.call(*words).returncode == 0, words
    ana.environ |= {"SOCKATUH_SERVER": other, "SOCKATUH_NAME": "bot-of-ana", "SOCKATUH_PASSWORD": PASSWORD}
    assert ana.call("chat").returncode == 0
    assert ana.call("send", "hello").returncode == 0
    assert chosen(ana) == before
    for variable in ("SERVER", "NAME", "PASSWORD"):
        del ana.environ[f"SOCKATUH_{variable}"]
    terminal = ana.terminal("chat")
    terminal.wait_for("You are ana-who-chose")  # with no question


def test_a_name_taken_in_a_chat_is_the_one_of_the_next_chat_and_of_scripts(server: Server, person: Person) -> None:
    fitri = person("fitri-the-first", server)
    terminal = fitri.terminal("chat", "--plain", server.address)
    terminal.wait_for("You are fitri-the-first")
    terminal.enter("/nick fitri-the-second")
    terminal.wait_for("fitri-the-second now")
    terminal.enter("/quit")
    assert terminal.end() == 0
    for variable in ("SERVER", "NAME", "PASSWORD"):
        del fitri.environ[f"SOCKATUH_{variable}"]
    assert fitri.call("send", "hello").returncode == 0, "by the ticket for the new name"
    terminal = fitri.terminal("chat", "--plain")
    terminal.wait_for("You are fitri-the-second")  # with no question
    terminal.wait_for("fitri-the-second  hello")


def test_each_name_keeps_its_own_ticket(server: Server, person: Person) -> None:
    budi = person("budi-of-two", server)
    names = ("budi-of-two", "bot-of-budi")
    for name in names:
        assert budi.call("send", "hello", "--name", name).returncode == 0
    del budi.environ["SOCKATUH_PASSWORD"]
    for name in (*names, *names):
        assert budi.call("send", "hello", "--name", name).returncode == 0


def test_a_name_typed_with_spaces_finds_its_ticket(server: Server, person: Person) -> None:
    dewi = person("dewi-the-long", server)
    assert dewi.call("send", "hello", "--name", "Dewi of Solo").returncode == 0
    del dewi.environ["SOCKATUH_PASSWORD"]
    assert dewi.call("send", "hello", "--name", "Dewi of Solo").returncode == 0


def test_unchanged_files_are_not_rewritten(server: Server, person: Person) -> None:
    citra = person("citra-again", server)
    assert citra.call("send", "one").returncode == 0
    before = known(citra)
    assert citra.call("send", "two").returncode == 0
    assert citra.call("who").returncode == 0
    assert known(citra) == before


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="a lock there is no file")
def test_a_read_only_profile_works_with_a_warning(server: Server, person: Person) -> None:
    dewi = person("dewi-on-a-disc", server)
    assert dewi.call("send", "one").returncode == 0
    (dewi.directory / ".lock").unlink()
    (dewi.directory / ".lock").mkdir()
    done = dewi.call("send", "two")
    assert (done.returncode, done.stderr) == (0, "")
    done = dewi.call("send", "three", "--name", "dewi-the-second")
    assert done.returncode == 0
    assert done.stderr.startswith("This cannot be remembered for the next time: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_key_that_cannot_be_pinned_is_not_trusted_unless_an_invite_names_it(server: Server, person: Person) -> None:
    eka = person("eka-on-a-disc", server)
    (eka.directory / ".lock").mkdir()
    assert eka.call("send", "hello").returncode == 1
    assert eka.call("send", "hello", "--server", server.invite).returncode == 0


def test_without_a_name_a_script_uses_the_login_name_and_its_ticket(server: Server, person: Person) -> None:
    fajar = person("fajar", server, LOGNAME="fajar-the-login")
    del fajar.environ["SOCKATUH_NAME"]
    assert fajar.call("send", "one").returncode == 0
    del fajar.environ["SOCKATUH_PASSWORD"]
    assert fajar.call("send", "two").returncode == 0
    assert Profile(fajar.directory).find_name(server.address) is None
