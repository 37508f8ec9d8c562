"""Turns a server's address into a `Room`: finds the server, checks its key, signs in, and leaves at the end."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Final

from sockatuh.errors import ClientError, IdentityChanged, Refused
from sockatuh.net.address import format_address
from sockatuh.protocol.client.events import (
    AddressesUnreachable,
    Admitted,
    HashWanted,
    LinesDelayed,
    LinesHeld,
    NameChanged,
)
from sockatuh.protocol.identity import Invite, tag
from sockatuh.protocol.noise import public_key
from sockatuh.room.text import clean_line

from . import items
from .carrier import Carry, UdpCarrier
from .deadline import Patience
from .items import ROLE_NUMBERS, LineStream, Notice, Role
from .memory import Memory
from .name_tags import NameTags
from .profile import Bookmark, Profile
from .reading import EARLIER, MOST_NEW, Reading
from .room import Room
from .room_password import RoomPassword
from .server_address import ServerAddress
from .session import Conversation, ConversationOptions, Waits
from .sign_in import PasswordAgain, Questions, SignIn, Trust
from .unsent import Unsent

FIRST_ANSWER: Final = 5.0
"""Seconds to wait for a first answer; the handshake is repeated four times in that time."""


@contextlib.asynccontextmanager
async def connect(
    server: str | Invite | ServerAddress,
    *,
    name: str | None = None,
    password: str | RoomPassword | None = None,
    profile: Profile | None = None,
    trust: Trust | str = Trust.ASK,
    questions: Questions | None = None,
    on_notice: Callable[[Notice], None] = lambda _: None,
    role: Role | str = Role.MEMBER,
    history: int | None = 0,
    after: int | None = None,
    since: int | None = None,
    patience: Patience | float | None = None,
    login: str = "",
    keeps_server: bool = False,
    keeps_name: bool = False,
    keeps_rename: bool = False,
    keeps_place: bool = False,
    follows: bool = False,
    source: str = "::",
    lines: LineStream | None = None,
    program: str = "sockatuh",
    carry: Carry | None = None,
) -> AsyncIterator[Room]:
    """Connect to a server and join its room; the room is left at the end of the block.

    `server` is a host, `host:port`, `[ipv6]:port` or an invite. `name` and `password` are asked for if they are not
    given and there are `questions`; a ticket in the `profile` stands in for the password. Without a profile nothing is
    remembered: the client has a new key each time, so the room takes it for somebody else.

    An unknown server has to prove that it knows the password before the client says it, and is pinned in the profile
    then; with `trust` "strict" it is refused. `on_notice` is called with what a person should know until the client is
    in the room.

    Earlier lines to begin with: the newest `history` (None: as many as the server gives), those `after` a seq, and none
    older than `since` (ms since 1970). `patience` is the most seconds that connecting may take, not counting the
    time a person takes to answer; `login` is the name to suggest where none is known. `keeps_server` and `keeps_name`
    remember the server and the name in the profile, as a chat does, and `keeps_rename` the name of a later
    `Room.rename`; `keeps_place` remembers how far was read, and begins there if no other beginning is asked for.
    `follows`: if a server whose key is pinned does not answer, look for it in the local networks, and remember its new
    address.

    `source` is the address of this machine to send from, `lines` the stream of lines to continue, `program` the name by
    which this client is known to the server's admin. `carry` makes what carries the datagrams.

    Raises AddressUnclear, NoServer, NotPrepared, NotStored, IdentityChanged, ServerUnproven, VersionMismatch,
    ClientOutdated, NameTaken, Refused and KeyFileError; AddressUnusable: this machine does not have the `source`.
    """
    address = server if isinstance(server, ServerAddress) else ServerAddress.parse(server)
    profile = Profile() if profile is None else profile
    patience = patience if isinstance(patience, Patience) else Patience(patience)
    password = password if isinstance(password, RoomPassword) else RoomPassword(password)
    role = Role(role)

    def tell_waits(event: Waits) -> None:
        match event:
            case LinesDelayed(wait):
                on_notice(items.Waiting(wait))
            case LinesHeld():
                on_notice(items.Waiting(None))
            case HashWanted():
                on_notice(items.Preparing())
            case AddressesUnreachable(obstacles):
                on_notice(items.Unreachable(tuple((format_address(to), what) for to, what in obstacles)))

    memory = Memory(profile, address, name, login if questions is None else None, role, on_notice)
    pin = profile.find_pin(address.server)
    if pin is not None and address.key is not None and pin.key != address.key:
        raise IdentityChanged(address.server, pin.key, address.key)
    key = pin.key if pin is not None else address.key
    continues = keeps_place and (history, after, since) == (None, None, None)
    bookmark = memory.bookmark if continues else None
    options = ConversationOptions(
        address.host,
        address.port,
        profile.identity(),
        key=key,
        nodes=(*address.nodes, *memory.nodes) if key is not None else (),
        ticket=memory.ticket,
        salt=memory.salt,
        role=ROLE_NUMBERS[role],
        cursor=bookmark.seq if bookmark is not None else after or 0,
        log_id=bookmark.log_id if bookmark is not None else None,
        earlier=EARLIER if continues else 0,
        newest=MOST_NEW if bookmark is not None else None,
        history=history,
        meets_nobody_new=Trust(trust) is Trust.STRICT,
        lines=lines,
        program=program,
    )
    carry = carry or partial(UdpCarrier, source=source)

    def tell_silence() -> None:
        on_notice(items.NoAnswerYet(address.server))

    async with Conversation(options, tell_waits, carry, tell_silence) as conversation:
        timeout, moved = patience.left(None if patience.seconds else FIRST_ANSWER), None
        if follows and pin is not None:
            from .discovery import seek_key  # no other command waits until it is loaded
            from .following import open_anywhere

            connected, moved = await open_anywhere(conversation, timeout, partial(seek_key, address.server, pin))
        else:
            connected = await conversation.open(timeout)
        if moved is not None and memory.move(moved):
            on_notice(items.Moved(clean_line(connected.room), moved.server, address.server))
            conversation.move((moved.host, moved.port))
            address = moved
        # A script is shown no events, so what it learnt would be reported to nobody.
        tags = NameTags(profile.directory, address.server) if role is not Role.SCRIPT else None
        if key is not None:
            memory.keep_key(key, clean_line(connected.room))
        try:
            sign_in = SignIn(conversation, memory.name, password, questions, on_notice, patience, login)
            admitted = await sign_in.enter(resumed=connected.resumed)
            title = clean_line(conversation.room)
            memory.keep_key(conversation.server_key, title)
            if questions is not None:
                questions.answered()
            if keeps_server:
                memory.keep_server()
            if keeps_name:
                memory.keep_name(admitted.name)
            if password.given is not None:
                with contextlib.suppress(Refused):
                    conversation.come_back(admitted.name, password.given)

            def keep_place(log_id: bytes, seq: int, at: int) -> None:
                memory.keep_bookmark(Bookmark(room.me, log_id, seq, at))

            reading = Reading(admitted, bookmark, keep_place if keeps_place else None)
            again = PasswordAgain(questions, password, lambda typed: conversation.come_back(room.me, typed))

            def remember(admitted: Admitted) -> None:
                reading.note_admission(admitted)
                memory.keep_nodes(admitted.nodes)
                memory.keep_salt(conversation.peer.salt)
                memory.keep_ticket(admitted.name, admitted.ticket, used_ticket=sign_in.used_ticket)
                again.admitted()

            def remember_rename(changed: NameChanged) -> None:
                if changed.ticket:
                    memory.keep_ticket(changed.name, changed.ticket, used_ticket=False)
                if keeps_rename and changed.request is not None:
                    memory.keep_name(changed.name)

            room = Room(
                conversation,
                title,
                admitted,
                lines=lines,
                unsent=Unsent(profile.directory if lines is None else None, address.server),
                tags=tags,
                password=password,
                tag=tag(public_key(options.private_key)),
                since=since,
                reading=reading,
                remember=remember,
                remember_rename=remember_rename,
                ask_password=lambda refused: again.mend(refused, room.fail),
            )
            try:
                yield room
            finally:
                again.close()
                reading.close()
                if room.unanswered:
                    room.keep_unsent()
                else:
                    room.forget_unsent()
                with contextlib.suppress(ClientError):
                    await room.leave()
        finally:
            if tags is not None:
                tags.save()
            with contextlib.suppress(ClientError):
                await conversation.leave()
