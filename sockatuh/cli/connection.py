"""How every client command joins a room: options, environment and profile become the arguments of `connect`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from functools import partial

from sockatuh.client.connect import connect
from sockatuh.client.profile import Profile, default_directory
from sockatuh.client.room import Room
from sockatuh.client.server_address import ServerAddress
from sockatuh.errors import AddressUnclear, Refused
from sockatuh.wording import client as phrases

from .errors import ExitCode, stop
from .options import Wishes
from .sign_in import AtTerminal, given_password, login_name


@contextlib.asynccontextmanager
async def joined(wishes: Wishes, person: AtTerminal | None = None) -> AsyncIterator[Room]:
    """Join the room for the duration of the block; questions and notices go to stderr.

    Raises NoServer, NotStored, IdentityChanged, VersionMismatch, NameTaken, Refused and KeyFileError.
    """
    person = person or AtTerminal()
    try:
        if wishes.may_ask:
            person.hide()
        profile = profile_of(os.environ)
        address, follows = await _choose_server(wishes, os.environ, profile)
        async with connect(
            address,
            name=wishes.name,
            password=given_password(wishes.password_file, os.environ),
            profile=profile,
            trust=wishes.trust,
            questions=person if wishes.may_ask else None,
            on_notice=partial(person.take_notice, is_asked=wishes.may_ask),
            role=wishes.role,
            history=wishes.wanted.lines,
            after=wishes.wanted.after,
            since=wishes.wanted.since,
            patience=wishes.patience,
            login=login_name(),
            keeps_server=wishes.chooses and (bool(wishes.server) or not os.environ.get("SOCKATUH_SERVER")),
            keeps_name=wishes.chooses and wishes.may_ask and not wishes.name,
            keeps_rename=wishes.chooses and wishes.may_ask,
            keeps_place=wishes.reads,
            follows=follows,
        ) as room:
            yield room
    except Refused as refused:
        if refused.code == "name_missing":
            stop(phrases.ask_name(""), ExitCode.USAGE)
        raise
    finally:
        person.answered()


def profile_of(environ: Mapping[str, str]) -> Profile:
    """Return this person's profile."""
    return Profile(default_directory(environ.get("SOCKATUH_CLIENT_DIR")))


async def _choose_server(wishes: Wishes, environ: Mapping[str, str], profile: Profile) -> tuple[ServerAddress, bool]:
    """Return the server to join, and whether to look for it elsewhere if it does not answer.

    Only a `chat` that names no server looks for the last one, or for any room.
    """
    if wishes.chooses:
        from .finding import find_server_to_join, may_discover

        if may_discover(environ) and not (wishes.server or environ.get("SOCKATUH_SERVER")):
            if profile.find_last_server() is None:
                return await find_server_to_join(profile, may_ask=wishes.may_ask), False
            return find_server(None, environ, profile), True
    return find_server(wishes.server, environ, profile), False


def find_server(given: str | None, environ: Mapping[str, str], profile: Profile) -> ServerAddress:
    """Return the server that was given, else $SOCKATUH_SERVER, else that of the last chat."""
    text = given or environ.get("SOCKATUH_SERVER") or profile.find_last_server()
    if not text:
        stop(phrases.NO_SERVER_KNOWN, ExitCode.USAGE)
    return parse_server_address(text)


def parse_server_address(text: str) -> ServerAddress:
    """Return the server that a text names, or stop with a usage error."""
    try:
        return ServerAddress.parse(text)
    except AddressUnclear as error:
        stop(phrases.not_a_server(error.reason), ExitCode.USAGE)
