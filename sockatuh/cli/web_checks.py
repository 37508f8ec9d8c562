"""The checks of `check` on the door for browsers, where there is one: a unit of it, or settings."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sockatuh.errors import AddressUnclear, Problem
from sockatuh.net.address import parse_server
from sockatuh.net.sockets import plain_reason
from sockatuh.wording import check as wording

from .service_files import UNIT_DIRECTORY, at
from .timer_files import WEB_SERVICE
from .web_page import find_pages

if TYPE_CHECKING:
    from sockatuh.settings.model import Settings
    from sockatuh.settings.web_door import WebDoor

CREDENTIALS: Final = Path("/run/credentials")
"""Where systemd puts what LoadCredential= names; it is there while the unit runs."""


def door_problems(settings: Settings) -> Iterator[Problem]:
    """Yield what keeps the door from being opened; nothing where nobody wants one."""
    origins = {key.partition(".")[2]: origin for key, origin in settings.origins.items() if key.startswith("web.")}
    is_unit = (at(UNIT_DIRECTORY) / WEB_SERVICE).is_file()
    if not is_unit and set(origins.values()) == {"default"}:
        return
    door = settings.web
    found = {"server": _server_fault(door), "listen": _listen_fault(door, is_unit=is_unit)}
    if door.certificate:
        found |= _certificate_faults(door, is_unit=is_unit)
    for key, text in found.items():
        if text:
            yield Problem(f"web.{key}", origins[key], text)


def _server_fault(door: WebDoor) -> str:
    """Return what is wrong with the room's address, "" if nothing is."""
    from sockatuh.client.server_address import ServerAddress

    try:
        ServerAddress.parse(door.server)
    except AddressUnclear as error:
        return wording.no_server(error.reason)
    return ""


def _listen_fault(door: WebDoor, *, is_unit: bool) -> str:
    """Return what is wrong with the place to listen; the port is tried only if the unit should have it and has not."""
    host, port = parse_server(door.listen, 0)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, 0), family=family).close()
    except (OSError, ValueError):
        return wording.NOT_OURS
    if is_unit and not find_pages():
        try:
            socket.create_server((host, port), family=family, dualstack_ipv6=host == "::").close()
        except OSError as error:
            return wording.port_unusable(port, plain_reason(error))
    return ""


def _certificate_faults(door: WebDoor, *, is_unit: bool) -> dict[str, str]:
    """Return what is wrong with the certificate, or its key."""
    from sockatuh.web.certificate import read_pair

    files = {"certificate": Path(door.certificate)} | ({"key": Path(door.key)} if door.key else {})
    for name, path in files.items():
        if path.is_relative_to(CREDENTIALS) and not path.exists():
            return {}  # until the unit runs
        try:
            path.read_bytes()
        except OSError as error:
            return {name: wording.unreadable(error.strerror or str(error))}
    try:
        certificate = read_pair(files["certificate"], files.get("key"))
    except ValueError as error:
        return {"certificate": wording.unusable(str(error))}
    if certificate.ends <= datetime.now(UTC):
        return {"certificate": wording.expired(f"{certificate.ends:%Y-%m-%d}")}
    closed = [name for name, path in files.items() if is_unit and not _is_for_everybody(path)]
    return dict.fromkeys(closed, wording.NOT_FOR_THE_SERVICE)


def _is_for_everybody(path: Path) -> bool:
    """Tell whether the service's user may read a file: everybody may, or it is a credential."""
    if path.is_relative_to(CREDENTIALS):
        return True
    real = path.resolve()
    return bool(real.stat().st_mode & 0o004) and all(each.stat().st_mode & 0o001 for each in real.parents)
