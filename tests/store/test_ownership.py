"""A client refuses files that another user owns or may access, and says what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sockatuh.client.profile import Profile
from sockatuh.errors import FileNotPrivate

pytestmark = pytest.mark.skipif(os.name != "posix", reason="owners and modes are a matter of POSIX")
as_root = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root gives files away")

SOMEBODY = 61_234
KEY = bytes(range(32))


@pytest.fixture(name="files")
def _files(tmp_path: Path) -> Profile:
    files = Profile(tmp_path / "client")
    files.identity()
    files.pin("a:1", KEY, "kitchen")
    return files


def refusal(files: Profile) -> FileNotPrivate:
    """Return why a pin is not believed; nothing is written on it either."""
    with pytest.raises(FileNotPrivate) as refused:
        files.find_pin("a:1")
    with pytest.raises(FileNotPrivate):
        files.pin("a:1", KEY, "kitchen")
    return refused.value


@as_root
@pytest.mark.parametrize("name", ["", "known_servers"])
def test_a_file_owned_by_another_user_is_refused(files: Profile, tmp_path: Path, name: str) -> None:
    os.chown(tmp_path / "client" / name, SOMEBODY, SOMEBODY)
    refused = refusal(files)
    assert f"belongs to user {SOMEBODY}, and this runs as root" in refused.reason
    assert "SOCKATUH_CLIENT_DIR" in refused.reason


@as_root
def test_another_users_key_is_refused(files: Profile, tmp_path: Path) -> None:
    os.chown(tmp_path / "client" / "identity", SOMEBODY, SOMEBODY)
    with pytest.raises(FileNotPrivate):
        files.identity()


@as_root
def test_root_creates_nothing_in_a_home_kept_by_sudo(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".config").mkdir(parents=True)
    for path in (home, home / ".config"):
        os.chown(path, SOMEBODY, SOMEBODY)
    with pytest.raises(FileNotPrivate):
        Profile(home / ".config" / "sockatuh").identity()
    assert not (home / ".config" / "sockatuh").exists()
    (home / ".config" / "sockatuh").mkdir(mode=0o700)  # as root would have left it
    with pytest.raises(FileNotPrivate, match="belongs to"):
        Profile(home / ".config" / "sockatuh").identity()


@as_root
def test_a_link_made_by_another_user_is_not_followed(tmp_path: Path, files: Profile) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "client")
    os.chown(tmp_path / "link", SOMEBODY, SOMEBODY, follow_symlinks=False)
    refusal(Profile(tmp_path / "link"))
    os.chown(tmp_path / "link", 0, 0, follow_symlinks=False)
    assert Profile(tmp_path / "link").find_pin("a:1") == files.find_pin("a:1")


@pytest.mark.parametrize(("name", "mode", "remedy"), [("", 0o770, "700"), ("known_servers", 0o666, "600")])
def test_a_file_writable_by_others_is_refused(
    files: Profile, tmp_path: Path, name: str, mode: int, remedy: str
) -> None:
    path = tmp_path / "client" / name
    path.chmod(mode)
    assert refusal(files).reason == f"others can write there; run: chmod {remedy} {path}"


def test_a_link_in_a_files_place_is_refused(files: Profile, tmp_path: Path) -> None:
    (tmp_path / "client" / "known_servers").rename(tmp_path / "elsewhere")
    (tmp_path / "client" / "known_servers").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileNotPrivate, match="it is a link"):
        files.find_pin("a:1")


def test_an_empty_open_directory_is_made_private_and_used(tmp_path: Path) -> None:
    (tmp_path / "client").mkdir(mode=0o777)
    (tmp_path / "client").chmod(0o777)
    Profile(tmp_path / "client").identity()
    assert (tmp_path / "client").stat().st_mode & 0o777 == 0o700
