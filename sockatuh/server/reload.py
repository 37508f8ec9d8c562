"""Taking a changed configuration into a room that is open: nobody is dropped for it.

What can be taken is taken by the parts concerned, for whoever comes next; what was promised to a session stays. What
was fixed when the process began (its socket, its files, the room's name that clients were told) is named, and waits for
a restart. A configuration with a mistake changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Final

from sockatuh.errors import ConfigurationError
from sockatuh.protocol.server.endpoint import Endpoint
from sockatuh.protocol.server.tickets import password_generation
from sockatuh.room.room import Bounds, Room
from sockatuh.server.dialects.classic import ClassicDialect

from .options import ServiceOptions
from .password_checks import PasswordDesk
from .room_server import Bridge, BridgeOptions
from .visitors import Logger

NEEDS_RESTART: Final = frozenset({"host", "port", "room", "state_dir", "synchronous", "log_format"})
MIN_CLASSIC_PEERS: Final = 1024


@dataclass(frozen=True, slots=True)
class Change:
    """What a configuration changes: the options in force from now on, what was taken, what needs a restart."""

    options: ServiceOptions
    taken: tuple[str, ...]
    left: tuple[str, ...]


def change_of(before: ServiceOptions, fresh: ServiceOptions) -> Change:
    """Compare what is in force with what was read anew."""
    differing = [name for name in _NAMES if getattr(before, name) != getattr(fresh, name)]
    left = [name for name in differing if name in NEEDS_RESTART]
    # Whether texts are written at all was decided when the log was opened.
    if "message_retention" in differing and not (before.message_retention and fresh.message_retention):
        left.append("message_retention")
    options = replace(fresh, **{name: getattr(before, name) for name in left})
    return Change(options, tuple(name for name in differing if name not in left), tuple(left))


def classic_peers(options: ServiceOptions) -> int:
    """Return how many addresses the classic dialect remembers."""
    return max(MIN_CLASSIC_PEERS, options.max_members)


def bridge_options(options: ServiceOptions) -> BridgeOptions:
    """Return what the bridge is to know of the options."""
    return BridgeOptions(options.history_on_join, options.log_texts, options.limits.text_bytes)


def room_bounds(options: ServiceOptions) -> Bounds:
    """Return what the room is to know of the options."""
    limits = options.limits
    guests = limits.guests, limits.guests_per_address
    return Bounds(options.max_members, options.name_ownership, limits.grace_seconds, *guests)


class Reloader:
    """Tells the parts of a running server what was decided anew; each reload ends in a sentence."""

    def __init__(
        self,
        endpoint: Endpoint,
        classic: ClassicDialect,
        room: Room,
        desk: PasswordDesk,
        bridge: Bridge,
        log: Logger,
    ) -> None:
        self._endpoint, self._classic, self._room = endpoint, classic, room
        self._desk, self._bridge, self._log = desk, bridge, log

    def reload(self, before: ServiceOptions, fresh: ServiceOptions | Exception) -> tuple[Change, str]:
        """Take what has changed, unless it could not be read; return it, and what the service manager is told."""
        if isinstance(fresh, Exception):
            problems = "; ".join(map(str, fresh.problems)) if isinstance(fresh, ConfigurationError) else str(fresh)
            self._log.warning("configuration_refused", problems=problems, consequence="nothing was changed")
            return Change(before, (), ()), f"Configuration not taken: {problems}"
        change = change_of(before, fresh)
        self._tell(change)
        said = ["configuration reloaded"]
        if "password_hash" in change.taken:
            said.append(self._replace_password(change.options.password_hash))
        self._log.info("configuration_reloaded", changed=", ".join(change.taken) or "nothing")
        if change.left:
            self._log.warning("restart_needed", settings=", ".join(change.left))
            said.append(f"needs a restart: {', '.join(change.left)}")
        return change, "; ".join(said)

    def _tell(self, change: Change) -> None:
        options = change.options
        self._endpoint.replace_limits(options.limits)
        self._room.replace_bounds(room_bounds(options))
        self._bridge.replace_options(bridge_options(options))
        self._classic.replace_rules(
            enabled=options.classic, networks=options.classic_networks, max_peers=classic_peers(options)
        )
        if "classic" in change.taken:
            log_classic(self._log, options.classic, self._classic.members)

    def _replace_password(self, password_hash: str) -> str:
        self._endpoint.tickets.replace_generation(password_generation(password_hash))
        self._endpoint.void_tickets()
        self._desk.forget_password()
        staying = self._room.in_contact
        self._log.info("password_changed", members_staying=staying, tickets="void")
        return f"password changed: {staying} {'member stays' if staying == 1 else 'members stay'}, tickets are void"


def log_classic(log: Logger, enabled: bool, members: int) -> None:
    """Write down what it means that the classic dialect is on, or off from now on."""
    if enabled:
        log.warning("classic_dialect_on", consequence="what is said leaves in clear while such members are in")
    else:
        log.warning(
            "classic_dialect_off",
            members_staying=members,
            consequence="nobody else comes in; what is said goes to them",
        )


_NAMES: Final = tuple(each.name for each in fields(ServiceOptions))
