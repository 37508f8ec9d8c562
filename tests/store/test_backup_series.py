from __future__ import annotations

import os
from pathlib import Path

import pytest

from sockatuh.store.backup_series import backup_name, keep_newest

WORDS = ("airport", "bargain", "limit", "quiz")
NOON = 1_796_731_200_000
"""2026-12-08T12:00:00Z."""
DAY = 86_400_000


def fill(directory: Path, days: int) -> list[Path]:
    """Put a backup of each of the last days there, the newest first."""
    files = [directory / backup_name(WORDS, NOON - DAY * day) for day in range(days)]
    for file in files:
        file.touch()
    return files


def test_a_name_has_words_of_the_key_and_the_time_in_utc() -> None:
    assert backup_name(WORDS, NOON + 4_000) == "sockatuh-airport-bargain-2026-12-08-120004.backup"
    assert backup_name((), NOON) == "sockatuh-2026-12-08-120000.backup"


def test_the_newest_are_kept(tmp_path: Path) -> None:
    files = fill(tmp_path, 10)
    assert keep_newest(files[0], WORDS, 7, NOON) == sorted(files[7:])
    assert sorted(tmp_path.iterdir()) == sorted(files[:7])
    assert keep_newest(files[0], WORDS, 7, NOON) == []


def test_the_one_just_made_is_kept_even_if_a_wrong_clock_makes_it_the_oldest(tmp_path: Path) -> None:
    files = fill(tmp_path, 4)
    assert keep_newest(files[3], WORDS, 1, NOON) == sorted(files[:3])
    assert [*tmp_path.iterdir()] == [files[3]]


@pytest.mark.parametrize(
    "name",
    [
        "notes.txt",
        "room.backup",
        "sockatuh-2026-12-01-120000.backup",  # of a room without keys
        "sockatuh-other-words-2026-12-01-120000.backup",
        "sockatuh-airport-bargain-2026-12-01-120000.backup.gz",
        "sockatuh-airport-bargain-2026-12-01.backup",
        "my-sockatuh-airport-bargain-2026-12-01-120000.backup",
        "sockatuh-airport-bargain-2026-12-01-120000.backup\n",
        "sockatuh-airport-bargain-٢٠٢٦-12-01-120000.backup",
    ],
)
def test_no_other_file_is_deleted(tmp_path: Path, name: str) -> None:
    files = fill(tmp_path, 1)
    (tmp_path / name).touch()
    assert keep_newest(files[0], WORDS, 1, NOON) == []
    assert (tmp_path / name).exists()


def test_links_and_directories_by_such_a_name_stay(tmp_path: Path) -> None:
    files = fill(tmp_path, 1)
    link, directory = (tmp_path / backup_name(WORDS, NOON - DAY * day) for day in (1, 2))
    link.symlink_to("precious")
    directory.mkdir()
    assert keep_newest(files[0], WORDS, 1, NOON) == []
    assert link.is_symlink()
    assert directory.is_dir()


@pytest.mark.skipif("os.name != 'posix' or os.geteuid() != 0", reason="only root can give a file away")
def test_a_file_of_somebody_else_stays(tmp_path: Path) -> None:
    files = fill(tmp_path, 3)
    os.chown(files[2], 1_000, 1_000)
    assert keep_newest(files[0], WORDS, 1, NOON) == [files[1]]
    assert files[2].exists()


def test_what_a_killed_backup_has_left_is_deleted_after_a_day(tmp_path: Path) -> None:
    files = fill(tmp_path, 1)
    old, young = (tmp_path / f".{backup_name(WORDS, NOON - 1_000 * age)}.{'0a' * 6}" for age in (2, 1))
    other = tmp_path / ".sockatuh-other-words-2026-12-01-120000.backup.000000000000"
    for draft, age in ((old, DAY + 1_000), (young, DAY - 1_000), (other, 2 * DAY)):
        draft.mkdir()
        (draft / "copy").touch()
        os.utime(draft, (0, (NOON - age) / 1_000))
    assert keep_newest(files[0], WORDS, 1, NOON) == []
    assert sorted(tmp_path.iterdir()) == sorted([files[0], young, other])


def test_a_directory_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        keep_newest(tmp_path / "gone" / "file", WORDS, 1, NOON)
