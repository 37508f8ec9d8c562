"""The way into a room that all verbs share: which server, whether it is the right one, who comes, and out again."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from sockatuh.client.conversation import Conversation, ConversationOptions, Waits
from sockatuh.errors import ClientError, Refused
from sockatuh.protocol.identity import words
from sockatuh.protocol.peer_events import LinesDelayed
from sockatuh.room.text import clean_line
from sockatuh.store.client_files import ClientFiles, default_directory
from sockatuh.store.unsent import Unsent

from .entrance import Credentials, Entrance, given_password
from .membership import Membership
from .options import Trust, Wishes
from .patience import Patience
from .place import Place, find_place
from .questions import ask, tell
from .wording import client as phrases

FIRST_ANSWER: Final = 5.0
"""Seconds in which a server answers, if there is one: the handshake is repeated four times in them."""


@contextlib.asynccontextmanager
async def joined(wishes: Wishes) -> AsyncIterator[Membership]:
    """Come into the room, stay for the block, and leave; whatever is asked or told goes to stderr.

    Raises NoServer, NotStored, IdentityChanged, VersionMismatch, NameTaken, Refused and KeyFileError.
    """
    directory = default_directory(os.environ)
    files = ClientFiles(directory)
    place = find_place(wishes.server, os.environ, files)
    known_as = files.find_name(place.server)
    credentials = Credentials(wishes.name or known_as, given_password(wishes.password_file, os.environ), wishes.may_ask)
    patience = Patience(wishes.seconds)
    options = ConversationOptions(
        place.host,
        place.port,
        files.identity(),
        key=place.key,
        ticket=files.find_ticket(place.server) if wishes.name in (None, known_as) else None,
        transient=wishes.transient,
        cursor=wishes.cursor,
        history=wishes.history,
    )
    async with Conversation(options, _judge(place, wishes, patience), _tell_waiting) as conversation:
        connected = await conversation.open(patience.left(FIRST_ANSWER))
        room = clean_line(connected.room)
        if (pin := files.find_pin(place.server)) is None or pin.key != connected.server_key:
            files.pin(place.server, connected.server_key, room)
        try:
            admitted = await Entrance(conversation, credentials, patience).enter(resumed=connected.resumed)
            files.set_last_server(place.server)
            files.set_name(place.server, clean_line(admitted.name))
            yield Membership(
                conversation,
                room,
                admitted,
                lambda ticket: files.set_ticket(place.server, ticket),
                patience,
                Unsent(directory, place.server),
            )
        finally:
            with contextlib.suppress(ClientError):
                await conversation.leave()


def _tell_waiting(event: Waits) -> None:
    tell(phrases.delayed(event.wait) if isinstance(event, LinesDelayed) else phrases.HELD)


def _judge(place: Place, wishes: Wishes, patience: Patience) -> Callable[[bytes], Awaitable[bool]]:
    """Return what decides about the key of a server that was never met; a key is asked about once."""
    trusted: list[bytes] = []

    async def judge(key: bytes) -> bool:
        if wishes.trust is Trust.STRICT or (wishes.trust is Trust.ASK and not wishes.may_ask):
            raise Refused("unknown_server", detail=" ".join(words(key)))
        if wishes.trust is Trust.ASK and key not in trusted:
            with patience.paused():
                if ask(phrases.trust(place.server, words(key))).lower() not in phrases.YES:
                    return False
        trusted.append(key)
        return True

    return judge
