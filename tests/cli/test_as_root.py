"""Commands run by root in a hostile user's directory change nothing outside it."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from sockatuh.cli import install, new_room, service_files
from sockatuh.cli.app import run
from sockatuh.room.entries import Message
from sockatuh.room.log import Append
from sockatuh.store.database import open_reader, open_writer
from sockatuh.store.files import write_private
from sockatuh.store.log_table import append_all

pytestmark = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root has rights to misuse")

SERVICE = 61_234
"""A user that nobody has."""
FILES = ("room.db", "room.db-wal", "room.db-shm", "room.lock", "server.key", "reset.key", "ticket.keys")


@pytest.fixture(name="outside")
def _outside(tmp_path: Path) -> Path:
    """Where nothing is the service's business."""
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o755)
    for name in ("shadow", "shadow-", "keys"):
        write_private(outside / name, f"secret of {name}".encode())
    return outside


@pytest.fixture(name="made", scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a room in `state` and its backup beside it, for each test to copy."""
    made = tmp_path_factory.mktemp("made")
    with closing(open_writer(made / "state" / "room.db", "full")) as connection:
        append_all(connection, [Append(bytes(16), Message("ana", "", "soup", action=False))], 1, frozenset())
    for name in ("server.key", "reset.key", "ticket.keys"):
        write_private(made / "state" / name, name.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOCKATUH_STATE_DIR", str(made / "state"))
        assert run(["backup", str(made / "room.backup")]) == 0
    return made


@pytest.fixture(name="state")
def _state(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The service's room, of which there is a backup with root; others may pass through to it."""
    for name in [name for name in os.environ if name.startswith("SOCKATUH_")]:
        monkeypatch.delenv(name)
    state = tmp_path / "state"
    monkeypatch.setenv("SOCKATUH_STATE_DIR", str(state))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(new_room, "BCRYPT_COST", 10)
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    give(state)
    return state


def give(state: Path) -> None:
    """Give a directory and what is in it to the service."""
    for path in (state, *state.iterdir()):
        os.chown(path, SERVICE, SERVICE, follow_symlinks=False)


def picture(directory: Path) -> dict[str, tuple[int, ...] | bytes]:
    """Return everything that could have changed in a directory."""
    found: dict[str, tuple[int, ...] | bytes] = {}
    for path in (directory, *sorted(directory.rglob("*"))):
        of = path.lstat()
        found[f"{path} itself"] = (of.st_mode, of.st_uid, of.st_gid, of.st_ino, of.st_nlink)
        if stat.S_ISREG(of.st_mode):
            found[str(path)] = path.read_bytes()
    return found


def replace_by_link(state: Path, name: str, target: Path) -> None:
    (state / name).unlink(missing_ok=True)
    (state / name).symlink_to(target)


COMMANDS = (
    ("restore", "room.backup"),
    ("backup", "another.backup"),
    ("check", "--config", "room.toml"),
    ("history",),
    ("audit",),
)


@pytest.mark.parametrize("target", ["shadow", "new"])
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("command", COMMANDS, ids=[command[0] for command in COMMANDS])
def test_root_does_not_follow_a_link_in_place_of_a_file(
    command: tuple[str, ...], name: str, target: str, state: Path, outside: Path, tmp_path: Path
) -> None:
    (tmp_path / "room.toml").write_text(f"password_hash = '{'$2b$12$' + 'e' * 53}'\nport = 0\nhost = '127.0.0.1'\n")
    replace_by_link(state, name, outside / target)
    os.chown(state / name, SERVICE, SERVICE, follow_symlinks=False)
    before = picture(outside)
    run(command)
    assert picture(outside) == before


@pytest.mark.parametrize("name", FILES)
def test_root_does_not_write_through_a_hard_link(name: str, state: Path, outside: Path) -> None:
    (state / name).unlink(missing_ok=True)
    os.link(outside / "shadow", state / name)  # on a kernel that lets everybody do it
    before = {path: path.read_bytes() for path in outside.iterdir()}, (outside / "shadow").stat()
    run(["restore", "room.backup"])
    after = {path: path.read_bytes() for path in outside.iterdir()}, (outside / "shadow").stat()
    assert after[0] == before[0]
    assert (after[1].st_uid, after[1].st_mode) == (before[1].st_uid, before[1].st_mode)


def test_restored_files_belong_to_the_service(state: Path) -> None:
    (state / "server.key").unlink()
    assert run(["restore", "room.backup"]) == 0
    for path in state.iterdir():
        assert (path.stat().st_uid, path.stat().st_gid) == (SERVICE, SERVICE), path
        assert not path.stat().st_mode & 0o077, path
    with closing(open_reader(state / "room.db")) as connection:
        assert connection.execute("SELECT count(*) FROM log").fetchone() == (1,)


def test_a_backup_made_by_root_belongs_to_root(state: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for directory in (home, state):
        os.chown(directory, SERVICE + (directory == home), -1)
        assert run(["backup", str(directory / "room.backup")]) == 0
        found = (directory / "room.backup").stat()
        assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (0, 0o600)
        assert not [path.name for path in directory.iterdir() if path.name.startswith(".")]
    assert str(home / "room.backup") in capfd.readouterr().err


def test_a_directory_that_leads_elsewhere_is_refused(
    state: Path, outside: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "state").symlink_to(outside)
    for path in (home, home / "state"):
        os.chown(path, SERVICE, SERVICE, follow_symlinks=False)
    monkeypatch.setenv("SOCKATUH_STATE_DIR", str(home / "state"))
    before = picture(outside)
    for command in (("restore", "room.backup"), ("init", "--dir", str(home / "state"), "--non-interactive")):
        assert run(command) == 1
        assert "another user's link" in capfd.readouterr().err
    assert run(["backup", str(home / "state" / "room.backup")]) == 1
    assert picture(outside) == before
    assert state.exists()


def test_links_within_what_is_the_services_own_are_followed(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(state)
    os.chown(tmp_path / "link", SERVICE, SERVICE, follow_symlinks=False)
    monkeypatch.setenv("SOCKATUH_STATE_DIR", str(tmp_path / "link"))
    assert run(["restore", "room.backup"]) == 0
    assert (state / "room.db").stat().st_uid == SERVICE


def test_roots_files_in_a_users_directory_stay_roots(
    tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    state.rename(home / "state")
    monkeypatch.setenv("SOCKATUH_STATE_DIR", str(home / "state"))
    os.chown(home, SERVICE + 1, -1)
    for path in (home / "state", *(home / "state").iterdir()):
        os.chown(path, 0, 0)
    assert run(["restore", "room.backup"]) == 0
    assert {path.stat().st_uid for path in (home / "state").iterdir()} == {0}


def test_a_link_named_like_a_backup_exposes_none_of_roots_files(state: Path, outside: Path) -> None:
    with closing(open_writer(outside / "room.db", "full")):
        pass
    (state / "room.backup").symlink_to(outside / "room.db")
    names = sorted(os.listdir(state))
    assert run(["restore", str(state / "room.backup")]) == 1
    (state / "room.backup").unlink()
    (state / "room.backup").symlink_to(outside / "shadow")
    assert run(["restore", str(state / "room.backup")]) == 1
    assert sorted(os.listdir(state)) == names


def test_init_in_a_users_directory_runs_as_that_user(tmp_path: Path, outside: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "sockatuh.toml").symlink_to(outside / "new")
    (home / "server.key").symlink_to(outside / "shadow")
    os.chown(home, SERVICE, SERVICE)
    before = picture(outside)
    assert run(["init", "--dir", str(home), "--non-interactive"]) != 0
    assert picture(outside) == before
    assert run(["init", "--dir", str(home / "below" / "room"), "--non-interactive"]) == 0
    made = [home / "below", home / "below" / "room", *(home / "below" / "room").iterdir()]
    assert {path.stat().st_uid for path in made} == {SERVICE}
    assert {path.name for path in made} >= {"sockatuh.toml", "server.key", "reset.key"}


def test_a_service_is_not_installed_through_a_link_in_somebodys_tree(
    tmp_path: Path, outside: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "etc").symlink_to(outside)
    os.chown(tree / "etc", SERVICE, SERVICE, follow_symlinks=False)
    before = picture(outside)
    monkeypatch.setattr(service_files, "ROOT", tree)
    monkeypatch.setattr(install, "is_booted", lambda: True)
    monkeypatch.setattr(install, "_require_readable", lambda _: None)
    assert run(["install-service", "--non-interactive"]) == 1
    assert "another user's link" in capfd.readouterr().err
    assert picture(outside) == before
    (outside / "systemd" / "system").mkdir(parents=True)
    (outside / "systemd" / "system" / "sockatuh.service").touch()
    assert run(["uninstall-service"]) == 1
    assert "another user's link" in capfd.readouterr().err
    assert (outside / "systemd" / "system" / "sockatuh.service").exists()


def test_errors_name_paths_as_seen_from_outside(state: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "letter").write_bytes(b"SQLite format 3\0" + b"x" * 9_000)
    assert run(["restore", "letter"]) == 1
    assert "letter cannot be restored: file is not a database" in capfd.readouterr().err
    os.chmod(state / "server.key", 0o644)
    assert run(["backup", "another"]) == 8
    assert f"chmod 600 {state}/server.key" in capfd.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        ["init", "--dir", "new", "--non-interactive"],
        *(
            pytest.param(each, marks=pytest.mark.slow, id=each[0])  # each starts an interpreter
            for each in (
                ["backup", "other"],
                ["restore", "other"],
                ["history"],
                ["audit"],
                ["check", "--config", "room.toml"],
            )
        ),
    ],
    ids=lambda command: command[0],
)
def test_it_works_in_a_fresh_process(state: Path, tmp_path: Path, command: list[str]) -> None:
    """Confined to a directory, it can import nothing any more."""
    (tmp_path / "room.toml").write_text(f"password_hash = '{'$2b$12$' + 'e' * 53}'\nport = 0\nhost = '127.0.0.1'\n")
    if command[0] == "restore":
        assert run(["backup", "other"]) == 0
    command = [str(state / "new") if each == "new" else each for each in command]
    done = subprocess.run([sys.executable, "-m", "sockatuh", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    if command[0] == "init":
        assert (state / "new" / "server.key").stat().st_uid == SERVICE


SWAP = """
import ctypes, sys
exchange = ctypes.CDLL(None).renameat2
one, other = map(str.encode, sys.argv[1:])
print("begun", flush=True)
while not exchange(-100, one, -100, other, 2):  # AT_FDCWD, RENAME_EXCHANGE
    pass
"""


@pytest.mark.slow  # tries a race for seconds
@pytest.mark.skipif(sys.platform != "linux", reason="renameat2 is Linux's")
def test_a_directory_swapped_in_a_loop_leaks_nothing(state: Path, outside: Path) -> None:
    link = state.with_name("link")
    link.symlink_to(outside)
    os.chown(link, SERVICE, SERVICE, follow_symlinks=False)
    os.chown(state.parent, SERVICE, SERVICE)
    before = picture(outside)
    with subprocess.Popen([sys.executable, "-c", SWAP, link, state], stdout=subprocess.PIPE) as swapping:
        assert swapping.stdout is not None
        assert swapping.stdout.readline()
        for _ in range(20):
            run(["restore", "room.backup"])
            run(["backup", "another.backup", "--force"])
        assert swapping.poll() is None
        swapping.kill()
    assert picture(outside) == before
