from __future__ import annotations

from pathlib import Path

import pytest

from sockatuh.store.backup_stamp import MAX_STAMP, STAMP, Stamp, expect_no_more, note_failed, note_made, read_stamp

DAY = 86_400.0
FILE = Path("/srv/room.backup")


def test_a_room_that_was_never_copied_has_an_empty_stamp(tmp_path: Path) -> None:
    assert read_stamp(tmp_path) == Stamp()
    assert Stamp().due is None
    assert not [*tmp_path.iterdir()]


def test_the_next_backup_is_overdue_half_an_interval_late(tmp_path: Path) -> None:
    note_made(tmp_path, 1_000, FILE, DAY)
    assert read_stamp(tmp_path) == Stamp(1_000, str(FILE), every=DAY)
    assert read_stamp(tmp_path).due == 1_000 + 36 * 3_600_000
    assert (tmp_path / STAMP).stat().st_mode & 0o777 == 0o600


def test_a_failure_stands_until_the_next_backup(tmp_path: Path) -> None:
    note_made(tmp_path, 1_000, FILE, DAY)
    note_failed(tmp_path, 2_000, "no space", DAY)
    found = read_stamp(tmp_path)
    assert (found.at, found.failed, found.reason) == (1_000, 2_000, "no space")
    assert found.due == 1_000 + 36 * 3_600_000
    note_made(tmp_path, 3_000, FILE, None)  # by hand: what is expected stays
    assert read_stamp(tmp_path) == Stamp(3_000, str(FILE), every=DAY)


def test_a_series_whose_first_backup_failed_is_due_after_that(tmp_path: Path) -> None:
    note_failed(tmp_path, 2_000, "no space", DAY)
    assert read_stamp(tmp_path).due == 2_000 + 36 * 3_600_000


def test_a_series_that_is_over_is_neither_failed_nor_due(tmp_path: Path) -> None:
    expect_no_more(tmp_path)
    assert not [*tmp_path.iterdir()]
    note_made(tmp_path, 1_000, FILE, DAY)
    note_failed(tmp_path, 2_000, "no space", DAY)
    expect_no_more(tmp_path)
    assert read_stamp(tmp_path) == Stamp(1_000, str(FILE))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"at": "now"}', b"[" * 10_000, b" " * MAX_STAMP + b"{}"])
def test_a_stamp_that_cannot_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / STAMP).write_bytes(content)
    assert read_stamp(tmp_path) == Stamp()


def test_a_link_in_the_place_of_the_stamp_is_not_followed(tmp_path: Path) -> None:
    note_made(tmp_path, 1_000, FILE, DAY)
    (tmp_path / STAMP).rename(tmp_path / "elsewhere")
    (tmp_path / STAMP).symlink_to("elsewhere")
    assert read_stamp(tmp_path) == Stamp()
