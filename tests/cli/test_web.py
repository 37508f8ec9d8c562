"""The command `web`: what flags, settings and defaults come to, and what it says when it cannot begin."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import pytest

from sockatuh.cli import web as module
from sockatuh.cli.app import run
from sockatuh.cli.web_settings import DoorHere
from sockatuh.settings.web_door import WebDoor
from sockatuh.web.service import WebOptions

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
