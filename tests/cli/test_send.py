from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest
from cli.people import Person, Server
from client.session_double import SessionDouble, room_of
from machine import unmeasured

from sockatuh.cli.send import _find_nearest
from sockatuh.client.deadline import Patience
from sockatuh.errors import NoServer
from sockatuh.protocol import messages as m
from sockatuh.store.history import HistoryReader, LogLine

LOOK = "import sys\nfrom sockatuh.cli.app import run\ncode = run(sys.argv[1:])\n"
HEAVY = (
    "pydantic_settings",
    "structlog",
    "sqlite3",
    "bcrypt",
    "prompt_toolkit",
    "precis_i18n",
    "sockatuh.settings.model",
)


def last_line(server: Server) -> LogLine:
    """Return what was stored last."""
    *_, line = HistoryReader(server.config.parent / "room.db").messages(None, None, 1)
    return line


def test_a_text_is_in_the_log_when_send_has_ended_well(server: Server, person: Person) -> None:
    ana = person("ana", server)
    sent = ana.call("send", "soup at one", "--json")
    assert (sent.returncode, sent.stderr) == (0, "")
    assert json.loads(sent.stdout) == {"v": 1, "type": "stored", "seq": json.loads(sent.stdout)["seq"]}
    said = last_line(server)
    assert (said.name, said.text, said.seq) == ("ana", "soup at one", json.loads(sent.stdout)["seq"])


def test_the_words_are_the_text_whatever_they_look_like(server: Server, person: Person) -> None:
    citra = person("citra", server)
    for words in (["127.0.0.1:9"], ["hello", "budi"], ["nowhere.invalid", "soup", "  at", "one", "-"]):
        assert citra.call("send", *words).returncode == 0
        assert last_line(server).text == " ".join(words)


def test_the_server_is_named_by_an_option(server: Server, person: Person) -> None:
    client = person("budi", server, SOCKATUH_SERVER="127.0.0.1:9")
    assert client.call("send", "--server", server.address, "soup").returncode == 0
    assert client.call("send", "soup", "--server", server.address).returncode == 0


def test_stdin_is_one_text_without_its_last_newline(server: Server, person: Person) -> None:
    dewi = person("dewi", server)
    for words in ([], ["-"]):
        text = f"two\n lines ✓ {len(words)}"
        assert dewi.call("send", *words, stdin=f"{text}\n".encode()).returncode == 0
        assert last_line(server).text == text


def test_a_text_that_begins_with_a_hyphen_stands_behind_two(server: Server, person: Person) -> None:
    assert person("eka", server).call("send", "--", "-n").returncode == 0


def test_without_a_server_it_says_how_one_is_named(person: Person) -> None:
    done = person("fajar").call("send", "192.168.1.20", "--json")
    assert done.returncode == 2
    assert "--server" in done.stderr
    assert json.loads(done.stdout)["code"] == "usage"


def test_the_longest_text_is_stored_and_one_byte_more_is_refused_with_its_size(server: Server, person: Person) -> None:
    gita = person("gita", server)
    assert gita.call("send", stdin=b"x" * 16_384).returncode == 0
    done = gita.call("send", "--json", stdin=b"x" * 16_385)
    assert done.returncode == 4
    assert "16,385 bytes" in done.stderr
    assert json.loads(done.stdout)["code"] == "text_too_long"


def test_an_overlong_text_is_refused_before_connecting(person: Person) -> None:
    done = person("hadi").call("send", "--server", "nowhere.invalid", "-", stdin=b"x" * 3_000_000)
    assert done.returncode == 4
    assert "3,000,000 bytes" in done.stderr


@pytest.mark.parametrize(("stdin", "code"), [(b"\n \n", 4), (b"\xff\xfe", 2), (b"", 4)])
def test_invalid_text_is_refused(person: Person, stdin: bytes, code: int) -> None:
    assert person("indah").call("send", "--server", "nowhere.invalid", "-", stdin=stdin).returncode == code


def test_stdin_cannot_supply_both_password_and_text(person: Person) -> None:
    assert person("joko").call("send", "--password-file", "-", stdin=b"one\ntwo\n").returncode == 2


def test_bytes_in_an_argument_that_are_no_text_are_left_out(server: Server, person: Person) -> None:
    kiki = person("kiki", server)
    assert kiki.call("send", b"caf\xe9 ok".decode(errors="surrogateescape")).returncode == 0
    assert last_line(server).text == "caf ok"


def test_an_absent_server_is_reported_with_the_next_command(person: Person) -> None:
    done = person("lina", SOCKATUH_PASSWORD="x").call(
        "send", "--server", "127.0.0.1:9", "hello", "--timeout", "0.2", "--json"
    )
    assert done.returncode == 3
    assert "systemctl status sockatuh" in done.stderr
    assert "Nothing listens on UDP port 9 at 127.0.0.1; still trying.\n" in done.stderr or sys.platform != "linux"
    assert json.loads(done.stdout)["code"] == "no_server"


def test_send_adds_no_join_or_leave(server: Server, person: Person) -> None:
    mira = person("mira", server)
    before = json.loads(mira.call("send", "one", "--json").stdout)["seq"]
    assert json.loads(mira.call("send", "two", "--json").stdout)["seq"] == before + 1


def test_client_commands_load_no_server_code(server: Server, person: Person) -> None:
    nina = person("nina", server)
    program = f"{LOOK}print([name for name in {HEAVY!r} if name in sys.modules])"
    by_password, by_ticket = (["send", "hello"],) * 2
    for args, loaded in ((["send", "--help"], []), (by_password, ["bcrypt"]), (by_ticket, [])):
        words, environ = [sys.executable, "-c", program, *args], unmeasured(nina.environ)
        done = subprocess.run(words, env=environ, capture_output=True, text=True, check=True)
        assert done.stdout.endswith(f"{loaded}\n")


def test_the_clients_modules_can_be_imported_where_there_is_no_unix() -> None:
    names = ["chat", "send", "tail", "who", "identity", "talk"]
    absent = ["fcntl", "pwd", "grp", "resource", "termios", "syslog", "sqlite3"]
    program = f"""
import signal, sys
for name in {absent!r}: sys.modules[name] = None
del signal.SIGHUP
for name in {names!r}: __import__("sockatuh.cli." + name)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_private_line_needs_a_name_that_can_be_shown(person: Person) -> None:
    for to in ("", " ", "\x1b[31m"):
        done = person("opik").call("send", "--server", "nowhere.invalid", "--to", to, "the key", "--json")
        assert (done.returncode, done.stderr) == (2, "--to needs a name.\n")
        assert json.loads(done.stdout)["code"] == "usage"


def test_the_nearest_name_is_that_of_somebody_here() -> None:
    async def nearest(name: str) -> str:
        session = SessionDouble()
        session.present = [m.MemberInfo(each, "abcdefgh", "secure", True, 1) for each in ("ana", "Budi")]
        return await _find_nearest(room_of(session), name, Patience(5.0))

    assert [asyncio.run(nearest(name)) for name in ("bud", "ANNA", "zoë")] == ["Budi", "ana", ""]


def test_without_the_list_of_who_is_here_no_name_is_the_nearest() -> None:
    class Silent(SessionDouble):
        async def list_members(self, timeout: float | None = None) -> list[m.MemberInfo]:
            raise NoServer(self.server, timeout or 0)

    assert asyncio.run(_find_nearest(room_of(Silent()), "bud", Patience(5.0))) == ""
