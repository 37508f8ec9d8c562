"""The command `web`: what flags, settings and defaults come to, and what it says when it cannot begin."""

from __future__ import annotations

import fcntl
import os
import socket
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from sockatuh.cli import web as module
from sockatuh.cli.app import run
from sockatuh.cli.web_settings import DoorHere
from sockatuh.settings.web_door import WebDoor
from sockatuh.web.certificate import Certificate, make_certificate
from sockatuh.web.service import Open, WebOptions

BARRED: Final = Path("/srv/room/barred")
CERTIFIED: Final = WebDoor(encryption="certificate", certificate="/srv/set.pem", key="/srv/set.key")


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[WebOptions]:
    """The options of each door that would be opened."""
    options: list[WebOptions] = []
    monkeypatch.setattr(module, "_run", lambda given, **_: options.append(given))
    monkeypatch.setattr(module, "read_door", lambda _: DoorHere(WebDoor(), 7625, BARRED))
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    return options


def with_settings(monkeypatch: pytest.MonkeyPatch, door: WebDoor, port: int = 7625) -> None:
    monkeypatch.setattr(module, "read_door", lambda _: DoorHere(door, port, BARRED))


def test_without_anything_it_is_what_the_settings_have(
    begun: list[WebOptions], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert run(["web"]) == 0
    with_settings(
        monkeypatch, WebDoor("10.0.0.1:7000", "192.168.1.20:8443", "off", browsers=7, names=("chat.example.org",))
    )
    assert run(["web"]) == 0
    usual, other = begun
    assert (usual.server.server, usual.host, usual.port) == ("127.0.0.1:7625", "::", 7680)
    assert (usual.encrypted, usual.cert, usual.live, usual.state_dir) == (True, None, 200, tmp_path)
    assert (other.server.server, other.host, other.port) == ("10.0.0.1:7000", "192.168.1.20", 8443)
    assert (other.encrypted, other.live, other.names) == (False, 7, ("chat.example.org",))


def test_flags_win_over_the_settings(begun: list[WebOptions], monkeypatch: pytest.MonkeyPatch) -> None:
    with_settings(monkeypatch, WebDoor("10.0.0.1", "192.168.1.20:8443", browsers=7, names=("chat.example.org",)))
    words = ["web", "127.0.0.1:7000", "--listen", "127.0.0.1:1", "--max", "9", "--name", "box.example.org"]
    assert run([*words, "--state", "/srv/web"]) == 0
    (options,) = begun
    assert (options.server.server, options.host, options.port) == ("127.0.0.1:7000", "127.0.0.1", 1)
    assert (options.live, options.state_dir) == (9, Path("/srv/web"))
    assert options.names == ("chat.example.org", "box.example.org"), "a further name, not another one"


@pytest.mark.parametrize(
    ("door", "flags", "encrypted", "cert", "key"),
    [
        (CERTIFIED, [], True, "/srv/set.pem", "/srv/set.key"),
        (CERTIFIED, ["--self-signed"], True, None, None),
        (CERTIFIED, ["--http"], False, None, None),
        (CERTIFIED, ["--cert", "/srv/given.pem"], True, "/srv/given.pem", None),
        (WebDoor(encryption="off"), ["--self-signed"], True, None, None),
        (WebDoor(encryption="off"), ["--cert", "/srv/c.pem", "--key", "/srv/k.pem"], True, "/srv/c.pem", "/srv/k.pem"),
        (WebDoor(), ["--http"], False, None, None),
    ],
)
def test_a_flag_about_encryption_replaces_all_that_is_set_about_it(
    begun: list[WebOptions],
    monkeypatch: pytest.MonkeyPatch,
    door: WebDoor,
    flags: list[str],
    encrypted: bool,
    cert: str | None,
    key: str | None,
) -> None:
    with_settings(monkeypatch, door)
    assert run(["web", *flags]) == 0
    (options,) = begun
    assert options.encrypted is encrypted
    assert (options.cert, options.key) == (cert and Path(cert), key and Path(key))


@pytest.mark.parametrize(
    ("server", "port", "barred"),
    [
        ("127.0.0.1", 7625, BARRED),
        ("[::1]", 7625, BARRED),
        ("127.0.0.1:7000", 7625, None),
        ("127.0.0.1:7000", 7000, BARRED),
        ("192.168.1.20", 7625, None),
    ],
)
def test_the_bans_of_the_room_here_are_for_its_own_door(
    begun: list[WebOptions], monkeypatch: pytest.MonkeyPatch, server: str, port: int, barred: Path | None
) -> None:
    with_settings(monkeypatch, WebDoor(server), port)
    assert run(["web"]) == 0
    assert begun[0].barred == barred


@pytest.mark.parametrize(
    "flags", [["--http", "--self-signed"], ["--cert", "/c", "--http"], ["--key", "/k"], ["--listen", "here:x"]]
)
def test_flags_that_make_no_sense_are_refused(begun: list[WebOptions], flags: list[str]) -> None:
    assert run(["web", *flags]) == 2
    assert not begun


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_without_what_it_needs_it_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], missing: str
) -> None:
    loaded: dict[str, Any] = dict(sys.modules)
    for name in loaded:
        if name.startswith(("sockatuh.web.", "starlette", "uvicorn")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    assert run(["web"]) == 1
    said = capfd.readouterr().err.replace("\n", " ")
    assert f"{sys.executable} -m pip install '.[web]'" in said
    assert "Traceback" not in said


@pytest.fixture
def room_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A state directory of a door that is really opened, as far as it gets."""
    monkeypatch.setattr(module, "read_door", lambda _: DoorHere(WebDoor(listen="127.0.0.1:1"), 7625, BARRED))
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    return tmp_path / "state"


def said_by(capfd: pytest.CaptureFixture[str]) -> str:
    """Return what the command said, in one line."""
    return " ".join(capfd.readouterr().err.split())


@pytest.mark.usefixtures("room_here")
@pytest.mark.parametrize(
    ("host", "reason"),
    [("192.0.2.1", "this machine does not have that address"), ("a..b", "no such host"), ("[fe80::1]", "")],
)
def test_a_place_that_cannot_be_had_is_told_with_the_flag_of_this_command(
    capfd: pytest.CaptureFixture[str], host: str, reason: str
) -> None:
    assert run(["web", "--listen", f"{host}:7680"]) == 1
    said = said_by(capfd)
    assert f"{host}:7680" in said
    assert reason in said
    assert "--listen [::]:7681" in said
    assert "attempting" not in said, "a library's words"


@pytest.mark.usefixtures("room_here")
def test_a_port_that_is_taken_is_told_in_our_own_words(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert run(["web", "--listen", f"127.0.0.1:{taken.getsockname()[1]}"]) == 1
    assert "another program uses this port. Choose another address or port" in said_by(capfd)


def test_a_second_door_with_the_same_state_is_told_what_to_do(
    room_here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    room_here.mkdir(0o700)
    with open(room_here / "web.lock", "ab") as file:
        os.fchmod(file.fileno(), 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        assert run(["web", "--listen", "127.0.0.1:7680"]) == 1
    said = said_by(capfd)
    assert str(room_here) in said
    assert "--state DIR" in said
    assert "keys" not in said


@pytest.mark.parametrize("name", ["bad/name", "https://kitchen.lan", "kitchen.lan:7680", ""])
def test_a_further_name_that_is_none_is_refused(begun: list[WebOptions], name: str) -> None:
    assert run(["web", "--name", name]) == 2
    assert not begun


@pytest.mark.usefixtures("room_here")
def test_the_file_that_is_wrong_is_the_one_that_is_named(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    certificate, missing, no_key = tmp_path / "c.pem", tmp_path / "none.key", tmp_path / "bad.key"
    pem = make_certificate(["box.example.org"], datetime.now(UTC))
    certificate.write_bytes(pem.partition(b"-----BEGIN PRIVATE KEY")[0])
    no_key.write_text("junk")
    listen = ["--listen", f"127.0.0.1:{free_tcp_port()}"]
    for key in (missing, no_key):
        assert run(["web", *listen, "--cert", str(certificate), "--key", str(key)]) == 8
        assert said_by(capfd).startswith(f"{key} cannot be used for TLS")
    assert run(["web", *listen, "--cert", str(certificate)]) == 8
    said = said_by(capfd)
    assert said.startswith(f"{certificate} cannot be used for TLS")
    assert "name it with --key" in said


def test_a_certificate_that_has_expired_is_told_at_the_start(tmp_path: Path) -> None:
    path, now = tmp_path / "c.pem", datetime.now(UTC)
    ended = Certificate(b"", "AB:CD", now - timedelta(days=1))
    valid = Certificate(b"", "AB:CD", now + timedelta(days=1))
    told = [Open(("https://192.0.2.1/",), "kitchen", True, each, True, True, path) for each in (ended, valid)]
    assert any("expired on" in each and str(path) in each for each in module._told_of(told[0]))
    assert len(module._told_of(told[1])) == 1, "nothing is wrong"
    ours = Open(("https://192.0.2.1/",), "kitchen", True, valid, True, True)
    assert any("AB:CD" in each for each in module._told_of(ours))


def test_a_room_that_does_not_answer_or_writes_its_bans_elsewhere_is_told_at_the_start() -> None:
    def told(*, answers: bool, bans: tuple[str, str] | None) -> str:
        door = Open(("http://192.0.2.1/",), "kitchen", True, None, True, answers, bans_unread=bans)
        return " ".join(module._told_of(door))

    assert "No room answers at kitchen" in told(answers=False, bans=None)
    assert "--config" in told(answers=True, bans=("/srv/barred", ""))
    assert "/srv/barred: Permission denied" in told(answers=True, bans=("/srv/barred", "Permission denied"))
    assert "room" not in told(answers=True, bans=None)


def free_tcp_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])
