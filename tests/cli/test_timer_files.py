"""The timers that can be installed beside the service, and what takes them away again."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cli.test_install import UNITS, _elsewhere, commands, content, install, program_in, tree

from sockatuh.cli.app import run
from sockatuh.cli.timer_files import (
    BACKUP_UNITS,
    METRICS_UNITS,
    Backups,
    Companions,
    companion_unit,
    installed_companions,
)
from sockatuh.store.backup_stamp import Stamp, note_failed, read_stamp

pytestmark = pytest.mark.skipif("sys.platform != 'linux'", reason="systemd is Linux's")

__all__ = ["_elsewhere", "commands", "tree"]

PROM = "var/lib/prometheus/node-exporter/sockatuh.prom"
METRICS = ["enable sockatuh-metrics.timer", "restart sockatuh-metrics.timer"]
BACKUP = ["enable sockatuh-backup.timer", "restart sockatuh-backup.timer", "start sockatuh-backup.service"]


def unit_of(root: Path, name: str) -> list[str]:
    return (root / UNITS / name).read_text().splitlines()


def timer_units(root: Path) -> set[str]:
    return {path.name for path in (root / UNITS).iterdir()} & {*METRICS_UNITS, *BACKUP_UNITS}


def test_metrics_are_written_each_minute_until_they_are_not(
    tree: Path, commands: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert install("--metrics") == 0
    assert [*commands][2:] == METRICS
    assert timer_units(tree) == {*METRICS_UNITS}
    service = unit_of(tree, "sockatuh-metrics.service")
    assert f"ExecStart=/opt/chat/bin/sockatuh metrics --to /{PROM}" in service
    assert "ExecPaths=/usr -/lib -/lib64 /opt/chat" in service
    assert (tree / PROM).parent.is_dir()
    assert f"written each minute: {tree}/{PROM}" in capfd.readouterr().out
    (tree / PROM).write_text("sockatuh_up 1.0\n")
    assert install("--no-metrics") == 0
    assert timer_units(tree) == set()
    assert not (tree / "var/lib/prometheus").exists()
    said = [*commands][4:]
    assert said[0] == "disable --now sockatuh-metrics.timer sockatuh-metrics.service"
    assert not [each for each in said if each.startswith(("enable sockatuh-m", "restart sockatuh-m"))]


def test_a_backup_is_made_at_once_and_each_night(
    tree: Path, tmp_path: Path, commands: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert install("--backup", "backups", "--keep", "3") == 0
    assert [*commands][2:] == BACKUP
    service = unit_of(tree, "sockatuh-backup.service")
    assert f"ExecStart=/opt/chat/bin/sockatuh backup --keep 3 --every 1d -- {tmp_path}/backups" in service
    assert f"RequiresMountsFor={tmp_path}/backups" in service
    assert f"ReadWritePaths=-{tmp_path}/backups" in service
    assert stat.S_IMODE((tmp_path / "backups").stat().st_mode) == 0o700
    assert f"the newest 3 are kept: {tmp_path}/backups\n" in capfd.readouterr().out


def test_again_it_renews_the_timers_and_keeps_what_was_chosen(
    tree: Path, tmp_path: Path, commands: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    install("--metrics", "--backup", "my 'b' \"$%\\", "--keep", "3")
    before = content(tree)
    for name in (*METRICS_UNITS, *BACKUP_UNITS):
        file = tree / UNITS / name
        file.write_text(file.read_text().replace("Persistent=yes", "").replace("AccuracySec=5s", ""))
    called = len([*commands])
    assert install() == 0
    assert content(tree) == before
    assert installed_companions() == Companions(metrics=True, backups=Backups(tmp_path / "my 'b' \"$%\\", 3))
    assert [*commands][called + 3 :] == [
        "enable sockatuh-metrics.timer sockatuh-backup.timer",
        "restart sockatuh-metrics.timer sockatuh-backup.timer",
    ]
    assert install("--keep", "9") == 0
    assert installed_companions() == Companions(metrics=True, backups=Backups(tmp_path / "my 'b' \"$%\\", 9))
    monkeypatch.chdir("/")
    assert install("--backup", str(tmp_path / "other"), "--no-metrics") == 0
    assert installed_companions() == Companions(metrics=False, backups=Backups(tmp_path / "other", 9))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--keep", "3"], "--backup DIR"),
        (["--metrics", "--no-metrics"], "--no-metrics does not go with --metrics."),
        (["--web", "--no-web"], "--no-web does not go with --web."),
        (["--no-backup", "--keep", "3"], "--no-backup"),
        (["--no-backup", "--backup", "x"], "--no-backup"),
        (["--backup", "file"], "not a directory"),
        (["--backup", "a\nb"], "not a directory"),
        (["--backup", "root/var/lib/sockatuh/backups"], "where the room itself is"),
        (["--backup", "root/var/lib/private/sockatuh"], "where the room itself is"),
        (["--backup", "x", "--keep", "0"], "--keep"),
    ],
)
def test_options_that_make_no_sense_change_nothing(
    tree: Path, tmp_path: Path, options: list[str], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert install(*options) == 2
    assert said in capfd.readouterr().err
    assert not tree.exists()


def test_printing_shows_the_timers_too_and_makes_no_directory(
    tree: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert install("--print", "--metrics", "--backup", "backups") == 0
    said = capfd.readouterr().out
    for name in (*METRICS_UNITS, *BACKUP_UNITS):
        assert f"{UNITS}/{name} (0644) <==" in said
    assert said.splitlines()[-1] == "==> systemctl start sockatuh-backup.service"
    assert not tree.exists()
    assert not (tmp_path / "backups").exists()


def test_a_first_backup_that_fails_is_told_with_its_own_log(
    tree: Path, tmp_path: Path, commands: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bin/journalctl").write_text(
        '#!/bin/sh\ncase "$*" in *--unit=sockatuh-backup.service*) echo "disk full";; esac\n'
    )
    (tmp_path / "fails").write_text("start")
    assert install("--backup", "backups") == 1
    assert "`systemctl start sockatuh-backup.service` failed:\n  disk full\n" in capfd.readouterr().err
    assert [*commands][-1] == "start sockatuh-backup.service"
    assert timer_units(tree) == {*BACKUP_UNITS}


def test_when_backups_end_the_room_expects_none_and_those_made_stay(
    tree: Path, tmp_path: Path, commands: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    install("--backup", "backups")
    state = tree / "var/lib/sockatuh"
    state.mkdir(parents=True)
    note_failed(state, 1_000, "no space", 86_400.0)
    (tmp_path / "backups/sockatuh-a-b-2026-01-01-000000.backup").touch()
    capfd.readouterr()
    assert install("--no-backup") == 0
    assert timer_units(tree) == set()
    assert read_stamp(state) == Stamp()
    assert "disable --now sockatuh-backup.timer sockatuh-backup.service" in [*commands]
    assert "clean --what=state sockatuh-backup.timer" in [*commands]
    assert f"The backups stay: {tmp_path}/backups" in capfd.readouterr().err
    assert [*(tmp_path / "backups").iterdir()]


@pytest.mark.parametrize("purge", [[], ["--purge"]])
def test_uninstalling_removes_every_file_that_an_option_wrote(
    tree: Path, tmp_path: Path, commands: list[str], capfd: pytest.CaptureFixture[str], purge: list[str]
) -> None:
    install("--metrics", "--backup", "backups")
    (tree / PROM).write_text("sockatuh_up 1.0\n")
    capfd.readouterr()
    assert run(["uninstall-service", *purge]) == 0
    left = {"etc/sockatuh/password_hash", "etc/sockatuh/sockatuh.toml"}
    assert content(tree).keys() == (set() if purge else left)
    names = "sockatuh-metrics.timer sockatuh-metrics.service sockatuh-backup.timer sockatuh-backup.service"
    assert f"disable --now {names}" in [*commands]
    assert [*commands][-1] == f"reset-failed sockatuh.socket sockatuh.service {names}"
    said = capfd.readouterr().out
    assert f"removed   {tree}/{PROM}" in said
    assert f"The backups stay: {tmp_path}/backups" in said
    assert (tmp_path / "backups").is_dir()


def test_a_file_of_numbers_that_nobody_asked_for_stays(tree: Path) -> None:
    install()
    (tree / PROM).parent.mkdir(parents=True)
    (tree / PROM).write_text("from a container\n")
    assert run(["uninstall-service"]) == 0
    assert (tree / PROM).exists()


def test_the_directory_of_numbers_stays_where_it_is_the_collectors(tree: Path) -> None:
    (tree / "lib/systemd/system").mkdir(parents=True)
    (tree / "lib/systemd/system/prometheus-node-exporter.service").touch()
    install("--metrics")
    assert run(["uninstall-service"]) == 0
    assert (tree / PROM).parent.is_dir()


def test_without_a_directory_the_unit_is_the_packaged_one() -> None:
    text = companion_unit("sockatuh-backup.service", program_in("/opt/sockatuh"), None)
    assert "-- /var/backups/sockatuh\n" in text


def test_the_door_for_browsers_is_a_unit_of_its_own_until_it_is_not(
    tree: Path, commands: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert install("--web") == 0
    assert [*commands][2:] == ["enable sockatuh-web.service", "restart sockatuh-web.service"]
    service = unit_of(tree, "sockatuh-web.service")
    assert "ExecStart=/opt/chat/bin/sockatuh web --config /etc/sockatuh/sockatuh.toml" in service
    assert "ExecPaths=/usr -/lib -/lib64 /opt/chat" in service
    assert "journalctl -u sockatuh-web.service" in capfd.readouterr().out
    assert installed_companions() == Companions(web=True)
    assert install() == 0
    assert installed_companions() == Companions(web=True), "an update keeps it"
    assert install("--no-web") == 0
    assert installed_companions() == Companions()
    assert "disable --now sockatuh-web.service" in [*commands]


def test_the_doors_unit_may_have_the_port_that_is_set(
    tree: Path, commands: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert commands == []
    assert install("--web") == 0
    config = tree / "etc/sockatuh/sockatuh.toml"
    config.write_text(config.read_text("utf-8") + "[web]\nlisten = '[::]:8443'\n", "utf-8")
    assert install() == 0
    assert "SocketBindAllow=tcp:8443" in unit_of(tree, "sockatuh-web.service")
    assert "TCP port 8443" in capfd.readouterr().out


def test_a_door_that_cannot_be_opened_is_not_installed(
    tree: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sockatuh.cli.install.can_serve_web", lambda: False)
    assert install("--web") == 1
    assert "-m pip install '.[web]'" in capfd.readouterr().err
    assert not (tree / UNITS / "sockatuh-web.service").exists()


def test_uninstalling_takes_the_door_away_and_purging_the_browsers_keys(tree: Path) -> None:
    assert install("--web") == 0
    keys = tree / "var/lib/private/sockatuh-web"
    keys.mkdir(parents=True)
    assert run(["uninstall-service"]) == 0
    assert not (tree / UNITS / "sockatuh-web.service").exists()
    assert keys.exists()
    assert run(["uninstall-service", "--purge"]) == 0
    assert not keys.exists()
