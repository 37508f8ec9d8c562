from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

import sockatuh
from sockatuh.protocol.limits import Limits
from sockatuh.settings import CLIENT_VARIABLES, CREDENTIAL, KEYS, SYSTEM_FILE, VARIABLES, load

ROOT: Final = Path(__file__).parent.parent
UNIT: Final = ROOT / "sockatuh.service"
CONFIG: Final = ROOT / "config/sockatuh.toml"
WITHOUT_DEFAULT: Final = {"password_hash", "room", "state_dir"}
MAX_EXPOSURE: Final = 1.5


def analyse(*arguments: str) -> subprocess.CompletedProcess[str]:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        assert os.environ.get("CI") != "true", "systemd-analyze has to be installed where this is decided"
        pytest.skip("systemd-analyze is not installed")
    environ = os.environ | {"SYSTEMD_COLORS": "0", "LC_ALL": "C.UTF-8"}
    return subprocess.run([tool, *arguments, str(UNIT)], capture_output=True, text=True, check=False, env=environ)


def directives() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text("utf-8").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def flat(table: dict[str, Any]) -> dict[str, Any]:
    return {
        **{key: value for key, value in table.items() if key != "limits"},
        **{f"limits.{key}": value for key, value in table["limits"].items()},
    }


def test_the_units_exposure_is_low() -> None:
    said = analyse("security", "--offline=true", "--no-pager").stdout
    score = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert score, said
    assert float(score[1]) <= MAX_EXPOSURE


def test_the_unit_is_without_fault_but_for_the_program_that_is_not_installed_here() -> None:
    said = analyse("verify").stderr.splitlines()
    assert [line for line in said if "/opt/sockatuh/bin/sockatuh is not executable" not in line] == []


def test_the_unit_is_watched_keeps_its_state_and_gets_its_secret() -> None:
    found = directives()
    assert found["Type"] == ["notify"]
    assert found["WatchdogSec"] == ["30s"]
    assert found["DynamicUser"] == ["yes"]
    assert found["StateDirectory"] == ["sockatuh"]
    assert found["LoadCredential"] == [f"{CREDENTIAL}:{SYSTEM_FILE.parent / CREDENTIAL}"]
    assert found["ExecStart"] == [f"/opt/sockatuh/bin/sockatuh serve --config {SYSTEM_FILE}"]


def test_the_configuration_file_holds_every_key_with_its_default(tmp_path: Path) -> None:
    written = tomllib.loads(CONFIG.read_text("utf-8"))
    assert list(flat(written)) == [key for key in KEYS if key not in WITHOUT_DEFAULT]
    environ = {"STATE_DIRECTORY": str(tmp_path)}
    settings = load({"config": CONFIG}, environ, tmp_path, serving=False)
    defaults = load({}, environ, tmp_path, serving=False)
    assert settings.model_dump() == defaults.model_dump()
    assert written["limits"] == dataclasses.asdict(Limits())


def test_what_has_no_default_stands_there_as_a_comment() -> None:
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


def test_the_scripts_are_short_and_can_be_run() -> None:
    for name in ("run", "test", "check"):
        script = ROOT / "scripts" / name
        assert len(script.read_text("utf-8").splitlines()) < 25
        assert os.access(script, os.X_OK), name


def test_the_constraints_pin_every_dependency_and_name_no_address() -> None:
    pins = (ROOT / "scripts/constraints.txt").read_text("utf-8").splitlines()
    assert [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.]*", pin)] == []
    pinned = {plain_name(pin) for pin in pins}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    needed = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    assert {plain_name(each) for each in needed} <= pinned


def plain_name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9_.-]", requirement)[0].lower().replace("_", "-").replace(".", "-")


def test_the_changelog_knows_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert "## [Unreleased]" in changelog
    assert sockatuh.__version__ in changelog
