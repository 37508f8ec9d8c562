"""The lock of a room's directory: who holds it, and errors where locking is impossible."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

fcntl = pytest.importorskip("fcntl", reason="the server runs on Linux and macOS")

from sockatuh.errors import DatabaseUnusable  # noqa: E402 - after the question whether there are locks
from sockatuh.store.files import lock_directory  # noqa: E402


def refusal(directory: Path) -> DatabaseUnusable:
    with pytest.raises(DatabaseUnusable) as refused:
        lock_directory(directory)
    return refused.value


def test_only_one_process_holds_the_lock(tmp_path: Path) -> None:
    with lock_directory(tmp_path):
        assert refusal(tmp_path).reason == "another sockatuh serves this room already"
    lock_directory(tmp_path).close()


def test_other_users_cannot_hold_the_lock(tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    tmp_path.chmod(0o755)
    before = os.umask(0)
    try:
        lock_directory(tmp_path).close()
        assert stat.S_IMODE((tmp_path / "room.lock").stat().st_mode) == 0o600
        (tmp_path / "room.lock").chmod(0o644)  # by an earlier version
        lock_directory(tmp_path).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "room.lock").stat().st_mode) == 0o600


@pytest.mark.parametrize("error", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_reported(error: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(fcntl, "flock", refuse)
    refused = refusal(tmp_path)
    assert "no locks" in refused.reason
    assert "another" not in refused.reason
    assert "state_dir" in refused.remedy


def test_other_lock_errors_are_reported_in_the_systems_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert os.strerror(errno.EIO) in refusal(tmp_path).reason


def test_a_link_or_pipe_is_refused_as_lock_file(tmp_path: Path) -> None:
    (tmp_path / "room.lock").symlink_to(tmp_path / "elsewhere")
    assert "link" in refusal(tmp_path).reason
    assert not (tmp_path / "elsewhere").exists()
    (tmp_path / "room.lock").unlink()
    os.mkfifo(tmp_path / "room.lock")
    assert refusal(tmp_path).reason
