from __future__ import annotations

import dataclasses
import ipaddress
import itertools
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

import sockatuh
from sockatuh.cli.app import PERMANENT
from sockatuh.cli.errors import ExitCode
from sockatuh.cli.program import Program
from sockatuh.cli.service_files import unit as installed_unit
from sockatuh.net.sockets import RECEIVE_BUFFER, SEND_BUFFER
from sockatuh.protocol.constants import DEFAULT_PORT
from sockatuh.protocol.server.limits import Limits
from sockatuh.settings.model import KEYS, VARIABLES
from sockatuh.settings.sources import CLIENT_VARIABLES, CREDENTIAL, SYSTEM_FILE, load
from sockatuh.settings.values import PRIVATE_NETWORKS

ROOT: Final = Path(__file__).parent.parent
UNIT: Final = ROOT / "sockatuh.service"
SOCKET: Final = ROOT / "sockatuh.socket"
UNITS: Final = ROOT / "sockatuh/units"
CONFIG: Final = ROOT / "config/sockatuh.toml"
WITHOUT_DEFAULT: Final = {"password_hash", "room", "state_dir"}
MAX_EXPOSURE: Final = 0.3
INSTALLED: Final = Program(("/opt/sockatuh/bin/sockatuh",), (Path("/opt/sockatuh"),))


def analyse(*arguments: str) -> subprocess.CompletedProcess[str]:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        assert os.environ.get("CI") != "true", "systemd-analyze has to be installed where this is decided"
        pytest.skip("systemd-analyze is not installed")
    environ = os.environ | {"SYSTEMD_COLORS": "0", "LC_ALL": "C.UTF-8"}
    return subprocess.run([tool, *arguments], capture_output=True, text=True, check=False, env=environ)


def directives(unit: Path = UNIT) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in unit.read_text("utf-8").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def flat(table: dict[str, Any]) -> dict[str, Any]:
    return {
        **{key: value for key, value in table.items() if not isinstance(value, dict)},
        **{f"limits.{key}": value for key, value in table["limits"].items()},
        **{f"web.{key}": value for key, value in table["web"].items()},
    }


def test_the_units_exposure_is_low() -> None:
    said = analyse("security", "--offline=true", "--no-pager", str(UNIT)).stdout
    score = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert score, said
    assert float(score[1]) <= MAX_EXPOSURE


def test_the_units_verify_except_for_the_missing_program() -> None:
    said = analyse("verify", str(UNIT), str(SOCKET)).stderr.splitlines()
    assert [line for line in said if "/opt/sockatuh/bin/sockatuh is not executable" not in line] == []


@pytest.mark.parametrize(("name", "most"), [("metrics", 0.9), ("backup", 1.7)])
def test_the_units_of_timers_are_locked_in_as_far_as_root_can_be(name: str, most: float) -> None:
    unit = UNITS / f"sockatuh-{name}.service"
    said = analyse("security", "--offline=true", "--no-pager", str(unit)).stdout
    score = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert score, said
    assert float(score[1]) <= most
    # Without capabilities at exec root could open neither the socket nor the room.
    assert "SecureBits" not in directives(unit)


def test_the_door_for_browsers_is_locked_in_as_far_as_a_server_on_the_network_can_be() -> None:
    unit = UNITS / "sockatuh-web.service"
    said = analyse("security", "--offline=true", "--no-pager", str(unit)).stdout
    score = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert score, said
    assert float(score[1]) <= 1.0
    found = directives(unit)
    assert found["DynamicUser"] == ["yes"]
    assert found["StateDirectory"] == ["sockatuh-web"]
    assert found["ExecStart"] == ["/opt/sockatuh/bin/sockatuh web --config /etc/sockatuh/sockatuh.toml"]


def test_the_units_of_timers_verify_except_for_the_missing_program() -> None:
    units = sorted(map(str, UNITS.glob("sockatuh-*")))
    assert len(units) == 5
    said = analyse("verify", *units).stderr.splitlines()
    assert [line for line in said if "/opt/sockatuh/bin/sockatuh is not executable" not in line] == []


def test_the_unit_is_watched_keeps_its_state_and_gets_its_secret() -> None:
    found = directives()
    assert found["Type"] == ["notify"]
    assert found["WatchdogSec"] == ["30s"]
    assert found["DynamicUser"] == ["yes"]
    assert found["StateDirectory"] == ["sockatuh"]
    assert found["LoadCredential"] == [f"{CREDENTIAL}:{SYSTEM_FILE.parent / CREDENTIAL}"]
    assert found["ExecStart"] == [f"/opt/sockatuh/bin/sockatuh serve --config {SYSTEM_FILE}"]


def test_a_reload_renews_the_secret_then_checks_and_applies_the_settings() -> None:
    found = directives()
    renew, attempt, ask = found["ExecReload"]
    assert renew.startswith("+/bin/sh -ec 'cd %t/sockatuh && exec setpriv --reuid=")
    text = UNIT.read_text("utf-8")
    assert f"mv -fT .new {CREDENTIAL}\" <{SYSTEM_FILE.parent / CREDENTIAL}'" in text
    assert found["RuntimeDirectory"] == ["sockatuh"]
    assert found["RuntimeDirectoryMode"] == ["0711"], "others read `barred` there; the umask keeps them from the rest"
    assert found["UMask"] == ["0077"]
    assert attempt == f"/opt/sockatuh/bin/sockatuh check --settings --config {SYSTEM_FILE}"
    assert ask == "/bin/sh -c 'kill -HUP $MAINPID'", "a minimal system has no program called kill"


def test_output_without_a_level_is_logged_as_an_error() -> None:
    assert directives()["SyslogLevel"] == ["err"]


def test_a_failed_service_is_restarted_unless_its_settings_are_invalid() -> None:
    found = directives()
    assert found["StartLimitIntervalSec"] == ["0"]
    assert (found["Restart"], found["RestartSec"]) == (["on-failure"], ["1s"])
    assert found["RestartPreventExitStatus"] == [" ".join(map(str, map(int, PERMANENT)))]
    assert {ExitCode.USAGE, ExitCode.BAD_CONFIGURATION} == {*PERMANENT}


def test_the_service_has_no_network_except_the_passed_socket() -> None:
    service, socket = directives(), directives(SOCKET)
    assert service["PrivateNetwork"] == ["yes"]
    assert service["RestrictAddressFamilies"] == ["AF_UNIX"]
    assert service["Requires"] == ["sockatuh.socket"]
    assert socket["ListenDatagram"] == [str(DEFAULT_PORT)]
    assert socket["BindIPv6Only"] == ["both"]
    assert (socket["ReceiveBuffer"], socket["SendBuffer"]) == (["8M"], ["4M"])
    assert (RECEIVE_BUFFER, SEND_BUFFER) == (8 << 20, 4 << 20)
    assert socket["FlushPending"] == ["no"]


def test_the_socket_accepts_private_networks_and_no_others() -> None:
    lists = directives(SOCKET)
    assert lists["IPAddressDeny"] == ["any"]
    allowed = lists["IPAddressAllow"][0].replace("localhost", "127.0.0.0/8 ::1/128").split()
    assert {ipaddress.ip_network(each) for each in allowed} == set(PRIVATE_NETWORKS)


def test_the_units_of_the_repository_are_those_that_are_installed() -> None:
    for unit in (UNIT, SOCKET):
        assert unit.read_text("utf-8") == installed_unit(unit.name, INSTALLED, "::", DEFAULT_PORT), unit.name


def test_the_source_distribution_holds_both_units() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert {UNIT.name, SOCKET.name} <= {*project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]}


def test_the_configuration_file_holds_every_key_with_its_default(tmp_path: Path) -> None:
    written = tomllib.loads(CONFIG.read_text("utf-8"))
    assert list(flat(written)) == [key for key in KEYS if key not in WITHOUT_DEFAULT]
    environ = {"STATE_DIRECTORY": str(tmp_path)}
    settings = load({"config": CONFIG}, environ, tmp_path, serving=False)
    defaults = load({}, environ, tmp_path, serving=False)
    assert settings.model_dump() == defaults.model_dump()
    assert written["limits"] == dataclasses.asdict(Limits())


def test_settings_without_a_default_are_commented_out() -> None:
    commented = re.findall(r"^# (\w+) = \S", CONFIG.read_text("utf-8"), re.MULTILINE)
    assert set(commented) == WITHOUT_DEFAULT


def test_every_key_of_the_configuration_file_has_its_reason_beside_it() -> None:
    lines = re.findall(r"^(?:# )?\w+ = .*$", CONFIG.read_text("utf-8"), re.MULTILINE)
    assert len(lines) == len(KEYS)
    assert [line for line in lines if not re.search(r" {2,}# \S.{10}", line)] == []


def test_the_environment_file_sets_known_variables_and_quotes_the_hash() -> None:
    text = (ROOT / "config/sockatuh.env").read_text("utf-8")
    names = set(re.findall(r"^#?(SOCKATUH_\w+)=", text, re.MULTILINE))
    assert names <= VARIABLES.keys() | CLIENT_VARIABLES
    assert "SOCKATUH_PASSWORD_HASH='$2b$12$" in text


def test_the_constraints_pin_every_dependency_and_name_no_address() -> None:
    pins = (ROOT / "scripts/constraints.txt").read_text("utf-8").splitlines()
    assert [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.]*", pin)] == []
    pinned = {plain_name(pin) for pin in pins}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    needed = [*project["project"]["dependencies"], *itertools.chain(*project["dependency-groups"].values())]
    assert {plain_name(each) for each in needed} <= pinned


def plain_name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9_.-]", requirement)[0].lower().replace("_", "-").replace(".", "-")


def test_the_changelog_knows_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert "## [Unreleased]" in changelog
    assert sockatuh.__version__ in changelog
