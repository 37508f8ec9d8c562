"""The way into a room that all verbs share: which server, whether it is the right one, who comes, and out again."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from sockatuh.client.deadline import Patience
from sockatuh.client.name_tags import NameTags
from sockatuh.client.profile import Profile, default_directory
from sockatuh.client.room_password import RoomPassword as LibraryPassword
from sockatuh.client.session import Conversation, ConversationOptions, Waits
from sockatuh.client.unsent import Unsent
from sockatuh.errors import ClientError, Refused
from sockatuh.net.address import format_address
from sockatuh.protocol.client.events import LinesDelayed, LinesHeld, Unreachable
from sockatuh.protocol.identity import words
from sockatuh.room.text import clean_line
from sockatuh.wording import admin as wording
from sockatuh.wording import client as phrases

from .echo import unseen
from .entrance import Credentials, Entrance, login_name
from .membership import Membership
from .memory import Memory
from .options import Trust, Wishes
from .place import Place, find_place
from .questions import ask, tell
from .roompassword import RoomPassword

FIRST_ANSWER: Final = 5.0
"""Seconds in which a server answers, if there is one: the handshake is repeated four times in them."""


@contextlib.asynccontextmanager
async def joined(wishes: Wishes) -> AsyncIterator[Membership]:
    """Come into the room, stay for the block, and leave; whatever is asked or told goes to stderr.

    Raises NoServer, NotStored, IdentityChanged, VersionMismatch, NameTaken, Refused and KeyFileError.
    """
    directory = default_directory(os.environ.get("SOCKATUH_CLIENT_DIR"))
    files = Profile(directory)
    place = find_place(wishes.server, os.environ, files)
    memory = Memory(files, place, wishes, login_name())
    password = RoomPassword(wishes.password_file, os.environ)
    credentials = Credentials(memory.name, password, wishes.may_ask)
    patience = Patience(wishes.seconds)
    tags = NameTags(directory, place.server)
    options = ConversationOptions(
        place.host,
        place.port,
        files.identity(),
        key=place.key,
        ticket=memory.ticket,
        role=wishes.role,
        cursor=wishes.wanted.after or 0,
        history=wishes.wanted.lines,
    )
    async with Conversation(options, _judge(place, wishes, patience), _tell_waiting) as conversation:
        with contextlib.ExitStack() as curtain:
            if wishes.may_ask:  # a password may come at any time from now on
                curtain.enter_context(unseen())
            connected = await conversation.open(patience.left(None if wishes.seconds else FIRST_ANSWER))
            room = clean_line(connected.room)
            memory.keep_key(connected.server_key, room)
            try:
                entrance = Entrance(conversation, credentials, patience)
                admitted = await entrance.enter(resumed=connected.resumed)
                curtain.close()
                if password.given is not None:
                    conversation.come_back(admitted.name, password.given)
                    known = LibraryPassword(password.given, password.look_again)

                    def mend(refused: Refused) -> bool:
                        if (another := known.another(refused)) is not None:
                            conversation.come_back(admitted.name, another)
                        return another is not None

                    conversation.mend = mend
                memory.keep_choices(admitted.name)
                yield Membership(
                    conversation,
                    room,
                    admitted,
                    lambda admitted: memory.keep_ticket(
                        admitted.name, admitted.ticket, came_by_ticket=entrance.came_by_ticket
                    ),
                    patience,
                    Unsent(directory, place.server),
                    password,
                    since=wishes.wanted.since,
                    tags=tags,
                )
            finally:
                tags.save()
                with contextlib.suppress(ClientError):
                    await conversation.leave()


def _tell_waiting(event: Waits) -> None:
    match event:
        case LinesDelayed(wait):
            tell(phrases.delayed(wait))
        case LinesHeld():
            tell(phrases.HELD)
        case Unreachable(obstacles):
            tell(phrases.still_trying(wording.in_the_way([(format_address(to), what) for to, what in obstacles])))


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
