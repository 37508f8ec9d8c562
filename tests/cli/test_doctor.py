"""`doctor`, on real servers of the loopback, and what it says of what it finds."""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from cli.people import Person, Server
from msgspec.structs import replace

from sockatuh.cli import box_checks, own_checks, server_checks, verdict
from sockatuh.cli.errors import ExitCode
from sockatuh.cli.firewalls import find_closed_input, find_firewalls, nft_names, ufw_lets_in
from sockatuh.cli.verdict import Result, Verdict, bad, fine, skipped
from sockatuh.cli.which_room import ChosenRoom, Installed
from sockatuh.client import discovery
from sockatuh.client.checkup import Examined
from sockatuh.client.profile import Pin, Profile
from sockatuh.client.server_address import ServerAddress
from sockatuh.errors import Problem
from sockatuh.net.route import Route
from sockatuh.protocol.client import checkup as core
from sockatuh.protocol.client import discovery as search
from sockatuh.protocol.client.checkup import HELLOS
from sockatuh.protocol.client.checkup import Path as Way
from sockatuh.wording import check as states
from sockatuh.wording.en import doctor as wording

KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))
AT = ("192.168.1.20", 7625)
SERVER = ServerAddress(*AT)
PIN = Pin(KEY, "2026-11-02T10:00:00Z", "kitchen")
CHECKS = ["name", "route", "subnet", "contact", "key", "room", "version", "datagrams", "broadcast", "profile", "ticket"]


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Work in a directory without settings, and ask no network."""
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    monkeypatch.setattr(discovery, "find_links", list)
    monkeypatch.setattr(core, "HELLO_INTERVAL", 0.01)


def objects(stdout: str) -> dict[str, dict[str, Any]]:
    """Return what `--json` printed, by check; an error under its type."""
    lines = [json.loads(line) for line in stdout.splitlines()]
    return {line.get("check", line["type"]): line for line in lines}


def closed_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def test_all_is_well_with_a_server_that_is_known(server: Server, person: Person) -> None:
    ana = person("ana", server)
    assert ana.call("send", "hello").returncode == 0
    before = ana.call("who", "--json").stdout
    done = ana.call("doctor")
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    assert [row[1] for row in rows] == [*CHECKS, "terminal", "language"]
    told = {check: (mark, text) for mark, check, text in rows}
    assert told["contact"][0] == "ok"
    assert told["contact"][1].endswith("ms, none lost")
    assert told["key"][1].startswith("the one that is known since 20")
    assert told["key"][1].endswith(server.words)
    assert told["room"] == ("ok", "the server calls it kitchen")
    assert told["datagrams"] == ("ok", "1,200 bytes go through in one piece")
    assert told["broadcast"] == ("--", "the server is on this machine")
    assert told["profile"][0] == "ok"
    assert told["ticket"][1].startswith("ana gets in without the password")
    assert told["terminal"][0] == "--"
    assert ana.call("who", "--json").stdout == before


@pytest.mark.slow
def test_a_server_that_is_not_known_yet_is_new(server: Server, person: Person) -> None:
    done = person("eva").call("doctor", server.address, "--json")
    found = objects(done.stdout)
    assert done.returncode == 0
    assert found["key"]["text"].startswith("new here")
    assert found["key"]["words"] == server.words.split()
    assert found["room"]["room"] == "kitchen"
    assert (found["contact"]["sent"], found["contact"]["answered"]) == (HELLOS, HELLOS)
    assert found["contact"]["best_ms"] <= found["contact"]["worst_ms"]
    assert all(each["type"] == "checked" and each["remedy"] is None for each in found.values())


def test_an_invite_names_the_key(server: Server, person: Person) -> None:
    found = objects(person("eva").call("doctor", server.invite, "--json").stdout)
    assert found["key"]["text"].startswith("the one that the invite names")


@pytest.mark.slow
def test_a_server_with_another_key_than_the_known_one_stops_the_person(server: Server, person: Person) -> None:
    eva = person("eva")
    Profile(eva.directory).pin(server.address, OTHER_KEY, "kitchen")
    done = eva.call("doctor", server.address)
    assert done.returncode == 6
    assert f"sockatuh identity forget {server.address}" in done.stdout
    assert "--  room" in done.stdout


def test_no_server_there_is_exit_3_and_says_what_stood_in_the_way(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "PATIENCE", 0.1)
    port = closed_port()
    done = person("eva").call("doctor", f"127.0.0.1:{port}", "--json")
    found = objects(done.stdout)
    assert done.returncode == 3
    assert (found["contact"]["result"], found["contact"]["answered"]) == ("bad", 0)
    assert f"no answer from 127.0.0.1:{port}" in found["contact"]["text"]
    assert found["contact"]["remedy"]
    assert found["datagrams"]["result"] == "skipped"
    assert (found["error"]["code"], found["error"]["message"]) == ("no_server", "1 check failed; each says what to do.")


def test_without_a_server_rooms_are_looked_for(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sockatuh.cli.doctor.USUAL_SECONDS", 0.05)
    monkeypatch.setattr(search, "ROUNDS", (0.0,))
    done = person("eva").call("doctor")
    assert done.returncode == 3
    assert done.stdout.startswith("!!  search     No room answered here: this machine is in no network.\n")
    assert "--  ticket     the server has no address" in done.stdout


def test_an_address_that_is_none_is_a_usage_error(person: Person) -> None:
    assert person("eva").call("doctor", "a b").returncode == 2


def test_on_the_box_the_room_is_checked_too(server: Server, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sockatuh.cli.check.ANSWERS_WITHIN", 0.05)
    done = person("eva", SOCKATUH_CONFIG=str(server.config)).call("doctor", server.address, "--json")
    found = objects(done.stdout)
    assert found["settings"]["result"] == "ok"
    assert found["unit"]["result"] == "skipped"
    # The server listens at the port of its command line, not at that of the file.
    assert (found["port"]["result"], done.returncode) == ("bad", 1)
    assert {"rmem", "firewall"} <= found.keys()


# What is said of what was found.


def examined(**results: Any) -> Examined:
    """Return what an examination came to; five answers, unless it is said otherwise."""
    return replace(Examined(AT, (0.001, 0.003, 0.002, 0.004, 0.0012)), **results)


def test_the_gravest_verdict_is_the_exit_code() -> None:
    kinds = [ExitCode.OTHER, ExitCode.NO_SERVER, ExitCode.VERSION_MISMATCH, ExitCode.IDENTITY_CHANGED]
    for at, code in enumerate(kinds):
        assert verdict.exit_code_of([bad("x", "y", "z", each) for each in kinds[: at + 1]]) == code
    assert verdict.exit_code_of([fine("x", "y"), skipped("x", "y")]) is ExitCode.OK


@pytest.mark.parametrize("columns", [80, 40])
def test_every_row_fits_the_terminal(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdict, "columns_of", lambda _: columns)
    monkeypatch.setattr("sockatuh.cli.rows.columns_of", lambda _: columns)
    found = examined(offered=OTHER_KEY)
    for each in server_checks.check_identity(SERVER, PIN, found):
        verdict.print_verdict(each, as_json=False)
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.startswith("!!  key        STOP: ")
    indent = " " * (15 if columns == 80 else 4)
    assert all(row.startswith((indent, "--  ")) for row in rows)
    assert max(map(len, [head, *rows])) <= columns


@pytest.mark.parametrize(
    ("route", "has_answered", "result", "words"),
    [
        (None, False, Result.BAD, "no route"),
        (Route("127.0.0.1", "", False, True, None), True, Result.OK, "on this machine"),
        (Route("10.8.0.2", "wg0", True, False, False), False, Result.BAD, "leaves through wg0, a tunnel"),
        (Route("10.8.0.2", "wg0", True, False, False), True, Result.OK, "a tunnel"),
        (Route("192.168.1.7", "wlan0", False, False, True), True, Result.OK, "from 192.168.1.7 through wlan0"),
    ],
)
def test_a_tunnel_is_a_fault_only_if_nothing_comes_back(
    route: Route | None, has_answered: bool, result: Result, words: str
) -> None:
    found = server_checks.check_route(route, has_answered=has_answered)
    assert found.result is result
    assert words in found.text


@pytest.mark.parametrize(
    ("shares", "result", "words"),
    [(True, Result.OK, "in this machine's"), (False, Result.OK, "other subnet"), (None, Result.SKIPPED, "not tell")],
)
def test_another_subnet_is_no_fault(shares: bool | None, result: Result, words: str) -> None:
    found = server_checks.check_subnet(Route("192.168.1.7", "wlan0", False, False, shares))
    assert found.result is result
    assert words in found.text


def test_answers_are_counted_and_timed() -> None:
    found = server_checks.check_contact(SERVER, examined())
    assert found.text == "192.168.1.20:7625 answers in 1.0 to 4.0 ms, none lost"
    lossy = server_checks.check_contact(SERVER, examined(seconds=(0.002, 0.001)))
    assert (lossy.result, lossy.exit_code) == (Result.BAD, ExitCode.OTHER)
    assert "3 of 5 lost" in lossy.text


def test_no_answer_names_what_may_be_the_reason() -> None:
    found = server_checks.check_contact(SERVER, examined(best=None))
    assert "firewall on it (UDP 7625)" in found.text
    assert found.exit_code is ExitCode.NO_SERVER
    refused = server_checks.check_contact(
        SERVER, examined(best=None, obstacles=(("192.168.1.20:7625", "port_closed"),))
    )
    assert "nothing listens on UDP port 7625 at 192.168.1.20" in refused.text


@pytest.mark.parametrize(
    ("host", "error", "remedy"),
    [
        ("kitchen.local", socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "mDNS"),
        ("kitchn", socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "Is the name right?"),
        ("kitchen", socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), "needs no name server"),
        ("kitchen", TimeoutError(), "needs no name server"),
    ],
)
def test_a_name_that_does_not_resolve_has_a_remedy(host: str, error: Exception, remedy: str) -> None:
    found = server_checks.not_resolved(host, error)
    assert remedy in found.remedy
    assert found.exit_code is ExitCode.NO_SERVER


def test_identity_is_judged_by_pin_and_invite() -> None:
    def key(server: ServerAddress, pin: Pin | None, **results: object) -> Verdict:
        return next(iter(server_checks.check_identity(server, pin, examined(**results))))

    assert "known since 2026-11-02" in key(SERVER, PIN, key=KEY, room="kitchen").text
    assert "new here" in key(SERVER, None, key=KEY, room="kitchen").text
    assert "the invite names" in key(ServerAddress(*AT, key=KEY), None, key=KEY, room="kitchen").text
    assert key(SERVER, PIN, offered=OTHER_KEY).exit_code is ExitCode.IDENTITY_CHANGED
    assert key(SERVER, None).exit_code is ExitCode.NO_SERVER
    (closed, *_) = server_checks.check_identity(SERVER, None, examined(key=KEY, room="kitchen"), can_compare=False)
    assert "cannot be read" in closed.text
    assert key(SERVER, None, best=None).result is Result.SKIPPED


def test_another_version_is_exit_7() -> None:
    found = list(server_checks.check_identity(SERVER, None, examined(theirs=2)))
    assert [each.check for each in found] == ["key", "room", "version"]
    assert found[-1].exit_code is ExitCode.VERSION_MISMATCH
    assert "version 2" in found[-1].text


@pytest.mark.parametrize(
    ("path", "result", "words"),
    [
        (Way.WHOLE, Result.OK, "in one piece"),
        (Way.NARROW, Result.BAD, "less than 1,200 bytes"),
        (Way.SILENT, Result.BAD, "did not answer"),
        (Way.UNTRIED, Result.SKIPPED, "not proved"),
    ],
)
def test_what_the_path_carries_is_told(path: Way, result: Result, words: str) -> None:
    found = server_checks.check_datagrams(examined(path=path))
    assert found.result is result
    assert words in found.text


def test_a_directory_that_is_open_to_others_is_a_fault_and_a_new_one_is_not(tmp_path: Path) -> None:
    assert "first chat" in own_checks.check_profile(tmp_path / "new" / "deep").text
    assert not (tmp_path / "new").exists()
    mine = tmp_path / "mine"
    mine.mkdir(mode=0o700)
    (mine / "identity").touch(0o600)
    assert own_checks.check_profile(mine).result is Result.OK
    (mine / "identity").chmod(0o644)
    found = own_checks.check_profile(mine)
    assert found.result is Result.BAD
    assert "chmod 600" in found.text + found.remedy


@pytest.mark.skipif("os.geteuid() == 0", reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_is_a_fault(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "cannot be written" in own_checks.check_profile(tmp_path).text


def test_a_ticket_is_for_a_server_and_a_name(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "profile")
    profile.keep_ticket("kitchen:7625", "tom", b"sealed")
    assert own_checks.check_ticket(profile, "kitchen:7625", "tom").result is Result.OK
    assert "password" in own_checks.check_ticket(profile, "kitchen:7625", "ana").text
    assert "not joined" in own_checks.check_ticket(profile, "kitchen:7625", None).text
    assert own_checks.check_ticket(profile, None, None).result is Result.SKIPPED


class Tty:
    """A stream that is a terminal."""

    closed = False

    def __init__(self, encoding: str = "utf-8") -> None:
        self.encoding = encoding

    def isatty(self) -> bool:
        return True


def terminal(encoding: str = "utf-8", **environ: str) -> list[Verdict]:
    return list(own_checks.check_terminal(environ, (Tty(), Tty(encoding))))  # type: ignore[arg-type]


def test_the_terminal_is_described_with_what_chat_would_do_on_it() -> None:
    described, screen, calls = terminal(TERM="xterm-256color", TMUX="/tmp/tmux-1/default,1,0")  # noqa: S108 - a variable
    assert described.text.startswith("xterm-256color, ")
    assert described.text.endswith("utf-8, colours, in tmux")
    assert (screen.text, screen.facts) == ("chat would take the full screen", {"screen": "full"})
    assert (calls.text, calls.facts) == (wording.CALLED_BY_BELL_ONLY, {"notify": "bell"})
    assert "no colours" in terminal(TERM="xterm", NO_COLOR="1")[0].text
    assert terminal("iso8859-1", TERM="xterm")[0].result is Result.BAD


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({"TERM": "dumb"}, f"chat would take plain lines: {wording.TERM_DUMB}"),
        ({}, f"chat would take plain lines: {wording.TERM_DUMB}"),
        ({"TERM": "xterm", "COLUMNS": "39"}, "chat would take the inline screen: the full one needs at least 40×8"),
        (
            {"TERM": "xterm", "SOCKATUH_SCREEN": "inline"},
            "chat would take the inline screen: SOCKATUH_SCREEN says so",
        ),
        ({"TERM": "xterm", "SOCKATUH_SCREEN": "plain"}, "chat would take plain lines: SOCKATUH_SCREEN says so"),
        ({"TERM": "xterm", "SOCKATUH_SCREEN": "full"}, "chat would take the full screen"),
    ],
)
def test_the_screen_is_the_one_that_chat_would_take(
    environ: dict[str, str], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", environ.get("COLUMNS", "80"))
    assert terminal(**environ)[1].text == text


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({"TERM": "foot"}, wording.CALLS["terminal"]),
        ({"TERM": "foot", "SOCKATUH_NOTIFY": "bell"}, wording.CALLS["bell"]),
        ({"TERM": "foot", "SOCKATUH_NOTIFY": "off"}, wording.CALLS["off"]),
        ({"TERM": "dumb"}, wording.CALLED_BY_BELL_ONLY),
    ],
)
def test_what_calls_somebody_is_said(environ: dict[str, str], text: str) -> None:
    assert terminal(**environ)[2].text == text


def test_the_language_is_named_with_what_has_chosen_it() -> None:
    assert own_checks.check_language({}).text == "English"
    assert own_checks.check_language({"LANG": "id_ID.UTF-8"}).text == (
        "Indonesian (Bahasa Indonesia), from LANG=id_ID.UTF-8"
    )
    english = own_checks.check_language({"SOCKATUH_LANG": "en", "LC_ALL": "id_ID", "LANG": "C"})
    assert english.text == "English, from SOCKATUH_LANG=en"
    assert own_checks.check_language({"LC_ALL": "de_DE"}).text == "English, from LC_ALL=de_DE"


def test_a_variable_that_means_nothing_is_bad_with_a_remedy() -> None:
    _, screen, calls = terminal(TERM="xterm", SOCKATUH_SCREEN="ful", SOCKATUH_NOTIFY="on")
    language = own_checks.check_language({"SOCKATUH_LANG": "xx"})
    for each, variable in (screen, "SCREEN"), (calls, "NOTIFY"), (language, "LANG"):
        assert each.result is Result.BAD
        assert each.remedy.endswith(f"unset SOCKATUH_{variable}")


# On the box.


def installed(*, is_active: bool, is_listening: bool) -> ChosenRoom:
    service = Installed(Path("/etc/systemd/system/sockatuh.service"), is_active, is_listening)
    return ChosenRoom(service, None, {}, None)


def test_a_unit_that_is_down_is_a_fault() -> None:
    assert box_checks.check_unit(installed(is_active=True, is_listening=True)).result is Result.OK
    assert box_checks.check_unit(installed(is_active=False, is_listening=True)).result is Result.OK
    down = box_checks.check_unit(installed(is_active=False, is_listening=False))
    assert (down.result, down.remedy) == (
        Result.BAD,
        "sudo systemctl start sockatuh.socket sockatuh.service",
    )
    assert box_checks.check_unit(ChosenRoom(None, None, {}, None)).result is Result.SKIPPED


@pytest.mark.parametrize(
    ("state", "result"),
    [
        (states.RUNNING, Result.OK),
        (states.WAITING, Result.OK),
        (states.READY, Result.BAD),
        (states.NOT_TRIED, Result.SKIPPED),
    ],
)
def test_a_room_that_does_not_run_is_a_fault(state: str, result: Result) -> None:
    assert box_checks.check_port(state, 7625, []).result is result
    assert box_checks.check_port(state, 7625, [Problem("port", "default", "taken")]).text == "taken"


def test_settings_that_cannot_be_used_are_all_named(tmp_path: Path) -> None:
    config = tmp_path / "sockatuh.toml"
    config.write_text('room = "kitchen"\nport = 99999\ncolour = "red"\n')
    found = list(box_checks.check_room(ChosenRoom(None, config, {}, None)))
    assert [each.check for each in found if each.result is Result.BAD].count("settings") >= 2
    assert [each.result for each in found if each.check == "port"] == [Result.SKIPPED]


UFW = """Status: active

To                         Action      From
--                         ------      ----
22/tcp                     ALLOW       Anywhere
7625/udp                   ALLOW       192.168.1.0/24
"""
NFT = """table inet filter {
\tchain input {
\t\ttype filter hook input priority filter; policy drop;
\t\tct state established,related accept
\t\tudp dport { 53, 7700 } accept
\t}

\tchain output {
\t\ttype filter hook output priority filter; policy accept;
\t}
}
"""


def asked(**answers: tuple[int, str]) -> Any:
    """Return what runs no command, and answers by the first word of one."""

    def ask(command: Sequence[str]) -> tuple[int, str] | None:
        return answers.get(command[0].replace("-", "_"))

    return ask


def test_ufw_tells_root_which_ports_are_open(tmp_path: Path) -> None:
    enabled = tmp_path / "ufw.conf"
    enabled.write_text("LOGLEVEL=low\nENABLED=yes\n")
    (found,) = find_firewalls(7625, asked(ufw=(0, UFW)), enabled)
    assert (found.name, found.is_open, found.command) == ("ufw", True, "sudo ufw allow 7625/udp")
    assert not ufw_lets_in(UFW, 762)
    assert not ufw_lets_in(UFW, 22)
    assert find_firewalls(7625, asked(ufw=(1, "")), enabled)[0].is_open is None
    enabled.write_text("ENABLED=no\n")
    assert find_firewalls(7625, asked(ufw=(0, UFW)), enabled) == []


@pytest.mark.parametrize(("said", "is_open"), [("yes\n", True), ("no\n", False), ("", None)])
def test_firewalld_is_asked_for_the_port(tmp_path: Path, said: str, is_open: bool | None) -> None:
    ask = asked(systemctl=(0, "active\n"), firewall_cmd=(0, said))
    (found,) = find_firewalls(7625, ask, tmp_path / "none")
    assert (found.name, found.is_open) == ("firewalld", is_open)
    assert "--add-port=7625/udp" in found.command


def test_nftables_is_read_only_if_something_is_dropped(tmp_path: Path) -> None:
    (found,) = find_firewalls(7700, asked(nft=(0, NFT)), tmp_path / "none")
    assert (found.name, found.is_open) == ("nftables", True)
    assert found.command == "sudo nft insert rule inet filter input udp dport 7700 accept"
    assert nft_names(NFT, 7625) is None
    assert find_closed_input(NFT.replace("policy drop", "policy accept")) is None
    assert find_firewalls(7625, asked(nft=(0, "")), tmp_path / "none") == []
    assert find_firewalls(7625, asked(nft=(1, "")), tmp_path / "none") == []
    closed = find_firewalls(7625, asked(nft=(1, ""), systemctl=(0, "active")), tmp_path / "none")
    assert [each.name for each in closed] == ["firewalld"]


def test_a_firewall_is_a_fault_only_if_it_is_known_to_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sockatuh.cli.firewalls.UFW_SETTINGS", Path("/nowhere"))
    for said, result in (("yes", Result.OK), ("no", Result.BAD), ("?", Result.SKIPPED)):
        (found,) = box_checks.check_firewalls(7625, asked(systemctl=(0, "active"), firewall_cmd=(0, said)))
        assert found.result is result
    assert [each.result for each in box_checks.check_firewalls(7625, asked())] == [Result.SKIPPED]


def test_no_address_is_reported_by_its_reason() -> None:
    unreachable = OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))
    assert os.strerror(errno.ENETUNREACH) in server_checks.not_resolved("kitchen", unreachable).text
