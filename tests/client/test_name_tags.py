from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockatuh.client.name_tags import MOST_NAMES, MOST_SERVERS, MOST_TAGS, SAVE_AFTER, NameTags, move_name_tags

SERVER = "127.0.0.1:7625"
NOVEMBER = date(2026, 11, 3)
LATER = date(2026, 11, 28)


@pytest.fixture
def tags(tmp_path: Path) -> NameTags:
    return NameTags(tmp_path, SERVER)


def again(tmp_path: Path, server: str = SERVER) -> NameTags:
    return NameTags(tmp_path, server)


def test_a_changed_key_is_reported_once_with_the_day_it_was_last_seen(tags: NameTags, tmp_path: Path) -> None:
    assert tags.see("ana", "key1", NOVEMBER, 0.0) is None
    assert tags.see("ana", "key2", LATER, 1.0) == NOVEMBER
    assert tags.see("ana", "key2", LATER, 2.0) is None
    assert again(tmp_path).see("ana", "key2", LATER, 0.0) is None


def test_a_killed_client_leaves_the_report_to_the_next_one(tags: NameTags, tmp_path: Path) -> None:
    tags.see("ana", "key1", NOVEMBER, 100.0)
    assert again(tmp_path).see("ana", "key2", LATER, 0.0) == NOVEMBER


def test_a_key_seen_before_under_the_name_is_not_reported(tags: NameTags) -> None:
    tags.see("ana", "key1", NOVEMBER, 0.0)
    tags.see("ana", "key2", LATER, 0.0)
    assert tags.see("ana", "key1", LATER, 0.0) is None
    assert tags.see("budi", "key1", LATER, 0.0) is None


def test_names_are_compared_as_the_room_does(tags: NameTags) -> None:
    tags.see("Ana", "key1", NOVEMBER, 0.0)
    assert tags.see("\u0430\u043fa", "key2", LATER, 0.0) is None
    assert tags.see("\u0410na", "key2", LATER, 0.0) == NOVEMBER


def test_an_old_entry_is_not_reported(tags: NameTags) -> None:
    tags.see("ana", "key2", LATER, 0.0)
    assert tags.see("ana", "key1", NOVEMBER, 0.0) is None


def test_a_keyless_member_is_reported_only_if_the_name_had_a_key(tags: NameTags) -> None:
    assert tags.see("budi", "", NOVEMBER, 0.0) is None
    assert tags.see("budi", "key1", LATER, 0.0) is None
    assert tags.see("budi", "", LATER, 0.0) == LATER
    assert tags.see("budi", "", LATER, 0.0) is None
    assert tags.see("budi", "key1", LATER, 0.0) is None


def test_names_are_remembered_separately_for_each_server(tags: NameTags, tmp_path: Path) -> None:
    tags.see("ana", "key1", NOVEMBER, 0.0)
    assert again(tmp_path, "[fe80::1%eth0]:7625").see("ana", "key2", LATER, 0.0) is None


def test_two_clients_write_into_one_file(tags: NameTags, tmp_path: Path) -> None:
    other = again(tmp_path)
    other.see("budi", "key9", NOVEMBER, 0.0)
    tags.see("ana", "key1", NOVEMBER, 0.0)
    other.save()
    tags.save()
    third = again(tmp_path)
    assert third.see("ana", "key2", LATER, 0.0) == NOVEMBER
    assert third.see("budi", "key2", LATER, 0.0) == NOVEMBER


def test_unchanged_files_are_not_rewritten(tags: NameTags, tmp_path: Path) -> None:
    tags.see("ana", "key1", NOVEMBER, SAVE_AFTER)
    [path] = (tmp_path / "name_tags").glob("*.jsonl")
    before = path.stat().st_ino
    tags.see("ana", "key1", NOVEMBER, 9 * SAVE_AFTER)
    tags.save()
    assert path.stat().st_ino == before
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
def test_names_keys_and_servers_are_bounded(tmp_path: Path) -> None:
    tags = again(tmp_path)
    for number in range(MOST_NAMES + 9):
        tags.see(f"n{number}", "key1", NOVEMBER, 0.0)
    for number in range(MOST_TAGS + 9):
        tags.see(f"n{MOST_NAMES}", f"key{number}", date(2026, 12, 1 + number), 0.0)
    tags.save()
    [path] = (tmp_path / "name_tags").glob("*.jsonl")
    lines = path.read_text().splitlines()
    assert len(lines) == MOST_NAMES
    assert lines[-1].count("key") == MOST_TAGS
    for number in range(MOST_SERVERS + 3):
        other = again(tmp_path, f"host{number}:1")
        other.see("ana", "key1", NOVEMBER, 0.0)
        other.save()
        os.utime(tmp_path / "name_tags" / f"host{number}%3A1.jsonl", (number, number))
    assert len(list((tmp_path / "name_tags").glob("*.jsonl"))) <= MOST_SERVERS


@settings(max_examples=20)
@given(
    st.binary(max_size=80)
    | st.sampled_from([b'["ana", {"k": 5}]', b'["ana", []]', b"[" * 9000, b'["ana", {"k": "x"}]'])
)
def test_a_damaged_file_is_replaced(tmp_path_factory: pytest.TempPathFactory, damage: bytes) -> None:
    directory = tmp_path_factory.mktemp("client", numbered=True)
    tags = again(directory)
    tags.see("ana", "key1", NOVEMBER, 100.0)
    [path] = (directory / "name_tags").glob("*.jsonl")
    path.write_bytes(damage + b"\n" + path.read_bytes())
    assert again(directory).see("ana", "key2", LATER, 0.0) == NOVEMBER


def test_an_unwritable_directory_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "name_tags").write_text("a file")
    tags = again(tmp_path)
    tags.see("ana", "key1", NOVEMBER, 100.0)
    assert tags.see("ana", "key2", LATER, 200.0) == NOVEMBER


def test_what_is_known_about_a_servers_names_moves_with_it(tags: NameTags, tmp_path: Path) -> None:
    move_name_tags(tmp_path, SERVER, "10.0.0.31:7625")
    tags.see("ana", "key1", NOVEMBER, 100.0)
    move_name_tags(tmp_path, SERVER, "10.0.0.31:7625")
    move_name_tags(None, SERVER, "10.0.0.31:7625")
    assert again(tmp_path).see("ana", "key2", LATER, 0.0) is None
    assert again(tmp_path, "10.0.0.31:7625").see("ana", "key2", LATER, 0.0) == NOVEMBER
