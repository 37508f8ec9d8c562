"""Which environment variables are meant for SockAtuh, among those that begin like it.

Docker and Kubernetes give each container variables for the services beside it, made of the service's name: one that is
called sockatuh makes SOCKATUH_SERVICE_HOST, SOCKATUH_PORT=udp://10.0.0.7:7625, SOCKATUH_PORT_7625_UDP_ADDR and more.
Whoever sets none of them is not to be told that they are misspelt. And a variable that is empty is one that is not set:
whoever writes a unit or a compose file often cannot leave it out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

PREFIX: Final = "SOCKATUH_"

# The name of a service may be longer: sockatuh-web makes SOCKATUH_WEB_SERVICE_HOST.
_FOR_A_SERVICE: Final = re.compile(
    rf"{PREFIX}(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(UDP|TCP|SCTP)(_\w+)?|ENV_\w+)", re.ASCII
)
_PORT: Final = re.compile(rf"{PREFIX}(\w+_)?PORT", re.ASCII)
_URL: Final = re.compile(r"(udp|tcp|sctp)://", re.IGNORECASE)
_NAME: Final = re.compile(rf"{PREFIX}(\w+_)?NAME", re.ASCII)
_LINK: Final = re.compile(r"/[^/]+/[^/]+")


def is_made_for_a_service(name: str, value: str) -> bool:
    """Tell whether a container's runtime has made a variable, for a service that is called sockatuh."""
    return bool(
        _FOR_A_SERVICE.fullmatch(name)
        or (_PORT.fullmatch(name) and _URL.match(value))
        or (_NAME.fullmatch(name) and _LINK.fullmatch(value))
    )


def ours(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without variables of ours that are empty, and without those that are not ours."""
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith(PREFIX) or (value and not is_made_for_a_service(name, value))
    }


def passed_over(environ: Mapping[str, str]) -> list[str]:
    """Return the names of the variables that only look like ours."""
    return sorted(name for name, value in environ.items() if value and is_made_for_a_service(name, value))
