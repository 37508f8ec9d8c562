"""What `reload` does before it asks: root renews the credential of the installed service, and harms nobody by that."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit.control_double import ControlDouble, answering

from sockatuh.cli import service_files
from sockatuh.cli.app import run
from sockatuh.cli.box import reload
from sockatuh.cli.which_room import ChosenRoom, Installed
from sockatuh.server.box_report import Reloaded
from sockatuh.server.control_lines import encode_reply

pytestmark = pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root does this")

SERVICE = 61_234
"""A user that nobody has."""
HASH = "$2b$12$" + "e" * 53 + "\n"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an installed service that runs."""
    monkeypatch.setattr(service_files, "ROOT", tmp_path)
    for name in [name for name in os.environ if name.startswith("SOCKATUH_")]:
        monkeypatch.delenv(name)
    (tmp_path / "etc/sockatuh").mkdir(parents=True)
    (tmp_path / "run/sockatuh").mkdir(parents=True)
    (tmp_path / "etc/sockatuh/password_hash").write_text(HASH)
    (tmp_path / "etc/sockatuh/password_hash").chmod(0o600)
    os.chown(tmp_path / "run/sockatuh", SERVICE, SERVICE)
    installed(monkeypatch, is_active=True)
    return tmp_path


def installed(monkeypatch: pytest.MonkeyPatch, *, is_active: bool) -> None:
    service = Installed(Path("/unit"), is_active, is_listening=True)
    monkeypatch.setattr(reload, "choose_room", lambda _: ChosenRoom(service, None, {}, None))


@pytest.fixture
def server(machine: Path) -> Iterator[ControlDouble]:
    with answering(machine / "run/sockatuh/control", encode_reply(Reloaded(taken=(), restart=()))) as double:
        yield double


def test_a_new_hash_is_put_where_the_service_reads_it_as_the_services_own(machine: Path, server: ControlDouble) -> None:
    assert run(["reload"]) == 0
    copy = machine / "run/sockatuh/password_hash"
    assert copy.read_text() == HASH
    assert (copy.stat().st_uid, stat.S_IMODE(copy.stat().st_mode)) == (SERVICE, 0o600)
    assert len(server.asked) == 1


def test_what_the_service_has_put_there_leads_root_nowhere(machine: Path, server: ControlDouble) -> None:
    outside = machine / "shadow"
    outside.write_text("root's")
    (machine / "run/sockatuh/password_hash").symlink_to(outside)
    os.chown(machine / "run/sockatuh/password_hash", SERVICE, SERVICE, follow_symlinks=False)
    assert run(["reload"]) == 0
    assert outside.read_text() == "root's"
    assert not (machine / "run/sockatuh/password_hash").is_symlink()
    assert len(server.asked) == 1


def test_a_room_that_is_no_running_service_gets_none(
    machine: Path, server: ControlDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["reload", "--socket", str(server.path)]) == 0
    installed(monkeypatch, is_active=False)
    assert run(["reload"]) == 0
    assert not (machine / "run/sockatuh/password_hash").exists()
    assert len(server.asked) == 2
