from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.people import Person, Server
from kit.programs import SOCKATUH

from sockatuh.cli.environment import correct_environment

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these are a matter of POSIX")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    mask = os.umask(0o022)
    yield
    os.umask(mask)
    time.tzset()


@pytest.mark.parametrize(
    "zone",
    [
        "AAA24",
        "AAA-25",
        "AAA170",
        "Banana/Land",
        "/etc/passwd",
        "/dev/zero",
        "../../../etc/passwd",
        "x" * 5000,
        "\udcff",
        "1",
    ],
)
def test_an_invalid_time_zone_is_reported_and_utc_is_used(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    (sentence,) = correct_environment(os.environ, tells_time=True)
    assert sentence.startswith("TZ=")
    assert sentence.endswith(" is not a time zone known here, so times are in UTC.")
    assert len(sentence) < 120
    assert time.localtime(0).tm_hour == 0
    assert correct_environment(os.environ, tells_time=True) == []


@pytest.mark.parametrize("zone", ["", "UTC", ":UTC", "WIB-7", "<+07>-7", "EST5EDT,M3.2.0,M11.1.0", "utc0"])
def test_a_valid_time_zone_is_kept(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    monkeypatch.setenv("TZ", zone)
    assert correct_environment(os.environ, tells_time=True) == []
    assert os.environ["TZ"] == zone


def test_a_command_without_times_ignores_the_time_zone() -> None:
    assert correct_environment({"TZ": "Banana/Land"}, tells_time=False) == []


def test_unknown_variables_are_removed_and_reported_once() -> None:
    environ = {"SOCKATUH_PORT": "udp://10.0.0.7:7625", "SOCKATUH_SERVICE_HOST": "x", "SOCKATUH_NAME": "", "HOME": ""}
    (sentence,) = correct_environment(environ, tells_time=True)
    assert "SOCKATUH_PORT and 1 more" in sentence
    assert environ == {}


def test_no_mask_keeps_a_process_from_its_own_files(tmp_path: Path) -> None:
    os.umask(0o777)
    correct_environment({}, tells_time=False)
    (tmp_path / "file").touch()
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600


def test_the_clients_variables_are_passed_over_too(server: Server, person: Person) -> None:
    host, _, port = server.address.partition(":")
    ana = person("ana-in-a-pod", server, SOCKATUH_SERVICE_HOST=host, SOCKATUH_PORT=f"udp://{host}:{port}")
    ana.environ["SOCKATUH_PORT_7625_UDP_ADDR"] = host
    done = ana.call("send", "hello")
    assert done.returncode == 0
    assert done.stderr.startswith("Ignored SOCKATUH_PORT and 2 more")
    assert done.stderr.count("\n") == 1
    ana.environ |= {"SOCKATUH_NAME": "/web/sockatuh"}
    assert ana.call("send", "hello", "--name", "ana-in-a-pod").returncode == 0


@pytest.mark.parametrize("limit", [6, pytest.param(31, marks=pytest.mark.slow)])
@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["send", "127.0.0.1:9", "hello", "--timeout", "0.1"]])
def test_too_few_descriptors_are_a_sentence(person: Person, limit: int, command: list[str]) -> None:
    script = f'ulimit -n {limit}; exec "$0" "$@"'
    done = subprocess.run(
        ["sh", "-c", script, *SOCKATUH, *command],
        capture_output=True,
        text=True,
        env=person("budi").environ,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"Only {limit} files may be open at once here, and 32 are needed.")
    assert done.stderr.count("\n") == 1
