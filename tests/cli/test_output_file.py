from __future__ import annotations

import os
from pathlib import Path

import pytest

from sockatuh.cli.output_file import write_new, write_over


def test_a_new_file_is_written_and_one_that_is_there_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "numbers"
    write_new(file, b"1")
    with pytest.raises(FileExistsError):
        write_new(file, b"2")
    assert file.read_bytes() == b"1"


def test_a_file_is_replaced_by_another_one_with_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "numbers"
    file.write_bytes(b"1")
    with open(file, "rb") as before:
        mask = os.umask(0o077)
        try:
            write_over(file, b"2", 0o644)
        finally:
            os.umask(mask)
        assert before.read() == b"1", "whoever reads it has the old one whole"
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"2", 0o644)


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    file, target = tmp_path / "numbers", tmp_path / "target"
    target.write_bytes(b"1")
    file.symlink_to(target)
    with pytest.raises(FileExistsError):
        write_new(file, b"2")
    write_over(file, b"2")
    assert (file.is_symlink(), file.read_bytes(), target.read_bytes()) == (False, b"2", b"1")


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_over(tmp_path / "directory", b"2")
    with pytest.raises(FileNotFoundError):
        write_over(tmp_path / "missing" / "file", b"2")
    assert [each.name for each in tmp_path.iterdir()] == ["directory"]


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int, __: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fchmod", full)
    with pytest.raises(OSError, match="No space left"):
        write_over(tmp_path / "numbers", b"2", 0o644)
    assert list(tmp_path.iterdir()) == []
