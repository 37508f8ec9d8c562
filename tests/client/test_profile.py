from __future__ import annotations

import base64
import os
import re
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from machine import unmeasured

from sockatuh.client.profile import IGNORED_PER_SERVER, NAMES_PER_SERVER, Ignored, Profile, default_directory
from sockatuh.errors import KeyFileError

SERVER = "192.168.1.20:7625"
OTHER = "[fe80::1%eth0]:7625"
KEY = bytes(range(32))


@pytest.fixture
def files(tmp_path: Path) -> Profile:
    return Profile(tmp_path / "client")


def known_servers(tmp_path: Path) -> Path:
    return tmp_path / "client" / "known_servers"


def test_nothing_is_known_at_first_and_asking_makes_no_file(files: Profile, tmp_path: Path) -> None:
    assert files.find_pin(SERVER) is None
    assert files.find_last_server() is None
    assert files.find_name(SERVER) is None
    assert files.find_ticket(SERVER, "ana") is None
    assert not files.forget(SERVER)
    assert not files.clear_tickets(SERVER)
    assert os.listdir(tmp_path) == []


def test_the_identity_is_made_once_and_private(files: Profile, tmp_path: Path) -> None:
    key = files.identity()
    assert len(key) == 32
    assert Profile(tmp_path / "client").identity() == key
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "client" / "identity").stat().st_mode) == 0o600


def test_many_first_starts_at_once_agree_on_one_identity(files: Profile) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: files.identity(), range(8)))) == 1


def test_the_nodes_of_a_server_are_those_it_named_last(files: Profile, tmp_path: Path) -> None:
    assert files.find_nodes(SERVER) == ()
    files.set_nodes(OTHER, ["other:1"])
    files.set_nodes(SERVER, [f"node:{number}" for number in range(1, 12)])
    assert files.find_nodes(SERVER) == tuple(f"node:{number}" for number in range(1, 9)), "no more than a WELCOME has"
    files.set_nodes(SERVER, ["node:9"])
    assert Profile(tmp_path / "client").find_nodes(SERVER) == ("node:9",)
    assert files.find_nodes(OTHER) == ("other:1",)
    files.forget(OTHER)
    assert files.find_nodes(OTHER) == ()


def test_the_salt_of_a_server_is_the_one_it_had_last(files: Profile, tmp_path: Path) -> None:
    assert files.find_salt(SERVER) is None
    for salt in (b"a salt, 16 bytes", b"another 16 bytes"):
        files.set_salt(SERVER, salt)
        assert Profile(tmp_path / "client").find_salt(SERVER) == salt
    files.pin(SERVER, bytes(32), "kitchen")
    files.forget(SERVER)
    assert files.find_salt(SERVER) is None
    (tmp_path / "client/salts").write_text(f"{SERVER} c2hvcnQ=\n{OTHER} no base64\n")
    assert (files.find_salt(SERVER), files.find_salt(OTHER)) == (None, None)


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX")
def test_an_identity_that_others_can_read_is_refused(files: Profile, tmp_path: Path) -> None:
    files.identity()
    (tmp_path / "client" / "identity").chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        files.identity()


def test_a_pin_is_found_again_by_its_own_server_only(files: Profile) -> None:
    files.pin(SERVER, KEY, "the kitchen  pi")
    pin = files.find_pin(SERVER)
    assert pin is not None
    assert (pin.key, pin.room) == (KEY, "the kitchen pi")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", pin.first_seen)
    assert files.find_pin(OTHER) is None


def test_hosts_are_compared_case_insensitively(files: Profile) -> None:
    files.pin("Kitchen.local:7625", KEY, "pi")
    assert files.find_pin("kitchen.LOCAL:7625") is not None


def test_a_line_of_known_servers_reads_as_documented(files: Profile, tmp_path: Path) -> None:
    files.pin(SERVER, KEY, "pi")
    server, algorithm, key, _, room = known_servers(tmp_path).read_text().removesuffix("\n").split(" ")
    assert (server, algorithm, base64.b64decode(key), room) == (SERVER, "x25519", KEY, "pi")


def test_pinning_again_replaces_the_key(files: Profile, tmp_path: Path) -> None:
    files.pin(SERVER, KEY, "pi")
    files.pin(SERVER, KEY[::-1], "pi")
    pin = files.find_pin(SERVER)
    assert pin is not None
    assert pin.key == KEY[::-1]
    assert len(known_servers(tmp_path).read_text().splitlines()) == 1


def test_forgetting_removes_one_server(files: Profile) -> None:
    files.pin(SERVER, KEY, "pi")
    files.pin(OTHER, KEY, "pi")
    assert files.forget(SERVER)
    assert not files.forget(SERVER)
    assert files.find_pin(SERVER) is None
    assert files.find_pin(OTHER) is not None


@pytest.mark.parametrize(
    "room", ["", "a\nevil:1 x25519 AAAA", "tab\there", "\x1b[2J\u202e\x85\u2028red", " pi ", "\ud800"]
)
def test_a_room_name_never_makes_a_second_line_or_a_control_character(
    files: Profile, tmp_path: Path, room: str
) -> None:
    files.pin(SERVER, KEY, room)
    pin = files.find_pin(SERVER)
    assert pin is not None
    assert pin.room == "" or pin.room.isprintable()
    assert known_servers(tmp_path).read_bytes().count(b"\n") == 1


DAMAGED = (
    b"# a note of my own",
    b"",
    b"192.168.1.20:7625",
    b"192.168.1.20:7625 x25519",
    b"192.168.1.20:7625 x25519 AAAA 2026-01-01T00:00:00Z short",
    b"192.168.1.20:7625 rsa " + base64.b64encode(KEY) + b" 2026-01-01T00:00:00Z odd",
    b"192.168.1.20:7625 x25519 " + base64.b64encode(KEY),
    b"\xff\xfe not text \x00\x0b\x1c",
    "line\u2028separator\x85inside".encode(),
)


def test_damaged_lines_are_passed_over_and_kept(files: Profile, tmp_path: Path) -> None:
    path = known_servers(tmp_path)
    path.parent.mkdir(mode=0o700)
    path.write_bytes(b"\n".join(DAMAGED) + b"\n")
    assert files.find_pin(SERVER) is None
    files.pin(SERVER, KEY, "pi")
    files.pin(OTHER, KEY, "pi")
    assert files.find_pin(SERVER) is not None
    assert files.forget(SERVER)
    assert path.read_bytes().split(b"\n")[: len(DAMAGED)] == list(DAMAGED)
    assert files.find_pin(OTHER) is not None


def test_a_file_edited_elsewhere_still_means_the_same(files: Profile, tmp_path: Path) -> None:
    files.pin(SERVER, KEY, "pi")
    path = known_servers(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n") + b"no newline at the end")
    pin = files.find_pin(SERVER)
    assert pin is not None
    assert pin.room == "pi"
    files.pin(OTHER, KEY, "")
    assert b"no newline at the end\n" in path.read_bytes()
    assert files.find_pin(OTHER) is not None


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_any_bytes_in_a_file_are_survived_and_kept(tmp_path: Path, content: bytes) -> None:
    files = Profile(tmp_path / "client")
    files.identity()
    known_servers(tmp_path).write_bytes(content)
    files.find_pin(SERVER)
    files.pin(SERVER, KEY, "pi")
    assert files.forget(SERVER)
    assert known_servers(tmp_path).read_bytes().removesuffix(b"\n") == content.removesuffix(b"\n")


def test_the_last_server_is_remembered(files: Profile) -> None:
    files.set_last_server(SERVER)
    files.set_last_server(OTHER)
    assert files.find_last_server() == OTHER


def test_each_server_has_its_own_name(files: Profile) -> None:
    files.set_name(SERVER, "Ana María 🍵")
    files.set_name(OTHER, "tom")
    files.set_name(OTHER, "tim")
    assert files.find_name(SERVER) == "Ana María 🍵"
    assert files.find_name(OTHER) == "tim"


def test_each_server_has_its_own_ticket_until_it_is_cleared(files: Profile, tmp_path: Path) -> None:
    files.keep_ticket(SERVER, "ana", b"\x00first\n")
    files.keep_ticket(OTHER, "ana", b"other")
    files.keep_ticket(SERVER, "ana", b"\x00second\n")
    assert sealed(files, SERVER, "ana") == b"\x00second\n"
    assert files.clear_tickets(SERVER)
    assert files.find_ticket(SERVER, "ana") is None
    assert sealed(files, OTHER, "ana") == b"other"
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "client" / "tickets").stat().st_mode) == 0o600


def sealed(files: Profile, server: str, name: str) -> bytes | None:
    ticket = files.find_ticket(server, name)
    return ticket.sealed if ticket is not None else None


def test_each_name_has_its_own_ticket_however_it_is_written(files: Profile) -> None:
    files.keep_ticket(SERVER, "Ana_María", b"ana's")
    files.keep_ticket(SERVER, "bot", b"bot's")
    files.keep_ticket(SERVER, "ana maría", b"ana's next")
    assert sealed(files, SERVER, "ANA_MARI\u0301A") == b"ana's next"
    assert sealed(files, SERVER, "bot") == b"bot's"
    assert sealed(files, SERVER, "bo") is None


def test_the_oldest_tickets_are_evicted(files: Profile, tmp_path: Path) -> None:
    files.keep_ticket(OTHER, "ana", b"other")
    for number in range(NAMES_PER_SERVER + 5):
        files.keep_ticket(SERVER, f"job-{number}", b"x")
    assert [sealed(files, SERVER, f"job-{number}") for number in (4, 5)] == [None, b"x"]
    assert sealed(files, OTHER, "ana") == b"other"
    assert len((tmp_path / "client" / "tickets").read_text().splitlines()) == NAMES_PER_SERVER + 1


def test_unchanged_data_is_not_rewritten_and_needs_no_writable_directory(files: Profile, tmp_path: Path) -> None:
    def remember() -> None:
        files.set_name(SERVER, "ana")
        files.set_last_server(SERVER)
        files.keep_ticket(SERVER, "ana", b"ana's")

    remember()

    def look(path: Path) -> tuple[int, int]:  # the access time does not matter
        return path.stat().st_ino, path.stat().st_mtime_ns

    written = {path: look(path) for path in (tmp_path / "client").iterdir()}
    (tmp_path / "client" / ".lock").unlink()
    (tmp_path / "client" / ".lock").mkdir()  # read-only even for root
    remember()
    for path, before in written.items():
        assert path.name == ".lock" or look(path) == before
    with pytest.raises(KeyFileError):
        files.set_name(SERVER, "budi")


def test_clients_that_write_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    def remember(number: int) -> None:
        Profile(tmp_path / "client").set_name(f"host{number}:7625", f"name{number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(remember, range(40)))
    files = Profile(tmp_path / "client")
    assert [files.find_name(f"host{number}:7625") for number in range(40)] == [f"name{n}" for n in range(40)]


def test_a_directory_that_cannot_be_used_is_explained(tmp_path: Path) -> None:
    (tmp_path / "client").write_bytes(b"a file")
    with pytest.raises(KeyFileError, match="Not a directory"):
        Profile(tmp_path / "client").set_name(SERVER, "ana")
    with pytest.raises(KeyFileError, match="Not a directory"):
        Profile(tmp_path / "client").find_name(SERVER)


def test_the_directory_can_be_chosen(tmp_path: Path) -> None:
    assert default_directory(str(tmp_path)) == tmp_path
    assert default_directory().name == "sockatuh"
    assert default_directory("").name == "sockatuh"


def test_the_directory_may_be_in_the_home_directory_and_a_home_has_to_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_directory("~/chat") == tmp_path / "chat"
    with pytest.raises(KeyFileError, match="SOCKATUH_CLIENT_DIR"):
        default_directory("~nobody-of-that-name/chat")
    monkeypatch.setattr(os.path, "expanduser", str)  # as it is where neither $HOME nor the list of users has a home
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    with pytest.raises(KeyFileError, match="SOCKATUH_CLIENT_DIR"):
        default_directory()


def test_nothing_heavy_is_imported() -> None:
    heavy = ("sqlite3", "asyncio", "pydantic", "structlog", "cryptography", "tempfile", "random", "platformdirs")
    program = f"import sys, sockatuh.client.profile; print([m for m in {heavy} if m in sys.modules])"
    words, environ = [sys.executable, "-c", program], unmeasured(os.environ)
    result = subprocess.run(words, env=environ, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_without_a_directory_everything_is_kept_in_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    memory = Profile()
    assert memory.identity() == memory.identity() != Profile().identity()
    assert memory.find_pin(SERVER) is None
    memory.pin(SERVER, b"k" * 32, "kitchen")
    memory.pin("other:1", b"o" * 32, "other")
    memory.pin(SERVER, b"n" * 32, "kitchen")
    memory.keep_ticket(SERVER, "ana", b"one")
    memory.keep_ticket(SERVER, "Ana", b"two")
    found, ticket = memory.find_pin(SERVER), memory.find_ticket(SERVER, "ana")
    assert (found and found.key, ticket and ticket.sealed) == (b"n" * 32, b"two")
    assert memory.forget(SERVER)
    assert not memory.forget(SERVER)
    assert memory.find_pin("other:1") is not None
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("in_memory", [False, True])
def test_a_server_moves_with_everything_that_is_known_about_it(files: Profile, *, in_memory: bool) -> None:
    profile = Profile() if in_memory else files
    profile.pin(SERVER, KEY, "kitchen")
    profile.set_name(SERVER, "ana")
    profile.keep_ticket(SERVER, "ana", b"one")
    profile.keep_ticket(SERVER, "bot", b"two")
    profile.set_nodes(SERVER, ["10.0.0.5:5"])
    profile.set_salt(SERVER, bytes(16))
    profile.set_last_server(SERVER)
    before = profile.find_pin(SERVER)
    profile.move(SERVER, "10.0.0.31:7625")
    assert profile.known_servers() == {"10.0.0.31:7625": before}
    assert profile.find_name("10.0.0.31:7625") == "ana"
    assert [ticket.sealed for name in ("ana", "bot") if (ticket := profile.find_ticket("10.0.0.31:7625", name))] == [
        b"one", b"two"
    ]  # fmt: skip
    assert profile.find_nodes("10.0.0.31:7625") == ("10.0.0.5:5",)
    assert profile.find_salt("10.0.0.31:7625") == bytes(16)
    assert profile.find_last_server() == "10.0.0.31:7625"
    assert (profile.find_name(SERVER), profile.find_ticket(SERVER, "ana"), profile.find_nodes(SERVER)) == (
        None,
        None,
        (),
    )


def test_a_server_that_takes_anothers_address_leaves_that_its_own(files: Profile) -> None:
    files.pin(SERVER, KEY, "kitchen")
    files.pin(OTHER, b"k" * 32, "attic")
    files.set_name(OTHER, "zoe")
    files.set_last_server(OTHER)
    files.move(SERVER, OTHER)
    assert {server: pin.room for server, pin in files.known_servers().items()} == {OTHER: "kitchen", SERVER: "attic"}
    assert (files.find_name(SERVER), files.find_name(OTHER)) == ("zoe", None)
    assert files.find_last_server() == OTHER


def test_known_servers_are_those_whose_key_can_be_read(files: Profile, tmp_path: Path) -> None:
    assert files.known_servers() == {}
    files.pin("b:1", KEY, "b")
    files.pin("a:1", KEY, "a")
    with known_servers(tmp_path).open("a") as file:
        file.write(
            "c:1 x25519 nonsense\nUPPER:1 x25519 " + base64.b64encode(KEY).decode() + " 2026 room\n\x1b[2J:1 x\n"
        )
    assert [*files.known_servers()] == ["a:1", "b:1"]


def test_choices_are_kept_for_each_server_and_follow_it(files: Profile, tmp_path: Path) -> None:
    assert files.find_choice(SERVER, "quiet") is None
    files.set_choice(SERVER, "quiet", "on")
    files.set_choice(SERVER, "bell", "all")
    files.set_choice(OTHER, "quiet", "off")
    files.set_choice(SERVER, "quiet", "off")
    files.set_choice(SERVER, "quiet", "on")
    assert (files.find_choice(SERVER, "quiet"), files.find_choice(SERVER, "bell")) == ("on", "all")
    files.move(SERVER, "10.0.0.9:7625")
    again = Profile(tmp_path / "client")
    assert again.find_choice("10.0.0.9:7625", "bell") == "all"
    assert again.find_choice(SERVER, "quiet") is None
    assert again.find_choice(OTHER, "quiet") == "off"


def test_people_are_ignored_by_key_and_without_one_by_name(files: Profile) -> None:
    zoe, old, lied = Ignored("zoë", "k1"), Ignored("oldpi"), Ignored("key\nx name y", "k2")
    for each in (zoe, old, lied):
        files.ignore(SERVER, each)
    assert files.ignored(SERVER) == [zoe, old, Ignored("key x name y", "k2")]
    files.ignore(SERVER, Ignored("Zora", "k1"))
    assert files.ignored(SERVER)[-1] == Ignored("Zora", "k1")
    assert len(files.ignored(SERVER)) == 3
    assert not files.unignore(SERVER, Ignored("zoë"))
    assert files.unignore(SERVER, Ignored("OLDPI"))
    assert files.unignore(SERVER, zoe)
    assert files.ignored(SERVER) == [Ignored("key x name y", "k2")]
    assert files.ignored(OTHER) == []


def test_lines_that_name_nobody_to_ignore_are_kept_and_passed_over(files: Profile, tmp_path: Path) -> None:
    written = f"{SERVER} key\n{SERVER} key k1\n{SERVER} nobody x\n{SERVER} name\n{SERVER}\n\n"
    files.ignore(SERVER, Ignored("zoë"))
    path = tmp_path / "client" / "ignored"
    path.write_text(written + path.read_text())
    assert files.ignored(SERVER) == [Ignored("zoë")]
    files.ignore(SERVER, Ignored("ana"))
    assert path.read_text().startswith(written)


def test_the_people_ignored_longest_are_forgotten() -> None:
    files = Profile()
    for number in range(IGNORED_PER_SERVER + 3):
        files.ignore(SERVER, Ignored(f"n{number}"))
    assert [files.ignored(SERVER)[at].name for at in (0, -1)] == ["n3", f"n{IGNORED_PER_SERVER + 2}"]
