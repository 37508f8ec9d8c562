"""The parts of a room's server, made and wired together: without socket, thread or clock, so tests use it as well."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from sockatuh.log import Logger
from sockatuh.net.address import pack_address
from sockatuh.net.arrival import was_sent_to_all
from sockatuh.protocol.password_proof import PasswordHash
from sockatuh.protocol.server.door import ServerIdentity
from sockatuh.protocol.server.endpoint import Endpoint
from sockatuh.protocol.server.tickets import Tickets
from sockatuh.room.admission import PasswordGate
from sockatuh.room.log import Append, Lineage
from sockatuh.room.names import NameRules
from sockatuh.room.room import Room, RoomLimits

from .dialects.classic import MIN_PEERS, ClassicDialect
from .dialects.demux import Demux
from .dialects.resumption import Resumption
from .dialects.secure import SecureDialect
from .options import ServiceOptions
from .password_checks import PasswordDesk
from .room_server import RoomServer, RoomServerOptions
from .session_journal import Recorder, SessionJournal


class LogPort(msgspec.Struct, frozen=True):
    """What the server uses of its log: where it stands, and how to append to it or give it another id."""

    lineage: Lineage
    head: int
    put: Callable[[Append], None]
    resume: Callable[[], None]
    renew: Callable[[bytes, int], None]


class Parts(msgspec.Struct, frozen=True):
    """A room's server. `core` is what a driver runs; its events go to `room_server`."""

    endpoint: Endpoint
    secure: SecureDialect
    classic: ClassicDialect
    core: Demux
    room: Room
    desk: PasswordDesk
    room_server: RoomServer


def build(
    options: ServiceOptions,
    identity: ServerIdentity,
    tickets: Tickets,
    rules: NameRules,
    port: LogPort,
    recorder: Recorder,
    log: Logger,
    *,
    random: Callable[[int], bytes],
    wall: Callable[[], int],
) -> Parts:
    """Make the parts; `wall` gives milliseconds since 1970."""
    endpoint = Endpoint(
        identity,
        tickets,
        PasswordHash.parse(options.password_hash),
        log_id=port.lineage.log_id,
        head=port.head,
        limits=options.limits,
        random=random,
        pack_address=pack_address,
    )
    endpoint.nodes = options.nodes
    resumption = Resumption(endpoint, port.lineage, log, renew=port.renew, random=random)
    resumption.history_on_join = options.history_on_join
    journal = SessionJournal(log)
    secure = SecureDialect(endpoint, resumption, journal, recorder)
    classic = ClassicDialect(
        log,
        random,
        enabled=options.classic,
        networks=options.classic_networks,
        max_peers=classic_peers(options),
    )
    room = Room(rules, room_limits(options))
    desk = PasswordDesk(PasswordGate(random(32)))
    room_server = RoomServer(
        (secure, classic),
        room,
        desk,
        recorder,
        journal,
        log,
        room_server_options(options),
        put=port.put,
        resume=port.resume,
        random=random,
        wall=wall,
    )
    core = Demux(secure, classic, endpoint.dropped, was_sent_to_all=was_sent_to_all, discoverable=options.discoverable)
    return Parts(endpoint, secure, classic, core, room, desk, room_server)


def classic_peers(options: ServiceOptions) -> int:
    """Return how many addresses the classic dialect remembers."""
    return max(MIN_PEERS, options.max_members)


def room_server_options(options: ServiceOptions) -> RoomServerOptions:
    """Return the room server's share of the options."""
    return RoomServerOptions(options.log_texts, options.limits.text_bytes, options.announce_as)


def room_limits(options: ServiceOptions) -> RoomLimits:
    """Return the room's share of the options."""
    limits = options.limits
    guests = limits.guests, limits.guests_per_address
    return RoomLimits(
        options.max_members, options.name_ownership, limits.grace_seconds, *guests, options.join_lines_up_to
    )
