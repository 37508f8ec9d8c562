"""Settings from every place, each with its origin; whatever is wrong is reported at once and in our words."""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import json
import math
import re
import socket
import string
from collections.abc import Mapping
from pathlib import Path

import bcrypt
import platformdirs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockatuh.errors import ConfigurationError, Problem
from sockatuh.protocol.server.limits import Limits
from sockatuh.settings.model import KEYS, VARIABLES, Settings
from sockatuh.settings.sources import CLIENT_VARIABLES, find_state_dir, host_name, load
from sockatuh.settings.values import format_span, parse_span

HASH = "$2b$12$" + "e" * 53
SET = {"SOCKATUH_PASSWORD_HASH": HASH}


def load_in(directory: Path, environ: Mapping[str, str] | None = None, **flags: object) -> Settings:
    """Load as a process in an empty directory would."""
    return load(flags, {"STATE_DIRECTORY": "/var/lib/sockatuh"} | dict(environ or SET), directory)


def problems_of(directory: Path, environ: Mapping[str, str], **flags: object) -> dict[str, Problem]:
    with pytest.raises(ConfigurationError) as caught:
        load_in(directory, environ, **flags)
    return {problem.key: problem for problem in caught.value.problems}


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def test_a_password_hash_is_all_one_has_to_give(tmp_path: Path) -> None:
    settings = load_in(tmp_path)
    assert (settings.host, settings.port, settings.max_members) == ("::", 7625, 1_000)
    assert settings.state_dir == Path("/var/lib/sockatuh")
    assert settings.limits == Limits()
    assert settings.message_retention == 30 * 86_400


def test_a_flag_wins_over_the_environment_over_the_credential_over_the_file(tmp_path: Path) -> None:
    file = write(
        tmp_path / "room.toml", f"password_hash = '{HASH}'\nroom = 'file'\nport = 1\nhistory_on_join = 1\nhost = 'a'"
    )
    write(tmp_path / "credentials" / "password_hash", "$2b$11$" + "u" * 53 + "\n")
    environ = {
        "CREDENTIALS_DIRECTORY": str(tmp_path / "credentials"),
        "SOCKATUH_CONFIG": str(file),
        "SOCKATUH_PORT": "2",
        "SOCKATUH_HOST": "b",
    }
    settings = load_in(tmp_path, environ, port=3, host=None)
    assert (settings.port, settings.host, settings.history_on_join) == (3, "b", 1)
    assert settings.password_hash == "$2b$11$" + "u" * 53
    assert {
        key: settings.origins[key] for key in ("port", "host", "password_hash", "room", "classic", "state_dir")
    } == {
        "port": "flag --port",
        "host": "environment SOCKATUH_HOST",
        "password_hash": "credential password_hash",
        "room": f"file {file}",
        "classic": "default",
        "state_dir": "environment STATE_DIRECTORY",
    }


def test_the_environment_wins_over_the_credential(tmp_path: Path) -> None:
    write(tmp_path / "password_hash", "$2b$11$" + "u" * 53)
    assert load_in(tmp_path, SET | {"CREDENTIALS_DIRECTORY": str(tmp_path)}).password_hash == HASH


@pytest.mark.parametrize("serving", [True, False])
@pytest.mark.parametrize("directory", ["CREDENTIALS_DIRECTORY", "RUNTIME_DIRECTORY"])
@pytest.mark.parametrize("cost", ["04", "09", "15", "31"])
def test_a_credential_of_a_cost_that_clients_refuse_is_refused(
    tmp_path: Path, directory: str, cost: str, serving: bool
) -> None:
    write(tmp_path / "password_hash", f"$2b${cost}${'e' * 53}\n")
    with pytest.raises(ConfigurationError, match="cost of 10 to 14"):
        load({}, {"STATE_DIRECTORY": "/var", directory: str(tmp_path)}, tmp_path, serving=serving)


def test_a_credential_that_a_reload_renewed_wins_over_the_one_of_the_start(tmp_path: Path) -> None:
    write(tmp_path / "credentials" / "password_hash", HASH)
    environ = {
        "CREDENTIALS_DIRECTORY": str(tmp_path / "credentials"),
        "RUNTIME_DIRECTORY": str(tmp_path / "run"),
    }
    assert load_in(tmp_path, environ).origins["password_hash"] == "credential password_hash"
    write(tmp_path / "run" / "password_hash", "$2b$11$" + "u" * 53 + "\n")
    settings = load_in(tmp_path, environ)
    assert settings.password_hash == "$2b$11$" + "u" * 53
    assert settings.origins["password_hash"] == "credential password_hash, renewed by a reload"


def test_the_file_of_the_flag_wins_over_the_variables_over_the_one_beside(tmp_path: Path) -> None:
    for name in ("config/sockatuh.toml", "named.toml", "flag.toml"):
        write(tmp_path / name, f"room = '{name}'")
    named = SET | {"SOCKATUH_CONFIG": "named.toml"}
    assert load_in(tmp_path).room == "config/sockatuh.toml"
    assert load_in(tmp_path, named).room == "named.toml"
    assert load_in(tmp_path, named, config=Path("flag.toml")).room == "flag.toml"


def test_nested_keys_are_joined_by_two_underscores(tmp_path: Path) -> None:
    write(tmp_path / "config/sockatuh.toml", "[limits]\nlines_burst = 7\n")
    settings = load_in(tmp_path, SET | {"SOCKATUH_LIMITS__TEXT_BYTES": "1000"})
    assert settings.limits == dataclasses.replace(Limits(), text_bytes=1000, lines_burst=7)


def test_networks_are_a_list_in_the_file_and_words_in_the_environment(tmp_path: Path) -> None:
    wanted = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))
    write(tmp_path / "config/sockatuh.toml", "classic_networks = ['10.0.0.0/8', 'fd00::/8']")
    assert load_in(tmp_path).classic_networks == wanted
    assert load_in(tmp_path, SET | {"SOCKATUH_CLASSIC_NETWORKS": "10.0.0.0/8, fd00::/8"}).classic_networks == wanted


def test_a_relative_state_directory_is_beside_what_names_it(tmp_path: Path) -> None:
    write(tmp_path / "config/sockatuh.toml", "state_dir = 'state'")
    assert load_in(tmp_path).state_dir == tmp_path / "config/state"
    assert load_in(tmp_path, SET | {"SOCKATUH_STATE_DIR": "state"}).state_dir == tmp_path / "state"


def test_the_control_socket_is_a_word_or_an_absolute_path(tmp_path: Path) -> None:
    assert load_in(tmp_path).control == "auto"
    write(tmp_path / "config/sockatuh.toml", "control = '/srv/sock'\nannounce_as = 'Warden'")
    settings = load_in(tmp_path)
    assert (settings.control, settings.announce_as) == ("/srv/sock", "Warden")
    for word, end in (
        ("x/y", "control"),
        ("none", "control"),
        ("Off", 'is "off" meant?'),
        (" auto", 'is "auto" meant?'),
    ):
        assert problems_of(tmp_path, SET | {"SOCKATUH_CONTROL": word})["control"].expected.endswith(end)
    for word in ("off", "auto", "/run/" + "x" * 102):
        assert load_in(tmp_path, SET | {"SOCKATUH_CONTROL": word}).control == word


def test_everything_that_is_wrong_is_told_at_once_with_its_origin(tmp_path: Path) -> None:
    file = write(tmp_path / "config/sockatuh.toml", "classic = 'yes'\nmax_memebers = 3\n[limits]\ntext_bytes = -1\n")
    found = problems_of(tmp_path, {"SOCKATUH_PROT": "1", "SOCKATUH_PORT": "70000"})
    assert {key: problem.origin for key, problem in found.items()} == {
        "classic": f"file {file}",
        "max_memebers": f"file {file}",
        "limits.text_bytes": f"file {file}",
        "SOCKATUH_PROT": "environment",
        "port": "environment SOCKATUH_PORT",
        "password_hash": "not set",
    }
    assert "SOCKATUH_PORT" in found["SOCKATUH_PROT"].expected
    assert "max_members" in found["max_memebers"].expected


@pytest.mark.parametrize("name", ["CLIENT_DIR", "PASSWORD_FILE", "PASSWORD", "SERVER", "NAME", "TRUST", "DISCOVER"])
def test_the_clients_variables_are_known(tmp_path: Path, name: str) -> None:
    load_in(tmp_path, SET | {f"SOCKATUH_{name}": "anything"})


@pytest.mark.parametrize(
    ("variable", "nearest"),
    [
        ("SOCKATUH_PASWORD_HASH", "SOCKATUH_PASSWORD_HASH"),
        ("SOCKATUH_LIMITS_TEXT_BYTES", "SOCKATUH_LIMITS__TEXT_BYTES"),
        ("SOCKATUH_CLIENTDIR", "SOCKATUH_CLIENT_DIR"),
        ("SOCKATUH_port", "SOCKATUH_PORT"),
    ],
)
def test_a_misspelt_variable_is_refused_with_the_nearest_name(tmp_path: Path, variable: str, nearest: str) -> None:
    assert nearest in problems_of(tmp_path, SET | {variable: "1"})[variable].expected


@pytest.mark.parametrize(
    "text",
    [
        "b2.R220aPCdjuElEw8DIrA1ZL0xR6jn7XW",  # $2b$12$Pg8A… after a shell
        "$2b$12$tooshort",
        "2b12" + "e" * 53,
        "hunter2",
    ],
)
def test_a_hash_whose_dollars_were_eaten_is_recognised_and_never_shown(tmp_path: Path, text: str) -> None:
    problem = problems_of(tmp_path, {"SOCKATUH_PASSWORD_HASH": text})["password_hash"]
    assert "eaten" in problem.expected
    assert not text or text not in str(problem)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (f"'{HASH}'", "quotes"),
        (HASH.replace("$", "$$"), "doubling"),
        ("$2b$09$" + "e" * 53, "cost"),
        ("$2b$15$" + "e" * 53, "cost"),
        ("$2b$12$" + "!" * 53, "60 characters"),
        ("$2b$１２$" + "e" * 53, "60 characters"),
        ("$2b$12$" + "e" * 21 + "a" + "e" * 31, "no password has this hash"),
        ("$2b$12$" + "e" * 52 + "f", "no password has this hash"),
    ],
)
def test_each_other_way_to_spoil_a_hash_has_its_explanation(tmp_path: Path, text: str, word: str) -> None:
    assert word in problems_of(tmp_path, {"SOCKATUH_PASSWORD_HASH": text})["password_hash"].expected


@pytest.mark.parametrize("prefix", ["$2a$", "$2b$", "$2y$"])
@pytest.mark.parametrize("cost", range(10, 15))
def test_a_hash_of_any_maker_and_of_each_allowed_cost_is_taken_as_it_is(tmp_path: Path, prefix: str, cost: int) -> None:
    text = f"{prefix}{cost}${'e' * 53}"
    assert load_in(tmp_path, {"SOCKATUH_PASSWORD_HASH": text}).password_hash == text


def test_a_hash_is_refused_exactly_if_bcrypt_would_find_no_password_for_it(tmp_path: Path) -> None:
    salt = "$2b$04$" + "e" * 21
    for last in string.ascii_letters + string.digits + "./":
        text = HASH[:28] + last + HASH[29:]
        try:
            bcrypt.hashpw(b"any", f"{salt}{last}".encode())
        except ValueError:
            assert "no password" in problems_of(tmp_path, {"SOCKATUH_PASSWORD_HASH": text})["password_hash"].expected
        else:
            assert load_in(tmp_path, {"SOCKATUH_PASSWORD_HASH": text}).password_hash == text


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("port", "-1"),
        ("max_members", "0"),
        ("max_members", "4097"),
        ("history_on_join", "-1"),
        ("message_retention", "30"),
        ("message_retention", "2 weeks"),
        ("synchronous", "off"),
        ("classic_networks", "10.0.0.1/8"),
        ("log_level", "loud"),
        ("room", "two\nlines"),
        ("room", "é" * 33),
        ("limits.text_bytes", "16385"),
        ("limits.ping_seconds", "80"),
        ("limits.lines_per_second", "inf"),
        ("limits.pending", "0"),
    ],
)
def test_a_value_out_of_its_range_is_refused(tmp_path: Path, key: str, value: str) -> None:
    variable = "SOCKATUH_" + key.upper().replace(".", "__")
    assert problems_of(tmp_path, SET | {variable: value})[key].origin == f"environment {variable}"


NONSENSE = (
    "banana",
    "-1",
    "1e999",
    "\x00",
    "x" * 5_000,
    "٣",
    "[]",
    "{",
    "0x10",
    "nan",
    "🥣",
    "~nobody-of-that-name",
)
TYPED_NONSENSE: tuple[object, ...] = (True, -1, 0.5, 1e300, [], [1], ["x"], {}, "", "banana", "2026-11-28", 10**30)


@pytest.mark.parametrize("key", KEYS)
def test_whatever_a_setting_holds_it_is_taken_or_told_in_our_words(tmp_path: Path, key: str) -> None:
    variable = "SOCKATUH_" + key.upper().replace(".", "__")
    for value in NONSENSE:
        expect_our_words(tmp_path, SET | {variable: value}, key, f"environment {variable}")
    for typed in TYPED_NONSENSE:
        table, _, name = key.rpartition(".")
        head = f"[{table}]\n" if table else ""
        shown = "{x = 1}" if typed == {} else json.dumps(typed)
        file = write(tmp_path / "room.toml", f"{head}{name} = {shown}\n")
        environ = {} if key == "password_hash" else SET
        expect_our_words(tmp_path, environ, key, f"file {file}", config=file)


def expect_our_words(directory: Path, environ: Mapping[str, str], key: str, origin: str, **flags: object) -> None:
    try:
        load_in(directory, {"SOCKATUH_HOST": "::"} | dict(environ), **flags)
    except ConfigurationError as error:
        for problem in error.problems:
            if problem.origin == "not set":
                continue
            assert problem.key.startswith(key) or key in problem.expected, problem
            assert problem.origin == origin or problem.key != key, problem
            assert problem.expected.startswith(("should ", "is not known", "is empty")), problem
            assert not re.search(
                r"[Ii]nput|pydantic|https?:|valid |type=|unable|Error|None|nothing", problem.expected
            ), problem
            assert len(problem.expected) < 300, problem
        return


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("port", "banana", 'should be a whole number from 0 to 65535, not "banana"'),
        ("discoverable", "banana", 'should be true or false, not "banana"'),
        ("classic", True, 'should be "off" or "on", not true'),
        ("log_level", "loud", 'should be "debug" or "info" or "warning" or "error", not "loud"'),
        ("limits.lines_per_second", -1, "should be a number over 0, not -1"),
        ("limits.pending", 0, "should be a whole number from 1 to 9007199254740991, not 0"),
        ("max_members", True, "should be a whole number from 1 to 10000, not true"),
        ("host", "a b", "should be an address of this machine or its name, like :: or 192.168.1.20"),
        ("state_dir", "", "should be the path of a directory, like /var/lib/sockatuh"),
        ("classic_networks", [1], "should be a list of networks like 10.0.0.0/8 or fd00::/8"),
        ("control", "", 'should be "auto", "off", or the absolute path of a socket, like /run/sockatuh/control'),
        ("control", "none", 'should be "auto", "off", or the absolute path of a socket, like /run/sockatuh/control'),
        ("control", 7, 'should be "auto", "off", or the absolute path of a socket, like /run/sockatuh/control'),
        ("control", "/run/" + "x" * 103, "should be at most 107 bytes long"),
        ("control", "/run/" + "ä" * 52, "should be at most 107 bytes long"),
        ("announce_as", "the admin:", "should be a name that a member could have, like admin"),
        ("announce_as", "", "should be a name that a member could have, like admin"),
        ("announce_as", 7, "should be a name that a member could have, like admin"),
        ("nodes", [1], "should be a list of at most 8 addresses like 192.168.1.21:7625"),
        ("nodes", ["10.0.0.1:0"], "should be addresses like 192.168.1.21:7625 or box2.lan, and '10.0.0.1:0' is none"),
        ("nodes", [f"10.0.0.{n}" for n in range(9)], "should be at most 8 addresses, and these are 9"),
    ],
)
def test_a_wrong_value_is_told_with_what_would_be_right(tmp_path: Path, key: str, value: object, expected: str) -> None:
    table, _, name = key.rpartition(".")
    file = write(tmp_path / "room.toml", (f"[{table}]\n" if table else "") + f"{name} = {json.dumps(value)}\n")
    assert problems_of(tmp_path, SET, config=file)[key] == Problem(key, f"file {file}", expected)


def test_nodes_are_addresses_with_a_port_each_of_them_once(tmp_path: Path) -> None:
    file = write(tmp_path / "room.toml", "nodes = ['10.0.0.2', 'box2.lan:7000', '10.0.0.2:7625', 'fd00::2']\n")
    settings = load_in(tmp_path, SET, config=file)
    assert settings.nodes == ("10.0.0.2:7625", "box2.lan:7000", "[fd00::2]:7625")
    assert load_in(tmp_path, SET | {"SOCKATUH_NODES": "10.0.0.2, box2.lan"}).nodes == ("10.0.0.2:7625", "box2.lan:7625")
    assert settings.shown("nodes") == ["10.0.0.2:7625", "box2.lan:7000", "[fd00::2]:7625"]


@pytest.mark.parametrize("node", ["::", "0.0.0.0:7625", "fe80::2%eth0", "a" * 70, "http://box2", "box 2:", "\x1b[2J"])
def test_what_no_client_could_dial_is_no_node(tmp_path: Path, node: str) -> None:
    problem = problems_of(tmp_path, SET, config=write(tmp_path / "room.toml", f"nodes = {json.dumps([node])}\n"))
    assert problem["nodes"].expected.endswith("is none")
    assert problem["nodes"].expected.isprintable()


def test_an_empty_variable_is_one_that_is_not_set(tmp_path: Path) -> None:
    file = write(tmp_path / "room.toml", f"password_hash = '{HASH}'\nport = 1\n")
    empty = dict.fromkeys((*VARIABLES, *CLIENT_VARIABLES), "")
    settings = load_in(tmp_path, empty, config=file)
    assert (settings.port, settings.password_hash, settings.host) == (1, HASH, "::")
    assert {origin for origin in settings.origins.values() if "SOCKATUH" in origin} == set()


def test_what_a_containers_runtime_sets_is_no_setting_and_what_the_admin_sets_is(tmp_path: Path) -> None:
    made = {"SOCKATUH_SERVICE_HOST": "10.0.0.7", "SOCKATUH_SERVICE_PORT_CHAT": "7625", "SOCKATUH_NAME": "/web/sockatuh"}
    made |= {"SOCKATUH_PORT_7625_UDP_ADDR": "10.0.0.7", "SOCKATUH_PORT": "udp://10.0.0.7:7625"}
    assert load_in(tmp_path, SET | made).port == 7625
    assert load_in(tmp_path, SET | made | {"SOCKATUH_PORT": "7626"}).port == 7626


def test_a_file_that_was_asked_for_has_to_be_there(tmp_path: Path) -> None:
    path = str(tmp_path / "none.toml")
    assert problems_of(tmp_path, {}, config="none.toml") == {
        path: Problem(path, "flag --config", "cannot be read: No such file or directory")
    }


def test_a_file_that_is_no_toml_is_told_with_the_line(tmp_path: Path) -> None:
    file = write(tmp_path / "config/sockatuh.toml", "port = \n")
    assert "line 1" in problems_of(tmp_path, {})[str(file)].expected


@pytest.mark.parametrize("text", ["x = " + "[" * 5_000, "x = " + "{a=" * 5_000, "x = " + "9" * 5_000])
def test_a_file_that_python_cannot_follow_is_no_toml_either(tmp_path: Path, text: str) -> None:
    file = write(tmp_path / "room.toml", text)
    assert problems_of(tmp_path, SET, config=file)[str(file)].expected.startswith("is not a TOML file: ")


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_hash_may_stand_between_a_mark_and_a_line_end_wherever_it_comes_from(
    tmp_path: Path, mark: str, end: str
) -> None:
    (tmp_path / "password_hash").write_bytes((mark + HASH + end).encode())
    (tmp_path / "room.toml").write_bytes((mark + f"password_hash = {json.dumps(mark + HASH + end)}" + end).encode())
    for environ, config in (
        ({"CREDENTIALS_DIRECTORY": str(tmp_path)}, None),
        ({"SOCKATUH_PASSWORD_HASH": mark + HASH + end}, None),
        ({"SOCKATUH_HOST": "::"}, "room.toml"),
    ):
        assert load_in(tmp_path, environ, config=config).password_hash == HASH


@pytest.mark.parametrize(
    ("data", "reason"),
    [(HASH.encode("utf-16"), "UTF-16"), (b"\n", "empty"), (b"\xe9", "UTF-8"), (b"x" * 9_999, "4,096")],
)
def test_a_credential_that_is_no_secret_is_told_in_words(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "password_hash").write_bytes(data)
    problem = problems_of(tmp_path, {"CREDENTIALS_DIRECTORY": str(tmp_path)})["password_hash"]
    assert reason in problem.expected
    assert problem.origin == "credential password_hash"


def test_a_file_in_utf_16_is_told_as_that(tmp_path: Path) -> None:
    (tmp_path / "room.toml").write_text("port = 1\n", "utf-16")
    (problem,) = problems_of(tmp_path, SET, config="room.toml").values()
    assert "UTF-16" in problem.expected


@pytest.mark.parametrize("value", ["~nobody-of-that-name/room", "room\0"])
def test_a_state_directory_that_cannot_be_is_refused(tmp_path: Path, value: str) -> None:
    file = write(tmp_path / "room.toml", f"state_dir = {json.dumps(value)}")
    assert problems_of(tmp_path, SET, config=file).keys() == {"state_dir"}


def test_a_room_cannot_be_made_in_a_home_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="should be in a home directory that is there"):
        find_state_dir({"SOCKATUH_STATE_DIR": "~nobody-of-that-name/room"}, tmp_path)


def test_a_state_directory_may_be_in_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    file = write(tmp_path / "conf" / "room.toml", "state_dir = '~/room'")
    assert load_in(tmp_path, SET, config=file).state_dir == tmp_path / "home" / "room"
    assert load_in(tmp_path, {**SET, "SOCKATUH_STATE_DIR": "~"}).state_dir == tmp_path / "home"


@pytest.mark.parametrize("name", ["~nobody-of-that-name/room.toml", "~nobody-of-that-name"])
def test_a_file_in_a_home_that_is_not_there_is_not_there(tmp_path: Path, name: str) -> None:
    (problem,) = problems_of(tmp_path, {**SET, "SOCKATUH_CONFIG": name}).values()
    assert problem.expected == "cannot be read: No such file or directory"


def test_a_limit_has_to_fit_the_wire(tmp_path: Path) -> None:
    file = write(tmp_path / "room.toml", f"[limits]\nidle_seconds = {10**30}")
    assert problems_of(tmp_path, SET, config=file).keys() == {"limits.idle_seconds"}


def test_reading_history_needs_no_password(tmp_path: Path) -> None:
    assert load({}, {"SOCKATUH_STATE_DIR": "s"}, tmp_path, serving=False).state_dir == tmp_path / "s"


def test_the_settings_do_not_show_the_hash(tmp_path: Path) -> None:
    assert HASH not in repr(load_in(tmp_path))


def test_every_key_has_an_origin_and_can_be_shown(tmp_path: Path) -> None:
    settings = load_in(tmp_path, SET | {"SOCKATUH_EVENT_RETENTION": "forever"})
    assert tuple(settings.origins) == KEYS
    shown = {key: settings.shown(key) for key in KEYS}
    assert (shown["message_retention"], shown["event_retention"]) == ("30d", "forever")
    assert shown["state_dir"] == "/var/lib/sockatuh"
    assert shown["limits.text_bytes"] == 16_384


@given(st.integers(0, 10**9), st.sampled_from("smhdw"))
def test_a_span_is_written_as_it_is_read(count: int, unit: str) -> None:
    seconds = parse_span(f"{count}{unit}" if count < 10**9 else "forever")
    assert parse_span(format_span(seconds)) == seconds


def test_zero_and_forever_are_spans() -> None:
    assert (parse_span("0"), parse_span(0), parse_span("forever")) == (0.0, 0.0, math.inf)


@given(st.text() | st.integers() | st.floats() | st.booleans() | st.none())
def test_a_span_is_read_or_refused_with_one_error(value: object) -> None:
    with contextlib.suppress(ValueError):
        assert parse_span(value) >= 0


def test_a_user_without_a_home_needs_none_where_the_state_has_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_home(*_: object, **__: object) -> Path:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr(platformdirs, "user_state_path", no_home)
    environ = {"STATE_DIRECTORY": str(tmp_path), "SOCKATUH_PASSWORD_HASH": HASH}
    assert load({}, environ, tmp_path).state_dir == tmp_path
    assert load({}, {"SOCKATUH_STATE_DIR": str(tmp_path)}, tmp_path, serving=False).state_dir == tmp_path
    with pytest.raises(ConfigurationError) as caught:
        load({}, {"SOCKATUH_PASSWORD_HASH": HASH}, tmp_path)
    assert [problem.key for problem in caught.value.problems] == ["state_dir"]
    with pytest.raises(ConfigurationError):
        find_state_dir({}, tmp_path)


@pytest.mark.parametrize(
    ("machine", "room"),
    [
        ("kitchen-pi", "kitchen-pi"),
        ("küche", "küche"),
        ("caf\udce9", "room"),
        ("", "room"),
        ("x" * 65, "room"),
        ("a\x1b[2J", "room"),
    ],
)
def test_a_room_without_a_name_is_called_like_its_machine_if_a_room_can_be(
    monkeypatch: pytest.MonkeyPatch, machine: str, room: str
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: machine)
    assert host_name() == room


def test_a_contradiction_is_told_beside_an_unknown_key_and_a_table_where_a_number_should_be(tmp_path: Path) -> None:
    write(tmp_path / "config/sockatuh.toml", "max_memebers = 3\nmax_members = 9000\n")
    assert problems_of(tmp_path, SET).keys() == {"max_memebers", "max_members"}
    write(tmp_path / "config/sockatuh.toml", "port = {x = 1}\n[limits]\ntext_bytes = {}\n")
    found = problems_of(tmp_path, SET)
    assert found["port"].expected == 'should be a whole number from 0 to 65535, not {"x": 1}'
    assert found["limits.text_bytes"].expected.endswith("not {}")


def test_a_credential_directory_sets_nothing_but_the_password(tmp_path: Path) -> None:
    for name in ("password_hash", "room", "port"):
        write(tmp_path / name, HASH)
    settings = load_in(tmp_path, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert (settings.password_hash, settings.port, settings.origins["room"]) == (HASH, 7625, "default")
