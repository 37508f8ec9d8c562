from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.people import PASSWORD, Client, Person, Server

from sockatuh.client.profile import Profile
from sockatuh.protocol.identity import Invite
from sockatuh.wording import admin as wording


@pytest.mark.parametrize("text", ["a host", "host:99999", "sockatuh://host:1/room", "[::1", ":"])
def test_an_invalid_server_is_a_usage_error(person: Person, text: str) -> None:
    done = person("ana").call("who", text)
    assert done.returncode == 2
    assert "HOST" in done.stderr


def test_the_first_start_requires_a_server(person: Person) -> None:
    done = person("ana").call("who")
    assert done.returncode == 2
    assert "sockatuh chat HOST" in done.stderr


def test_the_last_chats_server_is_the_default(server: Server, person: Person) -> None:
    budi = person("budi", server)
    del budi.environ["SOCKATUH_SERVER"]
    assert budi.call("chat", server.address).returncode == 0
    assert budi.call("send", "two").returncode == 0


def test_a_server_given_goes_before_the_environment_and_that_before_the_last(server: Server, person: Person) -> None:
    citra = person("citra", server)
    citra.call("chat", server.address)
    citra.environ["SOCKATUH_SERVER"] = "nowhere.invalid"
    assert citra.call("who").returncode == 3
    assert citra.call("who", server.address).returncode == 0


@pytest.mark.parametrize("trust", ["", "ask", "accept-new"])
def test_an_unknown_server_is_pinned_once_it_has_proved_that_it_knows_the_password(
    server: Server, person: Person, trust: str
) -> None:
    dewi = person("dewi", server, SOCKATUH_TRUST=trust)
    done = dewi.run("send", "hello")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert _pinned(dewi, server.address) == Invite.parse_untrusted(server.invite).key


def test_a_client_that_meets_nobody_new_refuses_an_unknown_server(server: Server, person: Person) -> None:
    dewi = person("dewi", server, SOCKATUH_TRUST="strict")
    done = dewi.call("send", "hello")
    assert done.returncode == 4
    assert server.words in done.stderr
    assert wording.REFUSALS["unknown_server"] in done.stderr
    assert _pinned(dewi, server.address) is None


def _pinned(client: Client, server: str) -> bytes | None:
    pin = Profile(client.directory).find_pin(server)
    return None if pin is None else pin.key


def test_a_server_that_is_known_is_trusted_in_every_mode(server: Server, person: Person) -> None:
    eka = person("eka", server)
    assert eka.call("send", "hello", "--trust", "accept-new").returncode == 0
    assert eka.call("send", "hello", "--trust", "ask").returncode == 0
    assert eka.call("send", "hello", "--trust", "strict").returncode == 0


def test_an_invite_brings_the_key_and_is_remembered(server: Server, person: Person) -> None:
    fajar = person("fajar", server, SOCKATUH_TRUST="strict")
    assert fajar.call("send", "hello", "--server", server.invite).returncode == 0
    assert fajar.call("send", "hello").returncode == 0


def test_an_invite_with_a_different_key_is_refused_before_sending(person: Person) -> None:
    gita = person("gita")
    Profile(gita.directory).pin("127.0.0.1:9", b"a" * 32, "room")
    done = gita.call("who", Invite("127.0.0.1", 9, "room", b"b" * 32).encode())
    assert done.returncode == 6
    assert "sockatuh identity forget 127.0.0.1:9" in done.stderr


@pytest.mark.slow
def test_a_server_with_another_key_than_before_is_refused(server: Server, person: Person) -> None:
    hadi = person("hadi", server)
    Profile(hadi.directory).pin(server.address, b"a" * 32, "kitchen")
    done = hadi.call("send", "hello")
    assert done.returncode == 6
    assert server.words in done.stderr
    assert hadi.call("identity", "forget", server.address).returncode == 0
    assert hadi.call("send", "hello").returncode == 0


@contextlib.contextmanager
def server_of_the_future() -> Iterator[str]:
    """Answer every HELLO with a COOKIE of version 2."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))

        def answer() -> None:
            while len(hello := (received := sock.recvfrom(2048))[0]) > 1:
                sock.sendto((b"\xb2\x02\0\0" + hello[4:12]).ljust(64, b"\0"), received[1])

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"127.0.0.1:{sock.getsockname()[1]}"
        sock.sendto(b".", sock.getsockname())
        thread.join()


@pytest.mark.slow
def test_a_server_of_another_version_is_recognised(person: Person) -> None:
    with server_of_the_future() as address:
        done = person("indah").call("who", address)
    assert done.returncode == 7
    assert "version 2" in done.stderr


def test_the_second_time_the_password_is_not_needed(server: Server, person: Person) -> None:
    joko = person("joko", server)
    assert joko.call("send", "one").returncode == 0
    del joko.environ["SOCKATUH_PASSWORD"]
    assert joko.call("send", "two").returncode == 0


def test_under_another_name_the_password_is_needed_again(server: Server, person: Person) -> None:
    kiki = person("kiki", server)
    kiki.call("send", "one")
    del kiki.environ["SOCKATUH_PASSWORD"]
    done = kiki.call("send", "two", "--name", "kiki2")
    assert done.returncode == 4
    assert "--password-file" in done.stderr
    assert kiki.call("send", "three").returncode == 0


def test_a_refused_ticket_is_ignored_silently(server: Server, person: Person) -> None:
    lina = person("lina", server)
    lina.call("send", "one")
    Profile(lina.directory).keep_ticket(server.address, "lina", b"x" * 60)
    done = lina.call("send", "two")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_password_may_come_from_a_file_from_stdin_or_from_the_environment(
    server: Server, person: Person, tmp_path: Path
) -> None:
    file, wrong = tmp_path / "password", tmp_path / "wrong"
    file.write_text(f"{PASSWORD}\nnot this\n")
    wrong.write_text("x")
    for name, args, stdin, environ in (
        ("mira", ["--password-file", str(file)], b"", {"SOCKATUH_PASSWORD_FILE": str(wrong)}),
        ("nina", ["--password-file", "-"], f"{PASSWORD}\nnot this".encode(), {}),
        ("omar", [], b"", {"SOCKATUH_PASSWORD_FILE": str(file), "SOCKATUH_PASSWORD": "x"}),
    ):
        client = person(name, server, **environ)
        assert (client.run if stdin else client.call)("send", "hello", *args, stdin=stdin).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\r\nsecond line\r\n"])
def test_a_mark_before_the_password_and_line_ends_behind_it_are_no_part_of_it(
    server: Server, person: Person, tmp_path: Path, end: bytes
) -> None:
    secret = b"\xef\xbb\xbf" + PASSWORD.encode() + end
    (tmp_path / "password").write_bytes(secret)
    made = "mona", "maya", "mita"
    file, stdin, variable = (person(f"{name}{len(end)}", server, SOCKATUH_PASSWORD="") for name in made)
    variable.environ["SOCKATUH_PASSWORD"] = secret.decode()
    assert file.call("send", "hello", "--password-file", str(tmp_path / "password")).returncode == 0
    assert stdin.call("send", "hello", "--password-file", "-", stdin=secret).returncode == 0
    assert variable.call("send", "hello").returncode == 0


@pytest.mark.parametrize(
    ("data", "reason"),
    [("tulip\n".encode("utf-16"), "UTF-16"), (b"\n", "empty"), (b"\xe9", "UTF-8"), (b"x" * 9_999, "4,096")],
)
def test_an_invalid_password_is_explained_whatever_its_source(
    person: Person, tmp_path: Path, data: bytes, reason: str
) -> None:
    (tmp_path / "password").write_bytes(data)
    client = person("mega")
    for words in (
        ["send", "hello", "--server", "127.0.0.1:9"],
        ["init", "--dir", str(tmp_path / "room"), "--room", "kitchen"],
    ):
        for file in (str(tmp_path / "password"), "-"):
            done = client.call(*words, "--password-file", file, stdin=data)
            assert done.returncode == 2
            assert reason in done.stderr
    done = client.call("hash-password", stdin=data)
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr


@pytest.mark.parametrize("file", ["~nobody-of-that-name/password", "."])
def test_a_password_file_that_is_no_regular_file_is_explained(person: Person, file: str) -> None:
    done = person("mela").call("send", "hello", "--server", "127.0.0.1:9", f"--password-file={file}")
    assert done.returncode == 2
    assert file in done.stderr


def test_a_password_file_may_be_in_the_home_directory(server: Server, person: Person, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    client = person("mawar", server, HOME=str(tmp_path), SOCKATUH_PASSWORD="")
    assert client.call("send", "hello", "--password-file=~/password").returncode == 0
    melati = person("melati", server, HOME=str(tmp_path), SOCKATUH_PASSWORD="", SOCKATUH_PASSWORD_FILE="~/password")
    assert melati.call("send", "hello").returncode == 0


def test_a_password_file_that_is_not_there_is_named(server: Server, person: Person) -> None:
    done = person("putri", server).call("send", "hello", "--password-file", "/nowhere/password")
    assert done.returncode == 1
    assert "/nowhere/password" in done.stderr


def test_a_wrong_password_ends_a_non_interactive_command(server: Server, person: Person) -> None:
    client = person("rani", server, SOCKATUH_PASSWORD="wrong")
    assert client.call("send", "hello").returncode == 4
    client.environ["SOCKATUH_PASSWORD"] = "x" * 5000
    assert client.call("send", "hello").returncode == 4


@pytest.mark.slow
def test_a_taken_or_owned_name_has_its_own_exit_code(server: Server, person: Person) -> None:
    person("sari", server).call("send", "mine")
    done = person("tono", server).call("send", "hello", "--name", "sari")
    assert done.returncode == 5
    assert "--name" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a:b", "", " ", "x" * 5000, "\udce9"])
def test_an_invalid_name_is_refused(server: Server, person: Person, name: str) -> None:
    client: Client = person("umar", server)
    done = client.call("send", "hello", "--name", name or " ")
    assert done.returncode == 4
