from __future__ import annotations

import os
from pathlib import Path

import pytest

from sockatuh.store.barred import Barred, read_barred, write_barred

PHONE = Barred(network="192.168.1.77", until=None, reason="sold things", strangers=False)


def test_what_is_written_is_read_by_everybody(tmp_path: Path) -> None:
    path, before = tmp_path / "barred", os.umask(0o077)
    (tmp_path / ".barred.new").write_text("of a process that was killed")
    try:
        write_barred(path, [PHONE])
    finally:
        os.umask(before)
    assert read_barred(path) == (PHONE,)
    assert [each.name for each in tmp_path.iterdir()] == ["barred"]
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o644
    write_barred(path, [])
    assert read_barred(path) == ()


def test_no_file_is_no_ban_but_a_room_without_bans_says_so(tmp_path: Path) -> None:
    path = tmp_path / "barred"
    assert read_barred(path) == ()
    write_barred(path, [])
    assert path.exists()
    assert read_barred(path) == ()


@pytest.mark.parametrize("text", ["", "{}", '{"v":2,"barred":[]}', '{"v":1,"barred":[{"network":7}]}', "[" * 100_000])
def test_what_is_no_such_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "barred"
    path.write_text(text)
    with pytest.raises((ValueError, RecursionError)):
        read_barred(path)
