"""The command `metrics`: into a pipe, and into a file that a collector may read at any moment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.box.reports import METRICS
from cli.people import Client
from kit.control_double import ControlDouble, answering, items

from sockatuh.cli.box.exposition import exposition

OLD = "sockatuh_up 1.0\nold 1\n"


@pytest.fixture
def admin(tmp_path: Path) -> Client:
    return Client(tmp_path / "admin", SOCKATUH_CONTROL=str(tmp_path / "control"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ControlDouble]:
    with answering(tmp_path / "control", items([METRICS])) as double:
        yield double


def test_the_numbers_go_to_stdout(admin: Client, server: ControlDouble) -> None:
    done = admin.call("metrics")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.encode() == exposition(METRICS)
    assert admin.call("metrics", "--json").stdout.encode() == server.answer
    assert [each["do"] for each in server.asked] == ["metrics", "metrics"]


@pytest.mark.usefixtures("server")
def test_a_file_is_replaced_whole_and_readable_by_everybody(admin: Client, tmp_path: Path) -> None:
    file = tmp_path / "textfiles" / "sockatuh.prom"
    file.parent.mkdir()
    file.write_text(OLD)
    before = os.open(file, os.O_RDONLY)
    umask = os.umask(0o077)
    try:
        assert admin.call("metrics", "--to", str(file)).returncode == 0
        assert os.read(before, 100).decode() == OLD, "it was written over"
    finally:
        os.umask(umask)
        os.close(before)
    assert file.read_bytes() == exposition(METRICS)
    assert file.stat().st_mode & 0o777 == 0o644
    assert [*file.parent.iterdir()] == [file]


def test_if_no_server_answers_the_file_says_so_and_holds_no_old_numbers(admin: Client, tmp_path: Path) -> None:
    file = tmp_path / "sockatuh.prom"
    file.write_text(OLD)
    assert admin.call("metrics", "--to", str(file)).returncode == 3
    assert file.read_bytes() == exposition(None)
    assert admin.call("metrics").returncode == 3


def test_what_is_no_server_of_ours_changes_no_file(admin: Client, server: ControlDouble, tmp_path: Path) -> None:
    file = tmp_path / "sockatuh.prom"
    file.write_text(OLD)
    server.answer = b"220 mail ESMTP\n"
    assert admin.call("metrics", "--to", str(file)).returncode == 1
    server.answer = items([])
    assert admin.call("metrics", "--to", str(file)).returncode == 1
    assert file.read_text() == OLD


@pytest.mark.usefixtures("server")
def test_a_file_that_cannot_be_written_is_told_and_nothing_is_left(admin: Client, tmp_path: Path) -> None:
    done = admin.call("metrics", "--to", str(tmp_path / "gone" / "sockatuh.prom"))
    assert done.returncode == 1
    assert f"{tmp_path}/gone/sockatuh.prom could not be written: No such file or directory." in done.stderr
    (tmp_path / "taken").mkdir()
    assert admin.call("metrics", "--to", str(tmp_path / "taken")).returncode == 1
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".taken")]


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("option", [["metrics", "--to"], ["backup"], ["history", "--joins", "--svg"]])
def test_an_empty_path_is_wrong_usage(admin: Client, option: list[str]) -> None:
    done = admin.call(*option, "")
    assert (done.returncode, done.stdout) == (2, "")
    assert "the path is empty" in done.stderr


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("path", ["/", ".", ".."])
def test_a_directory_cannot_be_the_file(admin: Client, path: str) -> None:
    done = admin.call("metrics", "--to", path)
    assert (done.returncode, done.stdout) == (1, "")
    assert " could not be written: " in done.stderr
