"""How a command finds the control socket, asks, and takes what it hears, or does not hear, for an answer."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kit.control_double import ControlDouble, answering, items

from sockatuh.cli import control, service_files
from sockatuh.cli.app import run
from sockatuh.cli.control import Answer, ControlUnanswered, OrderRefused, ask, whoever_asks
from sockatuh.cli.errors import ExitCode, Stopped, explain
from sockatuh.errors import ConfigurationError
from sockatuh.room import orders
from sockatuh.server import box_report
from sockatuh.server.box_report import NameItem
from sockatuh.server.control_lines import encode_item, encode_reply

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the box runs on Linux and macOS")

BUDI = NameItem(name="budi", key="9Pq2Lm3x", used="2026-11-28T10:05:00.000Z", here=True)
ANSWER = items([BUDI])
LIFTED = orders.Lifted(seq=813, id=812, order="ban", what="key:9Pq2Lm3x")
NOBODY = 65_534


@pytest.fixture(autouse=True)
def machine(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose files are below a directory, and whose user has a home there; a socket's name must be short."""
    root = tmp_path_factory.mktemp("root")
    for name in [name for name in os.environ if name.startswith(("SOCKATUH_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    for place in ("run/sockatuh", "home/.local/state/sockatuh", "elsewhere", "var/lib/sockatuh"):
        (root / place).mkdir(parents=True)
    monkeypatch.setattr(service_files, "ROOT", root)
    monkeypatch.setenv("HOME", str(root / "home"))
    monkeypatch.chdir(root / "elsewhere")
    return root


def asked(socket: str | None = None, config: Path | None = None, patience: float = 5.0) -> Answer:
    return ask(box_report.Names(), socket, config, patience=patience)


def unanswered(act: Callable[[], object]) -> tuple[str, ExitCode, str]:
    with pytest.raises(ControlUnanswered) as caught:
        act()
    return caught.value.code, caught.value.exit_code, str(caught.value)


# Where it is.


@pytest.mark.parametrize("place", ["run/sockatuh/control", "home/.local/state/sockatuh/control"])
def test_the_service_or_else_the_users_own_room_is_found(machine: Path, place: str) -> None:
    with answering(machine / place, ANSWER):
        assert asked().items == (BUDI,)


def test_the_service_comes_first(machine: Path) -> None:
    with answering(machine / "run/sockatuh/control", ANSWER) as service:
        with answering(machine / "home/.local/state/sockatuh/control", ANSWER) as own:
            asked()
        assert (len(service.asked), len(own.asked)) == (1, 0)


def test_a_socket_that_is_named_is_the_only_one(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(machine / "run/sockatuh/control", ANSWER) as service:
        code, exit_code, told = unanswered(lambda: asked("here/control"))
        assert (code, exit_code) == ("no_server", ExitCode.NO_SERVER)
        assert told.startswith(f"No server runs here (looked at {machine / 'elsewhere/here/control'}), or ")
        assert told.endswith('or it has no control socket (control = "off", or an older version).')
        monkeypatch.setenv("SOCKATUH_CONTROL", str(machine / "there"))
        assert "there" in unanswered(asked)[2]
        with answering(machine / "there", ANSWER):
            asked()
        assert not service.asked


@pytest.mark.parametrize("word", ["auto", ""])
def test_auto_looks_where_rooms_have_it(machine: Path, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCKATUH_CONTROL", word)
    with answering(machine / "run/sockatuh/control", ANSWER):
        asked()


def test_off_is_said(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(machine / "run/sockatuh/control", ANSWER):
        assert unanswered(lambda: asked("off"))[0] == "control_off"
        monkeypatch.setenv("SOCKATUH_CONTROL", "off")
        assert unanswered(asked)[:2] == ("control_off", ExitCode.NO_SERVER)


def test_other_letters_and_relative_paths_are_no_words(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Stopped, match="not Off; is off meant") as caught:
        asked("Off")
    assert caught.value.exit_code == ExitCode.USAGE
    with answering(machine / "elsewhere/none", ANSWER):
        asked("none")
        for word, end in (("none", "/control"), ("AUTO", 'is "auto" meant?')):
            monkeypatch.setenv("SOCKATUH_CONTROL", word)
            with pytest.raises(ConfigurationError) as refused:
                asked()
            assert refused.value.problems[0].origin == "environment SOCKATUH_CONTROL"
            assert refused.value.problems[0].expected.endswith(end)


def config_in(directory: Path, **settings: object) -> Path:
    path = directory / "room.toml"
    path.write_text("".join(f"{key} = {json.dumps(str(value))}\n" for key, value in settings.items()))
    return path


def test_a_room_that_is_named_is_not_mistaken_for_the_services(machine: Path) -> None:
    config = config_in(machine / "elsewhere", state_dir=machine / "elsewhere")
    with answering(machine / "run/sockatuh/control", ANSWER) as service:
        assert "elsewhere/control" in unanswered(lambda: asked(config=config))[2]
        with answering(machine / "elsewhere/control", ANSWER):
            asked(config=config)
        assert not service.asked


def test_the_settings_say_where_it_is_or_that_there_is_none(machine: Path) -> None:
    config = config_in(machine / "elsewhere", state_dir="x", control=machine / "elsewhere/sock")
    with answering(machine / "elsewhere/sock", ANSWER):
        asked(config=config)
    config_in(machine / "elsewhere", control="off")
    assert unanswered(lambda: asked(config=config))[0] == "control_off"


def test_the_services_own_settings_lead_to_its_runtime_directory(machine: Path) -> None:
    config = config_in(machine, state_dir=machine / "var/lib/sockatuh")
    with answering(machine / "run/sockatuh/control", ANSWER):
        asked(config=config)


def test_an_option_wins_over_the_variable(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_in(machine / "elsewhere", state_dir=machine / "elsewhere")
    with answering(machine / "other", ANSWER) as other, answering(machine / "elsewhere/control", ANSWER) as meant:
        monkeypatch.setenv("SOCKATUH_CONTROL", str(machine / "other"))
        asked(config=config)
        asked(str(meant.path))
        assert (len(other.asked), len(meant.asked)) == (0, 2)


def test_a_variable_names_a_room_as_well(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCKATUH_STATE_DIR", str(machine / "elsewhere"))
    with answering(machine / "run/sockatuh/control", ANSWER) as service:
        assert "elsewhere/control" in unanswered(asked)[2]
        assert not service.asked


def test_settings_that_cannot_be_read_matter_only_if_they_were_named(machine: Path) -> None:
    (machine / "elsewhere/config").mkdir()
    broken = config_in(machine / "elsewhere/config", port="many")
    broken.rename(broken.with_name("sockatuh.toml"))
    assert "run/sockatuh/control" in unanswered(asked)[2]
    with pytest.raises(ConfigurationError) as caught:
        asked(config=broken.with_name("sockatuh.toml"))
    *_, hint = explain(caught.value).message.splitlines()
    place = machine / "run/sockatuh/control"
    assert hint == f"A server that runs can be reached all the same, by its control socket: --socket PATH ({place}?)."
    with answering(place, ANSWER):
        asked(str(place), config=broken.with_name("sockatuh.toml"))


def test_a_dead_socket_is_no_server(machine: Path) -> None:
    path = machine / "dead"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert unanswered(lambda: asked(str(path)))[0] == "no_server"


@pytest.mark.parametrize("name", ["x" * 200, "nul\0"])
def test_a_path_that_no_socket_can_have_is_an_error_and_no_traceback(name: str) -> None:
    code, exit_code, told = unanswered(lambda: asked(name))
    assert (code, exit_code) == ("no_server", ExitCode.NO_SERVER)
    assert told.isprintable()


# Who may.


@pytest.fixture
def as_nobody() -> Callable[[Callable[[], int]], int]:
    """Return a function that runs another in a process without rights, and returns what that returns."""

    def act(work: Callable[[], int]) -> int:
        child = os.fork()
        if child == 0:
            code = 99
            try:
                if os.geteuid() == 0:
                    os.setgroups([])
                    os.setgid(NOBODY)
                    os.setuid(NOBODY)
                code = work()
            finally:
                os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    return act


def test_who_may_not_open_the_socket_is_told_what_root_types(
    machine: Path,
    as_nobody: Callable[[Callable[[], int]], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with answering(machine / "run/sockatuh/control", ANSWER) as service:
        service.path.chmod(0)
        machine.chmod(0o755)
        for directory in machine.parents:
            if directory.name.startswith(("popen-", "pytest-")):
                directory.chmod(0o755)
        monkeypatch.setattr(sys, "argv", ["sockatuh", "kick", "budi the great"])
        told = machine / "told"
        told.touch()
        told.chmod(0o666)
        with contextlib.suppress(Stopped):  # what is imported when it is needed could not be by nobody
            asked()

        def work() -> int:
            try:
                asked()
            except Stopped as stopped:
                told.write_text(f"{stopped.code}\n{stopped}")
                return int(stopped.exit_code)
            return 0

        assert as_nobody(work) == ExitCode.REFUSED
        code, sentence = told.read_text().split("\n", 1)
        assert code == "only_root"
        assert sentence.startswith("Only root may do that: sudo ")
        assert sentence.endswith("kick 'budi the great'")


def test_the_login_name_is_the_one_before_sudo() -> None:
    assert whoever_asks({"SUDO_USER": "tom", "LOGNAME": "root"}) == "tom"
    assert isinstance(whoever_asks({}), str)


# Answers.


def answered(path: Path, answer: bytes, request: orders.Order | box_report.Query = box_report.Names()) -> Answer:  # noqa: B008
    with answering(path, answer):
        return ask(request, str(path), None, patience=5.0)


def test_an_answer_is_its_items_and_what_was_done(machine: Path) -> None:
    answer = answered(machine / "s", encode_reply(LIFTED), orders.Unban(target="812"))
    assert (answer.done, answer.is_dry, answer.items) == (LIFTED, False, ())
    answer = answered(machine / "s2", encode_reply(LIFTED, dry_run=True), orders.Unban(target="812"))
    assert answer.is_dry
    answer = answered(machine / "s3", items([BUDI] * 3_000))
    assert len(answer.items) == 3_000
    assert answer.done is None
    assert "".join(f"{line}\n" for line in answer.lines).encode() == items([BUDI] * 3_000)


def test_a_refusal_has_the_servers_line_and_its_exit_code(machine: Path) -> None:
    for at, (code, exit_code) in enumerate(
        [
            ("no_such_member", ExitCode.REFUSED),
            ("not_stored", ExitCode.NO_SERVER),
            ("busy", ExitCode.NO_SERVER),
            ("configuration_refused", ExitCode.BAD_CONFIGURATION),
            ("internal", ExitCode.OTHER),
            ("of a later version", ExitCode.REFUSED),
        ]
    ):
        line = encode_reply(orders.OrderDenied(code=code, nearest=("budi",)))
        with pytest.raises(OrderRefused) as caught:
            answered(machine / f"s{at}", line)
        assert (caught.value.code, caught.value.exit_code) == (code, exit_code)
        assert caught.value.denied.nearest == ("budi",)
        assert caught.value.line.encode() + b"\n" == line


def test_a_newer_server_may_tell_more(machine: Path) -> None:
    line = b'{"v":1,"type":"name","name":"budi","key":"9Pq2Lm3x","used":"x","here":true,"mood":"good"}\n'
    more = b'{"v":1,"type":"weather","sun":true}\n'
    answer = answered(machine / "s", line + more + b'{"v":1,"type":"done","in":3}\n')
    assert len(answer.items) == 1
    assert len(answer.lines) == 3


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\n",
        b"\xff\xfe\n",
        b"[1]\n",
        b"[" * 100_000 + b"\n",
        b"{}\n",
        b'{"type":"done"}\n',
        b'{"v":"1","type":"done"}\n',
        b'{"v":1,"type":"name","name":7}\n',
        b'{"v":1,"type":"error"}\n',
        b'{"v":1,"type":"error","code":{}}\n',
        b'{"v":1,"type":["done"]}\n' * 3,
        b"x" * 200_000,
    ],
)
def test_what_is_no_answer_is_not_taken_for_one(machine: Path, answer: bytes) -> None:
    code, _, told = unanswered(lambda: answered(machine / "s", answer))
    assert code in ("not_understood", "ended")
    assert told.isprintable()


def test_a_done_without_its_fields_is_no_answer(machine: Path) -> None:
    order = orders.Unban(target="812")
    code, exit_code, _ = unanswered(lambda: answered(machine / "s", b'{"v":1,"type":"done"}\n', order))
    assert (code, exit_code) == ("not_understood", ExitCode.OTHER)


def test_another_version_is_said(machine: Path) -> None:
    code, exit_code, told = unanswered(lambda: answered(machine / "s", b'{"v":2,"type":"done"}\n'))
    assert (code, exit_code) == ("version_mismatch", ExitCode.VERSION_MISMATCH)
    assert "version 2" in told


@pytest.mark.parametrize("answer", [b"", encode_item(BUDI), ANSWER[:-1], b'{"v":1,'])
def test_a_server_that_ends_in_the_middle_leaves_it_open_what_was_done(machine: Path, answer: bytes) -> None:
    code, exit_code, told = unanswered(lambda: answered(machine / "s", answer))
    assert (code, exit_code) == ("ended", ExitCode.NO_SERVER)
    assert "sockatuh audit" in told


def test_an_endless_answer_is_given_up(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_ANSWER", 100_000)
    assert unanswered(lambda: answered(machine / "s", encode_item(BUDI) * 2_000))[0] == "not_understood"


def test_a_server_that_hangs_is_given_up(machine: Path) -> None:
    path = machine / "hung"
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(str(path))
        hung.listen(0)
        code, exit_code, told = unanswered(lambda: asked(str(path), patience=0.05))
        assert (code, exit_code) == ("silent", ExitCode.NO_SERVER)
        assert "does not answer within 1 s. Its log" in told
        assert unanswered(lambda: asked(str(path), patience=0.05))[0] == "silent", "no more may wait there"


def test_a_server_that_hangs_may_still_carry_out_what_it_was_ordered(machine: Path) -> None:
    path = machine / "hung"
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(str(path))
        hung.listen(1)
        code, exit_code, told = unanswered(lambda: ask(orders.Unban(target="812"), str(path), None, patience=0.05))
        assert (code, exit_code) == ("silent", ExitCode.NO_SERVER)
        assert "carries out the order; `sockatuh audit` tells whether it did." in told


# Whole commands.


@pytest.fixture
def server(machine: Path) -> Iterator[ControlDouble]:
    with answering(machine / "run/sockatuh/control", ANSWER) as double:
        yield double


def test_reload_says_what_was_taken(server: ControlDouble, capsys: pytest.CaptureFixture[str]) -> None:
    server.answer = encode_reply(box_report.Reloaded(taken=("max_members", "limits"), restart=("port",)))
    assert run(["reload"]) == 0
    assert capsys.readouterr().out == "Taken: max_members, limits.\nNeeds a restart: port.\n"
    server.answer = encode_reply(box_report.Reloaded(taken=(), restart=()))
    assert run(["reload"]) == 0
    assert capsys.readouterr().out == "The settings were read again; nothing in them has changed.\n"
    assert run(["reload", "--json"]) == 0
    assert capsys.readouterr().out.encode() == server.answer
    assert [asked["do"] for asked in server.asked] == ["reload"] * 3


def test_a_refused_reload_names_the_problems(server: ControlDouble, capsys: pytest.CaptureFixture[str]) -> None:
    problems = ("port (file /etc/x (old).toml): should be a number", "no such file", "\x1b[2J (x): y")
    server.answer = encode_reply(orders.OrderDenied(code="configuration_refused", problems=problems))
    assert run(["reload"]) == ExitCode.BAD_CONFIGURATION
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == (
        "The configuration cannot be used:\n  port (file /etc/x (old).toml): should be a number\n"
        "The settings cannot be read: no such file.\nThe settings cannot be read:  (x): y.\n"
        "Nothing was changed; the room goes on with the settings it has.\n"
    )
    assert run(["reload", "--json"]) == ExitCode.BAD_CONFIGURATION
    assert capsys.readouterr().out.encode() == server.answer


def test_json_has_an_error_of_its_own_without_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["reload", "--json", "--socket", "off"]) == ExitCode.NO_SERVER
    told = capsys.readouterr()
    assert json.loads(told.out) == {
        "v": 1,
        "type": "error",
        "code": "control_off",
        "message": 'The control socket is switched off (control = "off").',
    }
