from __future__ import annotations

import pytest

from sockatuh.settings.model import VARIABLES
from sockatuh.settings.sources import CLIENT_VARIABLES
from sockatuh.settings.variables import find_ignored, is_made_for_a_service, without_foreign

KUBERNETES = {
    "SOCKATUH_SERVICE_HOST": "10.43.0.7",
    "SOCKATUH_SERVICE_PORT": "7625",
    "SOCKATUH_SERVICE_PORT_CHAT": "7625",
    "SOCKATUH_PORT": "udp://10.43.0.7:7625",
    "SOCKATUH_PORT_7625_UDP": "udp://10.43.0.7:7625",
    "SOCKATUH_PORT_7625_UDP_ADDR": "10.43.0.7",
    "SOCKATUH_PORT_7625_UDP_PORT": "7625",
    "SOCKATUH_PORT_7625_UDP_PROTO": "udp",
    "SOCKATUH_WEB_SERVICE_HOST": "10.43.0.8",
    "SOCKATUH_WEB_PORT": "tcp://10.43.0.8:80",
    "SOCKATUH_SERVER_PORT_7625_UDP_ADDR": "10.43.0.9",
    "SOCKATUH_SERVER_SERVICE_PORT_CHAT_2": "1",
}
DOCKER = {
    "SOCKATUH_NAME": "/web/sockatuh",
    "SOCKATUH_ENV_PATH": "/usr/bin",
    "SOCKATUH_ENV_SOCKATUH_PORT": "7625",
    "SOCKATUH_1_PORT": "udp://172.17.0.2:7625",
    "SOCKATUH_1_NAME": "/web/sockatuh_1",
    "SOCKATUH_PORT_7625_UDP_START": "udp://172.17.0.2:7625",
}
OWN = {"SOCKATUH_PORT": "7625", "SOCKATUH_NAME": "budi", "SOCKATUH_PASSWORD_FILE": "/run/secrets/room", "HOME": ""}


def test_what_a_runtime_made_is_passed_over() -> None:
    for made in (KUBERNETES, DOCKER):
        assert find_ignored(made | {"PATH": "/bin"}) == sorted(made)
        assert without_foreign(made | {"PATH": "/bin"}) == {"PATH": "/bin"}


def test_what_is_ours_stays() -> None:
    assert without_foreign(OWN) == OWN
    assert find_ignored(OWN) == []


@pytest.mark.parametrize("value", ["1", "udp", "/run/password", "~/x", "udp://", "/a/b"])
def test_none_of_ours_is_taken_for_another_by_its_name(value: str) -> None:
    taken = {name for name in {*VARIABLES, *CLIENT_VARIABLES} if is_made_for_a_service(name, value)}
    assert taken <= {"SOCKATUH_PORT", "SOCKATUH_NAME"}
    assert not taken or "/" in value


def test_an_empty_variable_is_not_set() -> None:
    assert without_foreign({"SOCKATUH_PORT": "", "SOCKATUH_SERVICE_HOST": "", "SOCKATUH_NONSENSE": "", "TERM": ""}) == {
        "TERM": ""
    }
