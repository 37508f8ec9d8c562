"""Which environment variables are SockAtuh's, among those whose names begin like its own.

Docker and Kubernetes set variables in each container for the services beside it, named after the service: one called
sockatuh makes SOCKATUH_SERVICE_HOST, SOCKATUH_PORT=udp://10.0.0.7:7625, SOCKATUH_PORT_7625_UDP_ADDR and more. They are
ignored rather than reported as misspelt, because nobody wrote them. An empty variable counts as one that is not set,
because units and compose files often cannot leave a variable out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

PREFIX: Final = "SOCKATUH_"

# The service's name may be longer: sockatuh-web makes SOCKATUH_WEB_SERVICE_HOST.
_FOR_A_SERVICE: Final = re.compile(
    rf"{PREFIX}(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(UDP|TCP|SCTP)(_\w+)?|ENV_\w+)", re.ASCII
)
_PORT: Final = re.compile(rf"{PREFIX}(\w+_)?PORT", re.ASCII)
_URL: Final = re.compile(r"(udp|tcp|sctp)://", re.IGNORECASE)
_NAME: Final = re.compile(rf"{PREFIX}(\w+_)?NAME", re.ASCII)
_LINK: Final = re.compile(r"/[^/]+/[^/]+")


def is_made_for_a_service(name: str, value: str) -> bool:
    """Return whether a container's runtime set this variable, for a service called sockatuh."""
    return bool(
        _FOR_A_SERVICE.fullmatch(name)
        or (_PORT.fullmatch(name) and _URL.match(value))
        or (_NAME.fullmatch(name) and _LINK.fullmatch(value))
    )


def without_foreign(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without SOCKATUH_ variables that are empty or that a container's runtime set."""
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith(PREFIX) or (value and not is_made_for_a_service(name, value))
    }


def find_ignored(environ: Mapping[str, str]) -> list[str]:
    """Return the names of the variables that a container's runtime set, sorted."""
    return sorted(name for name, value in environ.items() if value and is_made_for_a_service(name, value))
