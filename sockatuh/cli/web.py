"""The command `web`, which lets browsers into a room."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import platformdirs
import typer

from sockatuh.client.server_address import ServerAddress
from sockatuh.errors import AddressUnusable
from sockatuh.net.address import format_address, parse_server
from sockatuh.wording import web as wording

from .arguments import a_path
from .errors import ExitCode, Stopped
from .new_room import ConfigOption
from .rows import log_rows
from .web_page import print_code
from .web_settings import read_door
from .wrapping import print_folded

if TYPE_CHECKING:
    from sockatuh.web.service import Open, WebOptions

PORT: Final = 7680
HOST_NAME: Final = re.compile("[a-z0-9._-]{1,253}")
"""As in `web.names` of the settings."""
NEEDED: Final = ("starlette", "uvicorn", "segno")


def web(
    server: Annotated[str | None, typer.Argument(metavar="SERVER", help=wording.HELP_SERVER)] = None,
    config: ConfigOption = None,
    listen: Annotated[str | None, typer.Option("--listen", metavar="ADDRESS:PORT", help=wording.HELP_LISTEN)] = None,
    cert: Annotated[Path | None, typer.Option("--cert", parser=a_path, metavar="FILE", help=wording.HELP_CERT)] = None,
    key: Annotated[Path | None, typer.Option("--key", parser=a_path, metavar="FILE", help=wording.HELP_KEY)] = None,
    self_signed: Annotated[bool, typer.Option("--self-signed", help=wording.HELP_SELF_SIGNED)] = False,
    http: Annotated[bool, typer.Option("--http", help=wording.HELP_HTTP)] = False,
    qr: Annotated[bool, typer.Option("--qr", help=wording.HELP_QR)] = False,
    most: Annotated[int | None, typer.Option("--max", metavar="N", min=1, max=1_000, help=wording.HELP_MAX)] = None,
    names: Annotated[list[str] | None, typer.Option("--name", metavar="HOST", help=wording.HELP_NAME)] = None,
    state: Annotated[
        Path | None, typer.Option("--state", parser=a_path, metavar="DIR", help=wording.HELP_STATE)
    ] = None,
) -> None:
    """Serve the page until stopped."""
    if sum((cert is not None, self_signed, http)) > 1:
        raise typer.BadParameter(wording.ONE_OF_THREE)
    if key is not None and cert is None:
        raise typer.BadParameter(wording.KEY_WITHOUT_CERT)
    for name in names or ():
        if not HOST_NAME.fullmatch(name.lower()):
            raise typer.BadParameter(wording.not_a_name(name))
    place = _place(listen) if listen is not None else None
    try:
        from sockatuh.web.certificate import NO_KEY
        from sockatuh.web.service import CertificateUnusable, DirectoryInUse, WebOptions
        from sockatuh.web.way import is_here
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in NEEDED:
            raise Stopped(wording.not_installed(sys.executable), ExitCode.OTHER) from None
        raise
    here = read_door(config)
    door = here.door
    host, port = place or parse_server(door.listen, PORT)
    if cert is None and not (self_signed or http) and door.certificate:
        cert, key = Path(door.certificate), Path(door.key) if door.key else None
    room = ServerAddress.parse(server if server is not None else door.server)
    options = WebOptions(
        room,
        state or _state_directory(),
        host,
        port,
        encrypted=not http and (door.encryption != "off" or cert is not None or self_signed),
        cert=cert,
        key=key,
        live=most if most is not None else door.browsers,
        names=(*door.names, *(names or ())),
        barred=here.barred if is_here(room.host) and room.port == here.port else None,
    )
    try:
        _run(options, qr=qr)
    except CertificateUnusable as error:
        told = wording.certificate_unusable(error.path, error.reason)
        if error.reason == NO_KEY and key is None:
            told += f" {wording.KEY_ELSEWHERE}"
        raise Stopped(told, ExitCode.BAD_CONFIGURATION) from None
    except DirectoryInUse as error:
        raise Stopped(wording.already_open(error.path), ExitCode.OTHER) from None
    except AddressUnusable as error:
        where = format_address((error.host, error.port))
        raise Stopped(wording.cannot_listen(where, error.reason), ExitCode.OTHER) from None


def can_serve_web() -> bool:
    """Tell whether what the command needs is installed."""
    return all(find_spec(name) is not None for name in NEEDED)


def _run(options: WebOptions, *, qr: bool) -> None:
    from sockatuh import log
    from sockatuh.net.journal import is_journal
    from sockatuh.net.notify import Notifier
    from sockatuh.web.service import run

    notifier = Notifier.from_environment(os.environ)

    def announce(door: Open) -> None:
        for sentence in _told_of(door):
            print_folded(sentence)
        if qr:
            print_code(door.urls[0], sys.stderr)
            print(door.urls[0], file=sys.stderr)
        notifier.ready(wording.open_at(door.urls, door.room))

    with log.unblocked(sys.stderr) as stream:
        log.configure(
            "auto",
            "info",
            stream=stream,
            is_terminal=sys.stderr.isatty(),
            is_journal=is_journal(sys.stderr, os.environ),
            lay_out=log_rows,
        )
        asyncio.run(run(options, log.get_logger("sockatuh"), announce))


def _told_of(door: Open) -> list[str]:
    """Return what to say of an open door."""
    told = [wording.open_at(door.urls, door.room)]
    if door.certificate is not None:
        until = f"{door.certificate.ends:%Y-%m-%d}"
        if door.given is None:
            told.append(wording.certificate_is(door.certificate.sha256, until))
        elif door.certificate.ends <= datetime.now(UTC):
            told.append(wording.certificate_expired(str(door.given), until))
    if not door.encrypted:
        told.append(wording.NOT_ENCRYPTED)
    if not door.tells_browsers_apart:
        told.append(wording.ONE_SOURCE)
    if not door.answers:
        told.append(wording.no_room(door.room))
    if door.bans_unread is not None:
        path, reason = door.bans_unread
        told.append(wording.bans_unread(path, reason) if reason else wording.bans_elsewhere(path))
    return told


def _place(text: str) -> tuple[str, int]:
    """Return the host and the port of --listen."""
    try:
        return parse_server(text, PORT)
    except ValueError:
        raise typer.BadParameter(wording.not_a_place(text)) from None


def _state_directory() -> Path:
    """Return where the browsers' keys are kept: what the service manager made for that, or the user's own."""
    given = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return Path(given) if given else Path(platformdirs.user_state_dir("sockatuh")) / "web"
