"""What `check` says of the door for browsers, where there is one."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sockatuh.cli import service_files, web_checks
from sockatuh.cli.web_checks import door_problems
from sockatuh.settings.sources import load
from sockatuh.web.certificate import make_certificate
from sockatuh.wording import check as wording

NOW = datetime.now(UTC)
PEM = make_certificate(["kitchen"], NOW)
OTHER = make_certificate(["kitchen"], NOW)
OLD = make_certificate(["kitchen"], NOW - timedelta(days=500))

Problems = Callable[..., dict[str, str]]


@pytest.fixture
def problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Problems:
    """Return what is wrong with the settings in a table [web], by key."""
    monkeypatch.setattr(service_files, "ROOT", tmp_path)
    monkeypatch.setattr(web_checks, "find_pages", lambda: ())

    def found(**web: object) -> dict[str, str]:
        table = "".join(f"{key} = {value!r}\n" for key, value in web.items())
        (tmp_path / "room.toml").write_text(f"state_dir = '{tmp_path}/state'\n[web]\n{table}")
        settings = load({"config": tmp_path / "room.toml"}, {}, tmp_path, serving=False)
        return {each.key: each.expected for each in door_problems(settings)}

    return found


def a_unit(tmp_path: Path) -> None:
    unit = tmp_path / "etc/systemd/system/sockatuh-web.service"
    unit.parent.mkdir(parents=True)
    unit.touch()


def test_where_nobody_wants_a_door_nothing_is_tried(problems: Problems, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "create_server", lambda *_, **__: pytest.fail("tried"))
    assert problems() == {}


def test_a_door_in_order_has_no_problem(problems: Problems, tmp_path: Path) -> None:
    (tmp_path / "pair.pem").write_bytes(PEM)
    assert problems(listen="127.0.0.1:7680", encryption="certificate", certificate=f"{tmp_path}/pair.pem") == {}


def test_an_address_of_another_machine_and_a_room_that_is_none(problems: Problems) -> None:
    found = problems(listen="192.0.2.77:7680", server="sockatuh://nonsense")
    assert found.keys() == {"web.listen", "web.server"}
    assert found["web.listen"] == wording.NOT_OURS


def test_a_port_that_another_program_has_is_told_of_a_unit_that_is_not_running(
    problems: Problems, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        assert problems(listen=listen) == {}, "a door that somebody opened by hand may have it"
        a_unit(tmp_path)
        assert problems(listen=listen).keys() == {"web.listen"}
        monkeypatch.setattr(web_checks, "find_pages", lambda: ("https://127.0.0.1/",))
        assert problems(listen=listen) == {}


@pytest.mark.parametrize(
    ("certificate", "key", "wrong"),
    [
        (None, None, "web.certificate"),
        (b"nothing", None, "web.certificate"),
        (PEM.partition(b"-----BEGIN PRIVATE")[0], None, "web.certificate"),
        (PEM, OTHER, "web.certificate"),
        (OLD, None, "web.certificate"),
        (PEM, b"", "web.certificate"),
    ],
    ids=["missing", "no certificate", "no key", "another's key", "expired", "empty key"],
)
def test_a_certificate_that_cannot_be_used(
    problems: Problems, tmp_path: Path, certificate: bytes | None, key: bytes | None, wrong: str
) -> None:
    if certificate is not None:
        (tmp_path / "cert.pem").write_bytes(certificate)
    files = {"certificate": f"{tmp_path}/cert.pem"}
    if key is not None:
        (tmp_path / "key.pem").write_bytes(key)
        files["key"] = f"{tmp_path}/key.pem"
    assert problems(encryption="certificate", **files).keys() == {wrong}


def test_what_the_unit_may_not_read_is_told(
    problems: Problems, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cert.pem").write_bytes(PEM)
    (tmp_path / "cert.pem").chmod(0o600)
    settings = {"encryption": "certificate", "certificate": f"{tmp_path}/cert.pem", "listen": "127.0.0.1:1"}
    monkeypatch.setattr(web_checks, "find_pages", lambda: ("https://127.0.0.1/",))
    assert problems(**settings) == {}
    a_unit(tmp_path)
    assert problems(**settings) == {"web.certificate": wording.NOT_FOR_THE_SERVICE}
    monkeypatch.setattr(web_checks, "CREDENTIALS", tmp_path)
    assert problems(**settings) == {}
